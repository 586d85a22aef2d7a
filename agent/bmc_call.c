/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The life of one call.
 *
 *   QUEUED ─start()→ CONNECTING ─connected()→ OPENING ─on_opened()→ RUNNING ⇄ HOLDING
 *                        ↑                       │ on_session_failed() │ on_reply()
 *                        │                       ↓                     ↓
 *                      PAUSED ←──────────────────┴───── LEAVING ←─ leave(), finish()
 *                                                          └──closed()→ ENDED
 *
 * One session at a time, each on a fresh socket with fresh ids. What failures lead to:
 *
 *   cipher     the other suite at once (17 and 3 only, and 17 alone where the site's policy
 *              says so); bmc-cipher if both are refused
 *   silence    at Open Session: the other suite by turns, until the deadline
 *   auth       a proof that does not hold: once more with the level in Open Session, for
 *              BMCs that key their HMACs with it, unless this BMC's variant is known;
 *              then bmc-auth. A refused user name: bmc-auth at once
 *   privilege  as auth, then bmc-privilege
 *   busy       back off (0.5 s doubling to 8 s) until the deadline, then bmc-busy
 *   restart    a new session, three times in a row at most
 *   FFh        busy for 60 s, where it matters: BMCs answer it while they boot (ipmi.md 3)
 *
 * A command lost with its session is run again only if its repetition is harmless; what
 * may go out only once (bmc_cmd.once) never is, and its session outlives the lost answer,
 * so that the sequence can look what came of it. The result is settled before the last session is closed; the
 * pool delivers it after that. The password is wiped by bmc_call_done(). */
#include "agent/bmc_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/bmc_call_know.h"
#include "agent/bmc_call_suite.h"
#include "agent/bmc_guest.h"
#include "lib/secret.h"
#include "lib/str.h"

/* Pauses, circuit breaker and lockout stop are bmc_polite.c's: all sessions pass connect_now(), all
 * commands run_command(). Which suite is tried is bmc_call_suite.c's. */

void
bmc_call_key(const struct bundle_bmc *bmc, char key[BMC_CALL_KEY_SIZE])
{
	bool v6 = strchr(bmc->address, ':') != NULL;

	snprintf(key, BMC_CALL_KEY_SIZE, "%s%s%s:%u", v6 ? "[" : "", bmc->address,
	    v6 ? "]" : "", bmc->port);
}

void
bmc_call_init(struct bmc_call *c, uint64_t id, const struct bmc_call_env *env,
    const struct bundle_bmc *bmc)
{
	memset(c, 0, sizeof *c);
	c->id = id;
	c->env = env;
	bundle_bmc_copy(&c->bmc, bmc);
	c->deadline = -1;
	c->rules = env->polite;
	c->res.power = BMC_POWER_UNKNOWN;
	c->seq.poll = env->poll_interval;
}

static void
end_session(struct bmc_call *c)
{
	if (!c->session_live)
		return;
	c->res.n_resends += c->session.n_resends;
	bmc_session_done(&c->session);
	c->session_live = false;
}

void
bmc_call_done(struct bmc_call *c)
{
	end_session(c);
	bundle_bmc_wipe(&c->bmc);
	free(c->look);
	bmc_ask_done(c->ask);
	free(c->ask);
	json_decref(c->learned);
	secret_wipe(&c->seq, sizeof(c->seq)); /* a command may have held a password */
}

static void
tell(struct bmc_call *c, const char *kind, const char *text)
{
	char safe[200];
	struct bmc_note n = {.id = c->id,
	    .kind = kind,
	    .bmc = c->peer->key,
	    .text = str_escape(safe, sizeof safe, text, strlen(text)),
	    .power = c->seq.power,
	    .busy = str_eq(kind, "ipmi.error") && c->last_fail == BMC_FAIL_BUSY};

	c->env->ops->note(c->env->io, &n);
}

static void
tell_of_sequence(struct bmc_call *c)
{
	if (c->seq.note_kind == NULL)
		return;
	tell(c, c->seq.note_kind, c->seq.note);
	c->seq.note_kind = NULL;
}

static void
send_out(struct bmc_call *c, const struct bmc_session_out *out)
{
	if (out->len > 0)
		c->env->ops->send(c->env->io, c, out->pkt, out->len);
}

/* The session is over, however it ended. */
static void
closed(struct bmc_call *c, int64_t now)
{
	if (c->session_live)
		bmc_polite_session_ended(&c->peer->polite, &c->rules, now);
	end_session(c);
	c->env->ops->disconnect(c->env->io, c);
	c->state = c->after == BMC_CALL_THEN_END ? BMC_CALL_ENDED : BMC_CALL_PAUSED;
}

/* Closes the session if there is one, then ends or pauses. */
static void
leave(struct bmc_call *c, int64_t now, enum bmc_call_after after)
{
	struct bmc_session_out out;

	c->after = after;
	if (!c->session_live) {
		closed(c, now);
		return;
	}
	(void)bmc_session_close(&c->session, now, &out);
	send_out(c, &out);
	if (c->session.state == BMC_SESSION_CLOSED)
		closed(c, now);
	else
		c->state = BMC_CALL_LEAVING;
}

/* Power is reported only where it was seen and nothing since then makes it doubtful. */
static bool
power_stands(enum bmc_fail fail)
{
	return fail == BMC_FAIL_NONE || fail == BMC_FAIL_NOT_OFF ||
	       fail == BMC_FAIL_NOT_ON || fail == BMC_FAIL_NOT_KEPT ||
	       fail == BMC_FAIL_REFUSED || fail == BMC_FAIL_EFFECT ||
	       fail == BMC_FAIL_GRACEFUL;
}

/* What the end of the call says about the BMC. */
static void
judge_peer(struct bmc_call *c, int64_t now, enum bmc_fail fail, const char *text)
{
	struct bmc_polite *p = &c->peer->polite;
	char words[192];

	if (!c->tried)
		return;
	switch (bmc_polite_ended(p, &c->rules, c->env->rng, now, fail, text)) {
	case BMC_POLITE_OPENED:
		bmc_polite_say(p, now, words, sizeof(words));
		tell(c, "ipmi.breaker", words);
		return;
	case BMC_POLITE_CLOSED:
		tell(c, "ipmi.breaker", "it answers again, and is asked as before");
		return;
	case BMC_POLITE_SAME: return;
	}
}

/* Settles the result and leaves. */
static void
finish(struct bmc_call *c, int64_t now, enum bmc_fail fail, const char *text)
{
	struct bmc_result *r = &c->res;
	char safe[ERROR_TEXT_SIZE];

	r->flags = c->seq.flags;
	r->restart = c->seq.restart;
	r->flags_again = c->seq.flags_again;
	if (c->started && (c->seq.kind == BMC_SEQ_OVERRIDE || c->seq.hold))
		r->variant = bmc_manners_variant_name(c->seq.variant);
	bmc_call_know_keep(c, fail);
	r->device = c->seq.device;
	if (c->ask != NULL) {
		r->password = c->ask->password;
		r->password_code = c->ask->password_code;
	}
	str_clip(r->did, sizeof r->did, c->seq.did);
	r->power = power_stands(fail) ? c->seq.power : BMC_POWER_UNKNOWN;
	if (fail != BMC_FAIL_NONE) {
		bmc_error_set(&r->err, fail, c->peer->key, "%s",
		    str_escape(safe, sizeof safe, text, strlen(text)));
		if (!c->noted_trouble || !str_eq(text, c->last_text))
			tell(c, "ipmi.error", text);
	}
	judge_peer(c, now, fail, text);
	if (fail == BMC_FAIL_BREAKER)
		fail = c->peer->polite.why;
	if (r->power == BMC_POWER_UNKNOWN)
		str_clip(r->why, sizeof r->why,
		    bmc_error_why(fail == BMC_FAIL_NONE ? c->seq.unseen : fail));
	/* Perhaps another BMC took its place: the next call begins with suite 17 again. */
	if (fail == BMC_FAIL_TIMEOUT && r->n_sessions == 0 && !c->offers_none)
		c->peer->suite = 0;
	leave(c, now, BMC_CALL_THEN_END);
}

/* The call must end without an answer: its own verdict first, else the trouble that led
 * here. */
static void
give_up(
    struct bmc_call *c, int64_t now, enum bmc_fail fail, const char *text, bool answering)
{
	/* What was answered "busy", or not sent yet, was not carried out: no doubt about it. */
	if (c->again && c->seq.cmd.once)
		finish(c, now, fail, text);
	else if (c->started && bmc_seq_give_up(&c->seq, answering) == BMC_SEQ_OK) {
		c->seq.unseen = fail;
		finish(c, now, BMC_FAIL_NONE, "");
	} else if (c->started && c->seq.fail != BMC_FAIL_NONE)
		finish(c, now, c->seq.fail, c->seq.text);
	else
		finish(c, now, fail, text);
}

/* A session to a BMC that may refuse the password as so many did. One that has taken it, from
 * this call or from this job's last one, is no risk, and is not left half done. */
static bool
stopped(struct bmc_call *c, int64_t now)
{
	const struct bmc_lockout *l = c->env->lockout;
	bool proven = c->res.n_sessions > 0 || (c->insists && c->peer->polite.proven);
	char text[192];

	if (l == NULL || bmc_lockout_admits(l, proven))
		return false;
	bmc_lockout_say(l, now, text, sizeof(text));
	if (c->last_fail ==
	    BMC_FAIL_AUTH) /* this one itself; its other variant is not tried */
		finish(c, now, c->last_fail, c->last_text);
	else
		finish(c, now, BMC_FAIL_LOCKOUT, text);
	return true;
}

static void
connect_now(struct bmc_call *c, int64_t now)
{
	int64_t at = bmc_polite_session_at(&c->peer->polite, &c->rules, now);

	if (stopped(c, now))
		return;
	if (at > now) {
		c->state = BMC_CALL_PAUSED;
		c->wake = at;
		return;
	}
	bmc_polite_session_begun(&c->peer->polite, &c->rules, now);
	c->tried = true;
	c->state = BMC_CALL_CONNECTING;
	c->slow = false;
	c->patience = now + BMC_SESSION_FIRST_RESEND;
	c->env->ops->connect(c->env->io, c);
}

void
bmc_call_start(struct bmc_call *c, int64_t now)
{
	struct error err;
	char text[192];

	if (c->deadline < 0)
		c->deadline = now + c->env->command_timeout;
	if (bmc_call_know_take(c, &err) < 0)
		tell(c, "ipmi.error", err.text);
	if (c->env->evict != NULL && bmc_guest_in_the_way(c->peer, &c->manners))
		c->env->evict(c->env->evict_arg, c->peer->key);
	c->suite = bmc_call_suite_first(c, now);
	c->level_in_open = c->peer->level_in_open ||
			   (c->peer->suite == 0 && bmc_call_know_level_in_open(c));
	c->variant_tried =
	    c->one_proof || c->peer->suite != 0; /* this BMC's variant is known */
	if (c->bmc.address[0] == '\0') {
		finish(c, now, BMC_FAIL_NONE_CONFIGURED, "the host has none");
		return;
	}
	if (bmc_packet_suite(c->suite) == NULL || c->suite < c->bmc.require_cipher) {
		finish(c, now, BMC_FAIL_CIPHER,
		    c->bmc.require_cipher != 0
			? "its site, or the host, allows cipher suite 17 only "
			  "(require_cipher)"
			: "only cipher suites 17 and 3 are allowed");
		return;
	}
	if (!bmc_polite_admits(&c->peer->polite, now, c->insists)) {
		bmc_polite_say(&c->peer->polite, now, text, sizeof(text));
		finish(c, now, BMC_FAIL_BREAKER, text);
		return;
	}
	connect_now(c, now);
}

void
bmc_call_connected(struct bmc_call *c, int64_t now)
{
	struct bmc_session_params params = {.suite = bmc_packet_suite(c->suite),
	    .user = c->bmc.user,
	    .password = c->bmc.password,
	    .kg = c->bmc.kg_set ? c->bmc.kg : NULL,
	    .privilege = bmc_call_know_privilege(c),
	    .level_in_open = c->level_in_open};
	struct bmc_session_out out;

	if (c->state != BMC_CALL_CONNECTING)
		return;
	if (c->offers_none) /* no credentials are in it */
		params = (struct bmc_session_params){.suite = bmc_packet_suite_none(),
		    .user = "",
		    .password = "",
		    .only_open = true};
	bmc_session_init(&c->session, c->env->packet, &params, c->env->rng);
	c->session_live = true;
	c->state = BMC_CALL_OPENING;
	c->slow = false;
	c->patience = now + BMC_CALL_PATIENCE;
	bmc_session_start(&c->session, now, &out);
	send_out(c, &out);
}

static void
remember(struct bmc_call *c, enum bmc_fail fail, const char *text)
{
	c->last_fail = fail;
	str_clip(c->last_text, sizeof c->last_text, text);
	if (c->noted_trouble)
		return;
	c->noted_trouble = true; /* one note for a spell of trouble */
	tell(c, "ipmi.error", text);
}

/* Tries again later, or ends if the deadline comes first. */
static void
back_off(struct bmc_call *c, int64_t now, enum bmc_fail fail, const char *text)
{
	c->backoff = c->backoff == 0 ? BMC_CALL_BACKOFF_FIRST : c->backoff * 2;
	if (c->backoff > BMC_CALL_BACKOFF_MAX)
		c->backoff = BMC_CALL_BACKOFF_MAX;
	if (now + c->backoff >= c->deadline) {
		give_up(c, now, fail, text, false);
		return;
	}
	remember(c, fail, text);
	c->wake = now + c->backoff;
	leave(c, now, BMC_CALL_THEN_PAUSE);
}

static void
at_once(struct bmc_call *c, int64_t now, enum bmc_fail fail, const char *text)
{
	remember(c, fail, text);
	c->wake = now;
	leave(c, now, BMC_CALL_THEN_PAUSE);
}

void
bmc_call_no_route(struct bmc_call *c, int64_t now, const char *why)
{
	if (c->state == BMC_CALL_CONNECTING)
		back_off(c, now, BMC_FAIL_NETWORK, why);
}

void
bmc_call_outside(struct bmc_call *c, int64_t now, const char *address)
{
	char text[160];

	if (c->state != BMC_CALL_CONNECTING)
		return;
	snprintf(text, sizeof(text),
	    "its address %s is in none of the site's management prefixes: no credentials "
	    "are sent there",
	    address);
	c->tried = false; /* says nothing of the BMC */
	finish(c, now, BMC_FAIL_OUTSIDE, text);
}

/* Suites are offered before anything is authenticated: who stands between can take one away. */
static void
tell_downgrade(struct bmc_call *c, int64_t now, const char *what)
{
	char text[160], since[32] = "at its last probe";

	if (c->peer->best_at != 0) {
		str_duration(now - c->peer->best_at, text, sizeof(text));
		snprintf(since, sizeof(since), "%.20s ago", text);
	}
	snprintf(text, sizeof(text),
	    "cipher suite %d worked %s, %s: has its firmware or "
	    "set-up changed, or is somebody in between?",
	    c->peer->best_suite, since, what);
	tell(c, "ipmi.downgrade", text);
	c->res.downgrade = true;
}

static void
judge_password(struct bmc_call *c, int64_t now, bool refused)
{
	struct bmc_lockout *l = c->env->lockout;
	char text[192];

	if (l == NULL || !bmc_lockout_proof(l, &c->peer->polite, now, refused))
		return;
	bmc_lockout_say(l, now, text, sizeof(text));
	tell(c, "ipmi.lockout", text);
}

/* It is being found out, or being changed: a refusal is no sign of a lockout to come. */
static bool
may_be_wrong(const struct bmc_call *c)
{
	return c->one_proof ||
	       (c->ask != NULL && c->ask->password != BMC_PASSWORD_NOT_SENT);
}

static void
on_session_failed(struct bmc_call *c, int64_t now)
{
	enum bmc_fail fail = c->session.fail;
	bool proof = c->session.proof_failed, heard = c->session.heard;
	char text[sizeof c->session.fail_text];

	memcpy(text, c->session.fail_text, sizeof text);
	if (c->state == BMC_CALL_RUNNING && fail != BMC_FAIL_AUTH)
		bmc_call_know_slow_down(c, true);
	c->resume = c->resume || c->state == BMC_CALL_RUNNING;
	/* Not for K_g: the password was right. */
	if (fail == BMC_FAIL_AUTH && !may_be_wrong(c))
		judge_password(c, now, true);
	if (((fail == BMC_FAIL_AUTH || fail == BMC_FAIL_KEY) && proof) ||
	    fail == BMC_FAIL_PRIVILEGE) {
		if (!c->variant_tried && !c->level_in_open) {
			c->variant_tried = c->level_in_open = true;
			at_once(c, now, fail, text);
			return;
		}
	} else if (fail == BMC_FAIL_CIPHER) {
		c->refused |= bmc_call_suite_bit(c->suite);
		if (c->suite == c->peer->best_suite && c->bmc.require_cipher != 0)
			tell_downgrade(
			    c, now, "it is refused now, and no other is allowed");
		if (c->bmc.require_cipher != 0)
			str_clip(text + strlen(text), sizeof text - strlen(text),
			    "; require_cipher allows no other");
		if (bmc_call_suite_may_switch(c)) {
			c->suite = bmc_call_suite_other(c);
			at_once(c, now, fail, text);
			return;
		}
	} else if (fail == BMC_FAIL_TIMEOUT && !heard) {
		if (c->peer->suite != c->suite && bmc_call_suite_may_switch(c))
			c->suite = bmc_call_suite_other(c);
		at_once(c, now, fail, text);
		return;
	} else if (fail == BMC_FAIL_BUSY || fail == BMC_FAIL_TIMEOUT ||
		   (fail == BMC_FAIL_RESTART && ++c->restarts <= BMC_CALL_RESTARTS_MAX)) {
		back_off(c, now, fail, text);
		return;
	}
	give_up(c, now, fail, text, false);
}

static void
run_command(struct bmc_call *c, int64_t now)
{
	struct bmc_session_out out;
	int64_t at = bmc_polite_command_at(&c->peer->polite);

	if (at > now) {
		c->again = true;
		c->state = BMC_CALL_HOLDING;
		c->wake = at;
		return;
	}
	c->state = BMC_CALL_RUNNING;
	bmc_session_command(&c->session, now, &c->seq.cmd, &out);
	send_out(c, &out);
}

/* Waits with the session open if that is short, else without it: slots are few on a BMC.
 */
static void
wait_until(struct bmc_call *c, int64_t now, int64_t wake)
{
	c->wake = wake;
	if (c->held + (wake - now) > BMC_CALL_HOLD_MAX) {
		leave(c, now, BMC_CALL_THEN_PAUSE);
		return;
	}
	c->held += wake - now;
	c->state = BMC_CALL_HOLDING;
}

static void
go_on(struct bmc_call *c, int64_t now, enum bmc_seq_next next)
{
	tell_of_sequence(c);
	switch (next) {
	case BMC_SEQ_RUN: run_command(c, now); return;
	case BMC_SEQ_WAIT: wait_until(c, now, c->seq.wake); return;
	case BMC_SEQ_OK: finish(c, now, BMC_FAIL_NONE, ""); return;
	case BMC_SEQ_FAIL: finish(c, now, c->seq.fail, c->seq.text); return;
	}
}

/* The next step in an open, idle session. */
static void
resume_sequence(struct bmc_call *c, int64_t now)
{
	bool lost = c->resume, again = c->again;

	c->resume = c->again = false;
	if (!c->started) {
		c->started = true;
		go_on(c, now, bmc_seq_start(&c->seq, now));
	} else if (again) {
		run_command(c, now);
	} else if (lost) {
		go_on(c, now, bmc_seq_lost(&c->seq, now));
	} else {
		go_on(c, now, bmc_seq_wake(&c->seq, now));
	}
}

static void
on_opened(struct bmc_call *c, int64_t now)
{
	struct bmc_peer *peer = c->peer;
	char text[96];

	if (c->suite < peer->best_suite && peer->suite != c->suite &&
	    c->bmc.cipher == 0) {
		tell_downgrade(c, now, "now only 3 does");
		peer->best_again = now + BMC_CALL_BEST_AGAIN;
	}
	if (c->suite >= peer->best_suite) {
		peer->best_suite = c->suite;
		peer->best_at = now;
	}
	if (c->res.n_sessions++ == 0) {
		snprintf(
		    text, sizeof text, "session opened with cipher suite %d", c->suite);
		tell(c, "ipmi.session", text);
	}
	judge_password(c, now, false);
	bmc_polite_answered(&peer->polite, &c->rules, now);
	peer->suite = c->suite;
	peer->level_in_open = c->level_in_open;
	c->res.cipher = c->suite;
	c->variant_tried = true;
	c->noted_trouble = false;
	c->restarts = 0;
	resume_sequence(c, now);
}

/* "Unspecified error" from a BMC that may only be booting; what may go out only once is never
 * repeated on such a word. */
static bool
passes_by_itself(struct bmc_call *c, int64_t now, uint8_t code)
{
	if (code != BMC_COMPLETION_UNSPECIFIED || c->seq.cmd.once ||
	    bmc_seq_bears_refusal(&c->seq)) {
		c->unspecified_since = 0;
		return false;
	}
	if (c->unspecified_since == 0)
		c->unspecified_since = now;
	return now - c->unspecified_since < BMC_CALL_UNSPECIFIED_MAX;
}

/* One of many, which a few tries are enough for: a sensor behind a bus that hangs is busy for good. */
static bool
goes_without(const struct bmc_call *c)
{
	return c->seq.step == BMC_STEP_ASK && c->seq.cmd.netfn == BMC_NETFN_SENSOR &&
	       c->backoff >= BMC_CALL_BACKOFF_SENSOR;
}

static bool
is_busy(const struct bmc_call *c, uint8_t code)
{
	return bmc_error_of_completion(code) == BMC_FAIL_BUSY &&
	       !bmc_seq_leaves_open(&c->seq, code) && !goes_without(c);
}

static void
on_reply(struct bmc_call *c, int64_t now)
{
	struct bmc_reply rs = c->session.reply;
	char text[96];

	bmc_polite_answered(&c->peer->polite, &c->rules, now);
	c->n_answers++;
	if (c->look != NULL)
		c->look->pace.requests++;
	if (!is_busy(c, rs.code) && !passes_by_itself(c, now, rs.code)) {
		c->backoff = 0;
		c->last_fail = BMC_FAIL_NONE;
		go_on(c, now, bmc_seq_reply(&c->seq, now, &rs));
		return;
	}
	snprintf(
	    text, sizeof text, "%s (%02Xh)", bmc_error_completion_text(rs.code), rs.code);
	remember(c, bmc_error_of_completion(rs.code), text);
	if (is_busy(c, rs.code))
		bmc_call_know_slow_down(c, false);
	c->backoff = c->backoff == 0 ? BMC_CALL_BACKOFF_FIRST : c->backoff * 2;
	if (c->backoff > BMC_CALL_BACKOFF_MAX)
		c->backoff = BMC_CALL_BACKOFF_MAX;
	c->again = true;
	wait_until(c, now, now + c->backoff);
}

/* The offer was answered, or left unanswered. Says nothing of how the BMC is with sessions of ours. */
static void
on_offer_end(struct bmc_call *c, int64_t now)
{
	c->tried = false;
	c->res.none_accepted = c->session.accepted;
	if (c->session.heard)
		finish(c, now, BMC_FAIL_NONE, "");
	else
		finish(c, now, BMC_FAIL_TIMEOUT, "no answer to an offer of suite 0");
}

static void
on_event(struct bmc_call *c, int64_t now, enum bmc_session_event event)
{
	if (event == BMC_SESSION_NOTHING)
		return;
	if (c->offers_none && c->state == BMC_CALL_OPENING) {
		on_offer_end(c, now);
		return;
	}
	if (c->state == BMC_CALL_LEAVING) {
		closed(c, now);
		return;
	}
	switch (event) {
	case BMC_SESSION_OPENED: on_opened(c, now); return;
	case BMC_SESSION_REPLY: on_reply(c, now); return;
	case BMC_SESSION_UNANSWERED:
		go_on(c, now, bmc_seq_unanswered(&c->seq, now));
		return;
	case BMC_SESSION_FAILED:
	case BMC_SESSION_ENDED: on_session_failed(c, now); return;
	case BMC_SESSION_NOTHING: return;
	}
}

void
bmc_call_input(struct bmc_call *c, int64_t now, const uint8_t *pkt, size_t len)
{
	struct bmc_session_out out;
	enum bmc_session_event event;

	if (!c->session_live)
		return;
	event = bmc_session_input(&c->session, now, pkt, len, &out);
	if (c->session.heard) {
		c->slow = false;
		c->patience = -1;
	}
	send_out(c, &out);
	on_event(c, now, event);
}

static void
on_deadline(struct bmc_call *c, int64_t now)
{
	bool waiting = c->state == BMC_CALL_HOLDING || c->state == BMC_CALL_PAUSED;
	bool trouble = c->last_fail != BMC_FAIL_NONE;
	bool answering = !trouble && (waiting || c->session.sends <= 1);
	bool early = c->state == BMC_CALL_QUEUED || (waiting && !c->tried);
	/* It is there, and what was asked takes it longer than there was time. */
	bool slow = answering && !early && c->n_answers > 0;
	const char *text =
	    c->state == BMC_CALL_QUEUED ? "other calls to this BMC took all the time"
	    : early			? "no session was due yet: they are kept apart"
	    : c->state == BMC_CALL_CONNECTING ? "its name was not resolved in time"
	    : slow ? "it answers, but too slowly for all that was asked in the time given"
		   : "no answer in time";

	if (trouble)
		give_up(c, now, c->last_fail, c->last_text, false);
	else
		give_up(c, now, early || slow ? BMC_FAIL_BUSY : BMC_FAIL_TIMEOUT, text,
		    answering);
}

/* Is its name, or its first answer, waited for, and counted so? */
static bool
impatient(const struct bmc_call *c)
{
	return !c->slow && c->patience >= 0 &&
	       (c->state == BMC_CALL_CONNECTING || c->state == BMC_CALL_OPENING);
}

void
bmc_call_timer(struct bmc_call *c, int64_t now)
{
	struct bmc_session_out out;
	enum bmc_session_event event;

	if (c->state == BMC_CALL_ENDED)
		return;
	if (c->state != BMC_CALL_LEAVING && c->deadline >= 0 && now >= c->deadline) {
		on_deadline(c, now);
		return;
	}
	if (c->state == BMC_CALL_PAUSED && now >= c->wake) {
		connect_now(c, now);
		return;
	}
	if (impatient(c) && now >= c->patience) {
		c->slow = true;
		return;
	}
	if (c->state == BMC_CALL_HOLDING && now >= c->wake) {
		resume_sequence(c, now);
		return;
	}
	if (!c->session_live)
		return;
	event = bmc_session_tick(&c->session, now, &out);
	send_out(c, &out);
	on_event(c, now, event);
}

void
bmc_call_cancel(struct bmc_call *c, int64_t now)
{
	c->done = NULL;
	if (c->state != BMC_CALL_LEAVING && c->state != BMC_CALL_ENDED)
		leave(c, now, BMC_CALL_THEN_END);
	c->after = BMC_CALL_THEN_END;
}

int64_t
bmc_call_deadline(const struct bmc_call *c)
{
	int64_t at = c->state == BMC_CALL_LEAVING ? -1 : c->deadline;

	if (c->state == BMC_CALL_ENDED)
		return -1;
	if ((c->state == BMC_CALL_HOLDING || c->state == BMC_CALL_PAUSED) &&
	    (at < 0 || c->wake < at))
		at = c->wake;
	if (impatient(c) && (at < 0 || c->patience < at))
		at = c->patience;
	if (c->session_live && c->session.deadline >= 0 &&
	    (at < 0 || c->session.deadline < at))
		at = c->session.deadline;
	return at;
}

bool
bmc_call_talking(const struct bmc_call *c)
{
	switch (c->state) {
	case BMC_CALL_CONNECTING: return !c->slow;
	case BMC_CALL_OPENING: return !c->slow && c->session.sends <= 1;
	case BMC_CALL_RUNNING:
	case BMC_CALL_LEAVING: return c->session.sends <= 1;
	case BMC_CALL_QUEUED:
	case BMC_CALL_HOLDING:
	case BMC_CALL_PAUSED:
	case BMC_CALL_ENDED: break;
	}
	return false;
}
