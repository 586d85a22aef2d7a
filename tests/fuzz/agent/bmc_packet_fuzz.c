/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every parser of bmc_packet on hostile datagrams. The first octet chooses: a raw datagram for all
 * parsers, or a message that is sealed with the session's keys first, since a BMC (or who holds its
 * password) can put anything inside. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "agent/bmc_packet.h"
#include "agent/bmc_seq.h"
#include "lib/buf.h"

static const struct bmc_keys keys = {
    .sik = {1}, .k1 = {2}, .k2 = {3}, .sik_len = 32, .k1_len = 32, .k2_len = 32};

static void
feed_sequences(const struct bmc_reply *rs)
{
	for (int kind = BMC_SEQ_STATUS; kind <= BMC_SEQ_PROBE; kind++) {
		struct bmc_seq s = {.kind = (enum bmc_seq_kind)kind, .poll = 1};

		bmc_seq_start(&s, 0);
		for (int64_t i = 0; i < 8 && s.step != BMC_STEP_END; i++) {
			if (s.step == BMC_STEP_PAUSE)
				bmc_seq_wake(&s, i);
			else
				bmc_seq_reply(&s, i, rs);
		}
	}
}

/* The session that the datagram itself names: the parser shall get past that check. */
static uint32_t
session_of(const uint8_t *pkt, size_t len)
{
	struct rbuf r = rbuf_init(pkt, len);

	rbuf_skip(&r, 6);
	return rbuf_u32le(&r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bmc_packet *packet;
	const struct bmc_suite *suite =
	    bmc_packet_suite(size > 0 && data[0] & 2 ? 3 : 17);
	uint8_t pkt[BMC_PROTO_PACKET_MAX];
	struct bmc_cmd cmd = {.netfn = BMC_NETFN_APP | 1};
	struct bmc_open_rs open;
	struct bmc_rakp_rs rakp;
	struct bmc_reply rs;
	struct error err;
	int n;

	if (packet == NULL)
		packet = bmc_packet_new(rng_seeded(1), &err);
	if (packet == NULL || size < 1)
		return 0;
	if (data[0] & 1) {
		/* A request's bytes read as a reply: the same layout, other addresses. */
		cmd.len =
		    (uint8_t)(size - 1 < sizeof cmd.data ? size - 1 : sizeof cmd.data);
		memcpy(cmd.data, data + 1, cmd.len);
		n = bmc_packet_command(packet, suite, &keys, 7, 1, 1, &cmd, pkt);
		assert(n > 0);
		if (bmc_packet_parse_reply(
			packet, suite, &keys, 7, pkt, (size_t)n, &rs) == 0)
			feed_sequences(&rs);
		return 0;
	}
	data++;
	size--;
	(void)bmc_packet_parse_open(packet, data, size, &open);
	if (bmc_packet_parse_rakp2(packet, data, size, &rakp) == 0)
		assert(rakp.proof_len <= sizeof rakp.proof);
	(void)bmc_packet_parse_rakp4(packet, data, size, &rakp);
	if (bmc_packet_parse_reply(
		packet, suite, &keys, session_of(data, size), data, size, &rs) == 0)
		feed_sequences(&rs);
	return 0;
}
