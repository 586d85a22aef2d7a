// SPDX-License-Identifier: GPL-3.0-or-later
/* The transfers of a trace: rows of a table, or begin, progress and end of events joined into one.
 *
 * Entry points: trace_transfer(), trace_transfer_event(). An end belongs to the last beginning of the same file at the
 * same address that has none; one without a beginning (the agent came later, or a log file told of it) says itself how
 * long it took. No failure modes. */
#include <string.h>

#include "lib/str.h"
#include "orchestrator/trace_priv.h"

/* Which stage waits for it. Reports are marks of their own. */
static const struct {
	const char *class, *stage;
} classes[] = {
    {"loader", "loader"},
    {"script", "script"},
    {"menu", "script"},
    {"kernel", "kernel"},
    {"menu-kernel", "kernel"},
    {"initrd", "initrd"},
    {"menu-initrd", "initrd"},
    {"file", "rootfs"},
    {"menu-file", "rootfs"},
};

static const char *
stage_of(const char *class)
{
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
		if (str_eq(class, classes[i].class))
			return classes[i].stage;
	return "";
}

static struct trace_span *
add(struct trace *t, const struct trace_transfer *x)
{
	/* A machine that fetches in a loop leaves room for what its BMC, power and console did. */
	if (t->n_transfers == TRACE_TRANSFERS_MAX) {
		t->more_spans++;
		return NULL;
	}
	struct trace_span *s = trace_span_add(t, "transfer", x->file, x->began);
	if (!s)
		return NULL;
	t->n_transfers++;
	s->ended = x->ended;
	s->octets = x->octets;
	s->total = x->total;
	s->state = !x->ended ? TRACE_OPEN : x->failed ? TRACE_FAILED : TRACE_OK;
	str_clip(s->protocol, sizeof(s->protocol), x->protocol);
	str_clip(s->class, sizeof(s->class), x->class);
	str_clip(s->ip, sizeof(s->ip), x->ip);
	str_clip(s->text, sizeof(s->text), x->text);
	s->stage = stage_of(s->class);
	return s;
}

/* It only asked for the size, or whether it has it already: neither a transfer nor a failure. */
static bool
is_question(const char *result)
{
	return str_eq(result, "probe") || str_eq(result, "not-modified") ||
	       str_eq(result, "head");
}

void
trace_transfer(struct trace *t, const struct trace_transfer *x)
{
	struct trace_transfer known = *x;

	t->from_table = true;
	/* Reports are told by report.*; where a log tells of ends only, the beginning is not known. */
	if (str_eq(x->class, "report") || is_question(x->result ? x->result : ""))
		return;
	if (!known.began)
		known.began = x->ended;
	add(t, &known);
}

static struct trace_span *
find_open(struct trace *t, const struct event *ev, const char *protocol)
{
	for (size_t i = t->n_spans; i > 0; i--) {
		struct trace_span *s = &t->spans[i - 1];
		if (str_eq(s->row, "transfer") && !s->ended && s->n > 0 &&
		    str_eq(s->name, ev->file) && str_eq(s->ip, ev->ip) &&
		    str_eq(s->protocol, protocol))
			return s;
	}
	return NULL;
}

static void
move_on(struct trace_span *s, const struct event *ev)
{
	if (ev->bytes >= 0)
		s->octets = ev->bytes;
	if (ev->total >= 0)
		s->total = ev->total;
}

static bool
complete(const struct event *ev)
{
	return str_has_prefix(event_str(ev, "result"), "complete");
}

static bool
only_asked(const struct event *ev)
{
	return is_question(event_str(ev, "result")) ||
	       str_eq(event_str(ev, "method"), "HEAD");
}

static int64_t
microseconds(const struct event *ev, const char *name)
{
	int64_t us = event_i64(ev, name, 0);

	return us > 0 && us < ev->at ? us : 0;
}

/* What ended without a word had its end before it was told. */
static int64_t
end_of(const struct event *ev)
{
	return ev->at - microseconds(ev, "waited_us");
}

static void
end_transfer(struct trace_span *s, const struct event *ev)
{
	move_on(s, ev);
	s->ended = end_of(ev);
	s->state = complete(ev) ? TRACE_OK : TRACE_FAILED;
	str_clip(s->text, sizeof(s->text), ev->reason);
}

/* An end whose beginning nobody told. */
static bool
add_ended(struct trace *t, const struct event *ev, const struct trace_transfer *like)
{
	struct trace_transfer x = *like;

	if (!complete(ev))
		return false;
	x.ended = end_of(ev);
	x.began = x.ended - microseconds(ev, "took_us");
	x.octets = ev->bytes;
	x.total = ev->total;
	add(t, &x);
	return true;
}

bool
trace_transfer_event(struct trace *t, const struct event *ev)
{
	const char *protocol = str_has_prefix(ev->kind, "tftp.")   ? "tftp"
			       : str_has_prefix(ev->kind, "http.") ? "http"
								   : NULL;
	const char *what = protocol ? ev->kind + strlen("tftp.") : "";
	const char *class = event_str(ev, "class");
	struct trace_span *s;

	if (!protocol)
		return false;
	if (str_eq(class, "report") && str_eq(what, "end"))
		return true; /* told by report.* */
	/* By TFTP go loaders only. */
	const struct trace_transfer x = {.protocol = protocol,
	    .class = class[0] || str_eq(protocol, "http") ? class : "loader",
	    .file = ev->file,
	    .ip = ev->ip,
	    .began = ev->at,
	    .octets = ev->bytes,
	    .total = ev->total,
	    .text = ev->reason};
	if (str_eq(what, "begin"))
		return t->from_table || add(t, &x) || true;
	s = t->from_table ? NULL : find_open(t, ev, protocol);
	if (str_eq(what, "progress")) {
		if (s)
			move_on(s, ev);
		return true;
	}
	if (only_asked(ev)) {
		if (s)
			s->n = 0;
		return false;
	}
	if (!s)
		return t->from_table ? complete(ev) : add_ended(t, ev, &x);
	end_transfer(s, ev);
	return true;
}
