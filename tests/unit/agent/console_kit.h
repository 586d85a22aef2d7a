/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A console without a BMC, in the place of agent/console.c: one test makes it go up, speak and go down. */
#ifndef TESTS_UNIT_AGENT_CONSOLE_KIT_H
#define TESTS_UNIT_AGENT_CONSOLE_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/console.h"
#include "lib/str.h"

enum { CONSOLE_KIT_MAX = 16 };

struct console {
	const struct console_ops *ops;
	void *arg;
	char address[64], password[32];
	bool steal, up, used;
	unsigned retries, renewals, pauses, breaks;
	int64_t paused;
	size_t room; /* octets that the line takes in all; 0: any number */
	char typed[256];
	size_t n_typed;
};

/* Not freed when they are closed: looked at afterwards. */
static struct console console_kit[CONSOLE_KIT_MAX];
static unsigned console_kit_opened, console_kit_open;

struct console *
console_open(struct console_engine *e UNUSED, const struct console_params *params,
    const struct console_ops *ops, void *arg)
{
	struct console *c = &console_kit[console_kit_opened++];

	assert_true(console_kit_opened <= CONSOLE_KIT_MAX);
	*c = (struct console){
	    .ops = ops, .arg = arg, .steal = params->steal, .used = true};
	str_clip(c->address, sizeof(c->address), params->bmc->address);
	str_clip(c->password, sizeof(c->password), params->bmc->password);
	console_kit_open++;
	return c;
}

void
console_close(struct console *c)
{
	if (c == NULL)
		return;
	assert_true(c->used);
	c->used = c->up = false;
	console_kit_open--;
}

bool
console_is_up(const struct console *c)
{
	return c != NULL && c->up;
}

void
console_renew(struct console *c, const struct bundle_bmc *bmc)
{
	str_clip(c->password, sizeof(c->password), bmc->password);
	c->renewals++;
}

int
console_suite(const struct console *c UNUSED)
{
	return 17;
}

size_t
console_write(struct console *c, const void *data, size_t len)
{
	if (!c->up)
		return 0;
	if (c->room > 0 && len > c->room - c->n_typed)
		len = c->room - c->n_typed;
	for (size_t i = 0; i < len && c->n_typed < sizeof(c->typed); i++)
		c->typed[c->n_typed++] = ((const char *)data)[i];
	return len;
}

void
console_break(struct console *c)
{
	c->breaks++;
}

void
console_pause(struct console *c, int64_t us)
{
	c->up = false;
	c->paused = us;
	c->pauses++;
}

void
console_retry(struct console *c, bool steal)
{
	c->steal = steal;
	c->retries++;
}

static inline void
console_kit_reset(void)
{
	memset(console_kit, 0, sizeof(console_kit));
	console_kit_opened = console_kit_open = 0;
}

static inline void
console_kit_up(unsigned i)
{
	console_kit[i].up = true;
	console_kit[i].ops->up(console_kit[i].arg, 17);
}

static inline void
console_kit_say(unsigned i, const char *text)
{
	console_kit[i].ops->data(console_kit[i].arg, (const uint8_t *)text, strlen(text));
}

static inline void
console_kit_down(unsigned i, enum console_why why, int64_t retry)
{
	console_kit[i].up = false;
	console_kit[i].ops->down(console_kit[i].arg, why, "the test says so", retry);
}

#endif
