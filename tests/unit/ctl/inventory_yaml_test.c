/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ctl/inventory_yaml.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/yaml_emit.h"
#include "lib/compiler.h"

static const char whole[] =
    "sites:\n"
    "  - name: local\n"
    "    timezone: Africa/Lagos\n"
    "    url: http://10.77.0.1\n"
    "    answer_unknown: no\n"
    "    idle: local\n"
    "    subnets:\n"
    "      - prefix: 10.77.0.0/24\n"
    "        gateway: 10.77.0.1\n"
    "        dns: [10.77.0.1, 1.1.1.1]\n"
    "        pool: [10.77.0.100, 10.77.0.150]\n"
    "        lease_s: 3600\n"
    "      - prefix: fd77::/64\n"
    "        ra: stateless\n"
    "        router_s: 1800\n"
    "        mtu: 1400\n"
    "    loaders: {x64-uefi: shimx64.efi}\n"
    "images:\n"
    "  - name: debian\n"
    "    kind: reinstall\n"
    "    kernel: {path: debian/vmlinuz}\n"
    "    initrds:\n"
    "      - path: debian/initrd.gz\n"
    "    files:\n"
    "      - {path: debian/preseed.cfg, template: true, url: 'https://m.example/p'}\n"
    "    nfs_root: debian/root\n"
    "    args: \"auto=true netboot.report=${report}\"\n"
    "    reports: [up, installed]\n"
    "    local_boot: true\n"
    "    deadlines: {kernel: 10m, os-up: 120}\n"
    "hosts:\n"
    "  - name: edge01\n"
    "    site: local\n"
    "    nics:\n"
    "      - mac: 52:54:00:77:00:01\n"
    "        ip: 10.77.0.11\n"
    "        boot: true\n"
    "        ip6: fd77::11\n"
    "    loaders:\n"
    "      x86-bios: ipxe.pxe\n"
    "    image: debian\n"
    "    labels:\n"
    "      role: cdn\n"
    "      rack: 017\n"
    "    bmc:\n"
    "      address: 10.78.0.1\n"
    "      port: 623\n"
    "      user: admin\n"
    "      password_file: secrets/edge01\n";

static void
test_menu(void **state UNUSED)
{
	static const char text[] = "sites:\n"
				   "  - name: local\n"
				   "    menu:\n"
				   "      title: Network boot\n"
				   "      keymap: de\n"
				   "      timeout_s: 10\n"
				   "      default: grml\n"
				   "      items: [grml, local, shell]\n";
	static const char bad[] = "sites:\n"
				  "  - name: local\n"
				  "    menu:\n"
				  "      item: [grml]\n";
	struct inventory_yaml inv;
	struct error err;
	json_t *expected = json_loads(
	    "{\"sites\":[{\"name\":\"local\",\"menu\":{\"title\":\"Network boot\","
	    "\"keymap\":\"de\",\"timeout_s\":10,\"default\":\"grml\","
	    "\"items\":[\"grml\",\"local\",\"shell\"]}}]}",
	    0, NULL);

	assert_int_equal(inventory_yaml_parse("f", text, strlen(text), &inv, &err), 0);
	assert_true(json_equal(inv.document, expected));
	assert_int_equal(inventory_yaml_line(&inv, "/sites/0/menu/items/1"), 8);
	inventory_yaml_done(&inv);
	json_decref(expected);
	assert_int_equal(
	    inventory_yaml_parse("f", bad, strlen(bad), &inv, &err), -EINVAL);
	assert_non_null(strstr(err.text, "f:4"));
}

static void
test_whole_document(void **state UNUSED)
{
	struct inventory_yaml inv;
	struct error err;
	json_t *expected = json_loads(
	    "{\"sites\":[{\"name\":\"local\",\"timezone\":\"Africa/Lagos\","
	    "\"url\":\"http://"
	    "10.77.0.1\",\"answer_unknown\":false,\"idle\":\"local\",\"subnets\":["
	    "{\"prefix\":\"10.77.0.0/"
	    "24\",\"gateway\":\"10.77.0.1\",\"dns\":[\"10.77.0.1\",\"1.1.1.1\"],"
	    "\"pool\":[\"10.77.0.100\",\"10.77.0.150\"],\"lease_s\":3600},"
	    "{\"prefix\":\"fd77::/64\",\"ra\":\"stateless\",\"router_s\":1800,"
	    "\"mtu\":1400}],\"loaders\":{\"x64-uefi\":\"shimx64.efi\"}}],"
	    "\"images\":[{\"name\":\"debian\",\"kind\":\"reinstall\","
	    "\"kernel\":{\"path\":\"debian/vmlinuz\"},"
	    "\"initrds\":[{\"path\":\"debian/initrd.gz\"}],"
	    "\"files\":[{\"path\":\"debian/preseed.cfg\",\"template\":true,"
	    "\"url\":\"https://m.example/p\"}],"
	    "\"nfs_root\":\"debian/root\","
	    "\"args\":\"auto=true "
	    "netboot.report=${report}\",\"reports\":[\"up\",\"installed\"],"
	    "\"local_boot\":true,\"deadlines\":{\"kernel\":600,\"os-up\":120}}],"
	    "\"hosts\":[{\"name\":\"edge01\",\"site\":\"local\",\"nics\":["
	    "{\"mac\":\"52:54:00:77:00:01\",\"ip\":\"10.77.0.11\",\"boot\":true,\"ip6\":"
	    "\"fd77::11\"}],\"loaders\":{\"x86-bios\":\"ipxe.pxe\"},"
	    "\"image\":\"debian\",\"labels\":{\"role\":\"cdn\",\"rack\":\"017\"},"
	    "\"bmc\":{\"address\":\"10.78.0.1\",\"port\":623,\"user\":\"admin\","
	    "\"password_file\":\"secrets/edge01\"}}]}",
	    0, NULL);

	assert_non_null(expected);
	assert_int_equal(inventory_yaml_parse("f", whole, strlen(whole), &inv, &err), 0);
	assert_true(json_equal(inv.document, expected));
	assert_int_equal(inventory_yaml_line(&inv, "/hosts/0/nics/0/mac"), 35);
	assert_int_equal(inventory_yaml_line(&inv, "/document/hosts/0/bmc/port"), 47);
	/* What is missing is about what it is missing in. */
	assert_int_equal(inventory_yaml_line(&inv, "/hosts/0/serial"), 32);
	assert_int_equal(inventory_yaml_line(&inv, "/hosts/7"), 31);
	inventory_yaml_done(&inv);
	json_decref(expected);
}

/* What export prints, apply reads. */
static void
test_round_trip(void **state UNUSED)
{
	struct inventory_yaml first, second;
	struct error err;
	char *yaml;

	assert_int_equal(
	    inventory_yaml_parse("f", whole, strlen(whole), &first, &err), 0);
	yaml = yaml_emit_text(first.document);
	assert_int_equal(inventory_yaml_parse("f", yaml, strlen(yaml), &second, &err), 0);
	assert_true(json_equal(first.document, second.document));
	inventory_yaml_done(&first);
	inventory_yaml_done(&second);
	free(yaml);
}

static void
test_schedules(void **state UNUSED)
{
	static const char text[] =
	    "schedules:\n"
	    "  - name: weekly\n"
	    "    kind: reboot\n"
	    "    hosts: '@role=edge'\n"
	    "    cron: 0 3 * * SUN\n"
	    "    tz: site\n"
	    "    window_s: 4h\n"
	    "    jitter_s: 600\n"
	    "    blackout: [2026-12-24/2027-01-02]\n"
	    "    policy: {batch: 10%, per_label: {rack: 1}, gates: ['tcp:22']}\n"
	    "  - name: once\n"
	    "    kind: power\n"
	    "    action: off\n"
	    "    at: 2026-12-01 03:00\n"
	    "    policy: {batch: 5}\n";
	static const char want[] =
	    "{\"schedules\":[{\"name\":\"weekly\",\"kind\":\"reboot\","
	    "\"hosts\":\"@role=edge\",\"cron\":\"0 3 * * SUN\",\"tz\":\"site\","
	    "\"window_s\":14400,\"jitter_s\":600,\"blackout\":[\"2026-12-24/"
	    "2027-01-02\"],"
	    "\"policy\":{\"batch\":\"10%\",\"per_label\":{\"rack\":1},"
	    "\"gates\":[\"tcp:22\"]}},{\"name\":\"once\",\"kind\":\"power\","
	    "\"action\":\"off\",\"at\":\"2026-12-01 03:00\","
	    "\"policy\":{\"batch\":\"5\"}}]}";
	struct inventory_yaml inv, again;
	json_t *expected = json_loads(want, 0, NULL);
	struct error err;
	char *yaml;

	assert_int_equal(inventory_yaml_parse("f", text, strlen(text), &inv, &err), 0);
	assert_true(json_equal(inv.document, expected));
	assert_int_equal(inventory_yaml_line(&inv, "/document/schedules/1/at"), 14);
	yaml = yaml_emit_text(inv.document);
	assert_int_equal(inventory_yaml_parse("f", yaml, strlen(yaml), &again, &err), 0);
	assert_true(json_equal(inv.document, again.document));
	inventory_yaml_done(&again);
	inventory_yaml_done(&inv);
	json_decref(expected);
	free(yaml);
}

static void
test_errors_name_file_line_and_key(void **state UNUSED)
{
	static const struct {
		const char *text, *place, *word;
	} cases[] = {
	    {"", "f:1", "empty"},
	    {"hosts:\n - name: a\n   bogus: 1\n", "f:3", "bogus"},
	    {"hosts:\n - name: a\n   site: [x]\n", "f:3", "hosts[0].site"},
	    {"hosts:\n - site: a\n", "f:2", "name"},
	    {"hosts:\n - name: a\n   bmc:\n     port: many\n", "f:4",
		"hosts[0].bmc.port"},
	    {"sites:\n - name: a\n   answer_unknown: maybe\n", "f:3", "answer_unknown"},
	    {"hosts: 7\n", "f:1", "hosts"},
	    {"hosts:\n - name: 'a\n", "f:", "YAML"},
	    {"hosts:\n - name: a\n   labels: [x]\n", "f:3", "labels"},
	    {"hosts:\n - name: a\n   labels:\n     x: [y]\n", "f:4", "x"},
	    {"images:\n - name: a\n   deadlines: {kernel: soon}\n", "f:3", "kernel"},
	    {"hosts:\n - &a\n   name: b\n - *a\n", "f:4", "aliases"},
	    {"hosts: []\nhosts: []\n", "f:2", "twice"},
	    {"hosts: []\n---\nhosts: []\n", "f:2", "second document"},
	    {"{[a]: b}\n", "f:1", ""},
	    {"schedules:\n - name: w\n   window_s: 4hours\n", "f:3", "window_s"},
	    {"schedules:\n - name: w\n   limit: 20x\n", "f:3", "limit"},
	    {"hosts:\n - name: a\n   bmc:\n     port: 62 3\n", "f:4", "port"},
	    {"sites:\n - name: a\n   subnets:\n    - prefix: x\n    - {prefix: y, mtu: "
	     "9k}\n",
		"f:5", "mtu"},
	    {"schedules:\n - name: w\n   policy:\n     canari: 1\n", "f:4", "canari"},
	    {"schedules:\n - name: w\n   policy:\n     per_label: {rack: one}\n", "f:4",
		"rack"},
	    {"schedules:\n - name: w\n   policy:\n     per_label: 1\n", "f:4",
		"per_label"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct inventory_yaml inv;
		struct error err;

		assert_true(inventory_yaml_parse("f", cases[i].text,
				strlen(cases[i].text), &inv, &err) < 0);
		assert_string_equal(err.code, "bad-yaml");
		if (strncmp(err.text, cases[i].place, strlen(cases[i].place)) != 0 ||
		    strstr(err.text, cases[i].word) == NULL)
			fail_msg("case %zu: \"%s\" is not about %s at %s", i, err.text,
			    cases[i].word, cases[i].place);
	}
}

static void
test_too_deep_and_too_large(void **state UNUSED)
{
	struct inventory_yaml inv;
	struct error err;
	char deep[200];
	char *large = calloc(1, INVENTORY_YAML_MAX + 2);

	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	assert_true(inventory_yaml_parse("f", deep, strlen(deep), &inv, &err) < 0);
	memset(large, ' ', INVENTORY_YAML_MAX + 1);
	assert_true(
	    inventory_yaml_parse("f", large, INVENTORY_YAML_MAX + 1, &inv, &err) < 0);
	free(large);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_whole_document),
	    cmocka_unit_test(test_menu),
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_schedules),
	    cmocka_unit_test(test_errors_name_file_line_and_key),
	    cmocka_unit_test(test_too_deep_and_too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
