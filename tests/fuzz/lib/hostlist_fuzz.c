/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Host sets as typed: every name that comes out is a name, and the cap holds. */
#include "lib/hostlist.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = str_alloc(size + 1);
	struct hostlist list;
	struct error err;

	if (size > 0)
		memcpy(text, data, size);
	if (hostlist_parse(text, &list, &err) == 0) {
		assert(list.count > 0);
		for (size_t i = 0; i < list.count; i++) {
			const struct hostlist_term *t = &list.terms[i];

			assert(t->all + (t->name != NULL) + (t->label != NULL) == 1);
			assert(t->name == NULL || str_name_valid(t->name));
			assert((t->label == NULL) == (t->value == NULL));
		}
		hostlist_done(&list);
	}
	free(text);
	return 0;
}
