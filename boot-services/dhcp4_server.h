/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The DHCPv4 server's decisions, also as a proxy beside another server: one packet in, at most one
 * reply, lease records and three events out. Pure: no socket, file, clock or log. dhcp4_io.c feeds it. */
#ifndef BOOT_SERVICES_DHCP4_SERVER_H
#define BOOT_SERVICES_DHCP4_SERVER_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "boot-services/bootd_config.h"
#include "boot-services/dhcp4_lease.h"
#include "boot-services/hosttab.h"
#include "lib/event.h"

enum { DHCP4_SERVER_ADDRS_MAX = 16, DHCP4_SERVER_LINKS_MAX = BOOTD_CONFIG_IFACES_MAX };

/* An interface we serve, with our addresses on it (host order). */
struct dhcp4_server_link {
	char name[IFNAMSIZ];
	unsigned ifindex;
	uint32_t addrs[DHCP4_SERVER_ADDRS_MAX];
	size_t n_addrs;
};

/* A datagram as it came. */
struct dhcp4_server_rx {
	const uint8_t *data;
	size_t len;
	size_t link;		 /* index into the links set last */
	uint32_t src_ip, dst_ip; /* host order */
	uint16_t src_port;
	bool pxe_port;		 /* came in on 4011 */
	struct addr_mac src_mac; /* of an overheard frame; all zero: not known */
	int64_t mono, wall;
};

/* What follows from it. Events with an empty kind are none; the caller takes all. `sent`
 * becomes true, and may go out, only when the reply has left. */
struct dhcp4_server_tx {
	bool reply;
	uint8_t data[DHCP4_PACKET_MAX];
	size_t len;
	uint32_t to_ip; /* 0xffffffff: broadcast on the link it came from */
	uint16_t to_port;
	uint32_t from_ip;
	bool durable_first; /* `record` must be on the disk before the reply leaves */
	bool has_record;
	struct dhcp4_lease_record record;
	struct event seen, sent;
	struct event extra; /* of the network: another server, or none */
};

struct dhcp4_server;

/* cfg and table are borrowed; *table may be replaced between calls. `seed` must be
 * random. */
struct dhcp4_server *
dhcp4_server_new(
    const struct bootd_config *cfg, struct hosttab *const *table, uint64_t seed);
void
dhcp4_server_free(struct dhcp4_server *s);
/* Copies them; every address of every link counts as ours. */
void
dhcp4_server_set_links(
    struct dhcp4_server *s, const struct dhcp4_server_link *links, size_t n);
/* A record of the journal, at start. */
void
dhcp4_server_restore(struct dhcp4_server *s, const struct dhcp4_lease_record *r,
    int64_t mono, int64_t wall);
/* Handles a datagram. The caller runs event_done() on the three events. */
void
dhcp4_server_handle(struct dhcp4_server *s, const struct dhcp4_server_rx *rx,
    struct dhcp4_server_tx *ret);
/* Calls `each` with the records that a compact journal holds, in turns: see dhcp4_lease_walk(). */
bool
dhcp4_server_walk(struct dhcp4_server *s, bool begin, size_t max, int64_t mono,
    int64_t wall,
    void (*each)(void *arg, const struct dhcp4_lease_record *r, bool current), void *arg);
/* An IPv4 packet that some other server sent to a client on this link: a foreign OFFER or
 * ACK fills *ret_event. */
void
dhcp4_server_overhear(
    struct dhcp4_server *s, const struct dhcp4_server_rx *rx, struct event *ret_event);

#endif
