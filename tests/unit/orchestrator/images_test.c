/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/images.h"

#include "fixture.h"
#include "tests/unit/open_files.h"

static void
files_are_hashed_beneath_the_root(void **state)
{
	static const char *const paths[] = {
	    "vmlinuz", "vmlinuz", "absent", "../key", "link", "sub", "/etc/hostname"};
	struct fixture *f = *state;
	char path[160], want[DIGEST_TEXT];

	snprintf(path, sizeof(path), "%s/link", f->root);
	assert_int_equal(symlink("../key", path), 0);
	snprintf(path, sizeof(path), "%s/sub", f->root);
	assert_int_equal(mkdir(path, 0755), 0);
	fixture_hash(f, paths, ARRAY_SIZE(paths));
	digest_sha256("kernel", 6, want);
	assert_string_equal(images_find(f->hashes, "vmlinuz")->sha256, want);
	assert_int_equal(images_find(f->hashes, "vmlinuz")->size, 6);
	assert_string_equal(images_find(f->hashes, "absent")->err.code, "image-missing");
	for (size_t i = 3; i < ARRAY_SIZE(paths); i++) {
		const struct images_file *file = images_find(f->hashes, paths[i]);
		assert_string_equal(file->sha256, "");
		assert_string_equal(file->err.code, "image-unreadable");
	}
	assert_null(images_find(f->hashes, "never asked"));
	assert_null(images_find(NULL, "vmlinuz"));
}

/* More files than the work queue takes: each is read all the same. */
static void
a_batch_may_be_larger_than_the_queue(void **state)
{
	enum { N = WORKQ_MAX + 100 };
	struct fixture *f = *state;
	char **paths = str_alloc(N * sizeof(paths[0]));

	for (size_t i = 0; i < N; i++) {
		paths[i] = str_alloc(16);
		snprintf(paths[i], 16, "f%zu", i);
		fixture_file(f, paths[i], "x");
	}
	fixture_hash(f, (const char *const *)paths, N);
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(images_find(f->hashes, paths[i])->size, 1);
		free(paths[i]);
	}
	free(paths);
}

/* A day's work, if it were waited for. What was not read to its end has no digest. */
static void
an_end_does_not_wait_for_a_huge_file(void **state)
{
	struct fixture *f = *state;
	struct event_base *base = event_base_new();
	struct workq *q = workq_new(base, 1);
	struct store_names names = {0};
	char path[160];

	fixture_file(f, "huge", "");
	snprintf(path, sizeof(path), "%s/huge", f->root);
	assert_int_equal(truncate(path, (off_t)1 << 42), 0);
	store_names_add(&names, "huge");
	images_hashes_free(f->hashes);
	f->hashes = NULL;
	assert_int_equal(images_hash(q, f->root, &names, fixture_keep_hashes, f), 0);
	while (!open_files_have(path))
		;
	workq_free(q);
	assert_non_null(f->hashes);
	assert_string_equal(images_find(f->hashes, "huge")->sha256, "");
	assert_string_equal(images_find(f->hashes, "huge")->err.code, "image-unreadable");
	store_names_done(&names);
	event_base_free(base);
}

static void
paths_of_an_image_are_collected(void **state)
{
	struct store_names paths = {0};
	json_t *v = fixture_json("{'kernel':{'path':'k'},'initrds':[{'path':'i'},3,{}],'"
				 "files':[{'path':'f'}],'x':1}");

	(void)state;
	images_paths(v, &paths);
	assert_int_equal(paths.n, 3);
	assert_string_equal(paths.v[2], "f");
	store_names_done(&paths);
	json_decref(v);
}

static void
sizes_are_compared(void **state)
{
	struct fixture *f = *state;
	struct error err;

	assert_int_equal(images_check(f->root, "vmlinuz", 6, &err), 0);
	assert_int_equal(images_check(f->root, "vmlinuz", 7, &err), -EBADMSG);
	assert_string_equal(err.code, "image-altered");
	assert_int_equal(images_check(f->root, "absent", 7, &err), -ENOENT);
	assert_true(images_check("/nonexistent", "x", 7, &err) < 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(files_are_hashed_beneath_the_root),
	    FIXTURE_TEST(a_batch_may_be_larger_than_the_queue),
	    FIXTURE_TEST(an_end_does_not_wait_for_a_huge_file),
	    FIXTURE_TEST(paths_of_an_image_are_collected),
	    FIXTURE_TEST(sizes_are_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
