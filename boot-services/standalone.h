/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bootd alone: hosts and single-use orders of bootd.yaml instead of an agent. */
#ifndef BOOT_SERVICES_STANDALONE_H
#define BOOT_SERVICES_STANDALONE_H

#include "boot-services/bootd_config.h"
#include "boot-services/consumer.h"
#include "boot-services/evsink.h"
#include "boot-services/hosttab.h"
#include "lib/log.h"
#include "lib/rng.h"

struct standalone;

struct standalone_deps {
	const struct log *log;
	const struct bootd_config *cfg;
	struct hosttab *table;	/* filled by standalone_open() */
	struct evsink **events; /* *events may be set later */
	struct rng *rng;
	int images_fd, scripts_fd, state_fd;
	uid_t uid; /* the consumed list is made to belong to it; (uid_t)-1: no change */
	gid_t gid;
	/* Asks for standalone_run() from the event loop; never called from inside it. */
	void (*wake)(void *arg);
	void *arg;
};

/* Puts the hosts into the table; for each order not consumed before, arms a ticket and
 * writes its script. NULL with *err naming the host and the file. `now` is wall time. */
struct standalone *
standalone_open(const struct standalone_deps *deps, int64_t now, struct error *err);
void
standalone_close(struct standalone *s);
struct consumer *
standalone_consumer(struct standalone *s); /* borrowed */
/* Answers what was asked since the last time. `now` is wall time. */
void
standalone_run(struct standalone *s, int64_t now);

#endif
