/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The DHCPv6 server's decisions: one packet in, at most one reply, lease records and two events out. Pure:
 * no socket, file, clock or log. dhcp6_io.c feeds it. */
#ifndef BOOT_SERVICES_DHCP6_SERVER_H
#define BOOT_SERVICES_DHCP6_SERVER_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "boot-services/bootd_config.h"
#include "boot-services/dhcp6_lease.h"
#include "boot-services/hosttab.h"
#include "lib/event.h"

enum {
	DHCP6_SERVER_ADDRS_MAX = 32,
	DHCP6_SERVER_LINKS_MAX = BOOTD_CONFIG_IFACES_MAX,
	DHCP6_SERVER_RECORDS_MAX = DHCP6_IAS_MAX * DHCP6_ADDRS_MAX,
};

/* An interface we serve, with our addresses on it, link-local ones too. */
struct dhcp6_server_link {
	char name[IFNAMSIZ];
	unsigned ifindex;
	struct addr_ip addrs[DHCP6_SERVER_ADDRS_MAX];
	size_t n_addrs;
	bool has_ipv6; /* it has an address, perhaps one that is still being checked */
};

/* A datagram as it came. */
struct dhcp6_server_rx {
	const uint8_t *data;
	size_t len;
	size_t link; /* index into the links set last */
	struct addr_ip src, dst;
	uint16_t src_port;
	int64_t mono, wall;
	bool has_neighbour; /* the neighbour cache knows src by this MAC address */
	struct addr_mac neighbour;
};

/* What follows from it. Events with an empty kind are none; the caller takes both. `sent` becomes true,
 * and may go out, only when the reply has left. */
struct dhcp6_server_tx {
	bool reply;
	uint8_t data[DHCP6_PACKET_MAX];
	size_t len;
	struct addr_ip to, from; /* from unset: whichever suits */
	uint16_t to_port;
	bool durable_first; /* the records must be on the disk before the reply leaves */
	struct dhcp6_lease_record records[DHCP6_SERVER_RECORDS_MAX];
	size_t n_records;
	struct event seen, sent;
};

struct dhcp6_server;

/* cfg and table are borrowed; *table may be replaced between calls. `seed` must be random; `duid` is this
 * server's, the same for ever. */
struct dhcp6_server *
dhcp6_server_new(const struct bootd_config *cfg, struct hosttab *const *table,
    const struct dhcp6_duid *duid, uint64_t seed);
void
dhcp6_server_free(struct dhcp6_server *s);
/* Copies them; every address of every link counts as ours. */
void
dhcp6_server_set_links(
    struct dhcp6_server *s, const struct dhcp6_server_link *links, size_t n);
/* A record of the journal, at start. */
void
dhcp6_server_restore(struct dhcp6_server *s, const struct dhcp6_lease_record *r,
    int64_t mono, int64_t wall);
/* Does the datagram leave open which machine sent it, so that `neighbour` is worth asking for? */
bool
dhcp6_server_wants_neighbour(struct dhcp6_server *s, const struct dhcp6_server_rx *rx);
/* Handles a datagram. The caller runs event_done() on both events. */
void
dhcp6_server_handle(struct dhcp6_server *s, const struct dhcp6_server_rx *rx,
    struct dhcp6_server_tx *ret);
/* Calls `each` with the records that a compact journal holds, in turns: see dhcp6_lease_walk(). */
bool
dhcp6_server_walk(struct dhcp6_server *s, bool begin, size_t max, int64_t mono,
    int64_t wall,
    void (*each)(void *arg, const struct dhcp6_lease_record *r, bool current), void *arg);
/* A datagram that some other server sent to a client on this link: an ADVERTISE or REPLY fills
 * *ret_event. */
void
dhcp6_server_overhear(
    struct dhcp6_server *s, const struct dhcp6_server_rx *rx, struct event *ret_event);

#endif
