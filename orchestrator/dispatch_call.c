// SPDX-License-Identifier: GPL-3.0-or-later
/* Calls: questions to an agent that are asked once, and answered or not.
 *
 * Entry points: dispatch_call(), dispatch_call_resume(), dispatch_call_console() and dispatch_call_gate() to ask, dispatch_call_orders() when
 * the agent's poll can be answered, dispatch_call_answers() when a report brings answers. A call waits in its site's list until the agent
 * has room for it; it lives in memory only, so that a restart loses the question and nothing else. Every
 * call is answered exactly once: by its agent, by its timeout, or at shutdown. A password is in clear
 * only in the answer to the poll. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_bmc.h"
#include "db/db_boot.h"
#include "db/db_site.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/credentials.h"
#include "orchestrator/dispatch_priv.h"
#include "orchestrator/holds.h"
#include "orchestrator/metrics.h"
#include "orchestrator/next_step.h"

enum {
	OUT_MAX =
	    16384, /* told to one agent and not answered: its own limit of sessions */
	TOLD_AT_ONCE =
	    256,      /* so that putting an answer together does not hold up the loop */
	TAKE_S = 30,  /* for an agent to take a call */
	GRACE_S = 10, /* for the way there and back */
	CONSOLE_S = 30,
	BOOTS_BACK = 3, /* in which the host's last address is looked for */
};

static const char gate_verb[] = "gate";

struct dispatch_call {
	struct dispatch_call *next, *prev; /* of those that wait, at the site */
	UT_hash_handle hh;
	struct dispatch *d;
	struct dispatch_site *site;
	char id[ID_SIZE];
	char host[EVENT_NAME_SIZE];
	struct bundle_bmc bmc; /* without its secrets */
	struct credentials_sealed sealed;
	bool rotate;
	bool destructive;
	const char *verb;
	int64_t timeout_us; /* of the agent, once it has been told */
	json_t *args;
	bool unknown; /* where its credentials may be sent */
	bool told;
	struct event *timer;
	dispatch_call_done *done;
	void *arg;
};

static void
set_timer(struct dispatch_call *c, int64_t us)
{
	const struct timeval tv = {
	    .tv_sec = us / USEC_PER_SEC, .tv_usec = us % USEC_PER_SEC};

	evtimer_add(c->timer, &tv);
}

static void
unqueue(struct dispatch_call *c)
{
	DL_DELETE(c->site->waiting, c);
	c->site->n_waiting--;
}

static void
finish(struct dispatch_call *c, const struct agent_msg_call_result *res)
{
	HASH_DEL(c->d->calls, c);
	if (c->told)
		c->site->n_out--;
	else
		unqueue(c);
	if (c->verb == gate_verb)
		metrics_add(c->d->ops.metrics, METRICS_GATES,
		    res->code[0] ? res->code : "ok", NULL, 1);
	else
		metrics_add(c->d->ops.metrics, METRICS_BMC_CALLS, c->verb,
		    res->code[0] ? res->code : "ok", 1);
	c->done(c->arg, res);
	event_free(c->timer);
	json_decref(c->args);
	bundle_bmc_wipe(&c->bmc);
	free(c);
}

static void
fail(struct dispatch_call *c, const char *code, const char *text, const char *next)
{
	struct agent_msg_call_result res = {.power = "unknown"};
	struct error err;

	error_set(&err, 0, code, next, "%s", text);
	str_clip(res.id, sizeof(res.id), c->id);
	str_clip(res.code, sizeof(res.code), code);
	error_line(&err, res.reason, sizeof(res.reason));
	finish(c, &res);
}

static void
on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct dispatch_call *c = arg;

	(void)fd;
	(void)what;
	if (c->told)
		fail(c, "agent-silent", "the agent took the question and did not answer",
		    "netboot-ctl agent list shows when it was heard");
	else if (presence_absent(presence_silence(&c->site->heard, clock_mono())) ||
		 c->site->n_out == 0)
		fail(c, "agent-absent", "no agent took the question",
		    "netboot-ctl agent list shows when it was heard");
	else
		set_timer(c, TAKE_S * USEC_PER_SEC); /* others are before it */
}

int
dispatch_call_bmc(struct dispatch *d, const struct db_host *h, struct bundle_bmc *bmc)
{
	char *text = NULL;
	int64_t at;

	int require = 0, rc = db_site_bmc_rules(d->ops.store, h->site, bmc->only_in,
			     &bmc->n_only_in, &require);

	str_clip(bmc->console, sizeof(bmc->console), h->bmc.console);
	if (rc == 0 && bmc->console[0] == '\0' && h->bmc.address[0])
		rc = db_site_console(d->ops.store, h->site, bmc->console);
	if (rc < 0)
		return rc;
	if (h->bmc_outside)
		bmc->n_only_in = 0;
	bmc->require_cipher =
	    h->require_cipher == DB_HOST_SITES ? require : h->require_cipher;
	if (h->manners[0])
		bmc->manners = json_parse(h->manners, strlen(h->manners), NULL);
	if (db_bmc_learned_get(d->ops.store, h->host.name, &text, &at) == 0)
		bmc->learned = json_parse(text, strlen(text), NULL);
	free(text);
	return 0;
}

/* The call is to be given its id and args, and then added. */
static struct dispatch_call *
new_call(struct dispatch *d, const struct db_host *h, const char *verb,
    int64_t timeout_us, dispatch_call_done *done, void *arg)
{
	struct dispatch_call *c = str_alloc(sizeof(*c));

	c->d = d;
	c->site = dispatch_site(d, h->site);
	str_clip(c->host, sizeof(c->host), h->host.name);
	c->bmc = h->bmc;
	c->unknown = dispatch_call_bmc(d, h, &c->bmc) < 0;
	credentials_take(h, &c->sealed);
	c->verb = verb;
	c->timeout_us = timeout_us;
	c->done = done;
	c->arg = arg;
	c->timer = evtimer_new(d->ops.base, on_timeout, c);
	return c;
}

static void
add_call(struct dispatch_call *c)
{
	set_timer(c, TAKE_S * USEC_PER_SEC);
	HASH_ADD_STR(c->d->calls, id, c);
	DL_APPEND(c->site->waiting, c);
	c->site->n_waiting++;
}

void
dispatch_call(struct dispatch *d, const struct db_host *h, enum bmc_verb verb,
    json_t *args, dispatch_call_done *done, void *arg)
{
	const struct bmc_verb_info *info = bmc_verb_info(verb);
	struct dispatch_call *c = new_call(d, h, info->name, info->timeout_us, done, arg);

	id_make(clock_wall(), d->ops.rng, c->id);
	c->rotate = verb == BMC_VERB_ROTATE;
	c->destructive = info->destructive;
	c->args = json_incref(args);
	add_call(c);
}

void
dispatch_call_resume(
    struct dispatch *d, const char *site, dispatch_call_done *done, void *arg)
{
	struct db_host *nobody = str_alloc(sizeof(*nobody));
	struct dispatch_call *c;

	str_clip(nobody->site, sizeof(nobody->site), site);
	c = new_call(d, nobody, BMC_VERB_SITE_RESUME, TAKE_S * USEC_PER_SEC, done, arg);
	id_make(clock_wall(), d->ops.rng, c->id);
	add_call(c);
	free(nobody);
	dispatch_wake(d, site);
}

void
dispatch_call_console(struct dispatch *d, const struct db_host *h, const char *id,
    bool steal, dispatch_call_done *done, void *arg)
{
	struct dispatch_call *c;

	dispatch_call_end(d, id); /* one that was not for stealing, perhaps */
	c = new_call(d, h, steal ? "console-steal" : "console", CONSOLE_S * USEC_PER_SEC,
	    done, arg);
	str_clip(c->id, sizeof(c->id), id);
	c->args = json_pack("{s:s}", "host", h->host.name);
	add_call(c);
}

/* Where the host has no address of its own: the one that it was given last. */
static void
find_address(struct dispatch *d, const struct db_host *h, char ret[ADDR_IP_TEXT])
{
	const struct bundle_nic *nic = NULL;
	struct store_names boots = {0};
	struct db_boot *boot;

	for (size_t i = 0; i < h->host.n_nics; i++)
		if (!nic || (h->host.nics[i].boot && !nic->boot))
			nic = &h->host.nics[i];
	ret[0] = '\0';
	if (nic)
		addr_ip_text(
		    addr_ip_is_set(&nic->ip) ? &nic->ip : &nic->ip6, ret, ADDR_IP_TEXT);
	if (ret[0] ||
	    db_boot_ids(d->ops.store, h->host.name, NULL, BOOTS_BACK, &boots) < 0)
		return;
	boot = str_alloc(sizeof(*boot));
	for (size_t i = 0; i < boots.n && !ret[0]; i++)
		if (db_boot_get(d->ops.store, boots.v[i], boot) == 0)
			str_clip(ret, ADDR_IP_TEXT, boot->ip[0] ? boot->ip : boot->ip6);
	free(boot);
	store_names_done(&boots);
}

/* Nothing of the host's BMC goes with it. */
void
dispatch_call_gate(struct dispatch *d, const struct db_host *h, json_t *checks,
    int64_t timeout_s, dispatch_call_done *done, void *arg)
{
	struct db_host *nobody = str_alloc(sizeof(*nobody));
	char ip[ADDR_IP_TEXT];
	struct dispatch_call *c;

	str_clip(nobody->site, sizeof(nobody->site), h->site);
	c = new_call(d, nobody, gate_verb, timeout_s * USEC_PER_SEC, done, arg);
	free(nobody);
	str_clip(c->host, sizeof(c->host), h->host.name);
	id_make(clock_wall(), d->ops.rng, c->id);
	find_address(d, h, ip);
	c->args = json_pack("{s:s, s:O, s:I}", "host", h->host.name, "checks", checks,
	    "timeout_s", (json_int_t)timeout_s);
	json_put_str(c->args, "ip", ip);
	add_call(c);
}

bool
dispatch_call_gate_asked(const char *code)
{
	static const char *const not_asked[] = {"agent-absent", "agent-silent",
	    "gate-busy", "db-error", "orchestrator-ending"};

	for (size_t i = 0; i < ARRAY_SIZE(not_asked); i++)
		if (str_eq(code, not_asked[i]))
			return false;
	return true;
}

void
dispatch_call_end(struct dispatch *d, const char *id)
{
	struct agent_msg_call_result res = {.power = "unknown"};
	struct dispatch_call *c;

	HASH_FIND_STR(d->calls, id, c);
	str_clip(res.id, sizeof(res.id), id);
	if (c)
		finish(c, &res);
}

static json_t *
order_of(const struct dispatch_call *c, const char *seal_key, struct error *err)
{
	json_t *bmc, *v;

	if (c->unknown) {
		error_set(err, 0, "db-error",
		    "netboot-ctl doctor says what is wrong with the database",
		    "the site's record cannot be read");
		return NULL;
	}
	bmc = bundle_bmc_to_json(&c->bmc);
	if (json_is_object(bmc) && credentials_put(c->d->ops.key, &c->sealed, c->rotate,
				       seal_key, bmc, err) < 0) {
		json_decref(bmc);
		return NULL;
	}
	v = json_pack("{s:s, s:s, s:s, s:o}", "t", "call", "id", c->id, "verb", c->verb,
	    "bmc", bmc);
	if (c->args)
		json_object_set(v, "args", c->args);
	return v;
}

/* One that waited while everything was stopped, or its site frozen, is not told any more. */
static bool
held(const struct dispatch_call *c, struct error *err)
{
	return c->destructive && holds_check(c->d->ops.store, c->site->name, err) < 0;
}

void
dispatch_call_orders(
    struct dispatch *d, struct dispatch_site *s, const char *seal_key, json_t *orders)
{
	(void)d;
	for (int n = 0; n < TOLD_AT_ONCE && s->waiting && s->n_out < OUT_MAX; n++) {
		struct dispatch_call *c = s->waiting;

		if (json_array_size(orders) >= AGENT_MSG_ORDERS_MAX)
			return; /* the next poll takes the rest */
		struct error err;
		json_t *order = held(c, &err) ? NULL : order_of(c, seal_key, &err);
		if (!order) {
			fail(c, err.code, err.text, err.next);
			continue;
		}
		json_array_append_new(orders, order);
		unqueue(c);
		c->told = true;
		s->n_out++;
		set_timer(c, c->timeout_us + GRACE_S * USEC_PER_SEC);
	}
}

/* What to do next is said with commands: they are about this host. */
static void
finish_told(struct dispatch_call *c, const struct agent_msg_call_result *res)
{
	const struct verdict_names names = {.host = c->host, .site = c->site->name};
	struct agent_msg_call_result told = *res;

	next_step_fill(&names, told.reason, sizeof(told.reason));
	next_step_findings(&names, told.data);
	/* What an agent of a release without gates says to all that it does not know. */
	if (c->verb == gate_verb && str_eq(told.code, "call-unknown"))
		fail(c, "agent-too-old", "the site's agent does not know gates",
		    "install the same release of netboot-agent and netboot-orchestrator");
	else
		finish(c, &told);
}

void
dispatch_call_answers(struct dispatch *d, struct dispatch_site *s,
    const struct agent_msg_call_result *calls, size_t n)
{
	struct db *db = store_db(d->ops.store);
	bool full = s->n_out >= OUT_MAX;
	/* What the answers leave in the database: one commit for all of them. */
	bool batch = n > 1 && db_begin(db) == 0;

	for (size_t i = 0; i < n; i++) {
		struct dispatch_call *c;

		HASH_FIND_STR(d->calls, calls[i].id, c);
		/* Only by the site's own agent, and only what it was told. */
		if (c && c->site == s && c->told)
			finish_told(c, &calls[i]);
	}
	if (batch && db_commit(db) < 0) {
		db_rollback(db);
		log_error(
		    d->ops.log, "site %s: what its BMCs answered is not stored", s->name);
	}
	/* A poll that is held because the agent was full. */
	if (full && s->waiting && s->n_out < OUT_MAX)
		dispatch_wake(d, s->name);
}

size_t
dispatch_call_foreign(struct dispatch *d, const struct dispatch_site *s,
    const struct agent_msg_call_result *calls, size_t n)
{
	size_t foreign = 0;

	for (size_t i = 0; i < n; i++) {
		struct dispatch_call *c;

		HASH_FIND_STR(d->calls, calls[i].id, c);
		foreign += c && c->site != s;
	}
	return foreign;
}

void
dispatch_call_free_all(struct dispatch *d)
{
	struct dispatch_call *c, *next;

	HASH_ITER (hh, d->calls, c, next)
		fail(c, "orchestrator-ending", "the orchestrator is ending",
		    "ask again when it is back");
}
