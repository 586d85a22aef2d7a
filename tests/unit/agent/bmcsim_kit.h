/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A simulated BMC with an open administrator session, commands to it without a network, and a
 * serial port made of two strings. */
#ifndef TESTS_UNIT_AGENT_BMCSIM_KIT_H
#define TESTS_UNIT_AGENT_BMCSIM_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "lib/compiler.h"
#include "tests/fake/bmcsim_priv.h"

struct kit {
	struct bmcsim_bmc b;
	struct bmcsim_session *s;
	int64_t now;
	uint8_t seq;
	/* of the last command */
	const uint8_t *out;
	size_t n;
	uint8_t answer[BMCSIM_MESSAGE_MAX];
	/* serial port */
	char said[4096], typed[4096];
	size_t said_len, typed_len, room;
	unsigned opened, closed, breaks;
};

static inline uint8_t
kit_sum(const uint8_t *p, size_t n)
{
	uint8_t sum = 0;

	while (n-- > 0)
		sum = (uint8_t)(sum + *p++);
	return (uint8_t)-sum;
}

static inline struct bmcsim_session *
kit_session(struct kit *k, unsigned slot)
{
	struct bmcsim_session *s = &k->b.sessions[slot];

	memset(s, 0, sizeof *s);
	s->state = BMCSIM_ACTIVE;
	s->suite = 17;
	s->level = s->limit = 4;
	s->uid = 1;
	s->bmc_id = 0x1000 + slot;
	s->console_id = 0x2000 + slot;
	s->touched = k->now;
	return s;
}

static inline void
kit_init(struct kit *k)
{
	memset(k, 0, sizeof *k);
	k->now = 1000000;
	k->room = sizeof k->typed;
	bmcsim_init(&k->b, "admin", "secret17", 4, 1);
	k->s = kit_session(k, 0);
}

/* Executes a command; its completion code, -1 if there is no answer. */
static inline int
kit_run(struct kit *k, uint8_t netfn, uint8_t cmd, const char *data, size_t len)
{
	uint8_t msg[BMCSIM_MESSAGE_MAX] = {0x20, (uint8_t)(netfn << 2)};
	size_t n;

	msg[2] = kit_sum(msg, 2);
	msg[3] = 0x81;
	msg[4] = (uint8_t)(k->seq++ << 2);
	msg[5] = cmd;
	if (len > 0)
		memcpy(msg + 6, data, len);
	msg[6 + len] = kit_sum(msg + 3, 3 + len);
	n = bmcsim_cmd_message(&k->b, k->s, k->now, msg, 7 + len, k->answer);
	k->out = k->answer + 7;
	k->n = n >= 8 ? n - 8 : 0;
	return n == 0 ? -1 : k->answer[6];
}

static inline size_t
kit_pending(void *arg)
{
	return ((struct kit *)arg)->said_len;
}

static inline size_t
kit_read(void *arg, uint8_t *buf, size_t max)
{
	struct kit *k = arg;
	size_t n = k->said_len < max ? k->said_len : max;

	memcpy(buf, k->said, n);
	memmove(k->said, k->said + n, k->said_len - n);
	k->said_len -= n;
	return n;
}

static inline size_t
kit_write(void *arg, const uint8_t *buf, size_t n)
{
	struct kit *k = arg;

	if (n > k->room)
		n = k->room;
	memcpy(k->typed + k->typed_len, buf, n);
	k->typed_len += n;
	return n;
}

static inline void
kit_break(void *arg)
{
	((struct kit *)arg)->breaks++;
}

static inline void
kit_port(void *arg, bool open)
{
	struct kit *k = arg;

	k->opened += open;
	k->closed += !open;
}

static inline void
kit_connect(struct kit *k)
{
	k->b.serial = (struct bmcsim_serial){
	    kit_pending, kit_read, kit_write, kit_break, kit_port, k};
}

static inline void
kit_say(struct kit *k, const char *text)
{
	memcpy(k->said + k->said_len, text, strlen(text));
	k->said_len += strlen(text);
}

#endif
