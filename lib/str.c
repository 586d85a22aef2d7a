/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small text helpers that refuse instead of truncating, and the allocator wrappers.
 *
 * Entry points: str_copy()/str_format() for text that means something, str_clip() for
 * text only people read, str_escape() for text that came from outside, str_to_*() for
 * numbers as typed. Ownership: str_alloc(), str_dup(), str_realloc() results belong to
 * the caller, who free()s them. Failure modes: a text that does not fit leaves dst "", so
 * that a forgotten check cannot act on half a name; out of memory aborts (sizes are
 * capped before they get here).
 */
#include "lib/str.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/printable.h"

enum { STR_NAME_MAX = 253, STR_LABEL_MAX = 63 };

int
str_copy(char *dst, size_t size, const char *src)
{
	size_t len = strlen(src);

	if (len >= size) {
		if (size > 0)
			dst[0] = '\0';
		return -ENAMETOOLONG;
	}
	memcpy(dst, src, len + 1);
	return 0;
}

void
str_clip(char *dst, size_t size, const char *src)
{
	size_t len = strlen(src);

	if (size == 0)
		return;
	if (len >= size) {
		len = size - 1;
		/* The cut goes before a character and not into it (RFC 3629 3): half of one
		 * makes the whole text unfit for JSON. */
		for (int i = 0; i < 3 && len > 0 && (src[len] & 0xc0) == 0x80; i++)
			len--;
	}
	memmove(dst, src, len);
	dst[len] = '\0';
}

int
str_format(char *dst, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(dst, size, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= size) {
		if (size > 0)
			dst[0] = '\0';
		return -ENAMETOOLONG;
	}
	return 0;
}

/* The form of what stands at p, and how many octets of it were taken; returns its length. */
static size_t
escape_one(const uint8_t *p, size_t len, char out[5], size_t *ret_taken)
{
	size_t n = printable_char(p, len);

	*ret_taken = n > 0 ? n : 1;
	if (n > 0)
		memcpy(out, p, n);
	else
		n = (size_t)snprintf(out, 5, "\\x%02x", *p);
	return n;
}

const char *
str_escape(char *dst, size_t size, const void *src, size_t len)
{
	const uint8_t *p = src;
	size_t used = 0, safe = 0, i, taken;
	char one[5];

	if (size == 0)
		return dst;
	for (i = 0; i < len; i += taken) {
		size_t n = escape_one(p + i, len - i, one, &taken);

		if (used + n >= size)
			break;
		memcpy(dst + used, one, n);
		used += n;
		/* Where "..." may begin without cutting a character or an escape in two. */
		if (used + 3 < size)
			safe = used;
	}
	if (i < len) {
		size_t dots = size > 3 ? 3 : size - 1;

		memset(dst + safe, '.', dots);
		used = safe + dots;
	}
	dst[used] = '\0';
	return dst;
}

int
str_to_i64(const char *s, int64_t min, int64_t max, int64_t *ret)
{
	const char *digits = s[0] == '-' ? s + 1 : s;
	long long v;

	/* strtoll() would take blanks, '+' and an empty string. */
	if (digits[0] == '\0' || strspn(digits, "0123456789") != strlen(digits))
		return -EINVAL;
	errno = 0;
	v = strtoll(s, NULL, 10);
	if (errno == ERANGE || v < min || v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

bool
str_eq(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

bool
str_has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static bool
is_name_edge(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_';
}

static bool
label_valid(const char *s, size_t len)
{
	if (len == 0 || len > STR_LABEL_MAX)
		return false;
	if (!is_name_edge(s[0]) || !is_name_edge(s[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_name_edge(s[i]) && s[i] != '-')
			return false;
	return true;
}

bool
str_name_valid(const char *s)
{
	if (s == NULL || strlen(s) > STR_NAME_MAX)
		return false;
	for (;;) {
		size_t len = strcspn(s, ".");

		if (!label_valid(s, len))
			return false;
		if (s[len] == '\0')
			return true;
		s += len + 1;
	}
}

void *
str_alloc(size_t n)
{
	void *p = calloc(1, n > 0 ? n : 1);

	if (p == NULL)
		abort();
	return p;
}

char *
str_dup(const char *s)
{
	char *copy;

	if (s == NULL)
		return NULL;
	copy = strdup(s);
	if (copy == NULL)
		abort();
	return copy;
}

void *
str_realloc(void *p, size_t n)
{
	void *q = realloc(p, n > 0 ? n : 1);

	if (q == NULL)
		abort();
	return q;
}

/* Microseconds of a unit letter, 0 for none. */
static int64_t
duration_unit(char c)
{
	switch (c) {
	case 's': return 1000000LL;
	case 'm': return 60 * 1000000LL;
	case 'h': return 3600 * 1000000LL;
	case 'd': return 86400 * 1000000LL;
	default: return 0;
	}
}

int
str_to_duration(const char *s, int64_t *ret_us)
{
	int64_t total = 0, last_unit = INT64_MAX;

	if (s[0] == '\0')
		return -EINVAL;
	while (s[0] != '\0') {
		size_t digits = strspn(s, "0123456789");
		char number[20];
		int64_t n, unit, part;

		if (digits == 0)
			return -EINVAL;
		if (digits >= sizeof(number))
			return -ERANGE;
		memcpy(number, s, digits);
		number[digits] = '\0';
		if (str_to_i64(number, 0, INT64_MAX, &n) < 0)
			return -ERANGE;
		s += digits;
		/* A bare number is seconds, but only alone: "1h30" could mean either. */
		if (s[0] == '\0' && last_unit == INT64_MAX)
			unit = duration_unit('s');
		else
			unit = duration_unit(*s++);
		if (unit == 0 || unit >= last_unit)
			return -EINVAL;
		last_unit = unit;
		if (__builtin_mul_overflow(n, unit, &part) ||
		    __builtin_add_overflow(total, part, &total))
			return -ERANGE;
	}
	*ret_us = total;
	return 0;
}

const char *
str_duration(int64_t us, char *buf, size_t size)
{
	int64_t sec = us / 1000000;

	if (us < 0)
		us = sec = 0;
	if (sec < 10)
		snprintf(
		    buf, size, "%" PRId64 ".%" PRId64 "s", sec, us % 1000000 / 100000);
	else if (sec < 60)
		snprintf(buf, size, "%" PRId64 "s", sec);
	else if (sec < 3600)
		snprintf(buf, size, "%" PRId64 "m%02" PRId64 "s", sec / 60, sec % 60);
	else if (sec < 86400)
		snprintf(
		    buf, size, "%" PRId64 "h%02" PRId64 "m", sec / 3600, sec / 60 % 60);
	else
		snprintf(buf, size, "%" PRId64 "d%02" PRId64 "h", sec / 86400,
		    sec / 3600 % 24);
	return buf;
}

const char *
str_bytes(int64_t bytes, char *buf, size_t size)
{
	static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
	double v = (double)bytes;
	size_t unit = 0;

	if (bytes < 1000) {
		snprintf(buf, size, "%" PRId64 " B", bytes);
		return buf;
	}
	v /= 1000;
	/* 999.95 and above would print as "1000.0". */
	while (v >= 999.95 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		v /= 1000;
		unit++;
	}
	snprintf(buf, size, "%.1f %s", v, units[unit]);
	return buf;
}
