/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sealing what a spool's file must not show.
 *
 * The password has a column of its own. K_g, which came later, is the member "kg_sealed" of the
 * document's BMC, so that spools of older agents need no new column. Each seal is bound to its job
 * and to what it is. Entry points: spool_seal(), spool_seal_open(). Nothing is kept here; plain
 * texts are wiped.
 */
#include "agent/spool_seal.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/json.h"
#include "lib/str.h"

enum { CONTEXT_SIZE = 40 };

char *
spool_seal(const struct secret_key *key, const struct bundle *b, json_t *doc)
{
	char context[CONTEXT_SIZE], hex[BUNDLE_KG_TEXT], *kg;

	if (b->bmc.kg_set) {
		snprintf(context, sizeof(context), "job/%s/kg", b->job);
		bundle_bmc_kg_text(&b->bmc, hex);
		kg = secret_seal(key, context, hex);
		secret_wipe(hex, sizeof(hex));
		json_put_str(json_object_get(doc, "bmc"), "kg_sealed", kg);
		free(kg);
	}
	if (b->bmc.password[0] == '\0')
		return NULL;
	snprintf(context, sizeof(context), "job/%s", b->job);
	return secret_seal(key, context, b->bmc.password);
}

static int
open_password(const struct secret_key *key, const char *job, const char *sealed,
    struct bundle_bmc *bmc)
{
	char context[CONTEXT_SIZE], *plain = NULL;
	int r;

	if (sealed[0] == '\0')
		return 0;
	snprintf(context, sizeof(context), "job/%s", job);
	r = secret_unseal(key, context, sealed, &plain);
	if (r == 0)
		r = str_copy(bmc->password, sizeof(bmc->password), plain);
	secret_free(plain);
	return r;
}

static int
open_kg(const struct secret_key *key, const char *job, const json_t *doc,
    struct bundle_bmc *bmc)
{
	const char *sealed =
	    json_string_value(json_object_get(json_object_get(doc, "bmc"), "kg_sealed"));
	char context[CONTEXT_SIZE], *plain = NULL;
	int r;

	if (sealed == NULL)
		return 0;
	snprintf(context, sizeof(context), "job/%s/kg", job);
	r = secret_unseal(key, context, sealed, &plain);
	if (r == 0)
		r = bundle_bmc_set_kg(bmc, plain);
	secret_free(plain);
	return r;
}

int
spool_seal_open(const struct secret_key *key, const char *job, const char *sealed,
    const json_t *doc, struct bundle_bmc *bmc, struct error *err)
{
	int r = open_password(key, job, sealed, bmc);

	if (r == 0)
		r = open_kg(key, job, doc, bmc);
	if (r == 0)
		return 0;
	return error_set(err, r, "seal-key",
	    "put back the key file that belongs to this spool (seal_key)",
	    "the BMC password of job %s does not open with the agent's key", job);
}
