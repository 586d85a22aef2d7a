/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The NETLINK_ROUTE socket by which the neighbour cache is asked.
 *
 * The kernel handles a request inside of send(): the answer is there when that returns, so that nothing waits
 * and no event is needed. Only one address is asked for at a time, never the whole cache, which a hostile
 * network can fill.
 *
 * neigh_io_open() needs socket(AF_NETLINK), which the sandbox refuses later; send and receive on it are
 * allowed. It is connected to the kernel, and what another process sent is not read as an answer. An answer that
 * was lost (ENOBUFS) is an error of that one question; one that belongs to an earlier question is skipped.
 *
 * Ownership: struct neigh_io owns its socket. */
#include "boot-services/neigh_io.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "boot-services/neigh_msg.h"
#include "lib/str.h"

enum { ANSWERS_MAX = 8 }; /* left over from earlier questions, and the one wanted */

struct neigh_io {
	int fd;
	uint32_t seq;
};

int
neigh_io_open(struct neigh_io **ret)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	struct neigh_io *n;
	int fd =
	    socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
	int r;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	n = str_alloc(sizeof(*n));
	n->fd = fd;
	*ret = n;
	return 0;
}

/* The octets of one message of the kernel's; its true length, which may be more than fits. */
static ssize_t
receive(int fd, void *data, size_t size)
{
	struct sockaddr_nl from = {.nl_family = AF_NETLINK};
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(
	    fd, data, size, MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from, &len);

	if (n < 0)
		return -errno;
	return from.nl_pid == 0 ? n : 0;
}

int
neigh_io_find(
    struct neigh_io *n, unsigned ifindex, const struct addr_ip *ip, struct addr_mac *ret)
{
	uint8_t request[NEIGH_MSG_REQUEST_MAX], answer[NEIGH_MSG_ANSWER_MAX];
	struct wbuf w = wbuf_init(request, sizeof(request));
	int r;

	if (!neigh_msg_build(&w, ++n->seq, ifindex, ip))
		return -EINVAL;
	if (send(n->fd, request, w.len, MSG_DONTWAIT) < 0)
		return -errno;
	for (int i = 0; i < ANSWERS_MAX; i++) {
		ssize_t got = receive(n->fd, answer, sizeof(answer));

		if (got < 0)
			return (int)got;
		if ((size_t)got > sizeof(answer))
			return -EMSGSIZE;
		if (got == 0)
			continue;
		r = neigh_msg_parse(answer, (size_t)got, n->seq, ifindex, ip, ret);
		if (r != -ESRCH)
			return r;
	}
	return -EBADMSG;
}

void
neigh_io_close(struct neigh_io *n)
{
	if (!n)
		return;
	close(n->fd);
	free(n);
}
