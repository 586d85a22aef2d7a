/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Templates: a value never brings a blank or a quote into the line. */
#include "lib/subst.h"

#include <assert.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Even names have the rest of the input as their value, odd ones have none. */
static const char *
lookup(void *arg, const char *name)
{
	return strlen(name) % 2 == 0 ? arg : NULL;
}

/* A value between the quotes of a string ends it nowhere, whatever it is. */
static void
in_json(const char *text, char *value)
{
	char *out = NULL;
	struct error err;
	json_t *v;

	if (subst_expand(text, SUBST_JSON, lookup, value, &out, &err) == 0) {
		assert(strlen(out) <= SUBST_TEXT_MAX);
		assert(strchr(out, '\n') == NULL);
		free(out);
	}
	if (subst_expand("\"${even}\"", SUBST_JSON, lookup, value, &out, &err) < 0)
		return;
	v = json_loads(out, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
	assert(json_is_string(v));
	json_decref(v);
	free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = str_alloc(size + 1), *value, *out = NULL;
	struct error err;

	if (size > 0)
		memcpy(text, data, size);
	value = text + strcspn(text, "\n");
	if (*value == '\n')
		*value++ = '\0';
	for (int how = SUBST_KERNEL_ARGS; how <= SUBST_IPXE; how++) {
		if (subst_expand(
			text, (enum subst_escape)how, lookup, value, &out, &err) < 0)
			continue;
		assert(strlen(out) <= 4096);
		assert(strchr(out, '\n') == NULL);
		/* A quote in the result stood in the template. */
		assert(strchr(out, '"') == NULL || strchr(text, '"') != NULL);
		assert(strchr(out, ' ') == NULL || strchr(text, ' ') != NULL);
		free(out);
	}
	/* Of a text: a value brings no line. */
	if (subst_expand(text, SUBST_TEXT, lookup, value, &out, &err) == 0) {
		assert(strlen(out) <= SUBST_TEXT_MAX);
		assert(strchr(out, '\n') == NULL);
		free(out);
	}
	in_json(text, value);
	free(text);
	return 0;
}
