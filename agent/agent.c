/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The agent's parts put together.
 *
 * Entry points: agent_new(), agent_free(); the rest is callbacks between the parts:
 * orders from the uplink to the jobs, jobs to bootd and the BMC engine, what those say
 * back to the jobs, and events through the spool to the uplink.
 * Ownership: struct agent owns every part; they go in the reverse order of their making.
 * Failure modes: what is needed to keep promises (spool, key) must open or the agent does
 * not start; an absent orchestrator or a failing bootd does not end it.
 */
#include "agent/agent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/agent_console.h"
#include "agent/agent_priv.h"
#include "agent/agent_proxy.h"
#include "agent/agent_renew.h"
#include "agent/agent_tls.h"
#include "agent/agent_token.h"
#include "agent/bmc.h"
#include "agent/bootd_proc.h"
#include "agent/boots.h"
#include "agent/local.h"
#include "agent/local_list.h"
#include "agent/lockout.h"
#include "agent/own_servers_io.h"
#include "agent/preflight.h"
#include "agent/run_jobs.h"
#include "agent/run_url.h"
#include "agent/spool.h"
#include "agent/store.h"
#include "agent/uplink.h"
#include "agent/wire.h"
#include "lib/clock.h"
#include "lib/rng.h"
#include "lib/secret.h"
#include "lib/str.h"
#include "lib/workq.h"

/* Names of BMCs are resolved, and files looked at before an image is let go, apart from image
 * hashing: a gigabyte that is read, or a DNS server that does not answer, holds up its own
 * kind alone. */
enum { HASH_THREADS = 2, LOOK_THREADS = 2, NAME_THREADS = 4, PURGE_EVERY_S = 3600 };
/* How long the details of a job that ended stay in the spool; its id stays for good. */
#define PURGE_AGE (7 * 24 * 3600 * USEC_PER_SEC)

/* ---- bootd ---- */

static void
on_up_ready(void *arg)
{
	agent_send_table(arg, true);
}

static void
on_bootd_up(void *arg, uint16_t http_port UNUSED)
{
	struct agent *a = arg;
	struct event ev = event_make("bootd.up", clock_wall());

	if (a->cfg->own_servers)
		event_put(&ev, "confirmed_by", "logs");
	run_jobs_emit(a->jobs, &ev, false);
	run_jobs_on_bootd(a->jobs, a->cfg->own_servers, on_up_ready, a);
}

static void
on_bootd_down(void *arg, const struct error *why)
{
	struct agent *a = arg;
	struct event ev = event_make("bootd.down", clock_wall());

	event_put(&ev, "code", why->code);
	if (why->next[0] != '\0')
		event_put(&ev, "next", why->next);
	str_clip(ev.reason, sizeof(ev.reason), why->text);
	run_jobs_emit(a->jobs, &ev, true);
	run_jobs_bootd_down(a->jobs, why);
}

static void
take_event(struct agent *a, struct event *ev)
{
	if (ev->host[0] != '\0' && !run_jobs_has_host(a->jobs, ev->host))
		boots_on_event(a->boots, ev);
	run_jobs_on_event(a->jobs, ev);
}

static void
on_bootd_message(void *arg, const struct bootd_msg *m)
{
	struct agent *a = arg;

	if (m->type == BOOTD_MSG_EVENT)
		take_event(a, m->event);
	else if (m->type == BOOTD_MSG_CONSUME)
		run_jobs_on_consume(a->jobs, m);
	else if (m->type == BOOTD_MSG_REPORT)
		run_jobs_on_report(a->jobs, m);
	else if (m->type == BOOTD_MSG_ACK)
		run_jobs_on_ack(a->jobs, m->gen);
}

/* ---- what the jobs ask for ---- */

static int64_t
put_host(void *arg, const struct bundle_host *h, const struct bootd_msg_boot *b)
{
	struct agent *a = arg;

	return a->wire.ops->put_host(a->wire.self, h, b);
}

static void
answer(void *arg, enum bootd_msg_type type, uint64_t req, const char *reason)
{
	struct agent *a = arg;

	a->wire.ops->answer(a->wire.self, type, req, reason);
}

int
agent_site_url(
    void *arg, const struct bundle_host *h, char *ret, size_t size, struct error *err)
{
	struct agent *a = arg;
	struct run_url_own own[RUN_URL_OWN_MAX];
	size_t n;

	if (a->cfg->site_url[0] != '\0')
		return str_copy(ret, size, a->cfg->site_url);
	if (a->site->url[0] != '\0')
		return str_copy(ret, size, a->site->url);
	n = run_url_own_addresses(own, RUN_URL_OWN_MAX);
	return run_url_make(
	    own, n, h, a->site, a->wire.ops->http_port(a->wire.self), ret, size, err);
}

static const struct bundle_site *
get_site(void *arg)
{
	struct agent *a = arg;

	return a->site;
}

static void
on_accepted(void *arg, const char *host)
{
	struct agent *a = arg;

	boots_on_job(a->boots, host);
}

static void
on_progress(void *arg, const struct bundle *b, const struct run *run)
{
	struct agent *a = arg;

	agent_console_job(a->consoles, b, run);
}

static void
on_not_here(void *arg, const struct bundle_image *image, struct error *why)
{
	struct agent *a = arg;

	store_explain(a->store, image, why);
}

static void
used_files(void *arg, void (*add)(void *add_arg, const char *sha256), void *add_arg)
{
	struct agent *a = arg;

	run_jobs_files(a->jobs, add, add_arg);
}

static void
on_committed(void *arg)
{
	struct agent *a = arg;

	if (a->uplink != NULL)
		uplink_kick(a->uplink);
	if (a->wire.ops != NULL)
		a->wire.ops->committed(a->wire.self);
	local_committed(a->local);
}

static void
on_trouble(void *arg, const struct error *err)
{
	struct agent *a = arg;

	if (a->uplink != NULL)
		uplink_set_trouble(a->uplink, err);
}

static void
on_note(void *arg, const struct bmc_note *note)
{
	struct agent *a = arg;

	run_jobs_on_note(a->jobs, note);
	agent_console_note(a->consoles, note);
	lockout_note(a->jobs, a->uplink, a->bmc, note);
}

/* ---- orders ---- */

static void
take_cancel(struct agent *a, const struct agent_msg_order *o)
{
	const char *by = o->by[0] != '\0' ? o->by : "the orchestrator";

	if (o->unbegun)
		run_jobs_cancel_unbegun(a->jobs, o->id, by);
	else
		run_jobs_cancel(a->jobs, o->id, by);
}

static void
take_order(
    struct agent *a, struct agent_msg_order *o, struct bundle **jobs, size_t *n_jobs)
{
	switch (o->type) {
	case AGENT_ORDER_JOB:
		jobs[(*n_jobs)++] = o->bundle;
		o->bundle = NULL;
		break;
	case AGENT_ORDER_CANCEL: take_cancel(a, o); break;
	case AGENT_ORDER_CALL: agent_call_take(a, o); break;
	case AGENT_ORDER_BAD_JOB: run_jobs_refuse(a->jobs, o->id, &o->refused); break;
	case AGENT_ORDER_BAD_CALL: agent_call_refuse(a, o); break;
	}
}

static int
on_orders(void *arg, struct agent_msg_orders *orders)
{
	struct agent *a = arg;
	struct bundle **jobs = str_alloc((orders->n_orders + 1) * sizeof(*jobs));
	size_t n_jobs = 0;
	int r = 0;

	if (orders->table != NULL)
		r = agent_take_table(a, orders);
	else if (orders->delta != NULL)
		r = agent_take_delta(a, orders->delta);

	for (size_t i = 0; i < orders->n_orders; i++)
		take_order(a, &orders->orders[i], jobs, &n_jobs);
	store_told(a->store, orders->store);
	if (n_jobs > 0)
		run_jobs_accept(a->jobs, jobs, n_jobs);
	free(jobs);
	return r;
}

/* What became of the jobs since the copy was made is not known. */
static void
on_old_spool(void *arg)
{
	struct agent *a = arg;
	struct error why;

	error_set(&why, 0, "spool-old", "look at the machine before ordering anything",
	    "the agent's spool is an old copy of itself: what was done to the machine "
	    "since is not known");
	run_jobs_end_unused(a->jobs, "the agent: its spool is an old copy", &why);
}

/* ---- who is in charge ---- */

static void
end_replaced_jobs(struct agent *a)
{
	run_jobs_end_unused(
	    a->jobs, "the agent: another one is in charge of the site", NULL);
}

static void
note_replaced(struct agent *a, bool replaced)
{
	struct error err;
	int r = spool_set_replaced(a->spool, replaced);

	a->replaced = replaced;
	if (r < 0) {
		spool_error(a->spool, r, &err, "note who is in charge of the site");
		log_warn(a->log, "%s: %s", err.text, err.next);
	}
}

/* Two agents on one segment would fight over its machines: the one that the orchestrator
 * refuses leaves the wire to the other one and lets no image go any more. An orchestrator
 * that cannot be reached says nothing of the kind, and the jobs go on. */
static void
on_charge(void *arg, const struct error *refused)
{
	struct agent *a = arg;
	struct error why;

	if ((refused != NULL) == a->replaced)
		return;
	note_replaced(a, refused != NULL);
	if (refused == NULL) {
		log_info(a->log, "in charge of site %s again", a->cfg->site);
		a->wire.ops->release(a->wire.self);
		return;
	}
	log_error(a->log,
	    "another agent is in charge of the site: the boot services stop here: %s",
	    refused->next);
	error_set(&why, 0, "agent-replaced", refused->next,
	    "another agent is in charge of the site");
	end_replaced_jobs(a);
	a->wire.ops->hold(a->wire.self, &why);
}

/* ---- start and end ---- */

static void
on_purge(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct agent *a = arg;
	int r = spool_begin(a->spool);

	if (r < 0)
		return;
	r = spool_purge(a->spool, clock_wall() - PURGE_AGE);
	if (r == 0)
		r = spool_commit(a->spool);
	else
		spool_rollback(a->spool);
	if (r < 0)
		log_warn(a->log, "old jobs could not be removed from the spool");
}

static int
make_dir(const char *path, mode_t mode, struct error *err)
{
	if (mkdir(path, mode) == 0 || errno == EEXIST)
		return 0;
	return error_set(err, -errno, "config", "create the folder, or name another one",
	    "cannot create %s: %s", path, strerror(errno));
}

/* An orchestrator far away is spoken to with a certificate; where a token is given, whatever stands between asks for
 * that. */
static int
open_tls(struct agent *a, struct error *err)
{
	if (!str_has_prefix(a->cfg->orchestrator, "https://"))
		return 0;
	a->tls = agent_tls_open(a->cfg->state_dir, &a->proxy, err);
	if (a->tls == NULL)
		return -EINVAL;
	if (agent_tls_joined(a->tls) &&
	    !str_eq(agent_tls_cert(a->tls)->site, a->cfg->site))
		return error_set(err, -EINVAL, "config",
		    "correct site in agent.yaml, or enroll for this site",
		    "the certificate in %s/agent-tls is of site %s, and agent.yaml says "
		    "%s",
		    a->cfg->state_dir, agent_tls_cert(a->tls)->site, a->cfg->site);
	if (agent_tls_joined(a->tls) || a->token[0] != '\0')
		return 0;
	return error_set(err, -EPERM, "config",
	    "netboot-agent enroll URL, with the secret that netboot-ctl agent enroll "
	    "SITE "
	    "prints",
	    "site %s has not joined %s", a->cfg->site, a->cfg->orchestrator);
}

static int64_t
time_there(void *arg)
{
	const struct agent *a = arg;

	/* Jobs are there before the line is. */
	return a->uplink != NULL ? uplink_time_there(a->uplink) : clock_wall();
}

static bool
settled(void *arg)
{
	const struct agent *a = arg;

	return a->uplink != NULL && uplink_settled(a->uplink);
}

static int
open_storage(struct agent *a, struct error *err)
{
	struct spool_opts opts = {.path = a->cfg->spool,
	    .site = a->cfg->site,
	    .max_events = a->cfg->max_events,
	    .max_octets = a->cfg->max_octets};
	int r;

	if ((r = make_dir(a->cfg->state_dir, 0700, err)) < 0 ||
	    (r = make_dir(a->cfg->scripts_root, 0755, err)) < 0 ||
	    (r = agent_token_read(a->cfg->token_file, a->token, sizeof(a->token), err)) <
		0 ||
	    (r = agent_proxy_open(a->cfg, &a->proxy, err)) < 0 ||
	    (r = secret_key_open(a->cfg->seal_key, 1, &a->key, err)) < 0)
		return r;
	if ((r = open_tls(a, err)) < 0)
		return r;
	opts.key = a->key;
	r = spool_open(&opts, clock_wall(), &a->rng, &a->spool, err);
	if (r == 0)
		r = agent_keys_open(
		    a->cfg->state_dir, a->cfg->site, spool_id(a->spool), &a->keys, err);
	return r < 0 ? r : agent_load_table(a, err);
}

static const struct run_jobs_ops jobs_ops = {
    .put_host = put_host,
    .restore_host = agent_restore_host,
    .answer = answer,
    .url = agent_site_url,
    .site = get_site,
    .accepted = on_accepted,
    .progress = on_progress,
    .not_here = on_not_here,
    .time_there = time_there,
    .settled = settled,
    .committed = on_committed,
    .trouble = on_trouble,
};

static int
make_parts(struct agent *a, struct error *err)
{
	struct bmc_opts bmc = a->cfg->bmc;
	struct run_jobs_deps deps = {
	    .base = a->base,
	    .log = a->log,
	    .cfg = a->cfg,
	    .spool = a->spool,
	    .rng = &a->rng,
	    .ops = &jobs_ops,
	    .arg = a,
	};
	struct agent_console_opts consoles = {.base = a->base,
	    .log = a->log,
	    .cfg = a->cfg,
	    .rng = &a->rng,
	    .jobs = &a->jobs,
	    .done = agent_call_done,
	    .arg = a};
	struct boots_opts boots = {
	    .base = a->base, .log = a->log, .spool = a->spool, .rng = &a->rng};

	a->hashing = workq_new(a->base, HASH_THREADS);
	a->names = workq_new(a->base, NAME_THREADS);
	a->looking = workq_new(a->base, LOOK_THREADS);
	a->preflight = preflight_new(
	    a->hashing, a->looking, a->cfg->images_root, a->cfg->loaders_root);
	bmc.note = on_note;
	bmc.note_arg = a;
	bmc.workq = a->names;
	a->bmc = bmc_engine_new(a->base, a->log, &a->rng, &bmc, err);
	if (a->bmc == NULL)
		return -EIO;
	deps.bmc = a->bmc;
	deps.preflight = a->preflight;
	deps.names = consoles.names = a->names;
	consoles.bmc = a->bmc;
	consoles.spool = a->spool;
	consoles.key = a->key;
	consoles.box = a->keys->box;
	consoles.token = a->token[0] != '\0' ? a->token : NULL;
	consoles.self = a->tls != NULL ? agent_tls_self(a->tls) : NULL;
	consoles.agent = spool_id(a->spool);
	a->consoles = agent_console_new(&consoles, err);
	if (a->consoles == NULL)
		return -EINVAL;
	a->jobs = run_jobs_new(&deps);
	boots.jobs = a->jobs;
	a->boots = boots_new(&boots);
	agent_call_open(a);
	return 0;
}

static int
make_store(struct agent *a, struct error *err)
{
	struct store_opts o = {.base = a->base,
	    .log = a->log,
	    .rng = &a->rng,
	    .server = a->cfg->orchestrator,
	    .token = a->token[0] != '\0' ? a->token : NULL,
	    .self = a->tls != NULL ? agent_tls_self(a->tls) : NULL,
	    .site = a->cfg->site,
	    .agent = spool_id(a->spool),
	    .proxy = a->proxy,
	    .root = a->cfg->images_root,
	    .state_dir = a->cfg->state_dir,
	    .max_kbit = a->cfg->store_kbit,
	    .max_octets = a->cfg->store_max,
	    .floor = a->cfg->store_floor,
	    .used = used_files,
	    .arg = a};

	a->store = store_new(&o, err);
	return a->store == NULL ? -EINVAL : 0;
}

static void
mark(void *arg, const char *key, const char *value)
{
	struct agent *a = arg;

	run_jobs_mark(a->jobs, key, value);
}

static struct wire
start_own_servers(struct agent *a, const struct bootd_proc_ops *ops)
{
	struct own_servers_io_opts o = {
	    .base = a->base,
	    .log = a->log,
	    .cfg = a->cfg,
	    .spool = a->spool,
	    .ops = ops,
	    .mark = mark,
	    .arg = a,
	};

	return own_servers_io_wire(own_servers_io_new(&o, a->replaced));
}

static void
on_renewed(void *arg)
{
	struct agent *a = arg;
	struct error err;

	/* Whoever is enrolled anew may have another orchestrator, or this one another key. */
	if (agent_keys_again(a->keys, a->cfg->state_dir, &err) < 0)
		log_error(a->log, "%s: %s", err.text, err.next);
	uplink_again(a->uplink);
}

static int
start_renewing(struct agent *a, struct error *err)
{
	const struct agent_renew_opts o = {.base = a->base,
	    .log = a->log,
	    .rng = &a->rng,
	    .tls = a->tls,
	    .server = a->cfg->orchestrator,
	    .site = a->cfg->site,
	    .renewed = on_renewed,
	    .arg = a};

	if (a->tls == NULL || !agent_tls_joined(a->tls))
		return 0;
	a->renew = agent_renew_new(&o, err);
	return a->renew == NULL ? -EINVAL : 0;
}

static int
start_talking(struct agent *a, struct error *err)
{
	static const struct bootd_proc_ops ops = {
	    .on_up = on_bootd_up,
	    .next_host = agent_next_host,
	    .on_table_sent = agent_table_sent,
	    .on_message = on_bootd_message,
	    .on_down = on_bootd_down,
	};
	struct bootd_proc_opts bootd = {
	    .base = a->base,
	    .log = a->log,
	    .program = a->cfg->bootd,
	    .config = a->cfg->boot_services,
	    .ops = &ops,
	    .arg = a,
	};
	struct uplink_opts up = {
	    .base = a->base,
	    .log = a->log,
	    .rng = &a->rng,
	    .spool = a->spool,
	    .server = a->cfg->orchestrator,
	    .token = a->token[0] != '\0' ? a->token : NULL,
	    .self = a->tls != NULL ? agent_tls_self(a->tls) : NULL,
	    .site = a->cfg->site,
	    .keys = a->keys,
	    .own_servers = a->cfg->own_servers,
	    .max_jobs = a->cfg->max_jobs,
	    .on_orders = on_orders,
	    .on_old_spool = on_old_spool,
	    .on_charge = on_charge,
	    .arg = a,
	};
	int r = spool_is_replaced(a->spool, &a->replaced);

	if (r < 0)
		return spool_error(a->spool, r, err, "read who is in charge of the site");

	a->uplink = uplink_new(&up, err);
	if (a->uplink == NULL)
		return -EINVAL;
	r = start_renewing(a, err);
	if (r < 0)
		return r;
	if (agent_check_table(a, err) == 1)
		uplink_set_table(a->uplink, a->site->version, a->site->digest);
	r = run_jobs_recover(a->jobs, err);
	if (r < 0)
		return r;
	if (a->replaced) {
		log_warn(a->log, "another agent was in charge of the site: the boot "
				 "services wait for the orchestrator's word");
		end_replaced_jobs(a);
	}
	a->wire = a->cfg->own_servers
		      ? start_own_servers(a, &ops)
		      : bootd_proc_wire(bootd_proc_new(&bootd, a->replaced));
	return 0;
}

static int64_t
heard(void *arg, bool *ret_now)
{
	const struct agent *a = arg;

	return uplink_heard(a->uplink, ret_now);
}

static bool
is_replaced(void *arg)
{
	const struct agent *a = arg;

	return a->replaced;
}

/* The site goes on without its socket; who named it is told. */
static void
start_local(struct agent *a)
{
	const struct local_opts o = {
	    .base = a->base,
	    .log = a->log,
	    .cfg = a->cfg,
	    .spool = a->spool,
	    .rng = &a->rng,
	    .jobs = &a->jobs,
	    .bmc = a->bmc,
	    .hub = agent_console_hub(a->consoles),
	    .replaced = is_replaced,
	    .site = get_site,
	    .heard = heard,
	    .arg = a,
	};
	struct error err;

	if (a->cfg->local_socket[0] == '\0')
		return;
	a->local = local_new(&o, &err);
	if (a->local == NULL && a->cfg->local_named)
		log_error(a->log, "local_socket: %s: %s", err.text, err.next);
	else if (a->local == NULL)
		log_info(a->log, "without a socket of its own: %s", err.text);
}

static int
start_list(struct agent *a, struct error *err)
{
	const struct local_list_opts o = {
	    .base = a->base,
	    .log = a->log,
	    .server = a->cfg->orchestrator,
	    .token = a->token[0] != '\0' ? a->token : NULL,
	    .self = a->tls != NULL ? agent_tls_self(a->tls) : NULL,
	    .site = a->cfg->site,
	    .agent = spool_id(a->spool),
	    .spool = a->spool,
	    .box = a->keys->box,
	};

	a->local_list = local_list_new(&o, err);
	return a->local_list == NULL ? -EINVAL : 0;
}

struct agent *
agent_new(struct event_base *base, const struct log *log, const struct agent_config *cfg,
    struct error *err)
{
	const struct timeval purge = {.tv_sec = PURGE_EVERY_S};
	struct agent *a = str_alloc(sizeof(*a));

	a->base = base;
	a->log = log;
	a->cfg = cfg;
	a->rng = rng_system();
	a->purge = event_new(base, -1, EV_PERSIST, on_purge, a);
	event_add(a->purge, &purge);
	if (open_storage(a, err) < 0 || make_parts(a, err) < 0 ||
	    make_store(a, err) < 0 || start_list(a, err) < 0 ||
	    start_talking(a, err) < 0) {
		agent_free(a);
		return NULL;
	}
	start_local(a);
	log_info(log, "agent %s of site %s, %zu jobs to go on with", spool_id(a->spool),
	    cfg->site, run_jobs_count(a->jobs));
	return a;
}

static void
free_late(struct agent *a)
{
	while (a->late != NULL) {
		struct late *next = a->late->next;

		free(a->late);
		a->late = next;
	}
}

void
agent_free(struct agent *a)
{
	if (a == NULL)
		return;
	local_free(a->local);
	if (a->wire.ops != NULL)
		a->wire.ops->free(a->wire.self);
	local_list_free(a->local_list);
	agent_renew_free(a->renew);
	uplink_free(a->uplink);
	store_free(a->store);
	agent_call_close(a);
	boots_free(a->boots);
	agent_console_free(a->consoles);
	run_jobs_free(a->jobs);
	bmc_engine_free(a->bmc);
	workq_leave(a->names, USEC_PER_SEC / 2);
	workq_free(a->hashing);
	workq_free(a->looking);
	preflight_free(a->preflight);
	spool_close(a->spool);
	agent_keys_free(a->keys);
	secret_key_free(a->key);
	agent_tls_free(a->tls);
	agent_proxy_done(&a->proxy);
	if (a->site != NULL)
		bundle_site_done(a->site);
	free(a->site);
	free_late(a);
	event_free(a->purge);
	secret_wipe(a->token, sizeof(a->token));
	free(a);
}
