/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands of the simulated BMC about itself, its sessions and its LAN channel (IPMI 2.0
 * chapters 20, 22, 23). The channel is number 1; Eh means the one that was used. */
#include <string.h>

#include "lib/compiler.h"
#include "tests/fake/bmcsim_priv.h"

enum { CHANNEL = 1, THIS_CHANNEL = 0x0E, APP = 6, TRANSPORT = 0x0C };
enum { BAD_FIELD = 0xCC, NO_PARAMETER = 0x80, LIST_PART = 16 };

static bool
is_our_channel(struct bmcsim_call *c, uint8_t octet)
{
	if ((octet & 0x0F) == CHANNEL || (octet & 0x0F) == THIS_CHANNEL)
		return true;
	c->code = BAD_FIELD;
	return false;
}

static void
device_id(struct bmcsim_call *c)
{
	const struct bmcsim_identity *id = &c->b->id;

	/* 20.1: revision 1, IPMI 2.0; sensors, SDR and event log, event receiver, chassis. */
	bmcsim_call_put(c,
	    (const uint8_t[]){id->device, 1, id->firmware_major & 0x7F,
		id->firmware_minor, 2, 0x97, (uint8_t)id->manufacturer,
		(uint8_t)(id->manufacturer >> 8),
		(uint8_t)(id->manufacturer >> 16) & 0x0F, (uint8_t)id->product,
		(uint8_t)(id->product >> 8)},
	    11);
}

static void
reset(struct bmcsim_call *c)
{
	c->b->reboot_due = true;
}

static void
self_test(struct bmcsim_call *c)
{
	bmcsim_call_put_u16le(c, 0x0055);
}

static void
guid(struct bmcsim_call *c)
{
	bmcsim_call_put(c, c->b->id.guid, sizeof c->b->id.guid);
}

/* 22.13: IPMI 2.0, no 1.5 authentication types. */
static void
channel_capabilities(struct bmcsim_call *c)
{
	if (is_our_channel(c, c->data[0]))
		bmcsim_call_put(c,
		    (const uint8_t[]){
			CHANNEL, 0x80, bmcsim_users_authcap(c->b), 0x02, 0, 0, 0, 0},
		    8);
}

/* 22.15: the list in parts of 16 octets. */
static void
cipher_suites(struct bmcsim_call *c)
{
	uint8_t list[64];
	size_t n = bmcsim_seal_list(c->b, list, sizeof list);
	size_t from = (size_t)(c->data[2] & 0x3F) * LIST_PART;

	if (!is_our_channel(c, c->data[0]))
		return;
	bmcsim_call_put(c, (const uint8_t[]){CHANNEL}, 1);
	if (from < n)
		bmcsim_call_put(
		    c, list + from, n - from < LIST_PART ? n - from : LIST_PART);
}

static void
set_privilege(struct bmcsim_call *c)
{
	uint8_t level = c->data[0] & 0x0F;

	if (level > bmcsim_users_limit(c->b, &c->b->users[c->s->uid]))
		c->code = 0x80;
	else if (level > c->s->limit)
		c->code = 0x81;
	else if (level >= 2)
		c->s->level = level;
	bmcsim_call_put(c, &c->s->level, 1);
}

static uint32_t
id_at(const uint8_t *p)
{
	struct rbuf r = rbuf_init(p, 4);

	return rbuf_u32le(&r);
}

static void
close_session(struct bmcsim_call *c)
{
	struct bmcsim_session *s = bmcsim_find_session(c->b, id_at(c->data));

	if (s == NULL || (s != c->s && c->s->level < BMCSIM_ADMIN)) {
		c->code = s == NULL ? 0x87 : 0xD4;
		return;
	}
	c->b->counts.closed++;
	if (c->b->faults.leak_close)
		return;
	if (s == c->s) {
		s->state = BMCSIM_CLOSE_AFTER_REPLY;
		return;
	}
	bmcsim_sol_session_gone(c->b, s);
	memset(s, 0, sizeof *s);
}

/* 22.20: by place among the active ones, by handle or by id. */
static struct bmcsim_session *
session_asked_for(struct bmcsim_call *c)
{
	uint8_t index = c->data[0];
	struct bmcsim_bmc *b = c->b;
	unsigned active = 0;

	if (index == 0)
		return c->s;
	if (index == 0xFF && c->len >= 5)
		return bmcsim_find_session(b, id_at(c->data + 1));
	if (index == 0xFE && c->len >= 2)
		return c->data[1] >= 1 && c->data[1] <= BMCSIM_SLOTS_MAX
			   ? &b->sessions[c->data[1] - 1]
			   : NULL;
	for (unsigned i = 0; i < BMCSIM_SLOTS_MAX; i++)
		if (b->sessions[i].state == BMCSIM_ACTIVE && ++active == index)
			return &b->sessions[i];
	return NULL;
}

static void
session_info(struct bmcsim_call *c)
{
	struct bmcsim_bmc *b = c->b;
	struct bmcsim_session *s = session_asked_for(c);
	bool found = s != NULL && s->state == BMCSIM_ACTIVE;
	int n = b->faults.slots;

	bmcsim_call_put(c,
	    (const uint8_t[]){found ? (uint8_t)(s - b->sessions + 1) : 0,
		n > 0 && n <= BMCSIM_SLOTS_MAX ? (uint8_t)n : 4,
		(uint8_t)bmcsim_slots_used(b, true)},
	    3);
	if (!found)
		return;
	bmcsim_call_put(
	    c, (const uint8_t[]){(uint8_t)(s->uid + 1), s->level, 0x10 | CHANNEL}, 3);
	bmcsim_call_put(c, s->peer.ip4, 4);
	bmcsim_call_put(c, (const uint8_t[6]){0}, 6);
	bmcsim_call_put_u16le(c, s->peer.port);
}

/* 22.22: always available, user authentication on; the channel's limit. */
static void
channel_access(struct bmcsim_call *c)
{
	if (is_our_channel(c, c->data[0]))
		bmcsim_call_put(c, (const uint8_t[]){0x02, c->b->limit}, 2);
}

/* 22.24: 802.3 LAN, IPMB protocol, several sessions. */
static void
channel_info(struct bmcsim_call *c)
{
	if (is_our_channel(c, c->data[0]))
		bmcsim_call_put(c,
		    (const uint8_t[]){CHANNEL, 4, 1,
			(uint8_t)(0x80 | bmcsim_slots_used(c->b, true)), 0xF2, 0x1B, 0, 0,
			0},
		    9);
}

/* 22.25. Keys are written and locked, K_R is not there. */
static void
security_keys(struct bmcsim_call *c)
{
	uint8_t op = c->data[1] & 3, which = c->data[2];

	if (!is_our_channel(c, c->data[0]))
		return;
	if (which != 1 || op > 1 || (op == 1 && c->len != 3 + BMCSIM_KEY)) {
		c->code = which != 1 || op > 1 ? BAD_FIELD : 0xC7;
		return;
	}
	if (op == 1)
		memcpy(c->b->kg, c->data + 3, BMCSIM_KEY);
	bmcsim_call_put(c, (const uint8_t[]){2}, 1); /* not locked, not lockable */
	if (op == 0)
		bmcsim_call_put(c, c->b->kg, BMCSIM_KEY);
}

/* 23.2: the parameters that say who it is in the network. */
static void
lan_parameter(struct bmcsim_call *c)
{
	const struct bmcsim_identity *id = &c->b->id;
	static const uint8_t mask[4] = {255, 255, 255, 0}, zero[6];

	if (!is_our_channel(c, c->data[0]))
		return;
	bmcsim_call_put(c, (const uint8_t[]){0x11}, 1);
	if (c->data[0] & 0x80)
		return;
	switch (c->data[1]) {
	case 0: bmcsim_call_put(c, zero, 1); return;
	case 1: bmcsim_call_put(c, zero, 1); return;
	case 2: bmcsim_call_put(c, zero, 5); return;
	case 3: bmcsim_call_put(c, id->ip4, 4); return;
	case 4: bmcsim_call_put(c, (const uint8_t[]){1}, 1); return; /* static */
	case 5: bmcsim_call_put(c, id->mac, 6); return;
	case 6: bmcsim_call_put(c, mask, 4); return;
	case 12: bmcsim_call_put(c, zero, 4); return;
	case 13: bmcsim_call_put(c, zero, 6); return;
	}
	c->code = NO_PARAMETER;
}

const struct bmcsim_command bmcsim_app_table[] = {
    {APP, 0x01, BMCSIM_USER, 0, device_id},
    {APP, 0x02, BMCSIM_ADMIN, 0, reset}, /* cold */
    {APP, 0x03, BMCSIM_ADMIN, 0, reset}, /* warm */
    {APP, 0x04, BMCSIM_USER, 0, self_test},
    {APP, 0x08, BMCSIM_USER, 0, guid},
    {APP, 0x37, BMCSIM_ANYBODY, 0, guid},
    {APP, 0x38, BMCSIM_ANYBODY, 2, channel_capabilities},
    {APP, 0x3B, BMCSIM_USER, 1, set_privilege},
    {APP, 0x3C, BMCSIM_USER, 4, close_session},
    {APP, 0x3D, BMCSIM_USER, 1, session_info},
    {APP, 0x41, BMCSIM_USER, 2, channel_access},
    {APP, 0x42, BMCSIM_USER, 1, channel_info},
    {APP, 0x54, BMCSIM_ANYBODY, 3, cipher_suites},
    {APP, 0x56, BMCSIM_ADMIN, 3, security_keys},
    {TRANSPORT, 0x02, BMCSIM_OPERATOR, 4, lan_parameter},
    {0, 0, 0, 0, NULL},
};
