/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Image arguments and a label, separated by the first line feed: whatever they hold, a
 * script that is built has exactly the commands that script.c wrote. */
#include "agent/script.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const char *text)
{
	static const char *const begins[] = {"#!ipxe", "# ticket ", "isset ", "imgfree ",
	    "kernel ", "initrd ", "boot ", ":failed", "imgfree ", "inc ", "iseq ",
	    "echo ", "sleep ", "chain ", ":give_up", "echo ", "exit 1"};
	size_t n = 0;

	for (const char *line = text; *line != '\0'; n++) {
		size_t len = strcspn(line, "\n");

		if (n >= ARRAY_SIZE(begins) || !str_has_prefix(line, begins[n]))
			abort();
		if (str_has_prefix(line, "kernel ")) {
			const char *bar = memmem(line, len, "||", 2);

			/* One command, and its one alternative. */
			if (memmem(line, len, "&&", 2) != NULL || bar == NULL ||
			    len - (size_t)(bar - line) != strlen("|| goto failed"))
				abort();
		}
		line += len + 1;
	}
	if (n != ARRAY_SIZE(begins))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct ticket ticket = {
	    .id = "01m8186kgj3sd2xm", .token = "0123456789abcdefghjkmnpqrs"};
	struct bundle *b = str_alloc(sizeof(*b));
	struct script_params p = {
	    .bundle = b, .ticket = &ticket, .site = "los", .url = "http://10.77.0.1"};
	char *input = str_alloc(size + 1);
	char *label, *text = NULL;
	struct error err;

	memcpy(input, data, size);
	label = strchr(input, '\n');
	if (label != NULL)
		*label++ = '\0';
	str_clip(b->image.args, sizeof(b->image.args), input);
	str_clip(b->host.labels[0].key, sizeof(b->host.labels[0].key), "x");
	str_clip(
	    b->host.labels[0].value, sizeof(b->host.labels[0].value), label ? label : "");
	b->host.n_labels = 1;
	str_clip(b->host.name, sizeof(b->host.name), "edge01");
	b->host.nics[0].mac.b[5] = 1;
	b->host.n_nics = 1;
	str_clip(b->image.kernel.name, sizeof(b->image.kernel.name), "vmlinuz");
	str_clip(b->image.initrds[0].name, sizeof(b->image.initrds[0].name), "initrd");
	b->image.n_initrds = 1;
	if (script_build(&p, &text, &err) == 0)
		check(text);
	free(text);
	free(input);
	free(b);
	return 0;
}
