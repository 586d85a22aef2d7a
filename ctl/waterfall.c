// SPDX-License-Identifier: GPL-3.0-or-later
/* A boot's waterfall in characters: a line a stage, its transfers beneath it, then the lanes of the BMC, the power,
 * the console and what happened, then what deserves words.
 *
 * Entry point: waterfall_draw(). One scale for all lines, linear in time, from the trace's beginning to its end (or
 * to now). A span covers every column that its time touches, so that the shortest is seen; the usual time and the
 * deadline are marks over it. No line is longer than the width, whatever the document holds.
 * Ownership: the document is borrowed, text appended to the caller's. No clock: `now` comes in with the look.
 * Failure modes: none; what is no trace draws little. */
#include "ctl/waterfall.h"

#include <stdlib.h>
#include <string.h>

#include "ctl/output.h"
#include "ctl/zone.h"
#include "lib/compiler.h"
#include "lib/str.h"

enum {
	NAME_COLUMN = 3,
	NAME_WIDTH = 14,
	INFO_COLUMN = NAME_COLUMN + NAME_WIDTH + 1,
	INFO_WIDTH = 20,
	BAR_COLUMN = INFO_COLUMN + INFO_WIDTH + 1,
	TICK_GAP = 11, /* columns that a label needs */
	NOTE_TIME = 10,
	NOTE_KIND = 16,
};

enum cell {
	CELL_NONE,
	CELL_STAGE,
	CELL_OPEN,
	CELL_BAD,
	CELL_MOVE,
	CELL_LANE,
	CELL_MARK,
	CELL_WARN,
	CELL_USUAL,
	CELL_DEADLINE,
};

#define GREEN "\033[32m"
#define RED "\033[31m"
#define YELLOW "\033[33m"
#define BLUE "\033[34m"
#define DIM "\033[2m"
#define PLAIN "\033[0m"

static const struct {
	const char *ascii, *utf8, *color;
} cells[] = {
    [CELL_NONE] = {" ", " ", ""},
    [CELL_STAGE] = {"#", "█", GREEN},
    [CELL_OPEN] = {"=", "▒", YELLOW},
    [CELL_BAD] = {"x", "▓", RED},
    [CELL_MOVE] = {"-", "━", BLUE},
    [CELL_LANE] = {"~", "─", ""},
    [CELL_MARK] = {".", "·", ""},
    [CELL_WARN] = {"*", "◆", YELLOW},
    [CELL_USUAL] = {"|", "┃", ""},
    [CELL_DEADLINE] = {"!", "╳", RED},
};

struct canvas {
	const struct waterfall_look *look;
	const json_t *trace;
	int64_t from, to;
	size_t n; /* columns of the bars */
	unsigned char cell[WATERFALL_WIDTH_MAX];
};

static const char *
str_of(const json_t *obj, const char *key)
{
	const char *s = json_string_value(json_object_get(obj, key));

	return s != NULL ? s : "";
}

static int64_t
num_of(const json_t *obj, const char *key)
{
	const json_t *v = json_object_get(obj, key);

	return json_is_integer(v) ? (int64_t)json_integer_value(v) : -1;
}

static int64_t
time_of(const json_t *obj, const char *key)
{
	return output_wall(json_object_get(obj, key));
}

static int64_t
end_of(const struct canvas *c, const json_t *span)
{
	int64_t ended = time_of(span, "ended"), began = time_of(span, "began");

	if (ended == 0)
		ended = c->to;
	return ended > began ? ended : began;
}

/* ---- lines ---- */

/* Cuts what was added since `from` and ends the line. */
static void
end_line(const struct canvas *c, struct text *out, size_t from)
{
	text_cut(out, from, c->look->width);
	while (out->len > from && out->s[out->len - 1] == ' ')
		out->s[--out->len] = '\0';
	text_add(out, "\n");
}

static void
add_colored(const struct canvas *c, struct text *out, const char *color, const char *text)
{
	bool on = c->look->color && color[0] != '\0' && text[0] != '\0';

	text_add(out, on ? color : "");
	text_add(out, text);
	text_add(out, on ? PLAIN : "");
}

/* At most `width` columns of untrusted text. */
static void
add_clipped(struct text *out, const char *s, size_t width)
{
	size_t from = out->len;

	text_add_escaped(out, s);
	text_cut(out, from, width);
}

/* ---- bars ---- */

static size_t
column(const struct canvas *c, int64_t at)
{
	int64_t all = c->to - c->from, x;

	if (at <= c->from || all <= 0)
		return 0;
	x = (int64_t)((double)(at - c->from) * (double)c->n / (double)all);
	return x < (int64_t)c->n ? (size_t)x : c->n - 1;
}

static void
paint(struct canvas *c, int64_t from, int64_t to, enum cell what)
{
	size_t last = column(c, to);

	for (size_t i = column(c, from); i <= last; i++)
		c->cell[i] = (unsigned char)what;
}

static void
paint_at(struct canvas *c, int64_t at, enum cell what)
{
	if (at >= c->from && at <= c->to)
		c->cell[column(c, at)] = (unsigned char)what;
}

static void
clear(struct canvas *c)
{
	memset(c->cell, CELL_NONE, sizeof(c->cell));
}

static void
add_bar(const struct canvas *c, struct text *out)
{
	size_t end = c->n;

	while (end > 0 && c->cell[end - 1] == CELL_NONE)
		end--;
	for (size_t i = 0; i < end;) {
		size_t k = i;
		struct text run = {0};

		for (; k < end && c->cell[k] == c->cell[i]; k++)
			text_add(&run, c->look->utf8 ? cells[c->cell[i]].utf8
						     : cells[c->cell[i]].ascii);
		add_colored(c, out, cells[c->cell[i]].color, text_str(&run));
		text_done(&run);
		i = k;
	}
}

/* The line's left part is plain text of known width; colours in the bar do not count. */
static void
end_row(const struct canvas *c, struct text *out, size_t from)
{
	text_cut(out, from, BAR_COLUMN - 1);
	text_pad(out, from, BAR_COLUMN, 0);
	add_bar(c, out);
	while (out->len > from && out->s[out->len - 1] == ' ')
		out->s[--out->len] = '\0';
	text_add(out, "\n");
}

/* ---- the scale ---- */

static void
add_tick(struct text *out, int64_t us)
{
	long long s = (long long)(us / 1000000), tenth = (long long)(us / 100000 % 10);

	if (s >= 3600)
		text_addf(out, "%lldh%02lldm", s / 3600, s / 60 % 60);
	else if (s >= 60)
		text_addf(out, "%lldm%02llds", s / 60, s % 60);
	else if (tenth != 0)
		text_addf(out, "%lld.%llds", s, tenth);
	else
		text_addf(out, "%llds", s);
}

static int64_t
tick_step(const struct canvas *c)
{
	static const int64_t tenths[] = {1, 2, 5, 10, 20, 50, 100, 150, 300, 600, 1200,
	    3000, 6000, 9000, 18000, 36000, 72000, 144000, 432000, 864000};
	int64_t all = c->to - c->from;

	for (size_t i = 0; i < ARRAY_SIZE(tenths); i++)
		if ((double)tenths[i] * 1e5 * (double)c->n >= (double)all * TICK_GAP)
			return tenths[i] * 100000;
	return all > 0 ? all : 1;
}

static void
add_scale(const struct canvas *c, struct text *out)
{
	int64_t step = tick_step(c);
	size_t from = out->len;

	for (int64_t at = 0; c->from + at <= c->to; at += step) {
		size_t x = column(c, c->from + at);

		if (x + 6 > c->n && at > 0)
			break;
		text_pad(out, from, BAR_COLUMN + x, at > 0 ? 1 : 0);
		add_tick(out, at);
	}
	end_line(c, out, from);
}

/* ---- stages and transfers ---- */

static const struct {
	const char *state, *mark, *color;
	enum cell cell;
} states[] = {
    {"confirmed", "ok", GREEN, CELL_STAGE},
    {"ok", "ok", GREEN, CELL_STAGE},
    {"missed", "!!", RED, CELL_BAD},
    {"failed", "!!", RED, CELL_BAD},
    {"running", "..", YELLOW, CELL_OPEN},
    {"skipped", "--", "", CELL_NONE},
};

static size_t
state_of(const json_t *span)
{
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (str_eq(str_of(span, "state"), states[i].state))
			return i;
	return ARRAY_SIZE(states) - 1;
}

static void
add_stage_info(const struct canvas *c, const json_t *span, struct text *out)
{
	int64_t usual = num_of(span, "usual_us"), deadline = num_of(span, "deadline_us");
	bool runs = str_eq(str_of(span, "state"), "running");
	char buf[32];

	if (str_eq(str_of(span, "state"), "skipped")) {
		text_add(out, "skipped");
		return;
	}
	text_add(out,
	    str_duration(end_of(c, span) - time_of(span, "began"), buf, sizeof(buf)));
	if (runs && deadline > 0)
		text_addf(out, " of %s", str_duration(deadline, buf, sizeof(buf)));
	else if (usual >= 0)
		text_addf(out, " usual %s", str_duration(usual, buf, sizeof(buf)));
}

static void
add_stage(struct canvas *c, const json_t *span, struct text *out)
{
	int64_t began = time_of(span, "began"), usual = num_of(span, "usual_us"),
		deadline = num_of(span, "deadline_us");
	size_t i = state_of(span), from = out->len;
	struct text left = {0};

	clear(c);
	if (states[i].cell != CELL_NONE) {
		paint(c, began, end_of(c, span), states[i].cell);
		if (usual >= 0)
			paint_at(c, began + usual, CELL_USUAL);
		/* Of a stage that was confirmed it no longer matters. */
		if (deadline > 0 && (states[i].cell != CELL_STAGE || c->look->wide))
			paint_at(c, began + deadline, CELL_DEADLINE);
	}
	text_addf(&left, "%s ", states[i].mark);
	add_clipped(&left, str_of(span, "name"), NAME_WIDTH);
	text_pad(&left, 0, INFO_COLUMN, 1);
	add_stage_info(c, span, &left);
	text_cut(&left, 0, BAR_COLUMN - 1);
	text_pad(&left, 0, BAR_COLUMN, 0);
	text_add_bytes(out, text_str(&left), left.len);
	text_done(&left);
	add_bar(c, out);
	while (out->len > from && out->s[out->len - 1] == ' ')
		out->s[--out->len] = '\0';
	text_add(out, "\n");
}

static void
add_transfer(struct canvas *c, const json_t *span, struct text *out)
{
	int64_t octets = num_of(span, "octets"), rate = num_of(span, "rate"),
		total = num_of(span, "total");
	bool bad = str_eq(str_of(span, "state"), "failed"),
	     runs = str_eq(str_of(span, "state"), "running");
	const char *name = str_of(span, "name"), *slash = strrchr(name, '/');
	size_t from = out->len;
	char a[32], b[32];

	clear(c);
	paint(c, time_of(span, "began"), end_of(c, span), bad ? CELL_BAD : CELL_MOVE);
	text_add(out, bad ? "!! " : "   ");
	text_add(out, " ");
	add_clipped(
	    out, slash != NULL && slash[1] != '\0' ? slash + 1 : name, NAME_WIDTH - 1);
	text_pad(out, from, INFO_COLUMN, 1);
	if (octets >= 0)
		text_add(out, str_bytes(octets, a, sizeof(a)));
	if (rate >= 0)
		text_addf(out, " %s/s", str_bytes(rate, b, sizeof(b)));
	else if (total > octets && (bad || runs))
		text_addf(out, " of %s", str_bytes(total, b, sizeof(b)));
	end_row(c, out, from);
}

/* Does the transfer belong to that stage? One that no stage waits for, to the one that it began in. */
static bool
belongs(const struct canvas *c, const json_t *transfer, const json_t *stage)
{
	int64_t at = time_of(transfer, "began");
	const char *name = str_of(transfer, "stage");
	const json_t *spans = json_object_get(c->trace, "spans"), *other;
	bool there = false;
	size_t i;

	json_array_foreach (spans, i, other)
		there =
		    there || (name[0] != '\0' && str_eq(str_of(other, "row"), "stage") &&
				 str_eq(str_of(other, "name"), name) &&
				 !str_eq(str_of(other, "state"), "skipped"));
	if (there)
		return str_eq(str_of(stage, "name"), name);
	return !str_eq(str_of(stage, "state"), "skipped") &&
	       at >= time_of(stage, "began") && at < end_of(c, stage);
}

static bool
is_row(const json_t *span, const char *row)
{
	return str_eq(str_of(span, "row"), row);
}

static void
add_transfers_of(struct canvas *c, const json_t *stage, struct text *out)
{
	const json_t *span;
	size_t i;

	json_array_foreach (json_object_get(c->trace, "spans"), i, span)
		if (is_row(span, "transfer") && belongs(c, span, stage))
			add_transfer(c, span, out);
}

/* Those of no stage at all: of a boot that nobody ordered, all of them. */
static void
add_other_transfers(struct canvas *c, struct text *out)
{
	const json_t *spans = json_object_get(c->trace, "spans"), *span, *stage;
	size_t i, k;

	json_array_foreach (spans, i, span) {
		bool shown = false;

		if (!is_row(span, "transfer"))
			continue;
		json_array_foreach (spans, k, stage)
			shown =
			    shown || (is_row(stage, "stage") && belongs(c, span, stage));
		if (!shown)
			add_transfer(c, span, out);
	}
}

/* ---- lanes ---- */

static void
add_lane(struct canvas *c, const char *row, const char *title, struct text *out)
{
	const json_t *span;
	size_t from = out->len, i, n = 0, failed = 0;

	clear(c);
	json_array_foreach (json_object_get(c->trace, "spans"), i, span) {
		bool bad = str_eq(str_of(span, "state"), "failed");

		if (!is_row(span, row))
			continue;
		paint(c, time_of(span, "began"), end_of(c, span),
		    bad ? CELL_BAD : CELL_LANE);
		n++;
		failed += bad;
	}
	if (n == 0)
		return;
	text_add(out, failed > 0 ? "!! " : "   ");
	text_add(out, title);
	text_pad(out, from, INFO_COLUMN, 1);
	if (failed > 0)
		text_addf(out, "%zu of %zu failed", failed, n);
	end_row(c, out, from);
}

/* Marks that tell of more than the usual course of a boot. */
static bool
is_warning(const json_t *mark)
{
	static const char *const kinds[] = {"sol.", "trace.", "ipmi.error", "bootd."};
	static const char *const ends[] = {".ignored", ".foreign", ".error", ".failed",
	    ".cancelled", ".refused", ".alone", ".nak"};
	const char *kind = str_of(mark, "kind"), *dot = strchr(kind, '.');

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (str_has_prefix(kind, kinds[i]))
			return true;
	for (size_t i = 0; dot != NULL && i < ARRAY_SIZE(ends); i++)
		if (str_eq(dot, ends[i]))
			return true;
	return false;
}

static void
add_marks_lane(struct canvas *c, struct text *out)
{
	const json_t *marks = json_object_get(c->trace, "marks"), *mark;
	size_t from = out->len, i;

	if (json_array_size(marks) == 0)
		return;
	clear(c);
	for (int warn = 0; warn < 2; warn++)
		json_array_foreach (marks, i, mark)
			if (is_warning(mark) == (warn == 1))
				paint_at(
				    c, time_of(mark, "at"), warn ? CELL_WARN : CELL_MARK);
	text_add(out, "   events");
	end_row(c, out, from);
}

static void
add_legend(const struct canvas *c, struct text *out)
{
	static const struct {
		enum cell cell;
		const char *what;
	} legend[] = {{CELL_STAGE, "stage"}, {CELL_MOVE, "transfer"},
	    {CELL_USUAL, "usual"}, {CELL_DEADLINE, "deadline"}, {CELL_BAD, "failed"},
	    {CELL_WARN, "see below"}};
	size_t from = out->len;

	text_add(out, "   ");
	for (size_t i = 0; i < ARRAY_SIZE(legend); i++)
		text_addf(out, "%s%s %s", i > 0 ? "  " : "",
		    c->look->utf8 ? cells[legend[i].cell].utf8
				  : cells[legend[i].cell].ascii,
		    legend[i].what);
	end_line(c, out, from);
}

/* ---- words ---- */

/* "… ×12": how often, in letters that the output has. */
static void
add_text(const struct canvas *c, const json_t *row, struct text *out)
{
	const char *text = str_of(row, "text");
	int64_t n = num_of(row, "n");
	char times[24];
	size_t len = strlen(text), tail;

	if (c->look->utf8 || n < 2 ||
	    str_format(times, sizeof(times), "×%lld", (long long)n) < 0) {
		text_add_escaped(out, text);
		return;
	}
	tail = strlen(times);
	if (len < tail || !str_eq(text + len - tail, times)) {
		text_add_escaped(out, text);
		return;
	}
	char *head = str_dup(text);
	head[len - tail] = '\0';
	text_add_escaped(out, head);
	text_addf(out, "x%lld", (long long)n);
	free(head);
}

/* A line that tells of `row`, whose name, where it is a span, comes first. */
static void
add_note(const struct canvas *c, const json_t *row, int64_t at, const char *kind,
    const char *color, struct text *out)
{
	int64_t after = at > c->from ? at - c->from : 0;
	struct text line = {0};

	text_addf(&line, "+%lld.%03llds", (long long)(after / 1000000),
	    (long long)(after / 1000 % 1000));
	text_pad(&line, 0, NOTE_TIME, 1);
	text_add_escaped(&line, kind);
	text_pad(&line, 0, NOTE_TIME + NOTE_KIND, 1);
	if (str_of(row, "name")[0] != '\0') {
		text_add_escaped(&line, str_of(row, "name"));
		text_add(&line, ": ");
	}
	add_text(c, row, &line);
	text_cut(&line, 0, c->look->width);
	while (line.len > 0 && line.s[line.len - 1] == ' ')
		line.s[--line.len] = '\0';
	add_colored(c, out, color, text_str(&line));
	text_done(&line);
	text_add(out, "\n");
}

static bool
is_told(const json_t *mark, bool wide)
{
	const char *kind = str_of(mark, "kind");

	return wide || is_warning(mark) || str_eq(kind, "job.ticket") ||
	       str_eq(kind, "job.note") || str_has_prefix(kind, "report.");
}

static bool
is_bad(const json_t *span)
{
	return str_eq(str_of(span, "state"), "failed") ||
	       str_eq(str_of(span, "state"), "missed");
}

/* First what went wrong (with -o wide: what proves each span), at its end; then what happened. A call that failed
 * is a mark of its own. */
static void
add_notes(const struct canvas *c, struct text *out)
{
	const json_t *marks = json_object_get(c->trace, "marks"), *mark, *span;
	bool wide = c->look->wide;
	size_t i, n = out->len;

	json_array_foreach (json_object_get(c->trace, "spans"), i, span)
		if (str_of(span, "text")[0] != '\0' &&
		    (wide || (is_bad(span) && !is_row(span, "bmc"))))
			add_note(c, span, end_of(c, span), str_of(span, "row"),
			    is_bad(span) ? RED : "", out);
	json_array_foreach (marks, i, mark)
		if (is_told(mark, wide))
			add_note(c, mark, time_of(mark, "at"), str_of(mark, "kind"),
			    is_warning(mark) ? YELLOW : "", out);
	if (out->len > n)
		text_add(out, "\n");
}

static void
add_heading(const struct canvas *c, struct text *out)
{
	static const char *const keys[] = {"kind", "image", "arch"};
	const json_t *boot = json_object_get(c->trace, "boot");
	const char *outcome = str_of(boot, "outcome");
	size_t from = out->len;
	char buf[ZONE_TEXT_SIZE];

	text_add_escaped(out, str_of(boot, "host"));
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		text_add(out, str_of(boot, keys[i])[0] != '\0' ? "  " : "");
		text_add_escaped(out, str_of(boot, keys[i]));
	}
	if (json_is_false(json_object_get(boot, "planned")))
		text_add(out, "  (nobody ordered it)");
	text_addf(out, "  %s %s %s", outcome[0] != '\0' ? outcome : "running",
	    outcome[0] != '\0' ? "after" : "for",
	    str_duration(c->to - c->from, buf, sizeof(buf)));
	end_line(c, out, from);
	from = out->len;
	text_addf(out, "boot %s  %s", str_of(boot, "id"),
	    zone_text(c->from, c->look->zone, buf, sizeof(buf)));
	if (str_of(boot, "job")[0] != '\0')
		text_addf(out, "  job %s, attempt %lld", str_of(boot, "job"),
		    (long long)num_of(boot, "attempt"));
	end_line(c, out, from);
	from = out->len;
	if (str_of(boot, "reason")[0] != '\0') {
		text_add(out, "by ");
		text_add_escaped(out, str_of(boot, "by"));
		text_add(out, ": ");
		text_add_escaped(out, str_of(boot, "reason"));
		end_line(c, out, from);
	}
}

/* The last words: what was found, and what to do. These are not cut. */
static void
add_verdict(const struct canvas *c, struct text *out)
{
	const json_t *boot = json_object_get(c->trace, "boot"), *flag,
		     *verdict = json_object_get(boot, "verdict");
	const char *outcome = str_of(boot, "outcome");
	struct text line = {0};
	size_t i;

	json_array_foreach (json_object_get(boot, "flags"), i, flag) {
		text_add(&line, i == 0 ? "flags: " : ", ");
		text_add_escaped(
		    &line, json_is_string(flag) ? json_string_value(flag) : "");
	}
	add_colored(c, out, YELLOW, text_str(&line));
	text_add(out, line.len > 0 ? "\n" : "");
	text_clear(&line);
	if (json_is_object(verdict)) {
		text_addf(&line, "%s: ", str_of(verdict, "code"));
		text_add_escaped(&line, str_of(verdict, "text"));
		add_colored(c, out, RED, text_str(&line));
		text_add(out, "\n");
		text_clear(&line);
		if (str_of(verdict, "next")[0] != '\0') {
			text_add(&line, "next: ");
			text_add_escaped(&line, str_of(verdict, "next"));
			text_addf(out, "%s\n", text_str(&line));
		}
	} else if (outcome[0] != '\0') {
		text_add_escaped(&line, outcome);
		if (str_of(boot, "text")[0] != '\0') {
			text_add(&line, ": ");
			text_add_escaped(&line, str_of(boot, "text"));
		}
		add_colored(c, out, str_eq(outcome, "ok") ? GREEN : RED, text_str(&line));
		text_add(out, "\n");
	}
	text_done(&line);
}

static void
set_range(struct canvas *c)
{
	const json_t *span;
	size_t i;

	c->from = time_of(c->trace, "began");
	c->to = time_of(c->trace, "ended");
	if (c->to == 0)
		c->to = c->look->now;
	json_array_foreach (json_object_get(c->trace, "spans"), i, span)
		if (time_of(span, "ended") > c->to)
			c->to = time_of(span, "ended");
	if (c->to < c->from)
		c->to = c->from;
}

void
waterfall_draw(const json_t *trace, const struct waterfall_look *look, struct text *out)
{
	struct waterfall_look l = *look;
	struct canvas c = {.look = &l, .trace = trace};
	const json_t *span;
	size_t i;

	if (l.width < WATERFALL_WIDTH_MIN)
		l.width = WATERFALL_WIDTH_MIN;
	if (l.width > WATERFALL_WIDTH_MAX)
		l.width = WATERFALL_WIDTH_MAX;
	c.n = l.width - BAR_COLUMN;
	set_range(&c);
	add_heading(&c, out);
	text_add(out, "\n");
	add_scale(&c, out);
	json_array_foreach (json_object_get(trace, "spans"), i, span)
		if (is_row(span, "stage")) {
			add_stage(&c, span, out);
			add_transfers_of(&c, span, out);
		}
	add_other_transfers(&c, out);
	add_lane(&c, "bmc", "bmc", out);
	add_lane(&c, "power", "power", out);
	add_lane(&c, "console", "console", out);
	add_marks_lane(&c, out);
	add_legend(&c, out);
	text_add(out, "\n");
	add_notes(&c, out);
	add_verdict(&c, out);
}
