/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/frame.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/socket.h>
#include <unistd.h>

#include "lib/json.h"
#include "lib/str.h"

/* One end is a frame_conn, the other a bare socket. */
struct fixture {
	struct event_base *base;
	struct frame_conn *conn;
	int peer;
	int messages;
	int64_t last;
	int closes;
	char why[ERROR_CODE_SIZE];
	bool close_on_message;
};

static void
on_message(void *arg, json_t *msg)
{
	struct fixture *f = arg;

	f->messages++;
	f->last = json_integer_value(json_object_get(msg, "n"));
	if (f->close_on_message) {
		frame_close(f->conn);
		f->conn = NULL;
	}
}

static void
on_close(void *arg, const struct error *why)
{
	struct fixture *f = arg;

	f->closes++;
	str_clip(f->why, sizeof(f->why), why->code);
	frame_close(f->conn);
	f->conn = NULL;
}

static const struct frame_ops ops = {.on_message = on_message, .on_close = on_close};

static int
setup(void **state)
{
	struct fixture *f = str_alloc(sizeof(*f));
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
		return -1;
	f->base = event_base_new();
	f->conn = frame_open(f->base, fds[0], &ops, f);
	f->peer = fds[1];
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	frame_close(f->conn);
	if (f->peer >= 0)
		close(f->peer);
	event_base_free(f->base);
	free(f);
	return 0;
}

static void
turn(struct fixture *f)
{
	event_base_loop(f->base, EVLOOP_NONBLOCK);
}

static void
put(struct fixture *f, const void *data, size_t len)
{
	assert_int_equal(write(f->peer, data, len), len);
}

static void
scan_finds_whole_frames(void **state)
{
	(void)state;
	assert_int_equal(frame_scan("", 0), 0);
	assert_int_equal(frame_scan("\0\0\0", 3), 0);
	assert_int_equal(frame_scan("\0\0\0\2{", 5), 0);
	assert_int_equal(frame_scan("\0\0\0\2{}", 6), 6);
	assert_int_equal(frame_scan("\0\0\0\2{}more", 10), 6);
	assert_int_equal(frame_scan("\0\4\0\0", 4), 0);
	assert_int_equal(frame_scan("\0\4\0\1", 4), -EMSGSIZE);
	assert_int_equal(frame_scan("\xff\xff\xff\xff", 4), -EMSGSIZE);
}

static void
messages_arrive_in_any_pieces(void **state)
{
	static const char two[] = "\0\0\0\7{\"n\":1}\0\0\0\7{\"n\":2}";
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(two) - 1; i++) {
		put(f, two + i, 1);
		turn(f);
		assert_int_equal(f->messages, i + 1 >= 22 ? 2 : i + 1 >= 11 ? 1 : 0);
	}
	put(f, two, sizeof(two) - 1);
	turn(f);
	assert_int_equal(f->messages, 4);
	assert_int_equal(f->last, 2);
}

static void
sent_frames_have_their_length(void **state)
{
	struct fixture *f = *state;
	char buf[64];

	assert_int_equal(frame_send(f->conn, json_pack("{s:i}", "n", 5)), 11);
	assert_int_equal(frame_queued(f->conn), 11);
	turn(f);
	assert_int_equal(frame_queued(f->conn), 0);
	assert_int_equal(read(f->peer, buf, sizeof(buf)), 11);
	assert_memory_equal(buf, "\0\0\0\7{\"n\":5}", 11);
}

static void
last_words_come_before_the_end(void **state)
{
	struct fixture *f = *state;

	put(f, "\0\0\0\7{\"n\":9}", 11);
	close(f->peer);
	f->peer = -1;
	/* Writing fails first; what the peer said must still arrive. */
	frame_send(f->conn, json_object());
	turn(f);
	turn(f);
	assert_int_equal(f->messages, 1);
	assert_int_equal(f->last, 9);
	assert_int_equal(f->closes, 1);
	assert_string_equal(f->why, "closed");
}

static void
bad_frames_end_the_stream(void **state)
{
	static const struct {
		const char *octets;
		size_t len;
		const char *code;
	} bad[] = {
	    {"\0\4\0\1", 4, "bad-frame"},
	    {"\0\0\0\2{x", 6, "bad-json"},
	    {"\0\0\0\0", 4, "bad-json"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct fixture *f;
		void *own;

		assert_int_equal(setup(&own), 0);
		f = own;
		put(f, bad[i].octets, bad[i].len);
		turn(f);
		assert_int_equal(f->closes, 1);
		assert_string_equal(f->why, bad[i].code);
		teardown(&own);
	}
	(void)state;
}

static void
closing_inside_a_callback(void **state)
{
	struct fixture *f = *state;

	f->close_on_message = true;
	put(f, "\0\0\0\7{\"n\":1}\0\0\0\7{\"n\":2}", 22);
	turn(f);
	assert_int_equal(f->messages, 1);
	assert_int_equal(f->closes, 0);
	assert_null(f->conn);
}

static void
too_large_messages_are_not_sent(void **state)
{
	struct fixture *f = *state;
	char *big = str_alloc(FRAME_MAX + 1);

	memset(big, 'x', FRAME_MAX);
	assert_int_equal(frame_send(f->conn, json_pack("{s:s}", "n", big)), -EMSGSIZE);
	assert_int_equal(frame_queued(f->conn), 0);
	free(big);
}

static void
a_slow_reader_gets_everything(void **state)
{
	struct fixture *f = *state;
	size_t expected = 0, got = 0;
	char buf[65536];

	for (int i = 0; i < 100000; i++) {
		assert_true(frame_send(f->conn, json_pack("{s:i}", "n", 100000 + i)) > 0);
		expected += 16;
	}
	turn(f);
	assert_true(frame_queued(f->conn) > 0);
	while (got < expected) {
		ssize_t n = recv(f->peer, buf, sizeof(buf), MSG_DONTWAIT);

		if (n > 0)
			got += (size_t)n;
		turn(f);
	}
	assert_int_equal(frame_queued(f->conn), 0);
}

static void
flush_writes_without_the_loop(void **state)
{
	struct fixture *f = *state;
	char buf[64];

	frame_send(f->conn, json_object());
	frame_flush(f->conn);
	assert_int_equal(frame_queued(f->conn), 0);
	assert_int_equal(read(f->peer, buf, sizeof(buf)), 6);
	close(f->peer);
	f->peer = -1;
	frame_send(f->conn, json_object());
	frame_flush(f->conn);
	assert_int_equal(frame_send(f->conn, json_object()), -EPIPE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(scan_finds_whole_frames, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		messages_arrive_in_any_pieces, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		sent_frames_have_their_length, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		last_words_come_before_the_end, setup, teardown),
	    cmocka_unit_test_setup_teardown(bad_frames_end_the_stream, setup, teardown),
	    cmocka_unit_test_setup_teardown(closing_inside_a_callback, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		too_large_messages_are_not_sent, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_slow_reader_gets_everything, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		flush_writes_without_the_loop, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
