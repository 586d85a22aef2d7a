/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The network is an array of packets under way, each with its time; the next of them or of the
 * timers moves the clock. Everything that a result claims is held against the BMC's own state
 * when the order ends (check_truth(), check_executed()), whichever simulation runs. */
#include "tests/sim/agent/bmc_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

/* A state older than this has been seen by all: a slow answer, and a farewell. */
enum { FRESH = 20000000 };

bool
bmc_world_chance(struct world *w, unsigned percent)
{
	return rng_below(&w->rng, 100) < percent;
}

static struct packet *
post(struct world *w, const struct vconn *k, int64_t delay)
{
	for (unsigned i = 0; i < BMC_WORLD_EVENTS; i++) {
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
	unsigned copies = bmc_world_chance(w, w->repeat) ? 2 : 1;

	while (copies-- > 0) {
		int64_t delay = 1000 + (int64_t)rng_below(&w->rng, 60000);
		struct packet *p;

		if (bmc_world_chance(w, w->loss))
			continue;
		if (bmc_world_chance(w, w->slow))
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
	struct world *w = io;

	assert_null(strstr(note->text, "secret"));
	w->n_downgrades += strcmp(note->kind, "ipmi.downgrade") == 0;
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

struct world *
bmc_world_new(uint64_t seed)
{
	struct world *w = str_alloc(sizeof *w);
	struct error err;

	w->now = 1000000;
	w->rng = rng_seeded(seed);
	w->packets = str_alloc(BMC_WORLD_EVENTS * sizeof *w->packets);
	w->packet = bmc_packet_new(rng_seeded(1), &err);
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
	for (unsigned i = 0; i < BMC_WORLD_BMCS; i++)
		bmcsim_init(&w->bmcs[i], "admin", "secret17", 3, seed * 100 + i);
	return w;
}

void
bmc_world_free(struct world *w)
{
	bmc_pool_free(w->pool, w->now);
	for (unsigned i = 0; i < w->n_orders; i++)
		json_decref(w->orders[i].learned);
	bmc_packet_free(w->packet);
	free(w->packets);
	free(w);
}

static void
watch_power(struct world *w)
{
	for (unsigned i = 0; i < BMC_WORLD_BMCS; i++) {
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
	if (o->kind == BMC_SEQ_STATUS || o->kind == BMC_SEQ_PROBE ||
	    o->kind == BMC_SEQ_EXAMINE)
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
	o->cipher = r->cipher;
	o->downgrade = r->downgrade;
	o->flags_again = r->flags_again;
	o->variant = r->variant;
	o->learned = json_deep_copy(r->learned != NULL ? r->learned : r->answer);
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

struct order *
bmc_world_submit(struct world *w, unsigned bmc, enum bmc_seq_kind kind,
    enum bmc_action action, int64_t timeout)
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
	c->seq.hold = w->hold;
	c->attempt = w->attempt;
	if (kind == BMC_SEQ_EXAMINE) {
		c->look = str_alloc(sizeof *c->look);
		c->look->may_set = true;
	} else if (kind == BMC_SEQ_ASK) {
		c->ask = str_alloc(sizeof *c->ask);
		bmc_ask_init(c->ask, &w->question);
	}
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
bool
bmc_world_step(struct world *w)
{
	struct packet *first = NULL;
	struct vconn *timer = NULL;

	for (unsigned i = 0; i < BMC_WORLD_EVENTS; i++)
		if (w->packets[i].at != 0 &&
		    (first == NULL || w->packets[i].at < first->at))
			first = &w->packets[i];
	for (unsigned i = 0; i < w->n_conns; i++)
		if (w->conns[i].timer >= 0 &&
		    (timer == NULL || w->conns[i].timer < timer->timer))
			timer = &w->conns[i];
	watch_power(w);
	if (w->each_step != NULL)
		w->each_step(w);
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

void
bmc_world_run(struct world *w)
{
	unsigned steps = 0;

	while (bmc_pool_calls(w->pool) > 0) {
		assert_true(bmc_world_step(w));
		assert_true(++steps < 200000);
		if (rng_below(&w->rng, 4000) == 0)
			w->bmcs[rng_below(&w->rng, BMC_WORLD_BMCS)]
			    .faults.forget_session = 1;
	}
	while (bmc_world_step(w)) {
	}
	assert_int_equal(w->left, 0);
}
