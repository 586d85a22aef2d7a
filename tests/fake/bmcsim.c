/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Simulated BMCs, any number in one process:  bmcsim -c FILE [-s SOCKET] [-r SEED]
 *
 * FILE has one line per BMC, or per run of consecutive addresses:
 *     ADDRESS[+COUNT]:PORT USER PASSWORD user|operator|administrator [SCRIPT WORDS…]
 * SCRIPT (bmcsim_script.h) puts a machine behind the BMC; without it, power is a bit that
 * starts off. "ready N" on standard output says that all N sockets are bound.
 *
 * SOCKET is a stream socket that takes lines and answers each with one line:
 *     fault ADDRESS:PORT|all NAME VALUE   ok  (names: struct bmcsim_faults)
 *     power ADDRESS:PORT|all on|off       ok
 *     show ADDRESS:PORT                   {"power":"on","flags":"a004000000","cycle":1,…}
 *     sum                                 the counts of all BMCs together
 *
 * Anything wrong is answered with "error REASON". Ends on SIGTERM and SIGINT. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utlist.h>

#include "lib/addr.h"
#include "lib/clock.h"
#include "lib/str.h"
#include "tests/fake/bmcsim_core.h"
#include "tests/fake/bmcsim_script.h"

enum { LINE_SIZE = 1024, BMCS_MAX = 16384 };

struct sim {
	struct event_base *base;
	struct bmc *bmcs[BMCS_MAX];
	size_t n;
	uint64_t seed;
	struct client *clients;
	struct late_reply *late;
};

/* A control connection. */
struct client {
	struct sim *sim;
	struct bufferevent *bev;
	struct client *next, *prev;
};

struct bmc {
	struct bmcsim_bmc core;
	struct sim *sim;
	char name[ADDR_IP_TEXT + 8];
	int fd;
	struct event *readable, *timer;
	struct bmcsim_script *script;
};

struct late_reply {
	struct bmc *bmc;
	struct sockaddr_storage to;
	socklen_t to_len;
	struct event *timer;
	size_t len;
	uint8_t pkt[BMCSIM_PACKET_MAX];
	struct late_reply *next, *prev;
};

static void
arm_tick(struct bmc *b)
{
	int64_t now = clock_mono(), at = bmcsim_tick(&b->core, now), wait = at - now;
	struct timeval tv = {
	    (time_t)(wait / USEC_PER_SEC), (suseconds_t)(wait % USEC_PER_SEC)};

	if (at >= 0)
		event_add(b->timer, &tv);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	arm_tick(arg);
}

static void
free_late(struct late_reply *l)
{
	DL_DELETE(l->bmc->sim->late, l);
	event_free(l->timer);
	free(l);
}

static void
on_late(evutil_socket_t fd, short what, void *arg)
{
	struct late_reply *l = arg;

	(void)fd;
	(void)what;
	(void)!sendto(
	    l->bmc->fd, l->pkt, l->len, 0, (struct sockaddr *)&l->to, l->to_len);
	free_late(l);
}

static void
reply_later(struct bmc *b, const uint8_t *pkt, size_t len,
    const struct sockaddr_storage *to, socklen_t to_len)
{
	int ms = b->core.faults.delay_ms;
	struct timeval tv = {ms / 1000, (ms % 1000) * 1000};
	struct late_reply *l = str_alloc(sizeof *l);

	l->bmc = b;
	l->to = *to;
	l->to_len = to_len;
	l->len = len;
	memcpy(l->pkt, pkt, len);
	DL_APPEND(b->sim->late, l);
	l->timer = evtimer_new(b->sim->base, on_late, l);
	event_add(l->timer, &tv);
}

static void
on_packet(evutil_socket_t fd, short what, void *arg)
{
	struct bmc *b = arg;
	struct sockaddr_storage from;
	socklen_t from_len = sizeof from;
	uint8_t pkt[BMCSIM_PACKET_MAX], reply[BMCSIM_PACKET_MAX];
	ssize_t n;
	size_t len;

	(void)what;
	n = recvfrom(fd, pkt, sizeof pkt, 0, (struct sockaddr *)&from, &from_len);
	if (n <= 0)
		return;
	len = bmcsim_input(&b->core, clock_mono(), pkt, (size_t)n, reply);
	if (len > 0 && b->core.faults.delay_ms > 0)
		reply_later(b, reply, len, &from, from_len);
	else if (len > 0)
		(void)!sendto(fd, reply, len, 0, (struct sockaddr *)&from, from_len);
	arm_tick(b);
}

/* "127.0.0.2+3:9623" → address, 3, port. */
static int
parse_address(
    const char *text, struct addr_ip *ret_ip, int64_t *ret_count, int64_t *ret_port)
{
	char copy[128], *port, *plus, *address = copy;

	if (str_copy(copy, sizeof copy, text) < 0 || (port = strrchr(copy, ':')) == NULL)
		return -EINVAL;
	*port++ = '\0';
	*ret_count = 1;
	plus = strchr(copy, '+');
	if (plus != NULL) {
		*plus++ = '\0';
		if (str_to_i64(plus, 1, BMCS_MAX, ret_count) < 0)
			return -EINVAL;
	}
	if (address[0] == '[' && address[strlen(address) - 1] == ']') {
		address[strlen(address) - 1] = '\0';
		address++;
	}
	if (addr_ip_parse(address, ret_ip) < 0 ||
	    str_to_i64(port, 1, 65535, ret_port) < 0)
		return -EINVAL;
	return 0;
}

static int
privilege_of(const char *word)
{
	if (str_eq(word, "user"))
		return 2;
	if (str_eq(word, "operator"))
		return 3;
	return str_eq(word, "administrator") ? 4 : -1;
}

struct spec {
	char address[128], user[32], password[32], privilege[16];
	const char *script; /* the rest of the line, or NULL */
};

static int
open_bmc(
    struct sim *sim, const struct spec *spec, const struct addr_ip *ip, uint16_t port)
{
	struct bmc *b = str_alloc(sizeof *b);
	struct sockaddr_storage ss;
	socklen_t len = addr_ip_sockaddr(ip, port, &ss);
	char text[ADDR_IP_TEXT];

	bmcsim_init(&b->core, spec->user, spec->password,
	    (uint8_t)privilege_of(spec->privilege), sim->seed + sim->n);
	b->sim = sim;
	snprintf(
	    b->name, sizeof b->name, "%s:%u", addr_ip_text(ip, text, sizeof text), port);
	b->fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (b->fd < 0 || bind(b->fd, (struct sockaddr *)&ss, len) < 0) {
		fprintf(stderr, "bmcsim: %s: %s\n", b->name, strerror(errno));
		if (b->fd >= 0)
			close(b->fd);
		free(b);
		return -EADDRNOTAVAIL;
	}
	sim->bmcs[sim->n++] = b;
	b->readable = event_new(sim->base, b->fd, EV_READ | EV_PERSIST, on_packet, b);
	b->timer = evtimer_new(sim->base, on_tick, b);
	event_add(b->readable, NULL);
	if (spec->script != NULL)
		b->script = bmcsim_script_new(sim->base, &b->core, spec->script);
	return 0;
}

static int
add_line(struct sim *sim, char *line)
{
	struct spec spec = {.script = NULL};
	struct addr_ip ip;
	int64_t count, port;
	int used = 0;

	line[strcspn(line, "\r\n")] = '\0';
	if (line[0] == '#' || line[0] == '\0')
		return 0;
	if (sscanf(line, "%127s %31s %31s %15s %n", spec.address, spec.user,
		spec.password, spec.privilege, &used) != 4 ||
	    strlen(spec.user) > 16 || strlen(spec.password) > 20 ||
	    privilege_of(spec.privilege) < 0 ||
	    parse_address(spec.address, &ip, &count, &port) < 0 ||
	    sim->n + (size_t)count > BMCS_MAX) {
		fprintf(stderr,
		    "bmcsim: not \"ADDRESS[+COUNT]:PORT USER PASSWORD PRIVILEGE\": %s\n",
		    line);
		return -EINVAL;
	}
	if (line[used] != '\0')
		spec.script = line + used;
	for (int64_t i = 0; i < count; i++) {
		if (open_bmc(sim, &spec, &ip, (uint16_t)port) < 0)
			return -EINVAL;
		if (ip.family == AF_INET)
			ip = addr_ip_make_v4(addr_ip_v4(&ip) + 1);
	}
	return 0;
}

static int
read_config(struct sim *sim, const char *path)
{
	char line[LINE_SIZE];
	FILE *f = fopen(path, "re");
	int r = 0;

	if (f == NULL) {
		fprintf(stderr, "bmcsim: %s: %s\n", path, strerror(errno));
		return -errno;
	}
	while (r == 0 && fgets(line, sizeof line, f) != NULL)
		r = add_line(sim, line);
	fclose(f);
	return r;
}

static void
sum_up(const struct sim *sim, char *out, size_t size)
{
	struct bmcsim_counts t = {0};
	const unsigned *from;
	unsigned active = 0, *to = (unsigned *)&t;
	struct bmcsim_bmc total = {0};

	for (size_t i = 0; i < sim->n; i++) {
		from = (const unsigned *)&sim->bmcs[i]->core.counts;
		for (size_t k = 0; k < sizeof t / sizeof *to; k++)
			to[k] += from[k];
		active += bmcsim_slots_used(&sim->bmcs[i]->core, false);
	}
	total.counts = t;
	bmcsim_describe(&total, out, size);
	snprintf(out + strlen(out) - 1, size - strlen(out),
	    ",\"in_use\":%u,\"bmcs\":%zu}", active, sim->n);
}

static const char *
apply(struct bmc *b, const char *verb, const char *name, const char *value)
{
	int64_t v;

	if (str_eq(verb, "power")) {
		bmcsim_set_power(&b->core, str_eq(name, "on"));
		return "ok";
	}
	if (str_to_i64(value, -1, 1000000, &v) < 0)
		return "error VALUE";
	return bmcsim_set_fault(&b->core.faults, name, (int)v) == 0 ? "ok" : "error NAME";
}

static void
command(struct sim *sim, const char *line, char *out, size_t size)
{
	char verb[16] = "", who[64] = "", name[32] = "", value[16] = "";
	const char *result = "error BMC";

	sscanf(line, "%15s %63s %31s %15s", verb, who, name, value);
	if (str_eq(verb, "sum")) {
		sum_up(sim, out, size);
		return;
	}
	if (!str_eq(verb, "fault") && !str_eq(verb, "power") && !str_eq(verb, "show")) {
		snprintf(out, size, "error VERB");
		return;
	}
	for (size_t i = 0; i < sim->n; i++) {
		struct bmc *b = sim->bmcs[i];

		if (!str_eq(who, "all") && !str_eq(who, b->name))
			continue;
		bmcsim_tick(&b->core, clock_mono());
		if (str_eq(verb, "show")) {
			bmcsim_describe(&b->core, out, size);
			return;
		}
		result = apply(b, verb, name, value);
	}
	snprintf(out, size, "%s", result);
}

static void
on_line(struct bufferevent *bev, void *arg)
{
	struct client *c = arg;
	char *line, out[LINE_SIZE];

	while ((line = evbuffer_readln(
		    bufferevent_get_input(bev), NULL, EVBUFFER_EOL_LF)) != NULL) {
		command(c->sim, line, out, sizeof out);
		free(line);
		evbuffer_add_printf(bufferevent_get_output(bev), "%s\n", out);
	}
}

static void
free_client(struct client *c)
{
	DL_DELETE(c->sim->clients, c);
	bufferevent_free(c->bev);
	free(c);
}

static void
on_hangup(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	(void)what;
	free_client(arg);
}

static void
on_accept(
    struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int len, void *arg)
{
	struct client *c = str_alloc(sizeof *c);

	(void)l;
	(void)sa;
	(void)len;
	c->sim = arg;
	c->bev = bufferevent_socket_new(c->sim->base, fd, BEV_OPT_CLOSE_ON_FREE);
	DL_APPEND(c->sim->clients, c);
	bufferevent_setcb(c->bev, on_line, NULL, on_hangup, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

static struct evconnlistener *
listen_control(struct sim *sim, const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	if (str_copy(sun.sun_path, sizeof sun.sun_path, path) < 0)
		return NULL;
	unlink(path);
	return evconnlistener_new_bind(sim->base, on_accept, sim,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, -1, (struct sockaddr *)&sun,
	    sizeof sun);
}

static void
on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct sim *sim = arg;

	(void)sig;
	(void)what;
	event_base_loopbreak(sim->base);
}

static void
raise_fd_limit(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &rl);
	}
}

static void
close_bmc(struct bmc *b)
{
	bmcsim_script_free(b->script);
	event_free(b->readable);
	event_free(b->timer);
	close(b->fd);
	free(b);
}

static void
close_all(struct sim *sim)
{
	struct client *c, *next_client;
	struct late_reply *l, *next_late;

	DL_FOREACH_SAFE(sim->clients, c, next_client)
	free_client(c);
	DL_FOREACH_SAFE(sim->late, l, next_late)
	free_late(l);
	for (size_t i = 0; i < sim->n; i++)
		close_bmc(sim->bmcs[i]);
}

int
main(int argc, char **argv)
{
	struct sim *sim = str_alloc(sizeof *sim);
	const char *config = NULL, *control = NULL;
	struct evconnlistener *listener = NULL;
	struct event *term, *intr;
	int opt, status = 1;

	sim->seed = 1;
	while ((opt = getopt(argc, argv, "c:s:r:")) != -1) {
		switch (opt) {
		case 'c': config = optarg; break;
		case 's': control = optarg; break;
		case 'r': sim->seed = strtoull(optarg, NULL, 10); break;
		default: return 1;
		}
	}
	if (config == NULL) {
		fprintf(stderr, "usage: bmcsim -c FILE [-s SOCKET] [-r SEED]\n");
		return 1;
	}
	raise_fd_limit();
	signal(SIGPIPE, SIG_IGN); /* a control connection may close before its answer */
	sim->base = event_base_new();
	term = evsignal_new(sim->base, SIGTERM, on_signal, sim);
	intr = evsignal_new(sim->base, SIGINT, on_signal, sim);
	event_add(term, NULL);
	event_add(intr, NULL);
	if (read_config(sim, config) == 0 &&
	    (control == NULL || (listener = listen_control(sim, control)) != NULL)) {
		printf("ready %zu\n", sim->n);
		fflush(stdout);
		status = event_base_dispatch(sim->base) < 0;
	}
	close_all(sim);
	if (listener != NULL)
		evconnlistener_free(listener);
	event_free(term);
	event_free(intr);
	event_base_free(sim->base);
	free(sim);
	return status;
}
