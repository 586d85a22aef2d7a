/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON in tests, written with ' for ", for the reader's sake. */
#ifndef TESTS_UNIT_QUOTED_H
#define TESTS_UNIT_QUOTED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/json.h"
#include "lib/str.h"

/* The document, owned by the caller; a text that is none fails the test. */
static inline json_t *
quoted(const char *text)
{
	struct error err = {.text = ""};
	char *copy = str_dup(text);
	json_t *v;

	for (char *p = copy; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	v = json_parse(copy, strlen(copy), &err);
	if (v == NULL)
		fail_msg("%s: %s", text, err.text);
	free(copy);
	return v;
}

#endif
