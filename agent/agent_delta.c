// SPDX-License-Identifier: GPL-3.0-or-later
/* What has changed of the site's table, into the spool in one transaction and from there to who serves the machines.
 *
 * Entry points: agent_take_delta(); agent_check_table() at the start. The digest of the whole table is moved on by what changes and must
 * come out as the orchestrator says; when it does not, or the change is of another version than the one that is here, nothing is changed and the whole
 * table is asked for (version 0). So an old copy of the spool, or a change that was lost, costs one table and never leaves a wrong one.
 * Failure modes: a spool that cannot take it keeps the old table; the change is told again. */
#include <errno.h>
#include <stdlib.h>

#include "agent/agent_console.h"
#include "agent/agent_priv.h"
#include "agent/local_list.h"
#include "agent/run_jobs.h"
#include "agent/uplink.h"
#include "lib/str.h"

static void
ask_whole(struct agent *a, const char *why)
{
	log_warn(a->log, "table %lld of the site: %s: the whole one is asked for",
	    (long long)a->site->version, why);
	uplink_set_table(a->uplink, 0, 0);
}

/* Takes what is there of that name out of the sum. */
static int
subtract(struct agent *a, const char *name, struct bundle_host *room, uint64_t *sum)
{
	struct error err;
	int r = spool_get_host(a->spool, name, room, &err);

	if (r == 1)
		*sum -= room->digest;
	return r < 0 ? r : 0;
}

static int
put_changes(struct agent *a, const struct agent_msg_delta *d, uint64_t *sum)
{
	struct bundle_host *room = str_alloc(sizeof(*room));
	int r = 0;

	for (size_t i = 0; r == 0 && i < d->n_gone; i++) {
		r = subtract(a, d->gone[i], room, sum);
		if (r == 0)
			r = spool_del_host(a->spool, d->gone[i]);
	}
	for (size_t i = 0; r == 0 && i < d->n_hosts; i++) {
		r = subtract(a, d->hosts[i].name, room, sum);
		*sum += d->hosts[i].digest;
		if (r == 0)
			r = spool_put_host(a->spool, &d->hosts[i]);
	}
	free(room);
	return r;
}

/* -ESTALE: what came out is not what the orchestrator has. */
static int
store_changes(
    struct agent *a, const struct agent_msg_delta *d, const struct bundle_site *head)
{
	uint64_t sum = a->site->digest - a->site->head_digest + head->head_digest;
	int r = spool_reserve(a->spool);

	if (r < 0 || (r = spool_begin(a->spool)) < 0)
		return r;
	r = put_changes(a, d, &sum);
	if (r == 0 && sum != d->digest)
		r = -ESTALE;
	if (r == 0)
		r = spool_put_head(a->spool, head);
	if (r == 0)
		return spool_commit(a->spool);
	spool_rollback(a->spool);
	return r;
}

/* The head as it is after the change; what it points to is the delta's or the present one's. */
static struct bundle_site *
new_head(struct agent *a, struct agent_msg_delta *d)
{
	struct bundle_site *head = d->head;

	if (head == NULL) {
		head = str_alloc(sizeof(*head));
		*head = *a->site;
		a->site->menu_images = NULL; /* it is the new one's */
		a->site->n_menu_images = 0;
	}
	d->head = NULL;
	head->version = d->to;
	head->digest = d->digest;
	return head;
}

/* One host alone needs no new table, unless it stands in a job's way, or a job in its. */
static bool
send_one(struct agent *a, const struct agent_msg_delta *d)
{
	struct bootd_msg_boot boot = {.ticket = ""};
	const struct bundle_host *h = &d->hosts[0];

	if (d->n_hosts != 1 || d->n_gone > 0 || a->left_out)
		return false;
	if (run_jobs_host(a->jobs, h->name, &boot) != NULL)
		return true; /* when that ends it gets what is in the spool */
	if (run_jobs_has_machine(a->jobs, h))
		return false;
	agent_restore_host(a, h->name);
	return true;
}

int
agent_take_delta(struct agent *a, struct agent_msg_delta *d)
{
	bool head_is_new = d->head != NULL;
	struct bundle_site *head = d->head != NULL ? d->head : a->site;
	struct bundle_site next = *head;
	struct error err;
	int r;

	if (d->from != a->site->version || a->site->digest == 0 ||
	    !str_eq(head->name, a->site->name)) {
		ask_whole(a, "the change is of another one");
		return 0;
	}
	next.version = d->to;
	next.digest = d->digest;
	r = store_changes(a, d, &next);
	if (r == -ESTALE) {
		ask_whole(a, "its digest is not the orchestrator's");
		return 0;
	}
	if (r < 0) {
		spool_error(a->spool, r, &err, "store what has changed of the table");
		log_error(a->log, "%s: %s", err.text, err.next);
		return r;
	}
	log_info(a->log, "table %lld of the site: %zu hosts changed, %zu are gone",
	    (long long)d->to, d->n_hosts, d->n_gone);
	agent_table_strange(a, d->n_strange);
	head = new_head(a, d);
	bundle_site_done(a->site);
	free(a->site);
	a->site = head;
	uplink_set_table(a->uplink, head->version, head->digest);
	agent_console_table(a->consoles);
	local_list_ask(a->local_list);
	if (head_is_new || (d->n_hosts + d->n_gone > 0 && !send_one(a, d)))
		agent_send_table(a, false);
	return 0;
}

int
agent_check_table(struct agent *a, struct error *err)
{
	struct bundle_host *h = str_alloc(sizeof(*h));
	uint64_t sum = a->site->head_digest;
	char after[BUNDLE_NAME_SIZE] = "";
	int r = 0;

	if (!agent_table_is_ours(a)) {
		free(h);
		return 0;
	}
	while (
	    a->site->digest != 0 && (r = spool_next_host(a->spool, after, h, err)) == 1) {
		sum += h->digest;
		str_clip(after, sizeof(after), h->name);
	}
	free(h);
	if (a->site->digest == 0 || (r == 0 && sum == a->site->digest))
		return 1;
	if (r < 0)
		log_error(
		    a->log, "the table stops after host \"%s\": %s", after, err->text);
	return 0;
}
