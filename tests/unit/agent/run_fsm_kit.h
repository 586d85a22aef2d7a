/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of run_fsm.c share: one job, stepped by hand, and what came of the last step. */
#ifndef TESTS_UNIT_AGENT_RUN_FSM_KIT_H
#define TESTS_UNIT_AGENT_RUN_FSM_KIT_H

#include "agent/run_fsm.h"
#include "tests/unit/agent/job_fixture.h"

/* One job, stepped by hand. */
struct kit {
	struct bundle *b;
	struct run run;
	struct run_out out;
	struct rng rng;
	int64_t now;
};

static const struct run_limits no_limits;

static inline struct kit
setup(void (*change)(struct bundle *b))
{
	struct kit k = {.b = job_fixture_bundle(), .rng = rng_seeded(9), .now = 1000};

	if (change != NULL)
		change(k.b);
	run_plan(k.b, &no_limits, &k.run);
	return k;
}

static inline void
teardown(struct kit *k)
{
	run_fsm_out_done(&k->out);
	free(k->b);
}

static inline void
give(struct kit *k, struct run_input in)
{
	run_fsm_out_done(&k->out);
	k->now += USEC_PER_SEC;
	run_fsm_step(&k->run, &in, k->now, &k->rng, &k->out);
}

static inline bool
did(const struct kit *k, enum run_action action)
{
	for (size_t i = 0; i < k->out.n_actions; i++) {
		if (k->out.actions[i] == action)
			return true;
	}
	return false;
}

/* Is there an event of that kind, with detail key = value when key is given? */
static inline const struct event *
told(const struct kit *k, const char *kind, const char *key, const char *value)
{
	for (size_t i = 0; i < k->out.n_events; i++) {
		const struct event *ev = &k->out.events[i];

		if (str_eq(ev->kind, kind) &&
		    (key == NULL ||
			str_eq(
			    json_string_value(json_object_get(ev->detail, key)), value)))
			return ev;
	}
	return NULL;
}

static inline void
step_ok(struct kit *k)
{
	give(k,
	    (struct run_input){
		.type = RUN_IN_STEP, .step = k->run.step, .ok = true, .evidence = "e"});
}

static inline void
step_bad(struct kit *k, const char *code, bool retry)
{
	struct error err;

	error_set(&err, 0, code, "next", "text");
	give(k,
	    (struct run_input){
		.type = RUN_IN_STEP, .step = k->run.step, .err = &err, .retry = retry});
}

static inline void
sign(struct kit *k, enum run_sign_type type, unsigned index)
{
	give(k,
	    (struct run_input){
		.type = RUN_IN_SIGN, .sign = type, .index = index, .evidence = "wire"});
}

static inline void
consume(struct kit *k, const char *ticket)
{
	static const struct ticket_use use = {.file = "initrd"};

	give(
	    k, (struct run_input){.type = RUN_IN_CONSUME, .ticket = ticket, .use = &use});
}

static inline void
say(struct kit *k, enum run_report what)
{
	give(k, (struct run_input){.type = RUN_IN_REPORT, .report = what, .note = "n"});
}

/* Past the power-on: the machine may load. */
static inline void
to_watching(struct kit *k)
{
	give(k, (struct run_input){.type = RUN_IN_START});
	step_ok(k); /* preflight */
	step_ok(k); /* armed */
	step_ok(k); /* off */
	step_ok(k); /* flags */
	step_ok(k); /* on */
	assert_int_equal(k->run.stage, STAGE_FIRMWARE_DHCP);
}

static inline void
to_used(struct kit *k)
{
	to_watching(k);
	sign(k, RUN_SIGN_FIRMWARE_DHCP, 0);
	sign(k, RUN_SIGN_LOADER, 0);
	sign(k, RUN_SIGN_IPXE_DHCP, 0);
	sign(k, RUN_SIGN_SCRIPT, 0);
	sign(k, RUN_SIGN_LOAD, 0);
	assert_int_equal(k->run.stage, STAGE_INITRD);
	consume(k, k->run.ticket.id);
	assert_true(k->out.granted);
}

#endif
