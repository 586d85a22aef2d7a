/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DHCPv6 leases as lines of a journal (line_journal.c).
 *
 *     netboot-leases6 1
 *     5f3a0c11 fd77::50 fd77:: m-525400770001 0004… B -k- 1764003600000000 3600000000 1a2b3c4d,00000001
 *     checksum address  subnet client         DUID  state, flags, until, length, IAIDs
 *
 * Times are wall time, UTC, and like the length in microseconds. State is B (bound), F (released) or D
 * (declined); flags are f (fixed address), k (the client is in the host table) and m (more IAs than
 * listed). What is not there is "-".
 *
 * Everything else is the journal's; this file only knows what a line says. */
#include "boot-services/dhcp6_journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/addr.h"
#include "lib/str.h"

enum { IAIDS_TEXT = 9 * DHCP6_LEASE_IAS_MAX + 1 };

static char
state_letter(enum dhcp6_lease_state state)
{
	switch (state) {
	case DHCP6_LEASE_BOUND: return 'B';
	case DHCP6_LEASE_DECLINED: return 'D';
	case DHCP6_LEASE_FREE: break;
	}
	return 'F';
}

static const char *
iaids_text(const struct dhcp6_lease_record *r, char buf[IAIDS_TEXT])
{
	size_t at = 0;

	if (r->n_ias == 0)
		return "-";
	for (size_t i = 0; i < r->n_ias && i < DHCP6_LEASE_IAS_MAX; i++)
		at += (size_t)snprintf(
		    buf + at, IAIDS_TEXT - at, "%s%08x", i > 0 ? "," : "", r->iaids[i]);
	return buf;
}

static size_t
format_body(const void *record, char *body, size_t size)
{
	const struct dhcp6_lease_record *r = record;
	bool nobody = r->client.key.kind == DHCP6_KEY_NONE;
	struct addr_ip net = {.family = AF_INET6};
	char ip_text[ADDR_IP_TEXT], net_text[ADDR_IP_TEXT], key[DHCP6_KEY_TEXT];
	char duid[DHCP6_DUID_TEXT], iaids[IAIDS_TEXT];

	memcpy(net.b, r->client.subnet, sizeof(r->client.subnet));
	/* The longest line is 746 octets: the buffers hold every record. */
	return (size_t)snprintf(body, size, "%s %s %s %s %c %c%c%c %lld %lld %s",
	    addr_ip_text(&r->ip, ip_text, sizeof(ip_text)),
	    addr_ip_text(&net, net_text, sizeof(net_text)),
	    nobody ? "-" : dhcp6_class_key_text(&r->client.key, key, sizeof(key)),
	    r->duid.len == 0 ? "-" : dhcp6_duid_text(&r->duid, duid, sizeof(duid)),
	    state_letter(r->state), r->fixed ? 'f' : '-', r->known ? 'k' : '-',
	    r->more ? 'm' : '-', (long long)r->until, (long long)r->length,
	    iaids_text(r, iaids));
}

static int
parse_ip6(const char *s, struct addr_ip *ret)
{
	return addr_ip_parse(s, ret) < 0 || ret->family != AF_INET6 ? -EINVAL : 0;
}

static int
parse_state(const char *s, const char *flags, struct dhcp6_lease_record *r)
{
	if (strlen(s) != 1 || strlen(flags) != 3)
		return -EINVAL;
	switch (s[0]) {
	case 'B': r->state = DHCP6_LEASE_BOUND; break;
	case 'F': r->state = DHCP6_LEASE_FREE; break;
	case 'D': r->state = DHCP6_LEASE_DECLINED; break;
	default: return -EINVAL;
	}
	r->fixed = flags[0] == 'f';
	r->known = flags[1] == 'k';
	r->more = flags[2] == 'm';
	return 0;
}

static int
parse_iaids(char *s, struct dhcp6_lease_record *r)
{
	char *one;

	if (str_eq(s, "-"))
		return 0;
	while ((one = strsep(&s, ",")) != NULL) {
		char *end;

		if (strlen(one) != 8 || r->n_ias == DHCP6_LEASE_IAS_MAX)
			return -EINVAL;
		r->iaids[r->n_ias++] = (uint32_t)strtoul(one, &end, 16);
		if (*end != '\0')
			return -EINVAL;
	}
	return 0;
}

static int
parse_client(const char *key, const char *duid, struct dhcp6_lease_record *r)
{
	if (str_eq(key, "-")) {
		if (r->state != DHCP6_LEASE_DECLINED)
			return -EINVAL;
	} else if (dhcp6_class_key_parse(key, &r->client.key) < 0) {
		return -EINVAL;
	}
	return str_eq(duid, "-") ? 0 : dhcp6_duid_from_text(duid, &r->duid);
}

static int
parse_body(char *body, void *ret_record)
{
	struct dhcp6_lease_record r = {.n_ias = 0};
	struct addr_ip net;
	char *word[9];

	for (size_t i = 0; i < ARRAY_SIZE(word); i++) {
		word[i] = strsep(&body, " ");
		if (!word[i])
			return -EINVAL;
	}
	if (parse_ip6(word[0], &r.ip) < 0 || parse_ip6(word[1], &net) < 0 ||
	    parse_state(word[4], word[5], &r) < 0 ||
	    parse_client(word[2], word[3], &r) < 0 ||
	    str_to_i64(word[6], 0, INT64_MAX, &r.until) < 0 ||
	    str_to_i64(word[7], 0, INT64_MAX, &r.length) < 0 ||
	    parse_iaids(word[8], &r) < 0)
		return -EINVAL;
	memcpy(r.client.subnet, net.b, sizeof(r.client.subnet));
	*(struct dhcp6_lease_record *)ret_record = r;
	return 0;
}

const struct line_journal_kind dhcp6_journal_kind = {
    .file = "leases6",
    .temporary = "leases6.new",
    .header = "netboot-leases6 1\n",
    .header_any = "netboot-leases6 ",
    .record_size = sizeof(struct dhcp6_lease_record),
    .format = format_body,
    .parse = parse_body,
};
