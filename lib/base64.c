/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Base64.
 *
 * Entry points: base64_put(), base64_get().
 * Ownership: none; buffers are the caller's.
 * Failure modes: a text with another character, or without its padding, is refused as a whole.
 */
#include "lib/base64.h"

#include <errno.h>
#include <string.h>

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
base64_put(char *ret, const void *octets, size_t n)
{
	const uint8_t *p = octets;

	for (; n > 0; ret += 4) {
		size_t k = n < 3 ? n : 3;
		uint32_t v = (uint32_t)p[0] << 16 | (k > 1 ? (uint32_t)p[1] << 8 : 0) |
			     (k > 2 ? p[2] : 0);

		ret[0] = digits[v >> 18];
		ret[1] = digits[v >> 12 & 63];
		ret[2] = k > 1 ? digits[v >> 6 & 63] : '=';
		ret[3] = k > 2 ? digits[v & 63] : '=';
		p += k;
		n -= k;
	}
	*ret = '\0';
}

static int
value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int
base64_get(const char *s, void *ret, size_t size, size_t *ret_n)
{
	size_t len = strlen(s), n = 0, pad = 0;
	uint8_t *out = ret;

	if (len % 4 != 0)
		return -EINVAL;
	if (len > 0)
		pad = (size_t)(s[len - 1] == '=') +
		      (s[len - 1] == '=' && s[len - 2] == '=');
	if (len / 4 * 3 - pad > size)
		return -EINVAL;
	for (size_t i = 0; i < len; i += 4) {
		size_t k = i + 4 == len ? 3 - pad : 3;
		uint32_t v = 0;

		for (size_t j = 0; j < 4; j++) {
			int d = j <= k ? value(s[i + j]) : 0;

			if (d < 0)
				return -EINVAL;
			v = v << 6 | (uint32_t)d;
		}
		for (size_t j = 0; j < k; j++)
			out[n++] = (uint8_t)(v >> (16 - 8 * j));
	}
	*ret_n = n;
	return 0;
}
