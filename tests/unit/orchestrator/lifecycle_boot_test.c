/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/lifecycle.h"

enum { NOW = 5000000 };

#define BOOT "01k9xyz0a0abcdeg"

static struct event
make(const char *kind, const char *detail)
{
	struct event ev = event_make(kind, NOW);

	str_clip(ev.boot, sizeof(ev.boot), BOOT);
	str_clip(ev.host, sizeof(ev.host), "edge01");
	str_clip(ev.mac, sizeof(ev.mac), "52:54:00:77:00:01");
	str_clip(ev.ip, sizeof(ev.ip), "10.0.0.1");
	str_clip(ev.file, sizeof(ev.file), "m/rescue/vmlinuz");
	ev.detail = json_parse(detail, strlen(detail), NULL);
	assert_non_null(ev.detail);
	return ev;
}

static struct lifecycle_change
apply(struct event ev)
{
	struct lifecycle_change ch;

	lifecycle_apply(&ev, "agent1", NULL, &ch);
	event_done(&ev);
	return ch;
}

static void
who_asked_and_what_it_was_given(void **state)
{
	struct lifecycle_change ch = apply(make("dhcp4.discover",
	    "{\"class\":\"pxe\",\"vendor_class\":\"PXEClient:Arch:00007\"}"));

	(void)state;
	assert_true(ch.set_note);
	assert_string_equal(ch.boot_of, BOOT);
	assert_string_equal(ch.note.mac, "52:54:00:77:00:01");
	assert_string_equal(ch.note.vendor_class, "PXEClient:Arch:00007");
	assert_string_equal(ch.note.ip, ""); /* it only asks for it */
	ch = apply(make("dhcp4.ack", "{\"class\":\"os\",\"vendor_class\":\"dhcpcd\"}"));
	assert_string_equal(ch.note.ip, "10.0.0.1");
	assert_string_equal(ch.note.mac, "");
	assert_string_equal(ch.note.vendor_class, "");
	ch = apply(make("dhcp6.reply", "{\"class\":\"ipxe\"}"));
	assert_string_equal(ch.note.ip, "");
	assert_string_equal(ch.note.ip6, "10.0.0.1");
	assert_false(ch.set_transfer);
	struct event ev = make("dhcp4.discover", "{\"class\":\"pxe\"}");
	ev.boot[0] = '\0';
	ch = apply(ev);
	assert_false(ch.set_note);
}

static void
another_dhcp_server(void **state)
{
	static const struct {
		const char *kind, *detail;
		int64_t flags;
	} rows[] = {
	    {"dhcp4.foreign", "{\"type\":\"offer\"}", DB_BOOT_OTHER_DHCP},
	    {"dhcp6.foreign", "{}", DB_BOOT_OTHER_DHCP},
	    {"dhcp4.foreign", "{\"mode\":\"proxy\"}", 0},
	    {"dhcp4.foreign", "{\"mode\":\"proxy\",\"competes\":\"boot\"}",
		DB_BOOT_OTHER_DHCP},
	    {"dhcp4.request", "{}", 0},
	    {"ra.foreign", "{}", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct lifecycle_change ch = apply(make(rows[i].kind, rows[i].detail));
		assert_int_equal(ch.flags, rows[i].flags);
		assert_string_equal(ch.note.ip, "");
	}
	struct event ev = make("dhcp4.foreign", "{}");
	ev.boot[0] = '\0';
	assert_int_equal(apply(ev).flags, 0);
}

static void
transfers_begin_go_on_and_end(void **state)
{
	struct event ev = make("http.begin", "{\"class\":\"kernel\"}");
	struct lifecycle_change ch;

	(void)state;
	ev.total = 900;
	ch = apply(ev);
	assert_true(ch.set_transfer);
	assert_int_equal(ch.step, DB_TRANSFER_BEGIN);
	assert_int_equal(ch.transfer.began, NOW);
	assert_int_equal(ch.transfer.octets, 0);
	assert_int_equal(ch.transfer.total, 900);
	assert_string_equal(ch.transfer.class, "kernel");
	assert_string_equal(ch.transfer.protocol, "http");
	ev = make("http.end", "{\"class\":\"menu-kernel\",\"took_us\":1000,\"result\":"
			      "\"complete-unacked\"}");
	ev.bytes = 900;
	ch = apply(ev);
	assert_int_equal(ch.step, DB_TRANSFER_END);
	assert_int_equal(ch.transfer.began, NOW - 1000);
	assert_int_equal(ch.transfer.ended, NOW);
	assert_int_equal(ch.transfer.octets, 900);
	assert_int_equal(ch.files, LIFECYCLE_FILES_MENU);
	assert_string_equal(ch.image, "rescue");
	/* Told after 2 s of silence: it ended when that began. */
	ev = make("http.end",
	    "{\"class\":\"kernel\",\"took_us\":1000,\"waited_us\":2000000,"
	    "\"result\":\"complete-unacked\"}");
	ch = apply(ev);
	assert_int_equal(ch.transfer.ended, NOW - 2000000);
	assert_int_equal(ch.transfer.began, NOW - 2001000);
	ch = apply(
	    make("http.error", "{\"class\":\"menu-kernel\",\"result\":\"aborted\"}"));
	assert_true(ch.transfer.failed);
	assert_int_equal(ch.transfer.began, 0);
	assert_int_equal(ch.files, LIFECYCLE_NO_FILES);
	assert_int_equal(apply(make("http.progress", "{}")).step, DB_TRANSFER_PROGRESS);
	assert_false(apply(make("http.else", "{}")).set_transfer);
	assert_false(apply(make("http.", "{}")).set_transfer);
}

static void
the_loader_is_what_arrived_as_one(void **state)
{
	struct lifecycle_change ch = apply(make("tftp.end", "{\"result\":\"complete\"}"));

	(void)state;
	assert_string_equal(ch.transfer.class, "loader");
	assert_string_equal(ch.note.loader, "m/rescue/vmlinuz");
	ch = apply(make("tftp.end", "{\"result\":\"probe\"}"));
	assert_false(ch.set_note);
	ch = apply(make("tftp.error", "{\"result\":\"not-found\"}"));
	assert_false(ch.set_note);
	struct event ev = make("tftp.end", "{\"result\":\"complete\"}");
	str_clip(ev.file, sizeof(ev.file), "autoexec.ipxe");
	ch = apply(ev);
	assert_string_equal(ch.transfer.class, "script");
	assert_false(ch.set_note);
	ch = apply(make("http.end", "{\"result\":\"complete\",\"class\":\"loader\"}"));
	assert_string_equal(ch.note.loader, "m/rescue/vmlinuz");
}

static void
boots_without_an_order_are_flagged(void **state)
{
	struct lifecycle_change ch =
	    apply(make("boot.begin", "{\"planned\":false,\"trigger\":\"netboot\"}"));

	(void)state;
	assert_int_equal(ch.boot.flags, DB_BOOT_UNORDERED);
	assert_string_equal(ch.boot.mac, "52:54:00:77:00:01");
	ch = apply(make("boot.begin", "{\"planned\":true,\"trigger\":\"reinstall\"}"));
	assert_int_equal(ch.boot.flags, 0);
}

static void
a_boot_that_ends_badly_says_why(void **state)
{
	struct lifecycle_change ch =
	    apply(make("boot.end", "{\"outcome\":\"failed\",\"text\":\"t\",\"code\":"
				   "\"kernel-stalled\",\"next\":\"n\"}"));

	(void)state;
	assert_true(ch.end_boot && ch.set_verdict);
	assert_string_equal(ch.boot_of, BOOT);
	assert_string_equal(ch.verdict_code, "kernel-stalled");
	assert_string_equal(ch.verdict_text, "t");
	assert_string_equal(ch.verdict_next, "n");
	assert_false(apply(make("boot.end", "{\"outcome\":\"ok\"}")).set_verdict);
	assert_false(apply(make("boot.end", "{\"code\":\"x\"}")).set_verdict);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_asked_and_what_it_was_given),
	    cmocka_unit_test(another_dhcp_server),
	    cmocka_unit_test(transfers_begin_go_on_and_end),
	    cmocka_unit_test(the_loader_is_what_arrived_as_one),
	    cmocka_unit_test(boots_without_an_order_are_flagged),
	    cmocka_unit_test(a_boot_that_ends_badly_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
