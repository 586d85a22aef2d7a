// SPDX-License-Identifier: GPL-3.0-or-later
/* Agents' long polls: what each site's agent has to be told, repeated until its effect
 * was reported.
 *
 * Entry points: dispatch_poll() when a request arrives, dispatch_wake() when something
 * changed. A poll is held until there is something to say or its time is over. Every
 * order is told again in every answer, but to an agent that was told within REDELIVER
 * only after that time: its report may be on its way, and a held poll must not become a
 * busy loop.
 *
 * The database decides what is due; memory holds only when something was said last and a
 * site's table, keyed by its version (dispatch_table.c). So a restart forgets nothing that matters.
 *
 * Failure modes: a database that fails refuses the poll (the agent comes again). A job is
 * recorded as handed out before it is: a cancel that finds no such record may end the job
 * here. */
#include "orchestrator/dispatch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "db/db_agent.h"
#include "db/db_boot.h"
#include "db/db_event.h"
#include "db/db_host.h"
#include "db/db_job.h"
#include "db/db_site.h"
#include "lib/agent_msg.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/pack.h"
#include "lib/str.h"
#include "orchestrator/credentials.h"
#include "orchestrator/dispatch_priv.h"
#include "orchestrator/holds.h"
#include "orchestrator/sight.h"

enum {
	REDELIVER_US = 2 * 1000 * 1000,
	ORDERS_MAX = 200, /* told in one answer */
	DUE_MAX = 4000,
	/* How long agents are to take, for each of them, to come back when they lost us: what a handshake and a poll cost, several times over. */
	RETRY_MS = 2,
	RETRY_FROM = 100,
};

/* Seconds, as text. */
#define BUSY "2"

struct dispatch_poll {
	struct dispatch_poll *next, *prev;
	struct dispatch *d;
	struct dispatch_site *site;
	struct rest_request *rq;
	struct agent_msg_poll msg;
	char seal_key[SECRET_BOX_PUBLIC_TEXT];
	int64_t until;		/* mono */
	int64_t received, came; /* wall, mono */
	int64_t store; /* version of what its site's store should hold, when it began */
	bool held;     /* nothing is begun at the site: of no job it is told */
	struct event *timer;
};

struct dispatch_sent {
	UT_hash_handle hh;
	char job[ID_SIZE];
	char agent[ID_SIZE];
	int64_t at; /* mono */
};

struct dispatch *
dispatch_new(const struct dispatch_ops *ops)
{
	struct dispatch *d = str_alloc(sizeof(*d));

	d->ops = *ops;
	return d;
}

static void
poll_free(struct dispatch_poll *p)
{
	DL_DELETE(p->site->polls, p);
	event_free(p->timer);
	free(p);
}

void
dispatch_free(struct dispatch *d)
{
	if (!d)
		return;
	dispatch_call_free_all(d);
	dispatch_report_free_all(d);
	dispatch_site_store_seen(d);
	if (d->store_seen)
		event_free(d->store_seen);
	struct dispatch_site *s, *snext;
	HASH_ITER (hh, d->sites, s, snext) {
		while (s->polls)
			poll_free(s->polls);
		HASH_DEL(d->sites, s);
		free(s->table);
		gzip_part_done(&s->packed);
		dispatch_base_free(s->base);
		dispatch_base_free(s->next);
		free(s);
	}
	struct dispatch_sent *it, *next;
	HASH_ITER (hh, d->sent, it, next) {
		HASH_DEL(d->sent, it);
		free(it);
	}
	free(d);
}

void
dispatch_refuse(struct rest_request *rq, const struct error *err)
{
	static const struct {
		const char *code;
		int status;
	} known[] = {
	    {"site-unknown", 404},
	    {"agent-duplicate", 409},
	    {"disk-full", 507},
	    {"busy", 503},
	    {"bad-value", 400},
	    {"bad-version", 400},
	    {"bad-json", 400},
	    {"bad-encoding", 400},
	    {"seal-key", 400},
	};
	int status = 500;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (str_eq(err->code, known[i].code))
			status = known[i].status;
	if (status == 503)
		rest_add_header(rq, "Retry-After", BUSY);
	rest_problem(rq, status, err, NULL);
}

static struct dispatch_sent *
find_sent(struct dispatch *d, const char *job)
{
	struct dispatch_sent *it = NULL;

	HASH_FIND_STR(d->sent, job, it);
	return it;
}

void
dispatch_changed(struct dispatch *d, const char *job)
{
	struct dispatch_sent *it = find_sent(d, job);

	if (!it)
		return;
	HASH_DEL(d->sent, it);
	free(it);
}

static void
note_sent(struct dispatch *d, const char *job, const char *agent, int64_t mono)
{
	struct dispatch_sent *it = find_sent(d, job);

	if (!it) {
		it = str_alloc(sizeof(*it));
		str_clip(it->job, sizeof(it->job), job);
		HASH_ADD_STR(d->sent, job, it);
	}
	str_clip(it->agent, sizeof(it->agent), agent);
	it->at = mono;
}

/* How its BMC is to be treated, as is known now: the host was perhaps probed since the order. */
static int
add_known(struct dispatch *d, const struct db_host *h, json_t *bmc)
{
	struct bundle_bmc known = {.address = ""};

	int rc = dispatch_call_bmc(d, h, &known);
	bundle_bmc_prefixes_put(bmc, "only_in", known.only_in, known.n_only_in);
	if (str_eq(known.console, "job"))
		json_object_del(bmc, "console");
	else
		json_put_str(bmc, "console", known.console);
	if (known.require_cipher != 0)
		json_put_i64(bmc, "require_cipher", known.require_cipher);
	if (known.manners)
		json_object_set(bmc, "manners", known.manners);
	if (known.learned)
		json_object_set(bmc, "learned", known.learned);
	bundle_bmc_wipe(&known);
	return rc;
}

/* The stored bundle with what must not be stored: the BMC's secrets as they are now. -EBADMSG with *err: they do
 * not open. */
static int
job_order(struct dispatch *d, const struct db_job *job, const char *seal_key,
    json_t **ret, struct error *err)
{
	struct db_host *h = str_alloc(sizeof(*h));
	struct credentials_sealed sealed;
	char *text = NULL;
	json_t *bundle = NULL;
	int rc = db_job_bundle(d->ops.store, job->id, &text);

	if (rc == 0) {
		bundle = json_parse(text, strlen(text), NULL);
		rc = bundle ? db_host_get(d->ops.store, job->host, h) : -EUCLEAN;
	}
	json_t *bmc = json_object_get(bundle, "bmc");
	if (rc == 0 && json_is_object(bmc))
		rc = add_known(d, h, bmc);
	if (rc == 0 && json_is_object(bmc)) {
		credentials_take(h, &sealed);
		rc = credentials_put(d->ops.key, &sealed, false, seal_key, bmc, err);
	}
	if (rc == 0)
		*ret = json_pack("{s:s, s:O}", "t", "job", "bundle", bundle);
	json_decref(bundle);
	free(text);
	free(h);
	return rc;
}

/* In a transaction that gather() commits before anything is answered: one for all new jobs. */
static int
note_handed_out(struct dispatch *d, const char *id)
{
	struct db *db = store_db(d->ops.store);
	int rc = db_in_transaction(db) ? 0 : db_begin(db);

	return rc < 0 ? rc : db_job_sent(d->ops.store, id, clock_wall());
}

/* How many jobs more its agent takes. Those over are not told, and so wait: the agent would refuse
 * them. */
static int
room_for_jobs(struct dispatch_poll *p, int64_t *ret)
{
	int64_t out = 0;
	int rc = 0;

	*ret = INT64_MAX;
	if (p->msg.max_jobs > 0)
		rc = db_job_out_of_site(p->d->ops.store, p->msg.site, &out);
	if (rc == 0 && p->msg.max_jobs > 0)
		*ret = p->msg.max_jobs > out ? p->msg.max_jobs - out : 0;
	return rc;
}

/* What a hold or a lock cancels is finished where it has begun. */
static json_t *
cancel_order(const struct db_job *job)
{
	json_t *v = json_pack(
	    "{s:s, s:s, s:s}", "t", "cancel", "job", job->id, "by", job->cancel_by);

	if (job->cancel_code[0])
		json_put_bool(v, "unbegun", true);
	return v;
}

static int
add_job_order(struct dispatch_poll *p, const char *id, json_t *orders, int64_t *ret_next,
    int64_t *room)
{
	struct dispatch *d = p->d;
	const char *agent = p->msg.agent;
	struct db_job job;
	struct error why = {.code = ""};
	const struct dispatch_sent *was = find_sent(d, id);
	int64_t mono = clock_mono();
	json_t *order = NULL;

	if (was && str_eq(was->agent, agent) && mono - was->at < REDELIVER_US) {
		if (was->at + REDELIVER_US < *ret_next)
			*ret_next = was->at + REDELIVER_US;
		return 0;
	}
	int rc = db_job_get(d->ops.store, id, &job);
	if (rc < 0)
		return rc;
	if (!job.cancel_at && p->held)
		return 0;
	if (dispatch_window_cancel_waits(&p->msg, &job))
		return 0;
	bool ahead = job.not_before > job.created && p->msg.takes_window;
	rc = p->msg.takes_window ? 0 : dispatch_window_early(d, &job, ret_next);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (!job.sent && !job.cancel_at && *room == 0 && !ahead)
		return -EDQUOT;
	if (job.cancel_at)
		order = cancel_order(&job);
	else
		rc = job_order(d, &job, p->seal_key, &order, &why);
	if (rc == -ENOENT || rc == -EUCLEAN) {
		/* One job that cannot be put together does not keep the others from their agent. */
		log_error(d->ops.log,
		    "job %s cannot be handed out: its records are damaged", id);
		return 0;
	}
	if (rc == -EBADMSG)
		return dispatch_window_unsent(d, &job, &why);
	if (rc == 0 && !job.sent && !job.cancel_at) {
		rc = note_handed_out(d, id);
		if (!ahead)
			--*room;
	}
	if (rc < 0) {
		json_decref(order);
		return rc;
	}
	if (!p->msg.takes_window)
		dispatch_window_make_due(&job, order);
	json_array_append_new(orders, order);
	note_sent(d, id, agent, mono);
	return 0;
}

static int
look_whether_held(struct dispatch_poll *p, struct error *err)
{
	int rc = holds_check(p->d->ops.store, p->msg.site, err);

	p->held = rc == -EPERM;
	return rc == -EPERM ? 0 : rc;
}

/* What the poll is to be answered with. *ret_next: when to look again (mono) if there is
 * nothing. -EINPROGRESS: not before the site has been read, since orders come with the table
 * or after it. */
static int
gather(struct dispatch_poll *p, char **ret_table, json_t *orders, int64_t *ret_next,
    struct error *err)
{
	struct dispatch *d = p->d;
	struct db *db = store_db(d->ops.store);
	struct dispatch_site *s = p->site;
	struct store_names ids = {0};
	int64_t version = 0, room = 0;
	int rc = db_site_version(d->ops.store, p->msg.site, &version);

	if (rc == -ENOENT)
		return error_set(err, rc, "site-unknown",
		    "netboot-ctl site add makes it; the agent comes again by itself",
		    "no site %s in the inventory", p->msg.site);
	if (rc == 0 && version != p->msg.table) {
		rc = dispatch_table_get(d, s, version, p->msg.table, ret_table, err);
		if (rc < 0)
			return rc;
	}
	if (rc == 0)
		rc = db_job_due_of_site(
		    d->ops.store, p->msg.site, !p->msg.takes_window, DUE_MAX, &ids);
	if (rc == 0 && ids.n > 0)
		rc = room_for_jobs(p, &room);
	if (rc == 0)
		rc = look_whether_held(p, err);
	s->full = false;
	for (size_t i = 0; rc == 0 && i < ids.n && json_array_size(orders) < ORDERS_MAX;
	     i++)
		rc = add_job_order(p, ids.v[i], orders, ret_next, &room);
	if (rc == -EDQUOT) { /* those behind are new as well */
		s->full = true;
		rc = 0;
	}
	store_names_done(&ids);
	if (rc == 0 && db_in_transaction(db))
		rc = db_commit(db);
	if (rc < 0) {
		db_error(db, rc, err, "hand out the site's orders");
		db_rollback(db);
		log_error(d->ops.log, "site %s: %s", p->msg.site, err->text);
		return rc;
	}
	dispatch_call_orders(d, s, p->seal_key, orders);
	return 0;
}

static int64_t
store_version(const struct dispatch_poll *p)
{
	const struct dispatch_ops *ops = &p->d->ops;

	return ops->store_version ? ops->store_version(ops->arg, p->msg.site) : 0;
}

static void
reply_plain(struct rest_request *rq, const char *table, const char *tail)
{
	size_t size = strlen(table) + strlen(tail) + 3;
	char *text = str_alloc(size);

	if (str_format(text, size, "{%s,%s", table, tail) < 0)
		abort();
	rest_reply_json(rq, 200, text, NULL);
}

/* Orders, which may hold secrets, are in it as they are: compressed together with what somebody else wrote, a secret could be guessed from the
 * length. */
static void
reply_packed(struct rest_request *rq, const struct gzip_part *packed, const char *tail)
{
	size_t n = 0;
	char *doc = gzip_part_close(packed, tail, &n);

	rest_reply_gzip(rq, 200, doc, n);
}

/* The table is a text already. Takes both. */
static void
answer(struct dispatch_poll *p, char *table, json_t *orders)
{
	struct rest_request *rq = p->rq;
	orders = dispatch_sign(p->d, &p->msg, orders);
	json_t *more = json_pack("{s:i, s:o, s:I, s:I, s:{s:i, s:s}}", "v", 1, "orders",
	    orders, "received", (json_int_t)p->received, "held_us",
	    (json_int_t)(clock_mono() - p->came), "takes", "events", AGENT_MSG_EVENTS_MAX,
	    "encoding", PACK_ENCODING);
	int64_t store = store_version(p);

	if (store > 0)
		json_put_i64(more, "store", store);
	if (p->d->n_heard > RETRY_FROM)
		json_put_i64(more, "retry_ms", (int64_t)p->d->n_heard * RETRY_MS);
	char *tail = json_text(more);
	struct gzip_part packed = {.n = 0};
	if (table) {
		packed = p->site->packed;
		p->site->packed = (struct gzip_part){.n = 0};
	}
	json_decref(more);
	poll_free(p);
	if (packed.n > 0)
		reply_packed(rq, &packed, tail + 1);
	else
		reply_plain(rq, table ? table : "\"table\":null", tail + 1);
	gzip_part_done(&packed);
	free(table);
	free(tail);
}

/* Answers the poll, or sets its timer to when it is to be looked at again. */
static void
consider(struct dispatch_poll *p)
{
	json_t *orders = json_array();
	char *table = NULL;
	int64_t next = p->until, mono = clock_mono();
	struct error err = {.code = ""};
	int rc = gather(p, &table, orders, &next, &err);

	if (rc == -EINPROGRESS) {
		json_decref(orders);
		evtimer_del(p->timer);
		return;
	}
	if (rc < 0) {
		struct rest_request *rq = p->rq;
		json_decref(orders);
		free(table);
		poll_free(p);
		dispatch_refuse(rq, &err);
		return;
	}
	/* Where it cannot be told there is none, and nothing to say at once. */
	int64_t store = store_version(p);
	if (table || json_array_size(orders) > 0 || mono >= p->until ||
	    (store > 0 && store != p->store)) {
		answer(p, table, orders);
		return;
	}
	json_decref(orders);
	int64_t left = next > mono ? next - mono : 0;
	struct timeval tv = {
	    .tv_sec = left / USEC_PER_SEC, .tv_usec = left % USEC_PER_SEC};
	evtimer_add(p->timer, &tv);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	consider(arg);
}

static void
on_gone(void *arg)
{
	poll_free(arg);
}

/* An agent has one poll at a time: an older one is what a broken connection left behind.
 */
static void
drop_older(struct dispatch_site *s, const char *agent)
{
	struct dispatch_poll *p, *next;

	DL_FOREACH_SAFE(s->polls, p, next)
	if (str_eq(p->msg.agent, agent))
		answer(p, NULL, json_array());
}

/* What it has of the table, by which the next change is told. */
static void
note_table(struct dispatch_site *s, const struct rest_request *rq,
    const struct agent_msg_poll *msg)
{
	const char *encodings = rest_header(rq, "Accept-Encoding");

	s->takes_gzip = encodings && strstr(encodings, "gzip");
	s->takes_delta = msg->takes_delta;
	s->has_digest = msg->table_digest;
	if (s->next && dispatch_base_version(s->next) == msg->table) {
		dispatch_base_free(s->base);
		s->base = s->next;
		s->next = NULL;
	}
}

void
dispatch_poll(struct dispatch *d, struct rest_request *rq, const char *enrolled)
{
	struct agent_msg_poll msg;
	char seal_key[SECRET_BOX_PUBLIC_TEXT];
	struct error err = {.code = ""};
	struct dispatch_site *s;
	int64_t version;
	const json_t *body = rest_body(rq, &err);
	int rc = body ? agent_msg_poll_from_json(body, &msg, &err) : -EINVAL;

	if (rc == 0)
		rc = dispatch_sign_key(rq, msg.seal_key, enrolled, seal_key, &err);
	if (rc == 0 && db_site_version(d->ops.store, msg.site, &version) == -ENOENT)
		rc = error_set(&err, -ENOENT, "site-unknown",
		    "netboot-ctl site add makes it; the agent comes again by itself",
		    "no site %s in the inventory", msg.site);
	if (rc == 0)
		rc = dispatch_site_claim(
		    d, dispatch_site(d, msg.site), msg.agent, msg.table, &err);
	if (rc < 0) {
		dispatch_refuse(rq, &err);
		return;
	}
	s = dispatch_site(d, msg.site);
	s->trouble = msg.trouble;
	s->own_servers = msg.own_servers;
	s->stop = msg.stop;
	s->pending = msg.pending;
	s->lag = msg.lag;
	dispatch_clock_seems(s, msg.now);
	dispatch_clock_note(d, s, msg.agent, &msg.clock, msg.now);
	dispatch_clock_stop(s, &s->stop);
	note_table(s, rq, &msg);
	dispatch_table_learn(d, s, version);
	drop_older(s, msg.agent);
	struct dispatch_poll *p = str_alloc(sizeof(*p));
	p->d = d;
	p->site = s;
	p->rq = rq;
	p->msg = msg;
	str_clip(p->seal_key, sizeof(p->seal_key), seal_key);
	p->received = clock_wall();
	p->came = clock_mono();
	p->until = p->came + msg.wait_s * USEC_PER_SEC;
	/* What became of it since the last answer left is told at once. */
	p->store = msg.store > 0 ? msg.store : store_version(p);
	p->timer = evtimer_new(d->ops.base, on_timer, p);
	DL_APPEND(s->polls, p);
	rest_on_gone(rq, on_gone, p);
	consider(p);
}

void
dispatch_wake(struct dispatch *d, const char *site)
{
	struct dispatch_poll *p, *next;

	DL_FOREACH_SAFE(dispatch_site(d, site)->polls, p, next)
	consider(p);
}
