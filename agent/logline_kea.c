/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of Kea 2.2's kea-dhcp4 and kea-dhcp6.
 *
 * Entry point: logline_kea_parse().
 * Ownership: nothing is kept.
 * Failure modes: a line that is not understood says nothing. At INFO Kea logs the leases; who asks is in
 * DHCP4_CLASS_ASSIGNED, which needs severity DEBUG, debuglevel 40 of the logger kea-dhcp4.dhcp4 (kea-dhcp6.dhcp6),
 * and comes before the lease's line with the same tid. The class of iPXE is the one named "is-ipxe" in the
 * configuration. Times are the server's local ones without a zone, and are not taken.
 *
 *	… INFO  [kea-dhcp4.leases/1.2] DHCP4_LEASE_ADVERT [hwtype=1 52:54:00:77:00:01], cid=[no info],
 *	        tid=0x3a62f85f: lease 10.77.0.100 will be advertised
 *	… DEBUG [kea-dhcp4.dhcp4/1.2] DHCP4_CLASS_ASSIGNED [hwtype=1 …], cid=[…], tid=0x…: client packet has been
 *	        assigned to the following class(es): ALL, VENDOR_CLASS_PXEClient:Arch:00007:UNDI:003000, netboot-ipxe
 *	… INFO  [kea-dhcp6.leases/1.2] DHCP6_LEASE_ALLOC duid=[00:03:00:01:…], tid=0x…: lease for address
 *	        fd77::100 and iaid=1 has been allocated for 3600 seconds
 */
#include <string.h>

#include "agent/logline_priv.h"
#include "lib/str.h"

static const struct {
	const char *word;
	const char *kind; /* NULL: the classes */
	bool six;
} messages[] = {
    {"DHCP4_CLASS_ASSIGNED ", NULL, false},
    {"DHCP4_LEASE_ADVERT ", "dhcp4.offer", false},
    {"DHCP4_LEASE_OFFER ", "dhcp4.offer", false}, /* from Kea 2.5 */
    {"DHCP4_LEASE_ALLOC ", "dhcp4.ack", false},
    {"DHCP4_LEASE_REUSE ", "dhcp4.ack", false},
    {"DHCP6_CLASS_ASSIGNED ", NULL, true},
    {"DHCP6_LEASE_ADVERT ", "dhcp6.advertise", true},
    {"DHCP6_LEASE_ALLOC ", "dhcp6.reply", true},
    {"DHCP6_LEASE_REUSE ", "dhcp6.reply", true},
};

/* Up to the colon behind "tid=0x…". */
static bool
read_client(struct logline_text *t, bool six, struct logline *ret)
{
	if (six) {
		if (!logline_skip_past(t, "duid=["))
			return false;
		/* RFC 8415 has other kinds of DUID; then nobody is known by it. */
		if (logline_duid(t, ret) < 0)
			return false;
	} else {
		if (!logline_skip_past(t, "[hwtype=1 ") || logline_mac(t, &ret->mac) < 0)
			return false;
		ret->has_mac = true;
	}
	if (!logline_skip_past(t, "tid=") ||
	    logline_word(t, ret->xid, sizeof(ret->xid)) < 0)
		return false;
	ret->xid[strcspn(ret->xid, ":")] = '\0';
	return true;
}

/* One class name at a time: a vendor class may hold whatever else. */
static void
read_classes(struct logline_text t, struct logline *ret)
{
	bool ipxe = false;

	if (!logline_skip_past(&t, "class(es): "))
		return;
	while (t.at < t.end) {
		const char *comma = memmem(t.at, (size_t)(t.end - t.at), ", ", 2);
		struct logline_text name = {t.at, comma == NULL ? t.end : comma};

		if (logline_skip(&name, "VENDOR_CLASS_"))
			logline_vendor(&name, ret);
		else if ((logline_skip(&name, "is-ipxe") ||
			     logline_skip(&name, "netboot-ipxe")) &&
			 name.at == name.end)
			ipxe = true;
		t.at = comma == NULL ? t.end : comma + 2;
	}
	if (ipxe)
		ret->class = LOGLINE_CLASS_IPXE;
}

static bool
read_lease(struct logline_text t, bool six, struct logline *ret)
{
	if (six ? !logline_skip_past(&t, "lease for address ")
		: !logline_skip_past(&t, "lease "))
		return false;
	if (logline_ip(&t, &ret->ip) < 0)
		return false;
	ret->what = LOGLINE_DHCP;
	return true;
}

bool
logline_kea_parse(struct logline_text t, struct logline *ret)
{
	/* The logger's name comes first: a stranger's text further behind is no message. */
	if (!logline_skip_past(&t, "[kea-dhcp") || !logline_skip_past(&t, "] "))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
		struct logline_text c = t;

		if (!logline_skip(&c, messages[i].word))
			continue;
		if (!read_client(&c, messages[i].six, ret))
			return false;
		if (messages[i].kind == NULL) {
			ret->what = LOGLINE_HINT;
			read_classes(c, ret);
			return ret->class != LOGLINE_CLASS_UNKNOWN;
		}
		str_clip(ret->kind, sizeof(ret->kind), messages[i].kind);
		return read_lease(c, messages[i].six, ret);
	}
	return false;
}
