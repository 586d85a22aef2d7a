/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One line of a log that a site's own DHCP, TFTP or HTTP server wrote, and what it says of a
 * network boot. Pure. The formats are those that the servers of Debian 12 write; the lines of
 * tests/data/logs were collected from them. A line may hold whatever a stranger sent: every
 * text in struct logline is bounded, and escaped by whoever shows it. */
#ifndef AGENT_LOGLINE_H
#define AGENT_LOGLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/clock.h"
#include "lib/compiler.h"
#include "lib/event.h"

enum logline_format {
	LOGLINE_ISC_DHCP,
	LOGLINE_KEA,
	LOGLINE_DNSMASQ,
	LOGLINE_TFTPD_HPA,
	LOGLINE_NGINX,
	LOGLINE_FORMATS,
};

enum logline_what {
	LOGLINE_NOTHING,
	LOGLINE_HINT, /* who sends the packet that the next lines speak of: class, arch */
	LOGLINE_DHCP, /* kind says which message */
	LOGLINE_TFTP_BEGIN,
	LOGLINE_TFTP_END, /* delivered, as far as the server tells */
	LOGLINE_TFTP_ERROR,
	LOGLINE_HTTP, /* a request that has come to its end */
};

/* Who sends a DHCP packet. Unknown: the log does not say it. */
enum logline_class {
	LOGLINE_CLASS_UNKNOWN,
	LOGLINE_CLASS_OS,
	LOGLINE_CLASS_PXE,
	LOGLINE_CLASS_HTTP,
	LOGLINE_CLASS_IPXE,
};

enum {
	LOGLINE_MAX = 8192, /* longer lines are none of ours */
	LOGLINE_XID_SIZE = 24,
	LOGLINE_METHOD_SIZE = 16,
};

struct logline {
	enum logline_what what;
	int64_t at; /* wall time, when the line has a date with a zone; else 0 */
	struct clock_local
	    local; /* when it has one without zone and year; else month is 0 */
	char kind[EVENT_KIND_SIZE];
	enum logline_class class;
	uint16_t arch;		/* ARCH_NONE: not said */
	bool has_mac, has_uuid; /* uuid: of a DUID-UUID (RFC 6355), as it was sent */
	struct addr_mac mac;
	struct addr_uuid uuid;
	struct addr_ip ip;	    /* the client's, or the one it is given */
	char xid[LOGLINE_XID_SIZE]; /* ties lines to one packet; "" : the log has none */
	char file[EVENT_FILE_SIZE]; /* of TFTP; the path of HTTP, not decoded */
	/* HTTP */
	char method[LOGLINE_METHOD_SIZE];
	int status;
	int64_t bytes, total; /* -1: not said */
	bool whole;	      /* the server has given away all of its answer */
	char agent[64];
	char reason[EVENT_REASON_SIZE]; /* of an error */
};

/* "isc-dhcp", …; the names of agent.yaml. */
const char *
logline_format_name(enum logline_format f);
int
logline_format_parse(const char *s, enum logline_format *ret) MUST_CHECK;
/* "pxe", "http", "ipxe", "os"; NULL for unknown: the words of bootd's events. */
const char *
logline_class_name(enum logline_class c);

/* What the line (without its line break, `len` octets, any) says: true with *ret filled, or false when
 * it is none that matters. `text` may begin with what syslog puts before a message, or not. */
bool
logline_parse(enum logline_format f, const char *text, size_t len, struct logline *ret);

#endif
