/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A host's console, live: the terminal raw, the host's octets on it, what is typed sent there. */
#ifndef CTL_CONSOLE_IO_H
#define CTL_CONSOLE_IO_H

#include <stdbool.h>

#include "ctl/ctl.h"

/* Until ~., a signal or the end of the console. Types only from a terminal. Returns the exit code. */
int
console_io_run(const struct ctl *ctl, const char *host, bool read_only, bool steal);

#endif
