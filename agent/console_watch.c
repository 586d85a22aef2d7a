/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The console's octets as lines, and the lines against the table.
 *
 * Entry points: console_watch_init(), console_watch_feed(), console_watch_idle().
 * Ownership: everything is in struct console_watch; a hit borrows its line.
 * Failure modes: none. Whatever a machine sends costs a bounded line and a bounded number of hits; a control
 * sequence without an end is given up at the next line or after its longest sensible length.
 *
 * Screens that firmware and installers paint on a serial line have no line ends: a movement of the cursor to another
 * place counts as one.
 */
#include "agent/console_watch.h"

#include <assert.h>
#include <string.h>

#include "lib/compiler.h"
#include "lib/hex.h"

/* ECMA-48 5.4; the states of console_watch.state. */
enum { TEXT, ESCAPE, CSI, STRING, STRING_ESCAPE, CHARSET };

void
console_watch_init(struct console_watch *w)
{
	assert(console_watch_table_n <= CONSOLE_WATCH_PATTERNS_MAX);
	memset(w, 0, sizeof(*w));
}

void
console_watch_renew(struct console_watch *w)
{
	memset(w->seen, 0, sizeof(w->seen));
	w->hits = 0;
}

/* ---- one line against one pattern ---- */

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool
char_fits(char p, char c)
{
	if (p == '#')
		return hex_digit(c) >= 0;
	if (p == '%')
		return c >= '0' && c <= '9';
	return lower(p) == lower(c);
}

/* Where the piece of pattern of n characters begins in the line, at `from` or later; len: nowhere. */
static size_t
find_piece(const char *piece, size_t n, const char *line, size_t len, size_t from)
{
	for (size_t at = from; n <= len && at <= len - n; at++) {
		size_t i = 0;

		while (i < n && char_fits(piece[i], line[at + i]))
			i++;
		if (i == n)
			return at;
	}
	return len;
}

/* The leftmost place of each piece in turn: if these do not fit, none do. */
bool
console_watch_match(const char *pattern, const char *line, size_t len)
{
	size_t from = 0;

	while (*pattern != '\0') {
		size_t n = strcspn(pattern, "*"), at;

		if (n > 0) {
			at = find_piece(pattern, n, line, len, from);
			if (at == len)
				return false;
			from = at + n;
		}
		pattern += n + (pattern[n] == '*');
	}
	return true;
}

/* The first row that fits: the table goes from narrow to wide. */
static void
look(struct console_watch *w, console_watch_fn *fn, void *arg)
{
	char line[CONSOLE_WATCH_LINE_MAX + 1];
	struct console_watch_hit hit = {.line = line};
	size_t i = 0;

	if (w->hits >= CONSOLE_WATCH_HITS_MAX)
		return;
	while (i < console_watch_table_n &&
	       !console_watch_match(console_watch_table[i].pattern, w->line, w->len))
		i++;
	if (i == console_watch_table_n)
		return;
	w->told = true;
	if (console_watch_table[i].class[0] == '\0' ||
	    w->seen[i] >= CONSOLE_WATCH_REPEATS_MAX)
		return;
	w->seen[i]++;
	w->hits++;
	memcpy(line, w->line, w->len);
	line[w->len] = '\0';
	hit.pattern = &console_watch_table[i];
	hit.last = w->hits == CONSOLE_WATCH_HITS_MAX;
	fn(arg, &hit);
}

static void
end_line(struct console_watch *w, console_watch_fn *fn, void *arg)
{
	if (w->len > 0 && !w->told)
		look(w, fn, arg);
	w->len = 0;
	w->told = false;
}

/* ---- octets to lines ---- */

static void
add(struct console_watch *w, char c, console_watch_fn *fn, void *arg)
{
	if (c == ' ' && w->len == 0)
		return;
	if (w->len == sizeof(w->line))
		end_line(w, fn, arg);
	w->line[w->len++] = c;
}

static void
on_text(struct console_watch *w, uint8_t c, console_watch_fn *fn, void *arg)
{
	if (c == 0x1b)
		w->state = ESCAPE;
	else if (c == '\n' || c == '\r' || c == '\f' || c == '\v')
		end_line(w, fn, arg);
	else if (c == '\b' && w->len > 0)
		w->len--;
	else if (c == '\t')
		add(w, ' ', fn, arg);
	else if (c >= 0x20 && c < 0x7f)
		add(w, (char)c, fn, arg);
	else if (c >= 0x80)
		add(w, '?', fn, arg); /* box drawing of either kind; not looked for */
}

/* The end of a CSI sequence (ECMA-48 8.3). */
static void
on_csi_end(struct console_watch *w, uint8_t c, console_watch_fn *fn, void *arg)
{
	/* Cursor to another line or place, or the screen cleared. */
	if (strchr("ABEFHJdf", c) != NULL)
		end_line(w, fn, arg);
	else if (c == 'C' || c == 'G')
		add(w, ' ', fn, arg);
	w->state = TEXT;
}

static void
on_escape(struct console_watch *w, uint8_t c, console_watch_fn *fn, void *arg)
{
	if (c == '[')
		w->state = CSI;
	else if (c == ']' || c == 'P' || c == '^' || c == '_' || c == 'X')
		w->state = STRING;
	else if (c == '(' || c == ')' || c == '#' || c == '%')
		w->state = CHARSET;
	else
		w->state = TEXT;
	if (c == 'D' || c == 'E' || c == 'M' || c == 'c')
		end_line(w, fn, arg);
}

static void
on_octet(struct console_watch *w, uint8_t c, console_watch_fn *fn, void *arg)
{
	/* Whatever a sequence was to be: text goes on behind the end of its line. */
	if ((c == '\n' || c == '\r') && w->state != TEXT)
		w->state = TEXT;
	switch (w->state) {
	case TEXT: on_text(w, c, fn, arg); break;
	case ESCAPE: on_escape(w, c, fn, arg); break;
	case CSI:
		if (c >= 0x40 && c <= 0x7e)
			on_csi_end(w, c, fn, arg);
		else if (c < 0x20 || c > 0x7e)
			w->state = TEXT;
		break;
	case STRING:
		if (c == 0x07 || c == 0x9c)
			w->state = TEXT;
		else if (c == 0x1b)
			w->state = STRING_ESCAPE;
		break;
	case STRING_ESCAPE: w->state = c == '\\' ? TEXT : STRING; break;
	default: w->state = TEXT; break; /* CHARSET: one octet */
	}
}

void
console_watch_feed(struct console_watch *w, const uint8_t *data, size_t len,
    console_watch_fn *fn, void *arg)
{
	for (size_t i = 0; i < len; i++)
		on_octet(w, data[i], fn, arg);
}

void
console_watch_idle(struct console_watch *w, console_watch_fn *fn, void *arg)
{
	if (w->len > 0 && !w->told)
		look(w, fn, arg);
}
