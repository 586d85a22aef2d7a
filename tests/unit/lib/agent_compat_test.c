/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Agents and orchestrators one release apart: tests/compat/messages has each message between them as the previous release speaks it
 * (MESSAGE.previous.json, none where it has no such message), as this one does (.this.json), and as a newer one may (.newer.json:
 * members, orders and words that nobody here knows).
 *
 * All go through the codecs of this folder; those that agent and orchestrator read by themselves are put to them by
 * tests/net/test_old_agent.py. Who gives a message a new member puts it into the message's files and into `added` here; after
 * a release, the files of this one become those of the previous one, and `added` is empty. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "lib/agent_msg.h"
#include "lib/bmc_sealed.h"
#include "lib/compiler.h"
#include "lib/json.h"
#include "lib/local_msg.h"
#include "lib/store_msg.h"
#include "lib/str.h"

#define FOLDER "tests/compat/messages"
#define AGENT "01k9xyz0a0abcdef"
#define NONCE "0123456789abcdefghjkmnpqrs"

/* What this release says and the previous one did not; a name alone is a whole message. [] is any item of a list. */
static const char *const added[] = {
    "console-input.agent",
    "console-input.site",
    "console-output.agent",
    "console-output.site",
    "consoles.seal_key",
    "enroll",
    "enroll-answer",
    "local",
    "local-answer",
    "orders-delta",
    "orders.held_us",
    "orders.orders[]", /* a bundle of version 2: force */
    "orders.orders[].bundle.not_after",
    "orders.orders[].bundle.not_before",
    "orders.orders[].unbegun",
    "orders.received",
    "orders.retry_ms",
    "orders.store",
    "orders.table.digest",
    "orders.table.head_digest",
    "orders.table.hosts[].digest",
    "orders.takes",
    "poll.clock",
    "poll.lag",
    "poll.nonce",
    "poll.pending",
    "poll.seal_key",
    "poll.store",
    "poll.table_digest",
    "poll.takes",
    "renew",
    "renew-answer",
    "report.clock",
    "store",
    "store-answer",
};

/* ---- files ---- */

static char *
slurp(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = str_alloc(256 * 1024);
	size_t n = f != NULL ? fread(text, 1, 256 * 1024 - 1, f) : 0;

	if (f == NULL) {
		free(text);
		return NULL;
	}
	fclose(f);
	assert_true(n < 256 * 1024 - 1);
	return text;
}

/* NULL: there is no such file. */
static json_t *
message(const char *name, const char *age)
{
	struct error err = {.text = ""};
	char path[256], *text;
	json_t *v;

	snprintf(path, sizeof(path), FOLDER "/%s.%s.json", name, age);
	text = slurp(path);
	if (text == NULL)
		return NULL;
	v = json_parse(text, strlen(text), &err);
	if (v == NULL)
		fail_msg("%s: %s", path, err.text);
	free(text);
	return v;
}

/* Calls back with the name of each message that this release has. */
static void
each_message(void (*f)(void *arg, const char *name), void *arg)
{
	DIR *dir = opendir(FOLDER);
	struct dirent *e;
	int n = 0;

	assert_non_null(dir);
	while ((e = readdir(dir)) != NULL) {
		char name[64];
		const char *end = strstr(e->d_name, ".this.json");

		if (end == NULL)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(end - e->d_name), e->d_name);
		f(arg, name);
		n++;
	}
	closedir(dir);
	assert_true(n > 0);
}

/* ---- codecs: read, and written again ---- */

static json_t *
poll_again(const json_t *v, struct error *err)
{
	struct agent_msg_poll m;

	return agent_msg_poll_from_json(v, &m, err) < 0 ? NULL
							: agent_msg_poll_to_json(&m);
}

static json_t *
orders_again(const json_t *v, struct error *err)
{
	struct agent_msg_orders m;
	json_t *ret;

	if (agent_msg_orders_from_json(v, &m, err) < 0)
		return NULL;
	ret = agent_msg_orders_to_json(&m);
	agent_msg_orders_done(&m);
	return ret;
}

static json_t *
report_again(const json_t *v, struct error *err)
{
	struct agent_msg_report m;
	json_t *ret;

	if (agent_msg_report_from_json(v, &m, err) < 0)
		return NULL;
	ret = agent_msg_report_to_json(&m);
	agent_msg_report_done(&m);
	return ret;
}

static json_t *
store_again(const json_t *v, struct error *err)
{
	struct store_msg_report m;
	json_t *ret;

	if (store_msg_report_from_json(v, &m, err) < 0)
		return NULL;
	ret = store_msg_report_to_json(&m);
	store_msg_report_done(&m);
	return ret;
}

static json_t *
plan_again(const json_t *v, struct error *err)
{
	struct store_msg_plan m;
	json_t *ret;

	if (store_msg_plan_from_json(v, &m, err) < 0)
		return NULL;
	ret = store_msg_plan_to_json(&m);
	store_msg_plan_done(&m);
	return ret;
}

static json_t *
local_again(const json_t *v, struct error *err)
{
	struct local_msg_page page;
	struct local_msg_host h;
	json_t *hosts = json_array(), *item;
	size_t i;

	if (local_msg_page_from_json(v, &page, err) < 0) {
		json_decref(hosts);
		return NULL;
	}
	json_array_foreach (page.hosts, i, item) {
		if (local_msg_host_from_json(item, &h, err) < 0) {
			json_decref(hosts);
			return NULL;
		}
		json_array_append_new(hosts, local_msg_host_to_json(&h));
		local_msg_host_done(&h);
	}
	return json_pack("{s:i, s:I, s:s, s:o, s:O}", "v", 1, "version",
	    (json_int_t)page.version, "after", page.after, "hosts", hosts, "images",
	    page.images);
}

static const struct codec {
	const char *name;
	json_t *(*again)(const json_t *v, struct error *err);
	/* What of a newer one's text cannot be kept: taken out of the message of this release before it is compared. */
	const char *lost[2];
} codecs[] = {
    {"poll", poll_again, {NULL}},
    {"orders", orders_again, {"takes", "encoding"}},
    {"orders-delta", orders_again, {NULL}},
    {"report", report_again, {NULL}},
    {"store", store_again, {NULL}},
    {"store-answer", plan_again, {NULL}},
    {"local-answer", local_again, {NULL}},
};

/* ---- members ---- */

/* Is all of `a` in `b`, with the same values? A list may go on. */
static bool
is_in(const json_t *a, const json_t *b)
{
	const char *key;
	json_t *value;
	size_t i;

	if (json_is_object(a)) {
		json_object_foreach ((json_t *)a, key, value)
			if (!is_in(value, json_object_get(b, key)))
				return false;
		return json_is_object(b);
	}
	if (!json_is_array(a))
		return json_equal(a, b);
	json_array_foreach (a, i, value)
		if (!is_in(value, json_array_get(b, i)))
			return false;
	return json_is_array(b);
}

static void
fail_with(const char *name, const char *what, const json_t *a, const json_t *b)
{
	char *one = json_text(a), *other = json_text(b);

	fprintf(stderr, "%s\n%s\n", one, other);
	free(one);
	free(other);
	fail_msg("%s: %s", name, what);
}

static json_t *
read_and_written(const struct codec *c, const char *age)
{
	struct error err = {.text = ""};
	json_t *v = message(c->name, age), *again;

	if (v == NULL)
		return NULL;
	again = c->again(v, &err);
	if (again == NULL)
		fail_msg("%s.%s: %s", c->name, age, err.text);
	json_decref(v);
	return again;
}

/* Nothing is lost, and nothing is said that was not there. */
static void
what_is_known_is_kept(void **state)
{
	static const char *const ages[] = {"previous", "this"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++)
		for (size_t k = 0; k < ARRAY_SIZE(ages); k++) {
			json_t *v = message(codecs[i].name, ages[k]);
			json_t *again = read_and_written(&codecs[i], ages[k]);

			if (!json_equal(v, again) && v != NULL)
				fail_with(codecs[i].name, "not the same", v, again);
			json_decref(v);
			json_decref(again);
		}
}

static void
what_is_newer_is_passed_over(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++) {
		const struct codec *c = &codecs[i];
		json_t *v = message(c->name, "this");
		json_t *again = read_and_written(c, "newer");

		assert_non_null(again);
		if (c->lost[0] != NULL)
			json_object_del(json_object_get(v, c->lost[0]), c->lost[1]);
		if (str_eq(c->name, "store"))
			json_object_del(
			    json_array_get(json_object_get(v, "items"), 2), "source");
		if (!is_in(v, again))
			fail_with(
			    c->name, "of the newer one's not all is read", v, again);
		json_decref(v);
		json_decref(again);
	}
}

static void
all_of_the_previous_is_said(void *arg, const char *name)
{
	json_t *old = message(name, "previous"), *v = message(name, "this"),
	       *newer = message(name, "newer");

	(void)arg;
	assert_non_null(newer);
	if (old != NULL && !is_in(old, v))
		fail_with(name, "the previous release needs more", old, v);
	json_decref(old);
	json_decref(v);
	json_decref(newer);
}

static void
the_previous_release_finds_what_it_needs(void **state)
{
	(void)state;
	each_message(all_of_the_previous_is_said, NULL);
}

/* ---- what is new has a file ---- */

static void
find_added(const char *path, const json_t *old, const json_t *v, json_t *found)
{
	const char *key;
	json_t *value;
	char at[256];
	size_t i;

	if (old == NULL) {
		json_object_set_new(found, path, json_true());
	} else if (json_is_object(v)) {
		json_object_foreach ((json_t *)v, key, value) {
			snprintf(at, sizeof(at), "%s.%s", path, key);
			find_added(at, json_object_get(old, key), value, found);
		}
	} else {
		snprintf(at, sizeof(at), "%s[]", path);
		json_array_foreach (v, i, value)
			find_added(at, json_array_get(old, i), value, found);
	}
}

static void
find_added_of(void *arg, const char *name)
{
	json_t *old = message(name, "previous"), *v = message(name, "this");

	find_added(name, old, v, arg);
	json_decref(old);
	json_decref(v);
}

static void
added_are_those_of_the_files(void **state)
{
	json_t *found = json_object(), *value;
	const char *key;

	(void)state;
	each_message(find_added_of, found);
	for (size_t i = 0; i < ARRAY_SIZE(added); i++)
		if (json_object_del(found, added[i]) < 0)
			fail_msg("%s: in no file of this release, or in the previous "
				 "one's, too",
			    added[i]);
	json_object_foreach (found, key, value)
		fail_msg("%s: new in a file, and not in the list here", key);
	json_decref(found);
}

/* Every member's name, at every level. */
static void
gather_names(const json_t *v, json_t *names)
{
	const char *key;
	json_t *value;
	size_t i;

	json_object_foreach ((json_t *)v, key, value) {
		json_object_set_new(names, key, json_true());
		gather_names(value, names);
	}
	json_array_foreach (v, i, value)
		gather_names(value, names);
}

static void
gather_names_of(void *arg, const char *name)
{
	json_t *v = message(name, "this");

	gather_names(v, arg);
	json_decref(v);
}

/* The member that a call at `at` is about: the first text in it, which is before its end. */
static bool
member_of(const char *at, char ret[64])
{
	const char *begin = strchr(at, '"'), *end = strchr(at, ';');

	if (begin == NULL || end == NULL || begin > end)
		return false;
	snprintf(ret, 64, "%.*s", (int)strcspn(begin + 1, "\""), begin + 1);
	return ret[0] != '\0';
}

static void
check_source(const char *path, const json_t *names)
{
	static const char *const calls[] = {"json_put", "json_get_", "json_opt_",
	    "json_copy_", "table_sum_put(", "table_sum_get(", "read_digest(v, "};
	char *text = slurp(path), member[64];
	int n = 0;

	assert_non_null(text);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		for (const char *at = text; (at = strstr(at, calls[i])) != NULL; at++)
			if (member_of(at, member)) {
				n++;
				if (json_object_get(names, member) == NULL)
					fail_msg("%s knows the member %s, which no "
						 "message in " FOLDER " has",
					    path, member);
			}
	assert_true(n > 0);
	free(text);
}

/* A member that a codec has come to know cannot be forgotten in the files. */
static void
the_codecs_know_no_more(void **state)
{
	static const char *const sources[] = {"lib/agent_msg.c", "lib/agent_msg_delta.c",
	    "lib/store_msg.c", "lib/line_cap.c", "lib/local_msg.c", "lib/bundle.c",
	    "lib/bundle_bmc.c", "lib/bundle_host.c", "lib/bundle_image.c",
	    "lib/bundle_menu.c", "lib/bundle_site.c", "lib/event.c"};
	json_t *names = json_object();

	(void)state;
	each_message(gather_names_of, names);
	/* Said by the orchestrator to its clients alone. */
	json_object_set_new(names, "said_at", json_true());
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
		check_source(sources[i], names);
	json_decref(names);
}

/* ---- what is read of them ---- */

static void
polls_of_all_ages(void **state)
{
	static const char *const ages[] = {"previous", "this", "newer"};
	struct agent_msg_poll m;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ages); i++) {
		json_t *v = message("poll", ages[i]);
		bool old = i == 0;

		assert_int_equal(agent_msg_poll_from_json(v, &m, NULL), 0);
		assert_int_equal(m.table, 12);
		assert_string_equal(m.trouble.code, "spool-full");
		assert_int_equal(m.stop.heard, 4);
		assert_int_equal(m.takes_delta, !old);
		assert_int_equal(m.takes_window, !old);
		assert_int_equal(m.takes_unbegun, !old);
		assert_int_equal(m.clock.known, !old);
		assert_int_equal(m.pending, old ? -1 : 9);
		assert_int_equal(m.lag, old ? -1 : 3000000);
		assert_int_equal(m.nonce[0] == '\0', old);
		assert_int_equal(m.seal_key[0] == '\0', old);
		json_decref(v);
	}
}

static void
orders_of_all_ages(void **state)
{
	static const char *const ages[] = {"previous", "this", "newer"};
	struct agent_msg_orders m;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ages); i++) {
		json_t *v = message("orders", ages[i]);
		bool old = i == 0;

		assert_int_equal(agent_msg_orders_from_json(v, &m, NULL), 0);
		assert_int_equal(m.n_orders, old ? 4 : 5);
		assert_int_equal(m.orders[0].type, AGENT_ORDER_JOB);
		assert_string_equal(m.orders[0].bundle->host.name, "edge01.los");
		assert_int_equal(m.orders[0].bundle->not_before > 0, !old);
		assert_string_equal(m.orders[1].by, "ann");
		assert_int_equal(m.orders[1].unbegun, !old);
		assert_string_equal(m.orders[2].bmc->password_next, "hunter3");
		assert_int_equal(m.table->n_hosts, str_eq(ages[i], "newer") ? 2 : 1);
		assert_int_equal(m.table->n_strange, str_eq(ages[i], "newer") ? 8 : 0);
		assert_int_equal(m.table->hosts[0].digest, old ? 0 : 1);
		assert_int_equal(m.store, old ? 0 : 8);
		assert_int_equal(m.received > 0, !old);
		assert_int_equal(m.takes_events, old ? 0 : 4096);
		assert_string_equal(
		    m.takes_encoding, str_eq(ages[i], "this") ? "zstd" : "");
		agent_msg_orders_done(&m);
		json_decref(v);
	}
}

static void
reports_of_all_ages(void **state)
{
	json_t *old = message("report", "previous"), *newer = message("report", "newer");
	struct agent_msg_report m;

	(void)state;
	assert_int_equal(agent_msg_report_from_json(old, &m, NULL), 0);
	assert_int_equal(m.n_events, 2);
	assert_false(m.clock.known);
	agent_msg_report_done(&m);
	assert_int_equal(agent_msg_report_from_json(newer, &m, NULL), 0);
	assert_true(m.clock.known);
	/* An event of a kind that is not known keeps its number. */
	assert_int_equal(m.n_events, 3);
	assert_string_equal(m.events[2].kind, "a-later.kind");
	agent_msg_report_done(&m);
	json_decref(old);
	json_decref(newer);
}

/* The rest of the table is taken, and no machine is booted by a word that nobody knows. */
static void
words_of_a_newer_table(void **state)
{
	json_t *v = message("orders", "newer");
	struct agent_msg_orders m;
	const struct bundle_host *h;
	const struct bundle_site *t;

	(void)state;
	assert_int_equal(agent_msg_orders_from_json(v, &m, NULL), 0);
	t = m.table;
	h = &t->hosts[1];
	assert_string_equal(h->name, "edge02.los");
	assert_int_equal(h->n_nics, 1);
	assert_int_equal(h->idle, BUNDLE_IDLE_LOCAL);
	assert_int_equal(h->firmware, BUNDLE_UEFI);
	assert_int_equal(h->local_boot, BUNDLE_LOCAL_EXIT1);
	assert_string_equal(h->probe, "");
	assert_int_equal(h->n_loaders, 1);
	assert_string_equal(h->loaders[0].file, "snponly.efi");
	assert_int_equal(h->n_labels, 1);
	assert_int_equal(h->digest, 4);
	assert_int_equal(t->n_subnets, 2);
	assert_int_equal(t->subnets[1].ra, BUNDLE_RA_OFF);
	assert_int_equal(t->n_loaders, 1);
	assert_int_equal(t->n_menu_images, 1);
	assert_true(t->menu.set);
	agent_msg_orders_done(&m);
	json_decref(v);
}

/* What a later orchestrator says of the site itself. */
static void
words_of_a_newer_head(void **state)
{
	json_t *v = message("orders", "newer"), *t = json_object_get(v, "table");
	json_t *host = json_array_get(json_object_get(t, "hosts"), 0);
	struct agent_msg_orders m;

	(void)state;
	json_object_set_new(t, "idle", json_string("hold"));
	json_object_set_new(json_object_get(t, "menu"), "default", json_string("a-tour"));
	json_object_set_new(host, "idle", json_string("menu"));
	assert_int_equal(agent_msg_orders_from_json(v, &m, NULL), 0);
	assert_int_equal(m.table->idle, BUNDLE_IDLE_LOCAL);
	assert_false(m.table->menu.set);
	assert_int_equal(m.table->n_strange, 10);
	agent_msg_orders_done(&m);
	json_decref(v);
}

/* A job is read in full: one of whose words is not known is refused and told so. */
static void
words_of_a_newer_job(void **state)
{
	static const char *const words[] = {"firmware", "idle", "local_boot", "probe"};
	json_t *v, *host;
	struct agent_msg_orders m;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		v = message("orders", "newer");
		host = json_object_get(
		    json_object_get(
			json_array_get(json_object_get(v, "orders"), 1), "bundle"),
		    "host");
		assert_true(json_is_object(host));
		json_object_set_new(host, words[i], json_string("a-later-word"));
		assert_int_equal(agent_msg_orders_from_json(v, &m, NULL), 0);
		assert_int_equal(m.orders[0].type, AGENT_ORDER_BAD_JOB);
		assert_int_equal(m.table->n_hosts, 2);
		assert_int_equal(m.n_orders, 5);
		agent_msg_orders_done(&m);
		json_decref(v);
	}
}

/* A file in a state that nobody here knows is not there yet; the others are what they are. */
static void
states_of_a_newer_store(void **state)
{
	json_t *v = message("store", "newer");
	struct store_msg_report m;

	(void)state;
	assert_int_equal(store_msg_report_from_json(v, &m, NULL), 0);
	assert_int_equal(m.n_items, 4);
	assert_int_equal(m.items[2].state, STORE_MSG_HELD);
	assert_int_equal(m.items[3].state, STORE_MSG_WAITING);
	store_msg_report_done(&m);
	json_decref(v);
}

/* ---- signed and sealed ---- */

static struct secret_sign *
new_key(struct secret_box **ret_box)
{
	char dir[] = "/tmp/netboot-compat-XXXXXX", sign[64], box[64];
	struct secret_sign *key = NULL;

	assert_non_null(mkdtemp(dir));
	snprintf(sign, sizeof(sign), "%s/sign", dir);
	snprintf(box, sizeof(box), "%s/box", dir);
	assert_int_equal(secret_sign_open(sign, 1, &key, NULL), 0);
	assert_int_equal(secret_box_open(box, 1, ret_box, NULL), 0);
	unlink(sign);
	unlink(box);
	assert_int_equal(rmdir(dir), 0);
	return key;
}

/* As the orchestrator does before they leave it. */
static void
sign_all(json_t *v, const struct secret_sign *key, const struct secret_box *box)
{
	json_t *orders = json_object_get(v, "orders"), *signed_ = json_array(), *order;
	size_t i;

	json_array_foreach (orders, i, order) {
		json_t *bundle = json_object_get(order, "bundle");
		json_t *bmc =
		    json_object_get(json_is_object(bundle) ? bundle : order, "bmc");

		if (bmc != NULL)
			assert_int_equal(
			    bmc_sealed_put(bmc, secret_box_public(box), NULL), 0);
		json_array_append_new(signed_,
		    agent_order_sign(json_incref(order), key, "los", AGENT, NONCE));
	}
	json_object_set_new(v, "orders", signed_);
}

static void
signed_orders_of_all_ages(void **state)
{
	static const char *const ages[] = {"previous", "this", "newer"};
	struct secret_box *box = NULL;
	struct secret_sign *key = new_key(&box);
	struct agent_order_trust trust = {
	    .box = box, .site = "los", .agent = AGENT, .nonce = NONCE, .n_keys = 1};
	struct agent_msg_orders m;

	(void)state;
	str_clip(trust.keys[0], sizeof(trust.keys[0]), secret_sign_public(key));
	for (size_t i = 0; i < ARRAY_SIZE(ages); i++) {
		json_t *v = message("orders", ages[i]);

		sign_all(v, key, box);
		assert_int_equal(agent_msg_orders_open(v, &trust, &m, NULL), 0);
		assert_int_equal(m.n_orders, i == 0 ? 4 : 5);
		assert_int_equal(m.n_refused, 0);
		assert_string_equal(m.orders[0].bundle->bmc.password, "hunter2");
		assert_string_equal(m.orders[2].bmc->password_next, "hunter3");
		agent_msg_orders_done(&m);
		json_decref(v);
	}
	secret_sign_free(key);
	secret_box_free(box);
}

/* An orchestrator that went back a release: an agent which has joined a newer one takes nothing of it, and says so. */
static void
an_older_ones_orders_are_not_signed(void **state)
{
	struct secret_box *box = NULL;
	struct secret_sign *key = new_key(&box);
	struct agent_order_trust trust = {
	    .box = box, .site = "los", .agent = AGENT, .nonce = NONCE, .n_keys = 1};
	json_t *v = message("orders", "previous");
	struct agent_msg_orders m;

	(void)state;
	str_clip(trust.keys[0], sizeof(trust.keys[0]), secret_sign_public(key));
	assert_int_equal(agent_msg_orders_open(v, &trust, &m, NULL), 0);
	assert_int_equal(m.n_orders, 3);
	assert_int_equal(m.orders[0].type, AGENT_ORDER_BAD_JOB);
	assert_string_equal(m.orders[0].refused.code, "order-unsigned");
	assert_int_equal(m.orders[1].type, AGENT_ORDER_BAD_CALL);
	assert_int_equal(m.n_refused, 1);
	assert_non_null(m.table);
	agent_msg_orders_done(&m);
	/* Beside it, without a key pinned, it takes all. */
	trust.n_keys = 0;
	assert_int_equal(agent_msg_orders_open(v, &trust, &m, NULL), 0);
	assert_int_equal(m.n_orders, 4);
	assert_string_equal(m.orders[0].bundle->bmc.password, "hunter2");
	agent_msg_orders_done(&m);
	json_decref(v);
	secret_sign_free(key);
	secret_box_free(box);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_known_is_kept),
	    cmocka_unit_test(what_is_newer_is_passed_over),
	    cmocka_unit_test(the_previous_release_finds_what_it_needs),
	    cmocka_unit_test(added_are_those_of_the_files),
	    cmocka_unit_test(the_codecs_know_no_more),
	    cmocka_unit_test(polls_of_all_ages),
	    cmocka_unit_test(orders_of_all_ages),
	    cmocka_unit_test(reports_of_all_ages),
	    cmocka_unit_test(words_of_a_newer_table),
	    cmocka_unit_test(words_of_a_newer_head),
	    cmocka_unit_test(words_of_a_newer_job),
	    cmocka_unit_test(states_of_a_newer_store),
	    cmocka_unit_test(signed_orders_of_all_ages),
	    cmocka_unit_test(an_older_ones_orders_are_not_signed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
