/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The decision: each row is a client in a situation, and what it must get (boot.md
 * 0.1, 1.5). */
#include "boot-services/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/arch.h"
#include "tests/unit/boot-services/fixture.h"

enum ticket { NONE, ARMED, CONSUMED, UNKNOWN, UNKNOWN_ANSWERED };

/* The idle policy of a site that has a menu, where BUNDLE_IDLE_MENU is that of one without. */
enum { MENU = BUNDLE_IDLE_SILENT + 1 };

static const struct {
	enum ticket ticket;
	int idle;
	enum policy_class class;
	uint16_t arch;
	bool unable, chained;
	enum policy_what what;
	const char *where;  /* file or URL */
	const char *reason; /* a part of it */
} rows[] = {
    /* Armed: loader for firmware, script for iPXE, address for systems. */
    {ARMED, 0, POLICY_CLASS_PXE, 7, 0, 0, POLICY_TFTP_LOADER, "snponly.efi", "x64-uefi"},
    {ARMED, 0, POLICY_CLASS_PXE, 9, 0, 0, POLICY_TFTP_LOADER, "snponly.efi", "x64-uefi"},
    {ARMED, 0, POLICY_CLASS_PXE, 0, 0, 0, POLICY_TFTP_LOADER, "undionly.kpxe",
	"x86-bios"},
    {ARMED, 0, POLICY_CLASS_PXE, ARCH_NONE, 0, 0, POLICY_TFTP_LOADER, "undionly.kpxe",
	"x86-bios"},
    {ARMED, 0, POLICY_CLASS_PXE, 0x0b, 0, 0, POLICY_LEASE, "",
	"no loader for architecture arm64"},
    {ARMED, 0, POLICY_CLASS_PXE, 7, 0, 1, POLICY_TFTP_LOADER, "snponly.efi", "armed"},
    {ARMED, 0, POLICY_CLASS_HTTP, 0x10, 0, 0, POLICY_HTTP_LOADER,
	"http://10.77.0.1/loaders/snponly.efi", "by URL"},
    {ARMED, 0, POLICY_CLASS_IPXE, 7, 0, 0, POLICY_SCRIPT,
	"http://10.77.0.1/script.ipxe-52:54:00:00:00:01", "armed"},
    {ARMED, 0, POLICY_CLASS_OS, 7, 0, 0, POLICY_LEASE, "", "operating system"},
    /* An iPXE that cannot do what we need gets ours once; not a second time. */
    {ARMED, 0, POLICY_CLASS_IPXE, 0, 1, 0, POLICY_TFTP_LOADER, "undionly.kpxe",
	"lacks HTTP"},
    {ARMED, 0, POLICY_CLASS_IPXE, 0, 1, 1, POLICY_LEASE, "", "not again"},
    /* Idle and local: an answer, never silence. */
    {NONE, 0, POLICY_CLASS_PXE, 7, 0, 0, POLICY_LOCAL_MENU, "", "no ticket"},
    {NONE, 0, POLICY_CLASS_HTTP, 0x10, 0, 0, POLICY_LOCAL_404,
	"http://10.77.0.1/local-boot.efi", "no ticket"},
    {NONE, 0, POLICY_CLASS_IPXE, 7, 0, 0, POLICY_SCRIPT,
	"http://10.77.0.1/script.ipxe-52:54:00:00:00:01", "leaves to the disk"},
    {NONE, 0, POLICY_CLASS_IPXE, 0, 1, 0, POLICY_LEASE, "", "goes on to the disk"},
    {NONE, 0, POLICY_CLASS_OS, ARCH_NONE, 0, 0, POLICY_LEASE, "", "operating system"},
    {CONSUMED, 0, POLICY_CLASS_PXE, 7, 0, 0, POLICY_LOCAL_MENU, "", "consumed"},
    {CONSUMED, 0, POLICY_CLASS_IPXE, 7, 0, 0, POLICY_SCRIPT,
	"http://10.77.0.1/script.ipxe-52:54:00:00:00:01", "consumed"},
    {NONE, BUNDLE_IDLE_MENU, POLICY_CLASS_PXE, 7, 0, 0, POLICY_LOCAL_MENU, "", "menu"},
    {NONE, BUNDLE_IDLE_MENU, POLICY_CLASS_IPXE, 7, 0, 0, POLICY_SCRIPT,
	"http://10.77.0.1/script.ipxe-52:54:00:00:00:01", "no menu is defined"},
    /* The menu: loaders for firmware, the menu for iPXE; an order goes first. */
    {NONE, MENU, POLICY_CLASS_PXE, 7, 0, 0, POLICY_TFTP_LOADER, "snponly.efi", "menu"},
    {NONE, MENU, POLICY_CLASS_PXE, 0, 0, 0, POLICY_TFTP_LOADER, "undionly.kpxe", "menu"},
    {NONE, MENU, POLICY_CLASS_HTTP, 0x10, 0, 0, POLICY_HTTP_LOADER,
	"http://10.77.0.1/loaders/snponly.efi", "menu"},
    {NONE, MENU, POLICY_CLASS_IPXE, 7, 0, 0, POLICY_SCRIPT,
	"http://10.77.0.1/script.ipxe", "menu"},
    {NONE, MENU, POLICY_CLASS_IPXE, 0, 1, 0, POLICY_TFTP_LOADER, "undionly.kpxe",
	"lacks HTTP"},
    {NONE, MENU, POLICY_CLASS_IPXE, 0, 1, 1, POLICY_LEASE, "", "not again"},
    {NONE, MENU, POLICY_CLASS_OS, 7, 0, 0, POLICY_LEASE, "", "operating system"},
    {CONSUMED, MENU, POLICY_CLASS_IPXE, 7, 0, 0, POLICY_SCRIPT,
	"http://10.77.0.1/script.ipxe", "consumed"},
    {ARMED, MENU, POLICY_CLASS_IPXE, 7, 0, 0, POLICY_SCRIPT,
	"http://10.77.0.1/script.ipxe-52:54:00:00:00:01", "armed"},
    {UNKNOWN_ANSWERED, MENU, POLICY_CLASS_IPXE, 7, 0, 0, POLICY_SCRIPT,
	"http://10.77.0.1/script.ipxe", "unknown machine"},
    {UNKNOWN, MENU, POLICY_CLASS_IPXE, 7, 0, 0, POLICY_IGNORE, "", "unknown machine"},
    {NONE, BUNDLE_IDLE_SILENT, POLICY_CLASS_PXE, 7, 0, 0, POLICY_IGNORE, "", "silent"},
    {NONE, BUNDLE_IDLE_SILENT, POLICY_CLASS_IPXE, 7, 0, 0, POLICY_IGNORE, "", "silent"},
    {NONE, BUNDLE_IDLE_SILENT, POLICY_CLASS_OS, 7, 0, 0, POLICY_LEASE, "",
	"operating system"},
    {ARMED, BUNDLE_IDLE_SILENT, POLICY_CLASS_PXE, 7, 0, 0, POLICY_TFTP_LOADER,
	"snponly.efi", ""},
    /* Strangers. */
    {UNKNOWN, 0, POLICY_CLASS_PXE, 7, 0, 0, POLICY_IGNORE, "", "unknown machine"},
    {UNKNOWN, 0, POLICY_CLASS_OS, 7, 0, 0, POLICY_IGNORE, "", "unknown machine"},
    {UNKNOWN_ANSWERED, 0, POLICY_CLASS_OS, 7, 0, 0, POLICY_LEASE, "", "operating system"},
    {UNKNOWN_ANSWERED, 0, POLICY_CLASS_PXE, 7, 0, 0, POLICY_LOCAL_MENU, "",
	"unknown machine"},
};

struct world {
	struct hosttab *table;
	struct bootd_config *cfg;
};

static struct world
make_world(enum ticket ticket, int policy)
{
	enum bundle_idle idle =
	    policy == MENU ? BUNDLE_IDLE_MENU : (enum bundle_idle)policy;
	struct world w = {.table = hosttab_new(), .cfg = str_alloc(sizeof(*w.cfg))};
	struct bundle_host h = fixture_host("edge01", 1);
	struct bootd_msg_boot *boot = fixture_boot("t1");
	struct bundle_site *site = str_alloc(sizeof(*site));
	struct error err = {0};
	static const char minimal[] =
	    "interfaces: [e]\nloaders: [{arch: 0x0b, file: ''}]\n";

	assert_int_equal(
	    bootd_config_parse("t", minimal, strlen(minimal), w.cfg, &err), 0);
	site->idle = idle;
	site->answer_unknown = ticket == UNKNOWN_ANSWERED;
	hosttab_set_site(w.table, site);
	bundle_menu_init(&site->menu);
	if (policy == MENU)
		hosttab_set_menu(w.table, &site->menu);
	h.idle = idle;
	boot->consumed = ticket == CONSUMED;
	if (ticket == NONE || ticket == ARMED || ticket == CONSUMED)
		assert_int_equal(
		    hosttab_put(w.table, &h, ticket == NONE ? NULL : boot, &err), 0);
	free(site);
	free(boot);
	return w;
}

static void
free_world(struct world *w)
{
	hosttab_free(w->table);
	bootd_config_done(w->cfg);
	free(w->cfg);
}

static struct policy_client
make_client(enum policy_class class, uint16_t arch)
{
	return (struct policy_client){
	    .mac = fixture_mac(1),
	    .class = class,
	    .arch = arch,
	    .ipxe_able = true,
	    .server = addr_ip_make_v4(0x0a4d0001),
	    .http_port = 80,
	};
}

/* Host before site before configuration; within each the architecture itself before its sibling. */
static void
loaders_are_replaced_from_the_inside_out(void **state UNUSED)
{
	static const struct {
		const char *host, *site, *configured, *want;
		uint16_t arch;
	} table[] = {
	    {"{}", "{}", "[]", "snponly.efi", 7},
	    {"{}", "{}", "[{arch: 7, file: c.efi}]", "c.efi", 7},
	    {"{}", "{\"x64-uefi\":\"s.efi\"}", "[{arch: 7, file: c.efi}]", "s.efi", 7},
	    {"{\"x64-uefi\":\"h.efi\"}", "{\"x64-uefi\":\"s.efi\"}", "[]", "h.efi", 7},
	    /* 7 and 9 are one, and HTTP boot has PXE's unless it has its own. */
	    {"{\"x64-uefi\":\"h.efi\"}", "{}", "[]", "h.efi", 9},
	    {"{}", "{\"x64-uefi\":\"s.efi\"}", "[]", "s.efi", 0x10},
	    {"{}", "{\"x64-uefi\":\"s.efi\",\"x64-uefi-http\":\"w.efi\"}", "[]", "w.efi",
		0x10},
	    {"{}", "{\"x64-uefi\":\"s.efi\",\"x64-uefi-http\":\"w.efi\"}", "[]", "s.efi",
		7},
	    /* A host's sibling comes before the site's own. */
	    {"{\"x64-uefi\":\"h.efi\"}", "{\"x64-uefi-http\":\"w.efi\"}", "[]", "h.efi",
		0x10},
	    /* Others are not touched. */
	    {"{\"arm64-uefi\":\"h.efi\"}", "{}", "[]", "snponly.efi", 7},
	    {"{\"x86-bios\":\"ipxe.pxe\"}", "{}", "[]", "ipxe.pxe", 0},
	    {"{\"x86-bios\":\"ipxe.pxe\"}", "{}", "[]", "ipxe.pxe", ARCH_NONE},
	    /* What the configuration has switched off, a site or host may have. */
	    {"{}", "{}", "[{arch: 7, file: ''}]", NULL, 7},
	    {"{\"x64-uefi\":\"h.efi\"}", "{}", "[{arch: 7, file: ''}]", "h.efi", 7},
	    {"{}", "{}", "[]", NULL, 0x99},
	    {"{\"arch-153\":\"h\"}", "{}", "[]", "h", 0x99},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct hosttab *t = hosttab_new();
		struct bootd_config *cfg = str_alloc(sizeof(*cfg));
		struct bundle_site *site = str_alloc(sizeof(*site));
		struct bundle_host h = fixture_host("a", 1);
		struct error err = {0};
		char text[256];
		json_t *v;

		snprintf(text, sizeof(text), "interfaces: [e]\nloaders: %s\n",
		    table[i].configured);
		assert_int_equal(
		    bootd_config_parse("t", text, strlen(text), cfg, &err), 0);
		v = json_pack("{s:o}", "loaders", json_loads(table[i].host, 0, NULL));
		assert_int_equal(
		    bundle_loaders_from_json(v, h.loaders, &h.n_loaders, &err), 0);
		json_decref(v);
		v = json_pack("{s:o}", "loaders", json_loads(table[i].site, 0, NULL));
		assert_int_equal(
		    bundle_loaders_from_json(v, site->loaders, &site->n_loaders, &err),
		    0);
		json_decref(v);
		hosttab_set_site(t, site);
		assert_int_equal(hosttab_put(t, &h, NULL, &err), 0);
		const char *got =
		    policy_loader(t, cfg, &hosttab_by_name(t, "a")->host, table[i].arch);
		if ((got == NULL) != (table[i].want == NULL) ||
		    (got && strcmp(got, table[i].want) != 0))
			fail_msg("row %zu: %s", i, got ? got : "none");
		hosttab_free(t);
		bootd_config_done(cfg);
		free(cfg);
		free(site);
	}
}

static void
decides_every_row(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct world w = make_world(rows[i].ticket, rows[i].idle);
		struct policy_client c = make_client(rows[i].class, rows[i].arch);
		struct policy_decision d;
		const char *where;

		c.ipxe_able = !rows[i].unable;
		c.chained_already = rows[i].chained;
		policy_decide(w.table, w.cfg, &c, &d);
		where = d.file[0] ? d.file : d.url;
		if (d.what != rows[i].what || !strstr(d.reason, rows[i].reason) ||
		    strcmp(where, rows[i].where) != 0 || d.reason[0] == '\0')
			fail_msg(
			    "row %zu: what %d, \"%s\": %s", i, d.what, where, d.reason);
		assert_true((d.host != NULL) == (rows[i].ticket != UNKNOWN &&
						    rows[i].ticket != UNKNOWN_ANSWERED));
		free_world(&w);
	}
}

/* DHCPv6 has URLs only, and no menu. */
static void
ipv6_has_urls(void **state UNUSED)
{
	static const struct {
		enum ticket ticket;
		enum policy_class class;
		uint16_t arch;
		enum policy_what what;
		const char *url;
	} v6[] = {
	    {ARMED, POLICY_CLASS_PXE, 7, POLICY_TFTP_LOADER,
		"tftp://[fd77::1]/snponly.efi"},
	    {ARMED, POLICY_CLASS_HTTP, 0x10, POLICY_HTTP_LOADER,
		"http://[fd77::1]/loaders/snponly.efi"},
	    {ARMED, POLICY_CLASS_IPXE, 7, POLICY_SCRIPT,
		"http://[fd77::1]/script.ipxe-52:54:00:00:00:01"},
	    {NONE, POLICY_CLASS_PXE, 7, POLICY_LOCAL_404,
		"tftp://[fd77::1]/local-boot.efi"},
	    {CONSUMED, POLICY_CLASS_PXE, 7, POLICY_LOCAL_404,
		"tftp://[fd77::1]/local-boot.efi"},
	    {NONE, POLICY_CLASS_HTTP, 0x10, POLICY_LOCAL_404,
		"http://[fd77::1]/local-boot.efi"},
	    {NONE, POLICY_CLASS_OS, ARCH_NONE, POLICY_LEASE, ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(v6); i++) {
		struct world w = make_world(v6[i].ticket, BUNDLE_IDLE_LOCAL);
		struct policy_client c = make_client(v6[i].class, v6[i].arch);
		struct policy_decision d;

		assert_int_equal(addr_ip_parse("fd77::1", &c.server), 0);
		policy_decide(w.table, w.cfg, &c, &d);
		assert_int_equal(d.what, v6[i].what);
		assert_string_equal(d.url, v6[i].url);
		free_world(&w);
	}
}

static void
only_marked_nics_boot(void **state UNUSED)
{
	struct world w = make_world(UNKNOWN, BUNDLE_IDLE_LOCAL);
	struct bundle_host h = fixture_host("edge01", 1);
	struct bootd_msg_boot *boot = fixture_boot("t1");
	struct policy_client c = make_client(POLICY_CLASS_PXE, 7);
	struct policy_decision d;
	struct error err = {0};

	h.n_nics = 2;
	h.nics[1].mac = fixture_mac(2);
	h.nics[1].boot = true;
	assert_int_equal(hosttab_put(w.table, &h, boot, &err), 0);
	policy_decide(w.table, w.cfg, &c, &d);
	assert_int_equal(d.what, POLICY_LOCAL_MENU);
	assert_non_null(strstr(d.reason, "not for this NIC"));
	c.mac = fixture_mac(2);
	policy_decide(w.table, w.cfg, &c, &d);
	assert_int_equal(d.what, POLICY_TFTP_LOADER);
	h.nics[1].boot = false;
	assert_int_equal(hosttab_put(w.table, &h, boot, &err), 0);
	policy_decide(w.table, w.cfg, &c, &d);
	assert_int_equal(d.what, POLICY_TFTP_LOADER);
	free(boot);
	free_world(&w);
}

static void
a_host_names_its_loader(void **state UNUSED)
{
	struct world w = make_world(ARMED, BUNDLE_IDLE_LOCAL);
	struct bundle_host h = fixture_host("edge01", 1);
	struct bootd_msg_boot *boot = fixture_boot("t1");
	struct policy_client c = make_client(POLICY_CLASS_IPXE, 0);
	struct policy_decision d;
	struct error err = {0};

	h.n_loaders = 1;
	h.loaders[0] = (struct bundle_loader){.arch = 0, .file = "ipxe.pxe"};
	assert_int_equal(hosttab_put(w.table, &h, boot, &err), 0);
	/* Also where the card's ROM is an iPXE that could fetch the script; once. */
	policy_decide(w.table, w.cfg, &c, &d);
	assert_int_equal(d.what, POLICY_TFTP_LOADER);
	assert_string_equal(d.file, "ipxe.pxe");
	c.chained_already = true;
	policy_decide(w.table, w.cfg, &c, &d);
	assert_int_equal(d.what, POLICY_SCRIPT);
	/* Named for BIOS: UEFI goes on as before. */
	c.chained_already = false;
	c.arch = 7;
	policy_decide(w.table, w.cfg, &c, &d);
	assert_int_equal(d.what, POLICY_SCRIPT);
	free(boot);
	free_world(&w);
}

static void
services_that_are_off_are_not_offered(void **state UNUSED)
{
	struct world w = make_world(ARMED, BUNDLE_IDLE_LOCAL);
	struct policy_client c = make_client(POLICY_CLASS_PXE, 7);
	struct policy_decision d;

	w.cfg->tftp = w.cfg->http = false;
	policy_decide(w.table, w.cfg, &c, &d);
	assert_int_equal(d.what, POLICY_LEASE);
	c.class = POLICY_CLASS_IPXE;
	policy_decide(w.table, w.cfg, &c, &d);
	assert_int_equal(d.what, POLICY_LEASE);
	c.class = POLICY_CLASS_HTTP;
	policy_decide(w.table, w.cfg, &c, &d);
	assert_int_equal(d.what, POLICY_LEASE);
	assert_non_null(strstr(d.reason, "HTTP is switched off"));
	free_world(&w);
}

static void
urls_name_other_ports(void **state UNUSED)
{
	struct world w = make_world(ARMED, BUNDLE_IDLE_LOCAL);
	struct policy_client c = make_client(POLICY_CLASS_IPXE, 7);
	struct policy_decision d;

	c.http_port = 8080;
	policy_decide(w.table, w.cfg, &c, &d);
	assert_string_equal(d.url, "http://10.77.0.1:8080/script.ipxe-52:54:00:00:00:01");
	/* It must fit the BOOTP file field for clients that read only that (boot.md 0.1,
	 * 17). */
	assert_true(strlen(d.url) < 128);
	free_world(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decides_every_row),
	    cmocka_unit_test(loaders_are_replaced_from_the_inside_out),
	    cmocka_unit_test(ipv6_has_urls),
	    cmocka_unit_test(only_marked_nics_boot),
	    cmocka_unit_test(a_host_names_its_loader),
	    cmocka_unit_test(services_that_are_off_are_not_offered),
	    cmocka_unit_test(urls_name_other_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
