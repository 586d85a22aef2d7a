/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records the consoles of machines that are at a job, each boot in a file of its own, and of those that are always
 * recorded; tells what is worth a look as events. Never in a job's way: whatever fails here is a note. */
#ifndef AGENT_CONSOLE_RECORDER_H
#define AGENT_CONSOLE_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/bmc.h"
#include "agent/console_hub.h"
#include "agent/run.h"
#include "lib/event.h"
#include "lib/log.h"

struct console_recorder;

struct console_recorder_opts {
	struct event_base *base;
	const struct log *log;
	struct console_hub *hub;
	struct rng *rng;
	const char *dir;    /* made when it is not there; borrowed */
	int64_t boot_limit; /* octets of one recording */
	int64_t site_limit; /* of all that are kept here */
	/* *ev is taken. */
	void (*emit)(void *arg, struct event *ev);
	/* There is more to send, or a recording has ended. May be NULL. */
	void (*changed)(void *arg);
	void *arg;
};

struct console_recorder *
console_recorder_new(const struct console_recorder_opts *opts);
void
console_recorder_free(struct console_recorder *rec); /* NULL allowed */

/* A job as it stands now, after each of its steps that is durable. */
void
console_recorder_job(
    struct console_recorder *rec, const struct bundle *b, const struct run *run);
/* The hosts that are recorded between jobs too, all of them; others are not any more. Everything is copied. */
struct console_recorder_host {
	char name[BUNDLE_NAME_SIZE];
	struct bundle_bmc bmc;
};
void
console_recorder_always(
    struct console_recorder *rec, const struct console_recorder_host *hosts, size_t n);
/* Is this recording being written? */
bool
console_recorder_writes(const struct console_recorder *rec, const char *id);

#endif
