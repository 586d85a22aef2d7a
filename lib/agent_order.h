/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Signed orders (docs/protocol.md, "Signed orders"): what an agent does for its orchestrator is signed by that one's orders key,
 * and good for one agent and one poll. JSON to JSON; what an order says is lib/agent_msg.h's. */
#ifndef LIB_AGENT_ORDER_H
#define LIB_AGENT_ORDER_H

#include <jansson.h>
#include <stddef.h>

#include "lib/error.h"
#include "lib/id.h"
#include "lib/secret_box.h"
#include "lib/secret_sign.h"

enum { AGENT_ORDER_KEYS_MAX = 4, AGENT_ORDER_NONCE_SIZE = 33 };

/* Whom an agent takes orders from, and who it is; everything borrowed. */
struct agent_order_trust {
	/* Pinned at enrolment; none: orders need not be signed, since the line itself is trusted (the unix socket). */
	char keys[AGENT_ORDER_KEYS_MAX][SECRET_SIGN_PUBLIC_TEXT];
	size_t n_keys;
	const struct secret_box *box; /* to which secrets are sealed; NULL: none */
	const char *site, *agent;
	char nonce[AGENT_ORDER_NONCE_SIZE]; /* of the poll that is answered */
};

/* {"t","signed","key","sig"} of the plain order, for that agent's poll. Takes the order. */
json_t *
agent_order_sign(json_t *order, const struct secret_sign *key, const char *site,
    const char *agent, const char *nonce);
/* The plain order, with its secrets opened, in *ret, owned by the caller. Otherwise a negative errno with *err: order-unsigned,
 * order-forged, bmc-secret-sealed; *ret is then what it says of itself, only to name it in the refusal, or NULL. */
int
agent_order_open(const json_t *order, const struct agent_order_trust *trust, json_t **ret,
    struct error *err) MUST_CHECK;

#endif
