/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/db_image.h"

#include "fixture.h"
#include "lib/json.h"

static void
fill_file(struct bundle_file *f, const char *name, int64_t size)
{
	str_clip(f->name, sizeof(f->name), name);
	assert_int_equal(str_format(f->path, sizeof(f->path), "debian/%s", name), 0);
	memset(f->sha256, 'a', 64);
	f->size = size;
}

static struct bundle_image *
make(const char *name, const char *kind)
{
	struct bundle_image *b = str_alloc(sizeof(*b));

	str_clip(b->name, sizeof(b->name), name);
	str_clip(b->kind, sizeof(b->kind), kind);
	str_clip(b->args, sizeof(b->args), "auto url=${report}");
	fill_file(&b->kernel, "vmlinuz", 7);
	b->n_initrds = 2;
	fill_file(&b->initrds[0], "z.gz", 1);
	fill_file(&b->initrds[1], "a.gz", 5000000000);
	b->n_files = 1;
	fill_file(&b->files[0], "root.squashfs", 3);
	b->files[0].template = true;
	str_clip(b->initrds[1].url, sizeof(b->initrds[1].url), "https://m.example/a.gz");
	str_clip(b->nfs_root, sizeof(b->nfs_root), "debian/root");
	b->reports_up = b->reports_booted = b->local_boot = true;
	return b;
}

static void
put(struct store *s, const struct bundle_image *b)
{
	fixture_begin(s);
	assert_int_equal(db_image_put(s, b, FIXTURE_NOW), 0);
	fixture_commit(s);
}

static void
an_image_comes_back_as_it_was_put(void **state)
{
	struct store *s = *state;
	struct bundle_image *b = make("debian", "reinstall");
	struct db_image *got = str_alloc(sizeof(*got));

	put(s, b);
	assert_int_equal(db_image_get(s, "debian", got), 0);
	assert_memory_equal(
	    &got->image, b, sizeof(*b)); /* also the order of the initrds */
	b->deadlines = json_pack("{s:i}", "kernel", 60);
	put(s, b);
	assert_int_equal(db_image_get(s, "debian", got), 0);
	assert_int_equal(got->rev, FIXTURE_NOW + 1);
	assert_true(json_equal(got->image.deadlines, b->deadlines));
	db_image_done(got);
	assert_null(got->image.deadlines);
	assert_int_equal(db_image_get(s, "other", got), -ENOENT);
	json_decref(b->deadlines);
	free(b);
	free(got);
}

static void
fewer_files_replace_more(void **state)
{
	struct store *s = *state;
	struct bundle_image *b = make("debian", "live");
	struct db_image *got = str_alloc(sizeof(*got));

	put(s, b);
	b->n_initrds = 0;
	b->n_files = 0;
	put(s, b);
	assert_int_equal(db_image_get(s, "debian", got), 0);
	assert_int_equal(got->image.n_initrds, 0);
	assert_int_equal(got->image.n_files, 0);
	assert_string_equal(got->image.kernel.name, "vmlinuz");
	free(b);
	free(got);
}

static void
two_files_of_one_name_are_impossible(void **state)
{
	struct store *s = *state;
	struct bundle_image *b = make("debian", "live");

	fill_file(&b->files[0], "vmlinuz", 1);
	fixture_begin(s);
	assert_int_equal(db_image_put(s, b, FIXTURE_NOW), -EEXIST);
	db_rollback(store_db(s));
	free(b);
}

static void
images_are_found_by_kind_and_kept_while_used(void **state)
{
	struct store *s = *state;
	struct store_names names = {0};
	struct bundle_image *a = make("a", "live"), *b = make("b", "reinstall");
	struct db_host *h = fixture_make_host("edge01", "los", 1);

	put(s, a);
	put(s, b);
	assert_int_equal(db_image_names_of_kind(s, "live", &names), 0);
	assert_int_equal(names.n, 1);
	assert_string_equal(names.v[0], "a");
	store_names_done(&names);
	assert_int_equal(db_image_names(s, "a", 9, &names), 0);
	assert_int_equal(names.n, 1);
	store_names_done(&names);
	fixture_site(s, "los");
	str_clip(h->image, sizeof(h->image), "b");
	assert_int_equal(fixture_put_host(s, h), 0);
	assert_int_equal(db_image_delete(s, "b"), -ENOLINK);
	assert_int_equal(db_image_delete(s, "a"), 0);
	assert_int_equal(db_image_exists(s, "a"), 0);
	assert_int_equal(db_image_exists(s, "b"), 1);
	free(a);
	free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(an_image_comes_back_as_it_was_put),
	    FIXTURE_TEST(fewer_files_replace_more),
	    FIXTURE_TEST(two_files_of_one_name_are_impossible),
	    FIXTURE_TEST(images_are_found_by_kind_and_kept_while_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
