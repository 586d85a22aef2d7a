/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One line per message on stderr: "<N>program: text" for the journal, else with time and
 * level.
 *
 * Entry points: log_init() once in main, then log_error() and its sisters.
 * Ownership: struct log borrows the program's name.
 * Failure modes: none reported; a message longer than LOG_LINE_MAX is clipped. Whatever a
 * message was made of, its line holds printable characters only (lib/printable.h). The line
 * is written by one write(2), so that lines of several processes on one stderr do not
 * mix.
 */
#include "lib/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/str.h"

enum { LOG_LINE_MAX = 2048 };

/* True when stderr is the very stream that systemd named in JOURNAL_STREAM
 * (systemd.exec(5)). */
static bool
stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	if (stream == NULL || sscanf(stream, "%llu:%llu", &dev, &ino) != 2)
		return false;
	return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

struct log
log_init(const char *program, enum log_level max)
{
	return (struct log){
	    .max = max, .journal = stderr_is_journal(), .program = program};
}

static int
write_prefix(const struct log *log, enum log_level level, char *line, size_t size)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	static const int priorities[] = {3, 4, 6, 7}; /* syslog(3) */
	char when[CLOCK_TEXT_SIZE];

	if (log->journal)
		return snprintf(line, size, "<%d>%s: ", priorities[level], log->program);
	return snprintf(line, size,
	    "%s %s %s: ", clock_text(clock_wall(), when, sizeof(when)), log->program,
	    names[level]);
}

void
log_line(const struct log *log, enum log_level level, const char *fmt, ...)
{
	char line[LOG_LINE_MAX], text[LOG_LINE_MAX];
	size_t len;
	va_list ap;
	int n;

	if (level > log->max)
		return;
	n = write_prefix(log, level, line, sizeof(line));
	if (n < 0 || (size_t)n >= sizeof(line) - 1)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* A line break inside would let a message forge the next one. */
	for (char *s = text; *s != '\0'; s++)
		if (*s == '\n' || *s == '\r')
			*s = ' ';
	str_escape(line + n, sizeof(line) - (size_t)n - 1, text, strlen(text));
	len = strlen(line);
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, len) < 0)
		return; /* nowhere left to complain */
}
