/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Replies of a DHCP server, of either family, that wait for the end of a batch or for their leases to be on the
 * disk, and their sending. Each goes with the event that tells of it: told when the reply has left, and turned
 * into dhcp4.ignored or dhcp6.ignored with the reason when it has not. */
#ifndef BOOT_SERVICES_DHCP_OUT_H
#define BOOT_SERVICES_DHCP_OUT_H

#include "boot-services/evsink.h"

enum { DHCP_OUT_SIZE_MAX = 1472 };

/* What leaves by which socket, from where to where. */
struct dhcp_out_packet {
	int fd;
	unsigned ifindex;  /* of IPv6: its link-local addresses mean nothing without it */
	struct addr_ip to; /* its family is the packet's */
	struct addr_ip from; /* of IPv6 it may be unset: the kernel chooses */
	uint16_t to_port;
	size_t len; /* at most DHCP_OUT_SIZE_MAX */
	const uint8_t *data;
};

struct dhcp_out_reply;

/* All zero: empty. */
struct dhcp_out {
	struct dhcp_out_reply *replies;
	size_t n, cap;
};

/* Copies the packet and takes `sent`. */
void
dhcp_out_add(struct dhcp_out *q, const struct dhcp_out_packet *p, struct event *sent);
/* Sends everything, in order; the queue is empty then. */
void
dhcp_out_send(struct dhcp_out *q, struct evsink *events);
/* Sends nothing of it; `error` is a positive errno. */
void
dhcp_out_drop(struct dhcp_out *q, struct evsink *events, const char *what, int error);
void
dhcp_out_done(struct dhcp_out *q);

/* Emits an event unless its kind is empty; takes it either way. */
void
dhcp_out_tell(struct evsink *events, struct event *ev);

#endif
