/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/bootd_msg.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/compiler.h"
#include "lib/json.h"

static const char *const good[] = {
    "{\"t\":\"config\",\"v\":1,\"text\":\"http_port: 80\\n\"}",
    "{\"t\":\"ready\",\"v\":1,\"pid\":12,\"http_port\":80,\"tftp_port\":69}",
    "{\"t\":\"fatal\",\"code\":\"port-in-use\",\"text\":\"a\",\"next\":\"b\"}",
    "{\"t\":\"table_begin\",\"gen\":3,\"site\":\"los\",\"timezone\":\"Africa/Lagos\","
    "\"answer_unknown\":true,\"idle\":\"silent\"}",
    "{\"t\":\"subnet\",\"subnet\":{\"prefix\":\"10.77.0.0/24\",\"gateway\":\"10.77.0.1\","
    "\"dns\":[],\"lease_s\":3600}}",
    "{\"t\":\"host\",\"gen\":4,\"host\":{\"name\":\"a\",\"nics\":[],\"firmware\":"
    "\"uefi\","
    "\"idle\":\"local\",\"local_boot\":\"exit1\",\"labels\":{}}}",
    "{\"t\":\"host\",\"gen\":4,\"host\":{\"name\":\"a\",\"nics\":[],\"firmware\":"
    "\"uefi\","
    "\"idle\":\"local\",\"local_boot\":\"exit1\",\"labels\":{}},"
    "\"boot\":{\"ticket\":\"0123456789abcdef\",\"token\":\"0123456789abcdefghjkmnpqrs\","
    "\"job\":\"0123456789abcdef\",\"boot\":\"0123456789abcdef\",\"state\":\"consumed\","
    "\"script\":\"script.ipxe-52:54:00:77:00:01\",\"payloads\":["
    "{\"name\":\"vmlinuz\",\"path\":\"debian/vmlinuz\",\"size\":1,\"kind\":\"kernel\"},"
    "{\"name\":\"initrd\",\"path\":\"debian/initrd\",\"size\":2,\"kind\":\"initrd\"},"
    "{\"name\":\"root.sfs\",\"path\":\"debian/"
    "root.sfs\",\"size\":3,\"kind\":\"file\"},"
    "{\"name\":\"arch/x86_64/root.sfs\",\"path\":\"debian/"
    "root.sfs\",\"size\":3,\"kind\":\"file\"},"
    "{\"name\":\"preseed.cfg\",\"path\":\"ticket-0123456789abcdef-2\",\"size\":0,"
    "\"kind\":\"template\"}]}}",
    "{\"t\":\"host_del\",\"gen\":5,\"name\":\"a\"}",
    "{\"t\":\"table_end\",\"gen\":6}",
    "{\"t\":\"ack\",\"gen\":6}",
    "{\"t\":\"event\",\"event\":{\"at\":\"2026-01-31T09:30:00.123Z\",\"kind\":\"dhcp4."
    "ack\"}}",
    "{\"t\":\"consume\",\"req\":7,\"ticket\":\"0123456789abcdef\",\"host\":\"a\","
    "\"mac\":\"52:54:00:77:00:01\",\"ip\":\"10.77.0.50\",\"file\":\"initrd\"}",
    "{\"t\":\"consume_ok\",\"req\":7}",
    "{\"t\":\"consume_no\",\"req\":7,\"reason\":\"closed\"}",
    "{\"t\":\"report\",\"req\":8,\"token\":\"0123456789abcdefghjkmnpqrs\","
    "\"stage\":\"installed\",\"note\":\"all well\",\"ip\":\"10.77.0.50\"}",
    "{\"t\":\"report_ok\",\"req\":8}",
    "{\"t\":\"report_no\",\"req\":8,\"reason\":\"unknown\"}",
};

static void
every_message_round_trips(void **state)
{
	unsigned seen = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct error err = {.text = ""};
		json_t *v = json_parse(good[i], strlen(good[i]), &err), *again;
		struct bootd_msg m;

		if (v == NULL || bootd_msg_from_json(v, &m, &err) < 0)
			fail_msg("%s: %s", good[i], err.text);
		again = bootd_msg_to_json(&m);
		if (!json_equal(v, again))
			fail_msg("%s became %s", good[i], json_text(again));
		seen |= 1U << m.type;
		json_decref(v);
		json_decref(again);
		bootd_msg_done(&m);
	}
	assert_int_equal(seen, (1U << (BOOTD_MSG_REPORT_NO + 1)) - 1);
	bootd_msg_done(NULL);
}

static void
bad_messages_are_refused(void **state)
{
	static const char *const bad[] = {
	    "[]",
	    "{}",
	    "{\"t\":1}",
	    "{\"t\":\"config\",\"v\":2,\"text\":\"\"}",
	    "{\"t\":\"ready\",\"v\":1,\"pid\":1,\"http_port\":65536}",
	    "{\"t\":\"table_begin\",\"gen\":1,\"site\":\"\"}",
	    "{\"t\":\"table_begin\",\"gen\":1,\"site\":\"a\",\"idle\":\"x\"}",
	    "{\"t\":\"subnet\"}",
	    "{\"t\":\"host\",\"gen\":1}",
	    "{\"t\":\"host\",\"gen\":1,\"host\":{\"name\":\"a\"},\"boot\":{}}",
	    "{\"t\":\"host\",\"gen\":1,\"host\":{\"name\":\"a\"},\"boot\":7}",
	    "{\"t\":\"host\",\"gen\":1,\"host\":{\"name\":\"a\"},\"boot\":{"
	    "\"ticket\":\"0123456789abcdef\",\"token\":\"0123456789abcdefghjkmnpqrs\","
	    "\"job\":\"0123456789abcdef\",\"state\":\"armed\",\"payloads\":["
	    "{\"name\":\"a\",\"path\":\"../a\",\"size\":1,\"kind\":\"kernel\"}]}}",
	    "{\"t\":\"host\",\"gen\":1,\"host\":{\"name\":\"a\"},\"boot\":{"
	    "\"ticket\":\"0123456789abcdef\",\"token\":\"0123456789abcdefghjkmnpqrs\","
	    "\"job\":\"0123456789abcdef\",\"state\":\"armed\",\"payloads\":["
	    "{\"name\":\"a/b\",\"path\":\"a\",\"size\":1,\"kind\":\"initrd\"}]}}",
	    "{\"t\":\"host\",\"gen\":1,\"host\":{\"name\":\"a\"},\"boot\":{"
	    "\"ticket\":\"0123456789abcdef\",\"token\":\"0123456789abcdefghjkmnpqrs\","
	    "\"job\":\"0123456789abcdef\",\"state\":\"armed\",\"payloads\":["
	    "{\"name\":\"a/../b\",\"path\":\"a\",\"size\":1,\"kind\":\"template\"}]}}",
	    "{\"t\":\"host\",\"gen\":1,\"host\":{\"name\":\"a\"},\"boot\":{"
	    "\"ticket\":\"0123456789abcdef\",\"token\":\"0123456789abcdefghjkmnpqrs\","
	    "\"job\":\"0123456789abcdef\",\"state\":\"perhaps\"}}",
	    "{\"t\":\"host\",\"gen\":1,\"host\":{\"name\":\"a\"},\"boot\":{"
	    "\"ticket\":\"0123456789abcdef\",\"token\":\"0123456789abcdefghjkmnpqrs\","
	    "\"job\":\"0123456789abcdef\",\"state\":\"armed\",\"script\":\"../../x\"}}",
	    "{\"t\":\"host_del\",\"gen\":1,\"name\":\"a/b\"}",
	    "{\"t\":\"ack\"}",
	    "{\"t\":\"event\",\"event\":{}}",
	    "{\"t\":\"consume\",\"req\":1,\"ticket\":\"x\",\"host\":\"a\"}",
	    "{\"t\":\"consume_ok\",\"req\":-1}",
	    "{\"t\":\"report\",\"req\":1,\"token\":\"x\",\"stage\":\"up\"}",
	    "{\"t\":\"report\",\"req\":1,\"token\":\"0123456789abcdefghjkmnpqrs\","
	    "\"stage\":\"x\"}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct error err = {.code = ""};
		json_t *v = json_parse(bad[i], strlen(bad[i]), &err);
		struct bootd_msg m;

		assert_non_null(v);
		if (bootd_msg_from_json(v, &m, &err) != -EINVAL)
			fail_msg("accepted: %s", bad[i]);
		assert_string_not_equal(err.code, "unknown-message");
		json_decref(v);
	}
}

static void
messages_of_a_newer_release_are_told_apart(void **state)
{
	json_t *v = json_pack("{s:s}", "t", "teleport");
	struct bootd_msg m;
	struct error err;

	(void)state;
	assert_int_equal(bootd_msg_from_json(v, &m, &err), -EINVAL);
	assert_string_equal(err.code, "unknown-message");
	json_decref(v);
}

static void
an_empty_ticket_is_no_ticket(void **state)
{
	static struct bundle_host host = {.name = "a"};
	static struct bootd_msg_boot boot;
	struct bootd_msg m = {.type = BOOTD_MSG_HOST, .host = &host, .boot = &boot};
	json_t *v = bootd_msg_to_json(&m);

	(void)state;
	assert_null(json_object_get(v, "boot"));
	json_decref(v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_message_round_trips),
	    cmocka_unit_test(bad_messages_are_refused),
	    cmocka_unit_test(messages_of_a_newer_release_are_told_apart),
	    cmocka_unit_test(an_empty_ticket_is_no_ticket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
