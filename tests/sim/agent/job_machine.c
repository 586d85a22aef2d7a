/* SPDX-License-Identifier: GPL-3.0-or-later */
/* job_sim.c's other side of the wire: bootd's gate with its last octets, the machine that is reinstalled, and
 * a second client. Each of them loses, repeats and breaks off as the world's seed says. */
#include "tests/sim/agent/job_world.h"

enum { ROUNDS = 5 };

static void
give_sign(struct world *w, enum run_sign_type sign, unsigned index)
{
	unsigned copies = chance(w, w->trouble) ? 0 : chance(w, w->trouble) ? 2 : 1;

	while (copies-- > 0) {
		struct todo *t = later(
		    w, chance(w, w->trouble) ? between(w, 1000, 20 * S) : 1000, T_SIGN);

		t->life = w->link_life;
		t->sign = sign;
		t->part = index;
	}
}

/* ---- bootd's gate, and who fetches ---- */

static bool
deliver(struct world *w, struct client *c, unsigned part)
{
	c->have |= 1u << part;
	give_sign(w, RUN_SIGN_LOAD, part);
	if (c->have != (1u << w->n_parts) - 1)
		return false;
	w->delivered++;
	return true;
}

enum fetched { GOT_IT, GOT_ALL, HELD, RESET };

static enum fetched
last_octets(struct world *w, struct client *c, unsigned part, bool ghost)
{
	uint32_t bit = 1u << part;
	uint32_t others = ((1u << w->n_parts) - 1) & ~bit;
	struct todo *t;

	if (!w->bootd_up || !w->armed || w->used || !str_eq(w->ticket, c->ticket))
		return RESET;
	if ((w->released & others) != others) {
		w->released |= bit;
		return deliver(w, c, part) ? GOT_ALL : GOT_IT;
	}
	if ((w->released & bit) != 0 || w->asking)
		return RESET;
	w->asking = true;
	t = later(w, 1000, T_ASK);
	t->life = w->link_life;
	t->part = part;
	t->ghost = ghost;
	str_clip(t->ticket, sizeof(t->ticket), w->ticket);
	return HELD;
}

static void
machine_next(struct world *w, int64_t delay, enum machine_state state)
{
	w->state = state;
	if (chance(w, w->trouble / 8)) /* it hangs */
		return;
	later(w, delay, T_MACHINE)->life = w->boot_life;
}

void
job_machine_power(struct world *w, bool on)
{
	w->boot_life++;
	w->state = M_OFF;
	memset(&w->machine, 0, sizeof(w->machine));
	w->rounds = 0;
	w->part = 0;
	w->reports = 0;
	if (on)
		machine_next(w, between(w, 5 * S, 40 * S), M_POST);
}

static void
image_starts(struct world *w)
{
	w->installed = false;
	w->reports = 0;
	machine_next(w, between(w, 5 * S, 60 * S), M_IMAGE);
}

static void
transfer_failed(struct world *w)
{
	memset(&w->machine, 0, sizeof(w->machine));
	w->part = 0;
	if (++w->rounds >= ROUNDS)
		machine_next(w, 5 * S, M_DISK);
	else
		machine_next(w, 3 * S, M_SCRIPT);
}

static void
after_fetch(struct world *w, enum fetched got)
{
	switch (got) {
	case GOT_ALL: image_starts(w); break;
	case GOT_IT:
		w->part++;
		machine_next(w, between(w, S / 10, 20 * S), M_LOAD);
		break;
	case HELD: break;
	case RESET: transfer_failed(w); break;
	}
}

/* The agent has decided; the answer may find nobody. */
void
job_machine_on_ask(struct world *w, const struct todo *ask)
{
	struct ticket_use use = {.mac = "52:54:00:77:00:01"};
	struct run_input in = {
	    .type = RUN_IN_CONSUME, .ticket = ask->ticket, .use = &use};
	unsigned link = w->link_life;
	struct todo *t;
	bool granted;

	job_sim_agent_input(w, &in, &granted);
	if (link != w->link_life)
		return;
	t = later(w, 1000, T_ANSWER);
	*t = (struct todo){.at = t->at,
	    .order = t->order,
	    .type = T_ANSWER,
	    .life = link,
	    .ok = granted,
	    .part = ask->part,
	    .ghost = ask->ghost};
	memcpy(t->ticket, ask->ticket, sizeof(t->ticket));
}

void
job_machine_on_answer(struct world *w, const struct todo *t)
{
	struct client *c = t->ghost ? &w->ghost : &w->machine;
	bool there = str_eq(c->ticket, t->ticket) && (t->ghost || w->state == M_LOAD);

	w->asking = false;
	if (t->ok) {
		w->used = true;
		w->released |= 1u << t->part;
	}
	if (!there)
		return;
	if (t->ok && !chance(w, w->trouble)) {
		bool all = deliver(w, c, t->part);

		assert_true(all || c->have != 0);
		if (!t->ghost)
			after_fetch(w, all ? GOT_ALL : GOT_IT);
	} else if (!t->ghost) {
		transfer_failed(w); /* refused, or lost on the last metre */
	}
}

static void
load_step(struct world *w)
{
	give_sign(w, RUN_SIGN_LOAD_BEGIN, 0);
	if (chance(w, w->trouble)) {
		transfer_failed(w);
		return;
	}
	after_fetch(w, last_octets(w, &w->machine, w->part, false));
}

static void
script_step(struct world *w)
{
	if (!w->bootd_up) {
		transfer_failed(w);
	} else if (w->armed && !w->used) {
		memcpy(w->machine.ticket, w->ticket, sizeof(w->ticket));
		w->machine.have = 0;
		w->part = 0;
		give_sign(w, RUN_SIGN_SCRIPT, 0);
		machine_next(w, between(w, S / 10, 60 * S), M_LOAD);
	} else {
		machine_next(w, 4 * S, M_DISK);
	}
}

static bool
report(struct world *w, enum run_report what)
{
	struct run_input in = {.type = RUN_IN_REPORT, .report = what, .note = ""};
	bool granted = false;

	if (w->bootd_up && w->agent_up && !chance(w, w->trouble))
		job_sim_agent_input(w, &in, &granted);
	return granted && !chance(w, w->trouble); /* else it is said again */
}

/* up, then installed (or failed), then the restart. */
static void
image_step(struct world *w)
{
	static const enum run_report say[] = {RUN_REPORT_UP, RUN_REPORT_INSTALLED};
	enum run_report what = say[w->installed];

	if (what == RUN_REPORT_INSTALLED && chance(w, w->trouble / 4))
		what = RUN_REPORT_FAILED;
	if (!report(w, what) && ++w->reports < 20) {
		machine_next(w, 5 * S, M_IMAGE);
		return;
	}
	w->reports = 0;
	if (!w->installed) {
		w->installed = true;
		machine_next(w, between(w, 60 * S, 900 * S), M_IMAGE);
		return;
	}
	job_machine_power(w, true);
}

void
job_machine_step(struct world *w)
{
	switch (w->state) {
	case M_OFF: break;
	case M_POST:
		if (!w->flag && !w->net_first) {
			machine_next(w, 10 * S, M_DISK);
			break;
		}
		w->flag = false;
		give_sign(w, RUN_SIGN_FIRMWARE_DHCP, 0);
		machine_next(w, between(w, S, 60 * S), M_FIRMWARE);
		break;
	case M_FIRMWARE:
		if (!w->bootd_up || !w->armed || w->used) {
			machine_next(w, 4 * S, M_DISK);
			break;
		}
		give_sign(w, RUN_SIGN_LOADER_BEGIN, 0);
		machine_next(w, between(w, S / 10, 5 * S), M_LOADER);
		break;
	case M_LOADER:
		give_sign(w, RUN_SIGN_LOADER, 0);
		machine_next(w, 2 * S, M_IPXE);
		break;
	case M_IPXE:
		give_sign(w, RUN_SIGN_IPXE_DHCP, 0);
		machine_next(w, S / 10, M_SCRIPT);
		break;
	case M_SCRIPT: script_step(w); break;
	case M_LOAD: load_step(w); break;
	case M_IMAGE: image_step(w); break;
	case M_DISK:
		if (w->installed && !report(w, RUN_REPORT_BOOTED) && ++w->reports < 20)
			machine_next(w, 5 * S, M_DISK);
		break;
	}
}

/* Somebody who fetches the same URLs at the same time. */
void
job_machine_ghost_step(struct world *w)
{
	if (w->bootd_up && w->armed && !str_eq(w->ghost.ticket, w->ticket)) {
		memcpy(w->ghost.ticket, w->ticket, sizeof(w->ticket));
		w->ghost.have = 0;
	} else if (w->ghost.ticket[0] != '\0') {
		(void)last_octets(
		    w, &w->ghost, (unsigned)rng_below(&w->rng, w->n_parts), true);
	}
	later(w, between(w, S, 120 * S), T_GHOST);
}
