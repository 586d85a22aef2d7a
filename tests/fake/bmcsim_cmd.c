/* SPDX-License-Identifier: GPL-3.0-or-later */
/* IPMI messages of the simulated BMC. A message is checked, looked up among the session's
 * recent answers (a repeated rq_seq is not executed again), subjected to the faults, then
 * executed by the row of its command. Entry point: bmcsim_cmd_message(). */
#include "lib/buf.h"

#include <string.h>

#include "lib/compiler.h"
#include "tests/fake/bmcsim_priv.h"

/* Completion codes (IPMI 2.0 table 5-2). */
enum { BUSY = 0xC0, UNKNOWN = 0xC1, TOO_SHORT = 0xC7, NO_RIGHT = 0xD4, NOT_YET = 0xFF };
enum { APP = 6, CHASSIS_CONTROL = 0x02 };

struct request {
	uint8_t netfn, cmd, rq_addr, rq_lun, rq_seq;
	const uint8_t *data;
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
build(const struct request *rq, const struct bmcsim_call *c, uint8_t *out)
{
	struct wbuf w = wbuf_init(out, BMCSIM_MESSAGE_MAX);
	uint8_t off = c->s != NULL && c->b->faults.bad_checksum ? 1 : 0;

	wbuf_u8(&w, rq->rq_addr);
	wbuf_u8(&w, (uint8_t)((rq->netfn | 1) << 2 | rq->rq_lun));
	wbuf_u8(&w, checksum(out, 2));
	wbuf_u8(&w, 0x20);
	wbuf_u8(&w, (uint8_t)(rq->rq_seq << 2));
	wbuf_u8(&w, rq->cmd);
	wbuf_u8(&w, c->code);
	wbuf_bytes(&w, c->out, c->n);
	wbuf_u8(&w, (uint8_t)(checksum(out + 3, w.len - 3) + off));
	return wbuf_ok(&w) ? w.len : 0;
}

void
bmcsim_call_put(struct bmcsim_call *c, const void *data, size_t n)
{
	if (n > sizeof c->out - c->n)
		n = sizeof c->out - c->n;
	if (n > 0)
		memcpy(c->out + c->n, data, n);
	c->n += n;
}

void
bmcsim_call_put_u16le(struct bmcsim_call *c, unsigned v)
{
	bmcsim_call_put(c, (const uint8_t[]){(uint8_t)v, (uint8_t)(v >> 8)}, 2);
}

void
bmcsim_call_put_u32le(struct bmcsim_call *c, uint32_t v)
{
	bmcsim_call_put_u16le(c, v & 0xFFFF);
	bmcsim_call_put_u16le(c, v >> 16);
}

static const struct bmcsim_command *
find(uint8_t netfn, uint8_t cmd)
{
	static const struct bmcsim_command *const tables[] = {bmcsim_app_table,
	    bmcsim_users_table, bmcsim_chassis_table, bmcsim_payload_table,
	    bmcsim_sel_table, bmcsim_sdr_table};

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		for (const struct bmcsim_command *row = tables[i]; row->run != NULL;
		     row++)
			if (row->netfn == netfn && row->cmd == cmd)
				return row;
	return NULL;
}

/* Real BMCs answer busy to ordinary commands, not to session management. */
static uint8_t
busy_code(struct bmcsim_bmc *b, int64_t now, const struct request *rq)
{
	uint8_t code = b->faults.busy_code != 0 ? (uint8_t)b->faults.busy_code : BUSY;

	if (b->faults.busy_control && rq->netfn == 0 && rq->cmd == CHASSIS_CONTROL)
		return code;
	if (rq->netfn == APP && rq->cmd >= 0x38 && rq->cmd <= 0x3D)
		return 0;
	if (now < b->ff_until)
		return NOT_YET;
	if (b->faults.busy == 0)
		return 0;
	if (b->faults.busy > 0)
		b->faults.busy--;
	return code;
}

static void
execute(struct bmcsim_call *c, const struct request *rq)
{
	const struct bmcsim_command *row = find(rq->netfn, rq->cmd);

	if (c->s != NULL)
		c->code = busy_code(c->b, c->now, rq);
	if (c->code != 0)
		return;
	if (c->s == NULL && (row == NULL || row->level != BMCSIM_ANYBODY))
		c->code = NO_RIGHT;
	else if (row == NULL)
		c->code = UNKNOWN;
	else if (c->s != NULL && c->s->level < row->level)
		c->code = NO_RIGHT;
	else if (c->len < row->min_len)
		c->code = TOO_SHORT;
	else
		row->run(c);
	if (c->code != 0)
		c->n = 0;
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

static void
slow_down(struct bmcsim_bmc *b, const struct request *rq)
{
	int what = b->faults.slow_cmd;

	if (what == 0 || what == rq->netfn * 256 + rq->cmd)
		b->reply_delay += b->faults.slow_ms * USEC_PER_MSEC;
}

size_t
bmcsim_cmd_message(struct bmcsim_bmc *b, struct bmcsim_session *s, int64_t now,
    const uint8_t *msg, size_t len, uint8_t *out)
{
	struct bmcsim_call c = {.b = b, .s = s, .now = now};
	struct request rq;
	size_t n = 0;
	bool control, held;

	if (!parse(msg, len, &rq))
		return 0;
	if (s != NULL && !bmcsim_life_command(b, now, rq.netfn, rq.cmd))
		return 0;
	held = s != NULL && bmcsim_life_holds(b, rq.netfn * 256 + rq.cmd);
	if (held && !b->faults.hold_done)
		return 0;
	if (s != NULL)
		slow_down(b, &rq);
	if (s != NULL && !b->faults.no_dedup && from_memory(s, &rq, out, &n)) {
		b->counts.repeats++;
		return n;
	}
	c.data = rq.data;
	c.len = rq.len;
	execute(&c, &rq);
	b->counts.commands++;
	control = rq.netfn == 0 && rq.cmd == CHASSIS_CONTROL && c.code == 0;
	if (control && b->faults.control_c3 > 0) {
		b->faults.control_c3--;
		c.code = 0xC3;
	}
	if (s != NULL)
		c.n = bmcsim_wire_malform(b, c.out, c.n, sizeof c.out, &c.code);
	n = build(&rq, &c, out);
	if (s != NULL)
		memorise(s, &rq, out, n);
	if (control && b->faults.lose_reply > 0) {
		b->faults.lose_reply--;
		return 0;
	}
	if (s != NULL && b->faults.lose_cmd == rq.netfn * 256 + rq.cmd &&
	    b->faults.lose_cmd != 0) {
		b->faults.lose_cmd = 0;
		return 0;
	}
	return held || (b->reboot_due && b->faults.reset_silent) ? 0 : n;
}
