/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One socket for all simulated BMCs at a port, for more of them than there may be descriptors:
 * bound to the wildcard address on the loopback interface. The address that a packet was sent
 * to says which BMC is meant, and is the source of the answer. Only for addresses of
 * 127.0.0.0/8. Entry points: bmcsim_wide_add(), bmcsim_wide_send(). */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "lib/str.h"
#include "tests/fake/bmcsim_sim.h"

/* Ten thousand BMCs may be spoken to at once. */
enum { RECEIVE_BUFFER = 32 << 20, AT_ONCE = 64 };

struct bmcsim_wide {
	struct bmcsim_sim *sim;
	uint16_t port;
	int fd;
	struct event *readable;
	struct bmcsim_node *nodes; /* by address */
	struct bmcsim_wide *next;
};

union control {
	struct cmsghdr head; /* for its alignment */
	uint8_t room[CMSG_SPACE(sizeof(struct in_pktinfo))];
};

static struct bmcsim_node *
find(struct bmcsim_wide *w, struct msghdr *m)
{
	struct in_pktinfo info;
	struct bmcsim_node *node = NULL;
	uint32_t to;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_PKTINFO)
			continue;
		memcpy(&info, CMSG_DATA(c), sizeof info);
		to = info.ipi_addr.s_addr;
		HASH_FIND(hh, w->nodes, &to, sizeof to, node);
	}
	return node;
}

static void
on_packets(evutil_socket_t fd, short what, void *arg)
{
	struct bmcsim_wide *w = arg;

	(void)what;
	for (int i = 0; i < AT_ONCE; i++) {
		uint8_t pkt[BMCSIM_PACKET_MAX];
		union control control;
		struct sockaddr_storage from;
		struct iovec iov = {pkt, sizeof pkt};
		struct msghdr m = {.msg_name = &from,
		    .msg_namelen = sizeof from,
		    .msg_iov = &iov,
		    .msg_iovlen = 1,
		    .msg_control = control.room,
		    .msg_controllen = sizeof control.room};
		ssize_t n = recvmsg(fd, &m, 0);
		struct bmcsim_node *node;

		if (n < 0)
			return;
		node = n > 0 ? find(w, &m) : NULL;
		if (node != NULL)
			bmcsim_node_input(node, pkt, (size_t)n, &from, m.msg_namelen);
	}
}

static int
open_socket(uint16_t port)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, size = RECEIVE_BUFFER, r;
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on) < 0 ||
	    bind(fd, (struct sockaddr *)&sin, sizeof sin) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	return fd;
}

static struct bmcsim_wide *
at_port(struct bmcsim_sim *sim, uint16_t port)
{
	struct bmcsim_wide *w;
	int fd;

	LL_FOREACH (sim->wide, w)
		if (w->port == port)
			return w;
	fd = open_socket(port);
	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	w = str_alloc(sizeof *w);
	w->sim = sim;
	w->port = port;
	w->fd = fd;
	w->readable = event_new(sim->base, fd, EV_READ | EV_PERSIST, on_packets, w);
	event_add(w->readable, NULL);
	LL_PREPEND(sim->wide, w);
	return w;
}

int
bmcsim_wide_add(struct bmcsim_sim *sim, struct bmcsim_node *node,
    const struct addr_ip *ip, uint16_t port)
{
	struct bmcsim_wide *w = at_port(sim, port);
	struct bmcsim_node *other;

	if (w == NULL)
		return -errno;
	memcpy(&node->ip4, ip->b, sizeof node->ip4);
	HASH_FIND(hh, w->nodes, &node->ip4, sizeof node->ip4, other);
	if (other != NULL)
		return -EADDRINUSE;
	HASH_ADD(hh, w->nodes, ip4, sizeof node->ip4, node);
	node->wide = w;
	return 0;
}

void
bmcsim_wide_send(struct bmcsim_node *node, const struct sockaddr_storage *to,
    socklen_t to_len, const uint8_t *pkt, size_t len)
{
	struct sockaddr_storage name = *to;
	struct iovec iov = {NULL, len};
	union control control = {.room = {0}};
	struct msghdr m = {.msg_name = &name,
	    .msg_namelen = to_len,
	    .msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.room,
	    .msg_controllen = sizeof control.room};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	struct in_pktinfo info = {.ipi_spec_dst = {node->ip4}};
	uint8_t copy[BMCSIM_PACKET_MAX];

	memcpy(copy, pkt, len);
	iov.iov_base = copy;
	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof info);
	memcpy(CMSG_DATA(c), &info, sizeof info);
	(void)!sendmsg(node->wide->fd, &m, 0);
}

void
bmcsim_wide_close(struct bmcsim_sim *sim)
{
	struct bmcsim_wide *w, *next;

	LL_FOREACH_SAFE(sim->wide, w, next)
	{
		HASH_CLEAR(hh, w->nodes);
		event_free(w->readable);
		close(w->fd);
		free(w);
	}
}
