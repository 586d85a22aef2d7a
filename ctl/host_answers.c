/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers of many hosts, from the server's stream of lines to the terminal.
 *
 * Entry point: host_answers_run(). The server names all hosts first, so that each is accounted for exactly once here, also when the stream
 * breaks off or ^C ends it.
 * Ownership: everything lives until host_answers_run() returns. Failure modes: a host that failed ends the command with 2; a stream that broke
 * off with 5.
 */
#include "ctl/host_answers.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "ctl/answers_io.h"
#include "ctl/cmd_util.h"
#include "ctl/collate.h"
#include "ctl/output.h"
#include "lib/json.h"
#include "lib/str.h"

struct host {
	UT_hash_handle hh;
	char *name;
	bool answered;
};

struct question {
	const struct host_answers_opts *o;
	struct ctl *ctl;
	struct host *expected;
	struct collate *collate; /* or NULL */
	struct collate *whys;	 /* with it: the error lines */
	json_t *rows;		 /* for -o json, or NULL */
	size_t failed;
	bool done;	  /* the server's last line has come */
	bool interrupted; /* by ^C */
};

/* ---- answers ---- */

static void
expect(struct question *q, const json_t *names)
{
	const json_t *item;
	size_t i;

	json_array_foreach (names, i, item) {
		const char *name = json_string_value(item);
		struct host *h;

		if (name == NULL)
			continue;
		HASH_FIND_STR(q->expected, name, h);
		if (h != NULL)
			continue;
		h = str_alloc(sizeof(*h));
		h->name = str_dup(name);
		HASH_ADD_KEYPTR(hh, q->expected, h->name, strlen(h->name), h);
	}
}

/* "host: line" for each line of the answer. */
static void
print_lines(
    const struct question *q, const char *host, const char *answer, const json_t *row)
{
	struct text t = {0};

	do {
		size_t len = strcspn(answer, "\n");

		text_add_escaped(&t, host);
		text_add(&t, ": ");
		text_add_bytes(&t, answer, len);
		text_add(&t, "\n");
		answer += len + (answer[len] == '\n');
	} while (*answer != '\0');
	fputs(text_str(&t), q->ctl->out);
	fflush(q->ctl->out);
	text_clear(&t);
	if (cmd_util_str(row, "code")[0] != '\0' && !q->interrupted) {
		text_add_escaped(&t, host);
		text_add(&t, ": ");
		text_add_escaped(&t, cmd_util_str(row, "why"));
		fprintf(q->ctl->err, "%s\n", text_str(&t));
	}
	text_done(&t);
}

static void
add_to_groups(
    const struct question *q, const char *host, const char *answer, const json_t *row)
{
	struct text why = {0};

	collate_add(q->collate, host, answer);
	text_add_escaped(&why, cmd_util_str(row, "why"));
	if (cmd_util_str(row, "code")[0] != '\0')
		collate_add(q->whys, host, text_str(&why));
	text_done(&why);
}

static void
print_row(struct question *q, const char *host, const json_t *row)
{
	struct text answer = {0};

	if (q->rows != NULL) {
		json_array_append(q->rows, (json_t *)(uintptr_t)row);
	} else if (q->ctl->format == CTL_NDJSON) {
		output_json(q->ctl, row);
	} else {
		q->o->view(q->o->arg, row, &answer);
		if (q->collate != NULL)
			add_to_groups(q, host, text_str(&answer), row);
		else
			print_lines(q, host, text_str(&answer), row);
	}
	text_done(&answer);
}

static void
take_row(struct question *q, const char *host, const json_t *row)
{
	struct host *h;

	HASH_FIND_STR(q->expected, host, h);
	if (h == NULL || h->answered)
		return;
	h->answered = true;
	if (cmd_util_str(row, "code")[0] != '\0')
		q->failed++;
	print_row(q, host, row);
}

static void
on_line(void *arg, const json_t *line)
{
	struct question *q = arg;
	const char *host = json_string_value(json_object_get(line, "host"));

	if (host != NULL)
		take_row(q, host, line);
	else if (json_is_array(json_object_get(line, "hosts")))
		expect(q, json_object_get(line, "hosts"));
	else if (json_is_object(json_object_get(line, "done")))
		q->done = true;
}

/* The hosts whose answer was on its way when the stream broke off, or was forgotten. */
static void
account_for_rest(struct question *q)
{
	const char *code = q->interrupted ? "interrupted" : "answer-lost",
		   *why = q->interrupted ? "interrupted: its answer was not waited for"
					 : q->o->lost;
	struct host *h, *next;
	size_t n = 0;

	HASH_ITER (hh, q->expected, h, next) {
		json_t *row;

		if (h->answered)
			continue;
		n++;
		row = json_pack(
		    "{s:s, s:s, s:s}", "host", h->name, "code", code, "why", why);
		if (q->o->power)
			json_put_str(row, "power", "unknown");
		take_row(q, h->name, row);
		json_decref(row);
	}
	if (q->interrupted)
		fprintf(q->ctl->err, "interrupted: %zu of %u hosts were not answered%s\n",
		    n, HASH_COUNT(q->expected),
		    q->o->may_be_done
			? "; what was asked of them may be done all the same"
			: "");
}

static void
free_expected(struct question *q)
{
	struct host *h, *next;

	HASH_ITER (hh, q->expected, h, next) {
		HASH_DEL(q->expected, h);
		free(h->name);
		free(h);
	}
}

/* ---- the question ---- */

static void
print_end(struct question *q)
{
	struct text t = {0};

	if (q->collate != NULL)
		collate_print(q->collate, &t);
	fputs(text_str(&t), q->ctl->out);
	text_clear(&t);
	if (q->whys != NULL)
		collate_print(q->whys, &t);
	fflush(q->ctl->out);
	fputs(text_str(&t), q->ctl->err);
	text_done(&t);
	if (q->rows != NULL) {
		json_t *all = json_object();

		json_object_set(all, "items", q->rows);
		output_json(q->ctl, all);
		json_decref(all);
	}
	fflush(q->ctl->out);
}

static int
ask(struct question *q, json_t *body)
{
	const struct client_request rq = {
	    .method = "POST", .path = q->o->path, .body = body, .subject = q->o->hosts};
	struct error err;
	int r = answers_io_run(q->ctl, &rq, on_line, q, &q->interrupted);

	account_for_rest(q);
	if (r == CTL_OK && !q->done) {
		error_set(&err, 0, "server-unreachable", "ask again",
		    "the answer of %s broke off", q->ctl->server);
		r = ctl_fail(q->ctl, CTL_UNREACHABLE, q->o->hosts, &err);
	} else if (r == CTL_OK && q->expected == NULL) {
		/* Silence would read as if all were well. */
		error_set(&err, 0, "host-unknown", "netboot-ctl host list shows them",
		    "no host matches it");
		r = ctl_fail(q->ctl, CTL_USAGE, q->o->hosts, &err);
	}
	if (q->expected != NULL)
		print_end(q);
	return r == CTL_OK && q->failed > 0 ? CTL_FAILED : r;
}

int
host_answers_run(
    const struct host_answers_opts *opts, json_t *body, bool *ret_interrupted)
{
	struct question q = {.o = opts,
	    .ctl = opts->ctl,
	    .collate = opts->collate ? collate_new() : NULL,
	    .whys = opts->collate ? collate_new() : NULL,
	    .rows = opts->ctl->format == CTL_JSON ? json_array() : NULL};
	int r = ask(&q, body);

	*ret_interrupted = q.interrupted;
	json_decref(q.rows);
	collate_free(q.collate);
	collate_free(q.whys);
	free_expected(&q);
	return r;
}
