/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text of GET /metrics: counters as they were copied, and what is true now. */
#ifndef ORCHESTRATOR_SCRAPE_H
#define ORCHESTRATOR_SCRAPE_H

#include "lib/error.h"
#include "lib/expo.h"
#include "orchestrator/dispatch_stat.h"
#include "orchestrator/metrics.h"
#include "orchestrator/webhook.h"

/* What the event loop knew when the scrape came. */
struct scrape {
	enum expo_format format;
	const char *database; /* its path; borrowed */
	const char *version;
	int64_t wall, started;
	struct metrics *metrics; /* a copy */
	struct dispatch_stat *sites;
	size_t n_sites;
	struct webhook_queue webhooks[WEBHOOK_CONFIG_MAX];
	size_t n_webhooks;
	int64_t followers, slow_handlers;
};

/* Blocking: for a thread; opens the database for reading. Owned by the caller; NULL with *err. */
char *
scrape_text(struct scrape *s, struct error *err);
/* What it owns; not s itself. */
void
scrape_done(struct scrape *s);

#endif
