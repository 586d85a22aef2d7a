/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Outgoing replies of the DHCP servers.
 *
 * dhcp_out_send() hands runs of replies for one socket to the kernel by sendmmsg(2). The source is set by
 * IP_PKTINFO or IPV6_PKTINFO. An IPv4 client must hear from the address that the reply names as its server. An
 * IPv6 reply leaves by the interface that its request came in on: to link-local addresses the kernel then
 * answers from our own link-local one, as RFC 8415 18.3.10 wants, and a relay that asked one of our addresses
 * hears from that. A reply that cannot be sent (no route to a relay, say) costs its own event only.
 *
 * Ownership: the queue owns its replies and their events until they are sent or dropped. It grows to the
 * largest batch seen; its user bounds that. */
#include "boot-services/dhcp_out.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/str.h"

enum { BATCH = 64, CONTROL_SIZE = 64 };

struct dhcp_out_reply {
	struct dhcp_out_packet packet; /* its data is here */
	struct event sent;
	uint8_t data[DHCP_OUT_SIZE_MAX];
};

void
dhcp_out_add(struct dhcp_out *q, const struct dhcp_out_packet *p, struct event *sent)
{
	struct dhcp_out_reply *r;

	assert(p->len <= sizeof(r->data));
	if (q->n == q->cap) {
		q->cap = q->cap ? 2 * q->cap : BATCH;
		q->replies = str_realloc(q->replies, q->cap * sizeof(*q->replies));
	}
	r = &q->replies[q->n++];
	r->packet = *p;
	r->packet.data = NULL;
	memcpy(r->data, p->data, p->len);
	r->sent = *sent;
	sent->kind[0] = '\0';
	sent->detail = NULL;
}

void
dhcp_out_tell(struct evsink *events, struct event *ev)
{
	if (ev->kind[0] != '\0')
		evsink_emit(events, ev);
	event_done(ev);
}

/* The reply did not leave: the event says so instead of claiming it. */
static void
tell_failure(struct evsink *events, struct dhcp_out_reply *r, const char *what, int error)
{
	struct event *ev = &r->sent;

	if (ev->kind[0] != '\0') {
		event_put(ev, "reply", ev->kind);
		str_clip(ev->kind, sizeof(ev->kind),
		    r->packet.to.family == AF_INET6 ? "dhcp6.ignored" : "dhcp4.ignored");
		snprintf(ev->reason, sizeof(ev->reason), "%s: %s", what, strerror(error));
	}
	dhcp_out_tell(events, ev);
}

struct outgoing {
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_storage to[BATCH];
	union {
		char buf[CONTROL_SIZE];
		struct cmsghdr align;
	} control[BATCH];
};

static void
put_control(struct msghdr *h, int level, int type, const void *info, size_t len)
{
	struct cmsghdr *c;

	h->msg_controllen = CMSG_SPACE(len);
	c = CMSG_FIRSTHDR(h);
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), info, len);
}

static void
put_source(struct msghdr *h, const struct dhcp_out_packet *p)
{
	struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl(addr_ip_v4(&p->from))};
	struct in6_pktinfo info6 = {.ipi6_ifindex = p->ifindex};

	if (p->to.family == AF_INET) {
		put_control(h, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
		return;
	}
	if (p->from.family == AF_INET6)
		memcpy(&info6.ipi6_addr, p->from.b, sizeof(info6.ipi6_addr));
	put_control(h, IPPROTO_IPV6, IPV6_PKTINFO, &info6, sizeof(info6));
}

static void
prepare(struct outgoing *o, size_t i, struct dhcp_out_reply *r)
{
	struct msghdr *h = &o->msgs[i].msg_hdr;
	const struct dhcp_out_packet *p = &r->packet;

	o->iov[i] = (struct iovec){.iov_base = r->data, .iov_len = p->len};
	*h = (struct msghdr){.msg_name = &o->to[i],
	    .msg_namelen =
		addr_ip_sockaddr_scoped(&p->to, p->to_port, p->ifindex, &o->to[i]),
	    .msg_iov = &o->iov[i],
	    .msg_iovlen = 1,
	    .msg_control = o->control[i].buf};
	put_source(h, p);
}

/* One run of replies that leave through the same socket. */
static void
send_run(struct dhcp_out_reply *r, size_t n, struct evsink *events)
{
	struct outgoing o;
	size_t at = 0;

	for (size_t i = 0; i < n; i++)
		prepare(&o, i, &r[i]);
	while (at < n) {
		int sent = sendmmsg(r->packet.fd, &o.msgs[at], (unsigned)(n - at), 0);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0) {
			tell_failure(
			    events, &r[at++], "the reply could not be sent", errno);
			continue;
		}
		for (int i = 0; i < sent; i++)
			dhcp_out_tell(events, &r[at++].sent);
	}
}

void
dhcp_out_send(struct dhcp_out *q, struct evsink *events)
{
	size_t from = 0;

	while (from < q->n) {
		const struct dhcp_out_reply *first = &q->replies[from];
		size_t n = 1;

		while (from + n < q->n && n < BATCH &&
		       first[n].packet.fd == first->packet.fd)
			n++;
		send_run(&q->replies[from], n, events);
		from += n;
	}
	q->n = 0;
}

void
dhcp_out_drop(struct dhcp_out *q, struct evsink *events, const char *what, int error)
{
	for (size_t i = 0; i < q->n; i++)
		tell_failure(events, &q->replies[i], what, error);
	q->n = 0;
}

void
dhcp_out_done(struct dhcp_out *q)
{
	for (size_t i = 0; i < q->n; i++)
		event_done(&q->replies[i].sent);
	free(q->replies);
	*q = (struct dhcp_out){.n = 0};
}
