/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where bootd's events go: the agent's socket or stdout, and the rotating NDJSON file. Fills in site,
 * host, job and boot from the MAC or address; limits what a hostile network can produce: progress to
 * one a second per transfer (the caller keeps the time), negative events to a rate per kind and MAC. */
#ifndef BOOT_SERVICES_EVSINK_H
#define BOOT_SERVICES_EVSINK_H

#include "lib/event.h"

struct evsink;

/* Takes what ev owns; *ev is cleared. Never blocks, never fails: what cannot be kept is counted and
 * reported by the next event that goes out (detail "dropped"). */
void evsink_emit(struct evsink *s, struct event *ev);

#endif
