/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The TFTP transfer against model clients in virtual time, over a network that loses, doubles and
 * reorders packets, for many seeds.
 *
 * The clients are written from what is known of the real ones (boot.md 1.8): EDK2 (windows; every
 * block out of order is answered with the last ACK; four seconds, six tries; closes its port at
 * once), iPXE (blksize and tsize; answers duplicates), tftp-hpa (no options; repeats its last
 * packet). What must hold: the octets are right, the server's result is true, nobody hangs, and
 * duplicates never multiply (RFC 1123 4.2.3.1). SIM_SEEDS=N runs more seeds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h wants those three first. */
#include <cmocka.h>

#include "boot-services/tftp_msg.h"
#include "boot-services/tftp_xfer.h"
#include "lib/compiler.h"
#include "lib/rng.h"

enum { PACKETS_MAX = 4096, PACKET_SIZE = 1600 };

struct model {
	const char *name;
	struct tftp_options ask;
	int64_t timeout;
	int tries;
	bool acks_out_of_order; /* each block that is not the next one */
	bool stays;		/* answers a repeated last block for a while */
};

static const struct model models[] = {
    {"edk2", {.blksize = 1468, .windowsize = 4}, 4 * USEC_PER_SEC, 6, true, false},
    {"edk2-v6", {.blksize = 1228, .windowsize = 4}, 4 * USEC_PER_SEC, 6, true, false},
    {"ipxe", {.blksize = 1432, .has_tsize = true}, USEC_PER_SEC / 2, 20, true, true},
    {"tftp-hpa", {.blksize = 0}, 5 * USEC_PER_SEC, 6, false, false},
    {"wide", {.blksize = 512, .windowsize = 16}, USEC_PER_SEC, 10, true, true},
};

struct packet {
	int64_t at;
	unsigned long number; /* first sent, first here, when the time is the same */
	bool to_server, icmp;
	size_t len;
	uint8_t data[PACKET_SIZE];
};

struct network {
	unsigned loss, dup; /* in 1000 */
	int64_t delay_min, delay_spread;
	struct packet *flying[PACKETS_MAX];
	size_t n;
	unsigned long sent;
	unsigned long data_packets; /* sent by the server */
};

struct client {
	const struct model *m;
	bool open, complete, failed, oack_taken;
	unsigned window;
	uint16_t blksize;
	uint64_t have, acked; /* blocks in order */
	int64_t octets, deadline;
	int tries;
	bool wrong; /* octets were not those of the file */
};

struct sim {
	struct rng rng;
	int64_t now, size;
	struct network net;
	struct client c;
	struct tftp_xfer x;
	bool started;
};

static uint8_t
octet_at(int64_t off)
{
	return (uint8_t)((uint64_t)off * 2654435761u >> 13);
}

/* ---- network ---- */

static void
put(struct sim *s, bool to_server, bool icmp, const uint8_t *data, size_t len)
{
	struct packet *p;

	if (rng_below(&s->rng, 1000) < s->net.loss)
		return;
	assert_true(s->net.n < PACKETS_MAX && len <= PACKET_SIZE);
	p = calloc(1, sizeof *p);
	p->at = s->now + s->net.delay_min +
		(int64_t)rng_below(&s->rng, (uint64_t)s->net.delay_spread + 1);
	p->number = s->net.sent++;
	p->to_server = to_server;
	p->icmp = icmp;
	p->len = len;
	if (len > 0)
		memcpy(p->data, data, len);
	s->net.flying[s->net.n++] = p;
}

static void
transmit(struct sim *s, bool to_server, const struct wbuf *w)
{
	put(s, to_server, false, w->base, w->len);
	if (rng_below(&s->rng, 1000) < s->net.dup)
		put(s, to_server, false, w->base, w->len);
}

static bool
is_before(const struct packet *a, const struct packet *b)
{
	return a->at < b->at || (a->at == b->at && a->number < b->number);
}

/* Takes the packet that arrives first, when that is not after `until`. */
static struct packet *
arrive(struct sim *s, int64_t until)
{
	size_t first = SIZE_MAX;
	struct packet *p;

	for (size_t i = 0; i < s->net.n; i++)
		if (first == SIZE_MAX ||
		    is_before(s->net.flying[i], s->net.flying[first]))
			first = i;
	if (first == SIZE_MAX || s->net.flying[first]->at > until)
		return NULL;
	p = s->net.flying[first];
	s->net.flying[first] = s->net.flying[--s->net.n];
	return p;
}

/* ---- server ---- */

static void
server_send(struct sim *s, const struct tftp_xfer_out *out)
{
	uint8_t buf[PACKET_SIZE];

	if (out->oack) {
		struct wbuf w = wbuf_init(buf, sizeof buf);

		assert_true(tftp_msg_build_oack(&w, &s->x.agreed) > 0);
		transmit(s, false, &w);
	}
	for (unsigned i = 0; i < out->count; i++) {
		uint64_t block = out->first + i;
		struct wbuf w = wbuf_init(buf, sizeof buf);
		int64_t off = tftp_xfer_offset(&s->x, block);

		tftp_msg_build_data_header(&w, (uint16_t)block);
		for (uint16_t k = 0; k < tftp_xfer_length(&s->x, block); k++)
			wbuf_u8(&w, octet_at(off + k));
		assert_true(wbuf_ok(&w));
		s->net.data_packets++;
		transmit(s, false, &w);
	}
}

static void
server_take(struct sim *s, const struct packet *p)
{
	static const struct tftp_xfer_limits limits = {.blksize = 1468, .windowsize = 16};
	struct tftp_xfer_out out = {0};
	struct tftp_msg m;

	if (p->icmp) {
		if (s->started)
			tftp_xfer_on_closed(&s->x);
		return;
	}
	assert_int_equal(0, tftp_msg_parse(p->data, p->len, &m));
	if (m.op == TFTP_OP_RRQ && !s->started) {
		s->started = true;
		tftp_xfer_start(&s->x, &m.req, s->size, &limits, s->now, &out);
	} else if (m.op == TFTP_OP_RRQ) {
		tftp_xfer_on_repeat(&s->x, s->now, &out);
	} else if (s->started) {
		tftp_xfer_on_msg(&s->x, &m, s->now, &out);
	}
	server_send(s, &out);
}

/* ---- client ---- */

static void
client_rrq(struct sim *s)
{
	struct tftp_request req = {.name = "a.efi", .opts = s->c.m->ask};
	uint8_t buf[PACKET_SIZE];
	struct wbuf w = wbuf_init(buf, sizeof buf);

	assert_true(tftp_msg_build_rrq(&w, &req) > 0);
	transmit(s, true, &w);
}

static void
client_ack(struct sim *s)
{
	uint8_t buf[4];
	struct wbuf w = wbuf_init(buf, sizeof buf);

	tftp_msg_build_ack(&w, (uint16_t)s->c.have);
	s->c.acked = s->c.have;
	transmit(s, true, &w);
}

static void
client_data(struct sim *s, const struct tftp_msg *m)
{
	struct client *c = &s->c;

	if (m->block != (uint16_t)(c->have + 1)) {
		if (c->m->acks_out_of_order && !(c->have == 0 && !c->oack_taken))
			client_ack(s);
		return;
	}
	for (size_t i = 0; i < m->data_len; i++)
		c->wrong = c->wrong || m->data[i] != octet_at(c->octets + (int64_t)i);
	c->have++;
	c->octets += (int64_t)m->data_len;
	c->tries = 0;
	c->deadline = s->now + c->m->timeout;
	if (m->data_len < c->blksize) {
		client_ack(s);
		c->complete = true;
		if (!c->m->stays)
			c->open = false;
	} else if (c->have - c->acked >= c->window) {
		client_ack(s);
	}
}

static void
client_take(struct sim *s, const struct packet *p)
{
	struct client *c = &s->c;
	struct tftp_msg m;

	if (!c->open) {
		put(s, true, true, NULL, 0);
		return;
	}
	assert_int_equal(0, tftp_msg_parse(p->data, p->len, &m));
	if (m.op == TFTP_OP_OACK) {
		/* What EDK2 demands (Mtftp4RrqOackValid). */
		assert_true(m.oack.blksize <= c->m->ask.blksize);
		assert_true(m.oack.windowsize <= c->m->ask.windowsize);
		assert_true(!m.oack.has_tsize ||
			    (c->m->ask.has_tsize && m.oack.tsize == s->size));
		if (c->have == 0) {
			c->oack_taken = true;
			c->blksize = m.oack.blksize != 0 ? m.oack.blksize : 512;
			c->window = m.oack.windowsize != 0 ? m.oack.windowsize : 1;
			client_ack(s);
		}
	} else if (m.op == TFTP_OP_DATA && (c->oack_taken || c->m->ask.blksize == 0)) {
		client_data(s, &m);
	}
}

static void
client_on_time(struct sim *s)
{
	struct client *c = &s->c;

	if (c->complete) {
		c->open = false;
		c->deadline = INT64_MAX;
		return;
	}
	if (++c->tries > c->m->tries) {
		c->failed = true;
		c->open = false;
		c->deadline = INT64_MAX;
		return;
	}
	c->deadline = s->now + c->m->timeout;
	if (c->have == 0 && !c->oack_taken)
		client_rrq(s);
	else
		client_ack(s);
}

/* ---- one run ---- */

static void
run(struct sim *s, const struct model *m)
{
	struct packet *p;
	int64_t limit = 3600 * USEC_PER_SEC;

	s->c = (struct client){.m = m, .open = true, .window = 1, .blksize = 512};
	s->c.deadline = m->timeout;
	client_rrq(s);
	while (
	    s->c.open || (s->started && s->x.state != TFTP_XFER_DONE) || s->net.n > 0) {
		int64_t wake = s->c.open ? s->c.deadline : INT64_MAX;

		if (s->started && s->x.deadline < wake)
			wake = s->x.deadline;
		p = arrive(s, wake);
		if (p != NULL) {
			s->now = p->at > s->now ? p->at : s->now;
			if (p->to_server)
				server_take(s, p);
			else
				client_take(s, p);
			free(p);
			continue;
		}
		s->now = wake > s->now ? wake : s->now;
		assert_true(s->now < limit);
		if (s->c.open && s->now >= s->c.deadline)
			client_on_time(s);
		if (s->started && s->now >= s->x.deadline) {
			struct tftp_xfer_out out = {0};

			tftp_xfer_on_time(&s->x, s->now, &out);
			server_send(s, &out);
		}
	}
}

static struct sim
make(uint64_t seed, unsigned loss, unsigned dup, int64_t delay, int64_t spread)
{
	struct sim s = {.rng = rng_seeded(seed)};

	s.net.loss = loss;
	s.net.dup = dup;
	s.net.delay_min = delay;
	s.net.delay_spread = spread;
	s.size = (int64_t)rng_below(&s.rng, 60000);
	/* The last block is empty now and then. */
	if (rng_below(&s.rng, 4) == 0)
		s.size -= s.size % 512;
	return s;
}

static void
check_truth(const struct sim *s)
{
	assert_false(s->c.wrong);
	if (s->c.complete)
		assert_int_equal(s->size, s->c.octets);
	if (!s->started)
		return;
	/* "complete" is never said of what did not arrive. */
	if (s->x.result == TFTP_XFER_COMPLETE) {
		assert_true(s->c.complete);
		assert_int_equal(s->size, tftp_xfer_bytes(&s->x));
	}
	assert_true(tftp_xfer_bytes(&s->x) <= s->c.octets);
	/* A client whose only word was lost, and who then closed its port, proves nothing. */
	if (s->c.complete && s->x.heard)
		assert_true(s->x.result == TFTP_XFER_COMPLETE ||
			    s->x.result == TFTP_XFER_COMPLETE_UNACKED ||
			    (s->c.m->ask.has_tsize && s->x.result == TFTP_XFER_PROBE));
}

static void
test_good_network_sends_nothing_twice(void **state)
{
	(void)state;
	for (size_t m = 0; m < ARRAY_SIZE(models); m++)
		for (uint64_t seed = 1; seed <= 100; seed++) {
			struct sim s = make(seed, 0, 0, 200, 0);

			run(&s, &models[m]);
			check_truth(&s);
			assert_int_equal(TFTP_XFER_COMPLETE, s.x.result);
			assert_int_equal(s.x.last, s.net.data_packets);
			assert_int_equal(0, s.x.resent);
		}
}

static void
test_loss_duplication_reordering(void **state)
{
	const char *text = getenv("SIM_SEEDS");
	uint64_t seeds = text != NULL ? strtoull(text, NULL, 10) : 300;
	uint64_t unacked = 0;

	(void)state;
	for (size_t m = 0; m < ARRAY_SIZE(models); m++)
		for (uint64_t seed = 1; seed <= seeds; seed++) {
			struct sim s = make(seed, (unsigned)(seed % 100),
			    (unsigned)(seed % 7) * 20, 300, (int64_t)(seed % 5) * 2000);

			run(&s, &models[m]);
			check_truth(&s);
			if (!s.c.complete)
				print_message("%s seed %llu: client gave up\n",
				    models[m].name, (unsigned long long)seed);
			assert_true(s.c.complete);
			unacked += s.x.result == TFTP_XFER_COMPLETE_UNACKED;
		}
	/* The case exists, but is not the usual one. */
	assert_true(unacked > 0 && unacked < 2 * seeds);
}

static void
test_duplicates_do_not_multiply(void **state)
{
	(void)state;
	for (size_t m = 0; m < ARRAY_SIZE(models); m++)
		for (uint64_t seed = 1; seed <= 100; seed++) {
			struct sim s = make(seed, 0, 1000, 500, 0);

			run(&s, &models[m]);
			check_truth(&s);
			assert_true(s.c.complete);
			/* Every packet is doubled on the wire. With windows a client cannot
			 * tell a double from a gap and asks again; that may double the work,
			 * but must not grow with each round. */
			if (models[m].ask.windowsize <= 1)
				assert_int_equal(s.x.last, s.net.data_packets);
			else
				assert_true(s.net.data_packets <= 2 * s.x.last + 16);
		}
}

static void
test_terrible_network_is_told_truly(void **state)
{
	(void)state;
	for (size_t m = 0; m < ARRAY_SIZE(models); m++)
		for (uint64_t seed = 1; seed <= 100; seed++) {
			struct sim s =
			    make(seed, 300 + (unsigned)(seed % 600), 100, 300, 5000);

			run(&s, &models[m]);
			check_truth(&s);
		}
}

static void
test_client_dies_at_any_moment(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		const struct model *m = &models[seed % ARRAY_SIZE(models)];
		struct model dying = *m;
		struct sim s = make(seed, 0, 0, 300, 100);

		/* Powered off: the port answers nothing, not even by ICMP. */
		dying.tries = 0;
		dying.timeout = (int64_t)rng_below(&s.rng, 30000);
		s.net.loss = 0;
		run(&s, &dying);
		check_truth(&s);
		assert_true(s.now < 60 * USEC_PER_SEC);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good_network_sends_nothing_twice),
	    cmocka_unit_test(test_loss_duplication_reordering),
	    cmocka_unit_test(test_duplicates_do_not_multiply),
	    cmocka_unit_test(test_terrible_network_is_told_truly),
	    cmocka_unit_test(test_client_dies_at_any_moment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
