/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/store_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/store_survey.h"
#include "lib/compiler.h"
#include "lib/digest.h"
#include "lib/str.h"

static const char text[] = "the octets of a kernel, as it were";
enum { LEN = sizeof(text) - 1 };

struct kit {
	char root[64], sha256[DIGEST_TEXT], known[80];
	struct error err;
};

static int
setup(void **state)
{
	struct kit *k = str_alloc(sizeof(*k));

	snprintf(k->root, sizeof(k->root), "/tmp/store_disk_testXXXXXX");
	assert_non_null(mkdtemp(k->root));
	snprintf(k->known, sizeof(k->known), "%s.known", k->root);
	digest_sha256(text, LEN, k->sha256);
	assert_int_equal(store_disk_open(k->root, &k->err), 0);
	assert_int_equal(store_disk_open(k->root, &k->err), 0);
	*state = k;
	return 0;
}

static int
remove_one(const char *path, const struct stat *st UNUSED, int flag UNUSED,
    struct FTW *ftw UNUSED)
{
	return remove(path);
}

static int
teardown(void **state)
{
	struct kit *k = *state;

	assert_int_equal(nftw(k->root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
	unlink(k->known);
	free(k);
	return 0;
}

static int
prepare(struct kit *k, struct store_ranges *have)
{
	int fd = -1;

	assert_int_equal(
	    store_disk_prepare(k->root, k->sha256, LEN, &fd, have, &k->err), 0);
	return fd;
}

static bool
exists(const struct kit *k, const char *suffix)
{
	char path[STORE_DISK_PATH_SIZE];

	return access(store_disk_part(k->root, k->sha256, suffix, path), F_OK) == 0;
}

static void
what_was_recorded_is_there_after(void **state)
{
	struct kit *k = *state;
	struct store_ranges have;
	struct stat st;
	int fd = prepare(k, &have);

	assert_int_equal(have.n, 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, LEN);
	assert_int_equal(pwrite(fd, text, 10, 0), 10);
	assert_int_equal(
	    store_disk_record(k->root, k->sha256, LEN, fd, "0-10\n20-21\n"), 0);
	close(fd);
	fd = prepare(k, &have);
	assert_int_equal(store_ranges_total(&have), 11);
	assert_int_equal(have.r[1].from, 20);
	store_ranges_done(&have);
	close(fd);
}

static void
a_record_of_something_else_is_none(void **state)
{
	static const char *const bad[] = {"size 35\n0-10\n", "size 34\n0-99\n",
	    "size 34\n0-1", "", "junk", "size 34\n5-3\n"};
	struct kit *k = *state;
	char path[STORE_DISK_PATH_SIZE];
	struct store_ranges have;

	assert_int_equal(LEN, 34);
	close(prepare(k, &have));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		FILE *f = fopen(store_disk_part(k->root, k->sha256, ".map", path), "w");

		fputs(bad[i], f);
		fclose(f);
		close(prepare(k, &have));
		assert_int_equal(have.n, 0);
	}
	/* A file of another length was not what the record spoke of. */
	assert_int_equal(truncate(store_disk_part(k->root, k->sha256, "", path), 5), 0);
	FILE *f = fopen(store_disk_part(k->root, k->sha256, ".map", path), "w");
	fputs("size 34\n0-34\n", f);
	fclose(f);
	close(prepare(k, &have));
	assert_int_equal(have.n, 0);
}

static void
only_the_right_file_is_placed(void **state)
{
	struct kit *k = *state;
	char path[STORE_DISK_PATH_SIZE];
	struct store_ranges have;
	struct stat st;
	int fd = prepare(k, &have);

	assert_int_equal(
	    store_disk_check(k->root, k->sha256, fd, true, NULL, &k->err), -EBADMSG);
	assert_string_equal(k->err.code, "image-altered");
	assert_true(exists(k, ""));
	assert_int_equal(pwrite(fd, text, LEN, 0), LEN);
	assert_int_equal(
	    store_disk_check(k->root, k->sha256, fd, true, NULL, &k->err), 0);
	close(fd);
	assert_false(exists(k, "") || exists(k, ".map"));
	assert_int_equal(stat(store_disk_object(k->root, k->sha256, path), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0444);
}

/* ---- surveys ---- */

static struct store_survey *
survey_of(struct kit *k, struct store_known *known, const char *path)
{
	struct store_survey *s = str_alloc(sizeof(*s));

	str_clip(s->root, sizeof(s->root), k->root);
	s->known = known;
	s->items = str_alloc(sizeof(s->items[0]));
	s->n_items = 1;
	str_clip(s->items[0].sha256, DIGEST_TEXT, k->sha256);
	s->items[0].size = LEN;
	assert_true(store_msg_texts_add(&s->items[0].paths, path));
	return s;
}

static struct store_survey *
survey(struct kit *k, struct store_known *known, const char *path)
{
	struct store_survey *s = survey_of(k, known, path);

	store_survey_run(s);
	return s;
}

static void
names_are_given_and_those_of_others_kept(void **state)
{
	struct kit *k = *state;
	struct store_known *known = store_known_new(k->known);
	struct store_ranges have;
	struct store_survey *s;
	char path[128];
	struct stat st;
	int fd = prepare(k, &have);

	/* Not there at all. */
	s = survey(k, known, "d/kernel");
	assert_true(!s->items[0].held && s->items[0].why.code[0] == '\0');
	snprintf(path, sizeof(path), "%s/d", k->root);
	assert_int_equal(access(path, F_OK), -1);
	store_survey_free(s);
	/* In the store: under its name, however deep. */
	assert_int_equal(pwrite(fd, text, LEN, 0), LEN);
	assert_int_equal(
	    store_disk_check(k->root, k->sha256, fd, true, NULL, &k->err), 0);
	close(fd);
	s = survey(k, known, "d/deep/kernel");
	assert_true(s->items[0].held && s->items[0].object && !s->items[0].here);
	snprintf(path, sizeof(path), "%s/d/deep/kernel", k->root);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_nlink, 2);
	store_survey_free(s);
	/* Not in the store itself, nor behind a link. */
	s = survey(k, known, ".store/part/x");
	assert_false(s->items[0].held);
	assert_string_equal(s->items[0].why.code, "store-disk");
	store_survey_free(s);
	snprintf(path, sizeof(path), "%s/away", k->root);
	assert_int_equal(symlink("/tmp", path), 0);
	s = survey(k, known, "away/kernel");
	assert_false(s->items[0].held);
	store_survey_free(s);
	store_known_free(known);
}

static void
place(struct kit *k)
{
	struct store_ranges have;
	int fd = prepare(k, &have);

	assert_int_equal(pwrite(fd, text, LEN, 0), LEN);
	assert_int_equal(
	    store_disk_check(k->root, k->sha256, fd, true, NULL, &k->err), 0);
	close(fd);
}

/* A name more changes the time by which a job knows that its file is what it was. */
static void
a_file_in_use_gets_no_further_name(void **state)
{
	struct kit *k = *state;
	struct store_known *known = store_known_new(k->known);
	struct store_survey *s;
	char path[128];
	struct stat before, after;

	place(k);
	s = survey(k, known, "a/kernel");
	assert_true(s->items[0].held);
	store_survey_free(s);
	snprintf(path, sizeof(path), "%s/a/kernel", k->root);
	assert_int_equal(stat(path, &before), 0);
	s = survey_of(k, known, "a/kernel");
	assert_true(store_msg_texts_add(&s->items[0].paths, "b/kernel"));
	s->used = str_alloc(sizeof(s->used[0]));
	memcpy(s->used[s->n_used++], k->sha256, DIGEST_TEXT);
	store_survey_run(s);
	assert_false(s->items[0].held);
	assert_string_equal(s->items[0].why.code, "image-in-use");
	assert_int_equal(stat(path, &after), 0);
	assert_memory_equal(&before.st_ctim, &after.st_ctim, sizeof(before.st_ctim));
	store_survey_free(s);
	s = survey_of(k, known, "a/kernel");
	assert_true(store_msg_texts_add(&s->items[0].paths, "b/kernel"));
	store_survey_run(s);
	assert_true(s->items[0].held);
	store_survey_free(s);
	store_known_free(known);
}

/* Of one that has no name yet the job finds none: it is there as soon as it has come. */
static void
a_file_in_use_gets_its_first_name(void **state)
{
	struct kit *k = *state;
	struct store_known *known = store_known_new(k->known);
	struct store_survey *s;

	place(k);
	s = survey_of(k, known, "a/kernel");
	s->used = str_alloc(sizeof(s->used[0]));
	memcpy(s->used[s->n_used++], k->sha256, DIGEST_TEXT);
	store_survey_run(s);
	assert_true(s->items[0].held);
	store_survey_free(s);
	store_known_free(known);
}

/* Somebody wrote into one of its names. */
static void
what_was_altered_in_the_store_goes(void **state)
{
	struct kit *k = *state;
	struct store_known *known = store_known_new(k->known);
	struct store_survey *s;
	char path[128];
	int fd;

	place(k);
	s = survey(k, known, "a/kernel");
	store_survey_free(s);
	assert_int_equal(store_survey_doubt(k->root, k->sha256, NULL), 0);
	snprintf(path, sizeof(path), "%s/a/kernel", k->root);
	assert_int_equal(chmod(path, 0644), 0);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "x", 1, 3), 1);
	close(fd);
	assert_int_equal(store_survey_doubt(k->root, k->sha256, NULL), 1);
	assert_int_equal(access(path, F_OK), -1);
	s = survey(k, known, "a/kernel");
	assert_true(!s->items[0].held && !s->items[0].object);
	store_survey_free(s);
	assert_int_equal(store_survey_doubt(k->root, k->sha256, NULL), -ENOENT);
	store_known_free(known);
}

static void
what_others_put_there_is_read_once(void **state)
{
	struct kit *k = *state;
	struct store_known *known = store_known_new(k->known);
	struct store_survey *s;
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/kernel", k->root);
	f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
	s = survey(k, known, "kernel");
	assert_string_equal(s->items[0].unread, "kernel");
	store_survey_free(s);
	assert_int_equal(store_survey_read(k->root, "kernel", known, NULL), 0);
	s = survey(k, known, "kernel");
	assert_true(s->items[0].held && s->items[0].here);
	store_survey_free(s);
	/* Also by the next program; another content is another file. */
	store_known_free(known);
	known = store_known_new(k->known);
	s = survey(k, known, "kernel");
	assert_true(s->items[0].held);
	store_survey_free(s);
	f = fopen(path, "w");
	fputs("the octets of a kernel, as it wasn", f);
	fclose(f);
	assert_int_equal(store_survey_read(k->root, "kernel", known, NULL), 0);
	s = survey(k, known, "kernel");
	assert_false(s->items[0].held);
	assert_string_equal(s->items[0].why.code, "image-altered");
	store_survey_free(s);
	store_known_free(known);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		what_was_recorded_is_there_after, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_record_of_something_else_is_none, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		only_the_right_file_is_placed, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		names_are_given_and_those_of_others_kept, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_file_in_use_gets_no_further_name, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_file_in_use_gets_its_first_name, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		what_was_altered_in_the_store_goes, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		what_others_put_there_is_read_once, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
