// SPDX-License-Identifier: GPL-3.0-or-later
/* The site's table: from an order into the spool, and from there to who serves the machines.
 *
 * Entry points: agent_take_table(), agent_load_table(), agent_send_table(), and what bootd's keeper and the jobs ask
 * of it. Ownership: the agent owns the table without its hosts; hosts are read from the spool one by one.
 * Failure modes: a table that cannot be stored is not taken, and asked for again; a host that a job has under another
 * name is left out until that job ends. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "agent/agent_console.h"
#include "agent/agent_priv.h"
#include "agent/local_list.h"
#include "agent/menu.h"
#include "agent/run_jobs.h"
#include "agent/script.h"
#include "agent/uplink.h"
#include "lib/clock.h"
#include "lib/str.h"

/* In the spool: who has read the table that is there. */
#define BUILD_MARK "table-build"

enum { BUILD_SIZE = 48 };

static void
on_left_out(void *arg, const char *image, const struct error *why)
{
	struct agent *a = arg;
	struct event ev = event_make("menu.left-out", clock_wall());

	log_warn(
	    a->log, "menu: image %s is left out: %s: %s", image, why->text, why->next);
	event_put(&ev, "image", image);
	event_put(&ev, "code", why->code);
	event_put(&ev, "next", why->next);
	str_clip(ev.reason, sizeof(ev.reason), why->text);
	run_jobs_emit(a->jobs, &ev, true);
}

/* Gives who serves the site the table, with a menu whose arguments are filled in. */
void
agent_send_table(struct agent *a, bool up)
{
	static const struct bundle_host anyone = {.name = "the menu"};
	struct bundle_site *site = str_alloc(sizeof(*site));
	char url[SCRIPT_URL_SIZE];
	bool known = a->site->n_menu_images > 0 &&
		     agent_site_url(a, &anyone, url, sizeof(url), NULL) == 0;

	*site = *a->site;
	site->menu_images = menu_expand(a->site, known ? url : NULL, a->cfg->images_root,
	    on_left_out, a, &site->n_menu_images);
	if (up)
		a->wire.ops->send_table(a->wire.self, site);
	else
		a->wire.ops->update_table(a->wire.self, site);
	free(site->menu_images);
	free(site);
}

/* Which program this is: another build may know more of a table than it has kept. */
static void
build(char *ret, size_t size)
{
	struct stat st;

	if (stat("/proc/self/exe", &st) < 0 ||
	    str_format(ret, size, "%lld %lld", (long long)st.st_size,
		(long long)st.st_mtime) < 0)
		str_clip(ret, size, "");
}

bool
agent_table_is_ours(struct agent *a)
{
	char now[BUILD_SIZE], *was = NULL;
	bool ours;

	build(now, sizeof(now));
	ours = spool_get_mark(a->spool, BUILD_MARK, &was) == 1 && str_eq(was, now);
	free(was);
	return ours;
}

void
agent_table_strange(struct agent *a, size_t n)
{
	if (n > 0)
		log_warn(a->log,
		    "%zu words of the site's table are of a later release: those "
		    "machines leave to their disks, and jobs of theirs are refused: "
		    "bring netboot-agent to the orchestrator's release",
		    n);
}

static int
store_site(struct agent *a, const struct bundle_site *site)
{
	char now[BUILD_SIZE];
	int r = spool_reserve(a->spool);

	/* What room is left is for the jobs under way. */
	if (r < 0 || (r = spool_begin(a->spool)) < 0)
		return r;
	build(now, sizeof(now));
	r = spool_put_site(a->spool, site);
	if (r == 0)
		r = spool_put_mark(a->spool, BUILD_MARK, now);
	if (r < 0) {
		spool_rollback(a->spool);
		return r;
	}
	return spool_commit(a->spool);
}

int
agent_take_table(struct agent *a, struct agent_msg_orders *orders)
{
	struct bundle_site *site = orders->table;
	struct error err;
	int r;

	if (!str_eq(site->name, a->cfg->site)) {
		log_error(a->log, "the orchestrator sent the table of site %s, not of %s",
		    site->name, a->cfg->site);
		return -EINVAL;
	}
	r = store_site(a, site);
	if (r < 0) {
		spool_error(a->spool, r, &err, "store the site's table");
		log_error(a->log, "%s: %s", err.text, err.next);
		return r;
	}
	log_info(a->log, "table %lld of the site with %zu hosts",
	    (long long)site->version, site->n_hosts);
	agent_table_strange(a, site->n_strange);
	free(site->hosts);
	site->hosts = NULL;
	site->n_hosts = 0;
	bundle_site_done(a->site);
	free(a->site);
	a->site = site;
	orders->table = NULL;
	uplink_set_table(a->uplink, site->version, site->digest);
	agent_console_table(a->consoles);
	local_list_ask(a->local_list);
	agent_send_table(a, false);
	return 0;
}

int
agent_load_table(struct agent *a, struct error *err)
{
	int r;

	a->site = str_alloc(sizeof(*a->site));
	r = spool_load_site(a->spool, a->site, err);
	if (r != 0)
		return r < 0 ? r : 0;
	/* Before the first contact: nobody is known, nobody is answered. */
	str_clip(a->site->name, sizeof(a->site->name), a->cfg->site);
	str_clip(a->site->timezone, sizeof(a->site->timezone), "UTC");
	return 0;
}

/* The next one that bootd can be given: an inventory from a backup may know a machine by
 * another name than the job that loads it. The job's entry is sent after the table; the
 * table's comes when the job has ended. */
static int
next_fitting_host(struct agent *a, const char *after, struct bundle_host *ret)
{
	struct error err;
	int r;

	while ((r = spool_next_host(a->spool, after, ret, &err)) == 1 &&
	       run_jobs_has_machine(a->jobs, ret)) {
		log_warn(a->log,
		    "host %s has a MAC or IP address of a machine that loads an image "
		    "under another name; it is left out of the table until that ends",
		    ret->name);
		a->left_out = true;
		after = ret->name;
	}
	if (r < 0)
		log_error(
		    a->log, "the table stops after host \"%s\": %s", after, err.text);
	return r;
}

int
agent_next_host(void *arg, const char *after, struct bundle_host *ret_host,
    struct bootd_msg_boot *ret_boot)
{
	struct agent *a = arg;
	const struct bundle_host *job_host;
	int r = next_fitting_host(a, after, ret_host);

	if (r != 1)
		return r;
	ret_boot->ticket[0] = '\0';
	job_host = run_jobs_host(a->jobs, ret_host->name, ret_boot);
	if (job_host != NULL)
		*ret_host = *job_host;
	return 1;
}

void
agent_restore_host(void *arg, const char *name)
{
	struct agent *a = arg;
	struct bundle_host *h = str_alloc(sizeof(*h));
	struct late *late;
	struct error err;
	int r = spool_get_host(a->spool, name, h, &err);

	if (r == 1 && a->wire.ops->put_host(a->wire.self, h, NULL) == 0) {
		late = str_alloc(sizeof(*late));
		str_clip(late->host, sizeof(late->host), name);
		late->next = a->late;
		a->late = late;
	} else if (r != 1) {
		a->wire.ops->del_host(a->wire.self, name);
	}
	free(h);
	if (a->left_out) {
		a->left_out = false;
		agent_send_table(a, false);
	}
}

void
agent_table_sent(void *arg, int64_t gen UNUSED)
{
	struct agent *a = arg;
	struct late *late = a->late;

	a->late = NULL;
	while (late != NULL) {
		struct late *next = late->next;

		agent_restore_host(a, late->host);
		free(late);
		late = next;
	}
	run_jobs_table_sent(a->jobs);
}
