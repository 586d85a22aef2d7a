/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One console per BMC, however many listen: a BMC gives Serial over LAN to one session. */
#ifndef AGENT_CONSOLE_HUB_H
#define AGENT_CONSOLE_HUB_H

#include "agent/bmc_call.h"
#include "agent/console.h"

struct console_hub;
struct console_ear;

struct console_hub *
console_hub_new(struct console_engine *engine);
void
console_hub_free(struct console_hub *hub); /* NULL allowed; all have left */

/* Opens the BMC's console, or joins those who listen to it: `up` is not called then, see console_hub_console(). Steals
 * it from a session of somebody else if told. Credentials are the newest that somebody came with. Callbacks as in console.h; in one everything here is allowed. */
struct console_ear *
console_hub_join(struct console_hub *hub, const struct bundle_bmc *bmc, bool steal,
    const struct console_ops *ops, void *arg);
/* Gives its session back for that long: calls to the BMC need it. Those who listen are told, with CONSOLE_YIELDED. */
void
console_hub_yield(struct console_hub *hub, const char *key, int64_t us, const char *why);
/* Other credentials for the next session. */
void
console_hub_renew(struct console_ear *ear, const struct bundle_bmc *bmc);
/* The last one closes the console. NULL allowed. */
void
console_hub_leave(struct console_ear *ear);
/* Borrowed, for console_write() and its like. */
struct console *
console_hub_console(const struct console_ear *ear);
/* What those who watch are told of it: "lost", "stolen", "in-use", … */
const char *
console_hub_state(enum console_why why);
const char *
console_hub_key(const struct console_ear *ear); /* "address:port" */

#endif
