/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a request to its answer: path to policy, policy to file, file to head.
 *
 * Entry points: http_answer_request() for a request that was understood,
 * http_answer_bad() for one that was not, http_answer_short() for everything without a
 * file. Each leaves the answer in the connection (c->out, c->file, c->at … c->end) and
 * the state HTTP_CONN_SEND, or a state that waits for a body; http_conn.c sends it.
 *
 * What is not certainly allowed is 404, whatever the reason: from outside a wrong token,
 * a closed one and a missing file look alike. The event has the reason, and never a
 * token. A file that is allowed but cannot be opened for this machine's own trouble is
 * 503, which says nothing of the file. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "boot-services/http_priv.h"
#include "boot-services/http_server.h"
#include "boot-services/policy.h"
#include "boot-services/policy_way.h"
#include "boot-services/ticket_gate.h"
#include "lib/clock.h"
#include "lib/str.h"

static int64_t
wall_seconds(void)
{
	return clock_wall() / USEC_PER_SEC;
}

static void
begin_facts(struct http_conn *c)
{
	struct http_xfer_facts *f = &c->facts;

	memset(f, 0, sizeof *f);
	addr_ip_text(&c->ip, f->ip, sizeof f->ip);
	str_clip(f->method, sizeof f->method, c->req.method_name);
	str_clip(f->ua, sizeof f->ua, c->req.user_agent);
}

/* Is the segment at `s`, of n octets, a token by its looks? */
static bool
is_token(const char *s, size_t n)
{
	return n == ID_TOKEN_SIZE - 1 &&
	       strspn(s, "0123456789abcdefghijklmnopqrstuvwxyz") >= n;
}

/* Paths of tickets hold the token, which no event may: what is recorded of them is the name
 * behind it, which may have several parts. Elsewhere, as in a misspelt path, it is crossed out. */
static void
name_without_token(const char *path, char *dst, size_t size)
{
	char clean[HTTP_PATH_SIZE];
	char *s;

	if (str_has_prefix(path, "/b/") || str_has_prefix(path, "/report/")) {
		const char *rest = strchr(strchr(path + 1, '/') + 1, '/');

		path = rest != NULL ? rest + 1 : "";
	}
	while (*path == '/')
		path++;
	str_clip(clean, sizeof clean, path);
	for (s = clean; *s != '\0'; s += *s == '/') {
		size_t n = strcspn(s, "/");

		if (is_token(s, n))
			memset(s, '*', n);
		s += n;
	}
	str_escape(dst, size, clean, strlen(clean));
}

static struct wbuf
begin_out(struct http_conn *c)
{
	c->state = HTTP_CONN_SEND;
	c->out_len = c->out_pos = 0;
	c->at = c->end = 0;
	c->hold = INT64_MAX;
	return wbuf_init(c->out, sizeof c->out);
}

void
http_answer_short(struct http_conn *c, enum http_status status, const char *kind,
    const char *result, const char *text, bool close)
{
	struct wbuf w = begin_out(c);

	c->close_after = close || !c->req.keep_alive;
	c->facts.status = status;
	http_server_short(&w, &c->req, status, text, c->close_after, wall_seconds());
	c->out_len = w.len;
	if (kind != NULL)
		http_xfer_tell(c->io->deps->events, &c->facts, kind, result, text);
}

void
http_answer_bad(struct http_conn *c, enum http_status status, const char *why)
{
	/* Of a body that came to nothing the facts are known. */
	if (c->state != HTTP_CONN_BODY) {
		begin_facts(c);
		name_without_token(c->req.path, c->facts.file, sizeof c->facts.file);
	}
	http_answer_short(c, status, "http.error",
	    status == HTTP_TIMEOUT ? "timeout" : "refused", why, true);
}

/* A request whose body we do not read cannot be followed by another one. */
static bool
has_body(const struct http_request *req)
{
	return req->chunked || req->content_length > 0;
}

/* 404 with the true reason in the event only. */
static void
not_found(struct http_conn *c, const char *file, const char *reason)
{
	const struct http_xfer_facts *f = &c->facts;

	if (f->file[0] == '\0')
		str_escape(c->facts.file, sizeof c->facts.file, file, strlen(file));
	http_answer_short(c, HTTP_NOT_FOUND, NULL, NULL, "not found", has_body(&c->req));
	http_xfer_tell(c->io->deps->events, f, "http.error", "not-found", reason);
}

static const char *
class_name(const struct policy_http *pol)
{
	switch (pol->what) {
	case POLICY_PATH_NONE: return "";
	case POLICY_PATH_LOADER: return "loader";
	case POLICY_PATH_SCRIPT: return "script";
	case POLICY_PATH_IDLE: return "idle";
	case POLICY_PATH_REPORT: return "report";
	case POLICY_PATH_STORE: return "store";
	case POLICY_PATH_MENU: return "menu";
	case POLICY_PATH_AUTOEXEC: return "autoexec";
	case POLICY_PATH_IMAGE:
		/* Not a ticket's: no stage of a job is confirmed by it. */
		switch (pol->kind) {
		case BOOTD_PAYLOAD_KERNEL: return "menu-kernel";
		case BOOTD_PAYLOAD_INITRD: return "menu-initrd";
		case BOOTD_PAYLOAD_FILE:
		case BOOTD_PAYLOAD_TEMPLATE: return "menu-file";
		}
		break;
	case POLICY_PATH_PAYLOAD:
		switch (pol->host->boot.payloads[pol->payload].kind) {
		case BOOTD_PAYLOAD_KERNEL: return "kernel";
		case BOOTD_PAYLOAD_INITRD: return "initrd";
		case BOOTD_PAYLOAD_FILE:
		case BOOTD_PAYLOAD_TEMPLATE: return "file";
		}
	}
	return "";
}

/* ---- answers with octets ---- */

static void
add_flight(struct http_conn *c, const struct http_server_plan *plan, const char *etag,
    int64_t start, int64_t now)
{
	struct http_flight *f = &c->flights[c->n_flights++];

	if (c->n_flights == 1)
		http_conn_start_pace(c, now);
	if (plan->status == HTTP_PARTIAL)
		snprintf(c->facts.range, sizeof c->facts.range,
		    "bytes %" PRId64 "-%" PRId64 "/%" PRId64, plan->from,
		    plan->from + plan->length - 1, plan->total);
	*f = (struct http_flight){
	    .start = start, .from = plan->from, .length = plan->length};
	if (c->for_peer)
		return;
	f->xfer = http_xfer_join(c->io->xfers, &c->facts, etag, plan->total,
	    plan->status == HTTP_PARTIAL, now);
}

static void
tell_bodiless(struct http_conn *c, const struct http_server_plan *plan)
{
	struct evsink *events = c->io->deps->events;

	switch ((int)plan->status) {
	case HTTP_NOT_MODIFIED:
		http_xfer_tell(events, &c->facts, "http.end", "not-modified",
		    "the client has this version already");
		break;
	case HTTP_PRECONDITION:
		http_xfer_tell(events, &c->facts, "http.error", "refused",
		    "the file is not the version that the client began with");
		break;
	case HTTP_RANGE:
		http_xfer_tell(events, &c->facts, "http.error", "refused",
		    "the range lies outside the file");
		break;
	default:
		http_xfer_tell(
		    events, &c->facts, "http.end", "head", "only the size was asked for");
		break;
	}
}

static bool
plan_head(
    struct http_conn *c, const struct http_server_facts *f, struct http_server_plan *plan)
{
	struct wbuf w = begin_out(c);

	http_server_plan(&c->req, f, plan);
	c->close_after = plan->close;
	c->facts.status = plan->status;
	http_server_head(&w, &c->req, f, plan, wall_seconds());
	c->out_len = w.len;
	if (plan->head_only && !c->for_peer)
		tell_bodiless(c, plan);
	return !plan->head_only;
}

/* Answers with the text of a generated script. */
static void
send_text(struct http_conn *c, const struct policy_http *pol, int64_t now)
{
	struct http_server_facts f = {.name = "script.ipxe",
	    .size = (int64_t)strlen(pol->text),
	    .modified = -1,
	    .etag = ""};
	struct http_server_plan plan;
	size_t head;

	if (!plan_head(c, &f, &plan))
		return;
	head = c->out_len;
	memcpy(c->out + head, pol->text + plan.from, (size_t)plan.length);
	c->out_len += (size_t)plan.length;
	add_flight(c, &plan, "", c->sent + (int64_t)head, now);
}

/* Answers with octets of the open file, which is taken. */
static void
send_file(struct http_conn *c, struct fileroot_file *file, const char *name, int64_t now)
{
	struct http_server_facts f = {.name = name,
	    .size = file->size,
	    .modified = file->mtime_ns / 1000000000,
	    .etag = file->etag};
	struct http_server_plan plan;

	if (!plan_head(c, &f, &plan)) {
		close(file->fd);
		return;
	}
	add_flight(c, &plan, file->etag, c->sent + (int64_t)c->out_len, now);
	c->file = *file;
	c->at = plan.from;
	c->end = plan.from + plan.length;
	/* An empty file is complete with its head alone. */
	if (c->grant.gated && (c->end > ticket_gate_from(file->size) || file->size == 0))
		c->hold = ticket_gate_from(file->size);
}

static void
take_grant(struct http_conn *c, const struct policy_http *pol)
{
	struct http_grant *g = &c->grant;

	memset(g, 0, sizeof *g);
	if (pol->what != POLICY_PATH_PAYLOAD)
		return;
	str_clip(g->token, sizeof g->token, pol->host->boot.token);
	str_clip(g->ticket, sizeof g->ticket, pol->host->boot.ticket);
	g->payload = pol->payload;
	g->gated = ticket_gate_holds(&pol->host->boot, pol->payload);
}

static void
cannot_open(struct http_conn *c, const char *file, int err)
{
	char reason[EVENT_REASON_SIZE];

	snprintf(reason, sizeof reason, "cannot open the file below its root: %s",
	    fileroot_why(err));
	if (!fileroot_is_trouble(err)) {
		not_found(c, file, reason);
		return;
	}
	http_answer_short(c, HTTP_UNAVAILABLE, NULL, NULL,
	    "the file cannot be opened now; try again", false);
	http_xfer_tell(c->io->deps->events, &c->facts, "http.error", "refused", reason);
}

/* What the agent has made for the ticket lies in one folder, what it was ordered for in another. */
static bool
is_made(const struct policy_http *pol)
{
	return pol->what == POLICY_PATH_SCRIPT ||
	       (pol->what == POLICY_PATH_PAYLOAD &&
		   pol->host->boot.payloads[pol->payload].kind == BOOTD_PAYLOAD_TEMPLATE);
}

static void
serve_file(struct http_conn *c, const struct policy_http *pol, int64_t now)
{
	const struct bootd_deps *deps = c->io->deps;
	int dir = pol->what == POLICY_PATH_LOADER ? deps->loaders_fd
		  : is_made(pol)		  ? deps->scripts_fd
						  : deps->images_fd;
	struct fileroot_file file;
	int err = fileroot_open(dir, pol->file, &file);

	if (err != 0) {
		cannot_open(c, pol->file, err);
		return;
	}
	/* The ticket was armed for a file of that size: another one is not what was
	 * ordered. */
	if (pol->what == POLICY_PATH_PAYLOAD && !is_made(pol) &&
	    file.size != pol->host->boot.payloads[pol->payload].size) {
		close(file.fd);
		not_found(c, pol->file, "the file has changed since the ticket was made");
		return;
	}
	if (pol->what == POLICY_PATH_IMAGE && file.size != pol->size) {
		close(file.fd);
		not_found(c, pol->file, "the file has another size than the image says");
		return;
	}
	take_grant(c, pol);
	send_file(c, &file, pol->file, now);
}

/* A generated text of the menu, in its file's stead. */
static void
serve_text(struct http_conn *c, const struct policy_http *pol, int64_t now)
{
	struct fileroot_file file;
	int err;

	if (pol->what == POLICY_PATH_MENU)
		err = http_menu_open(c->io, now, &file);
	else if (fileroot_open(c->io->deps->loaders_fd, pol->file, &file) == 0)
		err = 0;
	else
		err = http_menu_autoexec(c, &file);
	if (err != 0)
		cannot_open(c, pol->file, err);
	else
		send_file(c, &file,
		    pol->what == POLICY_PATH_MENU ? "script.ipxe" : "autoexec.ipxe", now);
}

/* ---- files for other sites ---- */

static unsigned
count_for_peers(const struct http_io *io)
{
	const struct http_conn *c;
	unsigned n = 0;

	DL_FOREACH (io->conns, c)
		n += c->for_peer && c->file.fd >= 0;
	return n;
}

/* A file by its digest. Its client judges what it gets; whether a machine booted, nothing of this says: no event tells of
 * what goes well. */
static void
serve_peer(struct http_conn *c, const struct policy_http *pol, int64_t now)
{
	const struct bootd_deps *deps = c->io->deps;
	struct fileroot_file file;
	int err;

	if (!policy_http_is_peer(deps->cfg, &c->ip)) {
		not_found(c, c->req.path,
		    "a file of the store, and its client is not in peers");
		return;
	}
	if (count_for_peers(c->io) >= HTTP_FOR_PEERS_MAX) {
		http_answer_short(c, HTTP_UNAVAILABLE, "http.error", "refused",
		    "too many files are being fetched by other sites", false);
		return;
	}
	err = fileroot_open(deps->images_fd, pol->file, &file);
	if (err != 0) {
		cannot_open(c, c->req.path, err);
		return;
	}
	c->for_peer = true;
	send_file(c, &file, pol->file, now);
}

/* ---- reports ---- */

static void
begin_report(struct http_conn *c, const struct policy_http *pol, int64_t now)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

	if (c->req.content_length > HTTP_BODY_MAX) {
		http_answer_short(c, HTTP_TOO_LARGE, "http.error", "refused",
		    "a report's body is at most 64 KiB", true);
		return;
	}
	str_clip(c->token, sizeof c->token, pol->token);
	str_clip(c->stage, sizeof c->stage, pol->stage);
	http_body_init(&c->body, c->req.chunked, c->req.content_length);
	if (c->note == NULL)
		c->note = str_alloc(HTTP_BODY_MAX + 1);
	c->note_len = 0;
	c->state = HTTP_CONN_BODY;
	c->since = c->moved = now;
	/* RFC 9110 10.1.1: of no use when the body is here already. The socket has just
	 * been read from and holds no other answer, so there is room for this one. */
	if (c->req.expect_continue && c->req.minor >= 1 && c->in_len == 0 &&
	    send(c->fd, go_on, sizeof go_on - 1, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
		c->sent += (int64_t)sizeof go_on - 1;
}

static void
answer_path(struct http_conn *c, const struct policy_http *pol, int64_t now)
{
	switch (pol->what) {
	case POLICY_PATH_NONE: not_found(c, c->req.path, pol->reason); return;
	case POLICY_PATH_IDLE:
		if (pol->leaves && c->req.method == HTTP_GET)
			policy_way_left(pol->host, now);
		send_text(c, pol, now);
		return;
	case POLICY_PATH_REPORT: begin_report(c, pol, now); return;
	case POLICY_PATH_MENU:
	case POLICY_PATH_AUTOEXEC: serve_text(c, pol, now); return;
	case POLICY_PATH_STORE: serve_peer(c, pol, now); return;
	case POLICY_PATH_LOADER:
	case POLICY_PATH_SCRIPT:
	case POLICY_PATH_IMAGE:
	case POLICY_PATH_PAYLOAD: serve_file(c, pol, now); return;
	}
}

static void
not_allowed(struct http_conn *c, const char *allowed)
{
	char reason[EVENT_REASON_SIZE];

	/* The text becomes the Allow field. */
	http_answer_short(c, HTTP_NOT_ALLOWED, NULL, NULL, allowed, has_body(&c->req));
	snprintf(reason, sizeof reason, "this path takes %s only", allowed);
	http_xfer_tell(c->io->deps->events, &c->facts, "http.error", "refused", reason);
}

void
http_answer_request(struct http_conn *c, int64_t now)
{
	struct http_request *req = &c->req;
	struct policy_http pol;
	bool reads = req->method == HTTP_GET || req->method == HTTP_HEAD;

	policy_http(*c->io->deps->table, c->io->deps->cfg, req->path, &pol);
	begin_facts(c);
	memset(&c->grant, 0, sizeof c->grant);
	c->for_peer = false;
	name_without_token(req->path, c->facts.file, sizeof c->facts.file);
	str_clip(c->facts.class, sizeof c->facts.class, class_name(&pol));
	if (pol.host != NULL)
		str_clip(c->facts.host, sizeof c->facts.host, pol.host->host.name);
	if (req->expect_other)
		http_answer_short(c, HTTP_EXPECTATION, "http.error", "refused",
		    "only 100-continue can be expected", has_body(req));
	else if (!reads && req->method != HTTP_POST)
		http_answer_short(c, HTTP_NOT_IMPLEMENTED, "http.error", "refused",
		    "only GET, HEAD and POST are known here", has_body(req));
	else if (reads && has_body(req))
		http_answer_short(c, HTTP_BAD_REQUEST, "http.error", "refused",
		    "a request for a file has no body", true);
	else if (reads && pol.what == POLICY_PATH_REPORT)
		not_allowed(c, "POST");
	else if (!reads && pol.what != POLICY_PATH_REPORT && pol.what != POLICY_PATH_NONE)
		not_allowed(c, "GET, HEAD");
	else
		answer_path(c, &pol, now);
}
