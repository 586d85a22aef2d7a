/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parsers of log lines have in common: names, the cursor, addresses, and what
 * syslog puts before a message.
 *
 * Entry points: logline_parse() picks the format's parser; logline_*() of logline_priv.h
 * are the cursor's.
 * Ownership: nothing is kept; a cursor borrows the line.
 * Failure modes: a line that is not understood says nothing. Nothing here looks beyond the
 * line's end, and no text of a line is longer than the member that takes it.
 */
#include "agent/logline.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "agent/logline_priv.h"
#include "lib/arch.h"
#include "lib/clock.h"
#include "lib/hex.h"
#include "lib/str.h"

enum { DUID_MAX = 130, DUID_LLT = 1, DUID_LL = 3, DUID_UUID = 4, HARDWARE_ETHERNET = 1 };

static const char *const format_names[LOGLINE_FORMATS] = {
    [LOGLINE_ISC_DHCP] = "isc-dhcp",
    [LOGLINE_KEA] = "kea",
    [LOGLINE_DNSMASQ] = "dnsmasq",
    [LOGLINE_TFTPD_HPA] = "tftpd-hpa",
    [LOGLINE_NGINX] = "nginx",
};

const char *
logline_format_name(enum logline_format f)
{
	assert((unsigned)f < LOGLINE_FORMATS);
	return format_names[f];
}

int
logline_format_parse(const char *s, enum logline_format *ret)
{
	for (unsigned i = 0; i < LOGLINE_FORMATS; i++) {
		if (str_eq(format_names[i], s)) {
			*ret = (enum logline_format)i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *
logline_class_name(enum logline_class c)
{
	switch (c) {
	case LOGLINE_CLASS_UNKNOWN: return NULL;
	case LOGLINE_CLASS_OS: return "os";
	case LOGLINE_CLASS_PXE: return "pxe";
	case LOGLINE_CLASS_HTTP: return "http";
	case LOGLINE_CLASS_IPXE: return "ipxe";
	}
	return NULL;
}

/* ---- the cursor ---- */

static size_t
left(const struct logline_text *t)
{
	return (size_t)(t->end - t->at);
}

bool
logline_skip(struct logline_text *t, const char *word)
{
	size_t n = strlen(word);

	if (left(t) < n || memcmp(t->at, word, n) != 0)
		return false;
	t->at += n;
	return true;
}

bool
logline_skip_past(struct logline_text *t, const char *mark)
{
	const char *p = memmem(t->at, left(t), mark, strlen(mark));

	if (p == NULL)
		return false;
	t->at = p + strlen(mark);
	return true;
}

bool
logline_has(const struct logline_text *t, const char *part)
{
	return memmem(t->at, left(t), part, strlen(part)) != NULL;
}

int
logline_word(struct logline_text *t, char *ret, size_t size)
{
	const char *blank = memchr(t->at, ' ', left(t));
	size_t n = blank == NULL ? left(t) : (size_t)(blank - t->at);

	if (n == 0 || n >= size || memchr(t->at, '\0', n) != NULL)
		return -EINVAL;
	memcpy(ret, t->at, n);
	ret[n] = '\0';
	t->at += blank == NULL ? n : n + 1;
	return 0;
}

void
logline_rest(const struct logline_text *t, char *ret, size_t size)
{
	size_t n = left(t);

	if (n >= size)
		n = size - 1;
	for (size_t i = 0; i < n; i++)
		ret[i] = t->at[i] == '\0' ? '?' : t->at[i];
	ret[n] = '\0';
}

int
logline_ip(struct logline_text *t, struct addr_ip *ret)
{
	struct logline_text copy = *t;
	char word[ADDR_IP_TEXT];
	int r = logline_word(&copy, word, sizeof(word));

	if (r < 0 || (r = addr_ip_parse(word, ret)) < 0)
		return r;
	*t = copy;
	return 0;
}

/* "0:3:0:1:52:54" up to what is neither digit nor colon; the number of octets, or -EINVAL. */
static int
hex_octets(struct logline_text *t, uint8_t *ret, int max)
{
	int n = 0;

	while (t->at < t->end && hex_digit(*t->at) >= 0) {
		int value = 0, digits = 0;

		while (t->at < t->end && hex_digit(*t->at) >= 0 && digits++ < 2)
			value = value * 16 + hex_digit(*t->at++);
		if (n == max)
			return -EINVAL;
		ret[n++] = (uint8_t)value;
		if (t->at == t->end || *t->at != ':')
			break;
		t->at++;
	}
	return n;
}

static int
take_mac(const uint8_t b[6], struct addr_mac *ret)
{
	static const struct addr_mac none;
	struct addr_mac mac;

	memcpy(mac.b, b, sizeof(mac.b));
	if ((mac.b[0] & 1) != 0 || addr_mac_eq(&mac, &none))
		return -EINVAL;
	*ret = mac;
	return 0;
}

int
logline_mac(struct logline_text *t, struct addr_mac *ret)
{
	struct logline_text copy = *t;
	uint8_t b[8];

	if (hex_octets(&copy, b, (int)sizeof(b)) != 6 || take_mac(b, ret) < 0)
		return -EINVAL;
	*t = copy;
	return 0;
}

int
logline_duid(struct logline_text *t, struct logline *ret)
{
	struct logline_text copy = *t;
	uint8_t b[DUID_MAX] = {0};
	int n = hex_octets(&copy, b, DUID_MAX);
	int at;

	if (n < 4 || b[0] != 0)
		return -EINVAL;
	if (b[1] == DUID_UUID && n == 18) {
		memcpy(ret->uuid.b, b + 2, sizeof(ret->uuid.b));
		ret->has_uuid = true;
	} else {
		at = b[1] == DUID_LL ? 4 : 8;
		if ((b[1] != DUID_LL && b[1] != DUID_LLT) || n != at + 6 || b[2] != 0 ||
		    b[3] != HARDWARE_ETHERNET || take_mac(b + at, &ret->mac) < 0)
			return -EINVAL;
		ret->has_mac = true;
	}
	*t = copy;
	return 0;
}

void
logline_vendor(const struct logline_text *t, struct logline *ret)
{
	struct logline_text v = *t;
	char digits[6] = "";
	int64_t arch;

	ret->class = LOGLINE_CLASS_OS;
	if (logline_skip(&v, "PXEClient"))
		ret->class = LOGLINE_CLASS_PXE;
	else if (logline_skip(&v, "HTTPClient"))
		ret->class = LOGLINE_CLASS_HTTP;
	else
		return;
	if (!logline_skip(&v, ":Arch:") || left(&v) < 5)
		return;
	memcpy(digits, v.at, 5);
	if (str_to_i64(digits, 0, ARCH_NONE - 1, &arch) == 0)
		ret->arch = (uint16_t)arch;
}

/* ---- syslog ---- */

static bool
take_digits(struct logline_text *t, int n, int *ret)
{
	for (*ret = 0; n > 0; n--, t->at++) {
		if (t->at == t->end || !isdigit((unsigned char)*t->at))
			return false;
		*ret = 10 * *ret + (*t->at - '0');
	}
	return true;
}

/* "Nov 26 01:45:31 ": no year and no zone. */
static bool
skip_old_date(struct logline_text *t, struct clock_local *ret)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct logline_text c = *t;
	struct clock_local l = {0};
	char month[4] = "";
	const char *found;

	if (left(&c) < sizeof("Nov 26 01:45:31"))
		return false;
	memcpy(month, c.at, 3);
	found = strstr(months, month);
	if (strlen(month) != 3 || found == NULL || (found - months) % 3 != 0)
		return false;
	l.month = (int)(found - months) / 3 + 1;
	c.at += 4;
	if (!(logline_skip(&c, " ") ? take_digits(&c, 1, &l.day)
				    : take_digits(&c, 2, &l.day)) ||
	    !logline_skip(&c, " ") || !take_digits(&c, 2, &l.hour) ||
	    !logline_skip(&c, ":") || !take_digits(&c, 2, &l.min) ||
	    !logline_skip(&c, ":") || !take_digits(&c, 2, &l.sec) ||
	    !logline_skip(&c, " "))
		return false;
	*ret = l;
	*t = c;
	return true;
}

/* "2026-11-26T01:45:31.123456+00:00 ", rsyslog's own. */
static bool
skip_new_date(struct logline_text *t, int64_t *ret)
{
	struct logline_text c = *t;
	char word[40];

	if (logline_word(&c, word, sizeof(word)) < 0 || clock_parse(word, ret) < 0)
		return false;
	*t = c;
	return true;
}

/* "program[123]: ", perhaps with the host's name before it. */
static void
skip_program(struct logline_text *t)
{
	for (int words = 0; words < 2; words++) {
		struct logline_text c = *t;
		char word[128];

		for (int before = 0; before <= words; before++) {
			if (logline_word(&c, word, sizeof(word)) < 0)
				return;
		}
		if (word[strlen(word) - 1] == ':') {
			*t = c;
			return;
		}
	}
}

void
logline_syslog(struct logline_text *t, struct logline *ret)
{
	if (skip_new_date(t, &ret->at) || skip_old_date(t, &ret->local))
		skip_program(t);
}

bool
logline_parse(enum logline_format f, const char *text, size_t len, struct logline *ret)
{
	struct logline_text t = {.at = text, .end = text + len};
	bool good = false;

	memset(ret, 0, sizeof(*ret));
	ret->arch = ARCH_NONE;
	ret->bytes = ret->total = -1;
	if (len > LOGLINE_MAX)
		return false;
	switch (f) {
	case LOGLINE_ISC_DHCP: good = logline_isc_parse(t, ret); break;
	case LOGLINE_KEA: good = logline_kea_parse(t, ret); break;
	case LOGLINE_DNSMASQ: good = logline_dnsmasq_parse(t, ret); break;
	case LOGLINE_TFTPD_HPA: good = logline_tftpd_parse(t, ret); break;
	case LOGLINE_NGINX: good = logline_nginx_parse(t, ret); break;
	case LOGLINE_FORMATS: break;
	}
	return good;
}
