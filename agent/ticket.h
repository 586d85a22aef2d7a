/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The life of one ticket: the single-use permission of a job to netboot its host. Pure.
 *
 *	none ──arm──► armed ──consume──► consumed ──end──► closed
 *	                │
 *	                └──end──► revoked ──arm──► armed (another identity)
 *
 * Nothing leads from consumed back to armed. The caller makes every change durable before
 * it tells anybody: above all a consumption, before bootd lets the last octet go. */
#ifndef AGENT_TICKET_H
#define AGENT_TICKET_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/compiler.h"
#include "lib/event.h"
#include "lib/id.h"
#include "lib/rng.h"

enum ticket_state {
	TICKET_NONE,
	TICKET_ARMED,
	TICKET_CONSUMED,
	TICKET_CLOSED,
	TICKET_REVOKED,
	TICKET_STATES,
};

/* What consumed a ticket, for the record. */
struct ticket_use {
	char mac[ADDR_MAC_TEXT];
	char ip[ADDR_IP_TEXT];
	char file[EVENT_FILE_SIZE];
};

struct ticket {
	char id[ID_SIZE];
	char token[ID_TOKEN_SIZE]; /* secret: URLs of the boot are made of it */
	enum ticket_state state;
	int64_t changed; /* wall time of the last change */
	struct ticket_use use;
};

const char *
ticket_state_name(enum ticket_state s);
int
ticket_state_parse(const char *s, enum ticket_state *ret) MUST_CHECK;

/* Gives *t a new identity and arms it. -EALREADY when it is armed or has ever been
 * consumed: a consumed permission is never given a second time. */
int
ticket_arm(struct ticket *t, int64_t now, struct rng *rng) MUST_CHECK;
/* -EPERM unless *t is armed and `id` is its identity. */
int
ticket_consume(struct ticket *t, const char *id, const struct ticket_use *use,
    int64_t now) MUST_CHECK;
/* armed becomes revoked, consumed becomes closed; other states stay. */
void
ticket_end(struct ticket *t, int64_t now);
bool
ticket_is_armed(const struct ticket *t);
bool
ticket_is_consumed(const struct ticket *t); /* consumed or closed */
/* Armed or consumed: bootd must know of it. */
bool
ticket_is_open(const struct ticket *t);

#endif
