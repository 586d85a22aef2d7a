/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The site's store of image files: asks the orchestrator what the site should hold, fetches it over whatever line there is,
 * and says how far it is (docs/protocol.md, "Images at sites"). With every file there by hand it only says so. */
#ifndef AGENT_STORE_H
#define AGENT_STORE_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/bundle.h"
#include "lib/error.h"
#include "lib/http_client.h"
#include "lib/log.h"
#include "lib/rng.h"

struct store;

struct http_client_self;
struct store_opts {
	struct event_base *base;
	const struct log *log;
	struct rng *rng;
	const char *server, *token;	     /* as for the uplink */
	const struct http_client_self *self; /* likewise */
	const char *site, *agent;
	struct http_client_proxy proxy; /* for sources that are not the orchestrator */
	const char *root;		/* of the images */
	const char *state_dir;		/* for the plan and for digests that are known */
	int64_t max_kbit;		/* own cap; 0: none */
	int64_t max_octets;		/* of the store's files; 0: no limit */
	int64_t floor;			/* octets that the file system is to keep free */
	/* Calls `add` with the digest of each file that a job which was accepted needs. */
	void (*used)(
	    void *arg, void (*add)(void *add_arg, const char *sha256), void *add_arg);
	void *arg;
};

/* Everything is borrowed. */
struct store *
store_new(const struct store_opts *opts, struct error *err);
/* What came becomes durable. NULL allowed. */
void
store_free(struct store *st);
/* The version of what the site should hold, as an answer to a poll says it; 0: it does not say. */
void
store_told(struct store *st, int64_t version);
/* A job's files were found missing or altered: if one of them is on its way, *err says so instead, with how far it is
 * (image-not-here). What was altered in the store itself is fetched again. */
void
store_explain(struct store *st, const struct bundle_image *image, struct error *err);

#endif
