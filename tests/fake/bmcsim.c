/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Simulated BMCs, any number in one process:  bmcsim -c FILE [-1] [-s SOCKET] [-r SEED]
 *
 * FILE says which (bmcsim_config.c), SOCKET takes orders (bmcsim_control.c); both are
 * described in netboot-bmcsim(1), the name under which this is installed. "ready N" on
 * standard output says that all N sockets are bound. Everything that is left to chance comes
 * from SEED and the number of the BMC. Ends on SIGTERM and SIGINT. */
#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <utlist.h>

#include "lib/clock.h"
#include "lib/str.h"
#include "tests/fake/bmcsim_sim.h"

/* A socket per BMC, and one more for each serial port that has one. */
enum { FDS_WANTED = 65536, REORDER_MS = 150 };

struct late_reply {
	struct bmcsim_node *node;
	struct bmcsim_peer to;
	struct event *timer;
	struct late_reply *next, *prev;
	size_t len;
	uint8_t pkt[];
};

static struct timeval
timeval_of(int64_t us)
{
	return (struct timeval){
	    (time_t)(us / USEC_PER_SEC), (suseconds_t)(us % USEC_PER_SEC)};
}

static void
send_now(struct bmcsim_node *node, const struct bmcsim_peer *to, const uint8_t *pkt,
    size_t len)
{
	struct sockaddr_storage ss = {0};

	memcpy(&ss, to->addr, to->len);
	if (node->wide != NULL)
		bmcsim_wide_send(node, &ss, to->len, pkt, len);
	else
		(void)!sendto(node->fd, pkt, len, 0, (struct sockaddr *)&ss, to->len);
}

static void
free_late(struct late_reply *l)
{
	DL_DELETE(l->node->sim->late, l);
	event_free(l->timer);
	free(l);
}

static void
on_late(evutil_socket_t fd, short what, void *arg)
{
	struct late_reply *l = arg;

	(void)fd;
	(void)what;
	send_now(l->node, &l->to, l->pkt, l->len);
	free_late(l);
}

static void
send_later(struct bmcsim_node *node, const struct bmcsim_peer *to, const uint8_t *pkt,
    size_t len, int64_t us)
{
	struct late_reply *l = str_alloc(sizeof *l + len);
	struct timeval tv = timeval_of(us);

	l->node = node;
	l->to = *to;
	l->len = len;
	memcpy(l->pkt, pkt, len);
	DL_APPEND(node->sim->late, l);
	l->timer = evtimer_new(node->sim->base, on_late, l);
	event_add(l->timer, &tv);
}

static bool
chance(struct bmcsim_bmc *b, int percent)
{
	return percent > 0 && rng_below(&b->luck, 100) < (uint64_t)percent;
}

/* With the faults that need time: late, twice, behind the next one. */
static void
send_reply(struct bmcsim_node *node, const struct bmcsim_peer *to, const uint8_t *pkt,
    size_t len, int64_t delay)
{
	struct bmcsim_faults *f = &node->core.faults;
	int ms = f->reorder_ms > 0 ? f->reorder_ms : REORDER_MS;
	int copies = chance(&node->core, f->duplicate) ? 2 : 1;

	while (copies-- > 0) {
		int64_t us = delay;

		if (chance(&node->core, f->reorder))
			us += ms * USEC_PER_MSEC;
		if (us > 0)
			send_later(node, to, pkt, len, us);
		else
			send_now(node, to, pkt, len);
	}
}

void
bmcsim_node_pump(struct bmcsim_node *node)
{
	struct bmcsim_bmc *b = &node->core;
	uint8_t pkt[BMCSIM_PACKET_MAX];
	struct bmcsim_peer to;
	int64_t now = clock_mono(), at;
	struct timeval tv;
	size_t len;

	at = bmcsim_tick(b, now);
	if (node->starts != b->counts.starts) {
		node->starts = b->counts.starts;
		bmcsim_port_started(node);
	}
	while ((len = bmcsim_output(b, now, pkt, &to)) > 0)
		send_reply(node, &to, pkt, len, b->faults.delay_ms * USEC_PER_MSEC);
	if (b->sol.session != 0)
		at = bmcsim_tick(b, now); /* what was sent is waited for */
	if (at < 0)
		return;
	tv = timeval_of(at > now ? at - now : 0);
	event_add(node->timer, &tv);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	bmcsim_node_pump(arg);
}

static void
set_peer(struct bmcsim_peer *peer, const struct sockaddr_storage *ss, socklen_t len)
{
	const struct sockaddr *sa = (const struct sockaddr *)ss;
	struct addr_ip ip = addr_ip_from_sockaddr(sa);

	memset(peer, 0, sizeof *peer);
	if (len > sizeof peer->addr)
		return;
	peer->len = (uint8_t)len;
	memcpy(peer->addr, ss, len);
	if (ip.family == AF_INET)
		memcpy(peer->ip4, ip.b, sizeof peer->ip4);
	peer->port = addr_port_from_sockaddr(sa);
}

void
bmcsim_node_input(struct bmcsim_node *node, const uint8_t *pkt, size_t len,
    const struct sockaddr_storage *from, socklen_t from_len)
{
	uint8_t reply[BMCSIM_PACKET_MAX];
	struct bmcsim_peer to;
	size_t n;

	set_peer(&node->core.from, from, from_len);
	to = node->core.from;
	n = bmcsim_input(&node->core, clock_mono(), pkt, len, reply);
	if (n > 0)
		send_reply(node, &to, reply, n, node->core.reply_delay);
	bmcsim_node_pump(node);
}

static void
on_packet(evutil_socket_t fd, short what, void *arg)
{
	struct sockaddr_storage from;
	socklen_t from_len = sizeof from;
	uint8_t pkt[BMCSIM_PACKET_MAX];
	ssize_t n;

	(void)what;
	n = recvfrom(fd, pkt, sizeof pkt, 0, (struct sockaddr *)&from, &from_len);
	if (n > 0)
		bmcsim_node_input(arg, pkt, (size_t)n, &from, from_len);
}

static int
open_socket(struct bmcsim_node *node, const struct addr_ip *ip, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_ip_sockaddr(ip, port, &ss);
	int on = 1;

	node->fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* beside a socket that is shared */
	if (node->fd < 0 ||
	    (node->sim->share_sockets &&
		setsockopt(node->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0) ||
	    bind(node->fd, (struct sockaddr *)&ss, len) < 0)
		return -errno;
	node->readable =
	    event_new(node->sim->base, node->fd, EV_READ | EV_PERSIST, on_packet, node);
	event_add(node->readable, NULL);
	return 0;
}

struct bmcsim_node *
bmcsim_node_open(struct bmcsim_sim *sim, const struct addr_ip *ip, uint16_t port,
    const char *user, const char *password, uint8_t level)
{
	struct bmcsim_node *node = str_alloc(sizeof *node);
	char text[ADDR_IP_TEXT];
	int r;

	bmcsim_init(&node->core, user, password, level, sim->seed + sim->n);
	node->core.id.port = port;
	if (ip->family == AF_INET)
		memcpy(node->core.id.ip4, ip->b, sizeof node->core.id.ip4);
	node->sim = sim;
	node->fd = -1;
	snprintf(node->name, sizeof node->name, "%s:%u",
	    addr_ip_text(ip, text, sizeof text), port);
	r = sim->share_sockets && ip->family == AF_INET && addr_ip_is_loopback(ip)
		? bmcsim_wide_add(sim, node, ip, port)
		: open_socket(node, ip, port);
	if (r < 0) {
		fprintf(stderr, "bmcsim: %s: %s\n", node->name, strerror(-r));
		if (node->fd >= 0)
			close(node->fd);
		free(node);
		return NULL;
	}
	sim->nodes[sim->n++] = node;
	node->timer = evtimer_new(sim->base, on_tick, node);
	return node;
}

static void
close_node(struct bmcsim_node *node)
{
	bmcsim_script_free(node->script);
	bmcsim_port_free(node->port);
	if (node->readable != NULL)
		event_free(node->readable);
	event_free(node->timer);
	if (node->fd >= 0)
		close(node->fd);
	free(node);
}

static void
close_all(struct bmcsim_sim *sim)
{
	struct late_reply *l, *next;

	DL_FOREACH_SAFE(sim->late, l, next)
	free_late(l);
	bmcsim_wide_close(sim);
	for (size_t i = 0; i < sim->n; i++)
		close_node(sim->nodes[i]);
}

static void
on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct bmcsim_sim *sim = arg;

	(void)sig;
	(void)what;
	event_base_loopbreak(sim->base);
}

/* The hard limit may be low; who may raise it does. */
static void
raise_fd_limit(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) < 0)
		return;
	if (rl.rlim_max < FDS_WANTED) {
		struct rlimit more = {FDS_WANTED, FDS_WANTED};

		if (setrlimit(RLIMIT_NOFILE, &more) == 0)
			return;
	}
	rl.rlim_cur = rl.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &rl);
}

static int
run(struct bmcsim_sim *sim, const char *config, const char *control_path)
{
	struct event *term = evsignal_new(sim->base, SIGTERM, on_signal, sim);
	struct event *intr = evsignal_new(sim->base, SIGINT, on_signal, sim);
	struct bmcsim_control_socket *control = NULL;
	int status = 1;

	event_add(term, NULL);
	event_add(intr, NULL);
	if (bmcsim_config_read(sim, config) == 0 &&
	    (control_path == NULL ||
		(control = bmcsim_control_open(sim, control_path)) != NULL)) {
		printf("ready %zu\n", sim->n);
		fflush(stdout);
		status = event_base_dispatch(sim->base) < 0;
	}
	bmcsim_control_close(control);
	close_all(sim);
	event_free(term);
	event_free(intr);
	return status;
}

int
main(int argc, char **argv)
{
	struct bmcsim_sim *sim = str_alloc(sizeof *sim);
	const char *config = NULL, *control = NULL;
	int opt, status;

	sim->seed = 1;
	while ((opt = getopt(argc, argv, "c:1s:r:")) != -1) {
		switch (opt) {
		case 'c': config = optarg; break;
		case '1': sim->share_sockets = true; break;
		case 's': control = optarg; break;
		case 'r': sim->seed = strtoull(optarg, NULL, 10); break;
		default: return 1;
		}
	}
	if (config == NULL || optind != argc) {
		fprintf(
		    stderr, "usage: %s -c FILE [-1] [-s SOCKET] [-r SEED]\n", argv[0]);
		return 1;
	}
	raise_fd_limit();
	signal(SIGPIPE, SIG_IGN); /* a control connection may close before its answer */
	sim->luck = rng_seeded(sim->seed);
	sim->base = event_base_new();
	status = run(sim, config, control);
	event_base_free(sim->base);
	free(sim);
	return status;
}
