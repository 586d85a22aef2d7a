/* SPDX-License-Identifier: GPL-3.0-or-later */
/* IPMI commands of the simulated BMC. A message is checked, looked up among the session's
 * recent answers (a repeated rq_seq is not executed again), subjected to the faults, then
 * executed. Entry point: bmcsim_cmd_message(). */
#include <string.h>

#include "lib/buf.h"
#include "lib/compiler.h"
#include "tests/fake/bmcsim_priv.h"

struct request {
	uint8_t netfn, cmd, rq_addr, rq_lun, rq_seq;
	const uint8_t *data;
	size_t len;
};

struct answer {
	uint8_t code;
	uint8_t data[48];
	size_t len;
};

static uint8_t
checksum(const uint8_t *p, size_t n)
{
	uint8_t sum = 0;

	while (n-- > 0)
		sum = (uint8_t)(sum + *p++);
	return (uint8_t)-sum;
}

static bool
parse(const uint8_t *msg, size_t len, struct request *rq)
{
	if (len < 7 || checksum(msg, 2) != msg[2] ||
	    checksum(msg + 3, len - 4) != msg[len - 1])
		return false;
	rq->netfn = msg[1] >> 2;
	rq->rq_addr = msg[3];
	rq->rq_seq = msg[4] >> 2;
	rq->rq_lun = msg[4] & 3;
	rq->cmd = msg[5];
	rq->data = msg + 6;
	rq->len = len - 7;
	return true;
}

static size_t
build(const struct request *rq, const struct answer *a, uint8_t *out)
{
	struct wbuf w = wbuf_init(out, 96);

	wbuf_u8(&w, rq->rq_addr);
	wbuf_u8(&w, (uint8_t)((rq->netfn | 1) << 2 | rq->rq_lun));
	wbuf_u8(&w, checksum(out, 2));
	wbuf_u8(&w, 0x20);
	wbuf_u8(&w, (uint8_t)(rq->rq_seq << 2));
	wbuf_u8(&w, rq->cmd);
	wbuf_u8(&w, a->code);
	wbuf_bytes(&w, a->data, a->len);
	wbuf_u8(&w, checksum(out + 3, w.len - 3));
	return wbuf_ok(&w) ? w.len : 0;
}

static void
put(struct answer *a, const void *data, size_t n)
{
	memcpy(a->data + a->len, data, n);
	a->len += n;
}

/* 22.13: IPMI 2.0, no 1.5 authentication types, channel 1. */
static void
channel_capabilities(struct answer *a)
{
	put(a, (const uint8_t[]){1, 0x80, 0x04, 0x02, 0, 0, 0, 0}, 8);
}

/* 22.15: suite records are C0h, id, authentication, integrity, confidentiality. */
static void
cipher_suites(struct bmcsim_bmc *b, const struct request *rq, struct answer *a)
{
	uint8_t list[10];
	size_t n = 0, from;

	if (!(b->faults.suites & 2)) {
		memcpy(list + n, (const uint8_t[]){0xC0, 3, 0x01, 0x41, 0x81}, 5);
		n += 5;
	}
	if (!(b->faults.suites & 1)) {
		memcpy(list + n, (const uint8_t[]){0xC0, 17, 0x03, 0x44, 0x81}, 5);
		n += 5;
	}
	if (rq->len < 3) {
		a->code = 0xC7;
		return;
	}
	put(a, (const uint8_t[]){1}, 1);
	from = (size_t)(rq->data[2] & 0x3F) * 16;
	if (from < n)
		put(a, list + from, n - from);
}

static void
outside_session(struct bmcsim_bmc *b, const struct request *rq, struct answer *a)
{
	if (rq->netfn == 6 && rq->cmd == 0x38)
		channel_capabilities(a);
	else if (rq->netfn == 6 && rq->cmd == 0x54)
		cipher_suites(b, rq, a);
	else if (rq->netfn == 6 && rq->cmd == 0x37)
		put(a, b->guid, sizeof b->guid);
	else
		a->code = 0xD4;
}

static void
application(struct bmcsim_bmc *b, struct bmcsim_session *s, const struct request *rq,
    struct answer *a)
{
	static const uint8_t device[] = {
	    0x20, 0x81, 0x02, 0x17, 0x02, 0x9F, 0x91, 0x12, 0x00, 0x34, 0x12};

	switch (rq->cmd) {
	case 0x01: put(a, device, sizeof device); return;
	case 0x3B:
		if (rq->len < 1)
			a->code = 0xC7;
		else if ((rq->data[0] & 0x0F) > b->limit)
			a->code = 0x80;
		else if ((rq->data[0] & 0x0F) > s->limit)
			a->code = 0x81;
		else if ((rq->data[0] & 0x0F) >= 2)
			s->level = rq->data[0] & 0x0F;
		put(a, &s->level, a->code == 0 ? 1 : 0);
		return;
	case 0x3C:
		if (rq->len < 4 ||
		    memcmp(rq->data,
			(const uint8_t[]){(uint8_t)s->bmc_id, (uint8_t)(s->bmc_id >> 8),
			    (uint8_t)(s->bmc_id >> 16), (uint8_t)(s->bmc_id >> 24)},
			4) != 0) {
			a->code = 0x87;
			return;
		}
		b->counts.closed++;
		s->state = BMCSIM_CLOSE_AFTER_REPLY;
		return;
	case 0x37:
	case 0x38:
	case 0x54: outside_session(b, rq, a); return;
	}
	a->code = 0xC1;
}

static void
chassis(struct bmcsim_bmc *b, const struct bmcsim_session *s, int64_t now,
    const struct request *rq, struct answer *a)
{
	uint8_t value[16];
	size_t n = 0;

	if (s->level < 3 && rq->cmd != 0x00 && rq->cmd != 0x01) { /* appendix G */
		a->code = 0xD4;
		return;
	}
	switch (rq->cmd) {
	case 0x00: put(a, (const uint8_t[]){0, 0x20, 0x20, 0x20, 0x20}, 5); return;
	case 0x01:
		put(a,
		    (const uint8_t[]){
			(uint8_t)(0x20 | bmcsim_chassis_status(b)), 0, 0x40},
		    3);
		return;
	case 0x02:
		a->code = rq->len < 1
			      ? 0xC7
			      : bmcsim_chassis_control(b, now, rq->data[0] & 0x0F);
		return;
	case 0x04: return; /* identify */
	case 0x08:
		a->code = rq->len < 1
			      ? 0xC7
			      : bmcsim_chassis_set_option(b, now, rq->data, rq->len);
		return;
	case 0x09:
		a->code = rq->len < 3 ? 0xC7
				      : bmcsim_chassis_get_option(
					    b, rq->data[0] & 0x7F, value, &n);
		put(a, value, n);
		return;
	}
	a->code = 0xC1;
}

/* Real BMCs answer busy to ordinary commands, not to session management. */
static bool
is_busy(struct bmcsim_bmc *b, const struct request *rq)
{
	if (b->faults.busy_control && rq->netfn == 0 && rq->cmd == 0x02)
		return true;
	if (b->faults.busy == 0 || (rq->netfn == 6 && rq->cmd >= 0x38))
		return false;
	if (b->faults.busy > 0)
		b->faults.busy--;
	return true;
}

static void
execute(struct bmcsim_bmc *b, struct bmcsim_session *s, int64_t now,
    const struct request *rq, struct answer *a)
{
	if (s == NULL)
		outside_session(b, rq, a);
	else if (is_busy(b, rq))
		a->code = b->faults.busy_code != 0 ? (uint8_t)b->faults.busy_code : 0xC0;
	else if (rq->netfn == 6)
		application(b, s, rq, a);
	else if (rq->netfn == 0)
		chassis(b, s, now, rq, a);
	else
		a->code = 0xC1;
}

static bool
from_memory(
    struct bmcsim_session *s, const struct request *rq, uint8_t *out, size_t *ret_len)
{
	for (unsigned i = 0; i < BMCSIM_CACHE; i++) {
		if (!s->cache[i].used || s->cache[i].rq_seq != rq->rq_seq ||
		    s->cache[i].netfn != rq->netfn || s->cache[i].cmd != rq->cmd)
			continue;
		memcpy(out, s->cache[i].reply, s->cache[i].len);
		*ret_len = s->cache[i].len;
		return true;
	}
	return false;
}

static void
memorise(
    struct bmcsim_session *s, const struct request *rq, const uint8_t *out, size_t len)
{
	unsigned i = s->next_cache++ % BMCSIM_CACHE;

	if (len > sizeof s->cache[i].reply)
		return;
	s->cache[i].used = true;
	s->cache[i].rq_seq = rq->rq_seq;
	s->cache[i].netfn = rq->netfn;
	s->cache[i].cmd = rq->cmd;
	s->cache[i].len = (uint8_t)len;
	memcpy(s->cache[i].reply, out, len);
}

size_t
bmcsim_cmd_message(struct bmcsim_bmc *b, struct bmcsim_session *s, int64_t now,
    const uint8_t *msg, size_t len, uint8_t *out)
{
	struct answer a = {0};
	struct request rq;
	size_t n = 0;
	bool control;

	if (!parse(msg, len, &rq))
		return 0;
	if (s != NULL && !b->faults.no_dedup && from_memory(s, &rq, out, &n)) {
		b->counts.repeats++;
		return n;
	}
	execute(b, s, now, &rq, &a);
	control = rq.netfn == 0 && rq.cmd == 0x02 && a.code == 0;
	if (control && b->faults.control_c3 > 0) {
		b->faults.control_c3--;
		a.code = 0xC3;
	}
	n = build(&rq, &a, out);
	if (s != NULL)
		memorise(s, &rq, out, n);
	if (control && b->faults.lose_reply > 0) {
		b->faults.lose_reply--;
		return 0;
	}
	return n;
}
