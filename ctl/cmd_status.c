/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is: status, doctor, agent list.
 *
 * Ownership: documents are freed here. Failure modes: exit codes of DESIGN section 8;
 * doctor ends with 2 when a check failed.
 */
#include <stdlib.h>
#include <string.h>

#include "ctl/cmd.h"
#include "ctl/cmd_util.h"
#include "ctl/output.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"

/* ---- status ---- */

/* At a site with servers of its own whatever else is the matter does not hide what is not promised there. */
static void
cell_reason(const json_t *row, struct text *out)
{
	const char *reason = cmd_util_str(row, "reason");

	/* The server's reason says as much of an open job, without how long ago that is. */
	cmd_util_add_as_of(row, out);
	if (json_is_string(json_object_get(row, "as_of")) && reason[0] != '\0')
		text_add(out, "; ");
	text_add(out, reason);
	if (reason[0] != '\0' && strstr(reason, "own servers") == NULL &&
	    str_eq(cmd_util_str(row, "confirmed_by"), "logs"))
		text_add(out, " (own servers: not held back)");
}

/* Power was seen some time ago: "on (5m0s ago)". It is what is known only while that is short. */
static void
cell_power(const json_t *row, struct text *out)
{
	int64_t at = output_wall(json_object_get(row, "power_at"));
	const char *why = cmd_util_str(row, "power_why");
	char ago[32];

	text_add(out, cmd_util_str(row, "power"));
	if (at > 0)
		text_addf(out, " (%s%s%s ago)", why, why[0] != '\0' ? ", " : "",
		    str_duration(clock_wall() - at, ago, sizeof(ago)));
}

static const struct output_column status_columns[] = {
    {.title = "HOST", .key = "host"},
    {.title = "SITE", .key = "site"},
    {.title = "STATE", .key = "state"},
    {.title = "KIND", .key = "kind"},
    {.title = "STAGE", .key = "stage"},
    {.title = "FOR", .key = "in_stage_us", .kind = OUTPUT_DURATION},
    {.title = "AT MOST", .key = "deadline_us", .kind = OUTPUT_DURATION},
    {.title = "ATTEMPT", .key = "attempt"},
    {.title = "POWER", .cell = cell_power},
    {.title = "LAST SEEN", .key = "last_seen", .kind = OUTPUT_TIME},
    {.title = "JOB", .key = "job", .wide = true},
    {.title = "REASON", .cell = cell_reason},
};

int
cmd_status(struct ctl *ctl, const struct args *args)
{
	char *hosts = cmd_util_selector(args);
	struct text path = {0};
	json_t *rows = NULL;
	int r;

	text_add(&path, "/api/v1/status");
	text_add_query(&path, "hosts", hosts[0] != '\0' ? hosts : NULL);
	text_add_query(&path, "stuck", args_has(args, "stuck") ? "1" : NULL);
	r = client_list(ctl, text_str(&path), 0, &rows);
	text_done(&path);
	free(hosts);
	if (r != CTL_OK)
		return r;
	cmd_util_add_zones(ctl, rows);
	output_list(ctl, rows, status_columns, ARRAY_SIZE(status_columns));
	json_decref(rows);
	return cmd_hold_remark(ctl, NULL);
}

/* ---- doctor ---- */

static const struct output_column doctor_columns[] = {
    {.title = "LEVEL", .key = "level"},
    {.title = "CHECK", .key = "check"},
    {.title = "FOUND", .key = "text"},
    {.title = "NEXT", .key = "next"},
};

int
cmd_status_doctor(struct ctl *ctl, const struct args *args UNUSED)
{
	json_t *answer = NULL, *row;
	int r = client_get(ctl, "/api/v1/doctor", &answer);
	size_t i;

	if (r != CTL_OK)
		return r;
	output_list(ctl, json_object_get(answer, "findings"), doctor_columns,
	    ARRAY_SIZE(doctor_columns));
	json_array_foreach (json_object_get(answer, "findings"), i, row)
		if (str_eq(cmd_util_str(row, "level"), "fail"))
			r = CTL_FAILED;
	json_decref(answer);
	return r;
}

/* ---- agent list ---- */

static void
cell_ago(const json_t *agent, struct text *out)
{
	const json_t *lag = json_object_get(agent, "lag");
	char buf[32];

	/* One that was never heard has no age. */
	if (json_is_integer(lag) && json_is_string(json_object_get(agent, "last_seen")))
		text_add(out, str_duration(json_integer_value(lag) * USEC_PER_SEC, buf,
				  sizeof(buf)));
}

/* "1204 events, from 3h5m ago": as it said when it was heard last. */
static void
cell_pending(const json_t *agent, struct text *out)
{
	int64_t n = json_integer_value(json_object_get(agent, "pending"));
	int64_t age = json_integer_value(json_object_get(agent, "pending_age"));
	char buf[32];

	if (n > 0)
		text_addf(out, "%lld events, from %s before", (long long)n,
		    str_duration(age * USEC_PER_SEC, buf, sizeof(buf)));
}

/* Only one that is off: "1h0m0s ahead". */
static void
cell_clock(const json_t *agent, struct text *out)
{
	const json_t *clock = json_object_get(agent, "clock");
	int64_t ahead = json_integer_value(json_object_get(clock, "ahead_us"));
	int64_t within = json_integer_value(json_object_get(clock, "within_us"));
	char buf[32];

	if (llabs(ahead) > within + USEC_PER_SEC)
		text_addf(out, "%s %s", str_duration(llabs(ahead), buf, sizeof(buf)),
		    ahead > 0 ? "ahead" : "behind");
}

/* "stopped since 2026-01-31 09:30: 12 of 40 refused": no session is opened there. */
static void
cell_bmcs(const json_t *agent, struct text *out)
{
	const json_t *stop = json_object_get(agent, "bmc_stop");

	if (!json_is_object(stop))
		return;
	text_addf(out, "stopped since %s: %lld of %lld refused",
	    cmd_util_str(stop, "since"),
	    (long long)json_integer_value(json_object_get(stop, "refused")),
	    (long long)json_integer_value(json_object_get(stop, "heard")));
}

/* "valid to 2026-01-31 09:30": of one that comes from afar. */
static void
cell_certificate(const json_t *agent, struct text *out)
{
	const json_t *c = json_object_get(agent, "certificate");
	const char *state = cmd_util_str(c, "state");

	if (str_eq(state, "valid"))
		text_addf(out, "valid to %.10s", cmd_util_str(c, "ends"));
	else
		text_add(out, state);
}

static const struct output_column agent_columns[] = {
    {.title = "SITE", .key = "site"},
    {.title = "AGENT", .key = "agent"},
    {.title = "LAST SEEN", .key = "last_seen", .kind = OUTPUT_TIME},
    {.title = "AGO", .cell = cell_ago},
    {.title = "TO TELL", .cell = cell_pending},
    {.title = "CLOCK", .cell = cell_clock},
    {.title = "CONFIRMED BY", .key = "confirmed_by"},
};
/* These only where they say something. */
static const struct output_column certificate_column = {
    .title = "CERTIFICATE", .cell = cell_certificate};
static const struct output_column bmcs_column = {.title = "BMCS", .cell = cell_bmcs};

int
cmd_status_agents(struct ctl *ctl, const struct args *args UNUSED)
{
	json_t *rows = NULL, *row;
	int r = client_list(ctl, "/api/v1/agents", 0, &rows);
	struct output_column columns[ARRAY_SIZE(agent_columns) + 2];
	bool stopped = false, certified = false;
	size_t i, n = ARRAY_SIZE(agent_columns);

	if (r != CTL_OK)
		return r;
	cmd_util_add_zones(ctl, rows);
	json_array_foreach (rows, i, row) {
		stopped = stopped || json_object_get(row, "bmc_stop") != NULL;
		certified =
		    certified || json_is_object(json_object_get(row, "certificate"));
	}
	memcpy(columns, agent_columns, sizeof(agent_columns));
	if (certified)
		columns[n++] = certificate_column;
	if (stopped)
		columns[n++] = bmcs_column;
	output_list(ctl, rows, columns, n);
	json_decref(rows);
	return CTL_OK;
}
