/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/console_pump.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/socket.h>
#include <unistd.h>

#include "lib/compiler.h"
#include "lib/str.h"

enum { PATIENCE_MS = 60 * 1000, MUCH = 700 * 1000 };

struct kit {
	struct console_pump *p;
	int said, fd, in; /* the library's end, the console's, what the loop reads */
};

static struct kit
begin(struct console_pump *p)
{
	struct kit k = {.p = p};
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	k.said = pair[0];
	k.fd = pair[1];
	k.in = console_pump_take(p, k.fd);
	assert_true(k.in >= 0);
	return k;
}

static void
wait_for(int fd, short what)
{
	struct pollfd f = {.fd = fd, .events = what};

	assert_int_equal(poll(&f, 1, PATIENCE_MS), 1);
}

static void
say(int fd, const uint8_t *data, size_t len)
{
	for (size_t done = 0; done < len;) {
		wait_for(fd, POLLOUT);
		ssize_t n =
		    send(fd, data + done, len - done, MSG_DONTWAIT | MSG_NOSIGNAL);

		assert_true(n > 0 || errno == EAGAIN);
		done += n > 0 ? (size_t)n : 0;
	}
}

/* Up to the end. */
static size_t
hear(int fd, uint8_t *ret, size_t size)
{
	size_t n = 0;

	for (;;) {
		wait_for(fd, POLLIN);
		ssize_t r = read(fd, ret + n, size - n);

		assert_true(r >= 0);
		if (r == 0)
			return n;
		n += (size_t)r;
		assert_true(n < size);
	}
}

/* Nobody reads while it is said. */
static void
nothing_waits_for_the_loop(void **state UNUSED)
{
	struct console_pump *p = console_pump_new();
	uint8_t *data = str_alloc(MUCH), *got = str_alloc(MUCH + 1);
	struct kit k = begin(p), other = begin(p);

	for (size_t i = 0; i < MUCH; i++)
		data[i] = (uint8_t)(i * 7 + i / 256);
	say(k.said, data, MUCH);
	say(other.said, data, 3);
	close(k.said);
	close(other.said);
	assert_int_equal(hear(other.in, got, MUCH), 3);
	assert_int_equal(hear(k.in, got, MUCH + 1), MUCH);
	assert_memory_equal(got, data, MUCH);
	close(k.in);
	close(k.fd);
	close(other.in);
	close(other.fd);
	console_pump_free(p);
	free(data);
	free(got);
}

/* As the library hears of it. */
static void
who_closes_is_heard(void **state UNUSED)
{
	struct console_pump *p = console_pump_new();
	struct kit k = begin(p);
	char c;

	close(k.in);
	close(k.fd);
	wait_for(k.said, POLLIN);
	assert_int_equal(read(k.said, &c, 1), 0);
	close(k.said);
	console_pump_free(p);
}

/* Of all epoll instances of this process. */
static unsigned
looked_at(void)
{
	char path[64], line[256];
	unsigned n = 0;

	for (int fd = 0; fd < 64; fd++) {
		snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
		FILE *f = fopen(path, "re");

		while (f != NULL && fgets(line, sizeof(line), f) != NULL)
			n += strncmp(line, "tfd:", 4) == 0;
		if (f != NULL)
			fclose(f);
	}
	return n;
}

/* The library may keep its own descriptor of the console for a while: what it says goes to nobody, and the thread is not told of it. */
static void
what_is_over_is_not_looked_at(void **state UNUSED)
{
	struct console_pump *p = console_pump_new();
	struct kit k = begin(p), other = begin(p);
	uint8_t got[16];

	close(k.in);
	assert_int_equal(send(k.said, "late", 4, MSG_NOSIGNAL), 4);
	say(other.said, (const uint8_t *)"on", 2);
	close(other.said);
	assert_int_equal(hear(other.in, got, sizeof(got)), 2);
	/* Its own orders are left. */
	for (int i = 0; i < PATIENCE_MS && looked_at() > 1; i++)
		poll(NULL, 0, 1);
	assert_int_equal(looked_at(), 1);
	close(k.fd);
	close(k.said);
	close(other.in);
	close(other.fd);
	console_pump_free(p);
}

static void
at_the_end_all_end(void **state UNUSED)
{
	struct console_pump *p = console_pump_new();
	struct kit k = begin(p), full = begin(p);
	uint8_t *data = str_alloc(2 * CONSOLE_PUMP_MAX), *got = str_alloc(16);
	ssize_t n = 1;

	/* More than is kept: the writer is held up, and nothing runs away. */
	for (size_t all = 0; all < (size_t)2 * CONSOLE_PUMP_MAX && n > 0;
	     all += (size_t)n) {
		struct pollfd f = {.fd = full.said, .events = POLLOUT};

		n = poll(&f, 1, 200) == 1
			? send(full.said, data, 4096, MSG_DONTWAIT | MSG_NOSIGNAL)
			: 0;
	}
	console_pump_free(p);
	assert_int_equal(hear(k.in, got, 16), 0);
	close(k.in);
	close(k.fd);
	close(k.said);
	close(full.in);
	close(full.fd);
	close(full.said);
	console_pump_free(NULL);
	free(data);
	free(got);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_waits_for_the_loop),
	    cmocka_unit_test(who_closes_is_heard),
	    cmocka_unit_test(what_is_over_is_not_looked_at),
	    cmocka_unit_test(at_the_end_all_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
