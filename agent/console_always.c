/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list of the hosts whose consoles are always recorded, with their BMCs.
 *
 * It comes in pages, each of one state of the inventory, named by the site's version; when that changes between two pages
 * the list is asked for anew. So it is whole or it is the one before, never a mixture.
 *
 * Entry points: console_always_ask(), the timer and the answers.
 * Ownership: pages of a list that is not whole yet, and the text of the last whole one, wiped when they go.
 * Failure modes: an orchestrator that does not answer, or does not know the question, is asked again later; the list stays
 * as it was. When another agent is in charge nothing is always recorded. A spool that cannot be written costs the list at the next start, until the orchestrator is heard.
 */
#include "agent/console_always.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/bmc_sealed.h"
#include "lib/clock.h"
#include "lib/compiler.h"
#include "lib/http_client.h"
#include "lib/json.h"
#include "lib/str.h"

enum { HOSTS_MAX = 10000, PAGE_MAX = 1000 };
#define SOON (USEC_PER_SEC / 10)
/* What is not in the site's version (what was learned of a BMC) is noticed by then. */
#define EVERY (10 * 60 * USEC_PER_SEC)
#define FAILED (30 * USEC_PER_SEC)
#define TIMEOUT (30 * USEC_PER_SEC)
#define MARK "consoles" /* of the spool, and what it is sealed for */

struct console_always {
	struct console_always_opts o;
	struct http_client *http;
	struct http_client_call *call;
	struct event *timer;
	json_t *pages; /* hosts of the list that is under way, or NULL */
	int64_t version;
	char after[BUNDLE_NAME_SIZE];
	char *text; /* of the list in force; or NULL */
	bool loaded, again;
};

static void
set_timer(struct console_always *ca, int64_t us)
{
	const struct timeval tv = {us / USEC_PER_SEC, us % USEC_PER_SEC};

	evtimer_add(ca->timer, &tv);
}

static void
wipe_text(char *text)
{
	if (text != NULL)
		secret_wipe(text, strlen(text));
	free(text);
}

/* ---- the list in force ---- */

/* One that cannot be read is left out: the others are recorded. */
static size_t
read_hosts(const struct console_always *ca, const json_t *list,
    struct console_recorder_host *hosts)
{
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *v = json_array_get(list, i);
		struct console_recorder_host *h = &hosts[n];
		struct error err;

		if (json_copy_str(v, "host", h->name, sizeof(h->name), &err) == 0 &&
		    bundle_bmc_from_json(json_object_get(v, "bmc"), &h->bmc, &err) == 0 &&
		    h->bmc.address[0] != '\0')
			n++;
		else
			log_warn(ca->o.log,
			    "a host whose console is always recorded cannot be read: %s",
			    err.text);
	}
	return n;
}

static void
put_in_force(struct console_always *ca, const json_t *list)
{
	size_t n = json_array_size(list);
	struct console_recorder_host *hosts = str_alloc((n + 1) * sizeof(*hosts));

	n = read_hosts(ca, list, hosts);
	ca->o.set(ca->o.arg, hosts, n);
	for (size_t i = 0; i < n; i++)
		bundle_bmc_wipe(&hosts[i].bmc);
	free(hosts);
}

static int
write_spool(struct console_always *ca, const char *sealed)
{
	int r = spool_begin(ca->o.spool);

	if (r < 0)
		return r;
	r = spool_put_mark(ca->o.spool, MARK, sealed);
	if (r == 0)
		return spool_commit(ca->o.spool);
	spool_rollback(ca->o.spool);
	return r;
}

static void
store(struct console_always *ca, const char *text)
{
	char *sealed = secret_seal(ca->o.key, MARK, text);
	struct error err;
	int r = write_spool(ca, sealed);

	free(sealed);
	if (r == 0)
		return;
	spool_error(ca->o.spool, r, &err, "keep which consoles are always recorded");
	log_warn(ca->o.log, "%s", err.text);
}

static void
load(struct console_always *ca)
{
	char *sealed = NULL, *text = NULL;
	json_t *list = NULL;

	ca->loaded = true;
	if (spool_get_mark(ca->o.spool, MARK, &sealed) != 1)
		return;
	if (secret_unseal(ca->o.key, MARK, sealed, &text) == 0)
		list = json_parse(text, strlen(text), NULL);
	if (json_is_array(list)) {
		ca->text = str_dup(text);
		put_in_force(ca, list);
	} else {
		log_warn(ca->o.log,
		    "which consoles are always recorded cannot be read from the "
		    "spool: the orchestrator is asked");
	}
	json_decref(list);
	secret_free(text);
	free(sealed);
}

/* A host whose secrets are not for us is not recorded: a session without a password counts at its BMC. */
static void
open_list(struct console_always *ca)
{
	struct error err;
	json_t *host;
	size_t i = json_array_size(ca->pages);

	while (i-- > 0) {
		host = json_array_get(ca->pages, i);
		if (bmc_sealed_open(json_object_get(host, "bmc"), ca->o.box, &err) == 0)
			continue;
		log_error(ca->o.log, "the console of a host is not recorded: %s: %s",
		    err.text, err.next);
		json_array_remove(ca->pages, i);
	}
}

static void
take_list(struct console_always *ca)
{
	open_list(ca);
	char *text = json_dumps(ca->pages, JSON_COMPACT | JSON_SORT_KEYS);

	if (text == NULL)
		abort();
	if (ca->text == NULL ? json_array_size(ca->pages) > 0 : !str_eq(text, ca->text)) {
		log_info(ca->o.log, "%zu consoles are always recorded",
		    json_array_size(ca->pages));
		store(ca, text);
		put_in_force(ca, ca->pages);
	}
	wipe_text(ca->text);
	ca->text = text;
}

/* ---- asking ---- */

static void
begin_anew(struct console_always *ca)
{
	json_decref(ca->pages);
	ca->pages = NULL;
	ca->after[0] = '\0';
}

int
console_always_page(const json_t *page, json_t *list, int64_t *ret_version,
    const char **ret_after, struct error *err)
{
	json_t *hosts = NULL;
	int64_t version = 0;
	const char *after = "";

	if (json_get_i64(page, "version", &version, err) < 0 ||
	    json_opt_str(page, "after", &after, err) < 0 ||
	    json_opt_arr(page, "hosts", &hosts, err) < 0)
		return -EINVAL;
	if (json_array_size(hosts) > PAGE_MAX ||
	    json_array_size(list) + json_array_size(hosts) > HOSTS_MAX)
		return error_set(err, -EINVAL, "bad-value", NULL, "hosts: too many");
	if (strlen(after) >= BUNDLE_NAME_SIZE ||
	    (after[0] != '\0' && json_array_size(hosts) == 0))
		return error_set(err, -EINVAL, "bad-value", NULL, "after: not a host");
	json_array_extend(list, hosts);
	*ret_version = version;
	*ret_after = after;
	return 0;
}

static void
ask(struct console_always *ca);

/* Returns whether there is more to be asked at once. */
static bool
take_page(struct console_always *ca, const json_t *page)
{
	bool first = ca->pages == NULL;
	const char *after = "";
	int64_t version = 0;
	struct error err;

	if (first)
		ca->pages = json_array();
	if (console_always_page(page, ca->pages, &version, &after, &err) < 0) {
		log_warn(ca->o.log,
		    "which consoles are always recorded cannot be read: %s", err.text);
		begin_anew(ca);
		set_timer(ca, FAILED);
		return false;
	}
	if (!first && version != ca->version) {
		begin_anew(ca);
		return true;
	}
	ca->version = version;
	str_clip(ca->after, sizeof(ca->after), after);
	if (after[0] != '\0')
		return true;
	take_list(ca);
	begin_anew(ca);
	set_timer(ca, ca->again ? SOON : EVERY);
	ca->again = false;
	return false;
}

/* Another agent is in charge, and has the consoles. */
static void
give_way(struct console_always *ca)
{
	if (ca->text == NULL)
		return;
	ca->o.set(ca->o.arg, NULL, 0);
	wipe_text(ca->text);
	ca->text = NULL;
}

static void
on_answer(void *arg, const struct http_client_reply *reply)
{
	struct console_always *ca = arg;
	json_t *v;

	ca->call = NULL;
	if (reply->status != 200) {
		begin_anew(ca);
		if (reply->status == 409)
			give_way(ca);
		/* One that is older does not know the question. */
		set_timer(ca, reply->status == 404 ? EVERY : FAILED);
		return;
	}
	v = json_parse(reply->body, reply->body_len, NULL);
	if (take_page(ca, v))
		ask(ca);
	json_decref(v);
}

static void
ask(struct console_always *ca)
{
	json_t *doc = json_object();
	struct http_client_request rq = {
	    .method = "POST", .path = "/agent/v1/consoles", .timeout_us = TIMEOUT};
	char *body;

	json_put_i64(doc, "v", 1);
	json_put_str(doc, "site", ca->o.site);
	json_put_str(doc, "agent", ca->o.agent);
	json_put_str(doc, "after", ca->after);
	if (ca->o.box != NULL)
		json_put_str(doc, "seal_key", secret_box_public(ca->o.box));
	body = json_text(doc);
	json_decref(doc);
	rq.body = body;
	ca->call = http_client_start(ca->http, &rq, on_answer, ca);
	free(body);
	if (ca->call == NULL)
		set_timer(ca, FAILED);
}

static void
on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct console_always *ca = arg;

	if (!ca->loaded)
		load(ca);
	if (ca->call == NULL)
		ask(ca);
}

void
console_always_ask(struct console_always *ca)
{
	if (ca->call != NULL)
		ca->again = true;
	else
		set_timer(ca, ca->loaded ? SOON : 0);
}

struct console_always *
console_always_new(const struct console_always_opts *opts, struct error *err)
{
	struct console_always *ca = str_alloc(sizeof(*ca));

	ca->o = *opts;
	ca->http = http_client_new(opts->base, opts->server, opts->token, err);
	if (ca->http == NULL) {
		free(ca);
		return NULL;
	}
	http_client_be(ca->http, opts->self);
	ca->timer = evtimer_new(opts->base, on_timer, ca);
	set_timer(ca, 0);
	return ca;
}

void
console_always_free(struct console_always *ca)
{
	if (ca == NULL)
		return;
	if (ca->call != NULL)
		http_client_cancel(ca->call);
	begin_anew(ca);
	wipe_text(ca->text);
	event_free(ca->timer);
	http_client_free(ca->http);
	free(ca);
}
