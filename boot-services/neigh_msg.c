/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The neighbour cache's messages, for one address at a time.
 *
 * neigh_msg_build() makes the request that Linux answers since 5.0, neigh_msg_parse() reads the one message
 * that comes back: RTM_NEWNEIGH, or NLMSG_ERROR. The kernel checks requests strictly: everything but family,
 * interface and NDA_DST must be zero.
 *
 * An entry counts only while its link-layer address holds for the kernel itself, and only when it is the
 * address of one Ethernet port. Lengths inside a message are trusted no more than a packet's; the headers are
 * copied out, never pointed at.
 *
 * Failure modes: everything unexpected is -EBADMSG. */
#include "boot-services/neigh_msg.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/str.h"

enum {
	/* States in which the kernel itself would send there; NOARP is for groups and loopback. */
	STATES_GOOD = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT,
};

bool
neigh_msg_build(struct wbuf *w, uint32_t seq, unsigned ifindex, const struct addr_ip *ip)
{
	const struct ndmsg nd = {.ndm_family = AF_INET6, .ndm_ifindex = (int32_t)ifindex};
	const struct rtattr attr = {
	    .rta_len = RTA_LENGTH(sizeof(ip->b)), .rta_type = NDA_DST};
	const struct nlmsghdr h = {
	    .nlmsg_len = NLMSG_LENGTH(sizeof(nd)) + RTA_SPACE(sizeof(ip->b)),
	    .nlmsg_type = RTM_GETNEIGH,
	    .nlmsg_flags = NLM_F_REQUEST,
	    .nlmsg_seq = seq};

	if (ip->family != AF_INET6)
		return false;
	wbuf_bytes(w, &h, sizeof(h));
	wbuf_bytes(w, &nd, sizeof(nd));
	wbuf_bytes(w, &attr, sizeof(attr));
	wbuf_bytes(w, ip->b, sizeof(ip->b));
	return wbuf_ok(w);
}

/* The attributes that matter; false when one is cut off. */
struct entry {
	struct addr_ip ip;
	struct addr_mac mac;
	bool has_mac;
};

static bool
read_attributes(struct rbuf *r, struct entry *ret)
{
	while (rbuf_left(r) >= sizeof(struct rtattr)) {
		struct rtattr attr;
		struct rbuf v;

		rbuf_copy(r, &attr, sizeof(attr));
		if (attr.rta_len < sizeof(attr))
			return false;
		v = rbuf_sub(r, attr.rta_len - sizeof(attr));
		if (!rbuf_ok(r))
			return false;
		if (attr.rta_type == NDA_DST && rbuf_left(&v) == sizeof(ret->ip.b)) {
			ret->ip.family = AF_INET6;
			rbuf_copy(&v, ret->ip.b, sizeof(ret->ip.b));
		} else if (attr.rta_type == NDA_LLADDR &&
			   rbuf_left(&v) == sizeof(ret->mac.b)) {
			ret->has_mac = true;
			rbuf_copy(&v, ret->mac.b, sizeof(ret->mac.b));
		}
		/* The last one may come without its padding. */
		if (rbuf_left(r) >= RTA_ALIGN(attr.rta_len) - attr.rta_len)
			rbuf_skip(r, RTA_ALIGN(attr.rta_len) - attr.rta_len);
	}
	return true;
}

static int
read_entry(
    struct rbuf r, unsigned ifindex, const struct addr_ip *ip, struct addr_mac *ret)
{
	static const struct addr_mac nobody;
	struct entry e = {.has_mac = false};
	struct ndmsg nd;

	rbuf_copy(&r, &nd, sizeof(nd));
	if (!rbuf_ok(&r) || !read_attributes(&r, &e) || nd.ndm_family != AF_INET6 ||
	    nd.ndm_ifindex != (int32_t)ifindex || !addr_ip_eq(&e.ip, ip))
		return -EBADMSG;
	if (!(nd.ndm_state & STATES_GOOD) || !e.has_mac || (e.mac.b[0] & 1) ||
	    addr_mac_eq(&e.mac, &nobody))
		return -ENOENT;
	*ret = e.mac;
	return 0;
}

static int
read_error(struct rbuf r)
{
	int32_t error;

	rbuf_copy(&r, &error, sizeof(error));
	/* 0 acknowledges, which nobody asked for. */
	if (!rbuf_ok(&r) || error >= 0 || error < -4095)
		return -EBADMSG;
	return error == -ESRCH ? -EBADMSG : error;
}

int
neigh_msg_parse(const void *data, size_t len, uint32_t seq, unsigned ifindex,
    const struct addr_ip *ip, struct addr_mac *ret)
{
	struct rbuf r = rbuf_init(data, len);
	struct nlmsghdr h;
	struct rbuf body;

	rbuf_copy(&r, &h, sizeof(h));
	if (!rbuf_ok(&r) || h.nlmsg_len < sizeof(h))
		return -EBADMSG;
	body = rbuf_sub(&r, h.nlmsg_len - sizeof(h));
	if (!rbuf_ok(&r))
		return -EBADMSG;
	if (h.nlmsg_seq != seq)
		return -ESRCH;
	switch (h.nlmsg_type) {
	case NLMSG_ERROR: return read_error(body);
	case RTM_NEWNEIGH: return read_entry(body, ifindex, ip, ret);
	default: return -EBADMSG;
	}
}
