// SPDX-License-Identifier: GPL-3.0-or-later
/* GET /metrics: the figures of this process and of what it keeps, for Prometheus.
 *
 * Entry point: the handler. On the loop counters are copied and queues are looked at; the database is read and the
 * text is made in the thread that reads. Ownership: a record per request until it was answered. Failure modes: 503 when
 * too much waits to be read, an errno of the database as 5xx; never figures that are only half of the truth. */
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/str.h"
#include "orchestrator/api.h"
#include "orchestrator/scrape.h"

struct scraping {
	struct rest_request *rq; /* NULL: the client went away */
	struct scrape scrape;
	char *text;
	struct error err;
};

/* In a thread: touches only the scraping. */
static void
run(void *arg)
{
	struct scraping *s = arg;

	s->text = scrape_text(&s->scrape, &s->err);
}

static void
scraping_free(struct scraping *s)
{
	scrape_done(&s->scrape);
	free(s->text);
	free(s);
}

static void
done(void *arg)
{
	struct scraping *s = arg;

	if (s->rq && s->text) {
		rest_reply_typed(
		    s->rq, 200, s->text, expo_content_type(s->scrape.format));
		s->text = NULL; /* taken */
	} else if (s->rq) {
		api_refuse(s->rq, &s->err, NULL);
	}
	scraping_free(s);
}

static void
on_gone(void *arg)
{
	struct scraping *s = arg;

	s->rq = NULL;
}

static void
fill(struct orch *o, struct rest_request *rq, struct scrape *s)
{
	*s = (struct scrape){.format = expo_negotiate(rest_header(rq, "Accept")),
	    .database = o->config->database,
	    .version = API_VERSION,
	    .wall = clock_wall(),
	    .started = o->started,
	    .metrics = metrics_dup(o->metrics),
	    .followers = (int64_t)feed_count(o->feed),
	    .slow_handlers = rest_server_slow(o->rest)};
	s->n_sites = dispatch_stat_take(o->dispatch, clock_mono(), &s->sites);
	s->n_webhooks = webhook_queues(o->webhook, s->webhooks, WEBHOOK_CONFIG_MAX);
}

void
api_metrics_get(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;

	if (!api_allow(o, rq, &who))
		return;
	struct scraping *s = str_alloc(sizeof(*s));
	s->rq = rq;
	fill(o, rq, &s->scrape);
	error_set(
	    &s->err, 0, "busy", "try again in a moment", "too much waits to be read");
	if (workq_submit(o->reads, run, done, s) == 0) {
		rest_on_gone(rq, on_gone, s);
		return;
	}
	api_refuse(rq, &s->err, NULL);
	scraping_free(s);
}
