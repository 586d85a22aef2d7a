/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Listening sockets of TFTP and HTTP: one on each interface, bound to the device, so that a
 * service is not heard where it was not asked for.
 *
 * Entry points: listen_io_open(), as root; listen_io_pause(), listen_io_close(). Owns its
 * sockets and their events. Failure modes: the first socket that cannot be had ends it all,
 * with the port or interface named. */
#include "boot-services/listen_io.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "boot-services/rxdrop_io.h"
#include "lib/str.h"

enum { BACKLOG = 1024 };

struct listen_io {
	struct {
		int fd;
		struct event *readable;
	} sockets[BOOTD_CONFIG_IFACES_MAX + 1];
	size_t n;
	struct rxdrop_io *drops; /* of datagrams; NULL for streams */
};

static int
set_on(int fd, int level, int option)
{
	int on = 1;

	return setsockopt(fd, level, option, &on, sizeof on) == 0 ? 0 : -errno;
}

static int
set_up(int fd, const struct listen_io_service *s, const char *iface)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(s->port)};
	bool stream = s->type == SOCK_STREAM;
	/* A restart must not wait for old connections; but two servers on one UDP port would
	 * take each other's packets. */
	int err = stream ? set_on(fd, SOL_SOCKET, SO_REUSEADDR)
			 : set_on(fd, IPPROTO_IP, IP_PKTINFO);

	if (err != 0)
		return err;
	if (iface[0] != '\0' && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, iface,
				    (socklen_t)strlen(iface)) != 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&any, sizeof any) != 0)
		return -errno;
	return !stream || listen(fd, BACKLOG) == 0 ? 0 : -errno;
}

static int
refuse(const struct listen_io_service *s, const char *iface, int code, struct error *err)
{
	char slug[ERROR_CODE_SIZE] = "port-in-use", next[ERROR_NEXT_SIZE];
	const char *what = "bind";

	snprintf(next, sizeof next,
	    "start as root or with CAP_NET_BIND_SERVICE, or set another %s port", s->key);
	if (code == -EADDRINUSE) {
		snprintf(next, sizeof next,
		    "stop the other server (ss -l%cnp shows it) or set another %s port",
		    s->type == SOCK_STREAM ? 't' : 'u', s->key);
	} else if (code == -ENODEV) {
		what = "interface";
		str_clip(next, sizeof next,
		    "name an interface that exists (ip link) in `interfaces`");
	} else if (code == -EMFILE || code == -ENFILE) {
		what = "socket";
		str_clip(next, sizeof next, "check the limit of open files");
	}
	if (code != -EADDRINUSE)
		snprintf(slug, sizeof slug, "%s-%s", s->key, what);
	return error_set(err, code, slug, next, "%s cannot listen on port %u of %s: %s",
	    s->name, s->port, iface[0] != '\0' ? iface : "all interfaces",
	    code == -ENODEV ? "no such interface" : strerror(-code));
}

static int
add(struct listen_io *l, const struct bootd_deps *deps, const struct listen_io_service *s,
    const char *iface, event_callback_fn on_ready, void *arg, struct error *err)
{
	int fd = socket(AF_INET, s->type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int code = fd < 0 ? -errno : set_up(fd, s, iface);

	if (code != 0) {
		if (fd >= 0)
			close(fd);
		return refuse(s, iface, code, err);
	}
	l->sockets[l->n].fd = fd;
	l->sockets[l->n].readable =
	    event_new(deps->base, fd, EV_READ | EV_PERSIST, on_ready, arg);
	event_add(l->sockets[l->n].readable, NULL);
	if (l->drops != NULL)
		rxdrop_io_add(l->drops, fd, iface, s->port);
	l->n++;
	return 0;
}

struct listen_io *
listen_io_open(const struct bootd_deps *deps, const struct listen_io_service *service,
    event_callback_fn on_ready, void *arg, struct error *err)
{
	const struct bootd_config *cfg = deps->cfg;
	struct listen_io *l = str_alloc(sizeof *l);
	bool lo = false;
	int code = 0;

	if (service->type == SOCK_DGRAM)
		l->drops = rxdrop_io_open(deps->base, deps->events);
	if (cfg->n_ifaces == 0)
		code = add(l, deps, service, "", on_ready, arg, err);
	for (size_t i = 0; i < cfg->n_ifaces && code == 0; i++) {
		code = add(l, deps, service, cfg->ifaces[i], on_ready, arg, err);
		lo = lo || strcmp(cfg->ifaces[i], "lo") == 0;
	}
	if (code == 0 && cfg->n_ifaces > 0 && !lo)
		code = add(l, deps, service, "lo", on_ready, arg, err);
	if (code != 0) {
		listen_io_close(l);
		return NULL;
	}
	return l;
}

void
listen_io_pause(struct listen_io *l, bool pause)
{
	for (size_t i = 0; i < l->n; i++) {
		if (pause)
			event_del(l->sockets[i].readable);
		else
			event_add(l->sockets[i].readable, NULL);
	}
}

void
listen_io_close(struct listen_io *l)
{
	if (l == NULL)
		return;
	rxdrop_io_close(l->drops);
	for (size_t i = 0; i < l->n; i++) {
		event_free(l->sockets[i].readable);
		close(l->sockets[i].fd);
	}
	free(l);
}
