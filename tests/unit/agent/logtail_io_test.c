/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A log file through everything that happens to log files. */
#include "agent/logtail_io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/logline.h"
#include "lib/str.h"
#include "tests/unit/agent/logtail_kit.h"

enum { HEARD = 1 << 20 };

struct kit {
	struct event_base *base;
	struct log log;
	char dir[64], path[96], rotated[96];
	struct logtail_io *t;
	char *heard; /* lines, each with '|' behind */
	char mark[LOGTAIL_IO_MARK_SIZE];
	unsigned marks;
	bool hold; /* the lines are not durable yet */
	unsigned lost;
};

static void
on_line(void *arg, const char *text, size_t len, int64_t at)
{
	struct kit *k = arg;

	assert_int_equal(at, 0);
	logtail_kit_hear(k->heard, HEARD, text, len);
}

static void
on_mark(void *arg, const char *mark)
{
	struct kit *k = arg;

	str_clip(k->mark, sizeof(k->mark), mark);
	k->marks++;
	if (!k->hold && k->t != NULL)
		logtail_io_go_on(k->t);
}

static void
on_lost(void *arg)
{
	struct kit *k = arg;

	k->lost++;
}

static void
begin(struct kit *k, bool marked)
{
	static const struct logtail_io_ops ops = {
	    .line = on_line, .mark = on_mark, .lost = on_lost};
	char mark[LOGTAIL_IO_MARK_SIZE];
	struct logtail_io_opts o = {.base = k->base,
	    .log = &k->log,
	    .file = k->path,
	    .mark = marked ? mark : NULL,
	    .ops = &ops,
	    .arg = k};

	memcpy(mark, k->mark, sizeof(mark));
	k->heard[0] = '\0';
	memset(k->heard, 0, 4096);
	k->t = logtail_io_new(&o);
	logtail_io_go_on(k->t); /* what was told within new */
}

static void
end(struct kit *k)
{
	logtail_io_free(k->t);
	k->t = NULL;
}

static void
put(struct kit *k, const char *path, const char *text)
{
	FILE *f = fopen(path, "a");

	(void)k;
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void
expect(struct kit *k, const char *lines)
{
	logtail_kit_expect(k->base, k->heard, lines);
}

static int
set_up(void **state)
{
	struct kit *k = str_alloc(sizeof(*k));

	str_clip(k->dir, sizeof(k->dir), "/tmp/nb-logtail-XXXXXX");
	assert_non_null(mkdtemp(k->dir));
	snprintf(k->path, sizeof(k->path), "%s/x.log", k->dir);
	snprintf(k->rotated, sizeof(k->rotated), "%s/x.log.1", k->dir);
	k->heard = str_alloc(HEARD);
	k->base = event_base_new();
	k->log = log_init("test", LOG_LEVEL_ERROR);
	*state = k;
	return 0;
}

static int
tear_down(void **state)
{
	struct kit *k = *state;

	logtail_io_free(k->t);
	unlink(k->path);
	unlink(k->rotated);
	rmdir(k->dir);
	event_base_free(k->base);
	free(k->heard);
	free(k);
	return 0;
}

static void
test_begins_at_the_end(void **state)
{
	struct kit *k = *state;

	put(k, k->path, "old\nolder, not en");
	begin(k, false);
	assert_int_equal(k->marks, 1);
	put(k, k->path, "ded\nnew\n");
	expect(k, "older, not ended|new|");
}

static void
test_file_comes_later(void **state)
{
	struct kit *k = *state;

	begin(k, false);
	event_base_loop(k->base, EVLOOP_NONBLOCK);
	put(k, k->path, "first\n");
	expect(k, "first|");
}

static void
test_parts_of_lines(void **state)
{
	struct kit *k = *state;

	put(k, k->path, "");
	begin(k, false);
	put(k, k->path, "a");
	event_base_loop(k->base, EVLOOP_NONBLOCK);
	put(k, k->path, "b\n\nc\nd");
	expect(k, "ab|c|");
	put(k, k->path, "\n");
	expect(k, "ab|c|d|");
}

static void
test_huge_lines(void **state)
{
	struct kit *k = *state;
	char *huge = str_alloc(200001);

	memset(huge, 'x', 200000);
	put(k, k->path, "");
	begin(k, false);
	put(k, k->path, huge);
	event_base_loop(k->base, EVLOOP_NONBLOCK);
	put(k, k->path, huge);
	put(k, k->path, "\nafter\n");
	expect(k, "after|");
	huge[LOGLINE_MAX] = '\n';
	huge[LOGLINE_MAX + 1] = '\0';
	put(k, k->path, huge);
	huge[LOGLINE_MAX] = '|';
	memmove(huge + 6, huge, LOGLINE_MAX + 2);
	memcpy(huge, "after|", 6);
	expect(k, huge);
	free(huge);
}

static void
test_rotated_by_name(void **state)
{
	struct kit *k = *state;

	put(k, k->path, "");
	begin(k, false);
	put(k, k->path, "a\n");
	expect(k, "a|");
	assert_int_equal(rename(k->path, k->rotated), 0);
	/* The server does not know yet. */
	put(k, k->rotated, "b\n");
	put(k, k->path, "");
	expect(k, "a|b|");
	put(k, k->rotated, "c\n");
	expect(k, "a|b|c|");
	/* One of its processes has begun the new one, another has not. */
	put(k, k->path, "d\n");
	event_base_loop(k->base, EVLOOP_ONCE);
	event_base_loop(k->base, EVLOOP_NONBLOCK);
	put(k, k->rotated, "late\n");
	expect(k, "a|b|c|late|");
	expect(k, "a|b|c|late|d|");
}

static void
test_truncated(void **state)
{
	struct kit *k = *state;

	put(k, k->path, "");
	begin(k, false);
	put(k, k->path, "a long line\n");
	expect(k, "a long line|");
	assert_int_equal(truncate(k->path, 0), 0);
	put(k, k->path, "b\n");
	expect(k, "a long line|b|");
}

static void
test_restart(void **state)
{
	struct kit *k = *state;

	put(k, k->path, "");
	begin(k, false);
	put(k, k->path, "a\nb\nc");
	expect(k, "a|b|");
	end(k);
	put(k, k->path, "\nd\n");
	begin(k, true);
	expect(k, "c|d|");
}

/* What was given and is not durable is given again; while it is not, nothing more comes. */
static void
test_killed_before_it_was_durable(void **state)
{
	struct kit *k = *state;
	char mark[LOGTAIL_IO_MARK_SIZE];

	put(k, k->path, "");
	begin(k, false);
	memcpy(mark, k->mark, sizeof(mark));
	k->hold = true;
	put(k, k->path, "a\n");
	expect(k, "a|");
	put(k, k->path, "b\n");
	expect(k, "a|");
	end(k);
	memcpy(k->mark, mark, sizeof(mark));
	k->hold = false;
	begin(k, true);
	expect(k, "a|b|");
}

static void
test_restart_after_rotation(void **state)
{
	struct kit *k = *state;

	put(k, k->path, "");
	begin(k, false);
	put(k, k->path, "a\n");
	expect(k, "a|");
	end(k);
	put(k, k->path, "b\n");
	assert_int_equal(rename(k->path, k->rotated), 0);
	put(k, k->path, "c\n");
	begin(k, true);
	expect(k, "b|c|");
	assert_int_equal(k->lost, 0);
}

/* It was not there: what is written to it while nobody reads is new. */
static void
test_restart_before_there_was_one(void **state)
{
	struct kit *k = *state;

	begin(k, false);
	end(k);
	put(k, k->path, "a\n");
	begin(k, true);
	expect(k, "a|");
	assert_int_equal(k->lost, 0);
}

/* Another file with the inode of the old one, or none: what is there is read from its beginning. */
static void
test_restart_after_loss(void **state)
{
	struct kit *k = *state;

	put(k, k->path, "");
	begin(k, false);
	put(k, k->path, "a\nb\n");
	expect(k, "a|b|");
	end(k);
	assert_int_equal(truncate(k->path, 0), 0);
	put(k, k->path, "x\ny\nz\n");
	begin(k, true);
	expect(k, "x|y|z|");
	assert_int_equal(k->lost, 1);
	end(k);
	assert_int_equal(unlink(k->path), 0);
	put(k, k->path, "q\n");
	begin(k, true);
	expect(k, "q|");
	assert_int_equal(k->lost, 2);
	end(k);
	str_clip(k->mark, sizeof(k->mark), "nonsense");
	begin(k, true);
	expect(k, "q|");
	assert_int_equal(k->lost, 3);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_begins_at_the_end),
	    TEST(test_file_comes_later),
	    TEST(test_parts_of_lines),
	    TEST(test_huge_lines),
	    TEST(test_rotated_by_name),
	    TEST(test_truncated),
	    TEST(test_restart),
	    TEST(test_killed_before_it_was_durable),
	    TEST(test_restart_after_rotation),
	    TEST(test_restart_before_there_was_one),
	    TEST(test_restart_after_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
