/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Escapes in what is typed.
 *
 * Entry points: escape_take().
 * Ownership: none.
 * Failure modes: none; '~' and a character that is no escape are both typed.
 */
#include "ctl/escape.h"

const char escape_help[] = "escapes, at the beginning of a line:\r\n"
			   "  ~.  leave\r\n"
			   "  ~B  send a break\r\n"
			   "  ~?  this help\r\n"
			   "  ~~  type ~\r\n";

static enum escape_what
meaning(uint8_t c)
{
	switch (c) {
	case '.': return ESCAPE_LEAVE;
	case '?': return ESCAPE_HELP;
	case 'B': return ESCAPE_BREAK;
	default: return ESCAPE_NONE;
	}
}

enum escape_what
escape_take(struct escape *e, const uint8_t **p, size_t *n, uint8_t *out, size_t *ret_out)
{
	size_t k = 0;

	while (*n > 0) {
		uint8_t c = *(*p)++;
		enum escape_what what;

		--*n;
		if (e->tilde) {
			e->tilde = false;
			what = meaning(c);
			if (what != ESCAPE_NONE) {
				*ret_out = k;
				return what;
			}
			out[k++] = '~';
			e->inside = true;
			if (c == '~')
				continue;
		} else if (!e->inside && c == '~') {
			e->tilde = true;
			continue;
		}
		out[k++] = c;
		e->inside = c != '\r' && c != '\n';
	}
	*ret_out = k;
	return ESCAPE_NONE;
}
