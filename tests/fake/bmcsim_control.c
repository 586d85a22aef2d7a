/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Orders to the simulated BMCs: a stream socket that takes lines and answers each with one.
 * WHO is ADDRESS:PORT, ADDRESS+COUNT:PORT or all.
 *
 *     fault WHO NAME VALUE [SHARE%]   ok   (struct bmcsim_faults; a share of them, by the seed)
 *     clear WHO                       ok   (all faults off)
 *     faults WHO                      {"drop":20,…}, those that are not 0
 *     set WHO NAME VALUE              ok   (bmcsim_set_value)
 *     user WHO ID NAME PASSWORD LEVEL ok   ("-" for an empty name or password)
 *     power WHO on|off                ok
 *     sel WHO clear|HEX               ok   (a record of 16 octets)
 *     serial WHO at SPEC              ok   (bmcsim_port.c)
 *     serial WHO play TEXT            ok
 *     serial WHO typed                ok TEXT: what was typed and nothing took
 *     serial WHO attach               ok, then the connection is the serial line
 *     show WHO                        {"power":"on","flags":"a004000000","cycle":1,…}
 *     sum                             the counts of all BMCs together
 *
 * Anything wrong is answered with "error REASON". */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>
#include <utlist.h>

#include "lib/clock.h"
#include "lib/str.h"
#include "tests/fake/bmcsim_sim.h"

enum { WORDS_MAX = 7 };

/* A connection. */
struct client {
	struct bmcsim_control_socket *control;
	struct bufferevent *bev;
	struct client *next, *prev;
};

struct bmcsim_control_socket {
	struct bmcsim_sim *sim;
	struct evconnlistener *listener;
	struct client *clients;
};

/* A line in words; `rest` is what follows the third, as it was written. */
struct order {
	struct client *from;
	const char *word[WORDS_MAX];
	const char *rest;
	char *out;
	size_t size;
	bool handed_over; /* its connection has become a serial line */
};

typedef const char *
order_fn(struct bmcsim_node *node, struct order *o);

static const char *
set_fault(struct bmcsim_node *node, struct order *o)
{
	int64_t v, share = 100;
	char percent[8];

	if (str_to_i64(o->word[3], -1, INT32_MAX, &v) < 0)
		return "error VALUE";
	if (o->word[4][0] != '\0') {
		size_t n = strlen(o->word[4]);

		if (o->word[4][n - 1] != '%' || n > sizeof percent)
			return "error SHARE";
		memcpy(percent, o->word[4], n - 1);
		percent[n - 1] = '\0';
		if (str_to_i64(percent, 0, 100, &share) < 0)
			return "error SHARE";
	}
	if (rng_below(&node->sim->luck, 100) >= (uint64_t)share)
		v = 0;
	return bmcsim_set_fault(&node->core.faults, o->word[2], (int)v) == 0
		   ? "ok"
		   : "error NAME";
}

static const char *
clear(struct bmcsim_node *node, struct order *o)
{
	(void)o;
	memset(&node->core.faults, 0, sizeof node->core.faults);
	return "ok";
}

static const char *
list_faults(struct bmcsim_node *node, struct order *o)
{
	const char *name;
	size_t used = 1;
	int v;

	snprintf(o->out, o->size, "{");
	for (size_t i = 0; (name = bmcsim_fault_name(&node->core.faults, i, &v)) != NULL;
	     i++) {
		int n = v == 0 ? 0
			       : snprintf(o->out + used, o->size - used, "%s\"%s\":%d",
				     used > 1 ? "," : "", name, v);

		used += (size_t)n;
		if (used + 2 > o->size)
			return "error SIZE";
	}
	snprintf(o->out + used, o->size - used, "}");
	return NULL;
}

static const char *
set_value(struct bmcsim_node *node, struct order *o)
{
	return bmcsim_set_value(&node->core, o->word[2], o->word[3]) == 0 ? "ok"
									  : "error VALUE";
}

static const char *
set_user(struct bmcsim_node *node, struct order *o)
{
	const char *name = str_eq(o->word[3], "-") ? "" : o->word[3];
	const char *password = str_eq(o->word[4], "-") ? "" : o->word[4];
	int level = bmcsim_config_level(o->word[5]);
	int64_t id;

	if (level < 0 || str_to_i64(o->word[2], 1, BMCSIM_USERS, &id) < 0 ||
	    bmcsim_set_user(&node->core, (unsigned)id, name, password, (uint8_t)level) <
		0)
		return "error USER";
	return "ok";
}

static const char *
set_power(struct bmcsim_node *node, struct order *o)
{
	bmcsim_set_power(&node->core, str_eq(o->word[2], "on"));
	return "ok";
}

static const char *
log_event(struct bmcsim_node *node, struct order *o)
{
	uint8_t record[16];
	unsigned octet;

	if (str_eq(o->word[2], "clear")) {
		bmcsim_sel_clear(&node->core, clock_mono());
		return "ok";
	}
	if (strlen(o->word[2]) != 2 * sizeof record)
		return "error RECORD";
	for (size_t i = 0; i < sizeof record; i++) {
		if (sscanf(o->word[2] + 2 * i, "%2x", &octet) != 1)
			return "error RECORD";
		record[i] = (uint8_t)octet;
	}
	bmcsim_sel_add(&node->core, clock_mono(), record);
	return "ok";
}

static const char *
serial(struct bmcsim_node *node, struct order *o)
{
	const char *verb = o->word[2];

	if (str_eq(verb, "at")) {
		int r = bmcsim_port_set(node, o->word[3]);

		if (r < 0)
			snprintf(o->out, o->size, "error %s", strerror(-r));
		return r < 0 ? NULL : "ok";
	}
	if (str_eq(verb, "play")) {
		bmcsim_port_play(node, o->rest);
		return "ok";
	}
	if (str_eq(verb, "typed")) {
		snprintf(o->out, o->size, "ok ");
		bmcsim_port_typed(node, o->out + 3, o->size - 3);
		return NULL;
	}
	if (!str_eq(verb, "attach") || str_eq(o->word[1], "all"))
		return "error SERIAL";
	if (bmcsim_port_attach(node, o->from->bev) < 0)
		return "error BUSY";
	o->handed_over = true;
	return "ok";
}

static const char *
show(struct bmcsim_node *node, struct order *o)
{
	bmcsim_describe(&node->core, o->out, o->size);
	return NULL;
}

static const struct {
	const char *verb;
	order_fn *run;
	bool one; /* of one BMC only */
} verbs[] = {
    {"fault", set_fault, false},
    {"clear", clear, false},
    {"faults", list_faults, true},
    {"set", set_value, false},
    {"user", set_user, false},
    {"power", set_power, false},
    {"sel", log_event, false},
    {"serial", serial, false},
    {"show", show, true},
};

static void
sum_up(const struct bmcsim_sim *sim, char *out, size_t size)
{
	struct bmcsim_counts t = {0};
	const unsigned *from;
	unsigned active = 0, *to = (unsigned *)&t;
	struct bmcsim_bmc total = {0};

	for (size_t i = 0; i < sim->n; i++) {
		from = (const unsigned *)&sim->nodes[i]->core.counts;
		for (size_t k = 0; k < sizeof t / sizeof *to; k++)
			to[k] += from[k];
		active += bmcsim_slots_used(&sim->nodes[i]->core, false);
	}
	total.counts = t;
	bmcsim_describe(&total, out, size);
	snprintf(out + strlen(out) - 1, size - strlen(out),
	    ",\"in_use\":%u,\"bmcs\":%zu}", active, sim->n);
}

/* Is `name` one of `who`? `range` is who's, count 0 if it is none. */
struct range {
	struct addr_ip ip;
	int64_t count, port;
};

static bool
is_meant(const char *who, const struct range *range, const struct bmcsim_node *node)
{
	struct addr_ip ip;
	int64_t one, port;

	if (str_eq(who, "all") || str_eq(who, node->name))
		return true;
	if (range->count < 1 || bmcsim_config_address(node->name, &ip, &one, &port) < 0 ||
	    port != range->port || ip.family != AF_INET || range->ip.family != AF_INET)
		return false;
	return addr_ip_v4(&ip) >= addr_ip_v4(&range->ip) &&
	       addr_ip_v4(&ip) - addr_ip_v4(&range->ip) < range->count;
}

static void
run_order(struct bmcsim_sim *sim, order_fn *run, bool one, struct order *o)
{
	const char *who = o->word[1], *result = "error BMC";
	struct range range = {.count = 0};

	if (strchr(who, '+') == NULL ||
	    bmcsim_config_address(who, &range.ip, &range.count, &range.port) < 0)
		range.count = 0;
	for (size_t i = 0; i < sim->n; i++) {
		struct bmcsim_node *node = sim->nodes[i];

		if (!is_meant(who, &range, node))
			continue;
		bmcsim_node_pump(node);
		result = run(node, o);
		bmcsim_node_pump(node);
		if (one || o->handed_over || result == NULL || !str_eq(result, "ok"))
			break;
	}
	if (result != NULL)
		snprintf(o->out, o->size, "%s", result);
}

/* Cuts `line` into words; those that are not there are "". */
static void
split(char *line, const char *original, struct order *o)
{
	size_t n = 0;
	char *p = line;

	for (size_t i = 0; i < WORDS_MAX; i++)
		o->word[i] = "";
	o->rest = "";
	while (n < WORDS_MAX) {
		p += strspn(p, " \t\r");
		if (*p == '\0')
			return;
		if (n == 3)
			o->rest = original + (p - line);
		o->word[n++] = p;
		p += strcspn(p, " \t\r");
		if (*p != '\0')
			*p++ = '\0';
	}
}

static void
command(struct bmcsim_sim *sim, char *line, struct order *o)
{
	char *original = str_dup(line);

	split(line, original, o);
	snprintf(o->out, o->size, "error VERB");
	if (str_eq(o->word[0], "sum"))
		sum_up(sim, o->out, o->size);
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (str_eq(o->word[0], verbs[i].verb))
			run_order(sim, verbs[i].run, verbs[i].one, o);
	free(original);
}

static void
forget_client(struct client *c)
{
	DL_DELETE(c->control->clients, c);
	free(c);
}

static void
on_line(struct bufferevent *bev, void *arg)
{
	struct client *c = arg;
	char *line, out[BMCSIM_LINE];

	while ((line = evbuffer_readln(
		    bufferevent_get_input(bev), NULL, EVBUFFER_EOL_LF)) != NULL) {
		struct order o = {.from = c, .out = out, .size = sizeof out};

		command(c->control->sim, line, &o);
		free(line);
		evbuffer_add_printf(bufferevent_get_output(bev), "%s\n", out);
		if (o.handed_over) {
			forget_client(c);
			return;
		}
	}
}

static void
on_hangup(struct bufferevent *bev, short what, void *arg)
{
	(void)what;
	bufferevent_free(bev);
	forget_client(arg);
}

static void
on_accept(
    struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int len, void *arg)
{
	struct client *c = str_alloc(sizeof *c);

	(void)l;
	(void)sa;
	(void)len;
	c->control = arg;
	c->bev = bufferevent_socket_new(c->control->sim->base, fd, BEV_OPT_CLOSE_ON_FREE);
	DL_APPEND(c->control->clients, c);
	bufferevent_setcb(c->bev, on_line, NULL, on_hangup, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

struct bmcsim_control_socket *
bmcsim_control_open(struct bmcsim_sim *sim, const char *path)
{
	struct bmcsim_control_socket *c = str_alloc(sizeof *c);
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	c->sim = sim;
	if (str_copy(sun.sun_path, sizeof sun.sun_path, path) == 0) {
		unlink(path);
		c->listener = evconnlistener_new_bind(sim->base, on_accept, c,
		    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, -1,
		    (struct sockaddr *)&sun, sizeof sun);
	} else {
		errno = ENAMETOOLONG;
	}
	if (c->listener == NULL) {
		fprintf(stderr, "bmcsim: %s: %s\n", path, strerror(errno));
		free(c);
		return NULL;
	}
	return c;
}

void
bmcsim_control_close(struct bmcsim_control_socket *c)
{
	struct client *client, *next;

	if (c == NULL)
		return;
	DL_FOREACH_SAFE(c->clients, client, next)
	{
		bufferevent_free(client->bev);
		forget_client(client);
	}
	evconnlistener_free(c->listener);
	free(c);
}
