/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of ISC dhcpd 4.4, also of dhcpd -6.
 *
 * Entry point: logline_isc_parse().
 * Ownership: nothing is kept.
 * Failure modes: a line that is not understood says nothing. dhcpd itself does not log who sends a
 * packet; the log() statement of docs/operations.md adds the line "netboot-client", which comes before the line of
 * the packet. Without it every request is of an unknown class.
 *
 *	netboot-client 52:54:0:77:0:1 user iPXE vendor PXEClient:Arch:00007:UNDI:003000
 *	DHCPDISCOVER from 52:54:00:77:00:01 via br0
 *	DHCPACK on 10.77.0.100 to 52:54:00:77:00:01 via br0
 *	netboot-client6 0:3:0:1:52:54:0:77:0:1 user - vendor -
 *	Advertise NA: address fd77::109 to client with duid 00:03:00:01:… iaid = 1 valid for …
 */
#include "agent/logline_priv.h"
#include "lib/str.h"

/* The user class is a fixed place before what a stranger chooses freely. */
static bool
read_hint(struct logline_text t, bool six, struct logline *ret)
{
	if (six ? logline_duid(&t, ret) < 0 : logline_mac(&t, &ret->mac) < 0)
		return false;
	ret->has_mac |= !six;
	if (!logline_skip(&t, " user "))
		return false;
	ret->what = LOGLINE_HINT;
	if (logline_skip(&t, "iPXE vendor ")) {
		logline_vendor(&t, ret);
		ret->class = LOGLINE_CLASS_IPXE;
	} else if (logline_skip_past(&t, " vendor ")) {
		logline_vendor(&t, ret);
	}
	return true;
}

static const struct {
	const char *begin;
	const char *kind;
	const char
	    *to_mac; /* what stands before the hardware address; NULL: it follows */
	bool ip_first;
} messages[] = {
    {"DHCPDISCOVER from ", "dhcp4.discover", NULL, false},
    {"DHCPOFFER on ", "dhcp4.offer", " to ", true},
    {"DHCPREQUEST for ", "dhcp4.request", " from ", true},
    {"DHCPACK on ", "dhcp4.ack", " to ", true},
    {"DHCPNAK on ", "dhcp4.nak", " to ", true},
};

/* "from MAC (hostname) via br0: network 10.0.0.0/24: no free leases" */
static void
read_trouble(struct logline_text t, struct logline *ret)
{
	if (logline_skip_past(&t, ": ")) {
		str_clip(ret->kind, sizeof(ret->kind), "dhcp4.ignored");
		logline_rest(&t, ret->reason, sizeof(ret->reason));
	}
}

static bool
read_four(struct logline_text t, struct logline *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
		if (!logline_skip(&t, messages[i].begin))
			continue;
		if (messages[i].ip_first && logline_ip(&t, &ret->ip) < 0)
			return false;
		if (messages[i].to_mac != NULL) {
			t.at--; /* the blank that ended the address */
			if (!logline_skip_past(&t, messages[i].to_mac))
				return false;
		}
		if (logline_mac(&t, &ret->mac) < 0)
			return false;
		ret->has_mac = true;
		ret->what = LOGLINE_DHCP;
		str_clip(ret->kind, sizeof(ret->kind), messages[i].kind);
		if (logline_has(&t, " via ") && !messages[i].ip_first)
			read_trouble(t, ret);
		return true;
	}
	return false;
}

static bool
read_six(struct logline_text t, struct logline *ret)
{
	bool reply = logline_skip(&t, "Reply NA: address ");

	if (!reply && !logline_skip(&t, "Advertise NA: address "))
		return false;
	if (logline_ip(&t, &ret->ip) < 0 || !logline_skip(&t, "to client with duid ") ||
	    logline_duid(&t, ret) < 0)
		return false;
	ret->what = LOGLINE_DHCP;
	str_clip(ret->kind, sizeof(ret->kind), reply ? "dhcp6.reply" : "dhcp6.advertise");
	return true;
}

bool
logline_isc_parse(struct logline_text t, struct logline *ret)
{
	logline_syslog(&t, ret);
	if (logline_skip(&t, "netboot-client "))
		return read_hint(t, false, ret);
	if (logline_skip(&t, "netboot-client6 "))
		return read_hint(t, true, ret);
	return read_four(t, ret) || read_six(t, ret);
}
