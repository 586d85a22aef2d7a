/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The DHCPv6 server's outgoing replies.
 *
 * Each leaves by the interface that its request came in on (IPV6_PKTINFO): a link-local address means
 * nothing without one. To such addresses the kernel answers from our own link-local one, as RFC 8415 18.3.10
 * wants; a relay that asked one of our addresses hears from that. A reply that cannot be sent (no route to a
 * relay, say) costs its own event only.
 *
 * Ownership: the queue owns its replies and their events until they are sent or dropped. It grows to the
 * largest batch seen; its user bounds that. */
#include "boot-services/dhcp6_out.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/str.h"

enum { FIRST = 64, CONTROL_SIZE = 64 };

struct dhcp6_out_reply {
	int fd;
	unsigned ifindex;
	struct addr_ip to, from;
	uint16_t to_port;
	size_t len;
	uint8_t data[DHCP6_PACKET_MAX];
	struct event sent;
};

void
dhcp6_out_add(struct dhcp6_out *q, int fd, unsigned ifindex, struct dhcp6_server_tx *tx)
{
	struct dhcp6_out_reply *r;

	if (q->n == q->cap) {
		q->cap = q->cap ? 2 * q->cap : FIRST;
		q->replies = str_realloc(q->replies, q->cap * sizeof(*q->replies));
	}
	r = &q->replies[q->n++];
	r->fd = fd;
	r->ifindex = ifindex;
	r->to = tx->to;
	r->to_port = tx->to_port;
	r->from = tx->from;
	r->len = tx->len;
	memcpy(r->data, tx->data, tx->len);
	r->sent = tx->sent;
	tx->sent.kind[0] = '\0';
	tx->sent.detail = NULL;
}

static void
tell(struct evsink *events, struct event *ev)
{
	if (ev->kind[0] != '\0')
		evsink_emit(events, ev);
	event_done(ev);
}

static void
tell_failure(struct evsink *events, struct event *ev, const char *what, int error)
{
	if (ev->kind[0] != '\0') {
		event_put(ev, "reply", ev->kind);
		str_clip(ev->kind, sizeof(ev->kind), "dhcp6.ignored");
		snprintf(ev->reason, sizeof(ev->reason), "%s: %s", what, strerror(error));
	}
	tell(events, ev);
}

static int
send_one(const struct dhcp6_out_reply *r)
{
	union {
		char buf[CONTROL_SIZE];
		struct cmsghdr align;
	} control = {.buf = {0}};
	struct in6_pktinfo info = {.ipi6_ifindex = r->ifindex};
	struct sockaddr_in6 to = {.sin6_family = AF_INET6,
	    .sin6_port = htons(r->to_port),
	    .sin6_scope_id = r->ifindex};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)r->data, .iov_len = r->len};
	struct msghdr h = {.msg_name = &to,
	    .msg_namelen = sizeof(to),
	    .msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.buf,
	    .msg_controllen = CMSG_SPACE(sizeof(info))};
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);

	memcpy(&to.sin6_addr, r->to.b, sizeof(to.sin6_addr));
	if (r->from.family == AF_INET6)
		memcpy(&info.ipi6_addr, r->from.b, sizeof(info.ipi6_addr));
	c->cmsg_level = IPPROTO_IPV6;
	c->cmsg_type = IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	while (sendmsg(r->fd, &h, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

void
dhcp6_out_send(struct dhcp6_out *q, struct evsink *events)
{
	for (size_t i = 0; i < q->n; i++) {
		int r = send_one(&q->replies[i]);

		if (r < 0)
			tell_failure(events, &q->replies[i].sent,
			    "the reply could not be sent", -r);
		else
			tell(events, &q->replies[i].sent);
	}
	q->n = 0;
}

void
dhcp6_out_drop(struct dhcp6_out *q, struct evsink *events, const char *what, int error)
{
	for (size_t i = 0; i < q->n; i++)
		tell_failure(events, &q->replies[i].sent, what, error);
	q->n = 0;
}

void
dhcp6_out_done(struct dhcp6_out *q)
{
	for (size_t i = 0; i < q->n; i++)
		event_done(&q->replies[i].sent);
	free(q->replies);
	*q = (struct dhcp6_out){.n = 0};
}
