/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The whole IPMI engine but for its sockets, against simulated BMCs in virtual time, over
 * a network that loses, delays, reorders and repeats packets. Many seeds; for each,
 * whatever happens:
 *   - every call ends, once, within its deadline and the time of one farewell
 *   - a cycle or reset is executed at most once, and exactly once if it is reported as
 * done
 *   - what is reported as seen or kept was so at the BMC
 *   - a BMC never has two calls of ours at once, and all its slots become free again
 * SIM_SEEDS=N runs more seeds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/bmc_pool.h"
#include "lib/str.h"
#include "tests/fake/bmcsim_core.h"

enum { BMCS = 6, CALLS = 24, EVENTS = 4096, DEFAULT_SEEDS = 150 };
/* A state older than this has been seen by all: a slow answer, and a farewell. */
enum { FRESH = 20000000 };

struct vconn {
	struct bmc_call *call; /* NULL: released */
	unsigned bmc, generation;
	bool open;
	int64_t timer;
};

struct packet {
	int64_t at; /* 0: slot free */
	bool to_bmc, connected;
	unsigned conn, generation;
	size_t len;
	uint8_t data[BMC_PROTO_PACKET_MAX];
};

struct order {
	enum bmc_seq_kind kind;
	enum bmc_action action;
	unsigned bmc, n_done;
	bool cancelled, ok;
	char code[ERROR_CODE_SIZE];
	uint64_t id;
	int64_t deadline;
	struct world *world;
};

struct world {
	int64_t now;
	struct rng rng;
	unsigned loss, repeat, slow; /* percent */
	bool no_route;
	int64_t name_delay[BMCS]; /* of resolving its name */
	struct bundle_bmc cfg;	  /* of the next order */
	struct bmcsim_bmc bmcs[BMCS];
	struct bmcsim_counts before[BMCS]; /* at the end of the previous call */
	bool was_on[BMCS];
	int64_t changed_at[BMCS];
	unsigned cancelled[BMCS][2]; /* cycles and resets cancelled since then */
	struct vconn conns[CALLS];
	unsigned n_conns;
	struct packet *packets;
	struct order orders[CALLS];
	unsigned n_orders, left;
	struct bmc_packet *packet;
	struct bmc_call_env env;
	struct bmc_pool *pool;
};

static bool
chance(struct world *w, unsigned percent)
{
	return rng_below(&w->rng, 100) < percent;
}

static struct packet *
post(struct world *w, const struct vconn *k, int64_t delay)
{
	for (unsigned i = 0; i < EVENTS; i++) {
		struct packet *p = &w->packets[i];

		if (p->at != 0)
			continue;
		p->at = w->now + delay;
		p->conn = (unsigned)(k - w->conns);
		p->generation = k->generation;
		p->to_bmc = p->connected = false;
		p->len = 0;
		return p;
	}
	fail_msg("too many packets under way");
	return NULL;
}

static void
transmit(
    struct world *w, const struct vconn *k, bool to_bmc, const void *data, size_t len)
{
	unsigned copies = chance(w, w->repeat) ? 2 : 1;

	while (copies-- > 0) {
		int64_t delay = 1000 + (int64_t)rng_below(&w->rng, 60000);
		struct packet *p;

		if (chance(w, w->loss))
			continue;
		if (chance(w, w->slow))
			delay += (int64_t)rng_below(&w->rng, 3000000);
		p = post(w, k, delay);
		p->to_bmc = to_bmc;
		p->len = len;
		memcpy(p->data, data, len);
	}
}

static struct vconn *
conn_of(struct world *w, struct bmc_call *c)
{
	struct vconn *k = c->io;

	if (k != NULL)
		return k;
	k = &w->conns[w->n_conns++];
	k->call = c;
	k->timer = -1;
	k->bmc = (unsigned)(c->bmc.port - 1);
	c->io = k;
	return k;
}

static void
op_connect(void *io, struct bmc_call *c)
{
	struct world *w = io;
	struct vconn *k = conn_of(w, c);

	for (unsigned i = 0; i < w->n_conns; i++)
		assert_false(w->conns[i].open && w->conns[i].bmc == k->bmc);
	k->generation++;
	k->open = true;
	post(w, k, w->name_delay[k->bmc])->connected = true;
}

static void
op_disconnect(void *io, struct bmc_call *c)
{
	struct vconn *k = conn_of(io, c);

	k->open = false;
	k->generation++;
}

static void
op_send(void *io, struct bmc_call *c, const void *pkt, size_t len)
{
	struct vconn *k = conn_of(io, c);

	assert_true(k->open);
	transmit(io, k, true, pkt, len);
}

static void
op_timer(void *io, struct bmc_call *c, int64_t at)
{
	conn_of(io, c)->timer = at;
}

static void
op_note(void *io, const struct bmc_note *note)
{
	(void)io;
	assert_null(strstr(note->text, "secret"));
}

static void
op_release(void *io, struct bmc_call *c)
{
	struct vconn *k = conn_of(io, c);

	k->open = false;
	k->generation++;
	k->timer = -1;
	k->call = NULL;
	c->io = NULL;
}

static const struct bmc_call_ops ops = {
    op_connect, op_disconnect, op_send, op_timer, op_note, op_release};

static struct world *
world_new(uint64_t seed)
{
	struct world *w = str_alloc(sizeof *w);
	struct error err;

	w->now = 1000000;
	w->rng = rng_seeded(seed);
	w->packets = str_alloc(EVENTS * sizeof *w->packets);
	w->packet = bmc_packet_new(&err);
	assert_non_null(w->packet);
	w->cfg = (struct bundle_bmc){.address = "192.0.2.1",
	    .user = "admin",
	    .password = "secret17",
	    .privilege = "operator"};
	w->env = (struct bmc_call_env){.ops = &ops,
	    .io = w,
	    .packet = w->packet,
	    .rng = &w->rng,
	    .command_timeout = 60000000,
	    .poll_interval = 2000000};
	w->pool = bmc_pool_new(&w->env, &(struct bmc_pool_limits){4, 64});
	for (unsigned i = 0; i < BMCS; i++)
		bmcsim_init(&w->bmcs[i], "admin", "secret17", 3, seed * 100 + i);
	return w;
}

static void
world_free(struct world *w)
{
	bmc_pool_free(w->pool, w->now);
	bmc_packet_free(w->packet);
	free(w->packets);
	free(w);
}

static void
watch_power(struct world *w)
{
	for (unsigned i = 0; i < BMCS; i++) {
		if (w->bmcs[i].power != w->was_on[i])
			w->changed_at[i] = w->now;
		w->was_on[i] = w->bmcs[i].power;
	}
}

/* What the result claims must be so at the BMC. */
static void
check_truth(const struct order *o, const struct bmc_result *r)
{
	struct bmcsim_bmc *b = &o->world->bmcs[o->bmc];
	bool changing = b->off_at != 0 || b->on_at != 0 ||
			o->world->now - o->world->changed_at[o->bmc] < FRESH;

	if (r->power != BMC_POWER_UNKNOWN && !changing && o->kind != BMC_SEQ_CONTROL)
		assert_int_equal(r->power == BMC_POWER_ON, b->power);
	if (r->err.code[0] != '\0')
		return;
	if (o->kind == BMC_SEQ_ON_SEEN)
		assert_int_equal(r->power, BMC_POWER_ON);
	if (o->kind == BMC_SEQ_OFF_SEEN)
		assert_int_equal(r->power, BMC_POWER_OFF);
	if (o->kind == BMC_SEQ_OVERRIDE && !changing) /* a start uses the flags up */
		assert_memory_equal(b->flags, "\xA0\x04\0\0\0", 5);
	if (o->kind == BMC_SEQ_STATUS || o->kind == BMC_SEQ_PROBE)
		assert_int_not_equal(r->power, BMC_POWER_UNKNOWN);
}

/* Since the call before: nothing but what this call ordered, and never twice. */
static void
check_executed(const struct order *o, bool ok)
{
	struct world *w = o->world;
	unsigned *now = w->bmcs[o->bmc].counts.controls,
		 *was = w->before[o->bmc].controls;
	unsigned cycles = now[BMCSIM_CYCLE] - was[BMCSIM_CYCLE];
	unsigned resets = now[BMCSIM_RESET] - was[BMCSIM_RESET];
	unsigned ons = now[BMCSIM_ON] - was[BMCSIM_ON];
	bool control = o->kind == BMC_SEQ_CONTROL;

	assert_true(cycles <=
		    (control && o->action == BMC_ACTION_CYCLE) + w->cancelled[o->bmc][0]);
	assert_true(resets <=
		    (control && o->action == BMC_ACTION_RESET) + w->cancelled[o->bmc][1]);
	if (ok && control && o->action == BMC_ACTION_RESET)
		assert_in_range(resets, 1, 1 + w->cancelled[o->bmc][1]);
	if (ok && control && o->action == BMC_ACTION_CYCLE)
		assert_true(cycles >= 1 || ons >= 1);
	w->cancelled[o->bmc][0] = w->cancelled[o->bmc][1] = 0;
	w->before[o->bmc] = w->bmcs[o->bmc].counts;
}

static void
on_done(void *arg, uint64_t id, const struct bmc_result *r)
{
	struct order *o = arg;

	watch_power(o->world);
	assert_int_equal(id, o->id);
	assert_false(o->cancelled);
	o->n_done++;
	o->ok = r->err.code[0] == '\0';
	str_clip(o->code, sizeof o->code, r->err.code);
	o->world->left--;
	/* A farewell, and what was queued behind other calls of the same BMC. */
	assert_true(o->world->now <= o->deadline + 2000000);
	assert_null(strstr(r->err.text, "secret"));
	if (!o->ok)
		assert_true(r->err.text[0] != '\0' && r->err.next[0] != '\0');
	check_truth(o, r);
	check_executed(o, o->ok);
}

static struct order *
submit(struct world *w, unsigned bmc, enum bmc_seq_kind kind, enum bmc_action action,
    int64_t timeout)
{
	struct order *o = &w->orders[w->n_orders++];
	struct bmc_call *c;

	w->cfg.port = (uint16_t)(bmc + 1);
	c = bmc_pool_call(w->pool, &w->cfg);
	o->world = w;
	o->kind = kind;
	o->action = action;
	o->bmc = bmc;
	o->deadline = w->now + timeout;
	c->seq.kind = kind;
	c->seq.action = action;
	c->seq.graceful = 5000000;
	c->deadline = o->deadline;
	c->done = on_done;
	c->arg = o;
	w->left++;
	o->id = bmc_pool_submit(w->pool, c, w->now);
	return o;
}

static void
deliver(struct world *w, struct packet *p)
{
	struct vconn *k = &w->conns[p->conn];
	uint8_t reply[BMCSIM_PACKET_MAX];
	struct packet copy = *p;
	size_t n;

	p->at = 0;
	if (copy.to_bmc) {
		n = bmcsim_input(&w->bmcs[k->bmc], w->now, copy.data, copy.len, reply);
		if (n > 0) { /* to the socket that sent it, if it still exists */
			unsigned generation = k->generation;

			k->generation = copy.generation;
			transmit(w, k, false, reply, n);
			k->generation = generation;
		}
		return;
	}
	if (k->call == NULL || copy.generation != k->generation)
		return;
	if (copy.connected && w->no_route)
		bmc_pool_no_route(w->pool, k->call, w->now, "no socket to it: test");
	else if (copy.connected)
		bmc_pool_connected(w->pool, k->call, w->now);
	else
		bmc_pool_input(w->pool, k->call, w->now, copy.data, copy.len);
}

/* The next thing that happens anywhere; false when nothing is left. */
static bool
step(struct world *w)
{
	struct packet *first = NULL;
	struct vconn *timer = NULL;

	for (unsigned i = 0; i < EVENTS; i++)
		if (w->packets[i].at != 0 &&
		    (first == NULL || w->packets[i].at < first->at))
			first = &w->packets[i];
	for (unsigned i = 0; i < w->n_conns; i++)
		if (w->conns[i].timer >= 0 &&
		    (timer == NULL || w->conns[i].timer < timer->timer))
			timer = &w->conns[i];
	watch_power(w);
	if (first == NULL && timer == NULL)
		return false;
	if (first != NULL && (timer == NULL || first->at <= timer->timer)) {
		if (first->at > w->now)
			w->now = first->at;
		deliver(w, first);
		return true;
	}
	if (timer->timer > w->now)
		w->now = timer->timer;
	timer->timer = -1;
	bmc_pool_timer(w->pool, timer->call, w->now);
	return true;
}

static void
run(struct world *w)
{
	unsigned steps = 0;

	while (bmc_pool_calls(w->pool) > 0) {
		assert_true(step(w));
		assert_true(++steps < 200000);
		if (rng_below(&w->rng, 4000) == 0)
			w->bmcs[rng_below(&w->rng, BMCS)].faults.forget_session = 1;
	}
	while (step(w)) {
	}
	assert_int_equal(w->left, 0);
}

static void
random_faults(struct world *w, struct bmcsim_bmc *b)
{
	struct bmcsim_faults *f = &b->faults;

	b->power = chance(w, 50);
	f->d5 = chance(w, 30);
	f->busy = chance(w, 20) ? (int)rng_below(&w->rng, 4) : 0;
	f->busy_code = chance(w, 50) ? 0xD2 : 0;
	f->lose_reply = chance(w, 20);
	f->control_c3 = chance(w, 10);
	f->no_dedup = chance(w, 50);
	f->cycle_ms = chance(w, 50) ? 1 + (int)rng_below(&w->rng, 8000) : 0;
	f->lose_on = chance(w, 20);
	f->off_ms = chance(w, 30) ? 4000 : 0;
	f->ignore_soft = chance(w, 30);
	f->soft_ms = chance(w, 30) ? 3000 : 0;
	f->suites = chance(w, 30) ? 1 + (int)rng_below(&w->rng, 2) : 0;
	f->suite_silent = chance(w, 20);
	f->echo_level = chance(w, 20);
	f->open_level_keys = chance(w, 15);
	f->refuse_options = chance(w, 20) ? 0x19 : 0;
	f->drop_efi = chance(w, 10);
	f->rakp3_once = chance(w, 30);
	f->no_slots = chance(w, 5);
	f->dead = chance(w, 5);
}

static void
random_order(struct world *w)
{
	enum bmc_seq_kind kind = (enum bmc_seq_kind)rng_below(&w->rng, BMC_SEQ_PROBE + 1);
	struct order *o = submit(w, (unsigned)rng_below(&w->rng, BMCS), kind,
	    (enum bmc_action)rng_below(&w->rng, BMC_ACTION_SOFT + 1), 300000000);

	if (chance(w, 8)) {
		for (unsigned i = (unsigned)rng_below(&w->rng, 40); i > 0; i--)
			step(w);
		if (o->n_done == 0) {
			o->cancelled = true;
			w->cancelled[o->bmc][0] +=
			    kind == BMC_SEQ_CONTROL && o->action == BMC_ACTION_CYCLE;
			w->cancelled[o->bmc][1] +=
			    kind == BMC_SEQ_CONTROL && o->action == BMC_ACTION_RESET;
			w->left--;
			bmc_pool_cancel(w->pool, o->id, w->now);
		}
	}
}

/* Any orders, any faults, any weather. */
static void
chaos(uint64_t seed)
{
	struct world *w = world_new(seed);

	w->loss = (unsigned)rng_below(&w->rng, 35);
	w->repeat = (unsigned)rng_below(&w->rng, 20);
	w->slow = (unsigned)rng_below(&w->rng, 5);
	for (unsigned i = 0; i < BMCS; i++)
		random_faults(w, &w->bmcs[i]);
	for (unsigned i = 0; i < CALLS; i++)
		random_order(w);
	run(w);
	for (unsigned i = 0; i < w->n_orders; i++)
		assert_int_equal(w->orders[i].n_done, !w->orders[i].cancelled);
	for (unsigned i = 0; i < BMCS;
	     i++) { /* lost farewells are cured by the BMC's clock */
		w->bmcs[i].faults.dead = w->bmcs[i].faults.drop = 0;
		bmcsim_input(&w->bmcs[i], w->now + BMCSIM_SESSION_US,
		    (const uint8_t *)"\6\0\xFF\7\6", 5, (uint8_t[BMCSIM_PACKET_MAX]){0});
		assert_int_equal(bmcsim_slots_used(&w->bmcs[i], false), 0);
	}
	world_free(w);
}

static void
never_twice_and_never_for_ever(void **state)
{
	const char *text = getenv("SIM_SEEDS");
	unsigned long n = text != NULL ? strtoul(text, NULL, 10) : DEFAULT_SEEDS;

	(void)state;
	for (unsigned long seed = 1; seed <= n; seed++)
		chaos(seed);
}

/* In fair weather every order succeeds, and every session is closed by us. */
static void
fair_weather_leaves_nothing_open(void **state)
{
	struct world *w = world_new(7);

	(void)state;
	for (unsigned i = 0; i < BMCS; i++) {
		submit(w, i, BMC_SEQ_PROBE, 0, 30000000);
		submit(w, i, BMC_SEQ_OVERRIDE, 0, 60000000);
		submit(w, i, BMC_SEQ_ON_SEEN, 0, 60000000);
		submit(w, i, BMC_SEQ_CONTROL, BMC_ACTION_CYCLE, 60000000);
	}
	run(w);
	for (unsigned i = 0; i < w->n_orders; i++)
		assert_true(w->orders[i].ok);
	for (unsigned i = 0; i < BMCS; i++) {
		assert_int_equal(bmcsim_slots_used(&w->bmcs[i], false), 0);
		assert_int_equal(w->bmcs[i].counts.sessions, w->bmcs[i].counts.closed);
		assert_int_equal(w->bmcs[i].counts.opens, w->bmcs[i].counts.sessions);
		assert_int_equal(w->bmcs[i].counts.pxe_boots, 1);
	}
	world_free(w);
}

/* Five dead BMCs and room for four at once: the sixth's calls do not wait for the dead.
 */
static void
the_dead_delay_nobody(void **state)
{
	struct world *w = world_new(11);
	struct order *alive[3];
	int64_t begin = w->now;

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		w->bmcs[i].faults.dead = 1;
		submit(w, i, BMC_SEQ_STATUS, 0, 20000000);
	}
	for (unsigned i = 0; i < 3; i++)
		alive[i] = submit(w, 5, BMC_SEQ_STATUS, 0, 20000000);
	while (alive[2]->n_done == 0)
		assert_true(step(w));
	assert_true(w->now - begin < 3000000);
	run(w);
	for (unsigned i = 0; i < 5; i++)
		assert_false(w->orders[i].ok);
	world_free(w);
}

/* Nor does a name server that does not answer. */
static void
slow_names_delay_nobody(void **state)
{
	struct world *w = world_new(11);
	struct order *alive;
	int64_t begin = w->now;

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		w->name_delay[i] = 25000000;
		submit(w, i, BMC_SEQ_STATUS, 0, 20000000);
	}
	alive = submit(w, 5, BMC_SEQ_STATUS, 0, 20000000);
	while (alive->n_done == 0)
		assert_true(step(w));
	assert_true(alive->ok && w->now - begin < 3000000);
	run(w);
	for (unsigned i = 0; i < 5; i++)
		assert_string_equal(w->orders[i].code, "bmc-unreachable");
	world_free(w);
}

/* An unanswered cycle that stays off long enough to be seen is known to have come through,
 * and what was not seen is not claimed. */
static void
unanswered_controls_are_looked_for(void **state)
{
	struct world *w = world_new(5);
	struct order *cycle, *brief, *reset;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		w->bmcs[i].power = true;
		w->bmcs[i].faults.lose_reply = 1;
		w->bmcs[i].faults.no_dedup = 1;
	}
	w->bmcs[0].faults.cycle_ms = 6000;
	cycle = submit(w, 0, BMC_SEQ_CONTROL, BMC_ACTION_CYCLE, 30000000);
	brief = submit(w, 1, BMC_SEQ_CONTROL, BMC_ACTION_CYCLE, 30000000);
	reset = submit(w, 2, BMC_SEQ_CONTROL, BMC_ACTION_RESET, 30000000);
	run(w);
	assert_true(cycle->ok);
	assert_string_equal(brief->code, "power-unconfirmed");
	assert_string_equal(reset->code, "power-unconfirmed");
	assert_int_equal(w->bmcs[0].counts.controls[BMCSIM_CYCLE], 1);
	assert_int_equal(w->bmcs[1].counts.controls[BMCSIM_CYCLE], 1);
	assert_int_equal(w->bmcs[2].counts.controls[BMCSIM_RESET], 1);
	world_free(w);
}

/* Fifty percent of all packets lost: cycles are still executed at most once. */
static void
half_the_packets_lost(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct world *w = world_new(seed);

		w->loss = 50;
		for (unsigned i = 0; i < BMCS; i++) {
			w->bmcs[i].power = true;
			w->bmcs[i].faults.no_dedup = i % 2;
			submit(w, i, BMC_SEQ_CONTROL, BMC_ACTION_CYCLE, 120000000);
		}
		run(w);
		world_free(w);
	}
}

/* What worked is remembered: the next call begins with it. */
static void
suite_and_variant_are_remembered(void **state)
{
	struct world *w = world_new(3);
	struct order *o;
	int64_t begin;

	(void)state;
	w->bmcs[0].faults.suites = 1;
	w->bmcs[0].faults.suite_silent = 1;
	w->bmcs[1].faults.open_level_keys = 1;
	submit(w, 0, BMC_SEQ_STATUS, 0, 30000000);
	submit(w, 1, BMC_SEQ_STATUS, 0, 30000000);
	run(w);
	assert_int_equal(w->bmcs[1].counts.rakp1, 2);
	begin = w->now;
	o = submit(w, 0, BMC_SEQ_STATUS, 0, 30000000);
	submit(w, 1, BMC_SEQ_STATUS, 0, 30000000);
	while (o->n_done == 0)
		assert_true(step(w));
	assert_true(w->now - begin < 2000000);
	run(w);
	assert_int_equal(w->bmcs[1].counts.rakp1, 3);
	/* … and a wrong password is then tried exactly once. */
	str_clip(w->cfg.password, sizeof w->cfg.password, "wrong");
	o = submit(w, 1, BMC_SEQ_STATUS, 0, 30000000);
	run(w);
	assert_string_equal(o->code, "bmc-auth");
	assert_int_equal(w->bmcs[1].counts.rakp1, 4);
	assert_int_equal(w->bmcs[1].counts.bad_auth, 0);
	world_free(w);
}

static void
orders_that_cannot_be_carried_out(void **state)
{
	struct world *w = world_new(3);
	struct order *none, *weak, *lost;

	(void)state;
	w->cfg.cipher = 1;
	weak = submit(w, 0, BMC_SEQ_STATUS, 0, 5000000);
	w->cfg.cipher = 0;
	w->cfg.address[0] = '\0';
	none = submit(w, 1, BMC_SEQ_STATUS, 0, 5000000);
	run(w);
	assert_string_equal(weak->code, "bmc-cipher");
	assert_string_equal(none->code, "no-bmc");
	assert_int_equal(w->bmcs[0].counts.opens + w->bmcs[1].counts.opens, 0);
	w->no_route = true;
	str_clip(w->cfg.address, sizeof w->cfg.address, "192.0.2.1");
	lost = submit(w, 2, BMC_SEQ_STATUS, 0, 5000000);
	run(w);
	assert_string_equal(lost->code, "bmc-unreachable");
	world_free(w);
}

/* A call behind a slow one ends at its own deadline, and a cancelled one makes room. */
static void
queued_calls_have_deadlines_and_can_be_cancelled(void **state)
{
	struct world *w = world_new(3);
	struct order *waiting, *last;

	(void)state;
	w->bmcs[0].power = true;
	w->bmcs[0].faults.ignore_off = w->bmcs[0].faults.ignore_soft = 1;
	submit(w, 0, BMC_SEQ_OFF_SEEN, 0, 30000000);
	waiting = submit(w, 0, BMC_SEQ_STATUS, 0, 5000000);
	last = submit(w, 0, BMC_SEQ_STATUS, 0, 100000000);
	while (waiting->n_done == 0)
		assert_true(step(w));
	assert_string_equal(waiting->code, "bmc-busy");
	assert_true(last->n_done == 0);
	w->orders[0].cancelled = true;
	w->left--;
	bmc_pool_cancel(w->pool, w->orders[0].id, w->now);
	run(w);
	assert_true(last->ok);
	assert_int_equal(w->orders[0].n_done, 0);
	assert_int_equal(bmcsim_slots_used(&w->bmcs[0], false), 0);
	world_free(w);
}

/* Cancelled before it began, a call sends nothing, whatever else begins meanwhile. */
static void
cancelled_before_it_began(void **state)
{
	struct world *w = world_new(3);
	struct order *o;

	(void)state;
	w->bmcs[0].power = true;
	o = submit(w, 0, BMC_SEQ_OFF_SEEN, 0, 30000000);
	submit(w, 0, BMC_SEQ_STATUS, 0, 30000000);
	submit(w, 1, BMC_SEQ_STATUS, 0, 30000000);
	o->cancelled = true;
	w->left--;
	bmc_pool_cancel(w->pool, o->id, w->now);
	w->conns[0].timer++; /* the others' timers come first */
	run(w);
	assert_true(w->bmcs[0].power);
	assert_int_equal(w->bmcs[0].counts.sessions, 1);
	assert_true(w->orders[1].ok && w->orders[2].ok);
	world_free(w);
}

/* A cycle that is answered "busy" to the end was not carried out, and that is said. */
static void
busy_control_is_not_in_the_dark(void **state)
{
	struct world *w = world_new(3);
	struct order *o;

	(void)state;
	w->bmcs[0].power = true;
	w->bmcs[0].faults.busy_control = 1;
	o = submit(w, 0, BMC_SEQ_CONTROL, BMC_ACTION_CYCLE, 30000000);
	run(w);
	assert_string_equal(o->code, "bmc-busy");
	assert_int_equal(w->bmcs[0].counts.controls[BMCSIM_CYCLE], 0);
	world_free(w);
}

/* A pool that is dropped in the middle says farewell everywhere. */
static void
dropped_pool_closes_its_sessions(void **state)
{
	(void)state;
	for (unsigned steps = 0; steps < 60; steps++) {
		struct world *w = world_new(3);
		uint8_t reply[BMCSIM_PACKET_MAX];

		for (unsigned i = 0; i < BMCS; i++)
			submit(w, i, BMC_SEQ_ON_SEEN, 0, 30000000);
		for (unsigned i = 0; i < steps; i++)
			step(w);
		bmc_pool_free(w->pool, w->now);
		for (unsigned i = 0; i < EVENTS; i++)
			if (w->packets[i].at != 0 && w->packets[i].to_bmc)
				bmcsim_input(&w->bmcs[w->conns[w->packets[i].conn].bmc],
				    w->now, w->packets[i].data, w->packets[i].len, reply);
		for (unsigned i = 0; i < BMCS; i++)
			assert_int_equal(bmcsim_slots_used(&w->bmcs[i], true), 0);
		w->pool = NULL;
		world_free(w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fair_weather_leaves_nothing_open),
	    cmocka_unit_test(the_dead_delay_nobody),
	    cmocka_unit_test(slow_names_delay_nobody),
	    cmocka_unit_test(unanswered_controls_are_looked_for),
	    cmocka_unit_test(half_the_packets_lost),
	    cmocka_unit_test(suite_and_variant_are_remembered),
	    cmocka_unit_test(orders_that_cannot_be_carried_out),
	    cmocka_unit_test(queued_calls_have_deadlines_and_can_be_cancelled),
	    cmocka_unit_test(cancelled_before_it_began),
	    cmocka_unit_test(busy_control_is_not_in_the_dark),
	    cmocka_unit_test(dropped_pool_closes_its_sessions),
	    cmocka_unit_test(never_twice_and_never_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
