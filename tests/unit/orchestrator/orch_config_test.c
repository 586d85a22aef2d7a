/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/orch_config.h"

#include "fixture.h"

static int
parse(const char *text, struct orch_config **ret, struct error *err)
{
	return orch_config_parse("o.yaml", text, strlen(text), ret, err);
}

static void
absent_keys_have_defaults(void **state)
{
	static const char *const empty[] = {
	    "", "\n# only words\n", "group: netboot\n", "{}\n"};
	struct error err = {.code = ""};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(empty); i++) {
		struct orch_config *c = NULL;
		if (parse(empty[i], &c, &err) < 0)
			fail_msg("%zu: %s", i, err.text);
		assert_string_equal(c->database, "/var/lib/netboot/orchestrator.db");
		assert_string_equal(c->socket, "/run/netboot/orchestrator.sock");
		assert_string_equal(c->group, "netboot");
		assert_string_equal(c->images_root, "/srv/netboot/images");
		assert_string_equal(c->key_file, "/var/lib/netboot/orchestrator.key");
		assert_int_equal(c->console_days, 90);
		assert_int_equal(c->console_mb, 4096);
		assert_int_equal(c->web.n_listen, 1);
		assert_string_equal(c->web.listen[0], "127.0.0.1:8017");
		assert_int_equal(c->web.session_hours, 12);
		assert_null(c->web.tls_cert);
		assert_int_equal(c->retention.events_days, 0);
		assert_int_equal(c->retention.progress_days, 30);
		assert_string_equal(c->oui_file, "/usr/share/ieee-data/oui.txt");
		orch_config_free(c);
	}
	orch_config_free(NULL);
}

static void
keys_are_read(void **state)
{
	struct orch_config *c = NULL;

	(void)state;
	assert_int_equal(
	    parse("database: /a\nsocket: /b\ngroup: c\nimages_root: /d\nkey_file: /e\n",
		&c, NULL),
	    0);
	assert_string_equal(c->database, "/a");
	assert_string_equal(c->group, "c");
	assert_string_equal(c->key_file, "/e");
	orch_config_free(c);
	assert_int_equal(parse("retention: {events_days: 400, jobs_days: 7, boots_days: "
			       "7}\noui_file: /f\n",
			     &c, NULL),
	    0);
	assert_int_equal(c->retention.events_days, 400);
	assert_int_equal(c->retention.jobs_days, 7);
	assert_int_equal(c->retention.discovered_days, 30);
	assert_string_equal(c->oui_file, "/f");
	assert_int_equal(c->caps.hosts.reinstall, 0);
	orch_config_free(c);
	assert_int_equal(
	    parse("caps: {reinstall: 20, drill: 1}\ncaps_in_flight: {reboot: 5}\n", &c,
		NULL),
	    0);
	assert_int_equal(c->caps.hosts.reinstall, 20);
	assert_int_equal(c->caps.hosts.reboot, 0);
	assert_int_equal(c->caps.in_flight.reboot, 5);
	orch_config_free(c);
}

static void
the_page_is_switched_off_and_moved(void **state)
{
	static const struct {
		const char *text;
		unsigned n;
		const char *first;
	} rows[] = {
	    {"web: {listen: []}\n", 0, NULL},
	    {"web:\n  listen: []\n", 0, NULL},
	    {"web: {session_hours: 3}\n", 1, "127.0.0.1:8017"},
	    {"web: {}\n", 1, "127.0.0.1:8017"},
	    {"web: {listen: [\"[::1]:1\", \"127.0.0.2:2\"], names: [a.b, c]}\n", 2,
		"[::1]:1"},
	    {"web:\n  listen: [\"0.0.0.0:1\"]\n  tls_cert: /c\n  tls_key: /k\n", 1,
		"0.0.0.0:1"},
	    {"web:\n  listen: [\"10.0.0.1:80\"]\n", 1, "10.0.0.1:80"},
	};
	struct error err = {.code = ""};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct orch_config *c = NULL;
		if (parse(rows[i].text, &c, &err) < 0)
			fail_msg("%zu: %s", i, err.text);
		assert_int_equal(c->web.n_listen, rows[i].n);
		if (rows[i].first)
			assert_string_equal(c->web.listen[0], rows[i].first);
		orch_config_free(c);
	}
}

static void
errors_name_file_line_and_key(void **state)
{
	static const struct {
		const char *text, *says;
	} table[] = {
	    {"database: a\n", "o.yaml:1: database"},
	    {"web:\n  listen: [here]\n", "o.yaml:2: web.listen[0]"},
	    {"web:\n  listen:\n  - \"127.0.0.1:80\"\n  - \"[::]\"\n",
		"o.yaml:4: web.listen[1]"},
	    {"web: {tls_cert: /a}\n", "o.yaml:1: web"},
	    {"web: {tls_cert: a, tls_key: /b}\n", "o.yaml:1: web.tls_cert"},
	    {"web: {session_hours: 99999}\n", "o.yaml:1: web.session_hours"},
	    {"group: x\nimages_root: ./x\n", "o.yaml:2: images_root"},
	    {"group: x\nsockt: /x\n", "o.yaml:2: sockt"},
	    {"group: [x]\n", "o.yaml:1: group"},
	    /* So long that the time of it overflowed, and all recordings were too old. */
	    {"group: x\nconsole_days: 200000000\n", "o.yaml:2: console_days"},
	    {"console_mb: 4294967295\n", "o.yaml:1: console_mb"},
	    {"group: x\npage_url: nb.example\n", "o.yaml:2: page_url"},
	    {"retention: {events_days: 200000}\n", "events_days"},
	    {"retention: {jobs_days: 5}\n", "jobs_days"},
	    {"retention: {jobs_days: 5, boots_days: 6}\n", "jobs_days"},
	    {"retention: {event_days: 2}\n", "o.yaml:1: "},
	    {"caps: {reinstall: 0}\n", "o.yaml:1: caps.reinstall"},
	    {"caps_in_flight: {drill: 2}\n", "o.yaml:1: "},
	    {"caps: {install: 2}\n", "o.yaml:1: "},
	    {"group: {\n", "o.yaml:"},
	    {"- a\n", "o.yaml:1"},
	    {"just words\n", "o.yaml:1"},
	    {"group: a\ngroup: b\n", "group: key is given twice"},
	};
	struct orch_config *c = NULL;
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		err = (struct error){.code = ""};
		if (parse(table[i].text, &c, &err) == 0)
			fail_msg("%s was taken", table[i].text);
		assert_string_equal(err.code, "config");
		if (!strstr(err.text, table[i].says))
			fail_msg("%s: %s", table[i].says, err.text);
	}
	assert_true(orch_config_load("/nonexistent/o.yaml", &c, &err) < 0);
	assert_non_null(strstr(err.text, "/nonexistent/o.yaml"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(absent_keys_have_defaults),
	    cmocka_unit_test(keys_are_read),
	    cmocka_unit_test(the_page_is_switched_off_and_moved),
	    cmocka_unit_test(errors_name_file_line_and_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
