// SPDX-License-Identifier: GPL-3.0-or-later
/* Words about holds.
 *
 * Entry points: hold_words_refusal() for what is not begun now, hold_words_job() for a job that was ordered before and had not begun
 * when the hold came. Pure. Ownership: the caller's. There are no failure modes; what does not fit is clipped. */
#include "orchestrator/hold_words.h"

#include "lib/clock.h"
#include "lib/str.h"

void
hold_words_refusal(const struct db_hold *hold, struct error *ret)
{
	char at[CLOCK_TEXT_SIZE], next[ERROR_NEXT_SIZE];

	clock_text(hold->at, at, sizeof(at));
	if (!hold->site[0]) {
		error_set(ret, 0, HOLD_WORDS_WORLD,
		    "netboot-ctl resume-the-world --reason TEXT, once that is over",
		    "nothing is begun anywhere: stopped since %s by %s: %s", at, hold->by,
		    hold->reason);
		return;
	}
	if (str_format(next, sizeof(next),
		"netboot-ctl site unfreeze %s --reason TEXT, once that is over",
		hold->site) < 0)
		next[0] = '\0';
	error_set(ret, 0, HOLD_WORDS_SITE, next,
	    "nothing is begun at site %s: frozen since %s by %s: %s", hold->site, at,
	    hold->by, hold->reason);
}

void
hold_words_job(const struct db_job *job, struct error *ret)
{
	if (str_eq(job->cancel_code, HOLD_WORDS_WORLD))
		error_set(ret, 0, HOLD_WORDS_WORLD,
		    "order it again after netboot-ctl resume-the-world",
		    "it had not begun when %s stopped everything: %s", job->cancel_by,
		    job->cancel_reason);
	else if (str_eq(job->cancel_code, HOLD_WORDS_SITE))
		error_set(ret, 0, HOLD_WORDS_SITE,
		    "order it again after netboot-ctl site unfreeze SITE",
		    "it had not begun when %s froze its site: %s", job->cancel_by,
		    job->cancel_reason);
	else
		error_set(ret, 0, HOLD_WORDS_LOCK,
		    "order it again after netboot-ctl host unlock HOST",
		    "it had not begun when %s locked the host: %s", job->cancel_by,
		    job->cancel_reason);
}

bool
hold_words_is(const char *code)
{
	return str_eq(code, HOLD_WORDS_WORLD) || str_eq(code, HOLD_WORDS_SITE) ||
	       str_eq(code, HOLD_WORDS_LOCK);
}
