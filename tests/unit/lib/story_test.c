/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/json.h"
#include "lib/str.h"

#define JOB "01k9xyz0a0aaaaaa"
#define MAC "52:54:00:77:00:01"

/* detail: JSON with ' for ". */
static void
take(struct story *s, int64_t second, const char *kind, const char *reason,
    const char *detail)
{
	struct event ev = event_make(kind, second * USEC_PER_SEC);
	char *text = str_dup(detail ? detail : "{}");

	for (char *c = text; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	str_clip(ev.host, sizeof(ev.host), "edge01");
	str_clip(ev.job, sizeof(ev.job), JOB);
	str_clip(ev.mac, sizeof(ev.mac), MAC);
	str_clip(ev.reason, sizeof(ev.reason), reason);
	ev.detail = json_parse(text, strlen(text), NULL);
	assert_non_null(ev.detail);
	story_take(s, second, &ev);
	event_done(&ev);
	free(text);
}

static struct story *
begin(void)
{
	const struct story_host host = {.name = "edge01"};
	struct story *s = str_alloc(sizeof(*s));

	story_init(s, &host);
	take(s, 1, "job.attempt", "", "{'attempt':1}");
	take(s, 2, "job.stage", "",
	    "{'stage':'override','state':'entered','deadline_us':60000000}");
	return s;
}

static void
an_attempt_begins_anew(void **state)
{
	struct story *s = begin();

	(void)state;
	take(s, 3, "power.state", "", "{'power':'on'}");
	take(s, 4, "sol.connected", "the console is recorded", NULL);
	take(s, 5, "dhcp4.discover", "", "{'class':'pxe'}");
	assert_true(story_has(s, STORY_DHCP_FIRMWARE));
	assert_int_equal(s->heard, 5 * USEC_PER_SEC);
	take(s, 6, "job.attempt", "", "{'attempt':2}");
	assert_false(story_has(s, STORY_DHCP_FIRMWARE));
	assert_true(story_has(s, STORY_CONSOLE));
	assert_int_equal(s->was_on, 3 * USEC_PER_SEC);
	assert_int_equal(s->heard, 0);
	/* Told again, or nonsense: nothing changes. */
	take(s, 7, "power.state", "", "{'power':'on'}");
	take(s, 8, "job.attempt", "", "{'attempt':2}");
	take(s, 9, "job.attempt", "", "{'attempt':1}");
	take(s, 9, "job.attempt", "", "{'attempt':1000}");
	assert_true(story_has(s, STORY_ON));
	assert_int_equal(s->attempt, 2);
	free(s);
}

/* That bootd ended it says nothing of the machine, in whatever words; records of old have the words alone. */
static void
what_bootd_ends_is_no_sign_of_the_machine(void **state)
{
	struct story *s = begin();

	(void)state;
	take(s, 5, "http.error", "the client reset the connection",
	    "{'result':'aborted','class':'kernel'}");
	assert_int_equal(s->heard, 5 * USEC_PER_SEC);
	take(s, 6, "http.error", "in words of tomorrow",
	    "{'result':'aborted','class':'kernel','ended_by':'server'}");
	take(s, 7, "tftp.error", "the same", "{'result':'aborted','ended_by':'server'}");
	take(s, 8, "http.error", "the server is being stopped",
	    "{'result':'aborted','class':'kernel'}");
	take(s, 9, "http.error", "the client stopped reading",
	    "{'result':'timeout','class':'kernel'}");
	assert_int_equal(s->heard, 5 * USEC_PER_SEC);
	free(s);
}

static void
what_the_old_system_said_is_no_sign(void **state)
{
	struct story *s = begin();

	(void)state;
	take(s, 3, "sol.line", "", "{'class':'login','line':'edge01 login:'}");
	assert_false(story_has(s, STORY_SAID_LOGIN));
	take(s, 4, "ipmi.control", "power on: accepted", NULL);
	take(s, 5, "sol.line", "",
	    "{'class':'panic','line':'Kernel panic - not syncing: first'}");
	take(s, 6, "sol.line", "",
	    "{'class':'panic','line':'Kernel panic - not syncing: second'}");
	assert_int_equal(s->fact[STORY_SAID_PANIC].n, 2);
	assert_string_equal(
	    s->fact[STORY_SAID_PANIC].text, "Kernel panic - not syncing: first");
	free(s);
}

static void
only_the_first_look_finds_it_off(void **state)
{
	struct story *s = begin();

	(void)state;
	take(s, 3, "ipmi.power", "power is on", NULL);
	take(s, 4, "ipmi.control", "power soft: accepted", NULL);
	take(s, 5, "ipmi.power", "power is off", NULL);
	assert_false(story_has(s, STORY_FOUND_OFF));
	take(s, 6, "job.attempt", "", "{'attempt':2}");
	take(s, 7, "job.stage", "", "{'stage':'override','state':'entered'}");
	take(s, 8, "ipmi.power", "power is off", NULL);
	assert_true(story_has(s, STORY_FOUND_OFF));
	free(s);
}

static void
it_speaks_while_it_is_off(void **state)
{
	struct story *s = begin();

	(void)state;
	take(s, 10, "power.state", "", "{'power':'off'}");
	take(s, 11, "dhcp4.request", "", "{'class':'os'}"); /* was on its way */
	assert_false(story_has(s, STORY_WHILE_OFF));
	take(s, 15, "dhcp4.request", "", "{'class':'os'}");
	assert_true(story_has(s, STORY_WHILE_OFF));
	take(s, 16, "ipmi.control", "power on: accepted", NULL);
	take(s, 20, "dhcp4.discover", "", "{'class':'pxe'}");
	assert_int_equal(s->fact[STORY_WHILE_OFF].n, 1);
	free(s);
}

static void
others_are_left_out(void **state)
{
	struct story *s = begin();
	struct event ev = event_make("dhcp4.discover", 5 * USEC_PER_SEC);

	(void)state;
	str_clip(ev.host, sizeof(ev.host), "edge02");
	event_put(&ev, "class", "pxe");
	story_take(s, 5, &ev);
	assert_false(story_has(s, STORY_DHCP_FIRMWARE));
	assert_int_equal(s->others, 1);
	event_done(&ev);
	free(s);
}

static void
strangers_are_known_by_the_uuid(void **state)
{
	static const char *const uuids[] = {"00010203-0405-0607-0809-0a0b0c0d0e0f",
	    "03020100-0504-0706-0809-0A0B0C0D0E0F",
	    "11111111-0405-0607-0809-0a0b0c0d0e0f", ""};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(uuids); i++) {
		struct story_host host = {
		    .name = "edge01", .uuid = "00010203-0405-0607-0809-0a0b0c0d0e0f"};
		struct story *s = str_alloc(sizeof(*s));
		struct event ev = event_make("dhcp4.ignored", 5 * USEC_PER_SEC);

		story_init(s, &host);
		event_put(&ev, "class", "pxe");
		event_put(&ev, "uuid", uuids[i]);
		story_take(s, 5, &ev);
		assert_true(story_has(s, STORY_STRANGER) == (i < 2));
		event_done(&ev);
		free(s);
	}
}

/* A board whose maker set no UUID is any board; and another site's machine is not this one. */
static void
a_uuid_of_everybody_tells_nothing(void **state)
{
	static const struct {
		const char *uuid, *site;
		bool known;
	} rows[] = {{"03000200-0400-0500-0006-000700080009", "local", false},
	    {"FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", "local", false},
	    {"00000000-0000-0000-0000-000000000000", "local", false},
	    {"00010203-0405-0607-0809-0a0b0c0d0e0f", "other", false},
	    {"00010203-0405-0607-0809-0a0b0c0d0e0f", "local", true}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct story_host host = {.name = "edge01"};
		struct story *s = str_alloc(sizeof(*s));
		struct event ev = event_make("dhcp4.ignored", 5 * USEC_PER_SEC);

		str_clip(host.uuid, sizeof(host.uuid), rows[i].uuid);
		story_init(s, &host);
		str_clip(s->site, sizeof(s->site), "local");
		str_clip(ev.site, sizeof(ev.site), rows[i].site);
		event_put(&ev, "class", "pxe");
		event_put(&ev, "uuid", rows[i].uuid);
		story_take(s, 5, &ev);
		assert_true(story_has(s, STORY_STRANGER) == rows[i].known);
		event_done(&ev);
		free(s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_attempt_begins_anew),
	    cmocka_unit_test(what_bootd_ends_is_no_sign_of_the_machine),
	    cmocka_unit_test(what_the_old_system_said_is_no_sign),
	    cmocka_unit_test(only_the_first_look_finds_it_off),
	    cmocka_unit_test(it_speaks_while_it_is_off),
	    cmocka_unit_test(others_are_left_out),
	    cmocka_unit_test(strangers_are_known_by_the_uuid),
	    cmocka_unit_test(a_uuid_of_everybody_tells_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
