// SPDX-License-Identifier: GPL-3.0-or-later
/* Exported audits: JSON lines, of which the last one is the head.
 *
 * Entry points: audit_file_verify(), audit_file_export(). An export is written beside its name and renamed when its
 * last line is there, so that a file of that name is a whole one; its chain is checked on the way. Memory is bounded
 * by one line. Ownership: files are closed, and what was not finished is removed, here.
 * Failure modes: a file without its last line was cut off; one with more after it was put together. */
#include "ctl/audit_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/answers_io.h"
#include "ctl/client.h"
#include "ctl/text.h"
#include "lib/audit_chain.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"

/* One reading of an export. */
struct reading {
	struct audit_chain *chain;
	bool enough; /* the chain is known to be broken */
	bool ended;  /* the head was read */
	int64_t head_seq;
	char head_hash[DIGEST_TEXT];
	int64_t lines;
};

static int
not_whole(struct error *err, int64_t line, const char *text)
{
	return error_set(err, -EINVAL, "audit-file",
	    "take the file as netboot-ctl audit export wrote it", "line %lld: %s",
	    (long long)line, text);
}

static int
take_line(struct reading *r, const char *text, size_t len, struct error *err)
{
	struct audit_chain_line line;

	r->lines++;
	if (r->ended)
		return not_whole(err, r->lines, "there is more after the last line");
	if (audit_chain_line_parse(text, len, &line, err) < 0) {
		struct error why = *err;
		return not_whole(err, r->lines, why.text);
	}
	if (line.head) {
		r->ended = true;
		r->head_seq = line.row.seq;
		if (line.row.hash.n < sizeof(r->head_hash))
			memcpy(r->head_hash, line.row.hash.v, line.row.hash.n);
	} else if (!r->enough) {
		r->enough = !audit_chain_feed(r->chain, &line.row);
	}
	audit_chain_line_done(&line);
	return 0;
}

/* What the last line says must be what the rows come to. */
static int
conclude(const struct reading *r, struct audit_chain_result *ret, struct error *err)
{
	if (!r->ended)
		return not_whole(
		    err, r->lines, "the last line is missing: it was cut off");
	audit_chain_end(r->chain, ret);
	if (ret->why != AUDIT_CHAIN_OK ||
	    (ret->head_seq == r->head_seq && str_eq(ret->head_hash, r->head_hash)))
		return 0;
	ret->why =
	    r->head_seq > ret->head_seq ? AUDIT_CHAIN_REMOVED : AUDIT_CHAIN_CHANGED;
	ret->seq = r->head_seq > ret->head_seq ? ret->head_seq + 1 : r->head_seq;
	snprintf(ret->text, sizeof(ret->text),
	    "the last line of the file names row %lld, and its rows end otherwise",
	    (long long)r->head_seq);
	return 0;
}

static json_t *
result_json(const struct audit_chain_result *r)
{
	char at[CLOCK_TEXT_SIZE];
	json_t *broken = json_null();

	if (r->why != AUDIT_CHAIN_OK)
		broken = json_pack("{s:I, s:s, s:s}", "seq", (json_int_t)r->seq, "why",
		    audit_chain_why_name(r->why), "text", r->text);
	return json_pack("{s:b, s:I, s:{s:I, s:s?, s:s}, s:o}", "ok",
	    r->why == AUDIT_CHAIN_OK, "rows", (json_int_t)r->rows, "head", "seq",
	    (json_int_t)r->head_seq, "at",
	    r->head_seq ? clock_text(r->head_at, at, sizeof(at)) : NULL, "hash",
	    r->head_hash, "broken", broken);
}

static int
read_all(FILE *f, struct reading *r, struct error *err)
{
	size_t size = AUDIT_CHAIN_LINE_MAX + 2;
	char *line = str_alloc(size);
	int rc = 0;

	while (rc == 0 && fgets(line, (int)size, f)) {
		size_t len = strlen(line);
		if (len > 0 && line[len - 1] == '\n')
			rc = take_line(r, line, len - 1, err);
		else
			rc = not_whole(err, r->lines + 1,
			    feof(f) ? "it does not end: the file was cut off"
				    : "it is too long, or no text");
	}
	if (rc == 0 && ferror(f))
		rc = error_set(err, -EIO, "unreadable",
		    "check the name and its permissions", "%s", strerror(errno));
	free(line);
	return rc;
}

json_t *
audit_file_verify(const char *path, int64_t seq, const char *hash, struct error *err)
{
	struct reading r = {.chain = NULL};
	struct audit_chain_result res;
	FILE *f = str_eq(path, "-") ? stdin : fopen(path, "re");

	if (!f) {
		error_set(err, -errno, "unreadable", "check the name and its permissions",
		    "%s", strerror(errno));
		return NULL;
	}
	r.chain = audit_chain_new();
	if (seq)
		audit_chain_expect(r.chain, seq, hash);
	int rc = read_all(f, &r, err);
	if (rc == 0)
		rc = conclude(&r, &res, err);
	audit_chain_free(r.chain);
	if (f != stdin)
		fclose(f);
	return rc == 0 ? result_json(&res) : NULL;
}

/* ---- export ---- */

struct writing {
	FILE *f;
	struct reading r;
	struct error err; /* code "": none */
};

static void
on_line(void *arg, const json_t *v)
{
	struct writing *w = arg;
	char *text = json_text(v);

	if (!w->err.code[0])
		(void)!take_line(&w->r, text, strlen(text), &w->err);
	if (fputs(text, w->f) < 0 || fputc('\n', w->f) < 0)
		error_set(&w->err, -EIO, "unwritable",
		    "check the name, its permissions and the space", "%s",
		    strerror(errno));
	free(text);
}

static int
fetch(const struct ctl *ctl, struct writing *w)
{
	const struct client_request rq = {
	    .method = "GET", .path = "/api/v1/audit/export"};
	struct audit_chain_result res;
	bool interrupted = false;
	struct error err;
	int r = answers_io_run(ctl, &rq, on_line, w, &interrupted);

	if (r != CTL_OK || interrupted)
		return r != CTL_OK ? r : CTL_FAILED;
	if (fflush(w->f) != 0 && !w->err.code[0])
		error_set(&w->err, -EIO, "unwritable",
		    "check the name, its permissions and the space", "%s",
		    strerror(errno));
	if (w->err.code[0])
		return ctl_fail(ctl, CTL_UNREACHABLE, NULL, &w->err);
	if (conclude(&w->r, &res, &err) < 0)
		return ctl_fail(ctl, CTL_UNREACHABLE, NULL, &err);
	if (res.why == AUDIT_CHAIN_OK) {
		ctl_say(ctl, "%lld rows, head %lld %s", (long long)res.rows,
		    (long long)res.head_seq, res.head_hash[0] ? res.head_hash : "-");
		return CTL_OK;
	}
	error_set(&err, 0, "audit-broken", "netboot-ctl audit verify tells more",
	    "row %lld: %s: %s", (long long)res.seq, audit_chain_why_name(res.why),
	    res.text);
	return ctl_fail(ctl, CTL_FAILED, NULL, &err);
}

static int
cannot(const struct ctl *ctl, const char *path)
{
	struct error err;

	error_set(&err, -errno, "unwritable",
	    "check the name, its permissions and the space", "%s", strerror(errno));
	return ctl_fail(ctl, CTL_USAGE, path, &err);
}

static int
export_to(const struct ctl *ctl, const char *path, struct writing *w)
{
	struct text tmp = {0};
	int r;

	text_addf(&tmp, "%s.part", path);
	w->f = fopen(text_str(&tmp), "we");
	if (!w->f || fchmod(fileno(w->f), 0600) < 0) {
		r = cannot(ctl, text_str(&tmp));
	} else {
		r = fetch(ctl, w);
		/* What was read to its end may not have been written to its end. */
		bool whole = r == CTL_OK || (w->r.ended && !w->err.code[0]);
		if (whole &&
		    (fsync(fileno(w->f)) < 0 || rename(text_str(&tmp), path) < 0))
			r = cannot(ctl, path);
		else if (!whole)
			unlink(text_str(&tmp));
	}
	if (w->f)
		fclose(w->f);
	text_done(&tmp);
	return r;
}

int
audit_file_export(const struct ctl *ctl, const char *path)
{
	struct writing w = {.f = ctl->out};
	int r;

	w.r.chain = audit_chain_new();
	r = path && !str_eq(path, "-") ? export_to(ctl, path, &w) : fetch(ctl, &w);
	audit_chain_free(w.r.chain);
	return r;
}
