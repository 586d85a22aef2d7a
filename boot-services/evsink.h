/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where bootd's events go: the agent's socket or stdout, and the rotating NDJSON file.
 * Fills in site, host, job and boot from the MAC or address; limits what a hostile
 * network can produce: progress to one a second per transfer (the caller keeps the time),
 * others to a rate per kind and machine, and those of unknown machines to a rate per kind
 * (evsink_limit.h). */
#ifndef BOOT_SERVICES_EVSINK_H
#define BOOT_SERVICES_EVSINK_H

#include "boot-services/hosttab.h"
#include "lib/event.h"
#include "lib/log.h"

struct evsink;
struct evsink_file;
struct evsink_io;

struct evsink_outputs {
	struct evsink_io *lines;  /* JSON lines on stdout, or NULL; borrowed */
	struct evsink_file *file; /* or NULL; borrowed */
	/* To the agent, or NULL: takes neither; false when its queue is full. */
	bool (*to_agent)(void *arg, const struct event *ev);
	void *arg;
};

struct evsink *
evsink_new(const struct log *log, struct hosttab *const *table,
    const struct evsink_outputs *out);
void
evsink_free(struct evsink *s);

/* Takes what ev owns; *ev is cleared. Never blocks, never fails: what cannot be kept is
 * counted and reported by the next event that goes out (detail "dropped"). */
void
evsink_emit(struct evsink *s, struct event *ev);
/* The same with clock_mono() as an argument: rates and the age of what was learned go by it,
 * since an event's own time jumps with the wall clock. */
void
evsink_emit_at(struct evsink *s, struct event *ev, int64_t mono);

#endif
