/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The ticket rule under random clients: several machines, connections and ranges at once, answers of
 * the agent that take their time, machines that lose power, bootd and agent that are killed.
 *
 * The gate and the host table are the real ones; transfers follow http_ticket.c: hold before the
 * last chunk, one question per ticket, after the answer one goes on and the others end. Under it all
 * the inventory changes: the host is renamed, leaves the table, comes back in a new one. After a
 * restart of bootd the agent has issued the ticket anew, and a machine runs the new script with
 * empty hands (tests/sim/ticket.pml has the same in all interleavings).
 *
 * What must hold: nobody ever has the whole set before the consumption is durable, and at most one
 * machine ever has it. SIM_SEEDS=N runs more seeds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h wants those three first. */
#include <cmocka.h>

#include "boot-services/ticket_gate.h"
#include "lib/rng.h"
#include "lib/str.h"

enum { CLIENTS = 3, TRANSFERS = 10, PAYLOADS_MAX = 4, UNIT = 16 * 1024, UNITS_MAX = 12 };

struct transfer {
	bool used, held, open;
	unsigned client, payload;
	int at, end; /* units */
	unsigned ticket;
};

struct machine {
	bool on;
	unsigned ticket; /* of the script it runs */
	uint32_t
	    have[PAYLOADS_MAX]; /* units; bit UNITS_MAX: an empty file was delivered */
};

struct world {
	struct rng rng;
	struct hosttab *table;
	struct bundle_host host;
	struct bootd_msg_boot boot;
	unsigned ticket; /* issued so far */
	int units[PAYLOADS_MAX];
	struct transfer transfers[TRANSFERS];
	struct machine machines[CLIENTS];
	/* The agent's spool, and the question under way. */
	bool durable, asked;
	bool answered, answer; /* decided, but not with bootd yet */
	int asker;
	unsigned ask_client, ask_payload;
	unsigned whole; /* sets completed */
};

/* As http_ticket.c finds it; NULL while the host is out of the table. */
static struct hosttab_entry *
entry(struct world *w)
{
	return hosttab_by_token(w->table, w->boot.token);
}

static bool
is_gated(const struct world *w, unsigned payload)
{
	return w->boot.payloads[payload].kind != BOOTD_PAYLOAD_FILE;
}

static void
rename_host(struct world *w)
{
	snprintf(w->host.name, sizeof w->host.name, "edge%02u",
	    (unsigned)rng_below(&w->rng, 3));
}

/* The agent's message of the host to a bootd; `fresh`: one that has just started. */
static void
send_host(struct world *w, bool fresh)
{
	struct error err;

	if (fresh) {
		hosttab_free(w->table);
		w->table = hosttab_new();
		if (!w->durable)
			w->ticket++;
	} else if (hosttab_by_name(w->table, w->host.name) == NULL) {
		for (unsigned i = 0; i < 3; i++) {
			char name[8];

			snprintf(name, sizeof name, "edge%02u", i);
			hosttab_del(w->table, name);
		}
	}
	snprintf(w->boot.ticket, sizeof w->boot.ticket, "%016u", w->ticket);
	snprintf(w->boot.token, sizeof w->boot.token, "%026u", w->ticket);
	w->boot.consumed = w->durable;
	assert_int_equal(0, hosttab_put(w->table, &w->host, &w->boot, &err));
}

static bool
has_all(const struct world *w, const struct machine *m)
{
	for (size_t p = 0; p < w->boot.n_payloads; p++) {
		uint32_t want =
		    w->units[p] > 0 ? (1u << w->units[p]) - 1 : 1u << UNITS_MAX;

		if (is_gated(w, (unsigned)p) && (m->have[p] & want) != want)
			return false;
	}
	return true;
}

static void
deliver(struct world *w, unsigned client, unsigned payload, uint32_t bits)
{
	struct machine *m = &w->machines[client];
	bool before = has_all(w, m);

	m->have[payload] |= bits;
	if (before || !has_all(w, m))
		return;
	/* Here an installer starts. */
	assert_true(w->durable);
	w->whole++;
	assert_int_equal(1, w->whole);
}

static void
reset_all(struct world *w)
{
	memset(w->transfers, 0, sizeof w->transfers);
	w->asked = w->answered = false;
	w->asker = -1;
}

/* ---- what may happen ---- */

static void
client_leaves(struct world *w, int i)
{
	struct transfer *t = &w->transfers[i];

	t->used = t->held = false;
	/* The slot may be taken by another transfer, which must not inherit the answer. */
	if (w->asker == i)
		w->asker = -1;
}

static void
power_on(struct world *w, unsigned c)
{
	struct machine *m = &w->machines[c];

	for (int i = 0; i < TRANSFERS; i++)
		if (w->transfers[i].used && w->transfers[i].client == c)
			client_leaves(w, i);
	memset(m, 0, sizeof *m);
	/* The script is there only while the ticket is not consumed. */
	m->on = entry(w) != NULL && !entry(w)->boot.consumed;
	m->ticket = w->ticket;
}

static void
request(struct world *w, unsigned c)
{
	struct machine *m = &w->machines[c];
	const struct hosttab_entry *e = entry(w);
	struct transfer *t = NULL;
	unsigned p = (unsigned)rng_below(&w->rng, w->boot.n_payloads);

	for (int i = 0; i < TRANSFERS && t == NULL; i++)
		if (!w->transfers[i].used)
			t = &w->transfers[i];
	if (t == NULL || !m->on || m->ticket != w->ticket || e == NULL)
		return;
	/* policy_http.c: 404 after consumption. */
	if (e->boot.consumed && is_gated(w, p))
		return;
	*t = (struct transfer){
	    .used = true, .client = c, .payload = p, .ticket = w->ticket};
	t->end = w->units[p];
	if (t->end > 0 && rng_below(&w->rng, 3) == 0) {
		t->at = (int)rng_below(&w->rng, (uint64_t)t->end);
		t->end = t->at + 1 + (int)rng_below(&w->rng, (uint64_t)(t->end - t->at));
	}
}

/* True when the transfer may go past its hold. */
static bool
pass(struct world *w, int i)
{
	struct transfer *t = &w->transfers[i];
	struct hosttab_entry *e = entry(w);

	switch (ticket_gate_check(e, t->payload)) {
	case TICKET_GATE_FREE:
		ticket_gate_release(e, t->payload);
		t->open = true;
		return true;
	case TICKET_GATE_ASK:
		t->held = true;
		if (!w->asked) {
			w->asked = true;
			w->asker = i;
			w->ask_client = t->client;
			w->ask_payload = t->payload;
		}
		return false;
	case TICKET_GATE_REFUSE: t->used = false; return false;
	}
	return false;
}

static void
progress(struct world *w, int i)
{
	struct transfer *t = &w->transfers[i];
	int from = (int)(ticket_gate_from((int64_t)w->units[t->payload] * UNIT) / UNIT);

	if (!t->used || t->held)
		return;
	if (is_gated(w, t->payload) && !t->open && t->at >= from &&
	    (t->at < t->end || w->units[t->payload] == 0) && !pass(w, i))
		return;
	if (t->at < t->end) {
		deliver(w, t->client, t->payload, 1u << t->at);
		t->at++;
	} else if (w->units[t->payload] == 0) {
		deliver(w, t->client, t->payload, 1u << UNITS_MAX);
	}
	if (t->at >= t->end)
		t->used = false;
}

/* The agent decides; with luck the answer arrives before a crash. */
static void
agent_decides(struct world *w)
{
	if (!w->asked || w->answered)
		return;
	w->answer = !w->durable;
	w->durable = true;
	w->answered = true;
	/* It may send the consumed host before the answer. */
	if (rng_below(&w->rng, 2) == 0)
		send_host(w, false);
}

/* The transfer that asked, or its heir when its client has gone: find_winner(). */
static struct transfer *
find_winner(struct world *w)
{
	struct transfer *asker = w->asker >= 0 ? &w->transfers[w->asker] : NULL;

	if (asker != NULL && asker->held)
		return asker;
	for (int i = 0; i < TRANSFERS; i++) {
		struct transfer *t = &w->transfers[i];

		if (t->used && t->held && t->client == w->ask_client &&
		    t->payload == w->ask_payload)
			return t;
	}
	return NULL;
}

static void
answer_arrives(struct world *w)
{
	struct hosttab_entry *e = entry(w);
	struct transfer *t;

	if (!w->answered)
		return;
	t = find_winner(w);
	w->asked = w->answered = false;
	w->asker = -1;
	if (w->answer)
		hosttab_consume(w->table, w->boot.ticket);
	if (w->answer && t != NULL)
		ticket_gate_release(e, t->payload);
	for (int i = 0; i < TRANSFERS; i++) {
		struct transfer *o = &w->transfers[i];

		if (o->used && is_gated(w, o->payload) && o != t &&
		    (w->answer || o->held))
			o->used = o->held = false;
	}
	if (t == NULL)
		return;
	t->held = false;
	t->open = w->answer;
	t->used = w->answer;
}

/* Revoked: http_ticket_on_table_change(). */
static void
end_transfers(struct world *w)
{
	for (int i = 0; i < TRANSFERS; i++)
		client_leaves(w, i);
}

static void
host_leaves(struct world *w)
{
	if (entry(w) == NULL)
		return;
	hosttab_del(w->table, w->host.name);
	end_transfers(w);
}

static void
new_table(struct world *w)
{
	struct hosttab *old = w->table;

	w->table = hosttab_new();
	rename_host(w);
	if (rng_below(&w->rng, 4) != 0)
		send_host(w, false);
	hosttab_inherit(w->table, old);
	hosttab_free(old);
	if (entry(w) == NULL)
		end_transfers(w);
}

static void
inventory_changes(struct world *w)
{
	switch (rng_below(&w->rng, 4)) {
	case 0: host_leaves(w); break;
	case 1: new_table(w); break;
	default:
		if (rng_below(&w->rng, 2) == 0)
			rename_host(w);
		send_host(w, false);
	}
}

static void
step(struct world *w)
{
	unsigned c = (unsigned)rng_below(&w->rng, CLIENTS);
	int i = (int)rng_below(&w->rng, TRANSFERS);
	uint64_t what = rng_below(&w->rng, 1000);

	if (what < 8)
		power_on(w, c);
	else if (what < 150)
		request(w, c);
	else if (what < 160)
		client_leaves(w, i);
	else if (what < 200)
		agent_decides(w);
	else if (what < 240)
		answer_arrives(w);
	else if (what < 243) {
		reset_all(w);
		send_host(w, true);
	} else if (what < 248)
		inventory_changes(w);
	else
		progress(w, i);
}

static void
make_world(struct world *w, uint64_t seed)
{
	memset(w, 0, sizeof *w);
	w->rng = rng_seeded(seed);
	w->table = hosttab_new();
	w->asker = -1;
	rename_host(w);
	w->host.n_nics = 1;
	w->host.nics[0].mac = (struct addr_mac){{0x52, 0x54, 0, 0, 0, 1}};
	w->boot.n_payloads = 1 + (size_t)rng_below(&w->rng, PAYLOADS_MAX);
	for (size_t p = 0; p < w->boot.n_payloads; p++) {
		struct bootd_msg_payload *pl = &w->boot.payloads[p];

		w->units[p] = (int)rng_below(&w->rng, UNITS_MAX);
		pl->kind = p == 0
			       ? BOOTD_PAYLOAD_KERNEL
			       : (enum bootd_msg_payload_kind)(1 + rng_below(&w->rng, 2));
		snprintf(pl->name, sizeof pl->name, "p%zu", p);
		pl->size = (int64_t)w->units[p] * UNIT;
	}
	send_host(w, true);
	for (unsigned c = 0; c < CLIENTS; c++)
		power_on(w, c);
}

static void
test_at_most_one_whole_set(void **state)
{
	const char *text = getenv("SIM_SEEDS");
	uint64_t seeds = text != NULL ? strtoull(text, NULL, 10) : 3000;
	uint64_t installs = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= seeds; seed++) {
		struct world *w = str_alloc(sizeof *w);

		make_world(w, seed);
		for (int n = 0; n < 1500; n++)
			step(w);
		installs += w->whole;
		hosttab_free(w->table);
		free(w);
	}
	/* It does let machines boot. */
	print_message("%llu of %llu runs delivered a whole set\n",
	    (unsigned long long)installs, (unsigned long long)seeds);
	assert_true(installs > seeds / 6);
}

static void
test_a_quiet_client_always_gets_it(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 500; seed++) {
		struct world *w = str_alloc(sizeof *w);

		make_world(w, seed);
		/* In any order, one after the other, as a lone machine would. */
		for (size_t k = 0; k < w->boot.n_payloads; k++) {
			size_t p = seed % 2 == 0 ? k : w->boot.n_payloads - 1 - k;

			w->transfers[0] = (struct transfer){.used = true,
			    .payload = (unsigned)p,
			    .end = w->units[p],
			    .ticket = w->ticket};
			for (int n = 0; n < 100 && w->transfers[0].used; n++) {
				progress(w, 0);
				agent_decides(w);
				answer_arrives(w);
			}
		}
		assert_int_equal(1, w->whole);
		assert_true(w->durable);
		hosttab_free(w->table);
		free(w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_at_most_one_whole_set),
	    cmocka_unit_test(test_a_quiet_client_always_gets_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
