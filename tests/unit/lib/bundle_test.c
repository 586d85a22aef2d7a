/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/bundle.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/json.h"

#define SHA "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static const char whole[] =
    "{\"v\":1,\"job\":\"0123456789abcdef\",\"kind\":\"reinstall\",\"hard\":false,"
    "\"graceful_us\":120000000,\"reason\":\"INC-123\",\"by\":\"root\",\"created\":"
    "1769851800123456,"
    "\"host\":{\"name\":\"edge01.los\",\"nics\":["
    "{\"mac\":\"52:54:00:77:00:01\",\"ip\":\"10.77.0.50\",\"boot\":true},"
    "{\"mac\":\"52:54:00:77:00:02\",\"ip6\":\"fd77::2\"}],"
    "\"loaders\":{\"x86-bios\":\"ipxe.pxe\",\"x64-uefi\":\"a/shimx64.efi\"},"
    "\"uuid\":\"00112233-4455-6677-8899-aabbccddeeff\",\"serial\":\"S1\",\"firmware\":"
    "\"uefi\","
    "\"idle\":\"menu\",\"local_boot\":\"sanboot\",\"probe\":\"tcp:22\","
    "\"labels\":{\"role\":\"cdn\",\"flag\":\"\"}},"
    "\"bmc\":{\"address\":\"10.77.0.101\",\"port\":623,\"user\":\"admin\",\"password\":"
    "\"pw\","
    "\"privilege\":\"operator\",\"cipher\":17,\"boot_method\":\"pxe\",\"boot_verify\":"
    "\"full\"},"
    "\"image\":{\"name\":\"debian\",\"kind\":\"reinstall\","
    "\"kernel\":{\"name\":\"vmlinuz\",\"path\":\"debian/vmlinuz\",\"sha256\":\"" SHA
    "\",\"size\":3},"
    "\"initrds\":[{\"name\":\"initrd\",\"path\":\"debian/initrd\",\"sha256\":\"" SHA
    "\",\"size\":4}],\"files\":[{\"name\":\"preseed\",\"path\":\"debian/"
    "preseed\",\"sha256\":\"" SHA
    "\",\"size\":5,\"template\":true}],\"nfs_root\":\"debian/root\",\"args\":\"quiet "
    "netboot.report=${report}\","
    "\"reports\":[\"up\",\"installed\",\"booted\"],\"local_boot\":true,"
    "\"deadlines\":{\"kernel\":600}}}";

static json_t *
whole_json(void)
{
	struct error err;
	json_t *v = json_parse(whole, sizeof(whole) - 1, &err);

	assert_non_null(v);
	return v;
}

/* The document with one member, named by a path of keys, set to another value (taken). */
static void
check_refused(const char *part, const char *key, json_t *value, const char *text)
{
	static struct bundle b;
	struct error err = {.text = ""};
	json_t *v = whole_json();

	json_object_set_new(part != NULL ? json_object_get(v, part) : v, key, value);
	if (bundle_from_json(v, &b, &err) == 0)
		fail_msg(
		    "accepted: %s with another %s", part != NULL ? part : "bundle", key);
	if (strstr(err.text, text) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err.text, text);
	json_decref(v);
}

static void
round_trip(void **state)
{
	json_t *v = whole_json(), *again;
	static struct bundle b;
	struct error err;

	(void)state;
	assert_int_equal(bundle_from_json(v, &b, &err), 0);
	assert_string_equal(b.host.name, "edge01.los");
	assert_int_equal(b.host.n_nics, 2);
	assert_true(b.host.nics[0].boot);
	assert_int_equal(b.host.n_labels, 2);
	assert_int_equal(b.bmc.cipher, 17);
	assert_true(b.image.reports_booted && b.image.local_boot);
	again = bundle_to_json(&b);
	assert_true(json_equal(v, again));
	json_decref(again);
	bundle_done(&b);
	assert_string_equal(b.bmc.password, "");
	json_decref(v);
	bundle_done(NULL);
}

static void
defaults(void **state)
{
	static const char text[] =
	    "{\"v\":1,\"job\":\"0123456789abcdef\",\"kind\":\"power\","
	    "\"power_action\":\"on\",\"host\":{\"name\":\"a\"},"
	    "\"bmc\":{\"address\":\"b\"}}";
	static struct bundle b;
	json_t *v = json_parse(text, sizeof(text) - 1, NULL);

	(void)state;
	assert_int_equal(bundle_from_json(v, &b, NULL), 0);
	assert_int_equal(b.bmc.port, 623);
	assert_int_equal(b.bmc.cipher, 0);
	assert_string_equal(b.bmc.privilege, "operator");
	assert_string_equal(b.bmc.boot_method, "pxe");
	assert_string_equal(b.bmc.boot_verify, "full");
	assert_int_equal(b.host.firmware, BUNDLE_UEFI);
	assert_int_equal(b.host.idle, BUNDLE_IDLE_LOCAL);
	assert_string_equal(b.image.name, "");
	bundle_done(&b);
	json_decref(v);
}

#define KG_39 "0102030405060708090a0b0c0d0e0f1011121fF"
#define KG_0 "0000000000000000000000000000000000000000"

/* All that a BMC may have, there and back; a copy has references of its own. */
static void
bmc_with_all_members(void **state)
{
	static const char text[] =
	    "{\"address\":\"b\",\"port\":1,\"user\":\"u\",\"password\":\"p\","
	    "\"privilege\":\"administrator\",\"cipher\":0,\"boot_method\":\"none\","
	    "\"boot_verify\":\"device\",\"require_cipher\":17,"
	    "\"kg\":\"0102030405060708090a0b0c0d0e0f10111213ff\","
	    "\"manners\":{\"a\":1},\"learned\":{\"b\":[2]}}";
	struct bundle_bmc bmc, copy;
	struct error err;
	json_t *v = json_parse(text, sizeof(text) - 1, &err);
	char *out;

	(void)state;
	assert_int_equal(bundle_bmc_from_json(v, &bmc, &err), 0);
	json_decref(v);
	assert_true(bmc.kg_set && bmc.kg[0] == 1 && bmc.kg[19] == 0xFF);
	assert_int_equal(bmc.require_cipher, 17);
	bundle_bmc_copy(&copy, &bmc);
	bundle_bmc_wipe(&bmc);
	assert_false(bmc.kg_set || bmc.kg[0] != 0 || bmc.manners != NULL);
	v = bundle_bmc_to_json(&copy);
	out = json_text(v);
	assert_string_equal(out, text);
	free(out);
	json_decref(v);
	bundle_bmc_wipe(&copy);
	v = json_pack(
	    "{s:s, s:i, s:i}", "address", "b", "cipher", 3, "require_cipher", 17);
	/* A contradiction of host and site is told by the call that it concerns. */
	assert_int_equal(bundle_bmc_from_json(v, &bmc, &err), 0);
	assert_int_equal(bmc.require_cipher, 17);
	bundle_bmc_wipe(&bmc);
	json_decref(v);
}

static void
bad_members_are_named(void **state)
{
	static char big[BUNDLE_BMC_DOC_MAX];

	(void)state;
	memset(big, 'x', sizeof(big));
	check_refused(NULL, "v", json_integer(3), "versions 1 and 2");
	check_refused(NULL, "force", json_string("often"), "force");
	check_refused(NULL, "hook", json_string("reboot"), "not of a reboot");
	check_refused(NULL, "job", json_string("x"), "job");
	check_refused(NULL, "kind", json_string("format"), "kind");
	check_refused(NULL, "kind", json_string("power"), "power_action");
	check_refused(NULL, "graceful_us", json_integer(-1), "graceful_us");
	check_refused(NULL, "graceful_us", json_integer(INT64_MAX), "graceful_us");
	check_refused(NULL, "host", json_null(), "host: not an object");
	check_refused(NULL, "image", json_null(), "image: a job of kind reinstall");
	check_refused("host", "name", json_string("../x"), "host: name");
	check_refused("host", "nics", json_pack("[{s:s}]", "mac", "ff:ff:ff:ff:ff:ff"),
	    "host: nics[0]: mac");
	check_refused("host", "nics",
	    json_pack("[{s:s, s:s}]", "mac", "02:00:00:00:00:01", "ip", "fd77::1"),
	    "host: nics[0]: ip: not an IPv4 address");
	check_refused("host", "nics",
	    json_pack("[{s:s, s:s}]", "mac", "02:00:00:00:00:01", "ip6", "10.0.0.1"),
	    "host: nics[0]: ip6: not an IPv6 address");
	check_refused("host", "loaders", json_pack("{s:s}", "vax", "x"),
	    "host: loaders: vax: not an architecture");
	check_refused("host", "loaders", json_pack("{s:s}", "x64-uefi", "../x"),
	    "host: loaders: x64-uefi: not a path");
	check_refused("host", "loaders",
	    json_pack("{s:s, s:s}", "x64-uefi", "a", "arch-9", "b"), "named twice");
	check_refused("image", "nfs_root", json_string("/srv"), "image: nfs_root");
	check_refused("host", "uuid", json_string("x"), "host: uuid");
	check_refused("host", "firmware", json_string("coreboot"), "firmware");
	check_refused("host", "idle", json_string("x"), "idle");
	check_refused("host", "local_boot", json_string("x"), "local_boot");
	check_refused("host", "probe", json_string("tcp:0"), "probe");
	check_refused("host", "labels", json_pack("{s:i}", "a", 1), "labels: a");
	check_refused("host", "labels", json_pack("{s:s}", "a b", "x"), "labels: a key");
	check_refused("bmc", "address", json_string(""), "bmc: address");
	check_refused("bmc", "port", json_integer(65536), "bmc: port");
	check_refused("bmc", "cipher", json_integer(1), "bmc: cipher");
	check_refused("bmc", "privilege", json_string("root"), "bmc: privilege");
	check_refused(
	    "bmc", "password", json_string("123456789012345678901"), "bmc: password");
	check_refused("bmc", "boot_method", json_string("x"), "bmc: boot_method");
	check_refused("bmc", "boot_verify", json_string("x"), "bmc: boot_verify");
	check_refused("bmc", "require_cipher", json_integer(3), "bmc: require_cipher");
	check_refused("bmc", "kg", json_string("123456789012345678901"), "bmc: kg");
	check_refused("bmc", "kg", json_string(KG_0), "bmc: kg");
	check_refused("bmc", "kg", json_string("x" KG_39), "bmc: kg");
	check_refused("bmc", "manners", json_string("x"), "manners");
	check_refused("bmc", "only_in", json_string("10.0.0.0/8"), "only_in");
	check_refused("bmc", "only_in", json_pack("[s]", "10.0.0.300/8"), "only_in[0]");
	check_refused(
	    "bmc", "only_in", json_pack("[s,i]", "10.0.0.0/8", 1), "only_in[1]");
	check_refused("bmc", "learned",
	    json_pack("{s:o}", "x", json_stringn(big, sizeof(big))), "learned: longer");
	check_refused("image", "kind", json_string("x"), "image: kind");
	check_refused("image", "kernel", json_null(), "image: kernel");
	check_refused("image", "args", json_string("a\nboot http://evil"), "image: args");
	check_refused("image", "reports", json_pack("[s]", "x"), "image: reports[0]");
	check_refused(
	    "image", "deadlines", json_pack("{s:i}", "done", 3), "image: deadlines");
	check_refused(
	    "image", "deadlines", json_pack("{s:i}", "kernel", 0), "deadlines: kernel");
}

static void
files_stay_below_their_root(void **state)
{
	static const char *const bad[] = {"", "/etc/passwd", "../x", "a/../b", "a//b",
	    "a/", "./a", "a/.", "a b", "a\\b", "a\n", "\xc3\xa9"};
	static const char *const bad_urls[] = {"ftp://m.example/a", "m.example/a",
	    "https://", "https:///a", "https://u:p@m.example/a", "http://m.example/a b",
	    "file:///etc/passwd"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_false(bundle_path_valid(bad[i]));
		check_refused("image", "files",
		    json_pack("[{s:s,s:s,s:s,s:i}]", "name", "f", "path", bad[i],
			"sha256", SHA, "size", 1),
		    "image: files[0]: path");
	}
	assert_true(bundle_path_valid("a/b.c/..d/d.."));
	for (size_t i = 0; i < ARRAY_SIZE(bad_urls); i++)
		check_refused("image", "kernel",
		    json_pack("{s:s,s:s,s:s,s:i,s:s}", "name", "a", "path", "b", "sha256",
			SHA, "size", 1, "url", bad_urls[i]),
		    "image: kernel: url");
	/* Below a folder may lie what the image itself looks for, but not what iPXE names. */
	check_refused("image", "initrds",
	    json_pack("[{s:s,s:s,s:s,s:i}]", "name", "a/b", "path", "b", "sha256", SHA,
		"size", 1),
	    "image: initrds[0]: name");
	check_refused("image", "initrds",
	    json_pack("[{s:s,s:s,s:s,s:i,s:b}]", "name", "a", "path", "b", "sha256", SHA,
		"size", 1, "template", 1),
	    "image: initrds[0]: template");
	check_refused("image", "files",
	    json_pack("[{s:s,s:s,s:s,s:i}]", "name", "a/../b", "path", "b", "sha256", SHA,
		"size", 1),
	    "image: files[0]: name");
	check_refused("image", "files",
	    json_pack("[{s:s,s:s,s:s,s:i}]", "name", "a", "path", "b", "sha256", "00",
		"size", 1),
	    "image: files[0]: sha256");
	check_refused("image", "files",
	    json_pack("[{s:s,s:s,s:s,s:i}]", "name", "a", "path", "b", "sha256", SHA,
		"size", -1),
	    "image: files[0]: size");
}

static void
numbers_of_things_are_bounded(void **state)
{
	json_t *nics = json_array(), *labels = json_object(), *files = json_array();
	char key[16];

	(void)state;
	for (int i = 0; i < BUNDLE_LABELS_MAX + 1; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		json_object_set_new(labels, key, json_string("v"));
		json_array_append_new(
		    nics, json_pack("{s:s}", "mac", "52:54:00:77:00:01"));
		json_array_append_new(files, json_object());
	}
	check_refused("host", "nics", nics, "nics: more than 16");
	check_refused("host", "labels", labels, "labels: more than 64");
	check_refused("image", "initrds", json_incref(files), "initrds: more than 8");
	check_refused("image", "files", files, "files: more than 64");
}

static void
sites(void **state)
{
	static const char text[] =
	    "{\"name\":\"los\",\"timezone\":\"Africa/Lagos\",\"answer_unknown\":true,"
	    "\"idle\":\"local\",\"subnets\":[{\"prefix\":\"10.77.0.0/"
	    "24\",\"gateway\":\"10.77.0.1\","
	    "\"dns\":[\"10.77.0.1\",\"9.9.9.9\"],\"pool\":[\"10.77.0.100\",\"10.77.0."
	    "200\"],"
	    "\"lease_s\":600,\"domain\":\"los.example\",\"relay\":\"10.78.0.1\"},"
	    "{\"prefix\":\"fd77::/"
	    "64\",\"dns\":[\"fd77::53\"],\"pool\":[\"fd77::1\",\"fd77::9\"],"
	    "\"lease_s\":600,\"relay\":\"fd78::1\",\"ra\":\"stateless\",\"router_s\":"
	    "1800,"
	    "\"mtu\":1400}],\"loaders\":{\"x64-uefi\":\"shimx64.efi\"},"
	    "\"hosts\":[{\"name\":\"a\",\"nics\":[],\"firmware\":\"bios\",\"idle\":"
	    "\"local\","
	    "\"local_boot\":\"exit1\",\"labels\":{}}],\"version\":12}";
	json_t *v = json_parse(text, sizeof(text) - 1, NULL), *again, *host;
	static struct bundle_site s;
	struct error err;

	(void)state;
	assert_int_equal(bundle_site_from_json(v, &s, &err), 0);
	assert_int_equal(s.n_hosts, 1);
	assert_int_equal(s.subnets[0].n_dns, 2);
	assert_int_equal(s.version, 12);
	again = bundle_site_to_json(&s);
	assert_true(json_equal(v, again));
	json_decref(again);
	bundle_site_done(&s);
	assert_null(s.hosts);
	bundle_site_done(NULL);
	host = json_array_get(json_object_get(v, "hosts"), 0);
	json_object_set_new(host, "name", json_string(""));
	assert_int_equal(bundle_site_from_json(v, &s, &err), -EINVAL);
	assert_non_null(strstr(err.text, "hosts[0]: name"));
	json_decref(v);
}

static void
subnets(void **state)
{
	static const struct {
		const char *text, *wrong;
	} bad[] = {
	    {"[]", "not an object"},
	    {"{}", "prefix"},
	    {"{\"prefix\":\"10.77.0.0\"}", "prefix"},
	    {"{\"prefix\":\"10.77.0.0/24\",\"gateway\":\"x\"}", "gateway"},
	    {"{\"prefix\":\"10.77.0.0/24\",\"dns\":[1]}", "dns"},
	    {"{\"prefix\":\"10.77.0.0/24\",\"dns\":[\"1.1.1.1\",\"1.1.1.1\",\"1.1.1.1\","
	     "\"1.1.1.1\",\"1.1.1.1\"]}",
		"dns: more"},
	    {"{\"prefix\":\"10.77.0.0/24\",\"pool\":[\"10.77.0.1\"]}", "pool"},
	    {"{\"prefix\":\"10.77.0.0/24\",\"pool\":[\"10.77.0.9\",\"10.77.0.1\"]}",
		"pool"},
	    {"{\"prefix\":\"10.77.0.0/24\",\"pool\":[\"10.77.0.9\",\"10.77.1.1\"]}",
		"pool"},
	    {"{\"prefix\":\"10.77.0.0/24\",\"lease_s\":1}", "lease_s"},
	    {"{\"prefix\":\"10.77.0.0/24\",\"domain\":\"a b\"}", "domain"},
	    {"{\"prefix\":\"10.77.0.0/24\",\"relay\":\"x\"}", "relay"},
	    {"{\"prefix\":\"10.77.0.0/24\",\"relay\":\"fd77::1\"}",
		"relay: of another family"},
	    {"{\"prefix\":\"10.77.0.0/24\",\"gateway\":\"fd77::1\"}",
		"gateway: of another family"},
	    {"{\"prefix\":\"fd77::/64\",\"dns\":[\"fd77::1\",\"10.0.0.1\"]}",
		"dns: of another family"},
	    {"{\"prefix\":\"10.77.0.0/24\",\"router_s\":1}", "only of an IPv6 subnet"},
	    {"{\"prefix\":\"fd77::/64\",\"ra\":1}", "ra"},
	    {"{\"prefix\":\"fd77::/64\",\"router_s\":-1}", "router_s: not 0..9000"},
	    {"{\"prefix\":\"fd77::/64\",\"mtu\":70000}", "mtu: not 1280..65535"},
	    {"{\"prefix\":\"10.77.0.0/24\",\"ra\":\"managed\"}", "IPv6"},
	    {"{\"prefix\":\"fd77::/56\",\"ra\":\"stateless\"}", "/64"},
	    {"{\"prefix\":\"fd77::/64\",\"router_s\":9001}", "router_s"},
	    {"{\"prefix\":\"fd77::/64\",\"mtu\":1279}", "mtu"},
	};
	struct bundle_subnet s;
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		json_t *v = json_parse(bad[i].text, strlen(bad[i].text), &err);

		assert_int_equal(bundle_subnet_from_json(v, &s, &err), -EINVAL);
		assert_non_null(strstr(err.text, bad[i].wrong));
		json_decref(v);
	}
	/* A relay is compared as text. */
	json_t *v =
	    json_pack("{s:s, s:s}", "prefix", "fd77::/64", "relay", "FD78:0::0001");
	assert_int_equal(bundle_subnet_from_json(v, &s, &err), 0);
	assert_string_equal(s.relay, "fd78::1");
	assert_int_equal(s.ra, BUNDLE_RA_MANAGED);
	json_decref(v);
}

static void
enum_names(void **state)
{
	enum bundle_kind kind;
	enum bundle_idle idle;
	enum bundle_firmware fw;
	enum bundle_local_boot how;

	(void)state;
	for (int i = BUNDLE_REINSTALL; i <= BUNDLE_POWER; i++) {
		assert_int_equal(
		    bundle_kind_parse(bundle_kind_name((enum bundle_kind)i), &kind), 0);
		assert_int_equal(kind, i);
	}
	assert_int_equal(
	    bundle_idle_parse(bundle_idle_name(BUNDLE_IDLE_SILENT), &idle), 0);
	assert_int_equal(idle, BUNDLE_IDLE_SILENT);
	assert_int_equal(
	    bundle_firmware_parse(bundle_firmware_name(BUNDLE_BIOS), &fw), 0);
	assert_int_equal(fw, BUNDLE_BIOS);
	assert_int_equal(
	    bundle_local_boot_parse(bundle_local_boot_name(BUNDLE_LOCAL_EXIT0), &how), 0);
	assert_int_equal(how, BUNDLE_LOCAL_EXIT0);
	assert_int_equal(bundle_kind_parse("", &kind), -EINVAL);
	assert_int_equal(bundle_idle_parse("x", &idle), -EINVAL);
	assert_int_equal(bundle_firmware_parse("x", &fw), -EINVAL);
	assert_int_equal(bundle_local_boot_parse("x", &how), -EINVAL);
}

static void
kg_as_a_text(void **state)
{
	struct bundle_bmc bmc = {.port = 1};
	char hex[BUNDLE_KG_TEXT];

	(void)state;
	assert_int_equal(bundle_bmc_set_kg(&bmc, "00ff"), 0);
	bundle_bmc_kg_text(&bmc, hex);
	assert_string_equal(hex, "3030666600000000000000000000000000000000");
	assert_int_equal(bundle_bmc_set_kg(&bmc, "12345678901234567890"), 0);
	bundle_bmc_kg_text(&bmc, hex);
	assert_string_equal(hex, "3132333435363738393031323334353637383930");
	assert_int_equal(bundle_bmc_set_kg(&bmc, ""), -EINVAL);
	assert_int_equal(bundle_bmc_set_kg(&bmc, "123456789012345678901"), -EINVAL);
	bundle_bmc_kg_text(&bmc, hex);
	assert_string_equal(hex, "3132333435363738393031323334353637383930");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(kg_as_a_text),
	    cmocka_unit_test(round_trip),
	    cmocka_unit_test(defaults),
	    cmocka_unit_test(bmc_with_all_members),
	    cmocka_unit_test(bad_members_are_named),
	    cmocka_unit_test(files_stay_below_their_root),
	    cmocka_unit_test(numbers_of_things_are_bounded),
	    cmocka_unit_test(sites),
	    cmocka_unit_test(subnets),
	    cmocka_unit_test(enum_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
