/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Is a folder exported over NFS? One name to look up perhaps, one connection, one question. */
#ifndef AGENT_NFS_CHECK_IO_H
#define AGENT_NFS_CHECK_IO_H

#include <event2/event.h>

#include "lib/addr.h"
#include "lib/error.h"
#include "lib/workq.h"

struct nfs_check_io;

/* Calls `done` once from the loop, within `patience_us`, never from inside: err->code is "" (the folder is there),
 * nfs-export, or nfs-unchecked: it may be there, but nobody could be asked. What was started is freed by then. */
typedef void
nfs_check_io_done(void *arg, const struct error *err);
/* `server` is an address, or a name, which is looked up in `names`. */
struct nfs_check_io *
nfs_check_io_start(struct event_base *base, struct workq *names, const char *server,
    uint16_t port, const char *path, int64_t patience_us, nfs_check_io_done *done,
    void *arg);
/* `done` is not called any more. NULL allowed. */
void
nfs_check_io_cancel(struct nfs_check_io *c);

#endif
