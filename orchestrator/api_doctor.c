// SPDX-License-Identifier: GPL-3.0-or-later
/* GET /doctor: what is wrong, or may become so, each finding with what to do next.
 *
 * Checks: in a thread, since they read much, the database (quick check), hosts' fixed addresses, and what events say:
 * other DHCP servers heard, boot services that could not start, or that lack loaders and links which the inventory
 * names, and roots that were not found exported over NFS; on the loop disk space of database and images, agents last
 * heard, image files present with their size, jobs past their deadline, the page's certificate and tokens, agents' certificates. Read only. Failure modes: a check that itself
 * fails is a finding. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "db/db_event.h"
#include "db/db_host.h"
#include "db/db_image.h"
#include "db/db_job.h"
#include "db/db_site.h"
#include "lib/agent_msg.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/api.h"
#include "orchestrator/clock_fix.h"
#include "orchestrator/doctor_dhcp.h"
#include "orchestrator/doctor_hold.h"
#include "orchestrator/doctor_join.h"
#include "orchestrator/doctor_web.h"
#include "orchestrator/images.h"
#include "orchestrator/inventory_address.h"
#include "orchestrator/latest.h"
#include "orchestrator/presence.h"

enum { OPEN_MAX = 10000, MISFITS_SHOWN = 20, SPACE_WARN_MB = 1024, SPACE_FAIL_MB = 64 };

/* Findings about the past are shown for a day. */
#define RECENT_US (24LL * 3600 * USEC_PER_SEC)

PRINTF_LIKE(5, 6)
static void
find(json_t *list, const char *level, const char *check, const char *next,
    const char *fmt, ...)
{
	char text[ERROR_TEXT_SIZE + 4], shown[ERROR_TEXT_SIZE];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	str_escape(shown, sizeof(shown), text, strlen(text));
	json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "level", level,
					"check", check, "text", shown, "next", next));
}

static void
check_failed(json_t *list, const char *check, int rc)
{
	find(list, "fail", check, "see the orchestrator's log",
	    "the check itself failed: %s", strerror(-rc));
}

/* One look, from what is read in a thread to the answer. */
struct look {
	struct orch *o;
	struct rest_request *rq; /* NULL: the client went away */
	const char *path;	 /* of the database; borrowed from the configuration */
	char text[200];		 /* what the quick check said */
	int rc;
	json_t *misfits;  /* findings about addresses */
	size_t n_misfits; /* all, also those above MISFITS_SHOWN */
	int address_rc;
	json_t *events; /* findings of what was observed */
	int64_t now;
};

static void
check_database(const struct look *look, json_t *list)
{
	if (look->rc < 0)
		check_failed(list, "database", look->rc);
	else if (str_eq(look->text, "ok"))
		find(list, "ok", "database", "", "%s is sound", look->path);
	else
		find(list, "fail", "database",
		    "stop the orchestrator and restore a backup", "%s is damaged: %s",
		    look->path, look->text);
}

static void
check_addresses(const struct look *look, json_t *list)
{
	json_array_extend(list, look->misfits);
	if (look->address_rc < 0)
		check_failed(list, "address", look->address_rc);
	else if (look->n_misfits == 0)
		find(list, "ok", "address", "",
		    "fixed addresses fit the subnets of their sites");
	else if (look->n_misfits > MISFITS_SHOWN)
		find(list, "warn", "address", "correct those that are shown first",
		    "so it is with %zu more", look->n_misfits - MISFITS_SHOWN);
}

static void
check_space(json_t *list, const char *check, const char *path)
{
	struct statvfs st;
	char dir[4096], free_text[32];

	str_clip(dir, sizeof(dir), path);
	if (statvfs(dir, &st) < 0) {
		find(list, "fail", check, "create it, or correct the configuration",
		    "%s: %s", path, strerror(errno));
		return;
	}
	int64_t bytes = (int64_t)st.f_bavail * (int64_t)st.f_frsize;
	int64_t mb = bytes / (1024 * 1024);
	find(list,
	    mb < SPACE_FAIL_MB	 ? "fail"
	    : mb < SPACE_WARN_MB ? "warn"
				 : "ok",
	    check, mb < SPACE_WARN_MB ? "free some space" : "", "%s has %s free", path,
	    str_bytes(bytes, free_text, sizeof(free_text)));
}

static void
check_stop(struct orch *o, json_t *list, const char *site)
{
	const struct agent_msg_stop *stop = dispatch_stop(o->dispatch, site);
	char ago[32], since[CLOCK_TEXT_SIZE];

	if (stop)
		find(list, "fail", "bmc", DISPATCH_STOP_NEXT,
		    "site %s: no BMC is asked since %s (%s ago), when %lld of %lld had "
		    "refused "
		    "the user or password: more would lock the accounts",
		    site, clock_text(stop->since, since, sizeof(since)),
		    str_duration(clock_wall() - stop->since, ago, sizeof(ago)),
		    (long long)stop->refused, (long long)stop->heard);
}

/* Its events are recorded with our time all the same; certificates, logs and whoever reads a clock there are not. */
static void
check_clock(struct orch *o, json_t *list, const char *site)
{
	int64_t ahead, within;
	char by[32], exact[32];

	if (!dispatch_clock_known(o->dispatch, site, &ahead, &within) ||
	    llabs(ahead) <= within + CLOCK_FIX_SLACK_US)
		return;
	find(list, "warn", "clock",
	    "let NTP set it: timedatectl set-ntp true on the agent's machine; if it is "
	    "this machine's that is wrong, here",
	    "site %s: the clock of its agent's machine is %s %s this one's, give or take "
	    "%s; its events are recorded with the time that it was here",
	    site, str_duration(llabs(ahead), by, sizeof(by)),
	    ahead > 0 ? "ahead of" : "behind",
	    str_duration(within, exact, sizeof(exact)));
}

static void
check_agents(struct orch *o, json_t *list)
{
	struct store_names sites = {0};
	char ago[32];
	int rc = db_site_names(o->store, NULL, INT64_MAX, &sites);

	if (rc < 0)
		check_failed(list, "agent", rc);
	else if (sites.n == 0)
		find(list, "warn", "site",
		    "add one: netboot-ctl site add, with the name that agent.yaml has",
		    "there is no site yet, so that no agent can be given orders");
	for (size_t i = 0; rc == 0 && i < sites.n; i++) {
		int64_t silence = dispatch_silence(o->dispatch, sites.v[i]);
		const struct error *trouble = dispatch_trouble(o->dispatch, sites.v[i]);
		if (silence == INT64_MAX)
			find(list, "fail", "agent",
			    "start netboot-agent there, with this site in agent.yaml",
			    "site %s: its agent was never heard", sites.v[i]);
		else if (presence_absent(silence))
			find(list, "fail", "agent", "look at netboot-agent's log there",
			    "site %s: its agent was last heard %s ago", sites.v[i],
			    str_duration(silence, ago, sizeof(ago)));
		else if (trouble)
			find(list, "fail", "agent", trouble->next,
			    "site %s: its agent takes no orders: %s", sites.v[i],
			    trouble->text);
		else
			find(list, "ok", "agent", "", "site %s: its agent is heard",
			    sites.v[i]);
		check_stop(o, list, sites.v[i]);
		check_clock(o, list, sites.v[i]);
	}
	store_names_done(&sites);
}

static int
check_file(const struct orch *o, const struct bundle_file *f, struct error *err)
{
	return images_check(o->config->images_root, f->path, f->size, err);
}

static void
check_image(struct orch *o, json_t *list, const struct bundle_image *b)
{
	struct error err = {.code = ""};
	int rc = check_file(o, &b->kernel, &err);

	for (size_t i = 0; rc == 0 && i < b->n_initrds; i++)
		rc = check_file(o, &b->initrds[i], &err);
	for (size_t i = 0; rc == 0 && i < b->n_files; i++)
		rc = check_file(o, &b->files[i], &err);
	if (rc < 0)
		find(list, "fail", "image", err.next, "image %s: %s: %s", b->name,
		    err.code, err.text);
	else
		find(list, "ok", "image", "", "image %s: all files are there", b->name);
}

static void
check_images(struct orch *o, json_t *list)
{
	struct store_names names = {0};
	struct db_image *image = str_alloc(sizeof(*image));
	int rc = db_image_names(o->store, NULL, INT64_MAX, &names);

	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		rc = db_image_get(o->store, names.v[i], image);
		if (rc == 0) {
			check_image(o, list, &image->image);
			db_image_done(image);
		}
	}
	if (rc < 0)
		check_failed(list, "image", rc);
	store_names_done(&names);
	free(image);
}

static int
check_job(struct orch *o, json_t *list, const char *id, int64_t now)
{
	struct db_job job;
	struct db_job_stage g;
	char late[32];
	int rc = db_job_get(o->store, id, &job);

	if (rc == 0)
		rc = db_job_stage_get(o->store, id, job.attempt, job.stage, &g);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	if (g.ended == 0 && g.entered && g.deadline_us > 0 &&
	    now > g.entered + g.deadline_us)
		find(list, "warn", "job",
		    "netboot-ctl watch shows it; the agent of its site decides",
		    "job %s on %s is %s past the deadline of %s", id, job.host,
		    str_duration(now - g.entered - g.deadline_us, late, sizeof(late)),
		    job.stage);
	return 0;
}

static void
check_jobs(struct orch *o, json_t *list, int64_t now)
{
	struct store_names ids = {0};
	const struct db_job_filter f = {.open = 1, .limit = OPEN_MAX};
	int rc = db_job_ids(o->store, &f, &ids);
	size_t before = json_array_size(list);

	for (size_t i = 0; rc == 0 && i < ids.n; i++)
		rc = check_job(o, list, ids.v[i], now);
	if (rc < 0)
		check_failed(list, "job", rc);
	else if (json_array_size(list) == before)
		find(list, "ok", "job", "", "%zu open jobs, none past its deadline",
		    ids.n);
	store_names_done(&ids);
}

struct past {
	const char *kind, *level, *check, *text, *next;
	const char *about; /* the detail that names what it was; NULL: none does */
};

/* The last event of a kind that should not happen, if it did within a day. */
static void
check_past(struct store *s, json_t *list, const struct past *p, int64_t now)
{
	struct event ev;
	char at[CLOCK_TEXT_SIZE];
	int rc = db_event_last_of_kind(s, p->kind, NULL, &ev);

	if (rc < 0 && rc != -ENOENT) {
		check_failed(list, p->check, rc);
		return;
	}
	const char *server = rc == 0 && p->about
				 ? json_string_value(json_object_get(ev.detail, p->about))
				 : NULL;
	if (rc == 0 && now - ev.at < RECENT_US)
		find(list, p->level, p->check, p->next, "site %s, %s: %s%s%s: %s",
		    ev.site, clock_text(ev.at, at, sizeof(at)), p->text,
		    server ? " " : "", server ? server : "", ev.reason);
	if (rc == 0)
		event_done(&ev);
}

/* What agents told last of their sites. */
struct told {
	json_t *list;
	int64_t now;
	struct latest *up, *down, *check, *missing, *seen, *unchecked;
};

/* Both events carry the time of the same agent's clock. */
static bool
came_up_since(const struct told *t, const struct event *ev)
{
	const struct event *up = latest_at(t->up, ev->site);

	return up && up->at >= ev->at;
}

/* A site's boot services are down when nothing was heard of them since they said so. */
static void
check_bootd(void *arg, const struct event *ev)
{
	const struct told *t = arg;
	const char *next = json_string_value(json_object_get(ev->detail, "next"));

	if (!came_up_since(t, ev))
		find(t->list, "fail", "bootd",
		    next ? next : "see the agent's log at that site",
		    "site %s: the boot services do not run: %s", ev->site, ev->reason);
}

/* Has that root been seen since? One event may tell of another root, and then says nothing. */
static bool
seen_since(const struct told *t, const struct event *missing)
{
	const json_t *path = json_object_get(missing->detail, "path");
	const struct event *seen = latest_at(t->seen, missing->site);

	return seen && seen->at >= missing->at &&
	       json_equal(path, json_object_get(seen->detail, "path"));
}

/* Agents look for an NFS root when a host is to boot from it. */
static void
tell_nfs(const struct told *t, const char *level, const struct event *ev)
{
	const char *next = json_string_value(json_object_get(ev->detail, "next"));

	if (t->now - ev->at < RECENT_US && !seen_since(t, ev))
		find(t->list, level, "nfs", next ? next : "see its NFS server's log",
		    "site %s: %s", ev->site, ev->reason);
}

static void
check_nfs(void *arg, const struct event *ev)
{
	tell_nfs(arg, "fail", ev);
}

static void
check_unchecked(void *arg, const struct event *ev)
{
	tell_nfs(arg, "warn", ev);
}

/* What boot services lack of what the inventory names, as they told last. Those that were started since tell again. */
static void
check_tables(void *arg, const struct event *ev)
{
	const struct told *t = arg;
	json_t *problems = json_object_get(ev->detail, "problems"), *p;
	size_t i;

	if (came_up_since(t, ev))
		return;
	json_array_foreach (problems, i, p) {
		const char *code = json_string_value(json_object_get(p, "code"));
		const char *text = json_string_value(json_object_get(p, "text"));
		const char *next = json_string_value(json_object_get(p, "next"));
		find(t->list, "warn",
		    code && str_eq(code, "loader-missing") ? "loader" : "subnet",
		    next ? next : "", "site %s: %s: %s", ev->site, code ? code : "",
		    text ? text : "");
	}
}

static void
check_told(struct store *s, json_t *list, int64_t now)
{
	struct told t = {.list = list, .now = now};
	const struct {
		const char *kind, *check;
		struct latest **events;
	} reads[] = {{"bootd.up", "bootd", &t.up}, {"bootd.down", "bootd", &t.down},
	    {"bootd.check", "loader", &t.check}, {"nfs.missing", "nfs", &t.missing},
	    {"nfs.seen", "nfs", &t.seen}, {"nfs.unchecked", "nfs", &t.unchecked}};
	bool sound = true;

	for (size_t i = 0; i < ARRAY_SIZE(reads); i++) {
		int rc = latest_read(s, reads[i].kind, reads[i].events);
		if (rc < 0)
			check_failed(list, reads[i].check, rc);
		sound = sound && rc == 0;
	}
	if (sound) {
		latest_each(t.down, check_bootd, &t);
		latest_each(t.check, check_tables, &t);
		latest_each(t.missing, check_nfs, &t);
		latest_each(t.unchecked, check_unchecked, &t);
	}
	for (size_t i = 0; i < ARRAY_SIZE(reads); i++)
		latest_free(*reads[i].events);
}

static void
add_dhcp(void *arg, const char *level, const char *text, const char *next)
{
	find(arg, level, "dhcp", next, "%s", text);
}

static void
check_dhcp(struct store *s, json_t *list, int64_t now)
{
	size_t before = json_array_size(list);
	int rc = doctor_dhcp_scan(s, now - RECENT_US, add_dhcp, list);

	if (rc < 0)
		check_failed(list, "dhcp", rc);
	else if (json_array_size(list) == before)
		find(list, "ok", "dhcp", "",
		    "no other DHCP server or router was heard within a day");
}

/* What events say. */
static void
check_events(struct store *s, json_t *list, int64_t now)
{
	static const struct past pasts[] = {
	    {"menu.left-out", "warn", "menu", "the menu did not show image",
		"copy its files to the site's images root, or take it out of the menu",
		"image"},
	    {"spool.dropped", "warn", "events",
		"an agent could not keep all observations",
		"see how long the orchestrator was away", NULL},
	    {"agent.gap", "warn", "events", "events were lost",
		"was the database restored from a backup?", NULL},
	    {"agent.foreign", "warn", "agent",
		"an agent told of what is not its site's, and it was not taken",
		"netboot-ctl events --kind agent.foreign shows what it said; an agent "
		"that claims another site's hosts is "
		"misconfigured or broken into",
		NULL},
	    {"agent.unreadable", "warn", "events",
		"an agent's event could not be recorded",
		"what it told is not in any record: look at the host's jobs yourself",
		NULL},
	};

	check_told(s, list, now);
	check_dhcp(s, list, now);
	for (size_t i = 0; i < ARRAY_SIZE(pasts); i++)
		check_past(s, list, &pasts[i], now);
}

static void
add_web(void *arg, const char *level, const char *text, const char *next)
{
	find(arg, level, "web", next, "%s", text);
}

static void
add_certificate(void *arg, const char *level, const char *text, const char *next)
{
	find(arg, level, "certificate", next, "%s", text);
}

static void
add_hold(void *arg, const char *level, const char *text, const char *next)
{
	find(arg, level, "hold", next, "%s", text);
}

static void
answer(const struct look *look)
{
	struct orch *o = look->o;
	json_t *list = json_array();

	check_database(look, list);
	check_addresses(look, list);
	check_space(list, "disk", o->config->database);
	check_space(list, "disk", o->config->images_root);
	doctor_hold_scan(o, look->now, add_hold, list);
	check_agents(o, list);
	check_images(o, list);
	check_jobs(o, list, look->now);
	doctor_web_scan(o, look->now, add_web, list);
	doctor_join_scan(o, look->now, add_certificate, list);
	json_array_extend(list, look->events);
	rest_reply(look->rq, 200, json_pack("{s:o}", "findings", list), NULL);
}

static void
add_misfit(void *arg, const char *host, const struct error *err)
{
	struct look *look = arg;

	if (look->n_misfits++ < MISFITS_SHOWN)
		find(look->misfits, "warn", "address", err->next, "%s%s%s%s",
		    host ? "host " : "", host ? host : "", host ? ": " : "", err->text);
}

/* In a thread: touches only the look. */
static void
run_check(void *arg)
{
	struct look *look = arg;
	struct store *s = NULL;
	struct error err;

	look->rc = db_check(look->path, look->text, sizeof(look->text));
	look->address_rc = store_open_reader(look->path, &s, &err);
	if (look->address_rc == 0)
		look->address_rc = inventory_address_scan(s, add_misfit, look);
	if (s)
		check_events(s, look->events, look->now);
	else
		check_failed(look->events, "events", look->address_rc);
	store_close(s);
}

static void
look_free(struct look *look)
{
	json_decref(look->misfits);
	json_decref(look->events);
	free(look);
}

static void
check_done(void *arg)
{
	struct look *look = arg;

	if (look->rq)
		answer(look);
	look_free(look);
}

static void
on_gone(void *arg)
{
	struct look *look = arg;

	look->rq = NULL;
}

void
api_doctor_get(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct error err;

	if (!api_allow(o, rq, &who))
		return;
	struct look *look = str_alloc(sizeof(*look));
	look->o = o;
	look->rq = rq;
	look->path = o->config->database;
	look->rc = look->address_rc = -ECANCELED; /* unless the check runs */
	look->misfits = json_array();
	look->events = json_array();
	look->now = clock_wall();
	rest_on_gone(rq, on_gone, look);
	if (workq_submit(o->workq, run_check, check_done, look) == 0)
		return;
	error_set(&err, -EAGAIN, "busy", "try again in a moment",
	    "too many files wait to be read");
	api_refuse(rq, &err, NULL);
	look_free(look);
}
