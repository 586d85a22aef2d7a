/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Replies of the DHCPv4 server that wait for the end of a batch, or for their leases to be on the
 * disk, and their sending. Each goes with the event that tells of it: told when the reply has left,
 * and turned into dhcp4.ignored with the reason when it has not. */
#ifndef BOOT_SERVICES_DHCP4_OUT_H
#define BOOT_SERVICES_DHCP4_OUT_H

#include "boot-services/dhcp4_server.h"
#include "boot-services/evsink.h"

struct dhcp4_out_reply;

/* All zero: empty. */
struct dhcp4_out {
	struct dhcp4_out_reply *replies;
	size_t n, cap;
};

/* Copies the reply and takes tx->sent. */
void
dhcp4_out_add(struct dhcp4_out *q, int fd, struct dhcp4_server_tx *tx);
/* Sends everything, in order; the queue is empty then. */
void
dhcp4_out_send(struct dhcp4_out *q, struct evsink *events);
/* Sends nothing of it; `error` is a positive errno. */
void
dhcp4_out_drop(struct dhcp4_out *q, struct evsink *events, const char *what, int error);
void
dhcp4_out_done(struct dhcp4_out *q);

#endif
