/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of dnsmasq 2.90 with log-dhcp, and of its TFTP server.
 *
 * Entry point: logline_dnsmasq_parse().
 * Ownership: nothing is kept.
 * Failure modes: a line that is not understood says nothing. A number ties the lines of one packet together; who
 * sends it comes first. On IPv6 dnsmasq does not log the user class, so that firmware and iPXE are not told
 * apart there.
 *
 *	809470850 vendor class: PXEClient:Arch:00007:UNDI:003000
 *	809470850 user class: iPXE
 *	809470850 DHCPDISCOVER(br0) 52:54:00:77:00:01
 *	809470850 DHCPACK(br0) 10.77.0.105 52:54:00:77:00:01 name
 *	2710644 DHCPREPLY(br0) fd77::17f 00:03:00:01:52:54:00:77:00:01
 *	sent /srv/tftp/snponly.efi to 10.77.0.100
 *	error 8 User aborted the transfer received from 10.77.0.100
 */
#include <ctype.h>

#include "agent/logline_priv.h"
#include "lib/str.h"

static const struct {
	const char *word;
	const char *kind;
	bool given; /* an address that the server gives stands before the client */
	bool six;
} messages[] = {
    {"DHCPDISCOVER(", "dhcp4.discover", false, false},
    {"DHCPOFFER(", "dhcp4.offer", true, false},
    {"DHCPREQUEST(", "dhcp4.request", true, false},
    {"DHCPACK(", "dhcp4.ack", true, false},
    {"DHCPNAK(", "dhcp4.nak", true, false},
    {"DHCPSOLICIT(", "dhcp6.solicit", false, true},
    {"DHCPADVERTISE(", "dhcp6.advertise", true, true},
    {"DHCPREQUEST(", "dhcp6.request", false, true},
    {"DHCPREPLY(", "dhcp6.reply", true, true},
};

/* True when the line is this message. */
static bool
read_message(struct logline_text t, size_t i, struct logline *ret)
{
	struct addr_ip ip = {0};

	if (!logline_skip(&t, messages[i].word) || !logline_skip_past(&t, ") "))
		return false;
	/* A DISCOVER may name the address that is asked for. */
	if (logline_ip(&t, &ip) < 0 && messages[i].given)
		return false;
	if (messages[i].six) {
		if (ip.family == AF_INET || logline_duid(&t, ret) < 0)
			return false;
	} else {
		if (ip.family == AF_INET6 || logline_mac(&t, &ret->mac) < 0)
			return false;
		ret->has_mac = true;
	}
	ret->ip = ip;
	ret->what = LOGLINE_DHCP;
	str_clip(ret->kind, sizeof(ret->kind), messages[i].kind);
	return true;
}

static bool
read_dhcp(struct logline_text t, struct logline *ret)
{
	if (logline_word(&t, ret->xid, sizeof(ret->xid)) < 0)
		return false;
	if (logline_skip(&t, "vendor class: ")) {
		ret->what = LOGLINE_HINT;
		logline_vendor(&t, ret);
		/* The enterprise number of DHCPv6's option 16 says nothing. */
		if (t.at < t.end && isdigit((unsigned char)*t.at))
			ret->class = LOGLINE_CLASS_UNKNOWN;
		return true;
	}
	if (logline_skip(&t, "user class: ")) {
		ret->what = LOGLINE_HINT;
		if (logline_skip(&t, "iPXE") && t.at == t.end)
			ret->class = LOGLINE_CLASS_IPXE;
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
		if (read_message(t, i, ret))
			return true;
	}
	return false;
}

/* The last " TEXT ADDRESS" of a line: names may hold such a text themselves. */
static bool
split_last(struct logline_text *t, const char *text, struct addr_ip *ret)
{
	struct logline_text c = *t, best = {0};

	while (logline_skip_past(&c, text))
		best = c;
	if (best.at == NULL || logline_ip(&best, ret) < 0 || best.at != best.end)
		return false;
	c = *t;
	while (logline_skip_past(&c, text))
		t->end = c.at - __builtin_strlen(text);
	return true;
}

static bool
read_tftp(struct logline_text t, struct logline *ret)
{
	if (logline_skip(&t, "sent ")) {
		if (!split_last(&t, " to ", &ret->ip))
			return false;
		logline_rest(&t, ret->file, sizeof(ret->file));
		ret->what = LOGLINE_TFTP_END;
		return true;
	}
	if (logline_skip(&t, "failed sending ")) {
		if (!split_last(&t, " to ", &ret->ip))
			return false;
	} else if (logline_skip(&t, "file ")) {
		if (!split_last(&t, " not found for ", &ret->ip))
			return false;
		str_clip(ret->reason, sizeof(ret->reason), "not found");
	} else if (logline_skip(&t, "error ")) {
		/* Error 8 ends the size probe of UEFI firmware, of which the log then says "sent". */
		if (!split_last(&t, " received from ", &ret->ip))
			return false;
		ret->what = LOGLINE_TFTP_ERROR;
		logline_rest(&t, ret->reason, sizeof(ret->reason));
		return true;
	} else {
		return false;
	}
	logline_rest(&t, ret->file, sizeof(ret->file));
	ret->what = LOGLINE_TFTP_ERROR;
	return true;
}

bool
logline_dnsmasq_parse(struct logline_text t, struct logline *ret)
{
	logline_syslog(&t, ret);
	if (t.at < t.end && isdigit((unsigned char)*t.at))
		return read_dhcp(t, ret);
	return read_tftp(t, ret);
}
