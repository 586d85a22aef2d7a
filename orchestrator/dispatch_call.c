// SPDX-License-Identifier: GPL-3.0-or-later
/* Calls: questions to an agent that are asked once and answered within seconds, or not at
 * all.
 *
 * Entry points: dispatch_call_power() to ask, dispatch_call_answer() when a report brings
 * the answer. A call lives in memory only: it changes nothing, so that losing it at a
 * restart loses nothing. Every call is answered exactly once: by its agent, by its
 * timeout, or at shutdown. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/str.h"
#include "orchestrator/dispatch_priv.h"

static void
finish(struct dispatch_call *c, const char *power, const char *reason)
{
	DL_DELETE(c->d->calls, c);
	c->done(c->arg, power, reason);
	event_free(c->timer);
	bundle_bmc_wipe(&c->bmc);
	free(c);
}

static void
on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct dispatch_call *c = arg;

	(void)fd;
	(void)what;
	finish(c, "unknown",
	    c->sent ? "timeout: the agent did not answer in time"
		    : "agent-absent: no agent took the question");
}

static void
unseal(const struct dispatch *d, const struct db_host *h, struct bundle_bmc *bmc)
{
	char context[BUNDLE_NAME_SIZE + 8];
	char *plain = NULL;

	*bmc = h->bmc;
	if (!h->sealed[0] ||
	    str_format(context, sizeof(context), "bmc/%s", h->host.name) < 0 ||
	    secret_unseal(d->ops.key, context, h->sealed, &plain) < 0)
		return;
	str_clip(bmc->password, sizeof(bmc->password), plain);
	secret_free(plain);
}

void
dispatch_call_power(struct dispatch *d, const struct db_host *h, int64_t timeout_us,
    void (*done)(void *arg, const char *power, const char *reason), void *arg)
{
	struct dispatch_call *c = str_alloc(sizeof(*c));
	struct timeval tv = {
	    .tv_sec = timeout_us / USEC_PER_SEC, .tv_usec = timeout_us % USEC_PER_SEC};

	c->d = d;
	id_make(clock_wall(), d->ops.rng, c->id);
	str_clip(c->site, sizeof(c->site), h->site);
	c->host = h->host;
	unseal(d, h, &c->bmc);
	c->done = done;
	c->arg = arg;
	c->timer = evtimer_new(d->ops.base, on_timeout, c);
	evtimer_add(c->timer, &tv);
	DL_APPEND(d->calls, c);
}

void
dispatch_call_answer(
    struct dispatch *d, const char *id, const char *power, const char *reason)
{
	struct dispatch_call *c, *next;

	DL_FOREACH_SAFE(d->calls, c, next)
	{
		if (str_eq(c->id, id)) {
			finish(c, power, reason);
			return;
		}
	}
}

void
dispatch_call_free_all(struct dispatch *d)
{
	while (d->calls)
		finish(d->calls, "unknown", "the orchestrator is ending");
}
