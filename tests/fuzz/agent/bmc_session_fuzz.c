/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A session against a simulated BMC behind a hostile network: the input is a script of what happens
 * to each packet. The session must end, must never be fooled into an open session without the BMC
 * having proved the password, and its state must stay legal (move() asserts that). */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "agent/bmc_session.h"
#include "tests/fake/bmcsim_core.h"

enum { STEPS_MAX = 400 };

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

static void
command(struct bmc_session *s, int64_t now, uint8_t what, struct bmc_session_out *out)
{
	struct bmc_cmd cmd = {.netfn = BMC_NETFN_CHASSIS,
	    .cmd = what & 0x0F,
	    .data = {what >> 4},
	    .len = what & 1,
	    .once = what & 2};

	bmc_session_command(s, now, &cmd, out);
}

static void
act(struct script *script, struct bmcsim_bmc *bmc, struct bmc_session *s, int64_t *now,
    struct bmc_session_out *out)
{
	uint8_t reply[BMCSIM_PACKET_MAX] = {0}, what = take(script);
	size_t n = out->len > 0 ? bmcsim_input(bmc, *now, out->pkt, out->len, reply) : 0;

	switch (what % 8) {
	case 0: /* delivered */
	case 1: break;
	case 2: n = 0; break;
	case 3: /* altered */
		if (n > 0)
			reply[take(script) % n] ^= (uint8_t)(1 + take(script));
		break;
	case 4: n = n > 0 ? take(script) % n : 0; break;
	case 5: /* something else in its place */
		for (n = 0; n < 64 && script->left > 0; n++)
			reply[n] = take(script);
		break;
	case 6: /* twice */ (void)bmc_session_input(s, *now, reply, n, out); break;
	case 7: (void)bmc_session_close(s, *now, out); return;
	}
	out->len = 0;
	if (n > 0)
		(void)bmc_session_input(s, *now, reply, n, out);
	if (s->state == BMC_SESSION_READY)
		command(s, *now, take(script), out);
	if (out->len == 0 && s->deadline >= 0) {
		*now = s->deadline;
		(void)bmc_session_tick(s, *now, out);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bmc_packet *packet;
	static struct bmcsim_bmc bmc;
	struct script script = {data, size};
	struct rng rng = rng_seeded(3);
	uint8_t first = take(&script);
	struct bmc_session_params params = {.suite = bmc_packet_suite(first & 1 ? 3 : 17),
	    .user = "admin",
	    .password = first & 2 ? "wrong" : "secret17",
	    .privilege = BMC_PRIVILEGE_OPERATOR,
	    .level_in_open = first & 4};
	struct bmc_session_out out;
	struct bmc_session s;
	struct error err;
	int64_t now = 1000000;
	int steps;

	if (packet == NULL)
		packet = bmc_packet_new(rng_seeded(1), &err);
	if (packet == NULL)
		return 0;
	bmcsim_init(&bmc, "admin", "secret17", 3, 1);
	bmc_session_init(&s, packet, &params, &rng);
	bmc_session_start(&s, now, &out);
	for (steps = 0;
	     steps < STEPS_MAX && s.state != BMC_SESSION_CLOSED && script.left > 0;
	     steps++) {
		act(&script, &bmc, &s, &now, &out);
		assert(!(first & 2) || s.state < BMC_SESSION_RAKP3 ||
		       s.state == BMC_SESSION_CLOSED);
	}
	(void)bmc_session_close(&s, now, &out);
	for (steps = 0; s.state != BMC_SESSION_CLOSED; steps++) {
		assert(steps < 4 && s.deadline >= 0);
		now = s.deadline;
		(void)bmc_session_tick(&s, now, &out);
	}
	bmc_session_done(&s);
	return 0;
}
