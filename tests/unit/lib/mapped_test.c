/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/mapped.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/str.h"

enum { SIZE = 100000 };

static int
file_of(size_t len)
{
	int fd = memfd_create("mapped_test", MFD_CLOEXEC);
	char *data = str_alloc(len + 1);

	assert_true(fd >= 0);
	memset(data, 'x', len);
	assert_int_equal(write(fd, data, len), len);
	free(data);
	return fd;
}

static size_t
count(const struct mapped *m)
{
	const volatile char *at = m->at;
	size_t n = 0;

	for (size_t i = 0; i < m->len; i++)
		n += at[i] == 'x';
	return n;
}

static void
one_that_is_cut_is_zeros_and_known_to_be(void **state)
{
	int fd = file_of(SIZE), other = file_of(SIZE);
	struct mapped m = {0}, o = {0};

	(void)state;
	assert_int_equal(mapped_open(fd, PROT_READ, SIZE, &m), 0);
	assert_int_equal(mapped_open(other, PROT_READ | PROT_WRITE, SIZE, &o), 0);
	assert_int_equal(count(&m), SIZE);
	assert_false(m.cut);
	assert_int_equal(ftruncate(fd, 10), 0);
	assert_int_equal(count(&m), 10);
	assert_true(m.cut);
	assert_int_equal(count(&o), SIZE);
	assert_false(o.cut);
	/* One that is written. */
	assert_int_equal(ftruncate(other, 0), 0);
	memset(o.at, 'x', SIZE);
	assert_true(o.cut);
	mapped_close(&m);
	mapped_close(&m);
	mapped_close(&o);
	close(fd);
	close(other);
}

static void
what_cannot_be_mapped(void **state)
{
	int fd = file_of(SIZE);
	struct mapped m = {0};

	(void)state;
	assert_int_equal(mapped_open(fd, PROT_READ, SIZE - 1, &m), -EFBIG);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(mapped_open(fd, PROT_READ, SIZE, &m), -EFBIG);
	assert_int_equal(mapped_open(-1, PROT_READ, SIZE, &m), -EBADF);
	mapped_close(&m);
	close(fd);
}

/* A fault that is none of a mapped file ends the program, as it should. */
static void
another_fault_is_one(void **state)
{
	int fd = file_of(SIZE), status = 0;
	struct mapped m = {0};

	(void)state;
	assert_int_equal(mapped_open(fd, PROT_READ, SIZE, &m), 0);
	pid_t pid = fork();
	if (pid == 0) {
		char *at = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);

		if (at == MAP_FAILED || ftruncate(fd, 0) < 0)
			_exit(1);
		_exit(*(volatile char *)at == 'x' ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
	mapped_close(&m);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_that_is_cut_is_zeros_and_known_to_be),
	    cmocka_unit_test(what_cannot_be_mapped),
	    cmocka_unit_test(another_fault_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
