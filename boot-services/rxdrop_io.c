/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Counts what the kernel dropped of sockets' packets.
 *
 * The counter is the one of SO_RXQ_OVFL. It is asked for by SO_MEMINFO instead of being received
 * with the next packet: there may be no next one, and while reading is paused for a slow disk
 * nobody would see it.
 *
 * Entry points: rxdrop_io_open(), then rxdrop_io_add() for each socket. It owns its timer and
 * borrows the sockets. Events are bounded by the timer: one per socket and look, however many
 * packets were lost. Failure modes: a kernel that does not tell is not asked in vain, nothing is
 * ever told. */
#include "boot-services/rxdrop_io.h"

#include <inttypes.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "boot-services/bootd_config.h"
#include "lib/clock.h"
#include "lib/str.h"

/* Of one service: two sockets per interface at most, and two on lo. */
enum { LOOK_S = 5, SOCKETS_MAX = 2 * (BOOTD_CONFIG_IFACES_MAX + 1) };

struct watched {
	int fd;
	char iface[IFNAMSIZ];
	uint16_t port;
	uint32_t seen; /* wraps, as the kernel's does */
};

struct rxdrop_io {
	struct evsink *events;
	struct event *look;
	struct watched sockets[SOCKETS_MAX];
	size_t n;
};

/* false when the kernel does not tell. */
static bool
drops_of(int fd, uint32_t *ret)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t len = sizeof(info);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) < 0 ||
	    len <= SK_MEMINFO_DROPS * sizeof(info[0]))
		return false;
	*ret = info[SK_MEMINFO_DROPS];
	return true;
}

static void
tell(struct rxdrop_io *w, const struct watched *s, uint32_t count)
{
	struct event ev = event_make("bootd.overflow", clock_wall());

	snprintf(ev.reason, sizeof(ev.reason),
	    "%" PRIu32
	    " packets for UDP port %u of %s were lost before they could be read: "
	    "too many at once, or damaged",
	    count, s->port, s->iface[0] ? s->iface : "all interfaces");
	if (s->iface[0])
		event_put(&ev, "interface", s->iface);
	event_put_i64(&ev, "port", s->port);
	event_put_i64(&ev, "count", count);
	evsink_emit(w->events, &ev);
}

static void
on_look(evutil_socket_t unused UNUSED, short what UNUSED, void *arg)
{
	struct rxdrop_io *w = arg;

	for (size_t i = 0; i < w->n; i++) {
		struct watched *s = &w->sockets[i];
		uint32_t now;

		if (!drops_of(s->fd, &now) || now == s->seen)
			continue;
		tell(w, s, now - s->seen);
		s->seen = now;
	}
}

struct rxdrop_io *
rxdrop_io_open(struct event_base *base, struct evsink *events)
{
	struct rxdrop_io *w = str_alloc(sizeof(*w));
	const struct timeval every = {.tv_sec = LOOK_S};

	w->events = events;
	w->look = event_new(base, -1, EV_PERSIST, on_look, w);
	if (!w->look || event_add(w->look, &every) < 0)
		abort();
	return w;
}

void
rxdrop_io_add(struct rxdrop_io *w, int fd, const char *iface, uint16_t port)
{
	struct watched *s = &w->sockets[w->n];

	if (w->n == SOCKETS_MAX)
		return;
	w->n++;
	s->fd = fd;
	s->port = port;
	str_clip(s->iface, sizeof(s->iface), iface);
	drops_of(fd, &s->seen);
}

void
rxdrop_io_close(struct rxdrop_io *w)
{
	if (!w)
		return;
	event_free(w->look);
	free(w);
}
