/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/logwatch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/compiler.h"
#include "lib/str.h"

#define TOKEN "0123456789abcdefghjkmnpqrs"
#define MAC "52:54:00:77:00:01"
#define SECOND INT64_C(1000000)

struct kit {
	struct logwatch *w;
	struct bundle_host h;
	struct bootd_msg_boot b;
	int64_t now;
};

static void
add_payload(
    struct kit *k, const char *name, int64_t size, enum bootd_msg_payload_kind kind)
{
	struct bootd_msg_payload *p = &k->b.payloads[k->b.n_payloads++];

	str_clip(p->name, sizeof(p->name), name);
	p->size = size;
	p->kind = kind;
}

static int
set_up(void **state)
{
	struct kit *k = str_alloc(sizeof(*k));

	k->w = logwatch_new();
	k->now = 1000 * SECOND;
	str_clip(k->h.name, sizeof(k->h.name), "edge01");
	str_clip(k->h.uuid, sizeof(k->h.uuid), "11223344-5566-7788-9900-aabbccddeeff");
	k->h.n_nics = 1;
	assert_int_equal(addr_mac_parse(MAC, &k->h.nics[0].mac), 0);
	assert_int_equal(addr_ip_parse("10.77.0.11", &k->h.nics[0].ip), 0);
	str_clip(k->b.ticket, sizeof(k->b.ticket), "01m8186kgj3sd2xm");
	str_clip(k->b.token, sizeof(k->b.token), TOKEN);
	add_payload(k, "linux", 1000, BOOTD_PAYLOAD_KERNEL);
	add_payload(k, "initrd", 5000, BOOTD_PAYLOAD_INITRD);
	add_payload(k, "root.img", 9000, BOOTD_PAYLOAD_FILE);
	logwatch_put_host(k->w, &k->h, &k->b);
	*state = k;
	return 0;
}

static int
tear_down(void **state)
{
	struct kit *k = *state;

	logwatch_free(k->w);
	free(k);
	return 0;
}

/* What the line leads to; its event is the caller's to end. */
static struct logwatch_out
hear(struct kit *k, enum logline_format f, const char *line)
{
	struct logwatch_out out = {0};
	struct logline l;

	if (!logline_parse(f, line, strlen(line), &l))
		fail_msg("not understood: %s", line);
	logwatch_line(k->w, f, &l, k->now, &out);
	return out;
}

static const char *
detail(const struct logwatch_out *out, const char *key)
{
	const char *s = json_string_value(json_object_get(out->ev.detail, key));

	return s == NULL ? "" : s;
}

/* The event must be of that kind and class; returns its host in a buffer. */
static void
expect(struct kit *k, enum logline_format f, const char *line, const char *kind,
    const char *class, const char *host)
{
	struct logwatch_out out = hear(k, f, line);

	if (!out.has_event || !str_eq(out.ev.kind, kind) ||
	    !str_eq(detail(&out, "class"), class) || !str_eq(out.ev.host, host))
		fail_msg("%s: event %d %s class \"%s\" host \"%s\"", line, out.has_event,
		    out.ev.kind, detail(&out, "class"), out.ev.host);
	assert_string_equal(detail(&out, "log"), logline_format_name(f));
	event_done(&out.ev);
}

static void
test_dhcpd_with_hints(void **state)
{
	struct kit *k = *state;

	hear(k, LOGLINE_ISC_DHCP,
	    "netboot-client 52:54:0:77:0:1 user - vendor PXEClient:Arch:00007:UNDI:003");
	expect(k, LOGLINE_ISC_DHCP, "DHCPDISCOVER from " MAC " via br0", "dhcp4.discover",
	    "pxe", "edge01");
	expect(k, LOGLINE_ISC_DHCP, "DHCPOFFER on 10.77.0.11 to " MAC " via br0",
	    "dhcp4.offer", "pxe", "edge01");
	hear(k, LOGLINE_ISC_DHCP,
	    "netboot-client 52:54:0:77:0:1 user iPXE vendor PXEClient:Arch:00007:UNDI");
	expect(k, LOGLINE_ISC_DHCP, "DHCPDISCOVER from " MAC " via br0", "dhcp4.discover",
	    "ipxe", "edge01");
	hear(k, LOGLINE_ISC_DHCP, "netboot-client 52:54:0:77:0:1 user - vendor MSFT 5.0");
	expect(k, LOGLINE_ISC_DHCP, "DHCPREQUEST for 10.77.0.11 from " MAC " via br0",
	    "dhcp4.request", "os", "edge01");
	expect(k, LOGLINE_ISC_DHCP, "DHCPDISCOVER from 52:54:00:77:00:99 via br0",
	    "dhcp4.discover", "", "");
}

/* Without them: by order, and the event says so. */
static void
test_dhcpd_without_hints(void **state)
{
	struct kit *k = *state;
	struct logwatch_out out;

	out = hear(k, LOGLINE_ISC_DHCP, "DHCPDISCOVER from " MAC " via br0");
	assert_string_equal(detail(&out, "class"), "pxe");
	assert_non_null(strstr(detail(&out, "inferred"), "does not say"));
	event_done(&out.ev);
	expect(k, LOGLINE_TFTPD_HPA, "RRQ from 10.77.0.11 filename snponly.efi",
	    "tftp.begin", "", "edge01");
	expect(k, LOGLINE_ISC_DHCP, "DHCPDISCOVER from " MAC " via br0", "dhcp4.discover",
	    "ipxe", "edge01");
	/* The table once more changes nothing; a new attempt begins anew. */
	logwatch_put_host(k->w, &k->h, &k->b);
	expect(k, LOGLINE_ISC_DHCP, "DHCPDISCOVER from " MAC " via br0", "dhcp4.discover",
	    "ipxe", "edge01");
	str_clip(k->b.boot, sizeof(k->b.boot), "01m8186kgj3sd2xn");
	logwatch_put_host(k->w, &k->h, &k->b);
	expect(k, LOGLINE_ISC_DHCP, "DHCPDISCOVER from " MAC " via br0", "dhcp4.discover",
	    "pxe", "edge01");
	/* Without a ticket to boot with nobody says what it is. */
	logwatch_consumed(k->w, "edge01");
	expect(k, LOGLINE_ISC_DHCP, "DHCPDISCOVER from " MAC " via br0", "dhcp4.discover",
	    "", "edge01");
}

static void
test_dnsmasq(void **state)
{
	struct kit *k = *state;
	struct logwatch_out out;

	hear(k, LOGLINE_DNSMASQ, "11 vendor class: PXEClient:Arch:00007:UNDI:003000");
	hear(k, LOGLINE_DNSMASQ, "11 user class: iPXE");
	out = hear(k, LOGLINE_DNSMASQ, "11 DHCPDISCOVER(br0) " MAC " ");
	assert_string_equal(detail(&out, "class"), "ipxe");
	assert_string_equal(out.ev.arch, "x64-uefi");
	assert_string_equal(detail(&out, "inferred"), "");
	event_done(&out.ev);
	hear(k, LOGLINE_DNSMASQ, "12 vendor class: PXEClient:Arch:00000:UNDI:002001");
	expect(k, LOGLINE_DNSMASQ, "12 DHCPDISCOVER(br0) " MAC " ", "dhcp4.discover",
	    "pxe", "edge01");
	/* UEFI asks for the size first; dnsmasq calls that sent, too. */
	expect(k, LOGLINE_DNSMASQ,
	    "error 8 User aborted the transfer received from 10.77.0.11", "tftp.error",
	    "", "edge01");
	out = hear(k, LOGLINE_DNSMASQ, "sent /srv/snponly.efi to 10.77.0.11");
	assert_string_equal(detail(&out, "result"), "probe");
	event_done(&out.ev);
	out = hear(k, LOGLINE_DNSMASQ, "sent /srv/snponly.efi to 10.77.0.11");
	assert_string_equal(detail(&out, "result"), "complete");
	event_done(&out.ev);
}

static void
test_kea(void **state)
{
	struct kit *k = *state;

	hear(k, LOGLINE_KEA,
	    "x [kea-dhcp4.dhcp4/1.2] DHCP4_CLASS_ASSIGNED [hwtype=1 " MAC
	    "], cid=[no info], tid=0x1: client packet has been assigned to the following "
	    "class(es): ALL, VENDOR_CLASS_PXEClient:Arch:00007:UNDI:003000, is-ipxe");
	expect(k, LOGLINE_KEA,
	    "x [kea-dhcp4.leases/1.2] DHCP4_LEASE_ADVERT [hwtype=1 " MAC
	    "], cid=[no info], tid=0x1: lease 10.77.0.11 will be advertised",
	    "dhcp4.offer", "ipxe", "edge01");
	/* Another packet's class is not this one's. */
	expect(k, LOGLINE_KEA,
	    "x [kea-dhcp4.leases/1.2] DHCP4_LEASE_ADVERT [hwtype=1 " MAC
	    "], cid=[no info], tid=0x2: lease 10.77.0.11 will be advertised",
	    "dhcp4.offer", "pxe", "edge01");
}

/* A pool address leads to who was given it, until another one gets it; a UUID to its host. */
static void
test_who_has_an_address(void **state)
{
	struct kit *k = *state;

	expect(k, LOGLINE_TFTPD_HPA, "RRQ from 10.77.0.100 filename a.efi", "tftp.begin",
	    "", "");
	expect(k, LOGLINE_ISC_DHCP, "DHCPACK on 10.77.0.100 to " MAC " via br0",
	    "dhcp4.ack", "pxe", "edge01");
	expect(k, LOGLINE_TFTPD_HPA, "RRQ from 10.77.0.100 filename a.efi", "tftp.begin",
	    "", "edge01");
	expect(k, LOGLINE_ISC_DHCP,
	    "Reply NA: address fd77::109 to client with duid "
	    "00:04:44:33:22:11:66:55:88:77:99:00:aa:bb:cc:dd:ee:ff iaid = 1 valid for 9",
	    "dhcp6.reply", "ipxe", "edge01");
	expect(k, LOGLINE_TFTPD_HPA, "RRQ from fd77::109 filename a.efi", "tftp.begin",
	    "", "edge01");
	/* So many later addresses, and the first is nobody's any more. */
	for (int i = 0; i < 4; i++) {
		char line[100];

		snprintf(line, sizeof(line), "DHCPACK on 10.77.0.%d to " MAC " via br0",
		    101 + i);
		expect(k, LOGLINE_ISC_DHCP, line, "dhcp4.ack", "ipxe", "edge01");
	}
	expect(k, LOGLINE_TFTPD_HPA, "RRQ from 10.77.0.100 filename a.efi", "tftp.begin",
	    "", "");
	logwatch_del_host(k->w, "edge01");
	expect(k, LOGLINE_TFTPD_HPA, "RRQ from 10.77.0.11 filename a.efi", "tftp.begin",
	    "", "");
}

#define GET(path, status, bytes, ok)                                                \
	"1795657547.868 10.77.0.11 GET \"" path "\" " #status " " #bytes " " #bytes \
	" " ok " \"iPXE/1.0\""

static bool
uses(struct kit *k, const char *line)
{
	struct logwatch_out out = hear(k, LOGLINE_NGINX, line);

	if (out.has_event) {
		assert_null(strstr(out.ev.file, TOKEN));
		event_done(&out.ev);
	}
	if (out.consume) {
		assert_string_equal(out.host, "edge01");
		assert_string_equal(out.ticket, k->b.ticket);
	}
	return out.consume;
}

/* What the menu starts is in the record, and neither a ticket's nor a loader. */
static void
test_the_menu(void **state)
{
	struct kit *k = *state;

	expect(k, LOGLINE_NGINX, GET("/script.ipxe", 200, 700, "OK"), "http.end", "menu",
	    "edge01");
	expect(k, LOGLINE_NGINX, GET("/m/shell/shellx64.efi", 200, 1000, "OK"),
	    "http.end", "menu-file", "edge01");
	assert_false(uses(k, GET("/script.ipxe", 200, 700, "OK")));
	assert_false(uses(k, GET("/m/live/linux", 200, 1000, "OK")));
}

static void
test_what_uses_a_ticket(void **state)
{
	struct kit *k = *state;

	assert_false(uses(k, GET("/script.ipxe-" MAC, 200, 700, "OK")));
	assert_false(uses(k, GET("/b/" TOKEN "/linux", 404, 1000, "OK")));
	assert_false(uses(k, GET("/b/" TOKEN "/linux", 304, 1000, "OK")));
	assert_false(uses(k, GET("/b/" TOKEN "/other", 200, 1000, "OK")));
	assert_false(
	    uses(k, GET("/b/0123456789abcdefghjkmnpqrt/linux", 200, 1000, "OK")));
	assert_false(uses(k, GET("/b/" TOKEN "/linux", 200, 400, "")));
	assert_false(uses(k,
	    "1795657547.868 10.77.0.11 HEAD \"/b/" TOKEN "/linux\" 200 0 1000 OK \"x\""));
	assert_false(logwatch_has_come(k->w, "edge01", 0));
	assert_true(uses(k, GET("/b/" TOKEN "/linux", 200, 1000, "OK")));
	assert_true(logwatch_has_come(k->w, "edge01", 0));
	/* Until the answer has come it is said again. */
	assert_true(uses(k, GET("/b/" TOKEN "/linux", 200, 1000, "OK")));
	logwatch_consumed(k->w, "edge01");
	assert_false(uses(k, GET("/b/" TOKEN "/linux", 200, 1000, "OK")));
}

/* By whatever spelling the server understands. */
static void
test_spellings(void **state)
{
	static const char *const paths[] = {
	    GET("/b//" TOKEN "/linux", 200, 1000, "OK"),
	    GET("//b/./" TOKEN "/linux?x", 200, 1000, "OK"),
	    GET("/x/../b/" TOKEN "/linux", 200, 1000, "OK"),
	    GET("/%62/" TOKEN "/%6cinu%78", 200, 1000, "OK"),
	    GET("http://10.77.0.1/b/" TOKEN "/linux", 200, 1000, "OK"),
	    GET("/b%2f" TOKEN "/linux", 200, 1000, "OK"),
	};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		if (!uses(*state, paths[i]))
			fail_msg("not seen: %s", paths[i]);
	}
}

static void
test_in_parts(void **state)
{
	assert_false(uses(*state, GET("/b/" TOKEN "/linux", 206, 600, "OK")));
	assert_true(uses(*state, GET("/b/" TOKEN "/linux", 206, 400, "OK")));
}

/* What the loaded system fetches: a template, and a file whose name has several parts. */
static void
test_files_of_the_system(void **state)
{
	static const char *const lines[] = {
	    GET("/b/" TOKEN "/preseed.cfg", 200, 77, "OK"),
	    GET("/b/" TOKEN "/live/x86_64/root.sfs", 206, 10, "OK")};
	struct kit *k = *state;

	add_payload(k, "preseed.cfg", 0, BOOTD_PAYLOAD_TEMPLATE);
	add_payload(k, "live/x86_64/root.sfs", 9000, BOOTD_PAYLOAD_FILE);
	logwatch_put_host(k->w, &k->h, &k->b);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct logwatch_out out = hear(k, LOGLINE_NGINX, lines[i]);

		assert_true(out.consume && out.has_event);
		assert_string_equal(detail(&out, "class"), "file");
		assert_string_equal(out.ev.file, k->b.payloads[3 + i].name);
		assert_int_equal(out.ev.total, i == 0 ? 77 : 9000);
		event_done(&out.ev);
	}
	assert_false(uses(k, GET("/b/" TOKEN "/x/linux", 200, 1000, "OK")));
}

/* Should the line of the kernel be lost: what comes after it shows it. */
static void
test_later_signs(void **state)
{
	struct kit *k = *state;
	struct logwatch_out out;

	assert_true(uses(k, GET("/b/" TOKEN "/initrd", 200, 5000, "OK")));
	assert_true(uses(k, GET("/b/" TOKEN "/root.img", 206, 10, "OK")));
	assert_false(uses(k, GET("/report/" TOKEN "/up", 200, 10, "OK")));
	out = hear(k, LOGLINE_NGINX,
	    "1795657548.944 10.77.0.11 POST \"/report/" TOKEN
	    "/up\" 204 0 - OK \"curl\"");
	assert_true(out.consume && out.report);
	assert_string_equal(out.stage, "up");
	assert_string_equal(out.token, TOKEN);
	event_done(&out.ev);
	out = hear(k, LOGLINE_NGINX,
	    "1795657548.944 10.77.0.11 POST \"/report/" TOKEN
	    "/up\" 404 0 - OK \"curl\"");
	assert_false(out.consume || out.report);
	event_done(&out.ev);
	out = hear(k, LOGLINE_NGINX,
	    "1795657548.944 10.77.0.11 POST \"/report/" TOKEN "/x\" 204 0 - OK \"curl\"");
	assert_false(out.consume || out.report);
	event_done(&out.ev);
}

static void
test_initrd_is_dropped_when_it_has_come(void **state)
{
	struct kit *k = *state;
	struct logwatch_out out =
	    hear(k, LOGLINE_NGINX, GET("/b/" TOKEN "/initrd", 200, 5000, "OK"));

	assert_true(out.drop);
	assert_string_equal(out.name, "initrd");
	event_done(&out.ev);
	out = hear(k, LOGLINE_NGINX, GET("/b/" TOKEN "/root.img", 200, 9000, "OK"));
	assert_false(out.drop);
	event_done(&out.ev);
}

/* A flood is bounded, and cannot hide the use of a ticket. */
static void
test_floods(void **state)
{
	struct kit *k = *state;
	int n = 0;

	for (int i = 0; i < 1000; i++) {
		struct logwatch_out out = hear(k, LOGLINE_NGINX,
		    GET("/b/0123456789abcdefghjkmnpqrt/linux", 404, 5, "OK"));

		n += out.has_event;
		if (out.has_event)
			event_done(&out.ev);
	}
	assert_int_equal(n, LOGWATCH_STRANGERS);
	for (int i = 0; i < 1000; i++)
		(void)uses(k, GET("/script.ipxe-" MAC, 200, 700, "OK"));
	assert_true(uses(k, GET("/b/" TOKEN "/linux", 200, 1000, "OK")));
	k->now += SECOND;
	for (int i = 0; i < 1; i++) {
		struct logwatch_out out = hear(k, LOGLINE_NGINX,
		    GET("/b/0123456789abcdefghjkmnpqrt/linux", 404, 5, "OK"));

		assert_int_equal(
		    json_integer_value(json_object_get(out.ev.detail, "suppressed")),
		    1000 - LOGWATCH_STRANGERS);
		event_done(&out.ev);
	}
}

static void
test_paths(void **state)
{
	static const struct {
		const char *raw, *clean;
	} rows[] = {
	    {"/", ""},
	    {"/a/b", "/a/b"},
	    {"//a///b/", "/a/b"},
	    {"/a/../b", "/b"},
	    {"/a/..%2fb?c/../d", "/b"},
	    {"/a/./b#x", "/a/b"},
	    {"/%zz", "/%zz"},
	    {"http://h:80/a", "/a"},
	    {"/..", NULL},
	    {"/a/../../b", NULL},
	    {"a", NULL},
	    {"/%00", NULL},
	    {"*", NULL},
	};
	char path[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool good = logwatch_clean_path(rows[i].raw, path, sizeof(path));

		if (good != (rows[i].clean != NULL) ||
		    (good && !str_eq(path, rows[i].clean)))
			fail_msg("%s: %d %s", rows[i].raw, good, path);
	}
}

static void
test_table_forgets(void **state)
{
	struct kit *k = *state;
	struct bundle_host *other = str_alloc(sizeof(*other));

	*other = k->h;
	str_clip(other->name, sizeof(other->name), "edge02");
	assert_int_equal(addr_mac_parse("52:54:00:77:00:02", &other->nics[0].mac), 0);
	assert_int_equal(addr_ip_parse("10.77.0.12", &other->nics[0].ip), 0);
	logwatch_put_host(k->w, other, NULL);
	assert_true(logwatch_has_mac(k->w, &other->nics[0].mac));
	/* A table without either: the one with a ticket stays, its job is at it. */
	logwatch_begin_table(k->w);
	logwatch_end_table(k->w);
	assert_false(logwatch_has_mac(k->w, &other->nics[0].mac));
	assert_true(logwatch_has_mac(k->w, &k->h.nics[0].mac));
	assert_true(logwatch_has_token(k->w, TOKEN));
	assert_non_null(logwatch_boot(k->w, "edge01"));
	/* The job has ended. */
	logwatch_put_host(k->w, &k->h, NULL);
	assert_false(logwatch_has_token(k->w, TOKEN));
	assert_null(logwatch_boot(k->w, "edge01"));
	free(other);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#define REPLY                                              \
	"Reply NA: address fd77::109 to client with duid " \
	"00:04:44:33:22:11:66:55:88:77:99:00:aa:bb:cc:dd:ee:ff iaid = 1 valid for 9"

/* A sign of one host must not confirm another's job. */
static void
test_a_uuid_of_several_hosts(void **state)
{
	static const char *const others[] = {"11223344-5566-7788-9900-aabbccddeeff",
	    "44332211-6655-8877-9900-aabbccddeeff" /* it in the other order */};
	struct kit *k = *state;
	struct bundle_host other = {.n_nics = 1};

	str_clip(other.name, sizeof(other.name), "edge02");
	assert_int_equal(addr_mac_parse("52:54:00:77:00:02", &other.nics[0].mac), 0);
	expect(k, LOGLINE_ISC_DHCP, REPLY, "dhcp6.reply", "pxe", "edge01");
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		struct logwatch_out out;

		str_clip(other.uuid, sizeof(other.uuid), others[i]);
		logwatch_put_host(k->w, &other, NULL);
		out = hear(k, LOGLINE_ISC_DHCP, REPLY);
		assert_string_equal(out.ev.host, "");
		event_done(&out.ev);
		/* Said again, it changes nothing. */
		logwatch_put_host(k->w, &k->h, &k->b);
		logwatch_put_host(k->w, &other, NULL);
	}
	logwatch_del_host(k->w, "edge02");
	expect(k, LOGLINE_ISC_DHCP, REPLY, "dhcp6.reply", "pxe", "edge01");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_dhcpd_with_hints),
	    TEST(test_dhcpd_without_hints),
	    TEST(test_dnsmasq),
	    TEST(test_kea),
	    TEST(test_who_has_an_address),
	    TEST(test_a_uuid_of_several_hosts),
	    TEST(test_the_menu),
	    TEST(test_what_uses_a_ticket),
	    TEST(test_spellings),
	    TEST(test_in_parts),
	    TEST(test_files_of_the_system),
	    TEST(test_later_signs),
	    TEST(test_initrd_is_dropped_when_it_has_come),
	    TEST(test_floods),
	    TEST(test_paths),
	    TEST(test_table_forgets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
