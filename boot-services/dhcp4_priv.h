/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by dhcp4_server.c, dhcp4_subnet.c, dhcp4_answer.c, dhcp4_proxy.c, dhcp4_reply.c and
 * dhcp4_note.c only. */
#ifndef BOOT_SERVICES_DHCP4_PRIV_H
#define BOOT_SERVICES_DHCP4_PRIV_H

#include "boot-services/dhcp4_limit.h"
#include "boot-services/dhcp4_msg.h"
#include "boot-services/dhcp4_recent.h"
#include "boot-services/dhcp4_server.h"

struct dhcp4_server {
	const struct bootd_config *cfg;
	struct hosttab *const *table;
	struct dhcp4_lease_table *leases;
	struct dhcp4_limit *limit;
	struct dhcp4_recent *recent; /* proxy: in place of leases */
	int64_t
	    others_at; /* proxy: another server was last heard giving an address, or 0 */
	int64_t alone_at; /* proxy: the last dhcp4.alone, or 0 */
	struct dhcp4_server_link links[DHCP4_SERVER_LINKS_MAX];
	size_t n_links;
	struct dhcp4_msg msg; /* of the packet being handled */
};

/* One packet on its way through the server. */
struct dhcp4_query {
	struct dhcp4_server *s;
	const struct dhcp4_server_rx *rx;
	struct dhcp4_server_tx *tx;
	const struct dhcp4_msg *msg;
	const struct dhcp4_server_link *link;
	const struct bundle_subnet *subnet; /* NULL until chosen */
	const struct hosttab_entry *host;   /* NULL: unknown machine */
	struct dhcp4_lease_client client;   /* client.subnet set with `subnet` */
	uint32_t fixed;			    /* the host's address on this subnet, or 0 */
	const char *fixed_why; /* why `fixed` cannot be had now: "… is" this */
	uint32_t server_ip;    /* ours, towards this client */
	uint32_t server_id;    /* option 54: server_ip, or what the relay demands */
	struct policy_client policy;
	struct policy_decision decision;
	struct dhcp4_lease *lease;
	uint16_t retry; /* how often it has asked the same before; proxy only */
	bool quiet;	/* no events: the limit for unknown machines is reached */
	uint64_t suppressed;
};

/* dhcp4_subnet.c */
bool
dhcp4_subnet_is_ours(const struct dhcp4_server *s, uint32_t ip);
/* May an answer be sent there: to one machine, and not to ourselves? */
bool
dhcp4_subnet_is_peer(const struct dhcp4_server *s, uint32_t ip);
/* Chooses subnet, server_ip, server_id, fixed and client.subnet. 0, or -ENOENT with
 * *ret_why. */
int
dhcp4_subnet_choose(struct dhcp4_query *q, const char **ret_why) MUST_CHECK;
/* The same for a proxy, which needs server_ip and server_id only and no subnet. */
int
dhcp4_subnet_choose_proxy(struct dhcp4_query *q, const char **ret_why) MUST_CHECK;
/* Is it an address of q->subnet that no client may have: the network's, the broadcast
 * address, the gateway's or one of ours? */
bool
dhcp4_subnet_is_reserved(const struct dhcp4_query *q, uint32_t ip);
/* The pool of q->subnet for q's client; valid as long as q. */
struct dhcp4_lease_range
dhcp4_subnet_range(const struct dhcp4_query *q);
int64_t
dhcp4_subnet_lease_s(const struct bundle_subnet *s);

/* dhcp4_answer.c: one per message type. */
void
dhcp4_answer_discover(struct dhcp4_query *q);
void
dhcp4_answer_request(struct dhcp4_query *q);
void
dhcp4_answer_inform(struct dhcp4_query *q);
void
dhcp4_answer_release(struct dhcp4_query *q);
void
dhcp4_answer_decline(struct dhcp4_query *q);
void
dhcp4_answer_pxe(struct dhcp4_query *q); /* on port 4011 */
/* Why a packet on port 4011 gets no answer, or NULL. */
const char *
dhcp4_answer_pxe_refusal(const struct dhcp4_query *q);

/* dhcp4_proxy.c: the same in proxy mode. */
void
dhcp4_proxy_on_server_port(struct dhcp4_query *q);
void
dhcp4_proxy_on_pxe_port(struct dhcp4_query *q);
/* Another server's answer to q's client; before its event. */
void
dhcp4_proxy_overheard(struct dhcp4_query *q);

/* dhcp4_reply.c: each fills q->tx with bytes and destination; false when the reply would
 * not fit what the client can take (then nothing is sent). */
bool
dhcp4_reply_lease(struct dhcp4_query *q, enum dhcp4_type type);
bool
dhcp4_reply_inform(struct dhcp4_query *q);
bool
dhcp4_reply_nak(struct dhcp4_query *q, const char *why);
bool
dhcp4_reply_pxe(struct dhcp4_query *q);
/* No address, boot information only: OFFER, or ACK of an INFORM. */
bool
dhcp4_reply_proxy(struct dhcp4_query *q, enum dhcp4_type type);

/* dhcp4_note.c: events. `reason` may be NULL or empty. */
void
dhcp4_note_seen(struct dhcp4_query *q, const char *kind, const char *reason);
void
dhcp4_note_sent(struct dhcp4_query *q, const char *kind, uint32_t ip, const char *reason);
void
dhcp4_note_ignored(struct dhcp4_query *q, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Into *ev; nothing when that server was told of lately. */
void
dhcp4_note_foreign(
    struct dhcp4_query *q, struct event *ev, uint32_t server, const char *reason);
/* Proxy: asked `times` times, and nobody gave an address. */
void
dhcp4_note_alone(struct dhcp4_query *q, unsigned times);

#endif
