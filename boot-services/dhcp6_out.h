/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Replies of the DHCPv6 server that wait for the end of a batch, or for their leases to be on the disk, and
 * their sending. Each goes with the event that tells of it: told when the reply has left, and turned into
 * dhcp6.ignored with the reason when it has not. */
#ifndef BOOT_SERVICES_DHCP6_OUT_H
#define BOOT_SERVICES_DHCP6_OUT_H

#include "boot-services/dhcp6_server.h"
#include "boot-services/evsink.h"

struct dhcp6_out_reply;

/* All zero: empty. */
struct dhcp6_out {
	struct dhcp6_out_reply *replies;
	size_t n, cap;
};

/* Copies the reply and takes tx->sent. */
void
dhcp6_out_add(struct dhcp6_out *q, int fd, unsigned ifindex, struct dhcp6_server_tx *tx);
/* Sends everything, in order; the queue is empty then. */
void
dhcp6_out_send(struct dhcp6_out *q, struct evsink *events);
/* Sends nothing of it; `error` is a positive errno. */
void
dhcp6_out_drop(struct dhcp6_out *q, struct evsink *events, const char *what, int error);
void
dhcp6_out_done(struct dhcp6_out *q);

#endif
