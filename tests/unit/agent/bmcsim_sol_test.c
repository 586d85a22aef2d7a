/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Serial over LAN of the simulated BMC: numbers, acknowledgements, retries, its end, and its
 * faults. */
#include "bmcsim_kit.h"

enum { APP = 6, ACTIVATE = 0x48, DEACTIVATE = 0x49, STATUS = 0x4A };

static const char activation[] = {1, 1, (char)0xC0, 0, 0, 0};

struct sol_packet {
	uint8_t number, ack, count, flags;
	char text[256];
	size_t len;
};

static void
start(struct kit *k)
{
	kit_init(k);
	kit_connect(k);
	assert_int_equal(kit_run(k, APP, ACTIVATE, activation, 6), 0);
	assert_int_equal(k->n, 12);
	assert_true(bmcsim_sol_active(&k->b));
	assert_int_equal(k->opened, 1);
}

/* The next packet of the BMC's, as its session's console reads it. */
static bool
heard_by(struct kit *k, struct bmcsim_session *s, struct sol_packet *p)
{
	uint8_t pkt[BMCSIM_PACKET_MAX], plain[BMCSIM_PAYLOAD_MAX];
	struct bmcsim_peer to;
	size_t len = bmcsim_output(&k->b, k->now, pkt, &to), n;

	memset(p, 0, sizeof *p);
	if (len == 0)
		return false;
	assert_int_equal(pkt[5], 0xC1);
	n = bmcsim_unseal(s, pkt[5], pkt, len, (size_t)(pkt[14] | pkt[15] << 8), plain);
	assert_true(n >= 4);
	p->number = plain[0];
	p->ack = plain[1];
	p->count = plain[2];
	p->flags = plain[3];
	p->len = n - 4;
	memcpy(p->text, plain + 4, p->len);
	return true;
}

static bool
heard(struct kit *k, struct sol_packet *p)
{
	return heard_by(k, k->s, p);
}

static void
console(struct kit *k, uint8_t number, uint8_t ack, uint8_t count, uint8_t flags,
    const char *text)
{
	uint8_t payload[256] = {number, ack, count, flags};

	memcpy(payload + 4, text, strlen(text));
	bmcsim_sol_input(&k->b, k->s, k->now, payload, 4 + strlen(text));
}

static void
text_is_repeated_until_acknowledged(void **state)
{
	struct kit k;
	struct sol_packet p;

	(void)state;
	start(&k);
	kit_say(&k, "login: ");
	assert_false(heard(&k, &p)); /* more may come within 5 ms */
	assert_int_equal(bmcsim_tick(&k.b, k.now), k.now + 5000);
	k.now += 5000;
	assert_true(heard(&k, &p));
	assert_int_equal(p.number, 1);
	assert_string_equal(p.text, "login: ");
	assert_false(heard(&k, &p));
	assert_int_equal(bmcsim_tick(&k.b, k.now), k.now + 250000);
	k.now += 250000;
	assert_true(heard(&k, &p));
	assert_int_equal(p.number, 1);
	assert_int_equal(k.b.counts.sol_resent, 1);
	console(&k, 0, 2, 7, 0, ""); /* not the number that is waited for */
	assert_int_equal(k.b.counts.sol_sent, 0);
	console(&k, 0, 1, 7, 0, "");
	assert_int_equal(k.b.counts.sol_sent, 7);
	k.now += 1000000;
	assert_false(heard(&k, &p));
	assert_int_equal(bmcsim_tick(&k.b, k.now), -1);
}

static void
rest_of_a_partial_acknowledgement_has_the_next_number(void **state)
{
	struct kit k;
	struct sol_packet p;

	(void)state;
	start(&k);
	kit_say(&k, "0123456789");
	(void)heard(&k, &p);
	k.now += 5000;
	assert_true(heard(&k, &p));
	console(&k, 0, 1, 4, 0x40, "");
	assert_true(heard(&k, &p));
	assert_int_equal(p.number, 2);
	assert_string_equal(p.text, "456789");
	console(&k, 0, 2, 0, 0x40, ""); /* refused: not at once again */
	assert_false(heard(&k, &p));
	k.now += 250000;
	assert_true(heard(&k, &p));
	assert_int_equal(p.number, 3);
	console(&k, 0, 3, 200, 0, ""); /* more than was sent */
	assert_int_equal(k.b.counts.sol_sent, 10);
}

static void
numbers_wrap_past_zero_and_long_text_is_cut(void **state)
{
	struct kit k;
	struct sol_packet p;
	char line[101];

	(void)state;
	start(&k);
	memset(line, 'x', 100);
	line[100] = '\0';
	for (int i = 0; i < 40; i++)
		kit_say(&k, line);
	for (unsigned i = 0; i < 20; i++) {
		assert_true(heard(&k, &p));
		assert_int_equal(p.number, i % 15 + 1);
		assert_int_equal(p.len, BMCSIM_SOL_CHARS);
		console(&k, 0, p.number, (uint8_t)p.len, 0, "");
	}
	assert_int_equal(k.b.counts.sol_sent, 20 * BMCSIM_SOL_CHARS);
}

static void
retries_end(void **state)
{
	struct kit k;
	struct sol_packet p;
	unsigned sent = 0;

	(void)state;
	start(&k);
	kit_say(&k, "lost");
	for (unsigned i = 0; i < 40; i++) {
		sent += heard(&k, &p);
		k.now += 250000;
	}
	assert_int_equal(sent, 8); /* once, and 7 retries */
	assert_int_equal(k.b.counts.sol_lost, 4);
	assert_true(bmcsim_sol_active(&k.b));
}

static void
typed_text_is_taken_once(void **state)
{
	struct kit k;
	struct sol_packet p;

	(void)state;
	start(&k);
	console(&k, 1, 0, 0, 0, "root\r");
	assert_true(heard(&k, &p));
	assert_int_equal(p.number, 0);
	assert_int_equal(p.ack, 1);
	assert_int_equal(p.count, 5);
	console(&k, 1, 0, 0, 0, "root\r"); /* our answer was lost */
	assert_true(heard(&k, &p));
	assert_int_equal(p.count, 5);
	k.room = 2;
	console(&k, 2, 0, 0, 0, "word");
	assert_true(heard(&k, &p));
	assert_int_equal(p.count, 2);
	assert_int_equal(p.flags, 0);
	k.room = 0;
	console(&k, 5, 0, 0, 0, "none");
	assert_true(heard(&k, &p));
	assert_int_equal(p.count, 0);
	assert_int_equal(p.flags, 0x40);
	k.typed[k.typed_len] = '\0';
	assert_string_equal(k.typed, "root\rwo");
	assert_int_equal(k.b.counts.sol_repeats, 1);
	console(&k, 3, 0, 0, 0x10, "");
	assert_int_equal(k.breaks, 1);
	assert_true(heard(&k, &p));
	assert_int_equal(p.ack, 3);
}

static void
one_console_at_a_time(void **state)
{
	struct kit k;
	struct sol_packet p;
	struct bmcsim_session *first;

	(void)state;
	start(&k);
	first = k.s;
	assert_int_equal(
	    kit_run(&k, APP, ACTIVATE, activation, 6), 0); /* the same one again */
	k.s = kit_session(&k, 1);
	assert_int_equal(kit_run(&k, APP, ACTIVATE, activation, 6), 0x80);
	assert_int_equal(kit_run(&k, APP, STATUS, "\1", 1), 0);
	assert_memory_equal(k.out, "\1\1\0", 3);
	assert_int_equal(kit_run(&k, APP, DEACTIVATE, "\1\1\0\0\0\0", 6), 0);
	assert_true(heard_by(&k, first, &p)); /* who had it is told */
	assert_int_equal(p.flags, 0x10);
	assert_false(bmcsim_sol_active(&k.b));
	assert_int_equal(k.closed, 1);
	assert_int_equal(kit_run(&k, APP, DEACTIVATE, "\1\1\0\0\0\0", 6), 0x80);
	assert_int_equal(kit_run(&k, APP, ACTIVATE, activation, 6), 0);
	console(&k, 1, 0, 0, 0, "x");
	bmcsim_sol_input(&k.b, first, k.now, (const uint8_t *)"\1\0\0\0y", 5);
	assert_int_equal(k.typed_len, 1);
}

static void
end_of_the_session_is_the_end_of_its_console(void **state)
{
	struct kit k;
	uint32_t id;
	struct sol_packet p;

	(void)state;
	start(&k);
	id = k.s->bmc_id;
	assert_int_equal(
	    kit_run(&k, APP, 0x3C, (const char[]){(char)id, (char)(id >> 8), 0, 0}, 4),
	    0);
	assert_true(bmcsim_sol_active(&k.b)); /* until the answer has left */
	bmcsim_sol_session_gone(&k.b, k.s);
	assert_false(bmcsim_sol_active(&k.b));
	start(&k);
	bmcsim_tick(&k.b, k.now + BMCSIM_SESSION_US);
	assert_false(bmcsim_sol_active(&k.b));
	assert_false(heard(&k, &p));
}

static void
bmc_ends_it(void **state)
{
	struct kit k;
	struct sol_packet p;

	(void)state;
	start(&k);
	k.b.faults.sol_drop = 1;
	assert_true(heard(&k, &p));
	assert_int_equal(p.flags, 0x10);
	assert_int_equal(k.b.faults.sol_drop, 0);
	start(&k);
	k.b.faults.sol_drop = 2;
	assert_false(heard(&k, &p));
	assert_false(bmcsim_sol_active(&k.b));
	start(&k);
	k.b.faults.sol_drop_after = 6;
	kit_say(&k, "0123456789");
	k.b.faults.sol_chunk = 4;
	assert_true(heard(&k, &p));
	assert_string_equal(p.text, "0123");
	console(&k, 0, 1, 4, 0, "");
	assert_true(heard(&k, &p));
	assert_string_equal(p.text, "4567");
	console(&k, 0, 2, 4, 0, "");
	assert_true(heard(&k, &p));
	assert_int_equal(p.flags, 0x10);
	assert_false(bmcsim_sol_active(&k.b));
}

static void
faults(void **state)
{
	struct kit k;
	struct sol_packet p;

	(void)state;
	start(&k);
	k.b.faults.sol_wrong_ack = 1;
	console(&k, 15, 0, 0, 0, "a");
	assert_true(heard(&k, &p));
	assert_int_equal(p.ack, 1);
	k.b.faults.sol_wrong_ack = 2;
	console(&k, 14, 0, 0, 0, "a");
	assert_true(heard(&k, &p));
	assert_int_equal(p.count, 2);
	k.b.faults.sol_wrong_ack = 0;
	k.b.faults.sol_nack = 1;
	console(&k, 13, 0, 0, 0, "b");
	assert_true(heard(&k, &p));
	assert_int_equal(p.flags, 0x60);
	assert_int_equal(p.count, 0);
	k.b.faults.sol_nack = 0;
	k.b.faults.sol_partial = 3;
	console(&k, 12, 0, 0, 0, "12345");
	assert_true(heard(&k, &p));
	assert_int_equal(p.count, 3);
	k.b.faults.sol_stall = 1;
	kit_say(&k, "text");
	console(&k, 11, 0, 0, 0, "c");
	k.now += 10000000;
	assert_false(heard(&k, &p));
	assert_int_equal(bmcsim_tick(&k.b, k.now), -1);
	assert_true(bmcsim_sol_active(&k.b));
	k.b.faults.sol_stall = 0;
	k.b.faults.dead = 1; /* it does not ask to be looked after all the time */
	assert_false(heard(&k, &p));
	assert_int_equal(bmcsim_tick(&k.b, k.now), -1);
	k.b.faults.dead = 0;
	(void)heard(&k, &p);
	k.now += 5000;
	assert_true(heard(&k, &p));
	assert_string_equal(p.text, "text");
}

static void
stuck_until_another_number_comes(void **state)
{
	struct kit k;
	struct sol_packet p;

	(void)state;
	start(&k);
	k.b.faults.sol_stuck = 1;
	console(&k, 7, 0, 0, 0, "x");
	console(&k, 7, 0, 0, 0, "x");
	assert_false(heard(&k, &p));
	assert_int_equal(k.typed_len, 0);
	console(&k, 8, 0, 0, 0, "x");
	assert_true(heard(&k, &p));
	assert_int_equal(p.ack, 8);
	assert_int_equal(k.b.faults.sol_stuck, 0);
	kit_init(&k);
	k.b.faults.sol_alerts = 1;
	assert_int_equal(kit_run(&k, APP, ACTIVATE, activation, 6), 0x81);
	assert_int_equal(kit_run(&k, APP, ACTIVATE, "\1\1\xC4\0\0\0", 6), 0);
}

static void
activation_faults(void **state)
{
	struct kit k;

	(void)state;
	kit_init(&k);
	k.b.faults.sol_payload_size = 0xFFFF;
	k.b.faults.sol_port = 624;
	assert_int_equal(kit_run(&k, APP, ACTIVATE, activation, 6), 0);
	assert_memory_equal(k.out + 4, "\xFF\xFF\xFF\xFF\x70\x02\xFF\xFF", 8);
	k.b.faults.sol_no_status = k.b.faults.sol_no_support = 1;
	assert_int_equal(kit_run(&k, APP, STATUS, "\1", 1), 0xC1);
	assert_int_equal(kit_run(&k, APP, 0x4E, "\x0E", 1), 0xC1);
	k.b.faults.sol_refuse = 0x82;
	assert_int_equal(kit_run(&k, APP, ACTIVATE, activation, 6), 0x82);
	kit_init(&k);
	assert_int_equal(kit_run(&k, APP, ACTIVATE, "\1\1\0\0\0\0", 6), 0x84);
	assert_int_equal(kit_run(&k, APP, ACTIVATE, "\1\1", 2), 0xC7);
	k.b.users[1].sol = false;
	assert_int_equal(kit_run(&k, APP, ACTIVATE, activation, 6), 0x81);
	k.b.users[1].sol = true;
	k.b.sol.auth = 0xC4;
	k.s->level = 3;
	assert_int_equal(kit_run(&k, APP, ACTIVATE, activation, 6), 0xD4);
}

static void
parameters(void **state)
{
	struct kit k;

	(void)state;
	kit_init(&k);
	assert_int_equal(kit_run(&k, 0x0C, 0x21, "\1\4\3\x64", 4), 0);
	assert_int_equal(kit_run(&k, 0x0C, 0x22, "\1\4\0\0", 4), 0);
	assert_memory_equal(k.out, "\x11\3\x64", 3);
	assert_int_equal(kit_run(&k, 0x0C, 0x22, "\1\x08\0\0", 4), 0);
	assert_memory_equal(k.out, "\x11\x6F\x02", 3); /* 623 */
	assert_int_equal(kit_run(&k, 0x0C, 0x21, "\1\x08\0\0", 4), 0x82);
	assert_int_equal(kit_run(&k, 0x0C, 0x22, "\1\x20\0\0", 4), 0x80);
	assert_int_equal(kit_run(&k, 0x0C, 0x21, "\1\4\3", 3), 0xC7);
	assert_int_equal(kit_run(&k, 0x0C, 0x21, "\1\1\0", 3), 0);
	assert_int_equal(kit_run(&k, APP, ACTIVATE, activation, 6), 0x81);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text_is_repeated_until_acknowledged),
	    cmocka_unit_test(rest_of_a_partial_acknowledgement_has_the_next_number),
	    cmocka_unit_test(numbers_wrap_past_zero_and_long_text_is_cut),
	    cmocka_unit_test(retries_end),
	    cmocka_unit_test(typed_text_is_taken_once),
	    cmocka_unit_test(one_console_at_a_time),
	    cmocka_unit_test(end_of_the_session_is_the_end_of_its_console),
	    cmocka_unit_test(bmc_ends_it),
	    cmocka_unit_test(faults),
	    cmocka_unit_test(stuck_until_another_number_comes),
	    cmocka_unit_test(activation_faults),
	    cmocka_unit_test(parameters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
