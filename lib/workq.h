/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A small thread pool for what must block (hashing, getaddrinfo). `work` runs in a thread and
 * touches only its argument; `done` runs later on the event loop. */
#ifndef LIB_WORKQ_H
#define LIB_WORKQ_H

#include <event2/event.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"

struct workq;

struct workq *
workq_new(struct event_base *base, unsigned threads);
/* -EAGAIN when more than WORKQ_MAX items wait. */
enum { WORKQ_MAX = 4096 };
int
workq_submit(struct workq *q, void (*work)(void *arg), void (*done)(void *arg),
    void *arg) MUST_CHECK;
/* Set as soon as the queue is to end: work that takes long looks at it from time to time. Lives
 * as long as the queue. */
const atomic_bool *
workq_stop_flag(const struct workq *q);
/* Waits for running items, drops waiting ones (their `done` is still called). */
void
workq_free(struct workq *q);
/* The same for work that cannot heed the flag (getaddrinfo) and touches nothing but its argument:
 * what is still running after `wait` microseconds is left alone, and its `done` never called. */
void
workq_leave(struct workq *q, int64_t wait);

#endif
