/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A small thread pool for what must block (hashing, getaddrinfo). `work` runs in a thread and
 * touches only its argument; `done` runs later on the event loop. */
#ifndef LIB_WORKQ_H
#define LIB_WORKQ_H

#include <event2/event.h>

#include "lib/compiler.h"

struct workq;

struct workq *
workq_new(struct event_base *base, unsigned threads);
/* -EAGAIN when more than WORKQ_MAX items wait. */
enum { WORKQ_MAX = 4096 };
int
workq_submit(struct workq *q, void (*work)(void *arg), void (*done)(void *arg),
    void *arg) MUST_CHECK;
/* Waits for running items, drops waiting ones (their `done` is still called). */
void
workq_free(struct workq *q);

#endif
