/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/delta.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <zstd.h>

#include "lib/rng.h"
#include "lib/str.h"

enum { SIZE = 3000000, CHANGED = 30000 };

struct kit {
	char *old, *new, *delta;
	size_t delta_len;
	int old_fd, delta_fd, out;
	struct error err;
};

static int
file_of(const char *data, size_t len)
{
	int fd = memfd_create("delta_test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	return fd;
}

static int
setup(void **state)
{
	struct kit *k = str_alloc(sizeof(*k));
	struct rng rng = rng_seeded(5);
	ZSTD_CCtx *ctx = ZSTD_createCCtx();
	size_t room = ZSTD_compressBound(SIZE);

	k->old = str_alloc(SIZE);
	k->new = str_alloc(SIZE);
	k->delta = str_alloc(room);
	rng_bytes(&rng, k->old, SIZE);
	memcpy(k->new, k->old, SIZE);
	/* Some octets differ, and the second half has moved. */
	rng_bytes(&rng, k->new + 700000, CHANGED);
	memmove(k->new + SIZE / 2 + 100, k->new + SIZE / 2, SIZE / 2 - 100);
	ZSTD_CCtx_setParameter(ctx, ZSTD_c_windowLog, 24);
	ZSTD_CCtx_setParameter(ctx, ZSTD_c_enableLongDistanceMatching, 1);
	ZSTD_CCtx_refPrefix(ctx, k->old, SIZE);
	k->delta_len = ZSTD_compress2(ctx, k->delta, room, k->new, SIZE);
	ZSTD_freeCCtx(ctx);
	assert_false(ZSTD_isError(k->delta_len));
	assert_true(k->delta_len < 2 * CHANGED);
	k->old_fd = file_of(k->old, SIZE);
	k->delta_fd = file_of(k->delta, k->delta_len);
	k->out = memfd_create("delta_test", MFD_CLOEXEC);
	assert_int_equal(ftruncate(k->out, SIZE), 0);
	*state = k;
	return 0;
}

static int
teardown(void **state)
{
	struct kit *k = *state;

	close(k->old_fd);
	close(k->delta_fd);
	close(k->out);
	free(k->old);
	free(k->new);
	free(k->delta);
	free(k);
	return 0;
}

static void
the_new_file_comes_out(void **state)
{
	struct kit *k = *state;
	char *got = str_alloc(SIZE);

	assert_int_equal(delta_apply(k->old_fd, k->delta_fd, k->out, SIZE, &k->err), 0);
	assert_int_equal(pread(k->out, got, SIZE, 0), SIZE);
	assert_memory_equal(got, k->new, SIZE);
	free(got);
}

static void
of_another_size(void **state)
{
	struct kit *k = *state;

	assert_int_equal(ftruncate(k->out, SIZE - 1), 0);
	assert_int_equal(
	    delta_apply(k->old_fd, k->delta_fd, k->out, SIZE - 1, &k->err), -EBADMSG);
	assert_string_equal(k->err.code, "delta-unusable");
	assert_int_equal(
	    delta_apply(k->old_fd, k->delta_fd, k->out, SIZE, &k->err), -EBADMSG);
	assert_int_equal(ftruncate(k->out, 0), 0);
	assert_int_equal(delta_apply(k->old_fd, k->delta_fd, k->out, 0, &k->err), -EFBIG);
}

/* Cut short, or of octets that were changed on the way: an error or another file, never a crash. */
static void
damaged(void **state)
{
	struct kit *k = *state;
	struct rng rng = rng_seeded(9);
	int r;

	for (int i = 0; i < 200; i++) {
		off_t at = (off_t)rng_below(&rng, k->delta_len);
		uint8_t octet = (uint8_t)rng_below(&rng, 256);

		assert_int_equal(pwrite(k->delta_fd, &octet, 1, at), 1);
		r = delta_apply(k->old_fd, k->delta_fd, k->out, SIZE, &k->err);
		assert_true(r == 0 || r == -EBADMSG);
		assert_int_equal(pwrite(k->delta_fd, k->delta + at, 1, at), 1);
	}
	assert_int_equal(ftruncate(k->delta_fd, (off_t)k->delta_len / 2), 0);
	assert_int_equal(
	    delta_apply(k->old_fd, k->delta_fd, k->out, SIZE, &k->err), -EBADMSG);
}

static void
what_is_made_can_be_used(void **state)
{
	struct kit *k = *state;
	int new = file_of(k->new, SIZE), made = file_of("", 0);
	char *back = str_alloc(SIZE);
	int64_t size = 0;

	assert_int_equal(delta_make(k->old_fd, new, made, SIZE / 2, &size, &k->err), 0);
	assert_in_range(size, CHANGED, 2 * CHANGED);
	assert_int_equal(lseek(made, 0, SEEK_END), size);
	assert_int_equal(delta_apply(k->old_fd, made, k->out, SIZE, &k->err), 0);
	assert_int_equal(pread(k->out, back, SIZE, 0), SIZE);
	assert_memory_equal(back, k->new, SIZE);
	free(back);
	close(made);
	close(new);
}

static void
one_that_would_be_large_is_not_made(void **state)
{
	struct kit *k = *state;
	int new = file_of(k->new, SIZE), made = file_of("", 0), none = file_of("", 0);
	int64_t size = 0;

	assert_int_equal(
	    delta_make(k->old_fd, new, made, CHANGED / 2, &size, &k->err), -E2BIG);
	assert_int_equal(delta_make(none, new, made, SIZE / 2, &size, &k->err), -EFBIG);
	assert_string_equal(k->err.code, "delta-unusable");
	close(none);
	close(made);
	close(new);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(what_is_made_can_be_used, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		one_that_would_be_large_is_not_made, setup, teardown),
	    cmocka_unit_test_setup_teardown(the_new_file_comes_out, setup, teardown),
	    cmocka_unit_test_setup_teardown(of_another_size, setup, teardown),
	    cmocka_unit_test_setup_teardown(damaged, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
