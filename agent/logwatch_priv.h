/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What logwatch.c (lines) and logwatch_table.c (hosts) share. */
#ifndef AGENT_LOGWATCH_PRIV_H
#define AGENT_LOGWATCH_PRIV_H

#include <uthash.h>

#include "agent/logwatch.h"

enum { LOGWATCH_SEEN_MAX = 4 };

/* How many events went out in this second. */
struct logwatch_bucket {
	int64_t second;
	unsigned n;
	int64_t left_out;
};

struct logwatch_by_mac {
	struct addr_mac mac;
	struct logwatch_host *host;
	UT_hash_handle hh;
};

struct logwatch_by_ip {
	struct addr_ip ip;
	struct logwatch_host *host;
	bool fixed;
	UT_hash_handle hh;
};

/* Hosts of one SMBIOS UUID: where there are several, it says none of them. */
struct logwatch_by_uuid {
	struct addr_uuid uuid;
	struct logwatch_host *first; /* linked by prev and next */
	UT_hash_handle hh;
};

/* Of a host no more than is asked for here: there may be very many. */
struct logwatch_host {
	char name[BUNDLE_NAME_SIZE];
	struct addr_uuid uuid;
	bool has_uuid, listed; /* in the table under way */
	struct bundle_nic *nics;
	size_t n_nics;
	struct logwatch_boot *boot; /* NULL: none */
	enum logline_class hint, class;
	uint16_t arch;
	bool hinted;
	char xid[LOGLINE_XID_SIZE];		 /* of the hint */
	struct addr_ip given[LOGWATCH_SEEN_MAX]; /* addresses that it was seen to get */
	unsigned n_given;
	struct logwatch_bucket bucket;
	struct logwatch_host *prev, *next; /* of the same UUID */
	UT_hash_handle hh, hh_token;
};

struct logwatch_boot {
	struct bootd_msg_boot b;
	int64_t got[BOOTD_MSG_PAYLOADS_MAX]; /* in parts */
	bool came[BOOTD_MSG_PAYLOADS_MAX];   /* whole */
	bool loader_begun, aborted;
};

struct logwatch {
	struct logwatch_host *hosts, *tokens;
	struct logwatch_by_uuid *uuids;
	struct logwatch_by_mac *macs;
	struct logwatch_by_ip *ips;
	struct logwatch_bucket strangers;
	/* dnsmasq's lines on who asks come before the one that has the address. */
	enum logline_class hint;
	uint16_t arch;
	char xid[LOGLINE_XID_SIZE];
};

struct logwatch_host *
logwatch_find_mac(const struct logwatch *w, const struct addr_mac *mac);
struct logwatch_host *
logwatch_find_ip(const struct logwatch *w, const struct addr_ip *ip);
/* NULL also when it may be one of several hosts. */
struct logwatch_host *
logwatch_find_uuid(const struct logwatch *w, const struct addr_uuid *uuid);
struct logwatch_host *
logwatch_find_token(const struct logwatch *w, const char *token);
/* It was seen to get that address. */
void
logwatch_given(struct logwatch *w, struct logwatch_host *h, const struct addr_ip *ip);

#endif
