/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/discover.h"

#include "fixture.h"

#include "lib/clock.h"

#define MAC "52:54:00:77:00:09"
#define UUID "4c4c4544-0042-3510-8044-b3c04f503532"

static struct event
asked(const char *kind, const char *mac)
{
	struct event ev = event_make(kind, FIXTURE_NOW);

	str_clip(ev.site, sizeof(ev.site), "los");
	str_clip(ev.mac, sizeof(ev.mac), mac);
	str_clip(ev.arch, sizeof(ev.arch), "x64-uefi");
	event_put(&ev, "uuid", UUID);
	event_put(&ev, "circuit_id", "Gi1/0/7");
	event_put(&ev, "vendor_class", "PXEClient:Arch:00007");
	return ev;
}

static bool
reads(struct event ev, struct db_discovered *ret)
{
	bool is = discover_read(&ev, ev.at, ret);

	event_done(&ev);
	return is;
}

static void
only_unknown_machines_are_noted(void **state)
{
	struct db_discovered d;
	struct event ev = asked("dhcp4.ignored", MAC);

	(void)state;
	str_clip(ev.host, sizeof(ev.host), "edge01");
	assert_false(reads(ev, &d));
	assert_false(reads(asked("dhcp4.foreign", MAC), &d));
	assert_false(reads(asked("ipmi.identify", MAC), &d));
	assert_false(reads(asked("dhcp4.ignored", ""), &d));
	assert_false(reads(asked("dhcp4.ignored", "ff:ff:ff:ff:ff:ff"), &d));
	assert_true(reads(asked("dhcp4.ack", MAC), &d));
	assert_int_equal(d.seen, 0);
	assert_true(reads(asked("dhcp4.ignored", "52:54:00:77:00:09"), &d));
	assert_int_equal(d.seen, 1);
	assert_string_equal(d.mac, MAC);
	assert_string_equal(d.circuit_id, "Gi1/0/7");
	assert_string_equal(d.uuid, UUID);
	ev = asked("dhcp6.ignored", MAC);
	json_object_del(ev.detail, "circuit_id");
	event_put(&ev, "interface_id", "ge-0/0/3");
	assert_true(reads(ev, &d));
	assert_string_equal(d.circuit_id, "ge-0/0/3");
}

static void
a_clock_that_cannot_be_right_tells_no_time(void **state)
{
	const int64_t now = FIXTURE_NOW, day = 24 * 3600 * USEC_PER_SEC;
	const int64_t rows[][2] = {{now, now}, {now - day, now - day},
	    {now - day - 1, now}, {now + 1, now}, {0, now}};
	struct event ev = asked("dhcp4.discover", MAC);
	struct db_discovered d;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		ev.at = rows[i][0];
		assert_true(discover_read(&ev, now, &d));
		assert_int_equal(d.first_seen, rows[i][1]);
		assert_int_equal(d.last_seen, rows[i][1]);
	}
	event_done(&ev);
}

static void
long_texts_are_clipped_and_uuids_checked(void **state)
{
	struct event ev = asked("dhcp4.discover", MAC);
	struct db_discovered d;
	char text[600];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	event_put(&ev, "hostname", text);
	event_put(&ev, "relay", text);
	event_put(&ev, "uuid", text);
	assert_true(reads(ev, &d));
	assert_int_equal(strlen(d.hostname), sizeof(d.hostname) - 1);
	assert_string_equal(d.uuid, "");
}

static void
suggest(struct fixture *f, const char *uuid, const char *host, bool why)
{
	struct db_discovered d = {.mac = MAC, .site = "los"};
	struct discover_suggestion got;

	str_clip(d.uuid, sizeof(d.uuid), uuid);
	assert_int_equal(discover_suggest(f->store, &d, &got), 0);
	assert_string_equal(got.host, host);
	assert_int_equal(got.why[0] != '\0', why);
}

static void
a_known_uuid_suggests_its_host(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(
	    fixture_apply(f,
		"{'sites':[" FIXTURE_SITE ",{'name':'nbo','timezone':'UTC'}],"
		"'hosts':[{'name':'a','site':'los','uuid':'" UUID
		"','nics':[{'mac':'52:54:00:77:00:01'}]},"
		"{'name':'far','site':'nbo','uuid':"
		"'11111111-2222-3333-4444-555555555555',"
		"'nics':[{'mac':'52:54:00:77:00:02'}]}]}",
		NULL),
	    "");
	suggest(f, UUID, "a", true);
	suggest(f, "44454c4c-4200-1035-8044-b3c04f503532", "a", true); /* DHCPv6 */
	suggest(f, "11111111-2222-3333-4444-555555555555", "", true);
	suggest(f, "11111111-2222-3333-4444-555555555556", "", false);
	suggest(f, "", "", false);
	assert_string_equal(fixture_apply(f,
				"{'hosts':[{'name':'b','site':'los','uuid':'" UUID
				"','nics':[{'mac':'52:54:00:77:00:03'}]}]}",
				NULL),
	    "");
	suggest(f, UUID, "", true);
}

static void
a_host_is_made_of_what_was_seen(void **state)
{
	struct db_discovered d = {
	    .mac = MAC, .site = "los", .uuid = UUID, .arch = "x86-bios"};
	json_t *host = json_pack("{s:s}", "name", "new");
	json_t *want = fixture_json("{'name':'new','site':'los','nics':[{'mac':'" MAC
				    "'}],'uuid':'" UUID "','firmware':'bios'}");

	(void)state;
	discover_complete(&d, host);
	assert_true(json_equal(host, want));
	json_decref(host);
	json_decref(want);
	host = fixture_json("{'name':'new','site':'nbo','uuid':'x','firmware':'uefi',"
			    "'nics':[{'mac':'52:54:00:77:00:01','boot':true},"
			    "{'mac':'52-54-00-77-00-09','ip':'10.0.0.1'}]}");
	want = json_deep_copy(host);
	discover_complete(&d, host);
	assert_true(json_equal(host, want));
	json_decref(host);
	json_decref(want);
}

static void
the_line_to_type_is_whole(void **state)
{
	struct db_discovered d = {.mac = MAC, .site = "los", .last_seen = 1};
	struct discover_suggestion g = {.host = "edge01", .why = "same"};
	json_t *v = discover_json(&d, &g, NULL);
	const json_t *suggested = json_object_get(v, "suggest");

	(void)state;
	assert_string_equal(json_string_value(json_object_get(suggested, "command")),
	    "netboot-ctl discovered adopt " MAC " --to edge01 --site los");
	assert_true(json_is_null(json_object_get(v, "vendor")));
	json_decref(v);
	str_clip(d.mac, sizeof(d.mac), "edited"); /* by hand */
	v = discover_json(&d, &g, NULL);
	assert_true(json_is_null(json_object_get(v, "vendor")));
	json_decref(v);
	str_clip(d.mac, sizeof(d.mac), MAC);
	g.host[0] = '\0';
	v = discover_json(&d, &g, NULL);
	suggested = json_object_get(v, "suggest");
	assert_string_equal(json_string_value(json_object_get(suggested, "command")),
	    "netboot-ctl discovered adopt " MAC " HOST --site los");
	json_decref(v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_unknown_machines_are_noted),
	    cmocka_unit_test(a_clock_that_cannot_be_right_tells_no_time),
	    cmocka_unit_test(long_texts_are_clipped_and_uuids_checked),
	    FIXTURE_TEST(a_known_uuid_suggests_its_host),
	    cmocka_unit_test(a_host_is_made_of_what_was_seen),
	    cmocka_unit_test(the_line_to_type_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
