// SPDX-License-Identifier: GPL-3.0-or-later
/* trace BOOT|JOB|HOST: one boot as a waterfall, as its document, or for other viewers.
 *
 * On a terminal it has the terminal's width, its letters and colours; elsewhere it is plain ASCII, 100 columns wide
 * unless COLUMNS says otherwise, so that what is piped or compared does not depend on who ran it. --follow
 * draws it again every second until the boot has ended, and prints it once at the end where there is no terminal.
 * Ownership: documents are freed here. Failure modes: exit codes of DESIGN section 8; while following, a server that
 * goes away for a moment is waited for. */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "ctl/cmd.h"
#include "ctl/cmd_util.h"
#include "ctl/ids.h"
#include "ctl/output.h"
#include "ctl/record.h"
#include "ctl/trace_chrome.h"
#include "ctl/waterfall.h"
#include "lib/clock.h"
#include "lib/id.h"
#include "lib/str.h"

enum { PIPED_WIDTH = 100, REDRAW_S = 1, LOST_MAX = 60 };

#define HOME_AND_CLEAR "\033[H\033[J"

/* ---- which boot ---- */

static int
fail_boot(const struct ctl *ctl, const char *given, const char *text)
{
	struct error err;

	error_set(&err, 0, "id-unknown", "history -o wide shows the ids", "%s", text);
	return ctl_fail(ctl, CTL_USAGE, given, &err);
}

/* One object, or NULL where there is none of that name. */
static int
get_or_null(const struct ctl *ctl, const char *collection, const char *name, json_t **ret)
{
	char *path = client_path(collection, name, NULL);
	const struct client_request rq = {
	    .method = "GET", .path = path, .subject = name, .may_be_absent = true};
	int r = client_call(ctl, &rq, ret);

	free(path);
	return r;
}

static int
newest_of_host(const struct ctl *ctl, const char *host, char *ret_id)
{
	struct text path = {0};
	json_t *boots = NULL;
	int r;

	text_add(&path, "/api/v1/boots?limit=1");
	text_add_query(&path, "host", host);
	r = client_list(ctl, text_str(&path), 1, &boots);
	text_done(&path);
	if (r != CTL_OK)
		return r;
	str_clip(ret_id, ID_SIZE, cmd_util_str(json_array_get(boots, 0), "id"));
	json_decref(boots);
	return ret_id[0] != '\0' ? CTL_OK
				 : fail_boot(ctl, host, "no boot of this host was seen");
}

static int
boot_of_job(const struct ctl *ctl, const char *job_id, char *ret_id)
{
	json_t *job = NULL;
	int r = get_or_null(ctl, "jobs", job_id, &job);

	if (r != CTL_OK)
		return r;
	if (job == NULL)
		return fail_boot(ctl, job_id, "there is no boot and no job of this id");
	str_clip(ret_id, ID_SIZE, cmd_util_str(job, "boot"));
	json_decref(job);
	return ret_id[0] != '\0' ? CTL_OK
				 : fail_boot(ctl, job_id, "this job has no boot (yet)");
}

static int
find_whole(const struct ctl *ctl, const char *id, char *ret_id)
{
	json_t *boot = NULL;
	int r = get_or_null(ctl, "boots", id, &boot);

	if (r != CTL_OK)
		return r;
	if (boot == NULL)
		return boot_of_job(ctl, id, ret_id);
	json_decref(boot);
	str_clip(ret_id, ID_SIZE, id);
	return CTL_OK;
}

static int
find_boot(const struct ctl *ctl, const char *given, char *ret_id)
{
	struct ids_found found;
	json_t *host = NULL;
	int r = ids_resolve(ctl, given, true, &found);

	if (r != CTL_OK)
		return r;
	switch (found.kind) {
	case IDS_HOST: return newest_of_host(ctl, given, ret_id);
	case IDS_WHOLE: return find_whole(ctl, found.id, ret_id);
	case IDS_JOB: return boot_of_job(ctl, found.id, ret_id);
	case IDS_BOOT: str_clip(ret_id, ID_SIZE, found.id); return CTL_OK;
	case IDS_NONE:
		return fail_boot(ctl, given,
		    "no host has this name, and no job or boot an id that begins or ends "
		    "so");
	case IDS_NAME: break;
	}
	r = get_or_null(ctl, "hosts", given, &host);
	if (r != CTL_OK)
		return r;
	json_decref(host);
	return host != NULL
		   ? newest_of_host(ctl, given, ret_id)
		   : fail_boot(ctl, given,
			 "no host of this name; of an id at least 4 characters are "
			 "needed");
}

/* ---- showing it ---- */

static struct waterfall_look
look_now(const struct ctl *ctl, const char *zone)
{
	struct winsize ws = {0};
	const char *columns = getenv("COLUMNS");
	int64_t width = PIPED_WIDTH;

	if (columns == NULL || str_to_i64(columns, 1, 10000, &width) < 0)
		width = ctl->out_tty && ioctl(fileno(ctl->out), TIOCGWINSZ, &ws) == 0 &&
				ws.ws_col > 0
			    ? ws.ws_col
			    : PIPED_WIDTH;
	return (struct waterfall_look){.now = clock_wall(),
	    .width = (size_t)width,
	    .color = ctl->out_tty && ctl->color,
	    .utf8 = ctl->out_tty && text_utf8(),
	    .wide = ctl->format == CTL_WIDE,
	    .zone = zone};
}

/* "60 kB, 2 gaps, goes on: …" and how to see it, by its own id, which an older server does not tell: that between jobs is not the boot's, and goes on when
 * the boot is over. */
static void
add_console(struct text *out, const json_t *boot)
{
	const json_t *c = json_object_get(boot, "console");
	const char *id = cmd_util_str(c, "id");
	long long gaps = (long long)json_integer_value(json_object_get(c, "gaps"));
	struct text t = {0};
	char size[32];

	if (!json_is_object(c))
		return;
	int64_t octets = json_integer_value(json_object_get(c, "octets"));
	bool goes_on = !json_is_true(json_object_get(c, "ended")) &&
		       (str_eq(cmd_util_str(c, "of"), "between-jobs") ||
			   !json_is_string(json_object_get(boot, "ended")));
	text_add(&t, octets > 0 ? str_bytes(octets, size, sizeof(size)) : "nothing came");
	if (gaps > 0)
		text_addf(&t, ", %lld gap%s", gaps, gaps > 1 ? "s" : "");
	if (json_is_true(json_object_get(c, "truncated")))
		text_add(&t, ", cut at its limit");
	if (goes_on)
		text_add(&t, octets > 0 ? ", goes on" : " yet");
	if (octets > 0)
		text_addf(&t, ": netboot-ctl console %s --replay %s",
		    cmd_util_str(boot, "host"), id[0] ? id : cmd_util_str(boot, "id"));
	record_add_line(out, "console", text_str(&t));
	text_done(&t);
}

static void
draw(const struct ctl *ctl, const json_t *trace, const char *zone, bool again)
{
	const struct waterfall_look look = look_now(ctl, zone);
	struct text t = {0};

	text_add(&t, again ? HOME_AND_CLEAR : "");
	waterfall_draw(trace, &look, &t);
	add_console(&t, json_object_get(trace, "boot"));
	fputs(text_str(&t), ctl->out);
	fflush(ctl->out);
	text_done(&t);
}

static int
fetch(const struct ctl *ctl, const char *id, json_t **ret)
{
	char *path = client_path("boots", id, "trace");
	const struct client_request rq = {.method = "GET", .path = path, .subject = id};
	int r = client_call(ctl, &rq, ret);

	free(path);
	return r;
}

/* The zone of the boot's site, owned by the caller, or NULL. */
static char *
zone_of(const struct ctl *ctl, const json_t *trace)
{
	json_t *boot = json_object_get(trace, "boot"), *rows = json_pack("[O*]", boot);
	char *zone;

	cmd_util_add_zones(ctl, rows);
	zone = str_dup(json_string_value(json_object_get(boot, "_zone")));
	json_object_del(boot, "_zone");
	json_decref(rows);
	return zone;
}

static bool
ended(const json_t *trace)
{
	return output_wall(json_object_get(trace, "ended")) > 0;
}

/* Until the boot has ended; *trace is replaced by its last document. A restart of the server is waited for, without a
 * line for each try. */
static int
follow(const struct ctl *ctl, const char *id, const char *zone, json_t **trace)
{
	const struct timespec pause = {.tv_sec = REDRAW_S};
	struct ctl silent = *ctl;
	FILE *nowhere = fopen("/dev/null", "w");
	int lost = 0, r = CTL_OK;

	silent.err = nowhere != NULL ? nowhere : ctl->err;
	while (!ended(*trace) && lost < LOST_MAX) {
		json_t *next = NULL;

		if (ctl->out_tty)
			draw(ctl, *trace, zone, true);
		nanosleep(&pause, NULL);
		r = fetch(&silent, id, &next);
		lost = r == CTL_OK ? 0 : lost + 1;
		if (r == CTL_OK) {
			json_decref(*trace);
			*trace = next;
		} else if (r != CTL_UNREACHABLE) {
			lost = LOST_MAX;
		}
	}
	if (nowhere != NULL)
		fclose(nowhere);
	/* The last try tells why. */
	if (r != CTL_OK) {
		json_decref(*trace);
		*trace = NULL;
		r = fetch(ctl, id, trace);
	}
	return r;
}

int
cmd_trace(struct ctl *ctl, const struct args *args)
{
	bool chrome = args_has(args, "chrome"), again = false;
	json_t *trace = NULL;
	char id[ID_SIZE], *zone = NULL;
	int r = find_boot(ctl, args->operands[0], id);

	if (r == CTL_OK)
		r = fetch(ctl, id, &trace);
	if (r == CTL_OK && !chrome && !ctl_is_json(ctl))
		zone = zone_of(ctl, trace);
	if (r == CTL_OK && args_has(args, "follow")) {
		struct ctl how = *ctl;

		/* A document is printed once, at the end. */
		how.out_tty = ctl->out_tty && !chrome && !ctl_is_json(ctl);
		again = how.out_tty;
		r = follow(&how, id, zone, &trace);
	}
	if (r == CTL_OK && chrome) {
		json_t *v = trace_chrome(trace, clock_wall());

		output_json(ctl, v);
		json_decref(v);
	} else if (r == CTL_OK && ctl_is_json(ctl)) {
		output_json(ctl, trace);
	} else if (r == CTL_OK) {
		draw(ctl, trace, zone, again);
	}
	free(zone);
	json_decref(trace);
	return r;
}
