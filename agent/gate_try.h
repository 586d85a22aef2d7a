/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One check of a host, made once. */
#ifndef AGENT_GATE_TRY_H
#define AGENT_GATE_TRY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/error.h"
#include "lib/gate_check.h"

struct event_base;
struct gate_exec_set;
struct http_client;
struct gate_try;

enum { GATE_TRY_WHY_SIZE = 256 };

/* What it is made with; borrowed. */
struct gate_try_deps {
	struct event_base *base;
	struct http_client *http; /* of http_client_new_anywhere() */
	struct gate_exec_set *programs;
	const char *site;
};

/* Whom it is about; borrowed until the check has ended. */
struct gate_try_host {
	const char *name;
	struct addr_ip ip; /* unset: not known */
};

struct gate_try_end {
	bool ok;
	bool
	    answered; /* by the host, or by the program: not as it should be; else by nobody */
	struct error hopeless; /* with a code: no later try will do better */
	char why
	    [GATE_TRY_WHY_SIZE]; /* in words; of what held, what a program said, or "" */
};
typedef void
gate_try_done(void *arg, const struct gate_try_end *end);

/* Within left_us at the most. `done` is called once, from the loop, not before this returns. */
struct gate_try *
gate_try_start(const struct gate_try_deps *deps, const struct gate_check *check,
    const struct gate_try_host *host, int64_t left_us, gate_try_done *done, void *arg);
/* Has nobody been asked yet, since others are? */
bool
gate_try_waits(const struct gate_try *t);
/* `done` is not called any more. NULL allowed; not within `done`. */
void
gate_try_stop(struct gate_try *t);

#endif
