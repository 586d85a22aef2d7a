/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What belongs to bootd stands in the agent's file, and is given to it as a document of its own, whose messages name the file's lines.
 *
 * Entry point: agent_config_text_only(). Ownership: the result is the caller's. Failure modes: none; places beyond the text are its
 * end.
 */
#include "agent/agent_config_text.h"

#include "lib/str.h"

/* libyaml counts characters; a comment before the section may hold wider ones. */
static size_t
octets_before(const char *text, size_t len, size_t chars)
{
	size_t i = 0;

	while (i < len && chars > 0) {
		i++;
		while (i < len && ((unsigned char)text[i] & 0xc0) == 0x80)
			i++;
		chars--;
	}
	return i;
}

char *
agent_config_text_only(const char *text, size_t len, size_t from, size_t to)
{
	size_t begin = octets_before(text, len, from);
	size_t end = octets_before(text, len, to);
	char *out = str_alloc(end + 1);

	for (size_t i = 0; i < end; i++)
		out[i] = i >= begin || text[i] == '\n' ? text[i] : ' ';
	return out;
}
