/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What consoles say, taken from libipmiconsole as it comes and kept until the loop has its turn. For agent/console.c. */
#ifndef AGENT_CONSOLE_PUMP_H
#define AGENT_CONSOLE_PUMP_H

#include "lib/compiler.h"

enum { CONSOLE_PUMP_MAX = 1024 * 1024 }; /* octets of one console that wait */

struct console_pump;

/* NULL with errno: no thread. */
struct console_pump *
console_pump_new(void);
/* Every descriptor that was handed out is at its end then; they stay the caller's. NULL allowed. */
void
console_pump_free(struct console_pump *p);
/* A descriptor of the caller's, not blocking, from which all is read that fd says, and its end. The pump has its own duplicate of fd, which it closes
 * once the caller has closed what it was given. -errno. */
int
console_pump_take(struct console_pump *p, int fd) MUST_CHECK;

#endif
