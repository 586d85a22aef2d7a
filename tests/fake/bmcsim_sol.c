/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Serial over LAN of the simulated BMC: packets, acknowledgements and retries (IPMI 2.0
 * chapter 15). One instance, owned by the session that activated it (bmcsim_payload.c).
 *
 * Each way one packet is under way at a time, numbered 1 to 15. What the console sends is
 * given to the serial port and acknowledged with the number of characters it took; a repeated
 * number is acknowledged again and not given again. What the machine sends is repeated until
 * it is acknowledged, in whole or in part, or the retries of SOL parameter 4 are used up.
 * Nothing leaves from here: bmcsim_sol_output() says what to send next, if anything. */
#include <string.h>

#include "lib/compiler.h"
#include "tests/fake/bmcsim_priv.h"

enum { HEAD = 4, NUMBERS = 15 };
/* Octet 4 from the console (15.9) and from the BMC. */
enum { NACK = 0x40, BREAK = 0x10, UNAVAILABLE = 0x20, ENDED = 0x10 };
enum { RATE_115200 = 0x0A, INTERVAL_US = 5000, RETRY_US = 10000 };

void
bmcsim_sol_init(struct bmcsim_bmc *b)
{
	struct bmcsim_sol *sol = &b->sol;

	sol->enable = 1;
	sol->auth = 0xC0 | BMCSIM_USER; /* encrypted and authenticated, user level */
	sol->interval = 1;
	sol->threshold = 96;
	sol->retries = 7;
	sol->retry_10ms = 25;
	sol->rate = sol->volatile_rate = RATE_115200;
}

bool
bmcsim_sol_active(const struct bmcsim_bmc *b)
{
	return b->sol.session != 0;
}

static void
forget_packets(struct bmcsim_sol *sol)
{
	sol->tx = sol->rx = sol->taken = sol->tries = sol->out_len = 0;
	sol->stuck_on = 0;
	sol->ack_due = false;
	sol->resend_at = sol->batch_at = 0;
}

static void
tell_port(struct bmcsim_bmc *b, bool open)
{
	if (b->serial.on_open != NULL)
		b->serial.on_open(b->serial.arg, open);
}

void
bmcsim_sol_start(struct bmcsim_bmc *b, struct bmcsim_session *s)
{
	forget_packets(&b->sol);
	b->sol.session = s->bmc_id;
	b->sol.farewell = 0;
	b->counts.sol_opens++;
	tell_port(b, true);
}

void
bmcsim_sol_stop(struct bmcsim_bmc *b, bool tell)
{
	if (b->sol.session == 0)
		return;
	b->sol.farewell = tell ? b->sol.session : 0;
	b->sol.session = 0;
	forget_packets(&b->sol);
	b->counts.sol_ends++;
	tell_port(b, false);
}

void
bmcsim_sol_session_gone(struct bmcsim_bmc *b, const struct bmcsim_session *s)
{
	if (b->sol.session == s->bmc_id)
		bmcsim_sol_stop(b, false);
	if (b->sol.farewell == s->bmc_id)
		b->sol.farewell = 0;
}

/* 15.11: what was not accepted goes into the next packet. */
static void
on_ack(struct bmcsim_bmc *b, uint8_t number, uint8_t count, bool refused)
{
	struct bmcsim_sol *sol = &b->sol;

	if (number == 0 || number != sol->tx || sol->out_len == 0)
		return;
	if (count > sol->out_len)
		count = sol->out_len;
	b->counts.sol_sent += count;
	memmove(sol->out, sol->out + count, sol->out_len - count);
	sol->out_len = (uint8_t)(sol->out_len - count);
	sol->tries = 0;
	sol->resend_at = 0; /* the rest at once, under the next number */
	if (refused && count == 0)
		sol->resend_at = -1;
	if (b->faults.sol_drop_after > 0 && (b->faults.sol_drop_after -= count) <= 0) {
		b->faults.sol_drop_after = 0;
		bmcsim_sol_stop(b, true);
	}
}

static size_t
give_to_machine(struct bmcsim_bmc *b, const uint8_t *chars, size_t n)
{
	size_t max = b->faults.sol_partial > 0 ? (size_t)b->faults.sol_partial : n;

	if (n > max)
		n = max;
	if (b->serial.write != NULL)
		n = b->serial.write(b->serial.arg, chars, n);
	b->counts.sol_received += (unsigned)n;
	return n;
}

static bool
is_stuck(struct bmcsim_bmc *b, uint8_t number)
{
	struct bmcsim_sol *sol = &b->sol;

	if (!b->faults.sol_stuck)
		return false;
	if (sol->stuck_on == 0)
		sol->stuck_on = number;
	if (number == sol->stuck_on)
		return true;
	b->faults.sol_stuck = 0;
	sol->stuck_on = 0;
	return false;
}

static void
on_chars(
    struct bmcsim_bmc *b, uint8_t number, uint8_t flags, const uint8_t *chars, size_t n)
{
	struct bmcsim_sol *sol = &b->sol;

	if (number == 0 || is_stuck(b, number))
		return;
	sol->ack_due = true;
	sol->ack = number;
	sol->ack_flags = 0;
	if (b->faults.sol_nack) {
		sol->ack_count = 0;
		sol->ack_flags = NACK | UNAVAILABLE;
		return;
	}
	if (number == sol->rx) {
		b->counts.sol_repeats++;
		sol->ack_count = sol->taken;
		return;
	}
	if (flags & BREAK) {
		b->counts.sol_breaks++;
		if (b->serial.on_break != NULL)
			b->serial.on_break(b->serial.arg);
	}
	sol->rx = number;
	sol->taken = (uint8_t)give_to_machine(b, chars, n);
	sol->ack_count = sol->taken;
	if (sol->taken == 0 && n > 0) /* else the count tells what is to be sent again */
		sol->ack_flags = NACK;
}

void
bmcsim_sol_input(struct bmcsim_bmc *b, struct bmcsim_session *s, int64_t now,
    const uint8_t *payload, size_t len)
{
	uint8_t number, ack, count, flags;

	(void)now;
	if (len < HEAD || b->sol.session != s->bmc_id || b->faults.sol_stall) {
		b->counts.bad_packets += len < HEAD;
		return;
	}
	number = payload[0] & 0x0F;
	ack = payload[1] & 0x0F;
	count = payload[2];
	flags = payload[3];
	if (len - HEAD > BMCSIM_SOL_CHARS) {
		b->counts.bad_packets++;
		return;
	}
	on_ack(b, ack, count, flags & NACK);
	if (b->sol.session != 0)
		on_chars(b, number, flags, payload + HEAD, len - HEAD);
}

/* Fills the next packet once enough has come, or the rest has waited the interval of SOL
 * parameter 3. */
static void
collect(struct bmcsim_bmc *b, int64_t now)
{
	struct bmcsim_sol *sol = &b->sol;
	size_t max = BMCSIM_SOL_CHARS, n;

	if (sol->out_len > 0 || b->serial.pending == NULL)
		return;
	n = b->serial.pending(b->serial.arg);
	if (n == 0)
		return;
	if (b->faults.sol_chunk > 0 && b->faults.sol_chunk < BMCSIM_SOL_CHARS)
		max = (size_t)b->faults.sol_chunk;
	if (n < sol->threshold && n < max) {
		if (sol->batch_at == 0)
			sol->batch_at = now + sol->interval * INTERVAL_US;
		if (now < sol->batch_at)
			return;
	}
	sol->batch_at = 0;
	sol->out_len = (uint8_t)b->serial.read(b->serial.arg, sol->out, max);
	sol->tries = 0;
	sol->resend_at = 0;
}

/* True when its characters are to be sent now. */
static bool
sending_is_due(struct bmcsim_bmc *b, int64_t now)
{
	struct bmcsim_sol *sol = &b->sol;
	int64_t wait = sol->retry_10ms * RETRY_US;

	if (sol->out_len == 0)
		return false;
	if (sol->resend_at == -1) /* refused: not at once again */
		sol->resend_at = now + (wait > 0 ? wait : RETRY_US);
	if (now < sol->resend_at)
		return false;
	if (sol->tries > sol->retries) {
		b->counts.sol_lost += sol->out_len;
		sol->out_len = 0;
		return false;
	}
	if (sol->tries == 0)
		sol->tx = (uint8_t)(sol->tx % NUMBERS + 1);
	else
		b->counts.sol_resent++;
	sol->tries++;
	sol->resend_at = now + (wait > 0 ? wait : RETRY_US);
	return true;
}

static size_t
farewell(struct bmcsim_bmc *b, uint8_t *pkt, struct bmcsim_peer *ret_to)
{
	static const uint8_t bye[HEAD] = {0, 0, 0, ENDED};
	struct bmcsim_session *s = bmcsim_find_session(b, b->sol.farewell);

	b->sol.farewell = 0;
	if (s == NULL || s->state != BMCSIM_ACTIVE)
		return 0;
	*ret_to = s->peer;
	return bmcsim_seal(b, s, BMCSIM_TYPE_SOL, bye, sizeof bye, pkt);
}

static void
put_ack(struct bmcsim_bmc *b, struct wbuf *w)
{
	struct bmcsim_sol *sol = &b->sol;
	uint8_t ack = sol->ack_due ? sol->ack : 0,
		count = sol->ack_due ? sol->ack_count : 0;

	if (sol->ack_due && b->faults.sol_wrong_ack == 1)
		ack = (uint8_t)(ack % NUMBERS + 1);
	if (sol->ack_due && b->faults.sol_wrong_ack == 2)
		count = (uint8_t)(count + 1);
	wbuf_u8(w, ack);
	wbuf_u8(w, count);
	wbuf_u8(w, sol->ack_due ? sol->ack_flags : 0);
	sol->ack_due = false;
}

size_t
bmcsim_sol_output(
    struct bmcsim_bmc *b, int64_t now, uint8_t *pkt, struct bmcsim_peer *ret_to)
{
	struct bmcsim_sol *sol = &b->sol;
	uint8_t payload[HEAD + BMCSIM_SOL_CHARS];
	struct wbuf w = wbuf_init(payload, sizeof payload);
	struct bmcsim_session *s;
	bool send;

	if (sol->farewell != 0)
		return farewell(b, pkt, ret_to);
	if (sol->session == 0 || b->faults.sol_stall)
		return 0;
	s = bmcsim_find_session(b, sol->session);
	if (s == NULL || s->state != BMCSIM_ACTIVE) {
		bmcsim_sol_stop(b, false);
		return 0;
	}
	collect(b, now);
	send = sending_is_due(b, now);
	if (!send && !sol->ack_due)
		return 0;
	wbuf_u8(&w, send ? sol->tx : 0);
	put_ack(b, &w);
	if (send)
		wbuf_bytes(&w, sol->out, sol->out_len);
	*ret_to = s->peer;
	return bmcsim_seal(b, s, BMCSIM_TYPE_SOL, payload,
	    bmcsim_wire_malform(b, payload, w.len, sizeof payload, NULL), pkt);
}

int64_t
bmcsim_sol_tick(struct bmcsim_bmc *b, int64_t now)
{
	const struct bmcsim_sol *sol = &b->sol;
	int64_t next = -1;

	if (b->faults.dead || now < b->silent_until)
		return -1; /* nothing can be sent */
	if (sol->farewell != 0)
		return now + 1;
	if (sol->session == 0 || b->faults.sol_stall)
		return -1;
	if (sol->out_len > 0)
		next = sol->resend_at;
	else if (sol->batch_at != 0)
		next = sol->batch_at;
	else
		return -1;
	return next > now ? next : now + 1;
}
