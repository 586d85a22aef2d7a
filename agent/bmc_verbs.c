/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the orchestrator asks of BMCs beside its jobs: a verb becomes a call of the engine, its
 * result the answer.
 *
 * Entry points: bmc_verbs_start(). The engine keeps the order among calls and jobs (one session per
 * BMC at a time) and bounds what is in flight.
 * Ownership: one record per call until its answer.
 * Failure modes: a BMC that cannot be asked is "unknown" with the code and the reason, never a
 * guess; too many calls at once are answered so. A call is lost with the process: the
 * orchestrator's own patience ends it.
 */
#include "agent/bmc_verbs.h"

#include <event2/event.h>
#include <stdlib.h>
#include <uthash.h>

#include "agent/bmc_audit.h"
#include "agent/bmc_call.h"
#include "agent/bmc_manners.h"
#include "agent/bmc_rotate_run.h"
#include "lib/bmc_verb.h"
#include "lib/clock.h"
#include "lib/compiler.h"
#include "lib/str.h"

enum {
	CALLS_MAX = 20000, /* more than the orchestrator tells at once */
	RESET_SPARE_S = 40,
	OFFER_US = 10 * 1000 * 1000, /* for an answer to an offer of suite 0 */
	RESET_LOOK_S = 5,	     /* between looks whether a reset BMC answers again */
};

struct call {
	struct bmc_verbs *v;
	char id[ID_SIZE];
	enum bmc_verb verb;
	struct bmc_verb_args args;
	json_t *manners;       /* of the host's owner, or NULL */
	uint64_t bmc_id;       /* 0: none under way */
	struct bundle_bmc bmc; /* of a reset or an audit */
	/* Of an audit: what was found before suite 0 is offered. */
	json_t *learned;
	enum bmc_power power;
	/* Of a reset, from when it was sent: */
	struct event *again;
	int64_t reset_at; /* mono; 0: not sent yet */
	bool was_away;
	struct bmc_rotate_run *rotation; /* or NULL */
	char key[BMC_CALL_KEY_SIZE];	 /* … and of which BMC */
	UT_hash_handle hh;
};

struct bmc_verbs {
	struct event_base *base;
	struct bmc_engine *bmc;
	void (*done)(void *arg, struct agent_msg_call_result *res);
	void *arg;
	struct call *calls;
};

static void
refuse(struct bmc_verbs *v, const char *id, const char *code, const char *next,
    const char *text)
{
	struct agent_msg_call_result res = {.power = "unknown"};
	struct error err;

	error_set(&err, 0, code, next, "%s", text);
	str_clip(res.id, sizeof(res.id), id);
	str_clip(res.code, sizeof(res.code), code);
	error_line(&err, res.reason, sizeof(res.reason));
	v->done(v->arg, &res);
}

static void
call_free(struct call *c)
{
	HASH_DEL(c->v->calls, c);
	if (c->again != NULL)
		event_free(c->again);
	bmc_rotate_run_free(c->rotation);
	json_decref(c->manners);
	json_decref(c->learned);
	bundle_bmc_wipe(&c->bmc);
	free(c);
}

/* What is known of a BMC, and how it is treated for that: {"learned","manners"}. */
static json_t *
known_json(const json_t *learned, const json_t *host, struct error *err)
{
	struct bmc_manners m;
	json_t *v;

	if (bmc_manners_resolve(&m, NULL, learned, host, err) < 0)
		return NULL;
	v = json_object();
	json_object_set_new(
	    v, "learned", learned != NULL ? json_deep_copy(learned) : json_null());
	json_object_set_new(v, "manners", bmc_manners_to_json(&m));
	return v;
}

/* What the verb answers beside the power, owned by the caller; NULL: nothing. */
static json_t *
data_of(const struct call *c, const struct bmc_result *res)
{
	struct error err;
	json_t *v;

	switch (c->verb) {
	case BMC_VERB_PROBE:
		/* Manners that cannot be read do not hide what was found; bmc-show tells of them. */
		v = known_json(res->learned, c->manners, &err);
		return v != NULL ? v : known_json(res->learned, NULL, &err);
	case BMC_VERB_IDENTIFY:
	case BMC_VERB_SENSORS:
	case BMC_VERB_SEL:
	case BMC_VERB_SEL_CLEAR: return json_deep_copy(res->answer);
	case BMC_VERB_RESET:
		return json_pack("{s:I, s:b}", "seconds",
		    (json_int_t)((clock_mono() - c->reset_at) / USEC_PER_SEC), "was_away",
		    c->was_away);
	case BMC_VERB_AUDIT:
		return json_pack("{s:o}", "findings",
		    bmc_audit_findings(res->learned, &c->bmc, res->err.code[0] != '\0'));
	case BMC_VERB_ROTATE:
	case BMC_VERB_SHOW:
	case BMC_VERB_RESUME:
	case BMC_VERB_POWER_STATUS: break;
	}
	return NULL;
}

static void
answer(struct call *c, const struct bmc_result *res)
{
	struct bmc_verbs *v = c->v;
	struct agent_msg_call_result out = {.data = NULL};

	str_clip(out.id, sizeof(out.id), c->id);
	str_clip(out.power, sizeof(out.power), bmc_power_name(res->power));
	str_clip(out.code, sizeof(out.code), res->err.code);
	/* Its being outside is what the audit was to find. */
	if (c->verb == BMC_VERB_AUDIT && str_eq(out.code, "bmc-outside"))
		out.code[0] = '\0';
	if (out.code[0] != '\0')
		error_line(&res->err, out.reason, sizeof(out.reason));
	else
		out.data = data_of(c, res);
	call_free(c);
	v->done(v->arg, &out);
}

static void
on_done(void *arg, uint64_t id UNUSED, const struct bmc_result *res)
{
	answer(arg, res);
}

/* ---- audit: suite 0 is offered last, since that may leave a half-open session for a while ---- */

/* No answer to the offer is none: the list that the BMC gives remains. */
static void
on_offered(void *arg, uint64_t id UNUSED, const struct bmc_result *res)
{
	struct call *c = arg;
	struct bmc_result all = {.power = c->power, .learned = c->learned};

	json_object_set_new(c->learned, "suite_0",
	    json_pack("{s:s, s:s}", "value",
		res->err.code[0] != '\0' ? "silent"
		: res->none_accepted	 ? "accepted"
					 : "refused",
		"by", "Open Session"));
	answer(c, &all);
}

static void
on_examined(void *arg, uint64_t id UNUSED, const struct bmc_result *res)
{
	struct call *c = arg;

	if (res->err.code[0] != '\0' || res->learned == NULL) {
		answer(c, res);
		return;
	}
	c->learned = json_deep_copy(res->learned);
	c->power = res->power;
	c->bmc_id = bmc_offer_none(c->v->bmc, &c->bmc, OFFER_US, on_offered, c);
}

/* ---- reset: sent once, then looked for until it answers ---- */

static void
look_later(struct call *c)
{
	const struct timeval tv = {.tv_sec = RESET_LOOK_S};

	c->bmc_id = 0;
	evtimer_add(c->again, &tv);
}

/* Repeated, it would lock the account; or nothing is sent at all. */
static bool
is_final(const struct error *err)
{
	return str_eq(err->code, "bmc-auth") || str_eq(err->code, "bmc-outside") ||
	       str_eq(err->code, "bmc-lockout-stop");
}

/* A BMC that is restarting refuses, keeps silent, or is not ready: all of it is waited for, but for
 * what no waiting mends. */
static void
on_looked(void *arg, uint64_t id UNUSED, const struct bmc_result *res)
{
	struct call *c = arg;
	/* One more look must fit into the orchestrator's patience. */
	bool over = clock_mono() - c->reset_at >=
		    bmc_verb_info(c->verb)->timeout_us - RESET_SPARE_S * USEC_PER_SEC;
	struct bmc_result late = *res;

	if (res->err.code[0] != '\0' || res->n_resends > 0)
		c->was_away = true;
	if (res->err.code[0] != '\0' && !over && !is_final(&res->err)) {
		look_later(c);
		return;
	}
	if (is_final(&res->err))
		error_prefix(&late.err, "the BMC was reset, and then");
	else if (res->err.code[0] != '\0')
		error_set(&late.err, 0, "bmc-not-back",
		    "wait, then ask for its power; else its mains must be cut",
		    "the BMC was reset and does not answer again: %s", res->err.text);
	answer(c, &late);
}

static void
on_look(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct call *c = arg;

	c->bmc_id = bmc_power_status(c->v->bmc, &c->bmc, on_looked, c);
	bmc_insist(c->v->bmc, c->bmc_id);
}

static void
on_reset(void *arg, uint64_t id UNUSED, const struct bmc_result *res)
{
	struct call *c = arg;

	if (res->err.code[0] != '\0') {
		answer(c, res); /* it was not sent */
		return;
	}
	c->reset_at = clock_mono();
	c->again = evtimer_new(c->v->base, on_look, c);
	look_later(c);
}

static uint64_t
begin_question(struct call *c, const struct bundle_bmc *bmc, enum bmc_question_kind kind)
{
	const struct bmc_question q = {
	    .kind = kind, .seconds = c->args.identify_s, .last = c->args.last};
	uint64_t id = bmc_ask(c->v->bmc, bmc, &q, bmc_verb_info(c->verb)->timeout_us,
	    kind == BMC_QUESTION_RESET ? on_reset : on_done, c);

	if (kind == BMC_QUESTION_RESET) {
		bundle_bmc_copy(&c->bmc, bmc);
		/* Confirmed by a person, and meant for a BMC that does not answer well. */
		bmc_insist(c->v->bmc, id);
	}
	return id;
}

/* ---- rotation ---- */

static void
on_rotated(void *arg, const struct bmc_rotate *r)
{
	struct call *c = arg;
	struct bmc_verbs *v = c->v;
	struct agent_msg_call_result out = {.power = "unknown"};

	str_clip(out.id, sizeof(out.id), c->id);
	str_clip(out.code, sizeof(out.code), r->err.code);
	if (out.code[0] != '\0')
		error_line(&r->err, out.reason, sizeof(out.reason));
	out.data = json_pack(
	    "{s:s, s:b}", "proven", bmc_rotate_word(r->proven), "sent", r->sent);
	call_free(c);
	v->done(v->arg, &out);
}

static void
begin_rotation(struct call *c, const struct bundle_bmc *bmc)
{
	bmc_call_key(bmc, c->key);
	c->rotation = bmc_rotate_run_new(c->v->base, c->v->bmc, bmc,
	    bmc_verb_info(c->verb)->timeout_us, on_rotated, c);
}

/* The orchestrator was restarted, perhaps, and the agent is still at what it was told before. */
static bool
is_rotating(const struct bmc_verbs *v, const struct bundle_bmc *bmc)
{
	char key[BMC_CALL_KEY_SIZE];
	struct call *c, *tmp;

	bmc_call_key(bmc, key);
	HASH_ITER (hh, v->calls, c, tmp)
		if (c->rotation != NULL && str_eq(c->key, key))
			return true;
	return false;
}

/* ---- calls ---- */

/* The engine's id of it. */
static uint64_t
begin(struct bmc_verbs *v, struct call *c, const struct bundle_bmc *bmc)
{
	const int64_t timeout = bmc_verb_info(c->verb)->timeout_us;

	switch (c->verb) {
	case BMC_VERB_POWER_STATUS: return bmc_power_status(v->bmc, bmc, on_done, c);
	case BMC_VERB_PROBE:
		return bmc_examine(v->bmc, bmc, c->args.only_read, timeout, on_done, c);
	case BMC_VERB_IDENTIFY: return begin_question(c, bmc, BMC_QUESTION_IDENTIFY);
	case BMC_VERB_SENSORS: return begin_question(c, bmc, BMC_QUESTION_SENSORS);
	case BMC_VERB_SEL: return begin_question(c, bmc, BMC_QUESTION_SEL);
	case BMC_VERB_SEL_CLEAR: return begin_question(c, bmc, BMC_QUESTION_SEL_CLEAR);
	case BMC_VERB_RESET: return begin_question(c, bmc, BMC_QUESTION_RESET);
	case BMC_VERB_AUDIT:
		bundle_bmc_copy(&c->bmc, bmc);
		return bmc_examine_users(v->bmc, bmc, timeout - OFFER_US, on_examined, c);
	case BMC_VERB_ROTATE: begin_rotation(c, bmc); return 0;
	case BMC_VERB_SHOW:
	case BMC_VERB_RESUME: break;
	}
	return 0;
}

static void
show(struct bmc_verbs *v, const struct agent_msg_order *order)
{
	struct agent_msg_call_result res = {.power = "unknown"};
	struct error err;

	res.data = known_json(order->bmc->learned, order->bmc->manners, &err);
	if (res.data == NULL) {
		refuse(v, order->id, err.code, err.next, err.text);
		return;
	}
	str_clip(res.id, sizeof(res.id), order->id);
	v->done(v->arg, &res);
}

static void
resume(struct bmc_verbs *v, const struct agent_msg_order *order)
{
	struct agent_msg_call_result res = {.power = "unknown"};

	if (!bmc_close_breaker(v->bmc, order->bmc)) {
		refuse(v, order->id, "nothing-to-resume",
		    "ask for its power: it is not left alone",
		    "its circuit breaker is not open");
		return;
	}
	str_clip(res.id, sizeof(res.id), order->id);
	v->done(v->arg, &res);
}

static void
resume_site(struct bmc_verbs *v, const struct agent_msg_order *order)
{
	struct agent_msg_call_result res = {.power = "unknown"};
	struct agent_msg_stop was;
	char since[CLOCK_TEXT_SIZE];

	if (!bmc_stopped(v->bmc, &was)) {
		refuse(v, order->id, "nothing-to-resume",
		    "netboot-ctl doctor shows which sites are stopped",
		    "sessions to BMCs are not stopped there");
		return;
	}
	bmc_go_on(v->bmc);
	str_clip(res.id, sizeof(res.id), order->id);
	res.data = json_pack("{s:s, s:I, s:I}", "since",
	    clock_text(was.since, since, sizeof(since)), "refused",
	    (json_int_t)was.refused, "heard", (json_int_t)was.heard);
	v->done(v->arg, &res);
}

void
bmc_verbs_start(struct bmc_verbs *v, const struct agent_msg_order *order)
{
	enum bmc_verb verb;
	struct bmc_verb_args args;
	struct error err;
	struct call *c;

	HASH_FIND_STR(v->calls, order->id, c);
	if (c != NULL)
		return;
	if (str_eq(order->verb, BMC_VERB_SITE_RESUME)) {
		resume_site(v, order);
		return;
	}
	if (bmc_verb_parse(order->verb, &verb) < 0) {
		refuse(v, order->id, "call-unknown",
		    "install the same release of netboot-agent and netboot-orchestrator",
		    "this agent does not know the call");
		return;
	}
	if (bmc_verb_args_from_json(verb, order->args, &args, &err) < 0) {
		refuse(v, order->id, err.code, err.next, err.text);
		return;
	}
	if (order->bmc == NULL || order->bmc->address[0] == '\0') {
		refuse(v, order->id, "no-bmc",
		    "give the host a BMC address with netboot-ctl host set",
		    "the host has no BMC");
		return;
	}
	if (verb == BMC_VERB_ROTATE && order->bmc->password_next[0] == '\0') {
		refuse(v, order->id, "call-unknown",
		    "install the same release of netboot-agent and netboot-orchestrator",
		    "the order names no new password");
		return;
	}
	if (verb == BMC_VERB_ROTATE && is_rotating(v, order->bmc)) {
		refuse(v, order->id, "rotation-running", "repeat it in a few minutes",
		    "an earlier rotation of that BMC's password is still under way");
		return;
	}
	if (verb == BMC_VERB_SHOW) {
		show(v, order);
		return;
	}
	if (verb == BMC_VERB_RESUME) {
		resume(v, order);
		return;
	}
	if (HASH_COUNT(v->calls) >= CALLS_MAX) {
		refuse(v, order->id, "agent-busy", "ask again in a minute",
		    "too many calls at once");
		return;
	}
	c = str_alloc(sizeof(*c));
	c->v = v;
	c->verb = verb;
	c->args = args;
	c->manners = json_incref(order->bmc->manners);
	str_clip(c->id, sizeof(c->id), order->id);
	HASH_ADD_STR(v->calls, id, c);
	c->bmc_id = begin(v, c, order->bmc);
}

struct bmc_verbs *
bmc_verbs_new(struct event_base *base, struct bmc_engine *bmc,
    void (*done)(void *arg, struct agent_msg_call_result *res), void *arg)
{
	struct bmc_verbs *v = str_alloc(sizeof(*v));

	v->base = base;
	v->bmc = bmc;
	v->done = done;
	v->arg = arg;
	return v;
}

void
bmc_verbs_free(struct bmc_verbs *v)
{
	struct call *c, *tmp;

	if (v == NULL)
		return;
	HASH_ITER (hh, v->calls, c, tmp) {
		if (c->bmc_id != 0)
			bmc_cancel(v->bmc, c->bmc_id);
		call_free(c);
	}
	free(v);
}
