/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Health gates as typed: what is taken is written so that it is read as the same, and a host's names bring nothing but themselves. */
#include "lib/gate_check.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
ask(const struct gate_check *c)
{
	static const struct gate_check_names names = {
	    .host = "edge01", .ip = "2001:db8::1"};
	char *url, *argv[GATE_CHECK_ARGS + 2];
	struct error err;

	if (c->kind == GATE_CHECK_HTTP) {
		assert(gate_check_url(c, &names, &url, &err) == 0);
		assert(str_has_prefix(url, "http://") || str_has_prefix(url, "https://"));
		assert(strpbrk(url, " \t\r\n#@") == NULL ||
		       strchr(strchr(url, ':') + 3, '@') != NULL);
		free(url);
	} else if (c->kind == GATE_CHECK_EXEC) {
		assert(gate_check_argv(c, &names, argv, &err) == 0);
		assert(argv[0] != NULL && strchr(argv[0], '/') == NULL &&
		       argv[0][0] != '.' && argv[0][0] != '-');
		gate_check_argv_done(argv);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = str_alloc(size + 1);
	char once[GATE_CHECK_TEXT], twice[GATE_CHECK_TEXT];
	struct gate_check c, again;
	struct error err;

	if (size > 0)
		memcpy(text, data, size);
	if (gate_check_parse(text, &c, &err) == 0) {
		gate_check_text(&c, once);
		assert(once[0] != '\0');
		assert(gate_check_parse(once, &again, &err) == 0);
		assert(again.kind == c.kind && again.port == c.port &&
		       again.min == c.min && again.max == c.max &&
		       str_eq(again.what, c.what));
		assert(str_eq(gate_check_text(&again, twice), once));
		ask(&c);
	} else {
		assert(str_eq(err.code, "bad-gate") && err.next[0] != '\0');
	}
	free(text);
	return 0;
}
