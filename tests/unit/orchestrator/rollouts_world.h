/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of rollouts share: three hosts of a site in a real database, the engine over it, and what it was asked. */
#ifndef TESTS_UNIT_ORCHESTRATOR_ROLLOUTS_WORLD_H
#define TESTS_UNIT_ORCHESTRATOR_ROLLOUTS_WORLD_H

#include "orchestrator/rollouts.h"

#include "fixture.h"

#include "db/db_job.h"
#include "lib/clock.h"
#include "orchestrator/orders_cap.h"
#include "orchestrator/rollouts_priv.h"

#define S USEC_PER_SEC
#define T0 FIXTURE_NOW

struct world {
	struct fixture *f;
	struct rollouts *r;
	struct rng rng;
	int64_t silence;
	uint64_t ticket; /* of the gates asked last; 0: none */
	char asked[64];
	int woken, told;
	char id[ID_SIZE];
	struct error err;
	struct orders_caps caps;
};

static inline int64_t
silence_of(void *arg, const char *site)
{
	const struct world *w = arg;

	(void)site;
	return w->silence;
}

static inline struct orders_context
context(void *arg, int64_t wall)
{
	struct world *w = arg;

	return (struct orders_context){.store = w->f->store,
	    .rng = &w->rng,
	    .images_root = w->f->root,
	    .caps = &w->caps,
	    .silence = silence_of,
	    .arg = w,
	    .now = wall};
}

static inline void
on_gate(void *arg, uint64_t ticket, const char *site, const char *host, json_t *checks,
    int64_t timeout_s)
{
	struct world *w = arg;

	(void)site;
	assert_true(json_array_size(checks) > 0 && timeout_s > 0);
	w->ticket = ticket;
	str_clip(w->asked, sizeof(w->asked), host);
}

static inline void
on_wake(void *arg, const char *site)
{
	struct world *w = arg;

	assert_string_equal(site, "los");
	w->woken++;
}

static inline void
on_changed(void *arg, const char *job)
{
	(void)arg;
	(void)job;
}

static inline void
on_events(void *arg)
{
	struct world *w = arg;

	w->told++;
}

static const struct log quiet = {.max = LOG_LEVEL_ERROR, .program = "test"};

/* The program ends and begins again. */
static inline void
restart(struct world *w)
{
	const struct rollouts_ops ops = {.log = &quiet,
	    .store = w->f->store,
	    .in_flight = 50,
	    .orders = context,
	    .gate = on_gate,
	    .wake = on_wake,
	    .changed = on_changed,
	    .on_events = on_events,
	    .arg = w};

	rollouts_free(w->r);
	assert_int_equal(rollouts_new(&ops, T0, &w->r, &w->err), 0);
}

static inline int
open_world(void **state)
{
	struct world *w = str_alloc(sizeof(*w));
	void *f = NULL;

	fixture_open(&f);
	w->f = f;
	w->rng = rng_seeded(7);
	assert_string_equal(fixture_apply(w->f, FIXTURE_DOCUMENT, NULL), "");
	restart(w);
	*state = w;
	return 0;
}

static inline int
close_world(void **state)
{
	struct world *w = *state;
	void *f = w->f;

	rollouts_free(w->r);
	free(w);
	return fixture_close(&f);
}

/* Of the three hosts; times in seconds from T0, closes 0: without end. */
static inline int
begin(struct world *w, const char *work, const char *policy, int64_t opens,
    int64_t closes, bool approval)
{
	const struct rollouts_host hosts[] = {
	    {"a.los", "los", T0 + opens * S, closes ? T0 + closes * S : 0},
	    {"b.los", "los", T0 + opens * S, closes ? T0 + closes * S : 0},
	    {"c.los", "los", T0 + opens * S, closes ? T0 + closes * S : 0},
	};
	struct rollout_policy p;
	json_t *v = fixture_json(policy), *what = fixture_json(work);
	const struct rollouts_request rq = {.work = what,
	    .policy = &p,
	    .hosts = "all",
	    .reason = "INC-1",
	    .by = "ada",
	    .nominal = DB_ROLLOUT_NO_NOMINAL,
	    .approval = approval,
	    .v = hosts,
	    .n = 3};

	assert_int_equal(rollout_policy_from_json(v, &p, &w->err), 0);
	assert_int_equal(db_begin(store_db(w->f->store)), 0);
	int rc = rollouts_begin(w->r, &rq, T0, w->id, &w->err);
	if (rc == 0)
		assert_int_equal(db_commit(store_db(w->f->store)), 0);
	else
		db_rollback(store_db(w->f->store));
	if (rc == 0)
		rollouts_begun(w->r, w->id, T0);
	json_decref(v);
	json_decref(what);
	return rc;
}

static inline int64_t
tick(struct world *w, int64_t s)
{
	return rollouts_tick(w->r, T0 + s * S);
}

static inline const char *
state_of(struct world *w)
{
	static char text[128];
	struct db_rollout row;

	assert_int_equal(db_rollout_get(w->f->store, w->id, &row), 0);
	snprintf(text, sizeof(text), "%s%s%s%s", db_rollout_state_name(row.state),
	    row.why.code[0] ? ":" : "", row.why.code, row.ended ? " ended" : "");
	db_rollout_done(&row);
	return text;
}

static inline void
add_state(void *arg, const struct db_rollout_host *h)
{
	char *text = arg;
	size_t n = strlen(text);

	snprintf(text + n, 256 - n, "%s%s%s%s", n ? " " : "",
	    db_rollout_host_state_name(h->state), h->why.code[0] ? ":" : "", h->why.code);
}

static inline const char *
hosts_of(struct world *w)
{
	static char text[256];

	text[0] = '\0';
	assert_int_equal(
	    db_rollout_hosts(w->f->store, w->id, NULL, -1, 99, add_state, text), 0);
	return text;
}

#define EXPECT(w, hosts) assert_string_equal(hosts_of(w), hosts)

/* The host's open job comes to its end as its agent would tell it. */
static inline void
ends(struct world *w, const char *host, enum db_job_state as, const char *code, int64_t s)
{
	struct db_job job;
	char id[ID_SIZE];

	assert_int_equal(db_job_open_of_host(w->f->store, host, id), 0);
	assert_int_equal(db_job_get(w->f->store, id, &job), 0);
	assert_string_equal(job.rollout, w->id);
	job.state = as;
	job.ended = T0 + s * S;
	str_clip(job.verdict_code, sizeof(job.verdict_code), code);
	str_clip(job.verdict_text, sizeof(job.verdict_text), "so it was told");
	assert_int_equal(db_job_update(w->f->store, &job), 0);
	rollouts_jobs_ended(w->r, &(char *){id}, 1, job.ended);
}

static inline const char *
act(struct world *w, enum rollouts_verb verb, const char *who, int64_t window_s,
    int64_t s)
{
	struct audit_who person = {.role = AUTH_OPERATOR};

	str_clip(person.name, sizeof(person.name), who);
	w->err.code[0] = '\0';
	assert_int_equal(db_begin(store_db(w->f->store)), 0);
	int rc =
	    rollouts_do(w->r, w->id, verb, &person, "so", window_s, T0 + s * S, &w->err);
	if (rc == 0)
		assert_int_equal(db_commit(store_db(w->f->store)), 0);
	else
		db_rollback(store_db(w->f->store));
	rollouts_begun(w->r, w->id, T0 + s * S);
	return w->err.code;
}

#define REBOOT "{'kind':'reboot'}"

/* For fixture_apply(): the image "live". */
#define LIVE_OF_KIND(kind)                                                         \
	"{'images':[{'name':'live','kind':'" kind "','kernel':{'path':'vmlinuz'}," \
	"'initrds':[{'path':'initrd.gz'}]}]}"

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)

#endif
