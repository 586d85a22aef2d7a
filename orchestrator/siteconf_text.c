// SPDX-License-Identifier: GPL-3.0-or-later
/* A growing text, and what may stand in it.
 *
 * Entry points: siteconf_text_add(), siteconf_text_take(), siteconf_text_plain(). Ownership: the text owns its
 * string until it is taken. Failure modes: none; memory that is gone ends the program (str_alloc()). What does
 * not pass siteconf_text_plain() never gets here: a quotation mark, a brace or a line break in a name would be
 * somebody's own line in the configuration of a server that runs as root. */
#include "orchestrator/siteconf_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

void
siteconf_text_add(struct siteconf_text *t, const char *fmt, ...)
{
	va_list args, again;
	int n;

	va_start(args, fmt);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (n < 0)
		abort();
	if (t->len + (size_t)n + 1 > t->cap) {
		t->cap = 2 * (t->len + (size_t)n + 1);
		t->s = str_realloc(t->s, t->cap);
	}
	vsnprintf(t->s + t->len, (size_t)n + 1, fmt, again);
	va_end(again);
	t->len += (size_t)n;
}

void
siteconf_text_ip(struct siteconf_text *t, const struct addr_ip *ip)
{
	char text[ADDR_IP_TEXT];

	siteconf_text_add(t, "%s", addr_ip_text(ip, text, sizeof(text)));
}

char *
siteconf_text_take(struct siteconf_text *t)
{
	char *s = t->s ? t->s : str_dup("");

	*t = (struct siteconf_text){.s = NULL};
	return s;
}

bool
siteconf_text_plain(const char *s)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/+=@~";

	return s[strspn(s, allowed)] == '\0';
}
