/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What bootd is given of a site's menu: whatever the orchestrator sent, nothing that needs a ticket. */
#include "agent/menu.h"

#include "tests/unit/agent/job_fixture.h"

struct told {
	unsigned n;
	char image[BUNDLE_NAME_SIZE], code[ERROR_CODE_SIZE];
};

static void
on_left_out(void *arg, const char *image, const struct error *why)
{
	struct told *t = arg;

	t->n++;
	str_clip(t->image, sizeof(t->image), image);
	str_clip(t->code, sizeof(t->code), why->code);
}

static struct bundle_image
make_image(const char *name, const char *kind, const char *args)
{
	struct bundle_image b = {.n_files = 0};

	str_clip(b.name, sizeof(b.name), name);
	str_clip(b.kind, sizeof(b.kind), kind);
	str_clip(b.args, sizeof(b.args), args);
	str_clip(b.kernel.name, sizeof(b.kernel.name), "vmlinuz");
	return b;
}

static void
fills_in_and_leaves_out(void **state)
{
	struct bundle_image images[] = {make_image("a", "live", "s=${site.server}"),
	    make_image("wipe", "reinstall", ""), make_image("b", "tool", "")};
	struct bundle_site *site = str_alloc(sizeof(*site));
	struct told told = {.n = 0};
	struct bundle_image *out;
	size_t n = 0;

	(void)state;
	str_clip(site->name, sizeof(site->name), "los");
	site->menu_images = images;
	site->n_menu_images = ARRAY_SIZE(images);
	out = menu_expand(
	    site, "http://10.77.0.1", "/srv/netboot/images", on_left_out, &told, &n);
	assert_int_equal(n, 0); /* there is no menu */
	free(out);
	bundle_menu_init(&site->menu);
	out = menu_expand(
	    site, "http://10.77.0.1", "/srv/netboot/images", on_left_out, &told, &n);
	assert_int_equal(n, 2);
	assert_string_equal(out[0].args, "s=10.77.0.1");
	assert_string_equal(out[1].name, "b");
	assert_int_equal(told.n, 1);
	assert_string_equal(told.image, "wipe");
	assert_string_equal(told.code, "menu-image");
	free(out);
	/* Nobody knows the address of the site's server: what names it is left out. */
	out = menu_expand(site, NULL, "/srv/netboot/images", on_left_out, &told, &n);
	assert_int_equal(n, 1);
	assert_string_equal(out[0].name, "b");
	assert_int_equal(told.n, 3);
	free(out);
	free(site);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fills_in_and_leaves_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
