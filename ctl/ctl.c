/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How netboot-ctl talks: data on stdout, talk and errors on stderr.
 *
 * Entry points: ctl_fail() for the error lines of DESIGN section 8, ctl_say() for the
 * rest. Ownership: nothing is kept. Failure modes: none; what a server said is escaped,
 * so that it cannot move the terminal's cursor.
 */
#include "ctl/ctl.h"

#include <stdarg.h>

#include "ctl/text.h"
#include "lib/str.h"

int
ctl_fail(
    const struct ctl *ctl, int exit_code, const char *subject, const struct error *err)
{
	const char *next = err->next;
	struct text line = {0};

	if (next[0] == '\0' && exit_code == CTL_USAGE)
		next = str_eq(err->code, "usage") ? "--help shows how"
						  : "correct it, then repeat";
	text_add_escaped(
	    &line, subject != NULL && subject[0] != '\0' ? subject : "netboot-ctl");
	text_add(&line, ": ");
	text_add_escaped(&line, err->code);
	text_add(&line, ": ");
	text_add_escaped(&line, err->text);
	if (next[0] != '\0') {
		text_add(&line, ": ");
		text_add_escaped(&line, next);
	}
	fflush(ctl->out);
	fprintf(ctl->err, "%s\n", text_str(&line));
	text_done(&line);
	return exit_code;
}

void
ctl_say(const struct ctl *ctl, const char *fmt, ...)
{
	struct text plain = {0}, line = {0};
	va_list ap;

	if (ctl->quiet)
		return;
	va_start(ap, fmt);
	text_addv(&plain, fmt, ap);
	va_end(ap);
	text_add_escaped(&line, text_str(&plain));
	fflush(ctl->out);
	fprintf(ctl->err, "%s\n", text_str(&line));
	fflush(ctl->err);
	text_done(&line);
	text_done(&plain);
}

bool
ctl_is_json(const struct ctl *ctl)
{
	return ctl->format == CTL_JSON || ctl->format == CTL_NDJSON;
}
