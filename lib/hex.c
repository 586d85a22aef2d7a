/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hexadecimal digits, to and fro.
 *
 * Entry points: those of the header. Pure; ownership: the caller's buffers, whose sizes follow from n. What lies
 * behind the digits, and how many there must be, is the caller's to check. */
#include "lib/hex.h"

#include <errno.h>
#include <stdint.h>

int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

void
hex_put(char *ret, const void *octets, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *b = octets;

	for (size_t i = 0; i < n; i++) {
		*ret++ = digits[b[i] >> 4];
		*ret++ = digits[b[i] & 15];
	}
	*ret = '\0';
}

int
hex_get(const char *s, void *ret, size_t n)
{
	uint8_t *b = ret;

	for (size_t i = 0; i < n; i++) {
		int high = hex_digit(s[2 * i]);
		int low = high < 0 ? -1 : hex_digit(s[2 * i + 1]);

		if (low < 0)
			return -EINVAL;
		b[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}
