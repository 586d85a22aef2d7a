/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines as the servers wrote them (tests/data/logs), and lines that strangers would like to be taken for such. */
#include "agent/logline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/arch.h"
#include "lib/compiler.h"
#include "lib/str.h"

#define KEA "2026-11-26 01:45:45.425 "
#define KEA4 "[hwtype=1 52:54:00:77:00:01], cid=[no info], tid=0x3a62f85f: "

static const struct row {
	enum logline_format format;
	const char *line;
	enum logline_what what;
	const char *kind;
	enum logline_class class;
	int arch;	 /* -1: none */
	const char *who; /* MAC address, or UUID */
	const char *ip, *xid, *file;
} rows[] = {
    {LOGLINE_ISC_DHCP,
	"Nov 26 02:14:08 dhcpd[4126]: netboot-client 52:54:0:77:0:1 user - vendor "
	"PXEClient:Arch:00007:UNDI:003000",
	LOGLINE_HINT, "", LOGLINE_CLASS_PXE, 7, "52:54:00:77:00:01", "", "", ""},
    {LOGLINE_ISC_DHCP,
	"netboot-client 52:54:0:77:0:1 user iPXE vendor PXEClient:Arch:00000:UNDI:002001",
	LOGLINE_HINT, "", LOGLINE_CLASS_IPXE, 0, "52:54:00:77:00:01", "", "", ""},
    {LOGLINE_ISC_DHCP,
	"netboot-client 52:54:0:77:0:1 user - vendor HTTPClient:Arch:00016:UNDI:003000",
	LOGLINE_HINT, "", LOGLINE_CLASS_HTTP, 16, "52:54:00:77:00:01", "", "", ""},
    {LOGLINE_ISC_DHCP,
	"netboot-client 52:54:0:77:0:1 user x user iPXE vendor MSFT vendor PXEClient",
	LOGLINE_HINT, "", LOGLINE_CLASS_OS, -1, "52:54:00:77:00:01", "", "", ""},
    {LOGLINE_ISC_DHCP,
	"2026-11-26T01:45:31.250000+00:00 srv dhcpd[1]: DHCPDISCOVER from "
	"52:54:00:77:00:01 via br0",
	LOGLINE_DHCP, "dhcp4.discover", 0, -1, "52:54:00:77:00:01", "", "", ""},
    {LOGLINE_ISC_DHCP,
	"Nov  6 01:45:31 srv dhcpd[1]: DHCPDISCOVER from 52:54:00:77:00:01 (edge01) via "
	"10.78.0.1: network 10.78.0.0/24: no free leases",
	LOGLINE_DHCP, "dhcp4.ignored", 0, -1, "52:54:00:77:00:01", "", "", ""},
    {LOGLINE_ISC_DHCP,
	"DHCPREQUEST for 10.77.0.100 (10.77.0.1) from 52:54:00:77:00:01 (edge01) via "
	"br0",
	LOGLINE_DHCP, "dhcp4.request", 0, -1, "52:54:00:77:00:01", "10.77.0.100", "", ""},
    {LOGLINE_ISC_DHCP, "DHCPACK on 10.77.0.100 to 52:54:00:77:00:01 via br0",
	LOGLINE_DHCP, "dhcp4.ack", 0, -1, "52:54:00:77:00:01", "10.77.0.100", "", ""},
    {LOGLINE_ISC_DHCP,
	"Nov 26 02:14:11 dhcpd[4260]: netboot-client6 0:3:0:1:52:54:0:77:0:1 user iPXE "
	"vendor PXEClient:Arch:00007:UNDI:003000",
	LOGLINE_HINT, "", LOGLINE_CLASS_IPXE, 7, "52:54:00:77:00:01", "", "", ""},
    {LOGLINE_ISC_DHCP,
	"Advertise NA: address fd77::109 to client with duid "
	"00:04:44:33:22:11:66:55:88:77:99:00:aa:bb:cc:dd:ee:ff iaid = 1 valid for 3600 "
	"seconds",
	LOGLINE_DHCP, "dhcp6.advertise", 0, -1, "44332211-6655-8877-9900-aabbccddeeff",
	"fd77::109", "", ""},
    {LOGLINE_ISC_DHCP,
	"Reply NA: address fd77::122 to client with duid "
	"00:01:00:01:2c:aa:bb:cc:52:54:00:77:00:01 iaid = 1 valid for 3600 seconds",
	LOGLINE_DHCP, "dhcp6.reply", 0, -1, "52:54:00:77:00:01", "fd77::122", "", ""},
    {LOGLINE_KEA,
	KEA "DEBUG [kea-dhcp4.dhcp4/25028.140659235398144] DHCP4_CLASS_ASSIGNED " KEA4
	    "client packet has been assigned to the following class(es): ALL, "
	    "VENDOR_CLASS_PXEClient:Arch:00007:UNDI:003000, is-ipxe, x64, UNKNOWN",
	LOGLINE_HINT, "", LOGLINE_CLASS_IPXE, 7, "52:54:00:77:00:01", "", "0x3a62f85f",
	""},
    {LOGLINE_KEA,
	KEA "DEBUG [kea-dhcp4.dhcp4/25028.140659235398144] DHCP4_CLASS_ASSIGNED " KEA4
	    "client packet has been assigned to the following class(es): ALL, "
	    "VENDOR_CLASS_HTTPClient:Arch:00016:UNDI:003000, not-is-ipxe",
	LOGLINE_HINT, "", LOGLINE_CLASS_HTTP, 16, "52:54:00:77:00:01", "", "0x3a62f85f",
	""},
    {LOGLINE_KEA,
	KEA "INFO  [kea-dhcp4.leases/25028.140659235398144] DHCP4_LEASE_ADVERT " KEA4
	    "lease 10.77.0.100 will be advertised",
	LOGLINE_DHCP, "dhcp4.offer", 0, -1, "52:54:00:77:00:01", "10.77.0.100",
	"0x3a62f85f", ""},
    {LOGLINE_KEA,
	KEA "INFO  [kea-dhcp6.leases/5810.139929847992832] DHCP6_LEASE_ALLOC "
	    "duid=[00:03:00:01:52:54:00:77:00:01], tid=0xaae44f: lease for address "
	    "fd77::100 and iaid=1 has been allocated for 3600 seconds",
	LOGLINE_DHCP, "dhcp6.reply", 0, -1, "52:54:00:77:00:01", "fd77::100", "0xaae44f",
	""},
    {LOGLINE_DNSMASQ,
	"Nov 26 01:45:38 dnsmasq-dhcp[25007]: 809470850 vendor class: "
	"PXEClient:Arch:00007:UNDI:003000",
	LOGLINE_HINT, "", LOGLINE_CLASS_PXE, 7, "", "", "809470850", ""},
    {LOGLINE_DNSMASQ, "1069365736 user class: iPXE", LOGLINE_HINT, "", LOGLINE_CLASS_IPXE,
	-1, "", "", "1069365736", ""},
    {LOGLINE_DNSMASQ,
	"Nov 26 01:45:41 dnsmasq-dhcp[25007]: 809470850 DHCPDISCOVER(br0) "
	"52:54:00:77:00:01 ",
	LOGLINE_DHCP, "dhcp4.discover", 0, -1, "52:54:00:77:00:01", "", "809470850", ""},
    {LOGLINE_DNSMASQ, "809470850 DHCPACK(br0) 10.77.0.105 52:54:00:77:00:01 edge01",
	LOGLINE_DHCP, "dhcp4.ack", 0, -1, "52:54:00:77:00:01", "10.77.0.105", "809470850",
	""},
    {LOGLINE_DNSMASQ,
	"4621243 DHCPREPLY(br0) fd77::17f 00:03:00:01:52:54:00:77:00:01 edge01",
	LOGLINE_DHCP, "dhcp6.reply", 0, -1, "52:54:00:77:00:01", "fd77::17f", "4621243",
	""},
    {LOGLINE_DNSMASQ, "4621243 DHCPREQUEST(br0) 00:03:00:01:52:54:00:77:00:01 ",
	LOGLINE_DHCP, "dhcp6.request", 0, -1, "52:54:00:77:00:01", "", "4621243", ""},
    {LOGLINE_DNSMASQ,
	"Nov 26 01:45:41 dnsmasq-tftp[25007]: sent /srv/tftp/a to 10.0.0.9/snponly.efi "
	"to 10.77.0.100",
	LOGLINE_TFTP_END, "", 0, -1, "", "10.77.0.100", "",
	"/srv/tftp/a to 10.0.0.9/snponly.efi"},
    {LOGLINE_DNSMASQ, "file /srv/tftp/autoexec.ipxe not found for 10.77.0.100",
	LOGLINE_TFTP_ERROR, "", 0, -1, "", "10.77.0.100", "", "/srv/tftp/autoexec.ipxe"},
    {LOGLINE_DNSMASQ, "error 8 User aborted the transfer received from 10.77.0.100",
	LOGLINE_TFTP_ERROR, "", 0, -1, "", "10.77.0.100", "", ""},
    {LOGLINE_TFTPD_HPA,
	"Nov 26 01:45:35 in.tftpd[24984]: RRQ from 10.77.0.100 filename snponly.efi",
	LOGLINE_TFTP_BEGIN, "", 0, -1, "", "10.77.0.100", "", "snponly.efi"},
    {LOGLINE_TFTPD_HPA, "RRQ from fd77::100 filename /a remapped to b/snponly.efi",
	LOGLINE_TFTP_BEGIN, "", 0, -1, "", "fd77::100", "", "b/snponly.efi"},
    {LOGLINE_TFTPD_HPA, "sending NAK (1, File not found) to 10.77.0.100",
	LOGLINE_TFTP_ERROR, "", 0, -1, "", "10.77.0.100", "", ""},
    {LOGLINE_NGINX,
	"1795657547.868 10.77.0.100 GET \"/b/tok/kernel?x=/y\" 200 20000000 20000000 OK "
	"\"curl/7.88.1\"",
	LOGLINE_HTTP, "", 0, -1, "", "10.77.0.100", "", "/b/tok/kernel"},
};

static void
check(const struct row *r)
{
	char who[ADDR_UUID_TEXT] = "", ip[ADDR_IP_TEXT] = "";
	struct logline l;

	if (!logline_parse(r->format, r->line, strlen(r->line), &l))
		fail_msg("not understood: %s", r->line);
	if (l.has_mac)
		addr_mac_text(&l.mac, who, sizeof(who));
	else if (l.has_uuid)
		addr_uuid_text(&l.uuid, who, sizeof(who));
	addr_ip_text(&l.ip, ip, sizeof(ip));
	if (l.what != r->what || l.class != r->class || !str_eq(l.kind, r->kind) ||
	    l.arch != (r->arch < 0 ? ARCH_NONE : r->arch) || !str_eq(who, r->who) ||
	    !str_eq(ip, r->ip) || !str_eq(l.xid, r->xid) || !str_eq(l.file, r->file))
		fail_msg("%s: what %d kind \"%s\" class %d arch %x who %s ip %s xid %s "
			 "file %s",
		    r->line, (int)l.what, l.kind, (int)l.class, l.arch, who, ip, l.xid,
		    l.file);
}

static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check(&rows[i]);
}

/* A line cut anywhere says something else or nothing, and is never read beyond its end. */
static void
test_cut_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t n = strlen(rows[i].line);

		for (size_t len = 0; len < n; len++) {
			/* Of exactly that size, for ASan to see. */
			char *exact = malloc(len == 0 ? 1 : len);
			struct logline l;

			assert_non_null(exact);
			memcpy(exact, rows[i].line, len);
			(void)logline_parse(rows[i].format, exact, len, &l);
			free(exact);
		}
	}
}

static void
test_nothing(void **state)
{
	static const struct {
		enum logline_format format;
		const char *line;
	} bad[] = {
	    {LOGLINE_ISC_DHCP, ""},
	    {LOGLINE_ISC_DHCP, "reuse_lease: lease age 0 (secs) under 25% threshold"},
	    {LOGLINE_ISC_DHCP, "DHCPDISCOVER from 00:00:00:00:00:00 via br0"},
	    {LOGLINE_ISC_DHCP, "DHCPDISCOVER from 52:54:00:77:00 via br0"},
	    {LOGLINE_ISC_DHCP, "DHCPACK on nonsense to 52:54:00:77:00:01 via br0"},
	    {LOGLINE_ISC_DHCP, "bad DHCPACK on 10.0.0.1 to 52:54:00:77:00:01 via br0"},
	    {LOGLINE_KEA, KEA "INFO  [kea-dhcp4.hosts/1.2] X DHCP4_LEASE_ALLOC " KEA4
			      "lease 10.77.0.100 has been allocated for 3600 seconds"},
	    {LOGLINE_KEA, "DHCP4_LEASE_ALLOC " KEA4 "lease 10.77.0.100 has"},
	    {LOGLINE_DNSMASQ, "809470850 tags: br0"},
	    {LOGLINE_DNSMASQ, "809470850 DHCPACK(br0) 52:54:00:77:00:01"},
	    {LOGLINE_DNSMASQ, "sent /srv/tftp/x to nobody"},
	    {LOGLINE_TFTPD_HPA, "bar baz"},
	    {LOGLINE_TFTPD_HPA, "RRQ from 10.77.0.100 filename "},
	    {LOGLINE_NGINX, "1795657549.039 10.77.0.100 - \"-\" 400 157 157"},
	    {LOGLINE_NGINX, "x 10.77.0.100 GET \"/\" 200 1 1 OK \"-\""},
	    {LOGLINE_NGINX, "1795657549.039 10.77.0.100 GET \"/ 200 1 1 OK"},
	};
	struct logline l;
	char *huge = str_alloc(LOGLINE_MAX + 2);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (logline_parse(bad[i].format, bad[i].line, strlen(bad[i].line), &l))
			fail_msg("taken for something: %s", bad[i].line);
	}
	memset(huge, 'x', LOGLINE_MAX + 1);
	memcpy(huge, "RRQ from 10.77.0.100 filename ", 30);
	assert_true(logline_parse(LOGLINE_TFTPD_HPA, huge, LOGLINE_MAX, &l));
	assert_int_equal(strlen(l.file), sizeof(l.file) - 1);
	assert_false(logline_parse(LOGLINE_TFTPD_HPA, huge, LOGLINE_MAX + 1, &l));
	free(huge);
}

static struct logline
nginx(const char *line)
{
	struct logline l;

	assert_true(logline_parse(LOGLINE_NGINX, line, strlen(line), &l));
	return l;
}

static void
test_nginx_numbers(void **state)
{
	struct logline l = nginx("1795657548.929 10.77.0.100 GET \"/k\" 200 12209360 "
				 "20000000  \"curl/7.88.1\"");

	(void)state;
	assert_int_equal(l.at, INT64_C(1795657548929000));
	assert_int_equal(l.bytes, 12209360);
	assert_int_equal(l.total, 20000000);
	assert_false(l.whole);
	assert_string_equal(l.agent, "curl/7.88.1");
	l = nginx("1795657548.944 10.77.0.100 POST \"/report/tok/up\" 204 0 - OK \"x\"");
	assert_string_equal(l.method, "POST");
	assert_int_equal(l.status, 204);
	assert_int_equal(l.total, -1);
	assert_true(l.whole);
	l = nginx("1795657548.961 fd77::100 GET \"/nix%20a\" 404 153 153 OK "
		  "\"evil\\x22 \\x01\"");
	assert_string_equal(l.agent, "evil\\x22 \\x01");
}

static void
test_times(void **state)
{
	static const char dated[] =
	    "2026-11-26T01:45:31.250000+00:00 srv dhcpd[1]: DHCPDISCOVER from "
	    "52:54:00:77:00:01 via br0";
	static const struct {
		const char *line;
		struct clock_local local;
	} old[] = {
	    {"Nov 26 02:14:08 dhcpd[1]: DHCPDISCOVER from 52:54:00:77:00:01 via br0",
		{11, 26, 2, 14, 8}},
	    {"Jan  6 23:59:60 srv dhcpd[1]: DHCPDISCOVER from 52:54:00:77:00:01 via br0",
		{1, 6, 23, 59, 60}},
	};
	struct logline l;

	(void)state;
	assert_true(logline_parse(LOGLINE_ISC_DHCP, dated, strlen(dated), &l));
	assert_int_equal(l.at, INT64_C(1795657531250000));
	assert_int_equal(l.local.month, 0);
	/* Without a zone it is a time of this machine. */
	for (size_t i = 0; i < ARRAY_SIZE(old); i++) {
		assert_true(logline_parse(
		    LOGLINE_ISC_DHCP, old[i].line, strlen(old[i].line), &l));
		assert_int_equal(l.at, 0);
		assert_memory_equal(&l.local, &old[i].local, sizeof(l.local));
	}
}

/* What the real servers wrote: how many lines of each sort. */
static void
count(enum logline_format f, unsigned ret[LOGLINE_HTTP + 1])
{
	char path[100], line[LOGLINE_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "tests/data/logs/%s.log", logline_format_name(f));
	file = fopen(path, "r");
	assert_non_null(file);
	memset(ret, 0, (LOGLINE_HTTP + 1) * sizeof(*ret));
	while (fgets(line, sizeof(line), file) != NULL) {
		struct logline l;

		if (logline_parse(f, line, strcspn(line, "\n"), &l))
			ret[l.what]++;
	}
	fclose(file);
}

static void
test_collected(void **state)
{
	unsigned n[LOGLINE_HTTP + 1];

	(void)state;
	count(LOGLINE_ISC_DHCP, n);
	assert_int_equal(n[LOGLINE_DHCP], 8 + 8);
	assert_true(n[LOGLINE_HINT] >= 4 + 8);
	count(LOGLINE_KEA, n);
	assert_int_equal(n[LOGLINE_DHCP], 4 + 8);
	assert_int_equal(n[LOGLINE_HINT], 4);
	count(LOGLINE_DNSMASQ, n);
	assert_int_equal(n[LOGLINE_DHCP], 8 + 16);
	assert_int_equal(n[LOGLINE_TFTP_END], 2);
	assert_int_equal(n[LOGLINE_TFTP_ERROR], 3);
	count(LOGLINE_TFTPD_HPA, n);
	assert_int_equal(n[LOGLINE_TFTP_BEGIN], 5);
	count(LOGLINE_NGINX, n);
	assert_int_equal(n[LOGLINE_HTTP], 8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_cut_lines),
	    cmocka_unit_test(test_nothing),
	    cmocka_unit_test(test_nginx_numbers),
	    cmocka_unit_test(test_times),
	    cmocka_unit_test(test_collected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
