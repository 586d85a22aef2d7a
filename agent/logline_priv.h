/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parsers of the formats share: a cursor over a line of text. */
#ifndef AGENT_LOGLINE_PRIV_H
#define AGENT_LOGLINE_PRIV_H

#include "agent/logline.h"

/* The rest of a line. */
struct logline_text {
	const char *at, *end;
};

/* Takes `word` off the front; false, and nothing taken, when it is not there. */
bool
logline_skip(struct logline_text *t, const char *word);
/* Goes behind the next `mark`; false, and nothing taken, when there is none. */
bool
logline_skip_past(struct logline_text *t, const char *mark);
/* Takes what stands before the next blank, or the end, and the blank. -EINVAL when that is nothing or does
 * not fit. */
int
logline_word(struct logline_text *t, char *ret, size_t size) MUST_CHECK;
/* The rest, clipped to what fits. */
void
logline_rest(const struct logline_text *t, char *ret, size_t size);
bool
logline_has(const struct logline_text *t, const char *part);
int
logline_ip(struct logline_text *t, struct addr_ip *ret) MUST_CHECK;
/* Octets of one or two digits, as dhcpd's binary-to-ascii() prints them. */
int
logline_mac(struct logline_text *t, struct addr_mac *ret) MUST_CHECK;
/* The link-layer address or UUID that a DUID is made of (RFC 8415 11, RFC 6355): "00:03:00:01:52:54:…". -EINVAL
 * when it is neither. */
int
logline_duid(struct logline_text *t, struct logline *ret) MUST_CHECK;
/* "PXEClient:Arch:00007:UNDI:003000" or "HTTPClient:…" at the front of t: class and arch. */
void
logline_vendor(const struct logline_text *t, struct logline *ret);
/* Behind "Nov 26 01:45:31 host program[pid]: " or "2026-11-26T01:45:31.5+00:00 host program[pid]: ", if one stands
 * there; the time when it is one with a zone. */
void
logline_syslog(struct logline_text *t, struct logline *ret);

bool
logline_isc_parse(struct logline_text t, struct logline *ret);
bool
logline_kea_parse(struct logline_text t, struct logline *ret);
bool
logline_dnsmasq_parse(struct logline_text t, struct logline *ret);
bool
logline_tftpd_parse(struct logline_text t, struct logline *ret);
bool
logline_nginx_parse(struct logline_text t, struct logline *ret);

#endif
