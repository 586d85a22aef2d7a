/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* What one call wrote to stderr. */
static char *
captured(const struct log *log, enum log_level level, const char *text)
{
	static char buf[8192];
	FILE *f = tmpfile();
	int saved = dup(STDERR_FILENO);
	ssize_t n;

	assert_non_null(f);
	dup2(fileno(f), STDERR_FILENO);
	log_line(log, level, "%s", text);
	dup2(saved, STDERR_FILENO);
	close(saved);
	n = pread(fileno(f), buf, sizeof(buf) - 1, 0);
	fclose(f);
	assert_true(n >= 0);
	buf[n] = '\0';
	return buf;
}

static void
lines_have_time_program_and_level(void **state)
{
	struct log log = log_init("bootd", LOG_LEVEL_INFO);
	char *line;

	(void)state;
	log.journal = false;
	line = captured(&log, LOG_LEVEL_WARN, "hello");
	assert_int_equal(line[10], 'T');
	assert_string_equal(line + 24, " bootd warn: hello\n");
}

static void
the_journal_gets_priorities(void **state)
{
	struct log log = log_init("bootd", LOG_LEVEL_DEBUG);

	(void)state;
	log.journal = true;
	assert_string_equal(captured(&log, LOG_LEVEL_ERROR, "x"), "<3>bootd: x\n");
	assert_string_equal(captured(&log, LOG_LEVEL_DEBUG, "x"), "<7>bootd: x\n");
}

static void
levels_are_filtered(void **state)
{
	struct log log = log_init("bootd", LOG_LEVEL_INFO);

	(void)state;
	assert_string_equal(captured(&log, LOG_LEVEL_DEBUG, "x"), "");
}

static void
a_message_is_one_line(void **state)
{
	struct log log = log_init("bootd", LOG_LEVEL_INFO);
	char big[5000], *line;

	(void)state;
	log.journal = true;
	assert_string_equal(
	    captured(&log, LOG_LEVEL_INFO, "a\nb\rc"), "<6>bootd: a b c\n");
	assert_string_equal(
	    captured(&log, LOG_LEVEL_INFO, "gr\xc3\xbc\xc3\x9f\x1b[2J\xc2\x9bK"),
	    "<6>bootd: gr\xc3\xbc\xc3\x9f\\x1b[2J\\xc2\\x9bK\n");
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	line = captured(&log, LOG_LEVEL_INFO, big);
	assert_true(strlen(line) < 2048);
	assert_string_equal(line + strlen(line) - 5, "x...\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_have_time_program_and_level),
	    cmocka_unit_test(the_journal_gets_priorities),
	    cmocka_unit_test(levels_are_filtered),
	    cmocka_unit_test(a_message_is_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
