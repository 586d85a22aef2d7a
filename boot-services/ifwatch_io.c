/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Interfaces that go and come again.
 *
 * A socket is bound to an interface by its index. When a bridge or VLAN is deleted and
 * made anew (ifreload, a restart of the network), its index is another one and the old
 * sockets hear nothing for ever, without any error. To bind new ones needs the privileges
 * that were given up; so bootd ends and whoever started it starts it again.
 *
 * Polled rather than told by netlink: one ioctl per interface, and the sandbox needs no
 * other socket family. Failure modes: without a descriptor there is nothing to look with,
 * and the next turn tries again. */
#include "boot-services/ifwatch_io.h"

#include <errno.h>
#include <event2/event.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/str.h"

enum { LOOK_S = 2 };

struct ifwatch_io {
	const struct bootd_config *cfg;
	const struct ifwatch_io_ops *ops;
	void *arg;
	int index[BOOTD_CONFIG_IFACES_MAX];
	bool gone[BOOTD_CONFIG_IFACES_MAX];
	struct event *look;
};

/* 0 when there is none; -1 when that cannot be told. */
static int
index_of(int fd, const char *iface)
{
	struct ifreq req = {0};

	str_clip(req.ifr_name, sizeof(req.ifr_name), iface);
	if (ioctl(fd, SIOCGIFINDEX, &req) == 0)
		return req.ifr_ifindex;
	return errno == ENODEV ? 0 : -1;
}

static void
look(struct ifwatch_io *w, int fd)
{
	for (size_t i = 0; i < w->cfg->n_ifaces; i++) {
		const char *iface = w->cfg->ifaces[i];
		int now = index_of(fd, iface);

		if (now < 0)
			continue;
		if (now > 0 && now != w->index[i]) {
			event_del(w->look);
			w->ops->on_replaced(w->arg, iface);
			return;
		}
		if (now == 0 && !w->gone[i])
			w->ops->on_gone(w->arg, iface);
		w->gone[i] = now == 0;
	}
}

static void
on_look(evutil_socket_t unused UNUSED, short what UNUSED, void *arg)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	look(arg, fd);
	close(fd);
}

struct ifwatch_io *
ifwatch_io_open(struct event_base *base, const struct bootd_config *cfg,
    const struct ifwatch_io_ops *ops, void *arg)
{
	struct ifwatch_io *w = str_alloc(sizeof(*w));
	const struct timeval every = {.tv_sec = LOOK_S};

	w->cfg = cfg;
	w->ops = ops;
	w->arg = arg;
	for (size_t i = 0; i < cfg->n_ifaces; i++)
		w->index[i] = (int)if_nametoindex(cfg->ifaces[i]);
	w->look = event_new(base, -1, EV_PERSIST, on_look, w);
	if (!w->look || event_add(w->look, &every) < 0)
		abort();
	return w;
}

void
ifwatch_io_close(struct ifwatch_io *w)
{
	if (!w)
		return;
	event_free(w->look);
	free(w);
}
