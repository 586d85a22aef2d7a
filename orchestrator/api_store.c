// SPDX-License-Identifier: GPL-3.0-or-later
/* Sites' stores of image files: what they tell and are told, and the files themselves (docs/protocol.md).
 *
 * Entry points: the handlers. A file is read in the work queue before it is given away for the first time (blobs.c); the
 * request waits for that. Its octets leave in pieces as they are taken
 * (lib/rest_conn.c), in as many requests at once as an agent makes. Ownership: what waits for a file is freed when it is answered or its client has
 * gone. Failure modes: codes of docs/protocol.md. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db/db_site.h"
#include "lib/http_range.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/agent_access.h"
#include "orchestrator/api.h"

static void
refuse_unknown(struct rest_request *rq)
{
	struct error err;

	error_set(&err, 0, "not-found", "ask /agent/v1/store what the site is to hold",
	    "no such file that this site is to hold");
	rest_problem(rq, 404, &err, NULL);
}

/* The agent in charge of the site, or nobody is yet: its first question may come before its first poll. */
static int
check_sender(struct orch *o, const struct store_msg_report *m, struct error *err)
{
	const char *in_charge;
	int64_t version;

	if (db_site_version(o->store, m->site, &version) < 0)
		return error_set(err, -ENOENT, "site-unknown",
		    "netboot-ctl site add makes it; the agent comes again by itself",
		    "no site %s in the inventory", m->site);
	in_charge = dispatch_agent(o->dispatch, m->site);
	if (in_charge[0] && !str_eq(in_charge, m->agent))
		return error_set(err, -EEXIST, "agent-duplicate",
		    "the agent asks again when it is in charge",
		    "site %s: agent %s is not in charge", m->site, m->agent);
	return 0;
}

static void
answer_plan(struct orch *o, struct rest_request *rq, const struct store_msg_report *m)
{
	const struct store_msg_plan *plan;
	int rc = place_report(o->place, m, rest_peer(rq).kind != REST_PEER_UNIX);
	if (rc < 0) {
		api_failed(o, rq, rc, "store what the site holds");
		return;
	}
	/* Read anew: what was told may have changed what is to be done. */
	plan = place_plan(o->place, m->site);
	if (plan)
		rest_reply(rq, 200, store_msg_plan_to_json(plan), NULL);
	else
		api_failed(o, rq, -EIO, "read what the site is to hold");
}

void
api_store_report(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct agent_access_who who;
	struct store_msg_report m = {.items = NULL};
	struct error err = {.code = ""};

	if (!agent_access_who(o, rq, &who))
		return;
	const json_t *body = rest_body(rq, &err);
	int rc = body ? store_msg_report_from_json(body, &m, &err) : -EINVAL;
	if (rc < 0) {
		rest_problem(rq, 400, &err, NULL);
		return;
	}
	rc = check_sender(o, &m, &err);
	if (rc < 0)
		rest_problem(rq, rc == -ENOENT ? 404 : 409, &err, NULL);
	else
		answer_plan(o, rq, &m);
	store_msg_report_done(&m);
}

/* ---- files ---- */

/* The part that was asked for; false: answered with 416. */
static bool
read_range(struct rest_request *rq, const char *etag, int64_t size, int64_t *ret_from,
    int64_t *ret_end)
{
	const char *range = rest_header(rq, "Range");
	const char *only_if = rest_header(rq, "If-Range");
	struct error err;
	char field[64];

	*ret_from = 0;
	*ret_end = size;
	/* "If the validator does not match, the server MUST ignore the Range header field" (RFC 9110 13.1.5). */
	if (!range || (only_if && !str_eq(only_if, etag)))
		return true;
	if (http_range_parse(range, size, ret_from, ret_end) != HTTP_RANGE_BAD)
		return true;
	if (str_format(field, sizeof(field), "bytes */%lld", (long long)size) == 0)
		rest_add_header(rq, "Content-Range", field);
	error_set(
	    &err, 0, "bad-range", NULL, "the file has %lld octets", (long long)size);
	rest_problem(rq, 416, &err, NULL);
	return false;
}

/* Takes fd. */
static void
reply_file(struct rest_request *rq, int fd, const char *sha256, int64_t size)
{
	char etag[DIGEST_TEXT + 2];
	int64_t from, end;

	if (str_format(etag, sizeof(etag), "\"%s\"", sha256) < 0)
		abort();
	if (!read_range(rq, etag, size, &from, &end)) {
		close(fd);
		return;
	}
	rest_add_header(rq, "ETag", etag);
	rest_reply_part(rq, fd, from, end, size, "application/octet-stream");
}

struct blob_wait {
	struct orch *o;
	struct rest_request *rq; /* NULL: the client went away */
	char sha256[DIGEST_TEXT];
	char path[BUNDLE_PATH_SIZE];
	int64_t size;
};

static void
on_gone(void *arg)
{
	struct blob_wait *w = arg;

	w->rq = NULL;
}

static void
refuse_file(struct rest_request *rq, const struct error *err)
{
	rest_problem(rq, str_eq(err->code, "busy") ? 503 : 409, err, NULL);
}

static void
on_verified(void *arg)
{
	struct blob_wait *w = arg;
	struct error err = {.code = ""};

	if (w->rq) {
		int fd = blobs_open(w->o->blobs, w->path, w->sha256, w->size, &err);
		if (fd == -EINPROGRESS)
			error_set(&err, 0, "busy", "ask again in a moment",
			    "%s was written while it was read", w->path);
		if (fd < 0)
			refuse_file(w->rq, &err);
		else
			reply_file(w->rq, fd, w->sha256, w->size);
	}
	free(w);
}

static void
serve(struct orch *o, struct rest_request *rq, const char *sha256, const char *path,
    int64_t size)
{
	struct error err = {.code = ""};
	int fd = blobs_open(o->blobs, path, sha256, size, &err);

	if (fd >= 0) {
		reply_file(rq, fd, sha256, size);
		return;
	}
	if (fd != -EINPROGRESS) {
		refuse_file(rq, &err);
		return;
	}
	struct blob_wait *w = str_alloc(sizeof(*w));
	w->o = o;
	w->rq = rq;
	w->size = size;
	str_clip(w->sha256, sizeof(w->sha256), sha256);
	str_clip(w->path, sizeof(w->path), path);
	if (blobs_verify(o->blobs, path, sha256, on_verified, w) < 0) {
		free(w);
		error_set(&err, 0, "busy", "ask again in a moment",
		    "too many files wait to be read");
		refuse_file(rq, &err);
		return;
	}
	rest_on_gone(rq, on_gone, w);
}

void
api_store_blob(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct agent_access_who who;
	const char *sha256 = rest_param(rq, "sha256");
	char path[BUNDLE_PATH_SIZE];
	int64_t size = 0;

	if (!agent_access_who(o, rq, &who))
		return;
	/* An agent of this machine may read every image's file, others what their site is to hold. */
	bool may = who.local || (store_msg_digest_valid(sha256) &&
				    place_wants(o->place, who.site, sha256));
	int rc = may && store_msg_digest_valid(sha256)
		     ? db_place_file(o->store, sha256, path, &size)
		     : -ENOENT;
	if (rc == -ENOENT)
		refuse_unknown(rq);
	else if (rc < 0)
		api_failed(o, rq, rc, "look the file up");
	else
		serve(o, rq, sha256, path, size);
}

void
api_store_delta(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct agent_access_who who;
	const char *from = rest_param(rq, "from"), *to = rest_param(rq, "to");
	char sha256[DIGEST_TEXT];
	int64_t size = 0;

	if (!agent_access_who(o, rq, &who))
		return;
	bool may = store_msg_digest_valid(from) && store_msg_digest_valid(to) &&
		   (who.local || place_wants(o->place, who.site, to));
	int fd = may ? deltas_open(o->deltas, from, to, &size, sha256) : -ENOENT;
	if (fd < 0)
		refuse_unknown(rq);
	else
		reply_file(rq, fd, sha256, size);
}
