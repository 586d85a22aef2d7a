/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Programs of the site's own that say whether a host is well (health gates, "exec:NAME"): run as an unprivileged user, bounded in
 * time, output and number. */
#ifndef AGENT_GATE_EXEC_H
#define AGENT_GATE_EXEC_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/error.h"

struct event_base;
struct gate_exec;     /* one run */
struct gate_exec_set; /* all of them */

enum {
	GATE_EXEC_AT_ONCE = 8, /* others wait */
	GATE_EXEC_WHY_SIZE = 240,
	GATE_EXEC_OUTPUT_MAX = 1024 * 1024, /* octets; then it is ended */
};

struct gate_exec_opts {
	struct event_base *base;
	const char *root;    /* the folder; borrowed */
	const char *user;    /* who they run as, where we are root; borrowed */
	const char *setting; /* of agent.yaml that names the user; NULL: gates_user */
	unsigned at_once;    /* how many may run; 0: GATE_EXEC_AT_ONCE */
};

/* Never fails: what is wrong with folder or user is told of each run. */
struct gate_exec_set *
gate_exec_set_new(const struct gate_exec_opts *opts);
/* Kills what runs. NULL allowed. */
void
gate_exec_set_free(struct gate_exec_set *set);

struct gate_exec_end {
	bool ok;    /* it ended with 0 */
	bool over;  /* it was ended, its time being over */
	int status; /* that it ended with; -1: it did not end by itself */
	char why
	    [GATE_EXEC_WHY_SIZE]; /* the last line that it printed, or how it ended; "" */
};
typedef void
gate_exec_done(void *arg, const struct gate_exec_end *end);

/* Runs argv[0], a name within the folder; argv and env (up to a NULL, "NAME=value") are copied. `done` is called once, from the loop, not
 * before this returns. NULL with *err, "gate-program": it may not be run, and will not be until somebody sees to it. */
struct gate_exec *
gate_exec_start(struct gate_exec_set *set, char *const argv[], const char *const env[],
    int64_t timeout_us, gate_exec_done *done, void *arg, struct error *err);
/* Has it not begun, since as many as may run do? */
bool
gate_exec_waits(const struct gate_exec *x);
/* Kills it with its children; `done` is not called any more. NULL allowed; not within `done`. */
void
gate_exec_stop(struct gate_exec *x);

#endif
