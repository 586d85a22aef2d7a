/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The DHCPv4 server's outgoing replies.
 *
 * dhcp4_out_send() hands runs of replies for one socket to the kernel by sendmmsg(2). The source
 * address is set by IP_PKTINFO: a client must hear from the address that the reply names as its
 * server. A reply that cannot be sent (no route to a relay, say) costs its own event only.
 *
 * Ownership: the queue owns its replies and their events until they are sent or dropped. It grows to
 * the largest batch seen; its user bounds that. */
#include "boot-services/dhcp4_out.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/str.h"

enum { BATCH = 64, CONTROL_SIZE = 64 };

struct dhcp4_out_reply {
	int fd;
	uint32_t to_ip, from_ip;
	uint16_t to_port;
	size_t len;
	uint8_t data[DHCP4_PACKET_MAX];
	struct event sent;
};

void
dhcp4_out_add(struct dhcp4_out *q, int fd, struct dhcp4_server_tx *tx)
{
	struct dhcp4_out_reply *r;

	if (q->n == q->cap) {
		q->cap = q->cap ? 2 * q->cap : BATCH;
		q->replies = str_realloc(q->replies, q->cap * sizeof(*q->replies));
	}
	r = &q->replies[q->n++];
	r->fd = fd;
	r->to_ip = tx->to_ip;
	r->to_port = tx->to_port;
	r->from_ip = tx->from_ip;
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

/* The reply did not leave: the event says so instead of claiming it. */
static void
tell_failure(struct evsink *events, struct event *ev, const char *what, int error)
{
	if (ev->kind[0] != '\0') {
		event_put(ev, "reply", ev->kind);
		str_clip(ev->kind, sizeof(ev->kind), "dhcp4.ignored");
		snprintf(ev->reason, sizeof(ev->reason), "%s: %s", what, strerror(error));
	}
	tell(events, ev);
}

struct outgoing {
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_in to[BATCH];
	union {
		char buf[CONTROL_SIZE];
		struct cmsghdr align;
	} control[BATCH];
};

static void
prepare(struct outgoing *o, size_t i, struct dhcp4_out_reply *r)
{
	struct msghdr *h = &o->msgs[i].msg_hdr;
	struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl(r->from_ip)};
	struct cmsghdr *c;

	o->to[i] = (struct sockaddr_in){.sin_family = AF_INET,
	    .sin_port = htons(r->to_port),
	    .sin_addr.s_addr = htonl(r->to_ip)};
	o->iov[i] = (struct iovec){.iov_base = r->data, .iov_len = r->len};
	*h = (struct msghdr){.msg_name = &o->to[i],
	    .msg_namelen = sizeof(o->to[i]),
	    .msg_iov = &o->iov[i],
	    .msg_iovlen = 1,
	    .msg_control = o->control[i].buf,
	    .msg_controllen = CMSG_SPACE(sizeof(info))};
	c = CMSG_FIRSTHDR(h);
	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
}

/* One run of replies that leave through the same socket. */
static void
send_run(struct dhcp4_out_reply *r, size_t n, struct evsink *events)
{
	struct outgoing o;
	size_t at = 0;

	for (size_t i = 0; i < n; i++)
		prepare(&o, i, &r[i]);
	while (at < n) {
		int sent = sendmmsg(r->fd, &o.msgs[at], (unsigned)(n - at), 0);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0) {
			tell_failure(
			    events, &r[at++].sent, "the reply could not be sent", errno);
			continue;
		}
		for (int i = 0; i < sent; i++)
			tell(events, &r[at++].sent);
	}
}

void
dhcp4_out_send(struct dhcp4_out *q, struct evsink *events)
{
	size_t from = 0;

	while (from < q->n) {
		size_t n = 1;

		while (from + n < q->n && n < BATCH &&
		       q->replies[from + n].fd == q->replies[from].fd)
			n++;
		send_run(&q->replies[from], n, events);
		from += n;
	}
	q->n = 0;
}

void
dhcp4_out_drop(struct dhcp4_out *q, struct evsink *events, const char *what, int error)
{
	for (size_t i = 0; i < q->n; i++)
		tell_failure(events, &q->replies[i].sent, what, error);
	q->n = 0;
}

void
dhcp4_out_done(struct dhcp4_out *q)
{
	for (size_t i = 0; i < q->n; i++)
		event_done(&q->replies[i].sent);
	free(q->replies);
	*q = (struct dhcp4_out){.n = 0};
}
