/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A token bucket over everything that a site fetches. Pure: time is an argument. */
#ifndef AGENT_STORE_BUCKET_H
#define AGENT_STORE_BUCKET_H

#include <stdint.h>

#include "lib/compiler.h"

/* Octets come first and are paid for after: `level` may be below zero, and then nothing may come until ready. */
struct store_bucket {
	int64_t rate;  /* octets a second; 0: no cap */
	int64_t level; /* octets */
	int64_t at;    /* when it was so, microseconds of a clock that never jumps */
};

/* Another cap from now on; what was taken too much before is still owed. */
void
store_bucket_set(struct store_bucket *b, int64_t rate, int64_t now);
void
store_bucket_take(struct store_bucket *b, int64_t octets, int64_t now);
/* How long nothing may come; 0: something may. */
int64_t
store_bucket_wait(struct store_bucket *b, int64_t now);

#endif
