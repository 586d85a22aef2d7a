/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text of strangers, escaped for people: UTF-8 in any case and at any size of the buffer, without a
 * control or a turn of the writing direction, and the same when it is escaped again. */
#include "lib/printable.h"

#include <assert.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/compiler.h"
#include "lib/str.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const char *s)
{
	/* C1, direction marks and overrides, isolates, zero-width space and joiners. */
	static const char *const never[] = {"\xc2\x80", "\xc2\x9b", "\xc2\x9f",
	    "\xe2\x80\x8b", "\xe2\x80\x8d", "\xe2\x80\x8e", "\xe2\x80\xa8",
	    "\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x81\xa9"};
	json_t *v = json_string(s);

	assert(v != NULL);
	json_decref(v);
	for (const char *p = s; *p != '\0'; p++)
		assert((unsigned char)*p >= 0x20 && *p != 0x7f);
	for (size_t i = 0; i < ARRAY_SIZE(never); i++)
		assert(strstr(s, never[i]) == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t room = 4 * size + 1, small = size > 0 ? 1 + data[0] % 64 : 1;
	char *whole = str_alloc(room), *again = str_alloc(room), part[64],
	     *note = str_alloc(size + 1);

	str_escape(whole, room, data, size);
	check(whole);
	str_escape(again, room, whole, strlen(whole));
	assert(strcmp(whole, again) == 0);
	str_escape(part, small, data, size);
	assert(strlen(part) < small);
	check(part);
	if (size > 0)
		memcpy(note, data, size);
	printable_clean(note);
	for (char *p = note; *p != '\0'; p++)
		if (*p == '\n' || *p == '\t')
			*p = ' ';
	check(note);
	free(note);
	free(again);
	free(whole);
	return 0;
}
