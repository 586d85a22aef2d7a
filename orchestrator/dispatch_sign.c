// SPDX-License-Identifier: GPL-3.0-or-later
/* What leaves the orchestrator for an agent: orders signed, secrets sealed to its key.
 *
 * Entry points: dispatch_sign_key() when an agent asks for something with secrets in it, dispatch_sign() before a poll is answered.
 * Agents that have pinned an orders key name a nonce in their polls; only to those is signed, since older ones would not know
 * the order. By the unix socket an agent says itself which key is its own: it is root or our own user, and might read the
 * secrets anyway. By TCP its enrolment says so.
 * Failure modes: a key that is none refuses the request; nothing is ever sent in clear instead. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/agent_order.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/dispatch_priv.h"

int
dispatch_sign_key(const struct rest_request *rq, const char *said, const char *enrolled,
    char ret[SECRET_BOX_PUBLIC_TEXT], struct error *err)
{
	if (rest_peer(rq).kind != REST_PEER_UNIX)
		return str_copy(ret, SECRET_BOX_PUBLIC_TEXT,
		    secret_box_public_valid(enrolled) ? enrolled : DISPATCH_NO_KEY);
	ret[0] = '\0';
	if (said[0] == '\0' || secret_box_public_valid(said))
		return str_copy(ret, SECRET_BOX_PUBLIC_TEXT, said);
	return error_set(err, -EINVAL, "seal-key",
	    "restart the agent, or enrol it anew: it makes one",
	    "seal_key: no key that secrets can be sealed to");
}

json_t *
dispatch_sign(const struct dispatch *d, const struct agent_msg_poll *m, json_t *orders)
{
	json_t *list, *order;
	size_t i;

	if (m->nonce[0] == '\0' || !d->ops.orders)
		return orders;
	list = json_array();
	json_array_foreach (orders, i, order)
		json_array_append_new(
		    list, agent_order_sign(json_incref(order), d->ops.orders, m->site,
			      m->agent, m->nonce));
	json_decref(orders);
	return list;
}
