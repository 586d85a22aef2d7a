/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Signing orders, and seeing whether they are.
 *
 * Signed is a text, not a document: nobody has to write JSON twice alike. It is the whole order, with its type, and says for which
 * site, agent and poll it is. An agent takes it only as the answer to that poll (nonce), so that an order which was seen on the way
 * is of no use anywhere else or later: not at another site, not to another agent or a new spool, not when the job has ended,
 * and no call is made twice. No clock decides that.
 *
 * All orders are signed, cancels too: a job that is cancelled in the middle of an installation leaves a machine half done.
 *
 * Entry points: agent_order_sign() and agent_order_open(). Ownership: documents by reference counts.
 * Failure modes: without pinned keys an unsigned order is one like any; with them it is refused, whatever it says. */
#include "lib/agent_order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/bmc_sealed.h"
#include "lib/json.h"
#include "lib/secret.h"
#include "lib/str.h"

#define ENROL                                                                            \
	"if the orchestrator has a new orders key, enrol the agent anew: netboot-agent " \
	"enroll"

json_t *
agent_order_sign(json_t *order, const struct secret_sign *key, const char *site,
    const char *agent, const char *nonce)
{
	char signature[SECRET_SIGN_TEXT], *text;
	json_t *v = json_object();

	json_put_str(order, "site", site);
	json_put_str(order, "agent", agent);
	json_put_str(order, "nonce", nonce);
	text = json_text(order);
	secret_sign_text(key, text, strlen(text), signature);
	json_put_str(v, "t", json_string_value(json_object_get(order, "t")));
	json_put_str(v, "signed", text);
	json_put_str(v, "key", secret_sign_id(key));
	json_put_str(v, "sig", signature);
	secret_free(text);
	json_decref(order);
	return v;
}

static int
forged(struct error *err, const char *what)
{
	return error_set(err, -EACCES, "order-forged", ENROL,
	    "an order came that the orchestrator of this site has not signed for this "
	    "agent: %s",
	    what);
}

/* Did one of the pinned keys sign it? */
static bool
is_signed(const struct agent_order_trust *trust, const char *text, const char *signature)
{
	for (size_t i = 0; i < trust->n_keys; i++)
		if (secret_sign_verify(trust->keys[i], text, strlen(text), signature) ==
		    0)
			return true;
	return false;
}

static bool
says(const json_t *v, const char *key, const char *value)
{
	const char *said = json_string_value(json_object_get(v, key));

	return said != NULL && str_eq(said, value);
}

static int
check(const json_t *order, const char *text, const json_t *plain,
    const struct agent_order_trust *trust, struct error *err)
{
	const char *signature = json_string_value(json_object_get(order, "sig"));

	if (signature == NULL || !is_signed(trust, text, signature))
		return forged(err, "none of the pinned keys made its signature");
	if (!says(plain, "site", trust->site) || !says(plain, "agent", trust->agent))
		return forged(err, "it is for another agent");
	if (trust->nonce[0] == '\0' || !says(plain, "nonce", trust->nonce))
		return forged(err, "it is the answer to another poll");
	return 0;
}

/* A copy that may be changed: documents of the BMC alone are. */
static json_t *
copy_of(const json_t *order)
{
	return json_deep_copy(order);
}

static int
open_secrets(json_t *plain, const struct agent_order_trust *trust, struct error *err)
{
	json_t *bundle = json_object_get(plain, "bundle");
	json_t *bmc = json_object_get(bundle != NULL ? bundle : plain, "bmc");

	return bmc == NULL ? 0 : bmc_sealed_open(bmc, trust->box, err);
}

int
agent_order_open(const json_t *order, const struct agent_order_trust *trust, json_t **ret,
    struct error *err)
{
	const char *text = json_string_value(json_object_get(order, "signed"));
	int rc = 0;

	*ret = text == NULL ? copy_of(order) : json_parse(text, strlen(text), err);
	if (*ret == NULL)
		return text != NULL && trust->n_keys > 0
			   ? forged(err, "it is no document")
			   : -EINVAL;
	if (!json_is_object(*ret))
		rc = error_set(err, -EINVAL, "bad-value", NULL, "signed: not an object");
	else if (trust->n_keys > 0 && text == NULL)
		rc = error_set(err, -EACCES, "order-unsigned",
		    "the orchestrator is older than this agent, or somebody else answers "
		    "for it: look "
		    "at both",
		    "an order came without a signature, which this agent does not take");
	else if (trust->n_keys > 0)
		rc = check(order, text, *ret, trust, err);
	return rc < 0 ? rc : open_secrets(*ret, trust, err);
}
