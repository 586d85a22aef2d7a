/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/status_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/verdict.h"

#define NOW (1000 * USEC_PER_SEC)

static const struct status_rules_host idle = {.locked_reason = "",
    .verdict_code = "",
    .verdict_text = "",
    .has_bmc = true,
    .stage_deadline_us = -1};

struct row {
	struct status_rules_site site;
	struct status_rules_host host;
	const char *state, *code, *reason;
	bool stuck, job;
};

static struct status_rules_host
open_job(int64_t entered, int64_t deadline)
{
	struct status_rules_host h = idle;

	h.job = "0j";
	h.created = 1;
	h.sent = 2;
	h.stage_entered = entered;
	h.stage_deadline_us = deadline;
	return h;
}

static void
check(const struct row *r)
{
	struct status_rules_row got;

	status_rules_decide(&r->site, &r->host, NOW, &got);
	assert_string_equal(got.state, r->state);
	assert_string_equal(got.code, r->code);
	assert_memory_equal(got.reason, r->reason, strlen(r->reason));
	assert_int_equal(got.reason[0] == '\0', r->reason[0] == '\0');
	assert_int_equal(got.stuck, r->stuck);
	assert_int_equal(got.shows_job, r->job);
}

static void
every_rule(void **state)
{
	const struct status_rules_site well = {.absent = false};
	struct status_rules_host failed = idle, locked = idle, done = idle;

	(void)state;
	failed.job = done.job = "0j";
	failed.ended = failed.failed = done.ended = true;
	failed.verdict_code = "os-silent";
	failed.verdict_text = "nothing was heard";
	locked.locked_at = 5;
	locked.locked_reason = "disk swap";
	check(&(struct row){well, idle, "idle", "", "", false, false});
	check(&(struct row){well, done, "idle", "", "", false, false});
	check(&(struct row){well, locked, "locked", "", "disk swap", false, false});
	check(&(struct row){
	    well, failed, "failed", "os-silent", "os-silent: ", true, true});
	failed.verdict_text = "probably: nothing was heard";
	check(&(struct row){
	    well, failed, "failed", "os-silent", "os-silent: probably: ", true, true});
	failed.verdict_text = "nothing was heard";
	failed.locked_at = 5;
	failed.locked_reason = "known";
	check(&(struct row){well, failed, "locked", "", "known", false, true});
	check(&(struct row){well, open_job(NOW - 10, 20), "busy", "", "", false, true});
	check(&(struct row){well, open_job(NOW - 30, 20), "busy", "deadline-passed",
	    "deadline passed", true, true});
	check(&(struct row){{.absent = true}, open_job(NOW - 30, 20), "busy",
	    "agent-absent", "agent-absent: what", true, true});
	check(&(struct row){{.trouble = {.code = "spool-full", .text = "no room"}},
	    open_job(NOW, 20), "busy", "spool-full", "spool-full: no room", true, true});
	check(&(struct row){{.own_servers = true}, open_job(NOW, 20), "busy", "",
	    "own servers: not held back", false, true});
}

static void
who_waits_and_who_is_not_asked(void **state)
{
	struct status_rules_host waits = open_job(0, -1), quiet = idle;

	(void)state;
	waits.sent = 0;
	check(&(struct row){
	    {.full = true}, waits, "busy", "", "waits for others", false, true});
	check(&(struct row){{.stop_since = 1, .stop_refused = 3, .stop_heard = 4}, idle,
	    "idle", "bmc-lockout-stop", "bmc-lockout-stop: no BMC", false, false});
	quiet.has_bmc = false;
	check(&(struct row){{.stop_since = 1}, quiet, "idle", "", "", false, false});
}

static void
what_is_found_of_a_late_one(void **state)
{
	const struct status_rules_site well = {.absent = false},
				       absent = {.absent = true};
	const struct status_rules_host late = open_job(NOW - 30, 20);
	const struct verdict_row *panic = verdict_find("kernel-panic-seen");
	struct status_rules_row row;

	(void)state;
	status_rules_decide(&absent, &late, NOW, &row);
	assert_false(row.late);
	status_rules_decide(&well, &late, NOW, &row);
	assert_true(row.late);
	status_rules_found(&row, NULL);
	assert_string_equal(row.code, "deadline-passed");
	status_rules_found(&row, panic);
	assert_string_equal(row.code, "kernel-panic-seen");
	assert_string_equal(row.reason,
	    "kernel-panic-seen: probably: The kernel panicked (deadline passed)");
}

static void
agents_have_clocks_of_their_own(void **state)
{
	const int64_t min = 60 * USEC_PER_SEC;
	const struct status_rules_site behind = {.clock_ahead = -10 * min},
				       ahead = {.clock_ahead = 10 * min};

	(void)state;
	check(&(struct row){
	    behind, open_job(NOW - 11 * min, 2 * min), "busy", "", "", false, true});
	check(&(struct row){behind, open_job(NOW - 13 * min, 2 * min), "busy",
	    "deadline-passed", "deadline passed", true, true});
	check(&(struct row){
	    ahead, open_job(NOW + 9 * min, 2 * min), "busy", "", "", false, true});
	check(&(struct row){ahead, open_job(NOW + 7 * min, 2 * min), "busy",
	    "deadline-passed", "deadline passed", true, true});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_rule),
	    cmocka_unit_test(who_waits_and_who_is_not_asked),
	    cmocka_unit_test(what_is_found_of_a_late_one),
	    cmocka_unit_test(agents_have_clocks_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
