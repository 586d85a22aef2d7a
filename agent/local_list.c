/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Asking the orchestrator for what the site needs to work alone.
 *
 * The list comes in pages, each of one state of the inventory, named by the site's version; when that changes between two
 * pages it is asked for anew. So what is in the spool is whole or the one before, never a mixture.
 *
 * Entry points: local_list_ask(), the timer and the answers.
 * Ownership: pages of a list that is not whole yet, and a digest of the last one; documents are wiped when they go.
 * Failure modes: an orchestrator that does not answer, or does not know the question, is asked again later, and the list
 * stays as it was, with its date. A spool that cannot be written keeps the one before.
 */
#include "agent/local_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/spool_local.h"
#include "lib/bmc_sealed.h"
#include "lib/clock.h"
#include "lib/compiler.h"
#include "lib/digest.h"
#include "lib/http_client.h"
#include "lib/json.h"
#include "lib/local_msg.h"
#include "lib/str.h"

#define SOON (USEC_PER_SEC / 10)
/* What is not in the site's version (images, what was learned of a BMC) is noticed by then, and the list's date renewed. */
#define EVERY (5 * 60 * USEC_PER_SEC)
#define FAILED (30 * USEC_PER_SEC)
#define TIMEOUT (30 * USEC_PER_SEC)

struct local_list {
	struct local_list_opts o;
	struct http_client *http;
	struct http_client_call *call;
	struct event *timer;
	json_t *hosts, *images; /* of the list that is under way, or NULL */
	int64_t version, began;
	char after[BUNDLE_NAME_SIZE];
	char digest[DIGEST_TEXT]; /* of the one in the spool; "": not known */
	bool again;
};

static void
set_timer(struct local_list *ll, int64_t us)
{
	const struct timeval tv = {us / USEC_PER_SEC, us % USEC_PER_SEC};

	evtimer_add(ll->timer, &tv);
}

static void
begin_anew(struct local_list *ll)
{
	json_decref(ll->hosts);
	json_decref(ll->images);
	ll->hosts = ll->images = NULL;
	ll->after[0] = '\0';
}

static void
digest_of(const struct local_list *ll, char ret[DIGEST_TEXT])
{
	json_t *both = json_pack("[O, O]", ll->hosts, ll->images);
	char *text = json_dumps(both, JSON_COMPACT | JSON_SORT_KEYS);

	if (text == NULL)
		abort();
	digest_sha256(text, strlen(text), ret);
	secret_wipe(text, strlen(text));
	free(text);
	json_decref(both);
}

static void
store(struct local_list *ll)
{
	char digest[DIGEST_TEXT];
	struct error err;
	size_t bad = 0;
	bool same;
	int r;

	digest_of(ll, digest);
	same = str_eq(digest, ll->digest);
	r = same ? spool_local_confirm(ll->o.spool, ll->began)
		 : spool_local_put(ll->o.spool, ll->hosts, ll->images, ll->began, &bad);
	if (r < 0) {
		spool_error(
		    ll->o.spool, r, &err, "keep what the site needs to work alone");
		log_warn(ll->o.log, "%s", err.text);
		return;
	}
	memcpy(ll->digest, digest, sizeof(ll->digest));
	if (!same)
		log_info(ll->o.log,
		    "the site can work alone with %zu hosts and %zu images",
		    json_array_size(ll->hosts), json_array_size(ll->images));
	if (bad > 0)
		log_warn(ll->o.log,
		    "%zu of them cannot be read: is the orchestrator's release another "
		    "one?",
		    bad);
}

/* A host whose secrets are not for us is kept without them, like one that they were withheld of. */
static void
open_secrets(struct local_list *ll, const json_t *hosts)
{
	struct error err;
	json_t *host;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)hosts, i, host) {
		json_t *bmc = json_object_get(host, "bmc");

		if (bmc_sealed_open(bmc, ll->o.box, &err) == 0)
			continue;
		log_error(ll->o.log, "a host cannot be switched from its site: %s: %s",
		    err.text, err.next);
		json_object_del(bmc, "sealed");
		json_put_str(host, "withheld", err.code);
	}
}

/* Returns whether there is more to be asked at once. */
static bool
take_page(struct local_list *ll, const json_t *v)
{
	struct local_msg_page page;
	struct error err = {.text = "it has more hosts than a site may have"};
	bool first = ll->hosts == NULL;

	if (local_msg_page_from_json(v, &page, &err) < 0 ||
	    json_array_size(ll->hosts) > LOCAL_MSG_HOSTS_MAX) {
		log_warn(
		    ll->o.log, "what the site needs alone cannot be read: %s", err.text);
		begin_anew(ll);
		set_timer(ll, FAILED);
		return false;
	}
	if (!first && page.version != ll->version) {
		begin_anew(ll);
		return true;
	}
	if (first) {
		ll->hosts = json_array();
		ll->images = json_array();
	}
	ll->version = page.version;
	open_secrets(ll, page.hosts);
	json_array_extend(ll->hosts, (json_t *)(uintptr_t)page.hosts);
	if (page.images != NULL)
		json_array_extend(ll->images, (json_t *)(uintptr_t)page.images);
	str_clip(ll->after, sizeof(ll->after), page.after);
	if (page.after[0] != '\0')
		return true;
	store(ll);
	begin_anew(ll);
	set_timer(ll, ll->again ? SOON : EVERY);
	ll->again = false;
	return false;
}

static void
ask(struct local_list *ll);

static void
on_answer(void *arg, const struct http_client_reply *reply)
{
	struct local_list *ll = arg;
	json_t *v;

	ll->call = NULL;
	if (reply->status != 200) {
		begin_anew(ll);
		/* One that is older does not know the question. */
		set_timer(ll, reply->status == 404 ? EVERY : FAILED);
		return;
	}
	v = json_parse(reply->body, reply->body_len, NULL);
	if (take_page(ll, v))
		ask(ll);
	json_decref(v);
}

static void
ask(struct local_list *ll)
{
	json_t *doc = json_object();
	struct http_client_request rq = {
	    .method = "POST", .path = "/agent/v1/local", .timeout_us = TIMEOUT};
	char *body;

	if (ll->hosts == NULL)
		ll->began = clock_wall();
	json_put_i64(doc, "v", 1);
	json_put_str(doc, "site", ll->o.site);
	json_put_str(doc, "agent", ll->o.agent);
	json_put_str(doc, "after", ll->after);
	if (ll->o.box != NULL)
		json_put_str(doc, "seal_key", secret_box_public(ll->o.box));
	body = json_text(doc);
	json_decref(doc);
	rq.body = body;
	ll->call = http_client_start(ll->http, &rq, on_answer, ll);
	free(body);
	if (ll->call == NULL)
		set_timer(ll, FAILED);
}

static void
on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct local_list *ll = arg;

	if (ll->call == NULL)
		ask(ll);
}

void
local_list_ask(struct local_list *ll)
{
	if (ll->call != NULL)
		ll->again = true;
	else
		set_timer(ll, SOON);
}

struct local_list *
local_list_new(const struct local_list_opts *opts, struct error *err)
{
	struct local_list *ll = str_alloc(sizeof(*ll));

	ll->o = *opts;
	ll->http = http_client_new(opts->base, opts->server, opts->token, err);
	if (ll->http == NULL) {
		free(ll);
		return NULL;
	}
	http_client_be(ll->http, opts->self);
	ll->timer = evtimer_new(opts->base, on_timer, ll);
	set_timer(ll, SOON);
	return ll;
}

void
local_list_free(struct local_list *ll)
{
	if (ll == NULL)
		return;
	if (ll->call != NULL)
		http_client_cancel(ll->call);
	begin_anew(ll);
	event_free(ll->timer);
	http_client_free(ll->http);
	free(ll);
}
