/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sockets, timers and name resolution for the calls of a pool, on libevent. */
#ifndef AGENT_BMC_IO_H
#define AGENT_BMC_IO_H

#include "agent/bmc_pool.h"

struct bmc_io;

/* Everything is borrowed. `workq` may be NULL: then only literal addresses work. */
struct bmc_io *
bmc_io_new(struct event_base *base, struct workq *workq,
    void (*note)(void *arg, const struct bmc_note *note), void *note_arg);
/* After the pool. Resolutions still under way are dropped when they end. */
void
bmc_io_free(struct bmc_io *io);
/* To be called once, before the first call. */
void
bmc_io_set_pool(struct bmc_io *io, struct bmc_pool *pool);
const struct bmc_call_ops *
bmc_io_ops(void);

#endif
