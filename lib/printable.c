/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which characters a person may be shown.
 *
 * Entry points: printable_char(), on which str_escape() and netboot-ctl's tables build, and
 * printable_clean() for text that is kept as it came. Ownership: none. Failure modes: none;
 * in doubt a character is not printable, and its octets are shown instead of it.
 *
 * What is refused: octets that are not UTF-8; controls (C1 too: U+009B begins an escape
 * sequence as ESC '[' does); what turns the writing direction, by which a text can be made to
 * read as another one; and what cannot be seen, by which two names that differ look the same.
 * Joiners are among these, although some scripts write with them.
 */
#include "lib/printable.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "lib/compiler.h"

/* Unicode's Cc, Cf, Zl, Zp and Default_Ignorable_Code_Point without ASCII, ascending. */
static const struct {
	uint32_t first, last;
} hidden[] = {
    {0x0080, 0x009f},	/* C1 controls */
    {0x00ad, 0x00ad},	/* soft hyphen */
    {0x034f, 0x034f},	/* combining grapheme joiner */
    {0x061c, 0x061c},	/* Arabic letter mark */
    {0x115f, 0x1160},	/* Hangul fillers */
    {0x17b4, 0x17b5},	/* Khmer inherent vowels */
    {0x180b, 0x180f},	/* Mongolian selectors */
    {0x200b, 0x200f},	/* zero-width space and joiners, direction marks */
    {0x2028, 0x202e},	/* line and paragraph separator, embeddings, overrides */
    {0x2060, 0x206f},	/* word joiner, invisible operators, isolates */
    {0x3164, 0x3164},	/* Hangul filler */
    {0xfdd0, 0xfdef},	/* noncharacters */
    {0xfe00, 0xfe0f},	/* variation selectors */
    {0xfeff, 0xfeff},	/* zero-width no-break space */
    {0xffa0, 0xffa0},	/* halfwidth Hangul filler */
    {0xfff0, 0xfffb},	/* interlinear annotation */
    {0x13430, 0x1343f}, /* hieroglyph format controls */
    {0x1bca0, 0x1bca3}, /* shorthand format controls */
    {0x1d173, 0x1d17a}, /* musical format controls */
    {0xe0000, 0xe0fff}, /* tags, variation selectors */
};

static bool
is_hidden(uint32_t c)
{
	if ((c & 0xfffe) == 0xfffe) /* noncharacters, the last two of each plane */
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(hidden) && hidden[i].first <= c; i++)
		if (c <= hidden[i].last)
			return true;
	return false;
}

/* The first octet's bits of the character and how many octets there are; 0 for none that
 * can begin one. */
static size_t
lead(uint8_t octet, uint32_t *ret_bits)
{
	size_t n = (octet & 0xe0) == 0xc0   ? 2
		   : (octet & 0xf0) == 0xe0 ? 3
		   : (octet & 0xf8) == 0xf0 ? 4
					    : 0;

	*ret_bits = octet & (0x7fu >> n);
	return n;
}

size_t
printable_char(const void *p, size_t len)
{
	/* Fewer octets would do below these ("over-long", RFC 3629 10). */
	static const uint32_t least[] = {[2] = 0x80, [3] = 0x800, [4] = 0x10000};
	const uint8_t *s = p;
	uint32_t c;
	size_t n;

	if (len == 0)
		return 0;
	if (s[0] < 0x80)
		return s[0] >= 0x20 && s[0] != 0x7f;
	n = lead(s[0], &c);
	if (n == 0 || n > len)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) || is_hidden(c))
		return 0;
	return n;
}

void
printable_clean(char *s)
{
	size_t left = strlen(s), n;

	for (; left > 0; s += n, left -= n) {
		n = printable_char(s, left);
		if (n > 0)
			continue;
		n = 1;
		if (*s != '\n' && *s != '\t')
			*s = '?';
	}
}
