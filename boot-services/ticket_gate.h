/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The ticket rule's hold-back (docs/protocol.md): which last chunks may leave. Pure. */
#ifndef BOOT_SERVICES_TICKET_GATE_H
#define BOOT_SERVICES_TICKET_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boot-services/hosttab.h"

enum { TICKET_GATE_CHUNK = 64 * 1024 };

enum ticket_gate_verdict {
	TICKET_GATE_FREE,   /* another kernel or initrd of the ticket never left whole */
	TICKET_GATE_ASK,    /* this one would make the set complete: the agent decides */
	TICKET_GATE_REFUSE, /* consumed, no ticket, or no such payload */
};

/* Is the payload's last chunk held back? Kernels and initrds only. */
bool
ticket_gate_holds(const struct hosttab_boot *b, size_t payload);
/* Offset of the last chunk: octets from here on need ticket_gate_check() first. */
int64_t
ticket_gate_from(int64_t size);
/* May octets of the payload's last chunk leave? */
enum ticket_gate_verdict
ticket_gate_check(const struct hosttab_entry *e, size_t payload);
/* To be called before the first octet of the last chunk leaves. */
void
ticket_gate_release(struct hosttab_entry *e, size_t payload);
/* The agent has recorded the ticket as consumed: nothing more of it is released. */
void
ticket_gate_consume(struct hosttab_entry *e);

#endif
