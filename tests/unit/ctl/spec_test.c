/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ctl/spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/compiler.h"

/* Takes `got`; expected NULL: refused. */
static void
check(json_t *got, const char *expected, const struct error *err)
{
	json_t *want = expected != NULL ? json_loads(expected, 0, NULL) : NULL;

	if (expected == NULL) {
		assert_null(got);
		assert_string_equal(err->code, "usage");
	} else {
		assert_non_null(got);
		assert_true(json_equal(got, want));
	}
	json_decref(got);
	json_decref(want);
}

static void
test_nic(void **state UNUSED)
{
	struct error err;

	check(
	    spec_nic("52:54:00:77:00:01", &err), "{\"mac\":\"52:54:00:77:00:01\"}", &err);
	check(spec_nic("m,ip=10.0.0.1,boot", &err),
	    "{\"mac\":\"m\",\"ip\":\"10.0.0.1\",\"boot\":true}", &err);
	check(
	    spec_nic("m,ip6=fd77::7", &err), "{\"mac\":\"m\",\"ip6\":\"fd77::7\"}", &err);
	check(spec_nic("", &err), NULL, &err);
	check(spec_nic("m,ip", &err), NULL, &err);
	check(spec_nic("m,ip=", &err), NULL, &err);
	check(spec_nic("m,boot=1", &err), NULL, &err);
	check(spec_nic("m,speed=1", &err), NULL, &err);
	check(spec_nic("m,", &err), NULL, &err);
}

static void
test_subnet(void **state UNUSED)
{
	struct error err;

	check(spec_subnet("10.0.0.0/24,gateway=10.0.0.1,dns=1.1.1.1,dns=9.9.9.9,"
			  "pool=10.0.0.5-10.0.0.9,lease=1h,domain=x.y,relay=10.1.0.1",
		  &err),
	    "{\"prefix\":\"10.0.0.0/"
	    "24\",\"gateway\":\"10.0.0.1\",\"dns\":[\"1.1.1.1\",\"9.9.9.9\"],"
	    "\"pool\":[\"10.0.0.5\",\"10.0.0.9\"],\"lease_s\":3600,\"domain\":\"x.y\","
	    "\"relay\":\"10.1.0.1\"}",
	    &err);
	check(spec_subnet(
		  "fd77::/64,dns=fd77::53,pool=fd77::1-fd77::9,ra=stateless,router=30m,"
		  "mtu=1400",
		  &err),
	    "{\"prefix\":\"fd77::/"
	    "64\",\"dns\":[\"fd77::53\"],\"pool\":[\"fd77::1\",\"fd77::9\"],"
	    "\"ra\":\"stateless\",\"router_s\":1800,\"mtu\":1400}",
	    &err);
	check(spec_subnet("p,router=0", &err), "{\"prefix\":\"p\",\"router_s\":0}", &err);
	check(spec_subnet("p,mtu=big", &err), NULL, &err);
	check(spec_subnet("p,mtu=-1", &err), NULL, &err);
	check(spec_subnet("p,pool=10.0.0.5", &err), NULL, &err);
	check(spec_subnet("p,pool=-10.0.0.5", &err), NULL, &err);
	check(spec_subnet("p,lease=soon", &err), NULL, &err);
}

static void
test_file(void **state UNUSED)
{
	struct error err;

	check(spec_file("d/x.squashfs,name=root", &err),
	    "{\"path\":\"d/x.squashfs\",\"name\":\"root\"}", &err);
	check(spec_file("d/preseed.cfg,template", &err),
	    "{\"path\":\"d/preseed.cfg\",\"template\":true}", &err);
	check(spec_file("d/vmlinuz,url=https://m.example/v?a=b", &err),
	    "{\"path\":\"d/vmlinuz\",\"url\":\"https://m.example/v?a=b\"}", &err);
}

typedef int
put(const char *s, json_t *obj, struct error *err);

static void
check_put(put *f, const char *s, const char *expected)
{
	json_t *obj = json_pack("{s:s}", "old", "1");
	struct error err = {.code = "usage"};
	int r = f(s, obj, &err);

	assert_true((r < 0) == (expected == NULL));
	if (r < 0) {
		json_decref(obj);
		obj = NULL;
	}
	check(obj, expected, &err);
}

static void
test_label(void **state UNUSED)
{
	check_put(spec_label, "role=cdn", "{\"old\":\"1\",\"role\":\"cdn\"}");
	check_put(spec_label, "a=b=c", "{\"old\":\"1\",\"a\":\"b=c\"}");
	check_put(spec_label, "old=", "{\"old\":null}");
	check_put(spec_label, "role", NULL);
	check_put(spec_label, "=x", NULL);
}

static void
test_loader(void **state UNUSED)
{
	check_put(
	    spec_loader, "x64-uefi=a/b.efi", "{\"old\":\"1\",\"x64-uefi\":\"a/b.efi\"}");
	check_put(spec_loader, "arch-9=a.efi", "{\"old\":\"1\",\"x64-uefi\":\"a.efi\"}");
	check_put(spec_loader, "arch-77=a", "{\"old\":\"1\",\"arch-77\":\"a\"}");
	check_put(spec_loader, "x86-bios=", "{\"old\":\"1\",\"x86-bios\":null}");
	check_put(spec_loader, "x86-bios", NULL);
	check_put(spec_loader, "=a.efi", NULL);
	check_put(spec_loader, "vax=a.efi", NULL);
	check_put(spec_loader, "a-very-long-name-of-an-architecture=a.efi", NULL);
}

static void
test_deadline(void **state UNUSED)
{
	check_put(spec_deadline, "kernel=10m", "{\"old\":\"1\",\"kernel\":600}");
	check_put(spec_deadline, "done=10m", NULL);
	check_put(spec_deadline, "kernels=10m", NULL);
	check_put(spec_deadline, "kernel", NULL);
	check_put(spec_deadline, "kernel=x", NULL);
	check_put(
	    spec_deadline, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=1", NULL);
}

static void
test_bmc(void **state UNUSED)
{
	check_put(spec_bmc, "10.0.0.1", "{\"old\":\"1\",\"address\":\"10.0.0.1\"}");
	check_put(spec_bmc, "bmc.example:6230",
	    "{\"old\":\"1\",\"address\":\"bmc.example\",\"port\":6230}");
	check_put(spec_bmc, "2001:db8::1", "{\"old\":\"1\",\"address\":\"2001:db8::1\"}");
	check_put(spec_bmc, "[2001:db8::1]:623",
	    "{\"old\":\"1\",\"address\":\"2001:db8::1\",\"port\":623}");
	check_put(
	    spec_bmc, "[2001:db8::1]", "{\"old\":\"1\",\"address\":\"2001:db8::1\"}");
	check_put(spec_bmc, "[2001:db8::1", NULL);
	check_put(spec_bmc, "x:0", NULL);
	check_put(spec_bmc, "", NULL);
	check_put(spec_bmc, "[]", NULL);
	check_put(spec_bmc, "[", NULL);
	check_put(spec_bmc, ":1", NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_nic),
	    cmocka_unit_test(test_subnet),
	    cmocka_unit_test(test_file),
	    cmocka_unit_test(test_label),
	    cmocka_unit_test(test_loader),
	    cmocka_unit_test(test_deadline),
	    cmocka_unit_test(test_bmc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
