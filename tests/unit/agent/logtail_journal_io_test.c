/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A unit's messages out of journal files that systemd-journal-remote writes. */
#include "agent/logtail_journal_io.h"

#include <fcntl.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/str.h"
#include "tests/unit/agent/logtail_kit.h"

#define REMOTE "/lib/systemd/systemd-journal-remote"
#define FIRST INT64_C(1795657547000000)

struct kit {
	struct event_base *base;
	struct log log;
	char dir[64];
	struct logtail_journal_io *j;
	char heard[1000]; /* messages, each with '|' behind */
	char mark[LOGTAIL_IO_MARK_SIZE];
	int64_t at; /* of the last message heard */
	int written, lost;
	bool hold;
};

static void
on_line(void *arg, const char *text, size_t len, int64_t at)
{
	struct kit *k = arg;

	logtail_kit_hear(k->heard, sizeof(k->heard), text, len);
	k->at = at;
}

static void
on_mark(void *arg, const char *mark)
{
	struct kit *k = arg;

	str_clip(k->mark, sizeof(k->mark), mark);
	if (!k->hold && k->j != NULL)
		logtail_journal_io_go_on(k->j);
}

static void
on_lost(void *arg)
{
	struct kit *k = arg;

	k->lost++;
}

static void
begin(struct kit *k)
{
	static const struct logtail_io_ops ops = {
	    .line = on_line, .mark = on_mark, .lost = on_lost};
	char mark[LOGTAIL_IO_MARK_SIZE];
	struct logtail_io_opts o = {.base = k->base,
	    .log = &k->log,
	    .unit = "tftpd-hpa.service",
	    .journal_dir = k->dir,
	    .mark = k->mark[0] != '\0' ? mark : NULL,
	    .ops = &ops,
	    .arg = k};

	memcpy(mark, k->mark, sizeof(mark));
	memset(k->heard, 0, sizeof(k->heard));
	k->j = logtail_journal_io_new(&o);
	logtail_journal_io_go_on(k->j); /* what was told within new */
}

static void
end(struct kit *k)
{
	logtail_journal_io_free(k->j);
	k->j = NULL;
}

/* Appends a message of that unit. */
static void
put(struct kit *k, const char *unit, const char *message)
{
	char path[100];
	char *argv[] = {REMOTE, "-o", path, "-", NULL};
	posix_spawn_file_actions_t actions;
	int fds[2], status;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/x.journal", k->dir);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[0], 0);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	assert_int_equal(posix_spawn(&pid, REMOTE, &actions, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[0]);
	k->written++;
	dprintf(fds[1],
	    "__REALTIME_TIMESTAMP=%lld\n__MONOTONIC_TIMESTAMP=%d\n"
	    "_BOOT_ID=477a7b97d91c4f538fa8cd814bbd858c\n_SYSTEMD_UNIT=%s\nMESSAGE=%s\n\n",
	    (long long)(FIRST + k->written), k->written, unit, message);
	close(fds[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
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

	str_clip(k->dir, sizeof(k->dir), "/tmp/nb-journal-XXXXXX");
	assert_non_null(mkdtemp(k->dir));
	k->base = event_base_new();
	k->log = log_init("test", LOG_LEVEL_ERROR);
	*state = k;
	return 0;
}

static int
tear_down(void **state)
{
	struct kit *k = *state;
	char path[100];

	end(k);
	snprintf(path, sizeof(path), "%s/x.journal", k->dir);
	unlink(path);
	rmdir(k->dir);
	event_base_free(k->base);
	free(k);
	return 0;
}

static void
test_only_the_unit_and_only_what_is_new(void **state)
{
	struct kit *k = *state;

	put(k, "tftpd-hpa.service", "old");
	begin(k);
	put(k, "nginx.service", "other");
	put(k, "tftpd-hpa.service", "new");
	expect(k, "new|");
	assert_int_equal(k->at, FIRST + 3);
}

static void
test_nothing_there_yet(void **state)
{
	struct kit *k = *state;

	begin(k);
	event_base_loop(k->base, EVLOOP_NONBLOCK);
	put(k, "tftpd-hpa.service", "first");
	expect(k, "first|");
}

static void
test_restart(void **state)
{
	struct kit *k = *state;
	char mark[LOGTAIL_IO_MARK_SIZE];

	put(k, "tftpd-hpa.service", "old");
	begin(k);
	put(k, "tftpd-hpa.service", "a");
	expect(k, "a|");
	memcpy(mark, k->mark, sizeof(mark));
	k->hold = true;
	put(k, "tftpd-hpa.service", "b");
	expect(k, "a|b|");
	put(k, "tftpd-hpa.service", "c");
	expect(k, "a|b|"); /* b is not durable yet */
	end(k);
	k->hold = false;
	memcpy(k->mark, mark, sizeof(mark));
	begin(k);
	expect(k, "b|c|");
	end(k);
	begin(k);
	put(k, "tftpd-hpa.service", "d");
	expect(k, "d|");
}

static void
vacuum(struct kit *k)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/x.journal", k->dir);
	assert_int_equal(unlink(path), 0);
}

/* What stood behind the entry that was read last may have been of importance: the use of a ticket. */
static void
test_what_was_vacuumed_is_lost(void **state)
{
	struct kit *k = *state;

	put(k, "tftpd-hpa.service", "old");
	begin(k);
	put(k, "tftpd-hpa.service", "a");
	expect(k, "a|");
	end(k);
	begin(k);
	assert_int_equal(k->lost, 0);
	end(k);
	put(k, "tftpd-hpa.service", "b");
	vacuum(k);
	put(k, "tftpd-hpa.service", "c");
	begin(k);
	expect(k, "c|");
	assert_int_equal(k->lost, 1);
	end(k);
	/* All of it, and nothing came since. */
	vacuum(k);
	put(k, "nginx.service", "other");
	begin(k);
	event_base_loop(k->base, EVLOOP_NONBLOCK);
	assert_int_equal(k->lost, 2);
	put(k, "tftpd-hpa.service", "d");
	expect(k, "d|");
}

/* A unit that had said nothing: what it says is new, also while nobody listens. */
static void
test_restart_before_the_first_message(void **state)
{
	struct kit *k = *state;

	put(k, "nginx.service", "other");
	begin(k);
	assert_string_not_equal(k->mark, "");
	end(k);
	put(k, "tftpd-hpa.service", "first");
	begin(k);
	expect(k, "first|");
	assert_int_equal(k->lost, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_only_the_unit_and_only_what_is_new),
	    TEST(test_nothing_there_yet),
	    TEST(test_restart),
	    TEST(test_what_was_vacuumed_is_lost),
	    TEST(test_restart_before_the_first_message),
	};

	if (access(REMOTE, X_OK) < 0) {
		fprintf(stderr, REMOTE " is not installed: nothing tested\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
