/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One question to the kernel's neighbour cache and its answer: rtnetlink messages (rtnetlink(7)) ↔ values.
 * They are in the machine's own byte order. Pure. */
#ifndef BOOT_SERVICES_NEIGH_MSG_H
#define BOOT_SERVICES_NEIGH_MSG_H

#include "lib/addr.h"
#include "lib/buf.h"

enum {
	NEIGH_MSG_REQUEST_MAX = 64,
	NEIGH_MSG_ANSWER_MAX = 1024, /* an entry takes some hundred octets */
};

/* RTM_GETNEIGH for one IPv6 address on one interface; false when it does not fit or is no such address. */
bool
neigh_msg_build(
    struct wbuf *w, uint32_t seq, unsigned ifindex, const struct addr_ip *ip) MUST_CHECK;
/* 0 with the Ethernet address; -ENOENT: no entry, or one without a confirmed address; -ESRCH: an answer to
 * another question; -EBADMSG: cut off or not of this kind; else the error that the kernel answered. */
int
neigh_msg_parse(const void *data, size_t len, uint32_t seq, unsigned ifindex,
    const struct addr_ip *ip, struct addr_mac *ret) MUST_CHECK;

#endif
