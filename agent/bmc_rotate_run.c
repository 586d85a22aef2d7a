/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs a rotation: one call of the engine after the other, as bmc_rotate.c decides.
 *
 * Entry points: bmc_rotate_run_new(), bmc_rotate_run_free(). The engine keeps its order among other calls to that BMC, its
 * lockout stop and its circuit breaker; only when the BMC has been sent a new password do the proofs that follow pass
 * both, since nothing is to be left half done. The password is set in a session with administrator privilege, and proven with the
 * privilege that jobs use.
 *
 * Ownership: a copy of the BMC's document, wiped at the end. Failure modes: when the time is over the rest counts as
 * silence. A run that is lost with its process is the next one's to find out about. */
#include "agent/bmc_rotate_run.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/compiler.h"
#include "lib/secret.h"
#include "lib/str.h"

enum { CUT_OCTETS = 16, CALL_S = 45, SPARE_S = 10 };

struct bmc_rotate_run {
	struct bmc_engine *engine;
	struct bundle_bmc bmc;
	struct bmc_rotate r;
	int64_t until; /* mono */
	uint64_t call; /* 0: none under way */
	struct event *timer;
	void (*done)(void *arg, const struct bmc_rotate *r);
	void *arg;
};

static void
go_on(struct bmc_rotate_run *run);

/* The BMC as the next session is to see it. */
static void
dress(const struct bmc_rotate_run *run, struct bundle_bmc *ret)
{
	bundle_bmc_copy(ret, &run->bmc);
	if (run->r.with != BMC_ROTATE_CURRENT)
		str_clip(ret->password, sizeof(ret->password), run->bmc.password_next);
	if (run->r.with == BMC_ROTATE_CUT)
		secret_wipe(
		    ret->password + CUT_OCTETS, sizeof(ret->password) - CUT_OCTETS);
	secret_wipe(ret->password_next, sizeof(ret->password_next));
	if (run->r.act == BMC_ROTATE_SET)
		str_clip(ret->privilege, sizeof(ret->privilege), "administrator");
}

static void
on_called(void *arg, uint64_t id UNUSED, const struct bmc_result *res)
{
	struct bmc_rotate_run *run = arg;
	const struct bmc_rotate_seen seen = {.opened = res->n_sessions > 0,
	    .refused = str_eq(res->err.code, "bmc-auth"),
	    .password = res->password,
	    .code = res->password_code,
	    .err = &res->err};

	run->call = 0;
	bmc_rotate_seen(&run->r, &seen);
	go_on(run);
}

static void
on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct bmc_rotate_run *run = arg;
	const struct error none = {.code = ""};
	struct error late;
	struct bmc_rotate_seen seen = {.err = &none};

	if (run->r.act != BMC_ROTATE_PAUSE) {
		error_set(&late, 0, "bmc-busy", "repeat it",
		    "the BMC took too long over its answers");
		seen.err = &late;
	}
	bmc_rotate_seen(&run->r, &seen);
	go_on(run);
}

static void
wake_in(struct bmc_rotate_run *run, int64_t us)
{
	const struct timeval tv = {
	    .tv_sec = us / USEC_PER_SEC, .tv_usec = us % USEC_PER_SEC};

	evtimer_add(run->timer, &tv);
}

static void
call(struct bmc_rotate_run *run)
{
	int64_t left = run->until - clock_mono();
	struct bundle_bmc bmc;
	const struct bmc_question q = {.kind = BMC_QUESTION_PASSWORD,
	    .once = run->r.once,
	    .user = run->bmc.user,
	    .old = run->bmc.password,
	    .next = run->bmc.password_next};

	if (left < USEC_PER_SEC) {
		wake_in(run, 0);
		return;
	}
	if (left > (int64_t)CALL_S * USEC_PER_SEC)
		left = (int64_t)CALL_S * USEC_PER_SEC;
	dress(run, &bmc);
	run->call = run->r.act == BMC_ROTATE_SET
			? bmc_ask(run->engine, &bmc, &q, left, on_called, run)
			: bmc_prove(run->engine, &bmc, run->r.once, left, on_called, run);
	if (run->r.sent)
		bmc_insist(run->engine, run->call);
	bundle_bmc_wipe(&bmc);
}

static void
go_on(struct bmc_rotate_run *run)
{
	switch (run->r.act) {
	case BMC_ROTATE_SET:
	case BMC_ROTATE_PROVE: call(run); return;
	case BMC_ROTATE_PAUSE: wake_in(run, BMC_ROTATE_PAUSE_US); return;
	case BMC_ROTATE_END: run->done(run->arg, &run->r); return;
	}
}

struct bmc_rotate_run *
bmc_rotate_run_new(struct event_base *base, struct bmc_engine *engine,
    const struct bundle_bmc *bmc, int64_t timeout,
    void (*done)(void *arg, const struct bmc_rotate *r), void *arg)
{
	struct bmc_rotate_run *run = str_alloc(sizeof(*run));

	run->engine = engine;
	bundle_bmc_copy(&run->bmc, bmc);
	run->until = clock_mono() + timeout - (int64_t)SPARE_S * USEC_PER_SEC;
	run->done = done;
	run->arg = arg;
	run->timer = evtimer_new(base, on_timer, run);
	bmc_rotate_init(&run->r, bmc->next_runs);
	go_on(run);
	return run;
}

void
bmc_rotate_run_free(struct bmc_rotate_run *run)
{
	if (run == NULL)
		return;
	if (run->call != 0)
		bmc_cancel(run->engine, run->call);
	event_free(run->timer);
	bundle_bmc_wipe(&run->bmc);
	free(run);
}
