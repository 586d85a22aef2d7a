/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A job's progress for the eye.
 *
 * Entry points: progress_view_stages() for one job, progress_view_line() where several
 * are shown, progress_view_result() for the last word. Ownership: text is appended to the
 * caller's. No clock: `now` comes in with the look. Failure modes: none. Lines are
 * cut at the terminal's width, since a wrapped line would spoil the redrawing.
 */
#include "ctl/progress_view.h"

#include <stdio.h>
#include <string.h>

#include "lib/str.h"

enum { VIEW_STAGE_COLUMN = 6, VIEW_TIME_COLUMN = 22, VIEW_EVIDENCE_COLUMN = 48 };

#define VIEW_GREEN "\033[32m"
#define VIEW_RED "\033[31m"
#define VIEW_YELLOW "\033[33m"
#define VIEW_PLAIN "\033[0m"

static const struct {
	const char *text, *color;
} marks[] = {
    [PROGRESS_UNSEEN] = {"", ""},
    [PROGRESS_ENTERED] = {"..", VIEW_YELLOW},
    [PROGRESS_CONFIRMED] = {"ok", VIEW_GREEN},
    [PROGRESS_SKIPPED] = {"--", ""},
    [PROGRESS_MISSED] = {"!!", VIEW_RED},
};

static int64_t
clamp(int64_t us)
{
	return us > 0 ? us : 0;
}

/* Cuts what was added since `from`, and colours it whole. */
static void
finish_line(
    struct text *out, size_t from, const struct progress_look *look, const char *color)
{
	struct text line = {0};

	while (out->len > from && out->s[out->len - 1] == ' ')
		out->s[--out->len] = '\0';
	if (look->width > 0)
		text_cut(out, from, look->width);
	if (look->color && color[0] != '\0') {
		text_addf(&line, "%s%s%s", color, out->s + from, VIEW_PLAIN);
		out->len = from;
		text_add(out, text_str(&line));
		text_done(&line);
	}
	text_add(out, "\n");
}

static void
add_transfer(const struct progress_transfer *t, struct text *out)
{
	char buf[32];

	if (t->file[0] == '\0')
		return;
	text_addf(out, "%s", str_bytes(t->bytes, buf, sizeof(buf)));
	if (t->total > 0)
		text_addf(out, " of %s", str_bytes(t->total, buf, sizeof(buf)));
	if (t->rate > 0)
		text_addf(out, ", %s/s", str_bytes(t->rate, buf, sizeof(buf)));
	text_add(out, "  ");
	text_add_escaped(out, t->file);
}

static bool
moves_bytes(enum stage s)
{
	return s == STAGE_LOADER || s == STAGE_SCRIPT || s == STAGE_KERNEL ||
	       s == STAGE_INITRD || s == STAGE_ROOTFS;
}

/* "10s (usually 4.1s, at most 10m00s)"; what has ended has its time alone. */
static void
add_times(const struct progress *p, enum stage s, const struct progress_look *look,
    struct text *out)
{
	const struct progress_stage *st = &p->stages[s];
	int64_t usual = p->usual_us[s];
	char buf[32];

	if (st->mark == PROGRESS_SKIPPED || st->entered == 0)
		return;
	if (st->mark != PROGRESS_ENTERED) {
		text_add(
		    out, str_duration(clamp(st->left - st->entered), buf, sizeof(buf)));
		return;
	}
	text_add(out, str_duration(clamp(look->now - st->entered), buf, sizeof(buf)));
	if (usual > 0)
		text_addf(out, " (usually %s", str_duration(usual, buf, sizeof(buf)));
	if (st->deadline_us > 0)
		text_addf(out, "%sat most %s", usual > 0 ? ", " : " (",
		    str_duration(st->deadline_us, buf, sizeof(buf)));
	if (usual > 0 || st->deadline_us > 0)
		text_add(out, ")");
}

static void
add_stage(const struct progress *p, enum stage s, const struct progress_look *look,
    struct text *out)
{
	const struct progress_stage *st = &p->stages[s];
	size_t from = out->len;

	text_addf(out, "  %s", marks[st->mark].text);
	text_pad(out, from, VIEW_STAGE_COLUMN, 1);
	text_add(out, stage_name(s));
	text_pad(out, from, VIEW_TIME_COLUMN, 1);
	add_times(p, s, look, out);
	text_pad(out, from, VIEW_EVIDENCE_COLUMN, 2);
	if (st->evidence[0] != '\0')
		text_add_escaped(out, st->evidence);
	else if (st->mark == PROGRESS_ENTERED && moves_bytes(s))
		add_transfer(&p->transfer, out);
	finish_line(out, from, look, marks[st->mark].color);
}

static int64_t
elapsed(const struct progress *p, int64_t now)
{
	return clamp((p->ended > 0 ? p->ended : now) - p->created);
}

void
progress_view_stages(
    const struct progress *p, const struct progress_look *look, struct text *out)
{
	size_t from = out->len;
	char buf[32];

	text_add_escaped(out, p->host);
	text_add(out, "  ");
	text_add_escaped(out, p->kind);
	if (p->image[0] != '\0') {
		text_add(out, "  ");
		text_add_escaped(out, p->image);
	}
	text_add(out, "  job ");
	text_add_escaped(out, p->id);
	if (p->attempt > 1)
		text_addf(out, "  attempt %d", p->attempt);
	text_addf(out, "  %s", str_duration(elapsed(p, look->now), buf, sizeof(buf)));
	finish_line(out, from, look, "");
	for (int s = STAGE_QUEUED; s < STAGE_DONE; s++)
		if (p->stages[s].mark != PROGRESS_UNSEEN)
			add_stage(p, (enum stage)s, look, out);
}

void
progress_view_line(
    const struct progress *p, const struct progress_look *look, struct text *out)
{
	size_t from = out->len;
	const char *color = "";

	text_add_escaped(out, p->host);
	text_pad(out, from, VIEW_TIME_COLUMN, 2);
	switch (p->state) {
	case PROGRESS_OPEN:
		text_add(out, stage_name(p->stage));
		text_pad(out, from, VIEW_TIME_COLUMN + 16, 1);
		add_times(p, p->stage, look, out);
		text_add(out, "  ");
		if (moves_bytes(p->stage))
			add_transfer(&p->transfer, out);
		break;
	case PROGRESS_DONE:
		text_add(out, "done");
		color = VIEW_GREEN;
		break;
	case PROGRESS_FAILED:
		text_addf(out, "FAILED at %s: ", stage_name(p->stage));
		text_add_escaped(out, p->verdict.code);
		color = VIEW_RED;
		break;
	case PROGRESS_CANCELLED: text_add(out, "cancelled"); break;
	}
	finish_line(out, from, look, color);
}

static void
add_reason(const struct error *verdict, struct text *out)
{
	text_add(out, ": ");
	text_add_escaped(out, verdict->code);
	text_add(out, ": ");
	text_add_escaped(out, verdict->text);
	if (verdict->next[0] != '\0') {
		text_add(out, ": ");
		text_add_escaped(out, verdict->next);
	}
}

void
progress_view_result(const struct progress *p, struct text *out)
{
	char took[32];

	str_duration(elapsed(p, p->ended), took, sizeof(took));
	text_add_escaped(out, p->host);
	switch (p->state) {
	case PROGRESS_OPEN: text_addf(out, ": still at %s", stage_name(p->stage)); break;
	case PROGRESS_DONE: text_addf(out, ": done in %s", took); break;
	case PROGRESS_CANCELLED:
		text_addf(out, ": cancelled after %s", took);
		if (p->cancelled_by[0] != '\0') {
			text_add(out, " by ");
			text_add_escaped(out, p->cancelled_by);
		}
		if (p->verdict.code[0] != '\0')
			add_reason(&p->verdict, out);
		break;
	case PROGRESS_FAILED:
		text_addf(out, ": FAILED at %s", stage_name(p->stage));
		add_reason(&p->verdict, out);
		break;
	}
	text_add(out, "\n");
}

/* The power that a job's last word tells of: "…; power off". */
static const char *
seen_power(const struct progress *p)
{
	static const struct {
		const char *end, *power;
	} ends[] = {{"; power off", "off"}, {"; power on", "on"}};
	const char *evidence = p->stages[STAGE_POWER].evidence;

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		size_t n = strlen(evidence), m = strlen(ends[i].end);

		if (n >= m && str_eq(evidence + n - m, ends[i].end))
			return ends[i].power;
	}
	return NULL;
}

void
progress_view_answer(const struct progress *p, struct text *out)
{
	const char *evidence = p->stages[STAGE_POWER].evidence;
	/* The power right after a cycle or a soft shutdown is not yet what came of it. */
	const char *power = !str_eq(p->kind, "power")		    ? NULL
			    : strstr(evidence, " accepted") != NULL ? evidence
								    : seen_power(p);

	switch (p->state) {
	case PROGRESS_OPEN: text_addf(out, "still at %s", stage_name(p->stage)); break;
	case PROGRESS_DONE: text_add_escaped(out, power != NULL ? power : "done"); break;
	case PROGRESS_CANCELLED: text_add(out, "cancelled"); break;
	case PROGRESS_FAILED:
		text_addf(out, "FAILED at %s: ", stage_name(p->stage));
		text_add_escaped(out, p->verdict.code);
		break;
	}
}

int
progress_view_exit(const struct progress *p)
{
	switch (p->state) {
	case PROGRESS_OPEN: return CTL_TIMEOUT;
	case PROGRESS_DONE: return CTL_OK;
	case PROGRESS_CANCELLED: return CTL_FAILED;
	case PROGRESS_FAILED:
		/* Nothing was touched yet: refused rather than failed. */
		return p->stage <= STAGE_PREFLIGHT ? CTL_REFUSED : CTL_FAILED;
	}
	return CTL_FAILED;
}
