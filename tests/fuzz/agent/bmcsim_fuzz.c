/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The simulated BMC's packet input: the input is a script of packets to it, raw or within an open
 * session (sealed for it, so that what is behind the integrity check is reached), of SOL packets,
 * faults and time. No packet may be longer than its room, SOL has one owner at most, and slots
 * become free again. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "tests/fake/bmcsim_priv.h"

enum { STEPS_MAX = 300, OUTPUT_MAX = 64 };

struct script {
	const uint8_t *p;
	size_t left;
};

static uint8_t
take(struct script *s)
{
	if (s->left == 0)
		return 0;
	s->left--;
	return *s->p++;
}

/* A part of the input whose length is its first octet. */
static size_t
take_part(struct script *s, uint8_t *out)
{
	size_t n = take(s);

	if (n > s->left)
		n = s->left;
	memcpy(out, s->p, n);
	s->p += n;
	s->left -= n;
	return n;
}

static size_t
pending(void *arg)
{
	return *(size_t *)arg;
}

static size_t
read_some(void *arg, uint8_t *buf, size_t max)
{
	size_t *left = arg, n = *left < max ? *left : max;

	memset(buf, 'x', n);
	*left -= n;
	return n;
}

static size_t
write_some(void *arg, const uint8_t *buf, size_t n)
{
	(void)arg;
	(void)buf;
	return n / 2 + 1 < n ? n / 2 + 1 : n;
}

static struct bmcsim_session *
open_session(struct bmcsim_bmc *b, int64_t now, uint8_t what)
{
	static const uint8_t suites[] = {17, 3, 0, 2};
	struct bmcsim_session *s = &b->sessions[what & 1];

	if (s->state == BMCSIM_ACTIVE)
		return s;
	bmcsim_sol_session_gone(b, s);
	memset(s, 0, sizeof *s);
	s->state = BMCSIM_ACTIVE;
	s->suite = suites[what >> 1 & 3];
	s->limit = 4;
	s->level = (uint8_t)(2 + (what >> 3) % 3);
	s->uid = 1;
	s->bmc_id = 0x1000U + (what & 1);
	s->console_id = s->bmc_id;
	s->touched = now;
	return s;
}

static void
drain(struct bmcsim_bmc *b, int64_t now)
{
	uint8_t pkt[BMCSIM_PACKET_MAX];
	struct bmcsim_peer to;

	for (unsigned i = 0; i < OUTPUT_MAX; i++) {
		size_t n = bmcsim_output(b, now, pkt, &to);

		assert(n <= sizeof pkt);
		if (n == 0)
			return;
	}
	assert(!"it stops talking");
}

/* A message or SOL packet as the session's console would send it. */
static void
in_session(struct bmcsim_bmc *b, int64_t now, uint8_t what, struct script *script)
{
	struct bmcsim_session *s = open_session(b, now, what);
	uint8_t data[256], msg[300] = {0x20}, pkt[BMCSIM_PACKET_MAX] = {0},
			   reply[BMCSIM_PACKET_MAX];
	size_t n = take_part(script, data), len;
	uint8_t sum = 0;
	bool sol = what & 0x80;
	uint32_t keep = s->tx;

	if (!sol && n >= 2) { /* network function, command, data */
		msg[1] = (uint8_t)(data[0] << 2);
		msg[2] = (uint8_t) - (msg[0] + msg[1]);
		msg[3] = 0x81;
		msg[4] = (uint8_t)(s->rx_highest << 2);
		memcpy(msg + 5, data + 1, n - 1);
		for (size_t i = 3; i < 5 + n - 1; i++)
			sum = (uint8_t)(sum + msg[i]);
		msg[5 + n - 1] = (uint8_t)-sum;
		n = 5 + n;
	} else {
		memcpy(msg, data, n);
	}
	s->tx = s->rx_highest;
	len = bmcsim_seal(b, s, sol ? BMCSIM_TYPE_SOL : BMCSIM_TYPE_IPMI, msg, n, pkt);
	s->tx = keep;
	len = bmcsim_input(b, now, pkt, len, reply);
	assert(len <= sizeof reply);
}

static void
act(struct bmcsim_bmc *b, struct script *script, int64_t *now, size_t *said)
{
	uint8_t what = take(script), data[256], reply[BMCSIM_PACKET_MAX];
	const char *name;
	int v;
	size_t n;

	switch (what % 8) {
	case 0:
	case 1:
	case 2: in_session(b, *now, take(script), script); break;
	case 3:
		n = take_part(script, data);
		n = bmcsim_input(b, *now, data, n, reply);
		assert(n <= sizeof reply);
		break;
	case 4: *now += (int64_t)take(script) * take(script) * 5000; break;
	case 5: *said += take(script); break;
	case 6:
		name = bmcsim_fault_name(&b->faults, take(script), &v);
		v = (int8_t)take(script);
		if (name != NULL)
			(void)bmcsim_set_fault(&b->faults, name, v);
		break;
	case 7: /* a header that is right, and anything behind it */
		memcpy(data, "\6\0\xFF\7\6", 5);
		n = take_part(script, reply);
		if (n > sizeof data - 5)
			n = sizeof data - 5;
		memcpy(data + 5, reply, n);
		n = bmcsim_input(b, *now, data, n + 5, reply);
		assert(n <= sizeof reply);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bmcsim_bmc b;
	static char text[4096];
	struct script script = {data, size};
	int64_t now = 1000000, next;
	size_t said = 0;

	bmcsim_init(&b, "admin", "secret17", 4, 1);
	b.serial = (struct bmcsim_serial){
	    .pending = pending, .read = read_some, .write = write_some, .arg = &said};
	for (int i = 0; i < STEPS_MAX && script.left > 0; i++) {
		act(&b, &script, &now, &said);
		drain(&b, now);
		next = bmcsim_tick(&b, now);
		assert(next == -1 || next > now);
	}
	bmcsim_describe(&b, text, sizeof text);
	assert(text[strlen(text) - 1] == '}');
	memset(&b.faults, 0, sizeof b.faults);
	now += BMCSIM_SESSION_US;
	(void)bmcsim_tick(&b, now);
	assert(bmcsim_slots_used(&b, false) == 0 && !bmcsim_sol_active(&b));
	return 0;
}
