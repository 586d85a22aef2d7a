/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The generators of `site config` by their texts; tests/net/test_site_config.py runs the real servers. */
#include "orchestrator/siteconf.h"

#include "fixture.h"
#include "orchestrator/siteconf_priv.h"

#define SITE                                                                             \
	"{'name':'lab','timezone':'UTC','answer_unknown':%s,'idle':'%s','version':1,"    \
	"'loaders':{'arm64-uefi':'arm/our.efi','arch-77':'new.efi'},"                    \
	"'subnets':[{'prefix':'10.77.0.0/24','gateway':'10.77.0.1','dns':['10.77.0.1']," \
	"'pool':['10.77.0.100','10.77.0.199'],'lease_s':3600,'domain':'lab.example'},"   \
	"{'prefix':'10.88.0.0/24','lease_s':7200,'relay':'10.88.0.1'},"                  \
	"{'prefix':'10.89.0.0/24','lease_s':7200,'relay':'10.88.0.1'},"                  \
	"{'prefix':'fd77::/64','pool':['fd77::1000','fd77::1fff'],'ra':'stateless',"     \
	"'router_s':30}],"                                                               \
	"'hosts':[{'name':'edge01.lab','nics':[{'mac':'52:54:00:77:00:01','ip':'10.77."  \
	"0.11',"                                                                         \
	"'ip6':'fd77::11'}],'uuid':'11223344-5566-7788-99aa-bbccddeeff00'},"             \
	"{'name':'edge02','nics':[{'mac':'52:54:00:77:00:02','boot':true},"              \
	"{'mac':'52:54:00:77:00:0a'}],'idle':'silent','loaders':{'x64-uefi':'shimx64."   \
	"efi'}}]}"

struct lab {
	struct bundle_site site;
	struct bundle_image images[3];
	struct siteconf c;
};

static struct lab *
lab_new(const char *unknown, const char *idle, const char *url)
{
	struct lab *l = str_alloc(sizeof(*l));
	char text[4096];
	struct error err;
	json_t *v;

	assert_int_equal(str_format(text, sizeof(text), SITE, unknown, idle), 0);
	v = fixture_json(text);
	if (bundle_site_from_json(v, &l->site, &err) < 0)
		fail_msg("%s", err.text);
	json_decref(v);
	siteconf_init(&l->c, &l->site, url);
	l->c.images = l->images;
	return l;
}

static void
lab_free(struct lab *l)
{
	bundle_site_done(&l->site);
	free(l);
}

static char *
make(const struct lab *l, const char *server)
{
	struct error err;
	char *text = NULL;

	if (siteconf_make(&l->c, server, &text, &err) < 0)
		fail_msg("%s: %s", server, err.text);
	return text;
}

static void
set(struct lab *l, const char *name, const char *value)
{
	struct error err;

	if (siteconf_set(&l->c, name, value, &err) < 0)
		fail_msg("%s", err.text);
}

static void
has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in:\n%s", part, text);
}

static void
lacks(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("\"%s\" in:\n%s", part, text);
}

static void
refused(const struct lab *l, const char *server, const char *code, const char *words)
{
	struct error err;
	char *text = NULL;

	assert_int_equal(siteconf_make(&l->c, server, &text, &err), -EINVAL);
	assert_null(text);
	assert_string_equal(err.code, code);
	has(err.text, words);
}

static void
the_url_tells_address_and_port(void **state)
{
	static const struct {
		const char *url, *server4, *server6;
		uint16_t port;
	} rows[] = {
	    {"http://10.77.0.1", "10.77.0.1", "", 80},
	    {"http://10.77.0.1/", "10.77.0.1", "", 80},
	    {"http://10.77.0.1:8080/x", "10.77.0.1", "", 8080},
	    {"http://[fd77::1]:81", "", "fd77::1", 81},
	    {"http://[fd77::1]/", "", "fd77::1", 80},
	    {"http://boot.example:8000", "", "", 8000},
	    {"http://[fd77::1", "", "fd77::1", 80},
	    {"http://10.77.0.1:123456789", "10.77.0.1", "", 80},
	    {"ftp://10.77.0.1", "", "", 80},
	    {"", "", "", 80},
	};
	char text[ADDR_IP_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct lab *l = lab_new("false", "local", rows[i].url);

		assert_string_equal(
		    addr_ip_text(&l->c.server4, text, sizeof(text)), rows[i].server4);
		assert_string_equal(
		    addr_ip_text(&l->c.server6, text, sizeof(text)), rows[i].server6);
		assert_int_equal(l->c.http_port, rows[i].port);
		lab_free(l);
	}
}

static void
what_is_missing_is_named(void **state)
{
	struct lab *l = lab_new("false", "local", "http://boot.example");

	(void)state;
	refused(l, "isc-dhcp", "config-incomplete", "IPv4 address is not known");
	refused(l, "isc-dhcp6", "config-incomplete", "IPv6 address is not known");
	refused(l, "kea", "config-incomplete", "IPv4 address is not known");
	refused(l, "radvd", "config-incomplete", "interface");
	refused(l, "nfs", "config-incomplete", "nfs_root");
	refused(l, "bind9", "bad-value", "no configuration");
	set(l, "server", "10.77.0.1");
	refused(l, "kea", "config-incomplete", "interface");
	refused(l, "dnsmasq", "config-incomplete", "IPv6 address is not known");
	set(l, "server", "fd77::1,10.77.0.1");
	refused(l, "dnsmasq", "config-incomplete", "interface");
	set(l, "interface", "eth0.7");
	for (const char *const *name = siteconf_names; *name; name++)
		if (!str_eq(*name, "nfs") && !str_eq(*name, "ganesha"))
			free(make(l, *name));
	lab_free(l);
}

static void
options_are_checked(void **state)
{
	static const char *const bad[][2] = {
	    {"server", ""},
	    {"server", "10.77.0.1,"},
	    {"server", "10.77.0.1,10.77.0.2"},
	    {"server", "boot.example"},
	    {"interface", ""},
	    {"interface", "a/b"},
	    {"interface", "a;b"},
	    {"interface", "sixteen-letters-"},
	    {"loaders_root", "relative"},
	    {"loaders_root", "/a b"},
	    {"images_root", "/a\"b"},
	    {"scripts_root", "/a\nb"},
	    {"else", "x"},
	};
	struct lab *l = lab_new("false", "local", "http://10.77.0.1");
	struct siteconf before = l->c;
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(
		    siteconf_set(&l->c, bad[i][0], bad[i][1], &err), -EINVAL);
		assert_string_equal(err.code, "bad-value");
		assert_memory_equal(&before, &l->c, sizeof(before));
	}
	set(l, "loaders_root", "/a/b//");
	assert_string_equal(l->c.loaders_root, "/a/b");
	lab_free(l);
}

/* Who gets what: loaders by site, host and sibling; numbers that the table does not know. */
static void
loaders_are_those_of_the_policy(void **state)
{
	static const struct {
		uint16_t arch;
		const char *site, *host;
	} rows[] = {
	    {0x00, "undionly.kpxe", "undionly.kpxe"},
	    {0x06, "snponly-i386.efi", "snponly-i386.efi"},
	    {0x07, "snponly.efi", "shimx64.efi"},
	    {0x09, "snponly.efi", "shimx64.efi"},
	    {0x0b, "arm/our.efi", "arm/our.efi"},
	    {0x0f, "snponly-i386.efi", "snponly-i386.efi"},
	    {0x10, "snponly.efi", "shimx64.efi"},
	    {0x13, "arm/our.efi", "arm/our.efi"},
	    {77, "new.efi", "new.efi"},
	    {0x1b, NULL, NULL},
	};
	struct lab *l = lab_new("false", "local", "http://10.77.0.1");
	struct siteconf_loader list[SITECONF_FILES_MAX];

	(void)state;
	for (int own = 0; own < 2; own++) {
		size_t n =
		    siteconf_boot_loaders(&l->c, own ? &l->site.hosts[1] : NULL, list);

		for (size_t r = 0; r < ARRAY_SIZE(rows); r++) {
			const char *want = own ? rows[r].host : rows[r].site, *got = NULL;

			for (size_t i = 0; i < n; i++)
				for (size_t k = 0; k < list[i].n; k++)
					if (list[i].arch[k] == rows[r].arch) {
						assert_null(got);
						got = list[i].file;
					}
			if (!str_eq(got, want))
				fail_msg("%#x: %s", rows[r].arch, got ? got : "none");
		}
		for (size_t i = 0; i < n; i++)
			assert_int_equal(
			    list[i].absent, str_eq(list[i].file, "undionly.kpxe"));
	}
	lab_free(l);
}

/* The rows of boot.md 1.5, as dhcpd's text says them. */
static void
isc_has_every_row_of_the_matrix(void **state)
{
	struct lab *l = lab_new("true", "local", "http://10.77.0.1:8080");
	char *text = make(l, "isc-dhcp");

	(void)state;
	has(text, "authoritative;");
	has(text, "option user-class = \"iPXE\"");
	has(text, "exists ipxe.version");
	has(text, "option ipxe.no-pxedhcp 1;");
	has(text, "filename = concat(\"http://10.77.0.1:8080/script.ipxe-\"");
	has(text, "filename \"http://10.77.0.1:8080/loaders/snponly.efi\";");
	has(text, "option vendor-class-identifier \"HTTPClient\";");
	has(text, "filename \"undionly.kpxe\";");
	has(text, "option tftp-server-name = concat(\"10.77.0.1\", 00);");
	has(text, "filename \"shimx64.efi\";");
	has(text, "filename \"http://10.77.0.1:8080/local-boot.efi\";");
	has(text,
	    "06:01:03:08:07:00:00:01:0a:4d:00:01:09:08:00:00:05:4c:6f:63:61:6c:0a:06:"
	    "00:4c:6f:63:61:6c:ff");
	has(text, "if not known {");
	has(text, "  ignore booting;"); /* edge02's other card */
	has(text, "fixed-address 10.77.0.11; option host-name \"edge01\";");
	/* Two subnets behind one relay are one link. */
	has(text, "shared-network link-2 {\nsubnet 10.88.0.0 netmask 255.255.255.0 {");
	lacks(text, "shared-network link-3");
	lacks(text, "deny unknown-clients");
	free(text);
	lab_free(l);

	l = lab_new("false", "local", "http://10.77.0.1");
	text = make(l, "isc-dhcp");
	has(text, "ignore unknown-clients;");
	has(text, "deny unknown-clients;");
	lacks(text, "if not known");
	lacks(text, "local-boot.efi");
	free(text);
	lab_free(l);
}

static void
ipv6_has_its_own_rules(void **state)
{
	struct lab *l = lab_new("false", "local", "http://[fd77::1]");
	char *text = make(l, "isc-dhcp6");

	(void)state;
	has(text, "\"tftp://[fd77::1]/snponly.efi\"");
	has(text, "\"http://[fd77::1]/loaders/arm/our.efi\"");
	has(text, "\"http://[fd77::1]/script.ipxe-${netX/mac}\"");
	has(text, "00:00:01:57:00:0a:48:54:54:50:43:6c:69:65:6e:74;");
	has(text, "dhcp6.client-id 00:04:11:22:33:44:55:66:77:88");
	has(text, "dhcp6.client-id 00:04:44:33:22:11:66:55:88:77");
	has(text, "v6relopt 1 dhcp6.client-linklayer-addr 00:01:52:54:00:77:00:01;");
	free(text);
	set(l, "interface", "br0");
	text = make(l, "radvd");
	has(text,
	    "AdvManagedFlag off;\n\tAdvOtherConfigFlag on;\n\tAdvDefaultLifetime 60;");
	has(text, "prefix fd77::/64 {\n\t\tAdvOnLink on;\n\t\tAdvAutonomous on;");
	free(text);
	lab_free(l);
}

/* Boards that all say the same UUID: bootd knows none of them by it (hosttab_by_uuid()), and no server may. */
static void
a_uuid_of_several_hosts_means_none(void **state)
{
	static const char raw[] = "00:04:44:33:22:11:66:55:88:77",
			  rfc[] = "00:04:11:22:33:44:55:66:77:88",
			  swapped[] = "44332211-6655-8877-99aa-bbccddeeff00",
			  nil[] = "00000000-0000-0000-0000-000000000000";
	static const struct {
		const char *first, *second;
		bool known;
	} rows[] = {
	    {"11223344-5566-7788-99aa-bbccddeeff00", "", true},
	    {"11223344-5566-7788-99aa-bbccddeeff00", nil, true},
	    {"11223344-5566-7788-99aa-bbccddeeff00",
		"11223344-5566-7788-99AA-BBCCDDEEFF00", false},
	    /* Either order could be either host. */
	    {"11223344-5566-7788-99aa-bbccddeeff00", swapped, false},
	};
	static const char *const servers[] = {"isc-dhcp6", "kea6"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct lab *l = lab_new("false", "local", "http://[fd77::1]");

		set(l, "interface", "br0");
		str_clip(
		    l->site.hosts[0].uuid, sizeof(l->site.hosts[0].uuid), rows[i].first);
		str_clip(
		    l->site.hosts[1].uuid, sizeof(l->site.hosts[1].uuid), rows[i].second);
		for (size_t s = 0; s < ARRAY_SIZE(servers); s++) {
			char *text = make(l, servers[s]);

			(rows[i].known ? has : lacks)(text, rfc);
			(rows[i].known ? has : lacks)(text, raw);
			lacks(text, "00:04:00:00:00:00");
			has(text, "52:54:00:77:00:01");
			free(text);
		}
		lab_free(l);
	}
}

/* An image of one kernel, which its menu may show. */
static void
put_image(struct lab *l, const char *name, const char *kind)
{
	struct bundle_image *b = &l->images[l->c.n_images++];

	str_clip(b->name, sizeof(b->name), name);
	str_clip(b->kind, sizeof(b->kind), kind);
	str_clip(b->kernel.name, sizeof(b->kernel.name), "vmlinuz");
	str_clip(b->kernel.path, sizeof(b->kernel.path), "d/vmlinuz");
}

/* Without a ticket only what the menu shows is served. */
static void
nginx_serves_the_menus_images(void **state)
{
	struct lab *l = lab_new("true", "local", "http://10.77.0.1");
	char *text;

	(void)state;
	set(l, "server", "10.77.0.1,fd77::1");
	put_image(l, "debian", "reinstall");
	put_image(l, "grml", "live");
	put_image(l, "memtest", "tool");
	text = make(l, "nginx");
	lacks(text, "\"/m/");
	has(text, "    \"\" \"exit 1\";\n");
	has(text, "$netboot_idle {\n    default $netboot_disk;\n}");
	free(text);
	/* One host comes to a menu, which names nothing. */
	l->site.hosts[0].idle = BUNDLE_IDLE_MENU;
	text = make(l, "nginx");
	has(text, "location = \"/m/grml/vmlinuz\"");
	has(text, "location = \"/m/memtest/vmlinuz\"");
	lacks(text, "/m/debian");
	has(text, "default $netboot_disk;\n    \"52:54:00:77:00:01\" \"\";\n}");
	free(text);
	l->site.menu.set = true;
	l->site.menu.n_items = 2;
	str_clip(l->site.menu.items[0], sizeof(l->site.menu.items[0]), "grml");
	str_clip(l->site.menu.items[1], sizeof(l->site.menu.items[1]), "debian");
	/* Unknown machines come to it too: known ones with another policy are named. */
	l->site.idle = BUNDLE_IDLE_MENU;
	text = make(l, "nginx");
	has(text, "location = \"/m/grml/vmlinuz\"");
	lacks(text, "/m/memtest");
	lacks(text, "/m/debian");
	has(text,
	    "$netboot_idle {\n    default \"\";\n    \"52:54:00:77:00:02\" \"exit 1\";");
	free(text);
	text = make(l, "isc-dhcp");
	has(text, "group { # menu\n");
	has(text, "filename \"http://10.77.0.1/script.ipxe\";");
	free(text);
	lab_free(l);
}

static void
exports_keep_their_numbers(void **state)
{
	struct lab *l = lab_new("false", "local", "http://10.77.0.1");
	char *alone, *more;
	const char *line;

	(void)state;
	str_clip(l->images[0].name, sizeof(l->images[0].name), "grml");
	str_clip(l->images[0].nfs_root, sizeof(l->images[0].nfs_root), "grml/root");
	l->c.n_images = 1;
	alone = make(l, "nfs");
	line = strstr(alone, "\"/srv/netboot/images/grml/root\"");
	assert_non_null(line);
	has(line, " 10.77.0.0/24(ro,no_root_squash,");
	has(line, " fd77::/64(ro,no_root_squash,");
	l->images[2] = l->images[0];
	str_clip(l->images[0].nfs_root, sizeof(l->images[0].nfs_root), "a/root");
	l->images[1] = l->images[2]; /* one root of two images is one export */
	l->c.n_images = 3;
	more = make(l, "nfs");
	has(more, line);
	assert_null(strstr(strstr(more, line) + strlen(line), "grml/root"));
	has(more, "a/root");
	free(alone);
	free(more);
	more = make(l, "ganesha");
	has(more, "Clients = 10.77.0.0/24, 10.88.0.0/24, 10.89.0.0/24, fd77::/64;");
	has(more, "Access_Type = NONE;");
	free(more);
	lab_free(l);
}

/* Also what no codec would let through. */
static void
hostile_texts_are_refused(void **state)
{
	static const char *const bad[] = {"x\"y", "x;y", "x\ny", "x{", "x}", "x#", "x y",
	    "x'", "x$y", "x\\", "x,y", "x\x7f"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct lab *l = lab_new("false", "local", "http://10.77.0.1");
		char *const places[] = {l->site.name, l->site.hosts[0].name,
		    l->site.loaders[0].file, l->site.hosts[1].loaders[0].file,
		    l->site.subnets[0].domain, l->images[0].name, l->images[0].nfs_root,
		    l->images[0].kernel.path, l->images[0].initrds[0].path,
		    l->images[0].files[0].path};

		l->c.n_images = 1;
		l->images[0].n_initrds = l->images[0].n_files = 1;
		for (size_t p = 0; p < ARRAY_SIZE(places); p++) {
			char kept[64];

			str_clip(kept, sizeof(kept), places[p]);
			str_clip(places[p], 60, bad[i]);
			refused(l, "nginx", "bad-value", "no configuration may carry");
			str_clip(places[p], 60, kept);
		}
		str_clip(l->site.subnets[1].relay, 40, bad[i]);
		refused(l, "nginx", "bad-value", "relay");
		lab_free(l);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_url_tells_address_and_port),
	    cmocka_unit_test(what_is_missing_is_named),
	    cmocka_unit_test(options_are_checked),
	    cmocka_unit_test(loaders_are_those_of_the_policy),
	    cmocka_unit_test(isc_has_every_row_of_the_matrix),
	    cmocka_unit_test(ipv6_has_its_own_rules),
	    cmocka_unit_test(a_uuid_of_several_hosts_means_none),
	    cmocka_unit_test(nginx_serves_the_menus_images),
	    cmocka_unit_test(exports_keep_their_numbers),
	    cmocka_unit_test(hostile_texts_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
