/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Decisions of a rotation. The orchestrator has stored the next password beside the present one; whichever is proven here
 * becomes the stored one, and where none is, both stay and the next rotation begins with finding out.
 *
 *   first time                     SET with the present one
 *   after a run that was not       FIND: one attempt with the next one (or, by turns, with its first 16 octets), then
 *   settled                        SET with the present one; or the present one first: bmc_rotate_init()
 *
 *   SET ─taken, or not answered→ PROVE next ─opened→ next
 *    │                               └─refused→ SET again where it was not answered; else PROVE current
 *    ├─refused, not kept→ PROVE current ─opened→ current
 *    │                               └─refused→ PROVE cut, or next ─opened→ that
 *    └─not sent→ current; after earlier runs, PAUSE and PROVE current first: a packet of theirs may be late
 *
 * Of wrong passwords there is none in an ordinary run, one after a crash, and never more than four, sessions that
 * open between them, since BMCs lock accounts.
 * Silence proves nothing: it ends the run with both kept.
 *
 * Entry points: bmc_rotate_init(), bmc_rotate_seen(). Nothing is owned, and no password is known here.
 */
#include "agent/bmc_rotate.h"

#include <string.h>

#include "agent/bmc_error.h"
#include "lib/compiler.h"
#include "lib/str.h"

enum {
	FIND_NEXT,	 /* is it the next one already? */
	FIND_CUT,	 /* its first octets? */
	SETTING,	 /* with the present one */
	PROVING,	 /* the next one, which was sent */
	PROVING_CURRENT, /* that nothing was changed */
	PAUSING,
	LAST, /* no other one is tried in this run */
	ENDED,
};

static const char *const words[] = {[BMC_ROTATE_NONE] = "none",
    [BMC_ROTATE_CURRENT] = "current",
    [BMC_ROTATE_NEXT] = "next",
    [BMC_ROTATE_CUT] = "cut"};

const char *
bmc_rotate_word(enum bmc_rotate_password p)
{
	return words[p];
}

static void
set(struct bmc_rotate *r)
{
	r->state = SETTING;
	r->act = BMC_ROTATE_SET;
	r->with = BMC_ROTATE_CURRENT;
	r->once = r->runs > 0 && r->runs % 3 == 2; /* a guess like the others */
	r->sets++;
}

static void
prove(struct bmc_rotate *r, int state, enum bmc_rotate_password with, bool once)
{
	r->state = state;
	r->act = BMC_ROTATE_PROVE;
	r->with = with;
	r->once = once;
}

static void
end(struct bmc_rotate *r, enum bmc_rotate_password proven)
{
	r->state = ENDED;
	r->act = BMC_ROTATE_END;
	r->proven = proven;
	if (proven == BMC_ROTATE_NEXT)
		r->err = (struct error){.code = ""};
	if (proven == BMC_ROTATE_CUT)
		error_set(&r->err, 0, "bmc-password-short",
		    "give the user a password of at most 16 octets on the BMC, and to "
		    "the "
		    "host with netboot-ctl host set --bmc-password",
		    "the BMC keeps only 16 octets of a password, and refused to take the "
		    "old one back: the first 16 octets of the new one are in use and "
		    "stored");
}

static void
end_open(struct bmc_rotate *r, const struct error *why)
{
	if (why != NULL && why->code[0] != '\0')
		r->err = *why;
	end(r, BMC_ROTATE_NONE);
}

void
bmc_rotate_init(struct bmc_rotate *r, int runs)
{
	memset(r, 0, sizeof(*r));
	r->runs = runs;
	/* By turns, so that every candidate comes first once though a BMC locks its user soon. */
	if (runs <= 0 || runs % 3 == 2)
		set(r);
	else if (runs % 3 == 1)
		prove(r, FIND_NEXT, BMC_ROTATE_NEXT, true);
	else
		prove(r, FIND_CUT, BMC_ROTATE_CUT, true);
}

/* ---- after a set ---- */

static void
name_refusal(struct bmc_rotate *r, uint8_t code)
{
	error_set(&r->err, 0, "bmc-password-refused",
	    "the BMC may know only passwords of 16 octets, or have rules of its own: "
	    "change it by hand, and give it to the host with netboot-ctl host set",
	    "the BMC refuses a password of 20 octets: %s (%02Xh); nothing was changed",
	    bmc_error_completion_text(code), code);
}

/* The session, or the command, is only for administrators. */
static void
name_privilege(struct bmc_rotate *r, const struct error *why)
{
	error_set(&r->err, 0, why->code,
	    "give the user administrator privilege on the BMC for the time of the "
	    "rotation, or change its password by hand and give it to the host with "
	    "netboot-ctl host set",
	    "%s; most BMCs let only administrators change passwords", why->text);
}

static void
not_sent(struct bmc_rotate *r, const struct bmc_rotate_seen *s)
{
	bool barred = str_eq(s->err->code, "bmc-privilege");

	if (barred)
		name_privilege(r, s->err);
	else
		r->err = *s->err;
	if (r->runs > 0 && !r->sent && (s->opened || barred)) {
		r->state = PAUSING;
		r->act = BMC_ROTATE_PAUSE;
	} else {
		end(r, s->opened && !r->sent ? BMC_ROTATE_CURRENT : BMC_ROTATE_NONE);
	}
}

/* No session, so that nothing was sent this time. */
static void
not_opened(struct bmc_rotate *r, const struct bmc_rotate_seen *s)
{
	if (s->refused &&
	    r->sent) /* taken, cut, since it was found to be not the next one */
		prove(r, LAST, BMC_ROTATE_CUT, true);
	else if (s->refused && r->runs > 0 && r->runs % 3 == 2)
		prove(r, LAST, BMC_ROTATE_NEXT, true);
	else
		not_sent(r, s);
}

static void
on_set(struct bmc_rotate *r, const struct bmc_rotate_seen *s)
{
	r->last = s->password;
	if (s->password != BMC_PASSWORD_NOT_SENT)
		r->sent = true;
	else if (!s->opened) {
		not_opened(r, s);
		return;
	}
	switch (s->password) {
	case BMC_PASSWORD_NOT_SENT: not_sent(r, s); return;
	case BMC_PASSWORD_UNSURE:
	case BMC_PASSWORD_TAKEN: prove(r, PROVING, BMC_ROTATE_NEXT, true); return;
	case BMC_PASSWORD_NOT_KEPT:
		error_set(&r->err, 0, "bmc-password-short",
		    "change it by hand to one of at most 16 octets, and give it to the "
		    "host with netboot-ctl host set --bmc-password",
		    "the BMC took a password of 20 octets and keeps another one: the old "
		    "one was set again");
		break;
	case BMC_PASSWORD_REFUSED: name_refusal(r, s->code); break;
	}
	prove(r, PROVING_CURRENT, BMC_ROTATE_CURRENT, true);
}

/* ---- after a proof ---- */

static void
on_next_refused(struct bmc_rotate *r)
{
	if (r->last == BMC_PASSWORD_TAKEN) {
		error_set(&r->err, 0, "bmc-password-refused",
		    "look at the BMC's own log; change its password by hand",
		    "the BMC took the new password, and opens no session with it");
		prove(r, PROVING_CURRENT, BMC_ROTATE_CURRENT, true);
	} else if (r->sets < BMC_ROTATE_SETS_MAX) {
		set(r);
	} else {
		error_set(&r->err, 0, "bmc-unreachable", "repeat it",
		    "the new password was sent %u times and not answered", r->sets);
		end(r, BMC_ROTATE_NONE);
	}
}

/* Neither the present one nor what was tried before. */
static enum bmc_rotate_password
remaining(const struct bmc_rotate *r)
{
	bool never = r->last == BMC_PASSWORD_NOT_SENT && r->runs % 3 == 2;

	return never || r->last == BMC_PASSWORD_REFUSED ? BMC_ROTATE_NEXT
							: BMC_ROTATE_CUT;
}

static void
on_refused(struct bmc_rotate *r, const struct bmc_rotate_seen *s)
{
	switch (r->state) {
	case FIND_NEXT: set(r); return;
	case FIND_CUT: prove(r, LAST, BMC_ROTATE_NEXT, true); return;
	case PROVING: on_next_refused(r); return;
	case PROVING_CURRENT: prove(r, LAST, remaining(r), true); return;
	default: break;
	}
	error_set(&r->err, 0, "bmc-auth",
	    "wait until a lockout is over, then repeat it: other turns try other ones; "
	    "or give the "
	    "BMC a known password by hand and the host the same with netboot-ctl host "
	    "set",
	    "the BMC takes none of the passwords that were tried: %s", s->err->text);
	end(r, BMC_ROTATE_NONE);
}

void
bmc_rotate_seen(struct bmc_rotate *r, const struct bmc_rotate_seen *s)
{
	if (r->state == SETTING)
		on_set(r, s);
	else if (r->state == PAUSING)
		prove(r, PROVING_CURRENT, BMC_ROTATE_CURRENT, false);
	else if (s->opened)
		end(r, r->with);
	else if (s->refused)
		on_refused(r, s);
	else
		end_open(r, s->err);
}
