/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The paths that the menu names. */
#include "boot-services/policy.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/boot-services/fixture.h"
#include "tests/unit/menu_kit.h"

static void
paths_of_the_menu(void **state UNUSED)
{
	static const struct {
		const char *path;
		enum policy_path what;
		const char *file;
	} rows[] = {
	    {"/script.ipxe", POLICY_PATH_MENU, ""},
	    {"/scripts/script.ipxe", POLICY_PATH_MENU, ""},
	    {"/m/grml/vmlinuz", POLICY_PATH_IMAGE, "d/kernel"},
	    {"/m/grml/initrd.img", POLICY_PATH_IMAGE, "d/initrd"},
	    {"/m/grml/root.sqfs", POLICY_PATH_IMAGE, "d/root"},
	    {"/m/grml/other", POLICY_PATH_NONE, ""},
	    {"/m/grml/", POLICY_PATH_NONE, ""},
	    {"/m/grml", POLICY_PATH_NONE, ""},
	    {"/m/", POLICY_PATH_NONE, ""},
	    {"/m//vmlinuz", POLICY_PATH_NONE, ""},
	    {"/m/local/vmlinuz", POLICY_PATH_NONE, ""},
	    {"/m/install/linux", POLICY_PATH_NONE, ""},
	    {"/m/install/initrd.gz", POLICY_PATH_NONE, ""},
	    {"/autoexec.ipxe", POLICY_PATH_AUTOEXEC, "autoexec.ipxe"},
	    {"/loaders/x/AutoExec.IPXE", POLICY_PATH_AUTOEXEC, "x/AutoExec.IPXE"},
	    {"/m/autoexec.ipxe", POLICY_PATH_NONE, ""},
	    /* No script of its own, the menu follows; an order goes first. */
	    {"/script.ipxe-52:54:00:00:00:01", POLICY_PATH_NONE, ""},
	    {"/script.ipxe-52:54:00:00:00:09", POLICY_PATH_NONE, ""},
	    {"/script.ipxe-52:54:00:00:00:02", POLICY_PATH_SCRIPT,
		"script.ipxe-52:54:00:00:00:01"},
	    {"/script.ipxe-52:54:00:00:00:03", POLICY_PATH_IDLE, ""},
	    {"/local.ipxe-52-54-00-00-00-01", POLICY_PATH_IDLE, ""},
	    {"/local.ipxe-52-54-00-00-00-09", POLICY_PATH_NONE, ""},
	    {"/local.ipxe-xx", POLICY_PATH_NONE, ""},
	};
	struct hosttab *t = hosttab_new();
	struct bootd_config *cfg = str_alloc(sizeof(*cfg));
	struct bundle_site *s = menu_kit_site(), *bare = str_alloc(sizeof(*bare));
	struct bundle_host h[] = {
	    fixture_host("a", 1), fixture_host("b", 2), fixture_host("c", 3)};
	struct bootd_msg_boot *boot = fixture_boot("t1");
	struct error err;
	struct policy_http p;

	bare->answer_unknown = true;
	bare->idle = h[0].idle = h[1].idle = BUNDLE_IDLE_MENU;
	hosttab_set_site(t, bare);
	policy_http(t, cfg, "/script.ipxe", &p);
	assert_int_equal(p.what, POLICY_PATH_NONE);
	hosttab_set_menu(t, &s->menu);
	for (size_t i = 0; i < s->n_menu_images; i++)
		assert_int_equal(hosttab_add_menu_image(t, &s->menu_images[i], &err),
		    i == 3 ? -EINVAL : 0);
	for (size_t i = 0; i < ARRAY_SIZE(h); i++)
		assert_int_equal(hosttab_put(t, &h[i], i == 1 ? boot : NULL, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		policy_http(t, cfg, rows[i].path, &p);
		if (p.what != rows[i].what)
			fail_msg("%s: %d, not %d", rows[i].path, p.what, rows[i].what);
		assert_string_equal(p.file, rows[i].file);
		assert_string_not_equal(p.reason, "");
	}
	hosttab_free(t);
	free(cfg);
	free(boot);
	free(bare);
	menu_kit_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(paths_of_the_menu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
