/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Consoles shared by the recorder and those who watch.
 *
 * Entry points: console_hub_join(), console_hub_leave(), and the console's callbacks, which go to all.
 * Ownership: a line owns its console; it goes with its last ear. An ear that leaves while the others are told is freed
 * after that.
 * Failure modes: none of its own.
 */
#include "agent/console_hub.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "lib/clock.h"
#include "lib/str.h"

#define RETRY_FIRST (2 * USEC_PER_SEC)
#define RETRY_MAX (30 * USEC_PER_SEC)

struct line {
	struct console_hub *hub;
	char key[BMC_CALL_KEY_SIZE];
	struct console *console;
	struct console_ear *ears;
	unsigned telling; /* callbacks on the stack */
	UT_hash_handle hh;
};

struct console_ear {
	struct console_ear *next, *prev;
	struct line *line;
	const struct console_ops *ops; /* NULL: it has left */
	void *arg;
};

struct console_hub {
	struct console_engine *engine;
	struct line *lines;
};

struct console_hub *
console_hub_new(struct console_engine *engine)
{
	struct console_hub *hub = str_alloc(sizeof(*hub));

	hub->engine = engine;
	return hub;
}

void
console_hub_free(struct console_hub *hub)
{
	assert(hub == NULL || hub->lines == NULL);
	free(hub);
}

/* Those who left, and the line when nobody stays. */
static void
sweep(struct line *l)
{
	struct console_ear *ear, *tmp;

	if (l->telling > 0)
		return;
	DL_FOREACH_SAFE(l->ears, ear, tmp)
	{
		if (ear->ops != NULL)
			continue;
		DL_DELETE(l->ears, ear);
		free(ear);
	}
	if (l->ears != NULL)
		return;
	HASH_DEL(l->hub->lines, l);
	console_close(l->console);
	free(l);
}

static void
on_up(void *arg, int suite)
{
	struct line *l = arg;

	l->telling++;
	for (struct console_ear *ear = l->ears; ear != NULL; ear = ear->next) {
		if (ear->ops != NULL)
			ear->ops->up(ear->arg, suite);
	}
	l->telling--;
	sweep(l);
}

static void
on_data(void *arg, const uint8_t *data, size_t len)
{
	struct line *l = arg;

	l->telling++;
	for (struct console_ear *ear = l->ears; ear != NULL; ear = ear->next) {
		if (ear->ops != NULL)
			ear->ops->data(ear->arg, data, len);
	}
	l->telling--;
	sweep(l);
}

static void
on_down(void *arg, enum console_why why, const char *text, int64_t retry)
{
	struct line *l = arg;

	l->telling++;
	for (struct console_ear *ear = l->ears; ear != NULL; ear = ear->next) {
		if (ear->ops != NULL)
			ear->ops->down(ear->arg, why, text, retry);
	}
	l->telling--;
	sweep(l);
}

static struct line *
open_line(
    struct console_hub *hub, const char *key, const struct bundle_bmc *bmc, bool steal)
{
	static const struct console_ops ops = {
	    .up = on_up, .data = on_data, .down = on_down};
	const struct console_params params = {.bmc = bmc,
	    .steal = steal,
	    .retry_first = RETRY_FIRST,
	    .retry_max = RETRY_MAX};
	struct line *l = str_alloc(sizeof(*l));

	l->hub = hub;
	str_clip(l->key, sizeof(l->key), key);
	l->console = console_open(hub->engine, &params, &ops, l);
	HASH_ADD_STR(hub->lines, key, l);
	return l;
}

struct console_ear *
console_hub_join(struct console_hub *hub, const struct bundle_bmc *bmc, bool steal,
    const struct console_ops *ops, void *arg)
{
	struct console_ear *ear = str_alloc(sizeof(*ear));
	char key[BMC_CALL_KEY_SIZE];

	bmc_call_key(bmc, key);
	HASH_FIND_STR(hub->lines, key, ear->line);
	if (ear->line == NULL)
		ear->line = open_line(hub, key, bmc, steal);
	else
		console_renew(ear->line->console, bmc);
	if (!console_is_up(ear->line->console))
		console_retry(ear->line->console, steal); /* somebody waits for it now */
	ear->ops = ops;
	ear->arg = arg;
	DL_APPEND(ear->line->ears, ear);
	return ear;
}

void
console_hub_renew(struct console_ear *ear, const struct bundle_bmc *bmc)
{
	console_renew(ear->line->console, bmc);
}

void
console_hub_yield(struct console_hub *hub, const char *key, int64_t us, const char *why)
{
	struct line *l;
	bool was_up;

	HASH_FIND_STR(hub->lines, key, l);
	if (l == NULL)
		return;
	was_up = console_is_up(l->console);
	console_pause(l->console, us);
	if (was_up)
		on_down(l, CONSOLE_YIELDED, why, us);
}

void
console_hub_leave(struct console_ear *ear)
{
	if (ear == NULL)
		return;
	ear->ops = NULL;
	sweep(ear->line);
}

struct console *
console_hub_console(const struct console_ear *ear)
{
	return ear->line->console;
}

const char *
console_hub_key(const struct console_ear *ear)
{
	return ear->line->key;
}

const char *
console_hub_state(enum console_why why)
{
	static const char *const states[] = {[CONSOLE_LOST] = "lost",
	    [CONSOLE_STOLEN] = "stolen",
	    [CONSOLE_IN_USE] = "in-use",
	    [CONSOLE_BUSY] = "busy",
	    [CONSOLE_SILENT] = "silent",
	    [CONSOLE_HELD] = "held",
	    [CONSOLE_YIELDED] = "yielded",
	    [CONSOLE_NEVER] = "never"};

	return states[why];
}
