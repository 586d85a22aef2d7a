/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Addresses that this machine loses, of rtnetlink(7).
 *
 * Entry points: address_watch_io_new(); address_watch_io_read() is what it reads with. A connection whose own address is gone
 * is not closed by the kernel: what is sent is dropped on the way out, and both ends wait for their times to be over.
 * Whoever has such a connection is told here, and makes another one.
 * Ownership: a watch owns its socket and its event. Failure modes: without the socket nothing is told, and connections end
 * by their times, as before; when the kernel had to drop messages every address may be one of them. */
#include "agent/address_watch_io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/compiler.h"
#include "lib/str.h"

enum { ROOM = 16 * 1024 };

struct address_watch_io {
	int fd;
	struct event *event;
	void (*gone)(void *arg, const char *address);
	void *arg;
};

/* Messages and attributes begin at multiples of four; after the last one nothing needs to be. */
static size_t
step_of(size_t len, size_t left)
{
	return NLMSG_ALIGN(len) < left ? NLMSG_ALIGN(len) : left;
}

/* The attribute is the interface's own address (IFA_LOCAL), or on links without a peer IFA_ADDRESS, which is the same. */
static bool
own_address(const struct nlmsghdr *h, char *ret, socklen_t size)
{
	const struct ifaddrmsg *m = NLMSG_DATA(h);
	size_t left = IFA_PAYLOAD(h), step;
	size_t octets = m->ifa_family == AF_INET ? 4 : 16;
	const void *found = NULL;

	if (m->ifa_family != AF_INET && m->ifa_family != AF_INET6)
		return false;
	for (const char *at = (const char *)IFA_RTA(m); left >= sizeof(struct rtattr);
	     at += step, left -= step) {
		const struct rtattr *a = (const void *)at;

		if (a->rta_len < sizeof(*a) || a->rta_len > left)
			break;
		step = step_of(a->rta_len, left);
		if (RTA_PAYLOAD(a) != octets)
			continue;
		if (a->rta_type == IFA_LOCAL ||
		    (a->rta_type == IFA_ADDRESS && found == NULL))
			found = RTA_DATA(a);
	}
	return found != NULL && inet_ntop(m->ifa_family, found, ret, size) != NULL;
}

void
address_watch_io_read(
    const void *data, size_t len, void (*gone)(void *arg, const char *address), void *arg)
{
	char text[INET6_ADDRSTRLEN];
	size_t left = len, step;

	for (const char *at = data; left >= sizeof(struct nlmsghdr);
	     at += step, left -= step) {
		const struct nlmsghdr *h = (const void *)at;

		if (h->nlmsg_len < sizeof(*h) || h->nlmsg_len > left)
			return;
		step = step_of(h->nlmsg_len, left);
		if (h->nlmsg_type == RTM_DELADDR &&
		    h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct ifaddrmsg)) &&
		    own_address(h, text, sizeof(text)))
			gone(arg, text);
	}
}

static void
on_readable(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct address_watch_io *w = arg;
	/* Aligned as what is in it. */
	union {
		struct nlmsghdr head;
		char octets[ROOM];
	} buf;
	struct sockaddr_nl from = {.nl_family = AF_NETLINK};
	socklen_t from_len = sizeof(from);
	ssize_t n = recvfrom(w->fd, buf.octets, sizeof(buf.octets), 0,
	    (struct sockaddr *)&from, &from_len);

	if (n < 0 && errno == ENOBUFS)
		w->gone(w->arg, "");
	/* Programs may send to it, too. */
	if (n > 0 && from.nl_pid == 0)
		address_watch_io_read(buf.octets, (size_t)n, w->gone, w->arg);
}

struct address_watch_io *
address_watch_io_new(struct event_base *base,
    void (*gone)(void *arg, const char *address), void *arg, struct error *err)
{
	const struct sockaddr_nl self = {.nl_family = AF_NETLINK,
	    .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
	int fd =
	    socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct address_watch_io *w;

	if (fd < 0 || bind(fd, (const struct sockaddr *)&self, sizeof(self)) < 0) {
		error_set(err, -errno, "netlink",
		    "allow the agent AF_NETLINK, as its unit does",
		    "cannot watch the addresses of this machine: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	w = str_alloc(sizeof(*w));
	w->fd = fd;
	w->gone = gone;
	w->arg = arg;
	w->event = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, w);
	if (w->event == NULL || event_add(w->event, NULL) < 0)
		abort();
	return w;
}

void
address_watch_io_free(struct address_watch_io *w)
{
	if (w == NULL)
		return;
	event_free(w->event);
	close(w->fd);
	free(w);
}
