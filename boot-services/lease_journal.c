/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DHCPv4 leases as lines of a journal (line_journal.c).
 *
 *     netboot-leases 1
 *     5f3a0c11 10.77.0.50 10.77.0.0 01-525400770001 B -k 1764003600000000 3600000000
 *     checksum address    subnet    client          state, flags, until, length
 *
 * Times are wall time, UTC, and like the length in microseconds. State is B (bound), F
 * (released) or D (declined); flags are f (fixed address) and k (the client is in the
 * host table).
 *
 * Everything else is the journal's; this file only knows what a line says. */
#include "boot-services/lease_journal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/addr.h"
#include "lib/str.h"

static char
state_letter(enum dhcp4_lease_state state)
{
	switch (state) {
	case DHCP4_LEASE_BOUND: return 'B';
	case DHCP4_LEASE_DECLINED: return 'D';
	case DHCP4_LEASE_FREE:
	case DHCP4_LEASE_OFFERED: break;
	}
	return 'F';
}

static size_t
format_body(const void *record, char *body, size_t size)
{
	const struct dhcp4_lease_record *r = record;
	struct addr_ip ip = addr_ip_make_v4(r->ip),
		       net = addr_ip_make_v4(r->client.subnet);
	char ip_text[ADDR_IP_TEXT], net_text[ADDR_IP_TEXT], key[DHCP4_KEY_TEXT];

	/* The longest line is 154 octets: the buffers hold every record. */
	return (size_t)snprintf(body, size, "%s %s %s %c %c%c %lld %lld",
	    addr_ip_text(&ip, ip_text, sizeof(ip_text)),
	    addr_ip_text(&net, net_text, sizeof(net_text)),
	    r->state == DHCP4_LEASE_DECLINED
		? "-"
		: dhcp4_class_key_text(&r->client.key, key, sizeof(key)),
	    state_letter(r->state), r->fixed ? 'f' : '-', r->known ? 'k' : '-',
	    (long long)r->until, (long long)r->length);
}

static int
parse_ip(const char *s, uint32_t *ret)
{
	struct in_addr in;

	if (!s || inet_pton(AF_INET, s, &in) != 1)
		return -EINVAL;
	*ret = ntohl(in.s_addr);
	return 0;
}

static int
parse_state(const char *s, const char *flags, struct dhcp4_lease_record *r)
{
	if (!s || !flags || strlen(s) != 1 || strlen(flags) != 2)
		return -EINVAL;
	switch (s[0]) {
	case 'B': r->state = DHCP4_LEASE_BOUND; break;
	case 'F': r->state = DHCP4_LEASE_FREE; break;
	case 'D': r->state = DHCP4_LEASE_DECLINED; break;
	default: return -EINVAL;
	}
	r->fixed = flags[0] == 'f';
	r->known = flags[1] == 'k';
	return 0;
}

static int
parse_body(char *body, void *ret_record)
{
	struct dhcp4_lease_record r = {0};
	char *word[7];

	for (size_t i = 0; i < ARRAY_SIZE(word); i++) {
		word[i] = strsep(&body, " ");
		if (!word[i])
			return -EINVAL;
	}
	if (parse_ip(word[0], &r.ip) < 0 || parse_ip(word[1], &r.client.subnet) < 0 ||
	    parse_state(word[3], word[4], &r) < 0 ||
	    str_to_i64(word[5], 0, INT64_MAX, &r.until) < 0 ||
	    str_to_i64(word[6], 0, INT64_MAX, &r.length) < 0)
		return -EINVAL;
	if (r.state != DHCP4_LEASE_DECLINED &&
	    dhcp4_class_key_parse(word[2], strlen(word[2]), &r.client.key) < 0)
		return -EINVAL;
	*(struct dhcp4_lease_record *)ret_record = r;
	return 0;
}

const struct line_journal_kind lease_journal_kind = {
    .file = "leases4",
    .temporary = "leases4.new",
    .header = "netboot-leases 1\n",
    .header_any = "netboot-leases ",
    .record_size = sizeof(struct dhcp4_lease_record),
    .format = format_body,
    .parse = parse_body,
};
