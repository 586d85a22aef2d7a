/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is typed at a console, as a request has it: never more than there is room for, and a refusal says why. */
#include "lib/console_keys.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "lib/base64.h"
#include "lib/json.h"
#include "lib/str.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t zeros[CONSOLE_KEYS_MAX];
	char text[BASE64_SIZE(CONSOLE_KEYS_MAX)];
	struct console_keys k;
	struct error err = {.code = ""};
	json_t *v = json_parse((const char *)data, size, &err);

	if (v == NULL)
		return 0;
	if (console_keys_parse(v, &k, &err) == 0) {
		const char *said = json_string_value(json_object_get(v, "data"));

		assert(k.len <= CONSOLE_KEYS_MAX);
		base64_put(text, k.data, k.len);
		assert(strlen(text) == (said != NULL ? strlen(said) : 0));
	} else {
		assert(err.code[0] != '\0' && err.text[0] != '\0');
	}
	console_keys_done(&k);
	assert(memcmp(k.data, zeros, sizeof(k.data)) == 0);
	json_decref(v);
	return 0;
}
