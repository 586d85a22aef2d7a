/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Logging for programs (libraries return errors instead). One line per message on stderr,
 * with sd-daemon(3) priority prefixes under systemd, else time and level. */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include <stdbool.h>

#include "lib/compiler.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log {
	enum log_level max;
	bool journal;	     /* stderr is the journal's: prefix <N>, no time */
	const char *program; /* borrowed */
};

struct log
log_init(const char *program, enum log_level max);
/* What is not printable (lib/printable.h) is escaped; line breaks become blanks. */
void
log_line(const struct log *log, enum log_level level, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
#define log_error(log, ...) log_line((log), LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(log, ...) log_line((log), LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(log, ...) log_line((log), LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(log, ...) log_line((log), LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
