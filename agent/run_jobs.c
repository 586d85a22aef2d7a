/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The set of jobs and what is said to it.
 *
 * Entry points: run_jobs_on_*() for what bootd and the BMC engine say, run_jobs_post_*()
 * for the ends of run_exec.c's steps. All of them only queue an item; run_turn.c decides
 * the whole queue in one transaction. Orders are run_orders.c's.
 * Ownership: the set owns jobs, bundles and queued items.
 * Failure modes: above QUEUE_MAX observations are dropped; requests, orders and ends of
 * steps never are.
 */
#include "agent/run_jobs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host_ssh.h"
#include "agent/preflight.h"
#include "agent/run_handed.h"
#include "agent/run_priv.h"
#include "agent/run_wire.h"
#include "agent/template.h"
#include "lib/clock.h"
#include "lib/secret.h"
#include "lib/str.h"

enum { QUEUE_MAX = 20000, TICK_MS = 200, NOTE_SIZE = 64 * 1024 };

/* ---- the queue ---- */

void
run_jobs_wake(struct run_jobs *js)
{
	if (!js->in_trouble)
		event_active(js->turn, 0, 0);
}

static struct run_item *
new_item(const char *job)
{
	struct run_item *it = str_alloc(sizeof(*it));

	str_clip(it->job, sizeof(it->job), job);
	return it;
}

static void
enqueue(struct run_jobs *js, struct run_item *it)
{
	*js->tail = it;
	js->tail = &it->next;
	js->queued++;
	run_jobs_wake(js);
}

struct run_item *
run_jobs_push(struct run_jobs *js, const char *job)
{
	struct run_item *it = new_item(job);

	enqueue(js, it);
	return it;
}

struct run_item *
run_jobs_push_input(struct run_jobs *js, const char *job, enum run_input_type type)
{
	struct run_item *it = run_jobs_push(js, job);

	it->has_input = true;
	it->in.type = type;
	return it;
}

void
run_jobs_item_free(struct run_item *it)
{
	if (it->event != NULL)
		event_done(it->event);
	free(it->event);
	free(it->note);
	free(it->mark);
	free(it->end);
	free(it);
}

struct event *
run_jobs_copy_event(const struct event *ev)
{
	struct event *copy = str_alloc(sizeof(*copy));

	*copy = *ev;
	if (copy->detail != NULL)
		json_incref(copy->detail);
	return copy;
}

void
run_jobs_emit(struct run_jobs *js, struct event *ev, bool droppable)
{
	struct run_item *it;

	if (droppable && js->queued >= QUEUE_MAX) {
		js->overflow++;
		event_done(ev);
		return;
	}
	it = run_jobs_push(js, "");
	it->event = run_jobs_copy_event(ev);
	it->droppable = droppable;
	event_done(ev);
}

void
run_jobs_mark(struct run_jobs *js, const char *key, const char *value)
{
	struct run_item *it = run_jobs_push(js, "");

	it->mark = str_dup(value);
	str_clip(it->mark_key, sizeof(it->mark_key), key);
}

/* ---- the set ---- */

struct run_job *
run_jobs_find(struct run_jobs *js, const char *id)
{
	struct run_job *job;

	HASH_FIND_STR(js->by_id, id, job);
	return job;
}

struct run_job *
run_jobs_find_host(struct run_jobs *js, const char *host)
{
	struct run_job *job;

	HASH_FIND(hh_host, js->by_host, host, strlen(host), job);
	return job;
}

static struct run_job *
find_token(struct run_jobs *js, const char *token)
{
	for (struct run_job *job = js->by_id; job != NULL; job = job->hh.next) {
		if (ticket_is_open(&job->run.ticket) &&
		    secret_equal(job->run.ticket.token, token))
			return job;
	}
	return NULL;
}

struct run_job *
run_jobs_add(struct run_jobs *js, struct bundle *b, const struct run *r)
{
	struct run_job *job = str_alloc(sizeof(*job));

	job->jobs = js;
	job->deps = &js->d;
	job->bundle = b;
	job->run = *r;
	memcpy(job->written, r->ticket.id, sizeof(job->written));
	HASH_ADD_STR(js->by_id, run.job, job);
	HASH_ADD_KEYPTR(hh_host, js->by_host, job->run.host, strlen(job->run.host), job);
	return job;
}

void
run_jobs_free_bundle(struct bundle *b)
{
	bundle_done(b);
	free(b);
}

void
run_jobs_remove(struct run_jobs *js, struct run_job *job)
{
	run_exec_stop(job);
	HASH_DELETE(hh, js->by_id, job);
	HASH_DELETE(hh_host, js->by_host, job);
	run_jobs_free_bundle(job->bundle);
	free(job);
}

/* ---- from bootd ---- */

/* A transfer from a pool address carries no host; the address was seen in DHCP before. */
static struct run_job *
job_of_event(struct run_jobs *js, const struct event *ev)
{
	struct addr_ip ip;

	if (str_eq(ev->kind, "bootd.refused")) /* its entry, not its traffic */
		return run_jobs_find_host(js, event_str(ev, "name"));
	if (ev->host[0] != '\0')
		return run_jobs_find_host(js, ev->host);
	if (ev->ip[0] == '\0' || addr_ip_parse(ev->ip, &ip) < 0)
		return NULL;
	for (struct run_job *job = js->by_id; job != NULL; job = job->hh.next) {
		if (addr_ip_eq(&job->last_ip, &ip))
			return job;
	}
	return NULL;
}

static void
attach(const struct run_job *job, struct event *ev)
{
	str_clip(ev->host, sizeof(ev->host), job->run.host);
	str_clip(ev->job, sizeof(ev->job), job->run.job);
	if (job->run.boot_open)
		str_clip(ev->boot, sizeof(ev->boot), job->run.boot);
	else
		ev->boot[0] = '\0';
}

/* bootd parses what strangers send. Were it taken over, its word of the wire would still be
 * its word of the wire, and never the end of a job or a machine's power. */
static void
on_foreign_event(struct run_jobs *js, const struct event *ev)
{
	char kind[4 * EVENT_KIND_SIZE];

	if (!js->told_foreign)
		log_error(js->d.log,
		    "the boot services sent an event of kind %s, which is not theirs; "
		    "such events are not taken",
		    str_escape(kind, sizeof(kind), ev->kind, strlen(ev->kind)));
	js->told_foreign = true;
}

void
run_jobs_on_event(struct run_jobs *js, const struct event *ev)
{
	struct run_job *job = job_of_event(js, ev);
	struct run_wire wire;
	struct run_item *it;

	if (!run_wire_is_heard(ev)) {
		on_foreign_event(js, ev);
		return;
	}
	if (job != NULL && str_eq(ev->kind, "bootd.refused"))
		run_exec_on_refused(job, ev->reason);
	if (js->queued >= QUEUE_MAX) {
		js->overflow++;
		return;
	}
	it = run_jobs_push(js, job == NULL ? "" : job->run.job);
	it->event = run_jobs_copy_event(ev);
	it->droppable = true;
	if (job == NULL)
		return;
	attach(job, it->event);
	if (run_wire_names_address(ev) && addr_ip_parse(ev->ip, &job->last_ip) == 0)
		run_exec_on_address(job);
	if (!run_wire_read(ev, &job->bundle->image, &wire))
		return;
	it->has_input = true;
	it->in.type = RUN_IN_SIGN;
	it->in.sign = wire.sign;
	it->in.index = wire.index;
	it->in.proxied = wire.proxied;
	it->in.took = wire.took;
	memcpy(it->evidence, wire.evidence, sizeof(it->evidence));
}

static void
put_use(struct run_item *it, const struct bootd_msg *m)
{
	memcpy(it->use.mac, m->mac, sizeof(it->use.mac));
	memcpy(it->use.ip, m->ip, sizeof(it->use.ip));
	memcpy(it->use.file, m->file, sizeof(it->use.file));
}

static void
end_look(struct run_look *l)
{
	*l->self = l->next;
	if (l->next != NULL)
		l->next->self = l->self;
	free(l);
}

static void
on_looked(void *arg, const struct error *err, unsigned n_files UNUSED)
{
	struct run_look *l = arg;
	struct run_jobs *js = l->jobs;
	struct run_item *it = l->it;

	it->err = *err;
	if (err->code[0] != '\0')
		log_error(js->d.log, "job %s: %s", it->job, err->text);
	end_look(l);
	enqueue(js, it);
}

/* Who asked is gone. */
static void
forget_looks(struct run_jobs *js)
{
	while (js->looks != NULL) {
		preflight_cancel(js->looks->check);
		run_jobs_item_free(js->looks->it);
		end_look(js->looks);
	}
}

static void
look_first(struct run_jobs *js, struct run_item *it, const struct bundle_image *image)
{
	struct run_look *l = str_alloc(sizeof(*l));

	*l = (struct run_look){
	    .next = js->looks, .self = &js->looks, .jobs = js, .it = it};
	if (l->next != NULL)
		l->next->self = &l->next;
	js->looks = l;
	l->check = preflight_recheck(js->d.preflight, image, on_looked, l);
	if (l->check != NULL)
		return;
	js->d.ops->answer(js->d.arg, BOOTD_MSG_CONSUME_NO, it->req,
	    "too many checks wait for the site's disk");
	run_jobs_item_free(it);
	end_look(l);
}

/* An image that is not the one which was checked is not let go. Its files are looked at beside
 * the loop, since a disk may hang; the ticket is decided on with what was found then. */
void
run_jobs_on_consume(struct run_jobs *js, const struct bootd_msg *m)
{
	struct run_job *job = run_jobs_find_host(js, m->name);
	struct run_item *it = new_item(job == NULL ? "" : job->run.job);

	it->has_input = true;
	it->in.type = RUN_IN_CONSUME;
	it->answer = BOOTD_MSG_CONSUME;
	it->req = m->req;
	memcpy(it->ticket, m->ticket, sizeof(it->ticket));
	put_use(it, m);
	/* With the site's own servers it is out already: there is nothing to keep. */
	if (job == NULL || job->run.by_logs)
		enqueue(js, it);
	else
		look_first(js, it, &job->bundle->image);
}

static int
report_parse(const char *s, enum run_report *ret)
{
	static const char *const names[] = {"up", "installed", "failed", "booted"};

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		if (str_eq(names[i], s)) {
			*ret = (enum run_report)i;
			return 0;
		}
	}
	return -EINVAL;
}

void
run_jobs_on_report(struct run_jobs *js, const struct bootd_msg *m)
{
	struct run_job *job = find_token(js, m->token);
	struct run_item *it =
	    run_jobs_push_input(js, job == NULL ? "" : job->run.job, RUN_IN_REPORT);
	const char *note = m->text == NULL ? "" : m->text;
	size_t size = 4 * strlen(note) + 1; /* \xNN for each octet */

	it->answer = BOOTD_MSG_REPORT;
	it->req = m->req;
	put_use(it, m);
	if (size > NOTE_SIZE)
		size = NOTE_SIZE;
	it->note = str_alloc(size);
	str_escape(it->note, size, note, strlen(note));
	if (report_parse(m->stage, &it->in.report) < 0)
		it->job[0] = '\0';
}

void
run_jobs_image_files(
    const struct bundle *b, void (*fn)(void *arg, const char *sha256), void *arg)
{
	const struct bundle_image *image = &b->image;

	fn(arg, image->kernel.sha256);
	for (size_t i = 0; i < image->n_initrds; i++)
		fn(arg, image->initrds[i].sha256);
	for (size_t i = 0; i < image->n_files; i++)
		fn(arg, image->files[i].sha256);
}

void
run_jobs_files(struct run_jobs *js, void (*fn)(void *arg, const char *sha256), void *arg)
{
	for (struct run_job *job = js->by_id; job != NULL; job = job->hh.next)
		if (job->run.netboot)
			run_jobs_image_files(job->bundle, fn, arg);
	run_handed_files(js, fn, arg);
}

void
run_jobs_on_ack(struct run_jobs *js, int64_t gen)
{
	for (struct run_job *job = js->by_id; job != NULL; job = job->hh.next)
		run_exec_on_ack(job, gen);
}

void
run_jobs_on_bootd(struct run_jobs *js, bool by_logs, void (*then)(void *arg), void *arg)
{
	js->bootd_down.code[0] = '\0';
	for (struct run_job *job = js->by_id; job != NULL; job = job->hh.next)
		run_jobs_push_input(js, job->run.job, RUN_IN_BOOTD)->in.ok = by_logs;
	js->then = then;
	js->then_arg = arg;
	run_jobs_wake(js);
}

void
run_jobs_bootd_down(struct run_jobs *js, const struct error *why)
{
	js->bootd_down = *why;
	forget_looks(js);
}

void
run_jobs_table_sent(struct run_jobs *js)
{
	for (struct run_job *job = js->by_id; job != NULL; job = job->hh.next)
		run_exec_publish_again(job);
}

const struct bundle_host *
run_jobs_host(struct run_jobs *js, const char *host, struct bootd_msg_boot *ret_boot)
{
	struct run_job *job = run_jobs_find_host(js, host);

	if (job == NULL || !ticket_is_open(&job->run.ticket))
		return NULL;
	run_exec_boot(job, ret_boot);
	return &job->bundle->host;
}

static bool
collide(const struct bundle_host *a, const struct bundle_host *b)
{
	for (size_t i = 0; i < a->n_nics; i++)
		for (size_t k = 0; k < b->n_nics; k++) {
			const struct bundle_nic *x = &a->nics[i], *y = &b->nics[k];

			if (addr_mac_eq(&x->mac, &y->mac) ||
			    (addr_ip_is_set(&x->ip) && addr_ip_eq(&x->ip, &y->ip)))
				return true;
		}
	return false;
}

bool
run_jobs_has_machine(struct run_jobs *js, const struct bundle_host *host)
{
	for (struct run_job *job = js->by_id; job != NULL; job = job->hh.next) {
		if (ticket_is_open(&job->run.ticket) && job->run.stage > STAGE_ARMED &&
		    !str_eq(job->run.host, host->name) &&
		    collide(&job->bundle->host, host))
			return true;
	}
	return false;
}

/* ---- from BMCs and steps ---- */

void
run_jobs_on_note(struct run_jobs *js, const struct bmc_note *note)
{
	for (struct run_job *job = js->by_id; job != NULL; job = job->hh.next) {
		struct event ev;

		if (job->call == 0 || job->call != note->id)
			continue;
		ev = event_make(note->kind, clock_wall());
		attach(job, &ev);
		event_put(&ev, "bmc", note->bmc);
		str_clip(ev.reason, sizeof(ev.reason), note->text);
		run_jobs_emit(js, &ev, true);
		return;
	}
}

void
run_jobs_tell(struct run_job *job, const char *kind, const char *key, const char *value,
    const char *text)
{
	struct event ev = event_make(kind, clock_wall());

	attach(job, &ev);
	event_put(&ev, key, value);
	str_clip(ev.reason, sizeof(ev.reason), text);
	run_jobs_emit(job->jobs, &ev, true);
}

void
run_jobs_post_step(
    struct run_job *job, const struct error *err, bool retry, const char *evidence)
{
	struct run_item *it = run_jobs_push_input(job->jobs, job->run.job, RUN_IN_STEP);

	it->in.step = job->run.step;
	it->in.ok = err == NULL;
	it->in.retry = retry;
	it->in.variant = job->variant;
	job->variant = NULL;
	if (err != NULL)
		it->err = *err;
	str_clip(it->evidence, sizeof(it->evidence), evidence == NULL ? "" : evidence);
}

void
run_jobs_post_probe(struct run_job *job, bool up)
{
	struct run_item *it = run_jobs_push_input(job->jobs, job->run.job, RUN_IN_PROBE);

	it->in.ok = up;
	str_clip(it->evidence, sizeof(it->evidence), "the probe answers: ");
	str_clip(it->evidence + strlen(it->evidence),
	    sizeof(it->evidence) - strlen(it->evidence), job->bundle->host.probe);
}

void
run_jobs_post_ident_step(struct run_job *job, const char *evidence, const char *ident)
{
	struct run_item *it = run_jobs_push_input(job->jobs, job->run.job, RUN_IN_STEP);

	it->in.step = job->run.step;
	it->in.ok = true;
	it->in.cause = job->cause;
	str_clip(it->evidence, sizeof(it->evidence), evidence);
	str_clip(it->ident, sizeof(it->ident), ident == NULL ? "" : ident);
}

void
run_jobs_post_cause(struct run_job *job, unsigned cause)
{
	run_jobs_push_input(job->jobs, job->run.job, RUN_IN_CAUSE)->in.cause = cause;
}

void
run_jobs_post_ident(struct run_job *job, const char *ident, const char *why)
{
	struct run_item *it = run_jobs_push_input(job->jobs, job->run.job, RUN_IN_IDENT);

	it->in.ok = ident != NULL;
	str_clip(it->ident, sizeof(it->ident), ident == NULL ? "" : ident);
	if (ident == NULL)
		error_set(&it->err, 0, "", NULL, "%s", why);
}

/* ---- start and end ---- */

static void
on_read_again(void *arg UNUSED, const struct error *err UNUSED, unsigned n_files UNUSED)
{
	/* preflight_recheck() compares with what it found. */
}

/* What preflight had read was forgotten with the last process. */
static void
read_image_again(struct run_jobs *js, const struct bundle *b, const struct run *r)
{
	if (!r->netboot || r->stage <= STAGE_PREFLIGHT || ticket_is_consumed(&r->ticket))
		return;
	if (preflight_start(js->d.preflight, &b->image, NULL, on_read_again, NULL) ==
	    NULL)
		log_warn(js->d.log, "job %s: its image files are not read again", r->job);
}

static void
recover_one(void *arg, const char *id, struct bundle *b, const struct run *r,
    const struct error *err)
{
	struct run_jobs *js = arg;
	struct event ev;

	if (b != NULL) {
		struct bundle *copy = str_alloc(sizeof(*copy));

		*copy = *b;
		if (run_handed_is(b, r)) {
			run_handed_add(js, copy, r);
			return;
		}
		run_jobs_add(js, copy, r);
		read_image_again(js, copy, r);
		run_jobs_push_input(js, id, RUN_IN_RECOVER);
		return;
	}
	log_error(js->d.log, "job %s: cannot go on: %s", id, err->text);
	ev = event_make("job.failed", clock_wall());
	event_put(&ev, "code", "spool-damaged");
	event_put(&ev, "text", err->text);
	event_put(&ev, "next", "look at the machine, then order the job again");
	run_orders_close(js, id, r == NULL ? "" : r->host, &ev);
}

static bool
has_ticket(void *arg, const char *ticket)
{
	const struct run_jobs *js = arg;

	for (const struct run_job *job = js->by_id; job != NULL; job = job->hh.next)
		if (ticket_is_open(&job->run.ticket) &&
		    str_eq(job->run.ticket.id, ticket))
			return true;
	return false;
}

int
run_jobs_recover(struct run_jobs *js, struct error *err)
{
	int r = spool_each_job(js->d.spool, recover_one, js);

	if (r == 0)
		template_sweep(js->d.cfg->scripts_root, has_ticket, js);
	return r < 0 ? spool_error(js->d.spool, r, err, "read the jobs") : 0;
}

struct run_jobs *
run_jobs_new(const struct run_jobs_deps *deps)
{
	const struct timeval tick = {.tv_usec = TICK_MS * 1000};
	struct run_jobs *js = str_alloc(sizeof(*js));

	js->d = *deps;
	js->d.ssh = host_ssh_new(deps->base, deps->cfg);
	js->tail = &js->head;
	js->wall = clock_wall();
	js->mono = clock_mono();
	js->turn = event_new(deps->base, -1, 0, run_turn_on_timer, js);
	js->tick = event_new(deps->base, -1, EV_PERSIST, run_turn_on_tick, js);
	event_add(js->tick, &tick);
	if (spool_reserve(deps->spool) < 0)
		log_warn(
		    deps->log, "no room for the spool's reserve; no new jobs are taken");
	return js;
}

void
run_jobs_free(struct run_jobs *js)
{
	struct run_job *job, *tmp;

	if (js == NULL)
		return;
	HASH_ITER (hh, js->by_id, job, tmp)
		run_jobs_remove(js, job);
	host_ssh_free(js->d.ssh);
	run_handed_free(js);
	run_override_forget(js);
	forget_looks(js);
	while (js->head != NULL) {
		struct run_item *it = js->head;

		js->head = it->next;
		run_jobs_item_free(it);
	}
	event_free(js->turn);
	event_free(js->tick);
	free(js);
}

bool
run_jobs_has_host(struct run_jobs *js, const char *host)
{
	return run_jobs_find_host(js, host) != NULL;
}

size_t
run_jobs_count(const struct run_jobs *js)
{
	return HASH_COUNT(js->by_id);
}
