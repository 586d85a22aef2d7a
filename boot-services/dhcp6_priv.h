/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by dhcp6_server.c, dhcp6_subnet.c, dhcp6_answer.c, dhcp6_reply.c and dhcp6_note.c only. */
#ifndef BOOT_SERVICES_DHCP6_PRIV_H
#define BOOT_SERVICES_DHCP6_PRIV_H

#include "boot-services/dhcp4_limit.h" /* buckets for machines, whatever the family */
#include "boot-services/dhcp6_learn.h"
#include "boot-services/dhcp6_msg.h"
#include "boot-services/dhcp6_server.h"

struct dhcp6_server {
	const struct bootd_config *cfg;
	struct hosttab *const *table;
	struct dhcp6_duid duid;
	struct dhcp6_lease_table *leases;
	struct dhcp6_learn *learned;
	struct dhcp4_limit *limit;
	struct dhcp6_server_link links[DHCP6_SERVER_LINKS_MAX];
	size_t n_links;
	struct dhcp6_msg msg; /* of the packet being handled */
};

enum { DHCP6_CANDIDATES_MAX = BUNDLE_SUBNETS_MAX };

/* What one IA of the message gets. */
struct dhcp6_ia_answer {
	struct dhcp6_msg_ia ia;
	enum dhcp6_status
	    status; /* SUCCESS: `granted` tells whether an address goes with it */
	bool granted;
	const char *text; /* of a status */
};

/* One packet on its way through the server. */
struct dhcp6_query {
	struct dhcp6_server *s;
	const struct dhcp6_server_rx *rx;
	struct dhcp6_server_tx *tx;
	const struct dhcp6_msg *msg;
	const struct dhcp6_server_link *link;
	struct dhcp6_duid duid;		    /* the client's; len 0: it sent none */
	const struct hosttab_entry *host;   /* NULL: unknown machine */
	bool has_mac;			    /* policy.mac is known */
	const struct bundle_subnet *subnet; /* NULL until chosen */
	const struct bundle_subnet
	    *on_link[DHCP6_CANDIDATES_MAX]; /* all subnets of the client's link */
	size_t n_on_link;
	struct dhcp6_lease_client client; /* client.subnet set with `subnet` */
	struct addr_ip fixed; /* the host's address on this subnet, or unset */
	struct policy_client policy;
	struct policy_decision decision;
	struct dhcp6_ia_answer ias[DHCP6_IAS_MAX];
	size_t n_ias;
	struct addr_ip ip; /* that the client gets, or unset */
	bool rapid;	   /* answers a SOLICIT with a REPLY */
	bool quiet;	   /* no events: the limit for unknown machines is reached */
	uint64_t suppressed;
};

/* dhcp6_subnet.c */
bool
dhcp6_subnet_is_ours(const struct dhcp6_server *s, const struct addr_ip *ip);
bool
dhcp6_subnet_is_multicast(const struct addr_ip *ip);
/* Chooses on_link, subnet, fixed, policy.server and client.subnet. 0, or -ENOENT with *ret_why. */
int
dhcp6_subnet_choose(struct dhcp6_query *q, const char **ret_why) MUST_CHECK;
/* Is it an address of the client's link? */
bool
dhcp6_subnet_on_link(const struct dhcp6_query *q, const uint8_t ip[16]);
/* The pool of q->subnet for q's client; valid as long as q. */
struct dhcp6_lease_range
dhcp6_subnet_range(const struct dhcp6_query *q);
/* An address of q->subnet that no client may have: the routers' anycast address or one of ours. */
bool
dhcp6_subnet_is_reserved(const struct dhcp6_query *q, const struct addr_ip *ip);
uint32_t
dhcp6_subnet_lease_s(const struct bundle_subnet *s);

/* dhcp6_answer.c: one per message type. */
void
dhcp6_answer_solicit(struct dhcp6_query *q);
void
dhcp6_answer_request(struct dhcp6_query *q); /* REQUEST, RENEW and REBIND */
void
dhcp6_answer_confirm(struct dhcp6_query *q);
void
dhcp6_answer_give_up(struct dhcp6_query *q); /* RELEASE and DECLINE */
void
dhcp6_answer_inform(struct dhcp6_query *q);
/* RFC 8415 18.4: no server option says that unicast is welcome. */
void
dhcp6_answer_use_multicast(struct dhcp6_query *q);

/* dhcp6_reply.c: fills q->tx with bytes and destination; false when the reply does not fit (then nothing is
 * sent). `status`: of the whole message, or SUCCESS with text NULL for none. */
bool
dhcp6_reply_build(struct dhcp6_query *q, enum dhcp6_type type, enum dhcp6_status status,
    const char *text);

/* dhcp6_note.c: events. `reason` may be NULL or empty. */
void
dhcp6_note_seen(struct dhcp6_query *q, const char *reason);
void
dhcp6_note_sent(struct dhcp6_query *q, const char *kind, const char *reason);
void
dhcp6_note_ignored(struct dhcp6_query *q, const char *fmt, ...) PRINTF_LIKE(2, 3);
void
dhcp6_note_foreign(
    struct dhcp6_query *q, const struct dhcp6_duid *server, const char *reason);

#endif
