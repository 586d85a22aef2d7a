// SPDX-License-Identifier: GPL-3.0-or-later
/* Events of a boot to spans and marks.
 *
 * Entry point: trace_event(). A job's events come in the order in which they were recorded; those that name no boot
 * belong to the attempt that was told of last. Calls at the BMC are joined from one session to the next, and like
 * ones (a power that is asked for again and again) are one span. No failure modes. */
#include <string.h>

#include "lib/str.h"
#include "orchestrator/trace_priv.h"

static bool
is_of_boot(struct trace *t, const struct event *ev)
{
	if (str_eq(ev->kind, "job.attempt"))
		t->attempt = event_i64(ev, "attempt", t->attempt);
	if (ev->boot[0])
		return str_eq(ev->boot, t->boot.id);
	return t->boot.planned && (!t->attempt || t->attempt == t->boot.attempt);
}

static struct trace_span *
open_span(struct trace *t, size_t at)
{
	return at ? &t->spans[at - 1] : NULL;
}

static void
append(struct trace_span *x, const char *text)
{
	size_t len = strlen(x->text);

	if (len && len + 2 < sizeof(x->text)) {
		str_clip(x->text + len, sizeof(x->text) - len, "; ");
		len += 2;
	}
	str_clip(x->text + len, sizeof(x->text) - len, text);
}

/* The call that ended: one with the call before it, when both did the same. */
static void
fold_call(struct trace *t)
{
	struct trace_span *x = open_span(t, t->bmc), *before = NULL;

	if (!x || t->bmc != t->n_spans)
		return;
	for (size_t i = t->n_spans - 1; i > 0 && !before; i--)
		if (str_eq(t->spans[i - 1].row, "bmc"))
			before = &t->spans[i - 1];
	if (!before || !str_eq(before->text, x->text) || before->state != x->state)
		return;
	before->n++;
	before->ended = x->ended;
	t->n_spans--;
	t->bmc = 0;
}

static void
on_ipmi(struct trace *t, const struct event *ev)
{
	bool session = str_eq(ev->kind, "ipmi.session");
	struct trace_span *x = open_span(t, t->bmc);

	if (session || !x) {
		fold_call(t);
		x = trace_span_add(t, "bmc", "call", ev->at);
		t->bmc = x ? t->n_spans : 0;
	}
	if (!x)
		return;
	x->ended = ev->at;
	if (x->state != TRACE_FAILED)
		x->state = str_eq(ev->kind, "ipmi.error") ? TRACE_FAILED : TRACE_OK;
	if (session)
		str_clip(x->name, sizeof(x->name), "session");
	else
		append(x, ev->reason);
}

static void
end_power(struct trace *t, int64_t at)
{
	struct trace_span *x = open_span(t, t->power);

	if (x) {
		x->ended = at;
		x->state = TRACE_OK;
	}
	t->power = 0;
}

static void
begin_power(struct trace *t, const char *name, int64_t at, const char *text)
{
	end_power(t, at);
	struct trace_span *x = trace_span_add(t, "power", name, at);
	if (x)
		str_clip(x->text, sizeof(x->text), text);
	t->power = x ? t->n_spans : 0;
}

/* From an accepted order to the power as it was then seen. */
static void
on_control(struct trace *t, const struct event *ev)
{
	static const struct {
		const char *prefix, *name;
	} orders[] = {{"power on:", "switching on"}, {"power off:", "switching off"},
	    {"power soft:", "shutting down"}, {"power cycle:", "cycling"},
	    {"power reset:", "resetting"}};

	for (size_t i = 0; i < ARRAY_SIZE(orders); i++)
		if (str_has_prefix(ev->reason, orders[i].prefix))
			begin_power(t, orders[i].name, ev->at, ev->reason);
}

static void
on_power(struct trace *t, const struct event *ev)
{
	const char *power = event_str(ev, "power"), *why = event_str(ev, "why");

	if (str_eq(power, "off"))
		begin_power(t, "off", ev->at, why);
	else if (str_eq(power, "on"))
		end_power(t, ev->at);
	else
		begin_power(t, "unknown", ev->at, why);
}

static bool
on_console(struct trace *t, const struct event *ev)
{
	struct trace_span *x = open_span(t, t->console);

	if (str_eq(ev->kind, "sol.connected") || str_eq(ev->kind, "sol.resumed")) {
		if (!x) {
			x = trace_span_add(t, "console", "console", ev->at);
			t->console = x ? t->n_spans : 0;
		}
		return true;
	}
	if (!x || (!str_eq(ev->kind, "sol.lost") && !str_eq(ev->kind, "sol.stolen") &&
		      !str_eq(ev->kind, "sol.yielded")))
		return false;
	x->ended = ev->at;
	x->state = str_eq(ev->kind, "sol.yielded") ? TRACE_OK : TRACE_FAILED;
	str_clip(x->text, sizeof(x->text), ev->reason);
	t->console = 0;
	return true;
}

/* What is in the document in another form. */
static bool
is_elsewhere(const char *kind)
{
	static const char *const kinds[] = {
	    "job.stage", "boot.begin", "boot.end", "ipmi.progress"};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (str_eq(kind, kinds[i]))
			return true;
	return false;
}

void
trace_event(struct trace *t, int64_t seq, const struct event *ev)
{
	if (!is_of_boot(t, ev) || is_elsewhere(ev->kind))
		return;
	if (str_has_prefix(ev->kind, "ipmi.")) {
		on_ipmi(t, ev);
		if (str_eq(ev->kind, "ipmi.control"))
			on_control(t, ev);
		if (str_eq(ev->kind, "ipmi.error"))
			trace_mark_add(t, seq, ev);
	} else if (str_eq(ev->kind, "power.state")) {
		on_power(t, ev);
	} else if (!(str_has_prefix(ev->kind, "sol.") && on_console(t, ev)) &&
		   !trace_transfer_event(t, ev)) {
		trace_mark_add(t, seq, ev);
	}
}
