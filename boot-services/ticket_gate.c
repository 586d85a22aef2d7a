/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which last chunks may leave (docs/protocol.md, "Ticket rule").
 *
 * A machine boots an image once it has its kernel and all initrds whole. So as long as
 * one of them has never been released, nobody has the set, and the others may be fetched
 * and fetched again. The release of that last one is the moment at which the ticket is
 * spent: it happens once, to one transfer, after the agent has made it durable.
 *
 *	some other payload never released ─► FREE
 *	all others released, this one not ─► ASK, then release and consume
 *	all released, or consumed	  ─► REFUSE
 *
 * Entry points: ticket_gate_check() before octets from ticket_gate_from() on leave, then
 * ticket_gate_release(). The facts live in struct hosttab_entry and are borrowed.
 * Whatever is doubtful is refused: a refused machine boots its disk, a wrongly released
 * one loses it. */
#include "boot-services/ticket_gate.h"

#include "lib/compiler.h"

static bool
is_released(const struct hosttab_entry *e, size_t payload)
{
	return (e->released[payload / 64] >> payload % 64 & 1) != 0;
}

static bool
fits(const struct hosttab_entry *e, size_t payload)
{
	return payload < e->boot.n_payloads && payload < 64 * ARRAY_SIZE(e->released);
}

bool
ticket_gate_holds(const struct hosttab_boot *b, size_t payload)
{
	return payload >= b->n_payloads ||
	       bootd_msg_payload_is_boot(b->payloads[payload].kind);
}

int64_t
ticket_gate_from(int64_t size)
{
	return size > TICKET_GATE_CHUNK ? size - TICKET_GATE_CHUNK : 0;
}

enum ticket_gate_verdict
ticket_gate_check(const struct hosttab_entry *e, size_t payload)
{
	if (e->boot.ticket[0] == '\0' || !fits(e, payload))
		return TICKET_GATE_REFUSE;
	if (!ticket_gate_holds(&e->boot, payload))
		return TICKET_GATE_FREE;
	if (e->boot.consumed)
		return TICKET_GATE_REFUSE;
	for (size_t i = 0; i < e->boot.n_payloads; i++) {
		if (i == payload || !ticket_gate_holds(&e->boot, i))
			continue;
		if (!fits(e, i) || !is_released(e, i))
			return TICKET_GATE_FREE;
	}
	return is_released(e, payload) ? TICKET_GATE_REFUSE : TICKET_GATE_ASK;
}

void
ticket_gate_release(struct hosttab_entry *e, size_t payload)
{
	if (fits(e, payload))
		e->released[payload / 64] |= UINT64_C(1) << payload % 64;
}

void
ticket_gate_consume(struct hosttab_entry *e)
{
	e->boot.consumed = true;
}
