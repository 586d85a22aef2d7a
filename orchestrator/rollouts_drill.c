// SPDX-License-Identifier: GPL-3.0-or-later
/* What is different when a rollout is a drill: a host gets two jobs, the second as the first has left the machine, and a report.
 *
 * Entry points: rollouts_drill_choose(), rollouts_drill_names(), and those of rollouts_priv.h. A machine that may have left its disk is brought back whatever becomes of the rollout meanwhile:
 * paused, halted, aborted, its window over. What it waits for then is its site: an agent that is not heard, a site that is frozen, a host
 * that somebody has locked.
 * It owns nothing. Failure modes: an errno of the database; of jobs that are not kept any more nothing is known, and no report is
 * written. */
#include <errno.h>

#include "lib/str.h"
#include "orchestrator/drills.h"
#include "orchestrator/rollouts_priv.h"
#include "orchestrator/strset.h"

/* ro->order[]. */
enum { ORDER_BACK_ASKED = 1, ORDER_BACK = 2 };

bool
rollouts_drill_is(const struct rollout *ro)
{
	return ro->step.steps > 1;
}

static bool
is_drill(const json_t *work)
{
	return str_eq(json_string_value(json_object_get(work, "kind")), "drill");
}

int
rollouts_drill_choose(struct store *s, const json_t *work, struct rollouts_host *v,
    size_t *n, struct error *err)
{
	struct store_names names = {0};
	struct strset chosen = {0};
	size_t left = 0;

	if (!is_drill(work))
		return 0;
	for (size_t i = 0; i < *n; i++)
		store_names_add(&names, v[i].host);
	int rc = drills_choose(s, &names, err);
	for (size_t i = 0; rc == 0 && i < names.n; i++)
		strset_add(&chosen, names.v[i], i, NULL);
	for (size_t i = 0; rc == 0 && i < *n; i++)
		if (strset_find(&chosen, v[i].host, NULL))
			v[left++] = v[i];
	if (rc == 0)
		*n = left;
	strset_done(&chosen);
	store_names_done(&names);
	return rc;
}

int
rollouts_drill_names(
    struct store *s, const json_t *work, struct store_names *names, struct error *err)
{
	return is_drill(work) ? drills_choose(s, names, err) : 0;
}

int
rollouts_drill_check(struct store *s, const json_t *work, struct error *err)
{
	const char *image = json_string_value(json_object_get(work, "image"));
	char name[BUNDLE_NAME_SIZE];

	if (!is_drill(work))
		return 0;
	return drills_image(s, image ? image : "", name, sizeof(name), err);
}

/* A host that was given up is not brought back by itself, days later: people are told. */
static void
say_lost(enum rollout_step_outcome *outcome, struct error *why)
{
	*outcome = ROLLOUT_STEP_FAILED;
	error_set(why, 0, "drill-not-back",
	    "look at it: netboot-ctl why HOST; bring it back with netboot-ctl reboot",
	    "its site was not heard for so long that nobody waited for it: it may be in "
	    "its live image still");
}

int
rollouts_drill_ended(struct rollouts *r, struct rollout *ro, size_t i, const char *job,
    enum rollout_step_outcome *outcome, struct error *why)
{
	struct rollout_step_host *h = &ro->step.v[i];
	enum drill_way way = DRILL_STAYS;

	if (h->step > 0 ||
	    (*outcome != ROLLOUT_STEP_DONE && *outcome != ROLLOUT_STEP_FAILED))
		return 0;
	int rc = drills_returns(r->ops.store, job, &way);
	if (rc < 0)
		return rc;
	h->last = way == DRILL_STAYS;
	if (h->state == DB_ROLLOUT_HOST_LOST && !h->last)
		say_lost(outcome, why);
	return 0;
}

int
rollouts_drill_order(struct rollouts *r, const struct rollout *ro, size_t i, int *ret)
{
	enum drill_way way = DRILL_BACK_ASKED;
	char live[ID_SIZE];
	int rc = drills_live(r->ops.store, ro->row.id, ro->host[i], NULL, live);

	if (rc == 0)
		rc = drills_returns(r->ops.store, live, &way);
	if (rc < 0 && rc != -ENOENT)
		return rc;
	*ret = way == DRILL_BACK ? ORDER_BACK : ORDER_BACK_ASKED;
	return 0;
}

static bool
is_over(enum db_rollout_host_state to)
{
	return to == DB_ROLLOUT_HOST_GATE_AFTER || to == DB_ROLLOUT_HOST_SOAK ||
	       to == DB_ROLLOUT_HOST_OK || to == DB_ROLLOUT_HOST_FAILED;
}

int
rollouts_drill_report(struct rollouts *r, const struct rollout *ro,
    enum db_rollout_host_state to, struct db_rollout_host *h, int64_t wall)
{
	struct drills_of of = {
	    .rollout = ro->row.id, .schedule = ro->row.schedule, .back = ""};
	struct error why = {.code = ""};
	char live[ID_SIZE];
	int rc = 0;

	if (!is_over(to))
		return 0;
	str_clip(live, sizeof(live), h->job);
	if (h->step > 0) {
		of.back = h->job;
		rc = drills_live(
		    r->ops.store, ro->row.id, h->host, h->job[0] ? h->job : NULL, live);
	}
	of.live = live;
	if (rc == 0)
		rc = drills_report(r->ops.store, &of, wall, &why);
	if (rc == 0 && why.code[0] && to == DB_ROLLOUT_HOST_FAILED)
		h->why = why;
	return rc == -ENOENT ? 0 : rc;
}
