/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The gate's truth table: every combination of kinds, released payloads and consumption
 * for up to four payloads, against the rule as docs/protocol.md words it. */
#include "boot-services/ticket_gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka.h wants those three first. */
#include <cmocka.h>

static struct bootd_msg_payload payloads[4];

static struct hosttab_entry
entry(unsigned n)
{
	struct hosttab_entry e = {0};

	strcpy(e.boot.ticket, "0123456789abcdef");
	e.boot.payloads = payloads;
	e.boot.n_payloads = n;
	return e;
}

/* The rule in its own words. */
static enum ticket_gate_verdict
rule(const struct hosttab_entry *e, unsigned p)
{
	bool others = false;

	if (payloads[p].kind == BOOTD_PAYLOAD_FILE)
		return TICKET_GATE_FREE;
	if (e->boot.consumed)
		return TICKET_GATE_REFUSE;
	for (unsigned i = 0; i < e->boot.n_payloads; i++)
		if (i != p && payloads[i].kind != BOOTD_PAYLOAD_FILE &&
		    (e->released[0] & 1u << i) == 0)
			others = true;
	if (others)
		return TICKET_GATE_FREE;
	return (e->released[0] & 1u << p) != 0 ? TICKET_GATE_REFUSE : TICKET_GATE_ASK;
}

static void
test_truth_table(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= 4; n++)
		for (unsigned kinds = 0; kinds < 81; kinds++)
			for (unsigned bits = 0; bits < 1u << n; bits++)
				for (int consumed = 0; consumed < 2; consumed++) {
					struct hosttab_entry e = entry(n);
					unsigned k = kinds;

					for (unsigned i = 0; i < 4; i++, k /= 3)
						payloads[i].kind =
						    (enum bootd_msg_payload_kind)(k % 3);
					e.released[0] = bits;
					e.boot.consumed = consumed != 0;
					for (unsigned p = 0; p < n; p++)
						assert_int_equal(rule(&e, p),
						    ticket_gate_check(&e, p));
				}
}

static void
test_life_of_a_ticket(void **state)
{
	struct hosttab_entry e = entry(3);

	(void)state;
	payloads[0].kind = BOOTD_PAYLOAD_KERNEL;
	payloads[1].kind = BOOTD_PAYLOAD_INITRD;
	payloads[2].kind = BOOTD_PAYLOAD_FILE;
	assert_true(ticket_gate_holds(&e.boot, 0));
	assert_true(ticket_gate_holds(&e.boot, 1));
	assert_false(ticket_gate_holds(&e.boot, 2));
	assert_int_equal(TICKET_GATE_FREE, ticket_gate_check(&e, 0));
	ticket_gate_release(&e, 0);
	/* The kernel may be fetched again, as often as is needed. */
	assert_int_equal(TICKET_GATE_FREE, ticket_gate_check(&e, 0));
	ticket_gate_release(&e, 0);
	assert_int_equal(TICKET_GATE_ASK, ticket_gate_check(&e, 1));
	ticket_gate_release(&e, 1);
	ticket_gate_consume(&e);
	assert_int_equal(TICKET_GATE_REFUSE, ticket_gate_check(&e, 0));
	assert_int_equal(TICKET_GATE_REFUSE, ticket_gate_check(&e, 1));
	assert_int_equal(TICKET_GATE_FREE, ticket_gate_check(&e, 2));
	/* The installer fetches its answers after its kernel has started. */
	payloads[2].kind = BOOTD_PAYLOAD_TEMPLATE;
	assert_false(ticket_gate_holds(&e.boot, 2));
	assert_int_equal(TICKET_GATE_FREE, ticket_gate_check(&e, 2));
}

static void
test_doubt_is_refused(void **state)
{
	struct hosttab_entry e = entry(1);

	(void)state;
	payloads[0].kind = BOOTD_PAYLOAD_KERNEL;
	assert_int_equal(TICKET_GATE_ASK, ticket_gate_check(&e, 0));
	assert_int_equal(TICKET_GATE_REFUSE, ticket_gate_check(&e, 1));
	assert_int_equal(TICKET_GATE_REFUSE, ticket_gate_check(&e, 4000));
	assert_true(ticket_gate_holds(&e.boot, 1));
	ticket_gate_release(&e, 4000);
	e.boot.ticket[0] = '\0';
	assert_int_equal(TICKET_GATE_REFUSE, ticket_gate_check(&e, 0));
}

static void
test_last_chunk(void **state)
{
	(void)state;
	assert_int_equal(0, ticket_gate_from(0));
	assert_int_equal(0, ticket_gate_from(1));
	assert_int_equal(0, ticket_gate_from(TICKET_GATE_CHUNK));
	assert_int_equal(1, ticket_gate_from(TICKET_GATE_CHUNK + 1));
	assert_int_equal(INT64_C(5000000000) - TICKET_GATE_CHUNK,
	    ticket_gate_from(INT64_C(5000000000)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_truth_table),
	    cmocka_unit_test(test_life_of_a_ticket),
	    cmocka_unit_test(test_doubt_is_refused),
	    cmocka_unit_test(test_last_chunk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
