/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the HTTP server asks for things only the agent may grant. Implemented by
 * agent_link.c under an agent; by standalone.c when bootd runs alone (tickets of
 * bootd.yaml live in memory). */
#ifndef BOOT_SERVICES_CONSUMER_H
#define BOOT_SERVICES_CONSUMER_H

#include <stdbool.h>
#include <stdint.h>

#include "boot-services/hosttab.h"

struct consumer;

/* The answer comes later, from the event loop, exactly once; `ok` only after the ticket
 * is durable as consumed. consumer_cancel() when the client went away first. */
typedef void
consumer_answer(void *arg, bool ok, const char *reason);

uint64_t
consumer_ask(struct consumer *c, const struct hosttab_entry *host, const char *mac,
    const char *ip, const char *file, consumer_answer *answer, void *arg);
/* `note` is what a stranger wrote, any octets but NUL. */
uint64_t
consumer_report(struct consumer *c, const char *token, const char *stage,
    const char *note, const char *ip, consumer_answer *answer, void *arg);
void
consumer_cancel(struct consumer *c, uint64_t req);

#endif
