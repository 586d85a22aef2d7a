/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every trace of tests/data/traces (its README says where they come from) gets the verdict that its name says (and with
 * ".likely." in it as a likely one only), and none of what went well gets one; and the table has all that it should. */
#include "lib/verdict.h"

#include <ctype.h>
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/compiler.h"
#include "lib/json.h"
#include "lib/str.h"

#define TRACES "tests/data/traces"

static const struct verdict_usual unknown;

/* {"name","uuid","boot":[MAC]} */
static void
take_host(struct story_host *host, const json_t *v)
{
	const char *name = json_string_value(json_object_get(v, "name"));
	const char *uuid = json_string_value(json_object_get(v, "uuid"));
	const json_t *boot = json_object_get(v, "boot");

	str_clip(host->name, sizeof(host->name), name != NULL ? name : "");
	str_clip(host->uuid, sizeof(host->uuid), uuid != NULL ? uuid : "");
	for (size_t i = 0; i < json_array_size(boot) && i < BUNDLE_MACS_MAX; i++)
		str_clip(host->boot_macs[host->n_boot_macs++], ADDR_MAC_TEXT,
		    json_string_value(json_array_get(boot, i)));
}

/* A first line {"host":{"name","uuid"}} says whose trace it is. */
static void
take_line(struct story *s, int64_t seq, const char *line)
{
	json_t *v = json_parse(line, strlen(line), NULL);
	const json_t *host = json_object_get(v, "host");
	struct event ev;

	assert_non_null(v);
	if (json_is_object(host)) {
		take_host(&s->host, host);
	} else {
		assert_int_equal(event_from_json(v, &ev, NULL), 0);
		story_take(s, seq, &ev);
		event_done(&ev);
	}
	json_decref(v);
}

static struct story *
read_trace(const char *name)
{
	static const struct story_host nobody;
	struct story *s = str_alloc(sizeof(*s));
	char path[300], *line = NULL;
	size_t size = 0;
	int64_t seq = 0;

	assert_int_equal(str_format(path, sizeof(path), "%s/%s", TRACES, name), 0);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	story_init(s, &nobody);
	while (getline(&line, &size, f) > 0)
		take_line(s, ++seq, line);
	free(line);
	fclose(f);
	return s;
}

static bool
is_trace(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot != NULL && str_eq(dot, ".ndjson");
}

/* The code that a trace's name begins with: "booted-old-disk.login.ndjson". */
static void
code_of(const char *name, char *ret, size_t size)
{
	str_clip(ret, size, name);
	ret[strcspn(ret, ".")] = '\0';
}

static void
every_trace_gets_its_verdict(void **state)
{
	char want[80], got[80];
	struct dirent *d;
	DIR *dir = opendir(TRACES);
	int good = 0, bad = 0;

	(void)state;
	assert_non_null(dir);
	while ((d = readdir(dir)) != NULL) {
		struct verdict v;

		if (!is_trace(d->d_name))
			continue;
		struct story *s = read_trace(d->d_name);
		const struct verdict_look look = {s, &unknown, s->last};
		bool found = verdict_judge(&look, &v);

		code_of(d->d_name, want, sizeof(want));
		snprintf(got, sizeof(got), "%s", found ? v.is.code : "well");
		if (!str_eq(got, want))
			fail_msg(
			    "%s: found %s: %s", d->d_name, got, found ? v.is.text : "");
		if (strstr(d->d_name, ".likely.") != NULL && v.certain)
			fail_msg("%s: %s is told as certain", d->d_name, got);
		if (found && v.row)
			assert_int_equal(
			    str_has_prefix(v.is.text, VERDICT_PROBABLY), !v.certain);
		if (found) {
			assert_true(v.is.text[0] != '\0');
			bad++;
		} else {
			good++;
		}
		free(s);
	}
	closedir(dir);
	assert_true(good >= 5 && bad >= 20);
}

static bool
has_trace(const char *code)
{
	char have[80];
	struct dirent *d;
	DIR *dir = opendir(TRACES);
	bool found = false;

	while (!found && (d = readdir(dir)) != NULL) {
		code_of(d->d_name, have, sizeof(have));
		found = is_trace(d->d_name) && str_eq(have, code);
	}
	closedir(dir);
	return found;
}

static void
the_table_is_complete(void **state)
{
	(void)state;
	for (int t = 0; t < VERDICT_TABLES; t++) {
		for (const struct verdict_row *row = verdict_table_all[t]; row->code;
		     row++) {
			assert_ptr_equal(verdict_find(row->code), row); /* each once */
			assert_true(row->title[0] != '\0' && row->text[0] != '\0');
			assert_true(strlen(row->code) < ERROR_CODE_SIZE);
			assert_true(strlen(row->text) <= 300 &&
				    strlen(row->next) < ERROR_NEXT_SIZE);
			assert_true((row->rule != NULL) == (row->refines != NULL));
			for (size_t i = 0; row->refines && row->refines[i]; i++)
				assert_non_null(verdict_find(row->refines[i]));
			if (row->kind == VERDICT_STATE)
				continue;
			if (row->kind == VERDICT_FAILED)
				assert_true(row->next[0] != '\0');
			if (!has_trace(row->code) && !str_eq(row->code, "nfs-unchecked"))
				fail_msg("%s has no trace", row->code);
		}
	}
}

static bool
harms(const char *next)
{
	static const char *const words[] = {"netboot-ctl rescue", "netboot-ctl reinstall",
	    "power off", "power cycle", "power reset", "netboot-ctl boot ", "reboot"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasestr(next, words[i]) != NULL)
			return true;
	return false;
}

/* An installation, or a system in service, may be at work where nothing was heard after the image was let go: no next
 * step switches that off without asking first. */
static void
no_next_step_stops_what_may_be_at_work(void **state)
{
	static const char *const used[] = {"rootfs-stalled", "os-silent",
	    "installer-silent", "disk-boot-not-seen", "booted-again-after-install",
	    "ticket-consumed-undelivered"};

	(void)state;
	for (int t = 0; t < VERDICT_TABLES; t++) {
		for (const struct verdict_row *row = verdict_table_all[t]; row->code;
		     row++) {
			bool may = false;

			for (size_t i = 0; i < ARRAY_SIZE(used); i++) {
				may = may || str_eq(row->code, used[i]);
				for (size_t k = 0; row->refines && row->refines[k]; k++)
					may = may || str_eq(row->refines[k], used[i]);
			}
			if (may && harms(row->next) && !strcasestr(row->next, "only if"))
				fail_msg("%s: %s", row->code, row->next);
		}
	}
}

/* Codes as programs write them: {"CODE", and error_set(…, "CODE". */
static void
check_source(const char *path, const char *before)
{
	char *text = str_alloc(256 * 1024);
	FILE *f = fopen(path, "r");
	int n = 0;

	assert_non_null(f);
	text[fread(text, 1, 256 * 1024 - 1, f)] = '\0';
	fclose(f);
	for (const char *at = text; (at = strstr(at, before)) != NULL;) {
		char code[80];

		at += strlen(before);
		str_clip(code, sizeof(code), at);
		code[strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789-")] = '\0';
		if (code[0] == '\0' || at[strlen(code)] != '"')
			continue;
		if (verdict_find(code) == NULL)
			fail_msg("%s: %s has no row", path, code);
		n++;
	}
	assert_true(n > 0);
	free(text);
}

static void
agents_use_the_codes_of_the_table(void **state)
{
	(void)state;
	check_source("agent/run_verdict.c", "{\"");
	check_source("agent/bmc_error.c", "] = {\"");
	check_source("agent/run_orders.c", "\"code\", \"");
	check_source("agent/run_fsm.c", "&why, 0, \"");
	check_source("agent/preflight.c", "-EAGAIN, \"");
}

/* A job that failed so, after `kinds` happened. */
static void
begin(struct story *s, const char *stage)
{
	const struct story_host host = {.name = "edge01"};
	struct event ev = event_make("job.stage", 1000 * USEC_PER_SEC);

	story_init(s, &host);
	str_clip(ev.host, sizeof(ev.host), "edge01");
	str_clip(ev.job, sizeof(ev.job), "01k9xyz0a0aaaaaa");
	event_put(&ev, "stage", stage);
	event_put(&ev, "state", "entered");
	event_put_i64(&ev, "deadline_us", 300 * USEC_PER_SEC);
	story_take(s, 1, &ev);
	event_done(&ev);
}

static void
what_waits_is_compared_with_what_is_usual(void **state)
{
	struct story *s = str_alloc(sizeof(*s));
	struct verdict_usual usual = {
	    .n = 12, .median = 60 * USEC_PER_SEC, .p90 = 70 * USEC_PER_SEC};
	struct verdict v;

	(void)state;
	begin(s, "firmware-dhcp");
	struct verdict_look look = {s, &usual, 1060 * USEC_PER_SEC};
	verdict_provisional(&look, &v);
	assert_string_equal(v.is.code, "under-way");
	assert_string_equal(v.is.text,
	    "waits in stage firmware-dhcp for 1m00s, usually 1m00s (12 boots)");
	look.now = 1100 * USEC_PER_SEC;
	verdict_provisional(&look, &v);
	assert_string_equal(v.is.code, "slower-than-usual");
	look.now = 1301 * USEC_PER_SEC;
	verdict_provisional(&look, &v);
	assert_string_equal(v.is.code, "deadline-passed");
	look.usual = &unknown;
	look.now = 1100 * USEC_PER_SEC;
	verdict_provisional(&look, &v);
	assert_string_equal(v.is.code, "under-way");
	assert_false(verdict_judge(&look, &v));
	free(s);
}

static void
names_are_filled_in(void **state)
{
	struct story *s = str_alloc(sizeof(*s));
	char out[ERROR_NEXT_SIZE], small[12], tiny[4];

	(void)state;
	begin(s, "kernel");
	str_clip(s->image, sizeof(s->image), "debian");
	verdict_fill(
	    s, "netboot-ctl x HOST --y SITE; HOSTS, TEXT, IMAGE", out, sizeof(out));
	assert_string_equal(out, "netboot-ctl x edge01 --y SITE; HOSTS, TEXT, debian");
	verdict_fill(s, "see HOST and more", small, sizeof(small));
	assert_string_equal(small, "see edge01 ");
	/* No half of a character. */
	verdict_fill(s, "ab\xc3\xa9", tiny, sizeof(tiny));
	json_t *v = json_string(tiny);
	assert_non_null(v);
	json_decref(v);
	free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_trace_gets_its_verdict),
	    cmocka_unit_test(the_table_is_complete),
	    cmocka_unit_test(no_next_step_stops_what_may_be_at_work),
	    cmocka_unit_test(agents_use_the_codes_of_the_table),
	    cmocka_unit_test(what_waits_is_compared_with_what_is_usual),
	    cmocka_unit_test(names_are_filled_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
