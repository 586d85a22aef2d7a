/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Router advertisements: what is said on which link, and when (RFC 4861 6.2). Pure: packets, addresses
 * and time come in, packets and events go out. */
#ifndef BOOT_SERVICES_RA_SERVER_H
#define BOOT_SERVICES_RA_SERVER_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "boot-services/hosttab.h"
#include "boot-services/ra_proto.h"
#include "lib/event.h"
#include "lib/rng.h"

struct ra_server;

enum { RA_SERVER_ADDRS_MAX = 64, RA_SERVER_OUT_MAX = 4 };

/* What an interface has now. */
struct ra_server_addrs {
	struct addr_ip
	    link_local; /* unset: none that may be used yet, and nothing is sent */
	bool has_mac;
	struct addr_mac mac;
	struct addr_ip own[RA_SERVER_ADDRS_MAX];
	size_t n_own;
};

struct ra_server_rx {
	struct addr_ip src;
	int hop_limit;
	const uint8_t *data;
	size_t len;
};

struct ra_server_packet {
	struct addr_ip to; /* ff02::1, ff02::2 or a machine */
	uint8_t data[RA_PACKET_MAX];
	size_t len;
};

/* What one call made; of one link. The events have no time yet; the caller emits them or runs
 * event_done(). */
struct ra_server_out {
	struct ra_server_packet packets[RA_SERVER_OUT_MAX];
	size_t n_packets;
	struct event events[RA_SERVER_OUT_MAX];
	size_t n_events;
};

/* `serves_v4`: interfaces without an IPv6 subnet get the minimal advertisement that keeps iPXE from
 * waiting. All are borrowed. */
struct ra_server *
ra_server_new(struct hosttab *const *table, bool serves_v4, struct rng *rng);
void
ra_server_free(struct ra_server *s); /* NULL allowed */
/* Returns its number, from 0 on. At most BOOTD_CONFIG_IFACES_MAX. */
size_t
ra_server_add_link(struct ra_server *s, const char *name);
/* The interface's addresses or the table may have changed. `now` is clock_mono(), here and below. */
void
ra_server_refresh(struct ra_server *s, size_t link, const struct ra_server_addrs *addrs,
    int64_t now, struct ra_server_out *out);
void
ra_server_on_packet(struct ra_server *s, size_t link, const struct ra_server_rx *rx,
    int64_t now, struct ra_server_out *out);
/* To be called at ra_server_next() or later. */
void
ra_server_on_time(
    struct ra_server *s, size_t link, int64_t now, struct ra_server_out *out);
/* INT64_MAX: nothing is due. */
int64_t
ra_server_next(const struct ra_server *s, size_t link);
/* The last word: a router takes itself back. */
void
ra_server_stop(struct ra_server *s, size_t link, struct ra_server_out *out);

#endif
