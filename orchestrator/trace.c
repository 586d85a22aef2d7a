// SPDX-License-Identifier: GPL-3.0-or-later
/* A boot's spans and marks, and their document.
 *
 * Entry points: trace_new(), then trace_stage(), trace_transfer() and trace_event(), trace_json(). What lasts is a
 * span (a stage, a transfer, a call at the BMC, a phase of the power, a console), what happens is a mark. Like
 * marks in a row are one, with their number: a machine that asks for an address every few seconds for an hour is a
 * line and not a thousand. Events may have been removed while the boot is kept; stages and transfers then come from
 * their tables alone.
 *
 * Ownership: the trace owns what it was given copies of. Failure modes: none; what is too much is counted, and
 * the count told. */
#include "orchestrator/trace.h"

#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/job_json.h"
#include "orchestrator/trace_priv.h"

enum { FOLD_BACK = 4 };

struct trace *
trace_new(const struct db_boot *boot)
{
	struct trace *t = str_alloc(sizeof(*t));

	t->boot = *boot;
	t->spans = str_alloc(TRACE_SPANS_MAX * sizeof(*t->spans));
	t->marks = str_alloc(TRACE_MARKS_MAX * sizeof(*t->marks));
	return t;
}

void
trace_free(struct trace *t)
{
	if (!t)
		return;
	free(t->spans);
	free(t->marks);
	free(t);
}

struct trace_span *
trace_span_add(struct trace *t, const char *row, const char *name, int64_t began)
{
	if (t->n_spans == TRACE_SPANS_MAX) {
		t->more_spans++;
		return NULL;
	}
	struct trace_span *x = &t->spans[t->n_spans++];
	*x = (struct trace_span){.row = row,
	    .began = began,
	    .deadline_us = -1,
	    .usual_us = -1,
	    .octets = -1,
	    .total = -1,
	    .stage = "",
	    .n = 1};
	str_clip(x->name, sizeof(x->name), name);
	return x;
}

static void
add_word(char *text, const char *word, const char *between)
{
	size_t len = strlen(text);

	if (!word[0] || len + 8 > TRACE_TEXT_SIZE)
		return;
	if (len)
		str_clip(text + len, TRACE_TEXT_SIZE - len, between);
	len = strlen(text);
	str_clip(text + len, TRACE_TEXT_SIZE - len, word);
}

/* What there is to say of an event in one line. */
static void
mark_text(const struct event *ev, char text[TRACE_TEXT_SIZE])
{
	static const char *const details[] = {
	    "class", "state", "code", "note", "server", "evidence"};
	bool dhcp = str_has_prefix(ev->kind, "dhcp");

	text[0] = '\0';
	/* The class of what a console said is in the reason already. */
	for (size_t i = 0; i < ARRAY_SIZE(details); i++)
		if (!str_eq(ev->kind, "sol.line"))
			add_word(text, event_str(ev, details[i]), ", ");
	if (dhcp) {
		add_word(text, ev->arch, ", ");
		add_word(text, ev->mac, ", ");
		add_word(text, ev->ip, ", ");
	}
	add_word(text, ev->file, ", ");
	add_word(text, ev->reason, text[0] ? ": " : "");
	if (!ev->reason[0])
		add_word(text, event_str(ev, "text"), ": ");
}

void
trace_mark_add(struct trace *t, int64_t seq, const struct event *ev)
{
	char text[TRACE_TEXT_SIZE];

	mark_text(ev, text);
	for (size_t i = 0; i < FOLD_BACK && i < t->n_marks; i++) {
		struct trace_mark *m = &t->marks[t->n_marks - 1 - i];
		if (str_eq(m->kind, ev->kind) && str_eq(m->text, text)) {
			m->n++;
			m->until = ev->at;
			return;
		}
	}
	if (t->n_marks == TRACE_MARKS_MAX) {
		if (t->more_marks++ == 0) {
			t->cut_at = ev->at;
			t->cut_seq = seq;
		}
		return;
	}
	struct trace_mark *m = &t->marks[t->n_marks++];
	*m = (struct trace_mark){.at = ev->at, .until = ev->at, .seq = seq, .n = 1};
	str_clip(m->kind, sizeof(m->kind), ev->kind);
	str_clip(m->text, sizeof(m->text), text);
}

void
trace_stage(struct trace *t, const struct db_job_stage *g, int64_t usual_us)
{
	static const struct {
		const char *name;
		enum trace_state state;
	} states[] = {{"confirmed", TRACE_CONFIRMED}, {"missed", TRACE_MISSED},
	    {"skipped", TRACE_SKIPPED}};
	struct trace_span *x =
	    trace_span_add(t, "stage", g->stage, g->entered ? g->entered : g->ended);

	if (!x)
		return;
	x->ended = g->ended;
	x->deadline_us = g->deadline_us;
	x->usual_us = usual_us;
	str_clip(x->text, sizeof(x->text), g->evidence);
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (str_eq(g->state, states[i].name))
			x->state = states[i].state;
}

static void
put_known(json_t *v, const char *key, int64_t n)
{
	json_put(v, key, n >= 0 ? json_integer(n) : json_null());
}

/* "×12" behind what came so often. */
static void
put_text(json_t *v, const char *text, unsigned n)
{
	if (n > 1)
		json_put(v, "text", json_sprintf("%s%s×%u", text, text[0] ? " " : "", n));
	else
		json_put(v, "text", json_string(text));
}

static int64_t
rate_of(const struct trace_span *x)
{
	int64_t took = x->ended - x->began;

	if (x->octets < 0 || !x->ended || took <= 0)
		return -1;
	return (int64_t)((double)x->octets * 1e6 / (double)took);
}

static json_t *
span_json(const struct trace *t, const struct trace_span *x)
{
	static const char *const names[] = {[TRACE_CONFIRMED] = "confirmed",
	    [TRACE_MISSED] = "missed",
	    [TRACE_SKIPPED] = "skipped",
	    [TRACE_OK] = "ok",
	    [TRACE_FAILED] = "failed"};
	/* A boot that is over has nothing that goes on. */
	bool broke = x->state == TRACE_OPEN && t->boot.ended;
	const char *open =
	    broke ? str_eq(x->row, "console") ? "ok" : "failed" : "running";
	json_t *v = json_pack("{s:s, s:s}", "row", x->row, "name", x->name);

	job_json_time(v, "began", x->began);
	job_json_time(v, "ended",
	    x->ended		       ? x->ended
	    : !broke		       ? 0
	    : x->began > t->boot.ended ? x->began
				       : t->boot.ended);
	json_put_str(v, "state", x->state == TRACE_OPEN ? open : names[x->state]);
	put_text(v, x->text, x->n);
	put_known(v, "deadline_us", x->deadline_us);
	put_known(v, "usual_us", x->usual_us);
	put_known(v, "octets", x->octets);
	put_known(v, "total", x->total);
	put_known(v, "rate", rate_of(x));
	json_put_i64(v, "n", x->n);
	if (str_eq(x->row, "transfer")) {
		json_put(v, "protocol", json_string(x->protocol));
		json_put(v, "class", json_string(x->class));
		json_put(v, "ip", json_string(x->ip));
		json_put(v, "stage", json_string(x->stage));
	}
	return v;
}

static json_t *
mark_json(const struct trace_mark *m)
{
	json_t *v = json_object();

	job_json_time(v, "at", m->at);
	json_put_str(v, "kind", m->kind);
	put_text(v, m->text, m->n);
	json_put_i64(v, "seq", m->seq);
	json_put_i64(v, "n", m->n);
	job_json_time(v, "until", m->until);
	return v;
}

static int
by_began(const void *a, const void *b)
{
	const struct trace_span *x = a, *y = b;

	return (x->began > y->began) - (x->began < y->began);
}

static int
by_at(const void *a, const void *b)
{
	const struct trace_mark *x = a, *y = b;

	return x->at != y->at ? (x->at > y->at) - (x->at < y->at)
			      : (x->seq > y->seq) - (x->seq < y->seq);
}

/* Equal times keep the order in which they were told: qsort() does not promise that. */
static void
sort_spans(struct trace *t)
{
	for (size_t i = 1; i < t->n_spans; i++)
		for (size_t k = i; k > 0 && by_began(&t->spans[k - 1], &t->spans[k]) > 0;
		     k--) {
			struct trace_span x = t->spans[k];
			t->spans[k] = t->spans[k - 1];
			t->spans[k - 1] = x;
		}
}

static json_t *
marks_json(struct trace *t)
{
	json_t *marks = json_array();

	qsort(t->marks, t->n_marks, sizeof(t->marks[0]), by_at);
	for (size_t i = 0; i < t->n_marks; i++)
		json_array_append_new(marks, mark_json(&t->marks[i]));
	if (t->more_marks + t->more_spans > 0) {
		struct trace_mark m = {.at = t->cut_at ? t->cut_at : t->boot.began,
		    .seq = t->cut_seq,
		    .kind = "trace.more",
		    .n = 1};
		m.until = m.at;
		if (str_format(m.text, sizeof(m.text), "%zu more are left out here",
			t->more_marks + t->more_spans) < 0)
			m.text[0] = '\0';
		json_array_append_new(marks, mark_json(&m));
	}
	return marks;
}

json_t *
trace_json(struct trace *t, json_t *boot)
{
	json_t *v = json_object(), *spans = json_array();
	int64_t began = t->boot.began;

	sort_spans(t);
	for (size_t i = 0; i < t->n_spans; i++)
		if (t->spans[i].n > 0)
			json_array_append_new(spans, span_json(t, &t->spans[i]));
	if (t->n_spans && t->spans[0].began && t->spans[0].began < began)
		began = t->spans[0].began;
	json_put(v, "boot", boot);
	job_json_time(v, "began", began);
	job_json_time(v, "ended", t->boot.ended);
	json_put(v, "spans", spans);
	json_put(v, "marks", marks_json(t));
	return v;
}
