/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines to a pipe: kept for a slow reader, dropped whole when too many, never waited for. */
#include "boot-services/evsink_io.h"

#include <event2/event.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/compiler.h"

enum { LINE = 1000 };

static size_t
drain(int fd)
{
	char buf[65536];
	size_t total = 0;
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		total += (size_t)n;
	return total;
}

static void
a_slow_reader_gets_whole_lines(void **state UNUSED)
{
	struct event_base *base = event_base_new();
	struct evsink_io *io;
	char line[LINE];
	size_t taken = 0, got = 0;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_true(fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0);
	memset(line, 'x', LINE);
	io = evsink_io_open(base, fds[1]);
	for (int i = 0; i < 10000; i++)
		taken += evsink_io_write(io, line, LINE) ? LINE : 0;
	/* What the pipe holds and what the queue may hold; the rest was refused as lines. */
	assert_true(taken >= EVSINK_IO_QUEUE_MAX - LINE && taken < 10000u * LINE);
	while (got < taken) {
		got += drain(fds[0]);
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	assert_int_equal(got, taken);
	assert_true(evsink_io_write(io, line, LINE));
	evsink_io_close(io);
	assert_int_equal(drain(fds[0]), LINE);
	assert_int_equal(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
	close(fds[0]);
	close(fds[1]);
	event_base_free(base);
}

static void
a_reader_that_left_is_noticed(void **state UNUSED)
{
	struct event_base *base = event_base_new();
	struct evsink_io *io;
	int fds[2];

	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	io = evsink_io_open(base, fds[1]);
	close(fds[0]);
	assert_false(evsink_io_write(io, "x\n", 2));
	assert_false(evsink_io_write(io, "x\n", 2));
	evsink_io_close(io);
	close(fds[1]);
	event_base_free(base);
}

static void
a_file_is_written_directly(void **state UNUSED)
{
	struct event_base *base = event_base_new();
	char path[] = "/tmp/evsink_io_test.XXXXXX", buf[8];
	int fd = mkstemp(path);
	struct evsink_io *io = evsink_io_open(base, fd);

	assert_true(evsink_io_write(io, "line\n", 5));
	assert_int_equal(pread(fd, buf, sizeof(buf), 0), 5);
	evsink_io_close(io);
	close(fd);
	unlink(path);
	event_base_free(base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_slow_reader_gets_whole_lines),
	    cmocka_unit_test(a_reader_that_left_is_noticed),
	    cmocka_unit_test(a_file_is_written_directly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
