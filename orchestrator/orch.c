// SPDX-License-Identifier: GPL-3.0-or-later
/* The orchestrator as one object: opens its parts in order, and closes them in the opposite one.
 *
 * Entry points: orch_new(), orch_free(). It owns every part; the configuration is the caller's. What
 * was under way when the last process ended needs no recovery step: jobs, orders and events are rows,
 * agents come again with what was not acknowledged, and a transaction that was not committed never
 * was. Failure modes: any part that does not open ends the start, with its reason. */
#include "orchestrator/orch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_idem.h"
#include "lib/clock.h"
#include "lib/keepfile.h"
#include "lib/rest_web.h"
#include "lib/str.h"
#include "orchestrator/access.h"
#include "orchestrator/api.h"
#include "orchestrator/audit_refused.h"
#include "orchestrator/join.h"
#include "orchestrator/web.h"

enum { WORKERS = 2, PRUNE_EVERY_S = 3600, AUDIT_EVERY_S = 3600 };

/* How long an answer is kept for its Idempotency-Key. */
#define IDEM_KEEP_US (24LL * 3600 * USEC_PER_SEC)

static void
on_events(void *arg)
{
	struct orch *o = arg;

	feed_wake(o->feed);
	tail_wake(o->tail);
}

static const struct error *
trouble(void *arg, const char *site)
{
	struct orch *o = arg;

	return dispatch_trouble(o->dispatch, site);
}

static int64_t
silence(void *arg, const char *site)
{
	const struct orch *o = arg;

	return dispatch_silence(o->dispatch, site);
}

static int64_t
store_version(void *arg, const char *site)
{
	const struct orch *o = arg;

	return place_version(o->place, site);
}

static void
wake(void *arg, const char *site)
{
	struct orch *o = arg;

	dispatch_wake(o->dispatch, site);
}

static void
on_delta(void *arg)
{
	struct orch *o = arg;

	place_delta_made(o->place, wake, o);
}

static void
on_held(void *arg, const char *site)
{
	struct orch *o = arg;

	if (o->when_ready)
		when_ready_site(o->when_ready, site);
}

static void
on_peer(void *arg, const char *site)
{
	struct orch *o = arg;

	place_news_add(o->place_news, site);
}

struct orders_context
orch_orders_context(struct orch *o, int64_t now)
{
	return (struct orders_context){
	    .store = o->store,
	    .rng = &o->rng,
	    .key = o->key,
	    .images_root = o->config->images_root,
	    .place = o->place,
	    .caps = &o->config->caps,
	    .silence = silence,
	    .trouble = trouble,
	    .arg = o,
	    .now = now,
	};
}

static void
on_prune(evutil_socket_t fd, short what, void *arg)
{
	struct orch *o = arg;
	int rc = db_idem_prune(o->store, clock_wall() - IDEM_KEEP_US);

	(void)fd;
	(void)what;
	if (rc < 0)
		log_warn(&o->log, "cannot drop old idempotency records: %d", rc);
	console_store_prune(o->consoles,
	    clock_wall() - (int64_t)o->config->console_days * 24 * 3600 * USEC_PER_SEC,
	    (int64_t)o->config->console_mb * 1024 * 1024);
	webhook_prune(o->webhook);
}

static void
on_each(void *arg, const struct event *ev)
{
	struct orch *o = arg;

	unattended_event(o->unattended, ev);
}

static int
open_tail(struct orch *o, struct error *err)
{
	const struct webhook_ops webhook = {.base = o->base,
	    .log = &o->log,
	    .store = o->store,
	    .metrics = o->metrics,
	    .rng = &o->rng,
	    .list = o->config->webhooks,
	    .n = o->config->n_webhooks,
	    .page = o->config->page_url,
	    .on_events = on_events,
	    .arg = o};
	int rc = webhook_new(&webhook, &o->webhook, err);

	if (rc < 0)
		return rc;
	const struct tail_ops tail = {.base = o->base,
	    .log = &o->log,
	    .store = o->store,
	    .metrics = o->metrics,
	    .webhook = o->webhook,
	    .each = on_each,
	    .arg = o};
	o->loop_watch = loop_watch_new(o->base, o->metrics);
	return tail_new(&tail, &o->tail, err);
}

static void
on_audit(evutil_socket_t fd, short what, void *arg)
{
	struct orch *o = arg;
	bool told;

	(void)fd;
	(void)what;
	audit_log_head(o->store, &o->log);
	int rc = audit_tell_head(o->store, clock_wall(), &told);
	if (rc < 0)
		log_error(&o->log, "the audit's head cannot be recorded: %d", rc);
	else if (told)
		on_events(o);
}

static void
on_minute(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	web_minute(arg);
	join_look(arg);
	agent_seen_store(((struct orch *)arg)->agents_seen);
}

void
orch_reload(struct orch *o)
{
	char line[ERROR_CODE_SIZE + ERROR_TEXT_SIZE + ERROR_NEXT_SIZE + 8];
	struct error err = {.code = ""};

	if (!o->config->web.tls_cert)
		join_look(o);
	else if (rest_web_reload(o->rest, &err) < 0)
		log_error(&o->log, "the old certificate stays in use: %s",
		    error_line(&err, line, sizeof(line)));
	else
		log_info(&o->log, "web: certificate and key were read again");
	join_look(o);
}

/* Without the list nobody's maker is known, which is no reason not to serve. */
static void
open_vendors(struct orch *o)
{
	int rc = oui_open(o->config->oui_file, &o->vendors);

	if (rc < 0 && rc != -ENOENT)
		log_warn(
		    &o->log, "cannot read %s: %s", o->config->oui_file, strerror(-rc));
}

/* What needs the database and nothing else. */
static void
make_parts(struct orch *o)
{
	const struct dispatch_ops ops = {.base = o->base,
	    .log = &o->log,
	    .store = o->store,
	    .database = o->config->database,
	    .reads = o->reads,
	    .reader = &o->reader,
	    .key = o->key,
	    .orders = o->orders_key,
	    .rng = &o->rng,
	    .metrics = o->metrics,
	    .store_version = store_version,
	    .on_events = on_events,
	    .arg = o};
	o->deltas = deltas_new(&(struct deltas_ops){.base = o->base,
	    .log = &o->log,
	    .database = o->config->database,
	    .images_root = o->config->images_root,
	    .on_made = on_delta,
	    .arg = o});
	o->place = place_new(&(struct place_ops){.store = o->store,
	    .log = &o->log,
	    .deltas = o->deltas,
	    .on_held = on_held,
	    .on_peer = on_peer,
	    .arg = o});
	o->place_news = place_news_new(o->base, wake, o);
	o->blobs = blobs_new(o->workq, o->config->images_root);
	o->consoles = console_store_new(o->store, o->config->database,
	    (int64_t)o->config->console_host_mb * 1024 * 1024, &o->log);
	o->feed = feed_new(o->base, &o->log, o->store);
	o->dispatch = dispatch_new(&ops);
	o->when_ready = when_ready_new(&(struct when_ready_ops){.base = o->base,
	    .log = &o->log,
	    .store = o->store,
	    .place = o->place,
	    .dispatch = o->dispatch,
	    .on_events = on_events,
	    .arg = o});
	o->absence = absence_new(&(struct absence_ops){.base = o->base,
				     .log = &o->log,
				     .store = o->store,
				     .silence = silence,
				     .on_events = on_events,
				     .arg = o},
	    clock_mono());
	o->fleet = fleet_new(&(struct fleet_ops){.base = o->base,
	    .log = &o->log,
	    .store = o->store,
	    .dispatch = o->dispatch,
	    .key = o->key,
	    .rng = &o->rng,
	    .on_events = on_events,
	    .arg = o});
	o->gates = gate_ask_new(&(struct gate_ask_ops){
	    .base = o->base, .store = o->store, .dispatch = o->dispatch});
	const struct live_ops live = {
	    .base = o->base, .log = &o->log, .rng = &o->rng, .dispatch = o->dispatch};
	o->live = live_new(&live);
	o->access = access_new(&(struct access_options){.store = o->store,
	    .key = o->key,
	    .log = &o->log,
	    .session_us = (int64_t)o->config->web.session_hours * 3600 * USEC_PER_SEC});
	o->agents_seen = agent_seen_new(o->store, &o->log);
	o->retention = retention_new(o->base, &o->log, o->store, &o->config->retention);
	open_vendors(o);
}

static struct orders_context
orders(void *arg, int64_t now)
{
	return orch_orders_context(arg, now);
}

static int
open_unattended(struct orch *o, struct error *err)
{
	const struct unattended_ops ops = {.base = o->base,
	    .log = &o->log,
	    .store = o->store,
	    .dispatch = o->dispatch,
	    .in_flight = o->config->unattended.in_flight,
	    .approval_hosts = o->config->approval.hosts,
	    .approval_lead = o->config->approval.lead_h * 3600 * USEC_PER_SEC,
	    .orders = orders,
	    .on_events = on_events,
	    .arg = o};

	return unattended_new(&ops, &o->unattended, err);
}

static struct event *
every(struct orch *o, time_t s, event_callback_fn call)
{
	const struct timeval tv = {.tv_sec = s};
	struct event *e = event_new(o->base, -1, EV_PERSIST, call, o);

	event_add(e, &tv);
	return e;
}

/* Beside the other key. */
static int
open_orders_key(struct orch *o, struct error *err)
{
	char *path = keepfile_beside(o->config->key_file, "orders.key");
	int rc = secret_sign_open(path, 1, &o->orders_key, err);

	free(path);
	return rc;
}

static int
open_parts(struct orch *o, struct error *err)
{
	const struct rest_route *routes;
	size_t n;
	int rc = store_open(o->config->database, o->started, &o->store, err);

	if (rc == 0)
		rc = secret_key_open(o->config->key_file, 1, &o->key, err);
	if (rc == 0)
		rc = open_orders_key(o, err);
	if (rc < 0)
		return rc;
	o->workq = workq_new(o->base, WORKERS);
	o->reads = workq_new(o->base, 1);
	o->metrics = metrics_new();
	rc = open_tail(o, err);
	if (rc < 0)
		return rc;
	make_parts(o);
	rc = open_unattended(o, err);
	if (rc < 0)
		return rc;
	o->prune = every(o, PRUNE_EVERY_S, on_prune);
	o->minutely = every(o, 60, on_minute);
	routes = api_routes(&n);
	o->rest = rest_server_new(
	    o->base, &o->log, o->config->socket, o->config->group, routes, n, o, err);
	if (!o->rest)
		return -EINVAL;
	rest_on_problem(o->rest, audit_refused_note);
	o->audit_hourly = every(o, AUDIT_EVERY_S, on_audit);
	on_audit(-1, 0, o);
	rc = web_listen(o, err);
	return rc < 0 ? rc : join_open(o, err);
}

struct orch *
orch_new(struct event_base *base, const struct log *log, const struct orch_config *config,
    struct error *err)
{
	struct orch *o = str_alloc(sizeof(*o));

	o->base = base;
	o->log = *log;
	o->config = config;
	o->rng = rng_system();
	o->started = clock_wall();
	if (open_parts(o, err) < 0) {
		orch_free(o);
		return NULL;
	}
	return o;
}

void
orch_free(struct orch *o)
{
	if (!o)
		return;
	/* First the requests: whoever waits for one hears that it is gone, and answers it no more. */
	rest_server_free(o->rest);
	live_free(o->live);
	workq_free(o->workq);
	workq_free(o->reads);
	store_close(o->reader);
	deltas_free(o->deltas);
	when_ready_free(o->when_ready);
	place_news_free(o->place_news);
	dispatch_free(o->dispatch);
	unattended_free(o->unattended);
	place_free(o->place);
	blobs_free(o->blobs);
	fleet_free(o->fleet);
	gate_ask_free(o->gates);
	feed_free(o->feed);
	absence_free(o->absence);
	tail_free(o->tail);
	webhook_free(o->webhook);
	loop_watch_free(o->loop_watch);
	metrics_free(o->metrics);
	if (o->prune)
		event_free(o->prune);
	if (o->audit_hourly) {
		event_free(o->audit_hourly);
		audit_log_head(o->store, &o->log);
	}
	if (o->minutely)
		event_free(o->minutely);
	access_free(o->access);
	join_close(o);
	agent_seen_free(o->agents_seen);
	retention_free(o->retention);
	oui_free(o->vendors);
	secret_sign_free(o->orders_key);
	secret_key_free(o->key);
	console_store_free(o->consoles);
	store_close(o->store);
	free(o);
}
