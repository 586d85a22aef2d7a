/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The agent's keys towards its orchestrator: the one that secrets are sealed to, and whose orders it takes. */
#ifndef AGENT_AGENT_KEYS_H
#define AGENT_AGENT_KEYS_H

#include "lib/agent_order.h"
#include "lib/error.h"

/* Files in STATE/agent-tls (docs/protocol.md): */
#define AGENT_KEYS_DIR "agent-tls"
#define AGENT_KEYS_SEAL "seal.key" /* made at first need */
#define AGENT_KEYS_ORDERS \
	"orders.pub" /* written by enrolment: a public key in base64 a line; absent: none is pinned */

struct agent_keys {
	struct secret_box *box;
	struct agent_order_trust trust; /* without a poll's nonce */
};

/* Reads both, `site` and `agent` are borrowed. 0 with *ret for agent_keys_free(), or -errno with *err. */
int
agent_keys_open(const char *state_dir, const char *site, const char *agent,
    struct agent_keys **ret, struct error *err) MUST_CHECK;
void
agent_keys_free(struct agent_keys *k); /* NULL allowed */
/* Reads the pinned keys anew: the agent was enrolled again, or its certificate renewed, beside the one that runs. What cannot be
 * read changes nothing: -errno with *err. */
int
agent_keys_again(
    struct agent_keys *k, const char *state_dir, struct error *err) MUST_CHECK;
/* The keys of a text as it is in orders.pub. -EINVAL with *err: a line is none, or there is none, or too many. */
int
agent_keys_parse(
    const char *text, struct agent_order_trust *trust, struct error *err) MUST_CHECK;

#endif
