/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is asked of BMCs: power status, bmc probe|audit|reset, identify, sensors, sel.
 *
 * Entry point: cmd_bmc(), for all of them. Answers are printed as they come, "host: answer", or, with
 * --collate, at the end with the hosts of one answer together. The server names all hosts first, so that
 * each is accounted for exactly once here, also when the stream breaks off. What could harm is asked
 * for first, as cmd_order.c does.
 * Ownership: everything lives until cmd_bmc() returns. Failure modes: a host that failed ends the
 * command with 2; a stream that broke off with 5.
 */
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "ctl/answers_io.h"
#include "ctl/bmc_view.h"
#include "ctl/cmd.h"
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
	struct ctl *ctl;
	enum bmc_verb verb;
	bool blame;
	char *hosts; /* the selector as typed */
	struct host *expected;
	struct collate *collate; /* or NULL */
	json_t *rows;		 /* for -o json, or NULL */
	size_t failed;
	bool done; /* the server's last line has come */
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
	if (cmd_util_str(row, "code")[0] != '\0') {
		text_add_escaped(&t, host);
		text_add(&t, ": ");
		text_add_escaped(&t, cmd_util_str(row, "why"));
		fprintf(q->ctl->err, "%s\n", text_str(&t));
	}
	text_done(&t);
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
		bmc_view_answer(q->verb, row, q->blame, &answer);
		if (q->collate != NULL)
			collate_add(q->collate, host, text_str(&answer));
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

/* The hosts whose answer was on its way when the stream broke off. */
static void
account_for_rest(struct question *q)
{
	struct host *h, *next;

	HASH_ITER (hh, q->expected, h, next) {
		json_t *row;

		if (h->answered)
			continue;
		row = json_pack("{s:s, s:s, s:s, s:s}", "host", h->name, "code",
		    "answer-lost", "why",
		    "answer-lost: the server went away before it was told: ask again",
		    "power", "unknown");
		take_row(q, h->name, row);
		json_decref(row);
	}
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
	char *path = client_path("bmc", bmc_verb_info(q->verb)->name, NULL);
	const struct client_request rq = {
	    .method = "POST", .path = path, .body = body, .subject = q->hosts};
	int r = answers_io_run(q->ctl, &rq, on_line, q);

	if (q->expected != NULL && (r != CTL_OK || !q->done))
		account_for_rest(q);
	if (r == CTL_OK && !q->done) {
		struct error err;

		error_set(&err, 0, "server-unreachable", "ask again",
		    "the answer of %s broke off", q->ctl->server);
		r = ctl_fail(q->ctl, CTL_UNREACHABLE, q->hosts, &err);
	}
	if (q->expected != NULL)
		print_end(q);
	if (r == CTL_OK && q->failed > 0)
		r = CTL_FAILED;
	free(path);
	return r;
}

/* ---- the command line ---- */

static const struct {
	const char *noun, *verb;
	enum bmc_verb is;
} words[] = {
    {"power", "status", BMC_VERB_POWER_STATUS},
    {"bmc", "probe", BMC_VERB_PROBE},
    {"bmc", "show", BMC_VERB_SHOW},
};

static enum bmc_verb
verb_of(const struct args_command *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (str_eq(words[i].noun, c->noun) &&
		    (words[i].verb == NULL || str_eq(words[i].verb, c->verb)))
			return words[i].is;
	abort(); /* commands.c names the function for these only */
}

/* The verb's own options. */
static void
put_args(const struct question *q, const struct args *args, json_t *body)
{
	json_t *v = json_object();

	if (q->verb == BMC_VERB_PROBE && args_has(args, "only-read"))
		json_put_bool(v, "only_read", true);
	if (json_object_size(v) > 0)
		json_object_set(body, "args", v);
	json_decref(v);
}

int
cmd_bmc(struct ctl *ctl, const struct args *args)
{
	struct question q = {.ctl = ctl,
	    .verb = verb_of(args->command),
	    .hosts = cmd_util_selector(args),
	    .collate =
		args_has(args, "collate") && !ctl_is_json(ctl) ? collate_new() : NULL,
	    .rows = ctl->format == CTL_JSON ? json_array() : NULL};
	json_t *body = json_object();
	int r;

	q.blame = q.verb == BMC_VERB_SHOW && args_has(args, "blame");
	json_put_str(body, "hosts", q.hosts);
	put_args(&q, args, body);
	r = ask(&q, body);
	json_decref(body);
	json_decref(q.rows);
	collate_free(q.collate);
	free_expected(&q);
	free(q.hosts);
	return r;
}
