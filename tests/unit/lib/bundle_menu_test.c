/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A site's menu as a document, and what may stand in one. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/bundle.h"
#include "lib/json.h"
#include "lib/str.h"

#define SHA "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static json_t *
parse(const char *text)
{
	struct error err;
	json_t *v = json_parse(text, strlen(text), &err);

	assert_non_null(v);
	return v;
}

static void
members_and_defaults(void **state)
{
	static struct bundle_menu m;
	struct error err;
	json_t *v = parse("{\"menu\":{\"items\":[\"grml\",\"shell\"]}}"),
	       *again = json_object();

	(void)state;
	assert_int_equal(bundle_menu_from_json(v, &m, &err), 0);
	assert_true(m.set);
	assert_string_equal(m.keymap, "us");
	assert_string_equal(m.def, "local");
	assert_int_equal(m.timeout_s, 5);
	assert_int_equal(m.n_items, 2);
	assert_true(bundle_menu_has(&m, "grml"));
	assert_false(bundle_menu_has(&m, "local"));
	bundle_menu_put(again, &m);
	json_decref(v);
	v = parse("{\"menu\":{\"keymap\":\"us\",\"timeout_s\":5,\"default\":"
		  "\"local\",\"items\":[\"grml\",\"shell\"]}}");
	assert_true(json_equal(v, again));
	json_decref(again);
	json_decref(v);
	v = parse("{\"menu\":null}");
	assert_int_equal(bundle_menu_from_json(v, &m, &err), 0);
	assert_false(m.set);
	again = json_object();
	bundle_menu_put(again, &m);
	assert_int_equal(json_object_size(again), 0);
	json_decref(again);
	json_decref(v);
}

static void
bad_members_are_named(void **state)
{
	static const struct {
		const char *menu, *wrong;
	} rows[] = {
	    {"[]", "menu"},
	    {"{\"items\":[\"a b\"]}", "menu: items[0]"},
	    {"{\"items\":[\"a\",7]}", "menu: items[1]"},
	    {"{\"items\":[\"a\",\"a\"]}", "is there twice"},
	    {"{\"items\":[\"a\"],\"default\":\"b\"}", "menu: default"},
	    {"{\"timeout_s\":-1}", "menu: timeout_s"},
	    {"{\"timeout_s\":86401}", "menu: timeout_s"},
	    {"{\"keymap\":\"us || exit\"}", "menu: keymap"},
	    {"{\"title\":\"a ${b}\"}", "menu: title"},
	    {"{\"title\":\"a || exit\"}", "menu: title"},
	    {"{\"title\":\"two\\nlines\"}", "menu: title"},
	};
	static struct bundle_menu m;
	struct error err;
	char text[128];

	(void)state;
	m.timeout_s = 77;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(text, sizeof(text), "{\"menu\":%s}", rows[i].menu);
		json_t *v = parse(text);

		assert_int_equal(bundle_menu_from_json(v, &m, &err), -EINVAL);
		if (strstr(err.text, rows[i].wrong) == NULL)
			fail_msg("%s: %s", rows[i].menu, err.text);
		assert_int_equal(m.timeout_s, 77);
		json_decref(v);
	}
}

static struct bundle_image
image(const char *kind, const char *args)
{
	struct bundle_image b = {.n_files = 1, .n_initrds = 1};

	str_clip(b.name, sizeof(b.name), "grml");
	str_clip(b.kind, sizeof(b.kind), kind);
	str_clip(b.args, sizeof(b.args), args);
	str_clip(b.kernel.name, sizeof(b.kernel.name), "vmlinuz");
	str_clip(b.initrds[0].name, sizeof(b.initrds[0].name), "initrd.img");
	str_clip(b.files[0].name, sizeof(b.files[0].name), "root.sqfs");
	return b;
}

static void
refused(const struct bundle_image *b, const char *wrong)
{
	struct error err = {.text = ""};

	assert_int_equal(bundle_menu_fits(b, &err), -EINVAL);
	assert_string_equal(err.code, "menu-image");
	assert_string_not_equal(err.next, "");
	assert_non_null(strstr(err.text, wrong));
}

static void
only_what_needs_no_ticket_fits(void **state)
{
	static const char *const good[] = {"", "fetch=${file.root.sqfs} quiet",
	    "a=${image.name} b=${site.name} c=${site.url} d=${site.server} e=${mac} "
	    "f=01-${mac.hexhyp}",
	    "setkmap=$${kbmap}", "archiso_http_srv=${files}/",
	    "ip=${net.dhcp} ip=${net.ip} ip6=${net.ip6}"};
	static const char *const bad[] = {"${report}", "x=${token}", "${host.name}",
	    "${host.label.role}", "${ip}", "${no.such}"};
	struct bundle_image b;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		b = image(i % 2 ? "live" : "rescue", good[i]);
		assert_int_equal(bundle_menu_fits(&b, NULL), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		b = image("tool", bad[i]);
		refused(&b, "which only a job has");
	}
	b = image("reinstall", "");
	refused(&b, "reinstall");
	b = image("", "");
	refused(&b, "which a menu never shows");
	b = image("tool", "${open");
	refused(&b, "arguments");
	b = image("live", "");
	b.files[0].template = true;
	refused(&b, "made for each job");
	b = image("live", "");
	str_clip(b.initrds[0].name, sizeof(b.initrds[0].name), "a:b");
	refused(&b, "a:b");
	/* Filled in, it has settings of iPXE's that are no names of ours. */
	b = image("live", "BOOTIF=01-${netX/mac:hexhyp} ${kbmap}");
	refused(&b, "arguments");
	assert_int_equal(bundle_menu_allows(&b, NULL), 0);
	b = image("tool", "");
	str_clip(b.name, sizeof(b.name), "shell");
	refused(&b, "built-in");
}

static void
firmware_by_the_kernels_name(void **state)
{
	static const struct {
		const char *name;
		int firmware;
	} rows[] = {{"vmlinuz", -1}, {"shellx64.efi", BUNDLE_UEFI},
	    {"SHELL.EFI", BUNDLE_UEFI}, {"memdisk", BUNDLE_BIOS},
	    {"memtest86+x64.bin", BUNDLE_BIOS}, {"pxelinux.0", BUNDLE_BIOS},
	    {"ipxe.lkrn", BUNDLE_BIOS}, {".efi", -1}, {"mt86p_800_x86_64", -1}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bundle_image b = image("tool", "");

		str_clip(b.kernel.name, sizeof(b.kernel.name), rows[i].name);
		assert_int_equal(bundle_menu_firmware(&b), rows[i].firmware);
	}
}

/* The snapshot that an agent gets: one bad image does not stop it, and is not in it. */
static void
snapshots_leave_out_what_does_not_fit(void **state)
{
	static struct bundle_site s;
	struct bundle_image images[] = {image("live", ""), image("reinstall", ""),
	    image("live", "${token}"), image("tool", "")};
	static struct bundle_site from;
	struct error err = {.text = ""};
	json_t *v;

	(void)state;
	str_clip(from.name, sizeof(from.name), "los");
	bundle_menu_init(&from.menu);
	for (size_t i = 0; i < ARRAY_SIZE(images); i++) {
		struct bundle_file *files[] = {
		    &images[i].kernel, &images[i].initrds[0], &images[i].files[0]};

		for (size_t k = 0; k < ARRAY_SIZE(files); k++) {
			str_clip(files[k]->path, sizeof(files[k]->path), "a/b");
			str_clip(files[k]->sha256, sizeof(files[k]->sha256), SHA);
		}
	}
	str_clip(images[3].name, sizeof(images[3].name), "tool");
	from.menu_images = images;
	from.n_menu_images = ARRAY_SIZE(images);
	v = bundle_site_to_json(&from);
	if (bundle_site_from_json(v, &s, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(s.menu.set);
	assert_int_equal(s.n_menu_images, 2);
	assert_string_equal(s.menu_images[0].name, "grml");
	assert_string_equal(s.menu_images[1].name, "tool");
	bundle_site_done(&s);
	json_decref(v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(members_and_defaults),
	    cmocka_unit_test(bad_members_are_named),
	    cmocka_unit_test(only_what_needs_no_ticket_fits),
	    cmocka_unit_test(firmware_by_the_kernels_name),
	    cmocka_unit_test(snapshots_leave_out_what_does_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
