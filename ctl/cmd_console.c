/* SPDX-License-Identifier: GPL-3.0-or-later */
/* console HOST: live (console_io.c), or recordings: listed, played again as they came, or printed as text.
 *
 * Standard output gets the console's octets and nothing else, so that a replay is the console byte for byte; what became of
 * the recording (gaps, its end) is talk on standard error.
 * Ownership: a recording is held whole while it is played.
 * Failure modes: exit codes of DESIGN section 8; a recording that is damaged is played as far as it is good, and ends with 2.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/client.h"
#include "ctl/cmd.h"
#include "ctl/cmd_util.h"
#include "ctl/console_io.h"
#include "ctl/console_text.h"
#include "ctl/ids.h"
#include "ctl/output.h"
#include "lib/clock.h"
#include "lib/console_record.h"
#include "lib/str.h"

#define SPEED_MAX 10000.0

struct play {
	const struct ctl *ctl;
	double speed; /* 0: without waiting */
	bool text;
	struct console_text lines;
	int64_t last; /* time of the frame before */
	bool closed;  /* nobody reads what is written */
};

static void
print_line(void *arg, int64_t at, const char *line)
{
	const struct play *p = arg;
	char when[CLOCK_TEXT_SIZE];

	fprintf(p->ctl->out, "%s %s\n", clock_text(at, when, sizeof(when)), line);
}

/* Ends early when nobody reads any more. */
static void
pass_time(struct play *p, int64_t us)
{
	struct pollfd out = {.fd = fileno(p->ctl->out)};
	const int64_t end = clock_mono() + us;

	while (!p->closed && (us = end - clock_mono()) > 0) {
		const struct timespec ts = {us / USEC_PER_SEC, us % USEC_PER_SEC * 1000};

		if (ppoll(&out, 1, &ts, NULL) > 0)
			p->closed = true;
	}
}

static void
wait_until(struct play *p, int64_t at)
{
	/* The agent's clock may have been set back in between. */
	int64_t us = p->last == 0 || at <= p->last ? 0 : at - p->last;

	p->last = at;
	if (fflush(p->ctl->out) != 0)
		p->closed = true;
	if (p->speed > 0 && us > 0)
		pass_time(p, (int64_t)((double)us / p->speed));
}

static void
play_mark(struct play *p, const struct console_record_frame *f)
{
	char text[4 * CONSOLE_RECORD_TEXT_MAX + 1], line[1024];

	str_escape(text, sizeof(text), f->data, f->len);
	snprintf(line, sizeof(line), "-- %s%s%s --", console_record_mark_name(f->mark),
	    text[0] != '\0' ? ": " : "", text);
	if (p->text) {
		console_text_end(&p->lines);
		print_line(p, f->at, line);
	} else {
		ctl_say(p->ctl, "%s", line);
	}
}

static void
play_frame(struct play *p, const struct console_record_frame *f)
{
	if (!p->text)
		wait_until(p, f->at);
	if (f->type == CONSOLE_RECORD_MARK)
		play_mark(p, f);
	else if (f->type == CONSOLE_RECORD_DATA && p->text)
		console_text_add(&p->lines, f->at, f->data, f->len);
	else if (f->type == CONSOLE_RECORD_DATA)
		fwrite(f->data, 1, f->len, p->ctl->out);
}

static int
damaged(const struct ctl *ctl, const char *host)
{
	struct error err;

	error_set(&err, 0, "console-damaged", "look at the orchestrator's disk",
	    "the recording is damaged; what follows cannot be read");
	return ctl_fail(ctl, CTL_FAILED, host, &err);
}

static int
play(struct play *p, const char *host, const uint8_t *data, size_t len)
{
	struct console_record_frame f;
	size_t at = 0, used = 0;
	int r;

	while ((r = console_record_next(data + at, len - at, &f, &used)) == 1 &&
	       !p->closed) {
		if (f.type == CONSOLE_RECORD_BEGIN && !str_eq(f.host, host)) {
			struct error err;

			error_set(&err, 0, "console-other-host",
			    "netboot-ctl console HOST --list shows those of a host",
			    "recording %s is one of host %s", f.id, f.host);
			return ctl_fail(p->ctl, CTL_USAGE, host, &err);
		}
		play_frame(p, &f);
		at += used;
	}
	if (r == 0)
		at += used; /* frames of a later release */
	if (p->text)
		console_text_end(&p->lines);
	fflush(p->ctl->out);
	if (p->closed)
		return CTL_FAILED;
	return r < 0 || at < len ? damaged(p->ctl, host) : CTL_OK;
}

static int
fetch(const struct ctl *ctl, const char *host, const char *boot, json_t **ret)
{
	struct client_request rq = {.method = "GET", .subject = host, .octets = true};
	char id[ID_SIZE];
	char *path;
	int r = CTL_OK;

	if (!str_eq(boot, "newest")) {
		r = ids_find(ctl, "boots", boot, id);
		if (r != CTL_OK)
			return r;
		path = client_path("boots", id, "console");
	} else {
		path = client_path("hosts", host, "console/newest");
	}
	rq.path = path;
	r = client_call(ctl, &rq, ret);
	free(path);
	return r;
}

static int
read_speed(const struct ctl *ctl, const char *s, double *ret)
{
	struct error err;
	char *end;

	if (s == NULL)
		return CTL_OK;
	if (str_eq(s, "max")) {
		*ret = 0;
		return CTL_OK;
	}
	*ret = strtod(s, &end);
	if (end != s && *end == '\0' && *ret > 0 && *ret <= SPEED_MAX)
		return CTL_OK;
	error_set(&err, 0, "usage", "2 is twice as fast, 0.5 half; max does not wait",
	    "--speed %s is not a number above 0", s);
	return ctl_fail(ctl, CTL_USAGE, NULL, &err);
}

/* What has no meaning was meant to have one. */
static int
check_options(const struct ctl *ctl, const char *host, const struct args *args, bool live)
{
	struct error err;

	if (live && args_has(args, "speed"))
		error_set(&err, 0, "usage", "add --replay BOOT",
		    "--speed is of recordings; a live console has its own");
	else if (!live && (args_has(args, "steal") || args_has(args, "read-only")))
		error_set(&err, 0, "usage", "leave it out",
		    "--steal and --read-only are of live consoles");
	else
		return CTL_OK;
	return ctl_fail(ctl, CTL_USAGE, host, &err);
}

static void
cell_of(const json_t *row, struct text *out)
{
	text_add_escaped(
	    out, str_eq(cmd_util_str(row, "of"), "boot") ? "boot" : "between jobs");
}

static void
cell_note(const json_t *row, struct text *out)
{
	int64_t gaps = json_integer_value(json_object_get(row, "gaps"));
	char text[48];

	if (gaps > 0) {
		snprintf(text, sizeof(text), "%lld gap%s", (long long)gaps,
		    gaps == 1 ? "" : "s");
		text_add(out, text);
	}
	if (json_is_true(json_object_get(row, "truncated")))
		text_add(
		    out, gaps > 0 ? ", its limit was reached" : "its limit was reached");
}

static int
list(const struct ctl *ctl, const char *host)
{
	static const struct output_column columns[] = {
	    {.title = "RECORDING", .key = "id"},
	    {.title = "OF", .cell = cell_of},
	    {.title = "BEGAN", .key = "began", .kind = OUTPUT_TIME},
	    {.title = "LAST", .key = "last", .kind = OUTPUT_TIME},
	    {.title = "OCTETS", .key = "octets"},
	    {.title = "ENDED", .key = "ended"},
	    {.title = "NOTE", .cell = cell_note},
	};
	char *path = client_path("hosts", host, "consoles");
	json_t *items = NULL;
	int r = client_list(ctl, path, 0, &items);

	if (r == CTL_OK)
		output_list(ctl, items, columns, ARRAY_SIZE(columns));
	json_decref(items);
	free(path);
	return r;
}

int
cmd_console(struct ctl *ctl, const struct args *args)
{
	const char *host = args->operands[0], *boot = args_get(args, "replay");
	struct play p = {.ctl = ctl,
	    .speed = 1,
	    .text = args_has(args, "text"),
	    .lines = {.fn = print_line}};
	json_t *recording = NULL;
	bool live = boot == NULL && !p.text;
	int r = check_options(ctl, host, args, live);

	if (r != CTL_OK)
		return r;
	if (args_has(args, "list"))
		return list(ctl, host);
	if (live)
		return console_io_run(
		    ctl, host, args_has(args, "read-only"), args_has(args, "steal"));
	r = read_speed(ctl, args_get(args, "speed"), &p.speed);

	p.lines.arg = &p;
	if (r == CTL_OK)
		r = fetch(ctl, host, boot != NULL ? boot : "newest", &recording);
	if (r == CTL_OK)
		r = play(&p, host, (const uint8_t *)json_string_value(recording),
		    json_string_length(recording));
	json_decref(recording);
	return r;
}
