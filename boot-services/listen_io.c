/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Listening sockets of TFTP and HTTP: one on each interface and for each family, bound to the
 * device, so that a service is not heard where it was not asked for. An IPv6 socket takes no IPv4:
 * then no address is ever seen in two forms.
 *
 * Entry points: listen_io_open(), as root; listen_io_pause(), listen_io_close(). Owns its
 * sockets and their events. Failure modes: the first socket that cannot be had ends it all,
 * with the port or interface named; except that a kernel without IPv6 is warned of once, and IPv4
 * is served. */
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
	} sockets[2 * (BOOTD_CONFIG_IFACES_MAX + 1)];
	size_t n;
	bool no_v6;		 /* said so already */
	struct rxdrop_io *drops; /* of datagrams; NULL for streams */
};

static int
set_on(int fd, int level, int option)
{
	int on = 1;

	return setsockopt(fd, level, option, &on, sizeof on) == 0 ? 0 : -errno;
}

static int
set_options(int fd, int family, bool stream)
{
	int err = family == AF_INET6 ? set_on(fd, IPPROTO_IPV6, IPV6_V6ONLY) : 0;

	if (err != 0)
		return err;
	/* A restart must not wait for old connections; but two servers on one UDP port would
	 * take each other's packets. */
	if (stream)
		return set_on(fd, SOL_SOCKET, SO_REUSEADDR);
	return family == AF_INET6 ? set_on(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO)
				  : set_on(fd, IPPROTO_IP, IP_PKTINFO);
}

static int
set_up(int fd, int family, const struct listen_io_service *s, const char *iface)
{
	struct addr_ip any = {.family = family};
	struct sockaddr_storage at;
	socklen_t len = addr_ip_sockaddr(&any, s->port, &at);
	bool stream = s->type == SOCK_STREAM;
	int err = set_options(fd, family, stream);

	if (err != 0)
		return err;
	if (iface[0] != '\0' && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, iface,
				    (socklen_t)strlen(iface)) != 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&at, len) != 0)
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

/* 1: a kernel without IPv6. */
static int
open_family(struct listen_io *l, const struct bootd_deps *deps,
    const struct listen_io_service *s, int family, const char *iface, int *ret_fd,
    struct error *err)
{
	int fd = socket(family, s->type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int code = fd < 0 ? -errno : set_up(fd, family, s, iface);

	if (code == 0) {
		*ret_fd = fd;
		return 0;
	}
	if (fd >= 0)
		close(fd);
	if (family != AF_INET6 || (code != -EAFNOSUPPORT && code != -EADDRNOTAVAIL))
		return refuse(s, iface, code, err);
	if (!l->no_v6)
		log_warn(deps->log, "%s: this machine has no IPv6 (%s): IPv4 only",
		    s->name, strerror(-code));
	l->no_v6 = true;
	return 1;
}

static int
add_family(struct listen_io *l, const struct bootd_deps *deps,
    const struct listen_io_service *s, int family, const char *iface,
    event_callback_fn on_ready, void *arg, struct error *err)
{
	int fd = -1;
	int code = open_family(l, deps, s, family, iface, &fd, err);

	if (code != 0)
		return code < 0 ? code : 0;
	l->sockets[l->n].fd = fd;
	l->sockets[l->n].readable =
	    event_new(deps->base, fd, EV_READ | EV_PERSIST, on_ready, arg);
	event_add(l->sockets[l->n].readable, NULL);
	if (l->drops != NULL)
		rxdrop_io_add(l->drops, fd, iface, s->port);
	l->n++;
	return 0;
}

static int
add(struct listen_io *l, const struct bootd_deps *deps, const struct listen_io_service *s,
    const char *iface, event_callback_fn on_ready, void *arg, struct error *err)
{
	int code = add_family(l, deps, s, AF_INET, iface, on_ready, arg, err);

	return code != 0 ? code
			 : add_family(l, deps, s, AF_INET6, iface, on_ready, arg, err);
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
