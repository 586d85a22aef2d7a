/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Serial consoles over LAN: one session per BMC, which comes back by itself. libipmiconsole does the protocol in
 * threads of its own; everything here runs on the event loop and never waits. */
#ifndef AGENT_CONSOLE_H
#define AGENT_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/bundle.h"
#include "lib/log.h"
#include "lib/rng.h"

struct console_engine;
struct console;
struct event_base;
struct workq;
struct bmc_engine;

enum { CONSOLE_TEXT_SIZE = 200 };

/* Why a console is not to be had. */
enum console_why {
	CONSOLE_LOST,	 /* it was there */
	CONSOLE_STOLEN,	 /* it was there; another session has it now */
	CONSOLE_IN_USE,	 /* another session has it, which is left alone */
	CONSOLE_BUSY,	 /* the BMC has no session to spare */
	CONSOLE_SILENT,	 /* no answer, or none that can be understood */
	CONSOLE_HELD,	 /* not tried: the rules for BMCs forbid it now */
	CONSOLE_YIELDED, /* given up, for calls to the BMC; told by console_hub.c */
	CONSOLE_NEVER, /* no SOL, no right to it, a wrong password, or not to be reached: not tried again */
};

struct console_ops {
	void (*up)(void *arg, int suite);
	void (*data)(void *arg, const uint8_t *data, size_t len);
	/* `retry`: microseconds until it is tried again; < 0: it is not. */
	void (*down)(void *arg, enum console_why why, const char *text, int64_t retry);
};

struct console_params {
	const struct bundle_bmc *bmc;
	bool steal; /* the first time: from another session that has it */
	int64_t retry_first, retry_max; /* microseconds; doubles in between */
};

/* Threads start with the first console. Everything is borrowed; `names` resolves host names, `bmc` has the rules that
 * hold for every session (NULL: none do). */
struct console_engine *
console_engine_new(struct event_base *base, const struct log *log, struct rng *rng,
    struct workq *names, struct bmc_engine *bmc);
/* All consoles are closed before. Gives BMCs a moment to hear of it. NULL allowed. */
void
console_engine_free(struct console_engine *e);

/* Params are copied, the secrets wiped when it is closed. Callbacks come from the loop, never from inside. In a
 * callback everything here is allowed but console_engine_free(). */
struct console *
console_open(struct console_engine *e, const struct console_params *params,
    const struct console_ops *ops, void *arg);
void
console_close(struct console *c); /* NULL allowed */
bool
console_is_up(const struct console *c);
/* Other credentials, or other manners, for the next session; one that is up goes on. */
void
console_renew(struct console *c, const struct bundle_bmc *bmc);
/* The cipher suite in use, or tried next. */
int
console_suite(const struct console *c);
/* Types; returns how many octets were taken, which may be fewer: the line is slow. */
size_t
console_write(struct console *c, const void *data, size_t len);
void
console_break(struct console *c);
/* Gives the BMC's session back for that long; down() is not called. */
void
console_pause(struct console *c, int64_t us);
/* Not up, or not for long: tries again now. */
void
console_retry(struct console *c, bool steal);

#endif
