/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sealing the secrets of a BMC's document to an agent's key.
 *
 * All of a BMC's secrets are one box, bound to user, address and port: who stands between orchestrator and agent can neither
 * read them nor make the agent send them to an address of his own.
 *
 * Entry points: bmc_sealed_put() where the document leaves the orchestrator, bmc_sealed_open() where the agent has it.
 * Ownership: documents are changed in place; plain texts that were made here are wiped.
 * Failure modes: what does not open is refused whole: a BMC that is asked with an empty password counts that. */
#include "lib/bmc_sealed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/compiler.h"
#include "lib/json.h"
#include "lib/secret.h"
#include "lib/str.h"

enum { CONTEXT_SIZE = 400 };

static const char *const members[] = {"password", "kg", "password_next"};

static int
context_of(const json_t *bmc, char ret[CONTEXT_SIZE])
{
	const char *user = json_string_value(json_object_get(bmc, "user"));
	const char *address = json_string_value(json_object_get(bmc, "address"));
	const json_t *port = json_object_get(bmc, "port");

	return str_format(ret, CONTEXT_SIZE, "bmc/%s@%s/%lld", user ? user : "",
	    address ? address : "",
	    json_is_integer(port) ? (long long)json_integer_value(port) : 623);
}

static int
seal(const json_t *secrets, const char *context, const char *public_key, json_t *bmc,
    struct error *err)
{
	char *text = json_text(secrets), *sealed = NULL;
	int rc = secret_box_seal(public_key, context, text, &sealed);

	secret_free(text);
	if (rc < 0)
		return error_set(err, -EINVAL, "bmc-secret-sealed",
		    "restart the agent, or enrol it anew: it makes one",
		    "the key of the site's agent is none that secrets can be sealed to");
	json_put_str(bmc, "sealed", sealed);
	free(sealed);
	return 0;
}

int
bmc_sealed_put(json_t *bmc, const char *public_key, struct error *err)
{
	json_t *secrets = json_object();
	char context[CONTEXT_SIZE];
	int rc = context_of(bmc, context);

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (json_is_string(json_object_get(bmc, members[i])))
			json_object_set(
			    secrets, members[i], json_object_get(bmc, members[i]));
	if (rc < 0)
		error_set(
		    err, rc, "bad-value", NULL, "a BMC's address or user is too long");
	else if (json_object_size(secrets) > 0)
		rc = seal(secrets, context, public_key, bmc, err);
	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(members); i++)
		json_object_del(bmc, members[i]);
	json_decref(secrets);
	return rc;
}

static int
refuse(struct error *err)
{
	return error_set(err, -EBADMSG, "bmc-secret-sealed",
	    "restart the agent, or enrol it anew, so that the orchestrator has its "
	    "present key",
	    "the BMC's secrets were not sealed to this agent's key, or not for this BMC");
}

int
bmc_sealed_open(json_t *bmc, const struct secret_box *box, struct error *err)
{
	const char *sealed = json_string_value(json_object_get(bmc, "sealed"));
	char context[CONTEXT_SIZE], *text = NULL;
	json_t *secrets = NULL;

	if (!json_is_object(bmc) || json_object_get(bmc, "sealed") == NULL)
		return 0;
	if (sealed == NULL || box == NULL || context_of(bmc, context) < 0 ||
	    secret_box_unseal(box, context, sealed, &text) < 0)
		return refuse(err);
	secrets = json_parse(text, strlen(text), NULL);
	secret_free(text);
	if (!json_is_object(secrets)) {
		json_decref(secrets);
		return refuse(err);
	}
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		json_object_del(bmc, members[i]);
		if (json_is_string(json_object_get(secrets, members[i])))
			json_object_set(
			    bmc, members[i], json_object_get(secrets, members[i]));
	}
	json_object_del(bmc, "sealed");
	json_decref(secrets);
	return 0;
}
