/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Is a machine's system up? Asks again and again: a TCP connection or an ICMP echo. */
#ifndef AGENT_PROBE_H
#define AGENT_PROBE_H

#include <event2/event.h>
#include <stdbool.h>

#include "lib/addr.h"

struct probe;

/* `spec` is "tcp:PORT" or "icmp"; `answer` is called from the loop after each round, as
 * long as the probe lives. NULL for a bad spec or address. */
typedef void
probe_answer_fn(void *arg, bool up);
struct probe *
probe_start(struct event_base *base, const char *spec, const struct addr_ip *ip,
    probe_answer_fn *answer, void *arg);
/* Within `answer`, why the system is not up: an errno, of which ETIMEDOUT says that nothing came back. */
int
probe_error(const struct probe *p);
/* A round now, in place of the one under way; NULL allowed. */
void
probe_now(struct probe *p);
/* NULL allowed; fine inside `answer`. */
void
probe_stop(struct probe *p);

#endif
