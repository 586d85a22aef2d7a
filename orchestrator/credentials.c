// SPDX-License-Identifier: GPL-3.0-or-later
/* Sealing and unsealing of BMCs' passwords and keys K_g.
 *
 * Entry points: credentials_seal() for the inventory, credentials_put() for orders to agents, credentials_check()
 * before an order is taken. Ownership: plain texts are wiped here, except those put into the caller's document.
 * Failure modes: -EBADMSG with code "bmc-password-sealed": another key file than the one they were sealed with,
 * or a row that was tampered with. Nothing is then sent to the BMC. */
#include "orchestrator/credentials.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/bmc_sealed.h"
#include "lib/json.h"
#include "lib/str.h"

static const char *const prefixes[] = {"bmc/", "bmckg/"};
static const char *const put[] = {"password", "kg", "password_next"};

void
credentials_context(
    enum credentials_kind kind, const char *host, char ret[CREDENTIALS_CONTEXT_SIZE])
{
	size_t len = strlen(prefixes[kind]);

	str_clip(ret, CREDENTIALS_CONTEXT_SIZE, prefixes[kind]);
	str_clip(ret + len, CREDENTIALS_CONTEXT_SIZE - len, host);
}

int
credentials_seal(const struct secret_key *key, enum credentials_kind kind,
    const char *host, const char *plain, char ret[DB_HOST_SEALED_SIZE])
{
	char context[CREDENTIALS_CONTEXT_SIZE];

	credentials_context(kind, host, context);
	char *sealed = secret_seal(key, context, plain);
	int rc = str_copy(ret, DB_HOST_SEALED_SIZE, sealed);
	free(sealed);
	return rc;
}

int
credentials_unseal(const struct secret_key *key, enum credentials_kind kind,
    const char *host, const char *sealed, char **ret)
{
	char context[CREDENTIALS_CONTEXT_SIZE];

	if (!sealed[0]) {
		*ret = str_dup("");
		return 0;
	}
	credentials_context(kind, host, context);
	return secret_unseal(key, context, sealed, ret);
}

void
credentials_take(const struct db_host *h, struct credentials_sealed *ret)
{
	str_clip(ret->host, sizeof(ret->host), h->host.name);
	str_clip(ret->password, sizeof(ret->password), h->sealed);
	str_clip(ret->kg, sizeof(ret->kg), h->sealed_kg);
	str_clip(ret->next, sizeof(ret->next), h->sealed_next);
	ret->next_runs = h->next_runs;
}

static int
refuse(const char *host, const char *what, struct error *err)
{
	return error_set(err, -EBADMSG, "bmc-password-sealed",
	    "put back the key file that belongs to the database, or give it anew with "
	    "netboot-ctl host set",
	    "the %s of %s's BMC does not open with the present key file", what, host);
}

struct plain {
	char *password, *next, *kg;
};

static int
open_all(const struct secret_key *key, const struct credentials_sealed *s,
    struct plain *p, struct error *err)
{
	if (credentials_unseal(
		key, CREDENTIALS_PASSWORD, s->host, s->password, &p->password) < 0)
		return refuse(s->host, "password", err);
	if (credentials_unseal(key, CREDENTIALS_PASSWORD, s->host, s->next, &p->next) < 0)
		return refuse(s->host, "new password", err);
	if (credentials_unseal(key, CREDENTIALS_KG, s->host, s->kg, &p->kg) < 0)
		return refuse(s->host, "K_g", err);
	return 0;
}

static void
wipe(struct plain *p)
{
	secret_free(p->password);
	secret_free(p->next);
	secret_free(p->kg);
}

int
credentials_check(
    const struct secret_key *key, const struct db_host *h, struct error *err)
{
	struct plain p = {NULL, NULL, NULL};
	struct credentials_sealed s;
	int rc;

	credentials_take(h, &s);
	rc = open_all(key, &s, &p, err);
	wipe(&p);
	return rc;
}

int
credentials_put(const struct secret_key *key, const struct credentials_sealed *s,
    bool rotate, const char *to, json_t *bmc, struct error *err)
{
	struct plain p = {NULL, NULL, NULL};
	int rc = open_all(key, s, &p, err);

	if (rc == 0) {
		json_put_str(bmc, "password", p.password);
		json_put_str(bmc, "kg", p.kg);
	}
	if (rc == 0 && rotate) {
		json_put_str(bmc, "password_next", p.next);
		json_put_i64(bmc, "next_runs", s->next_runs);
	}
	wipe(&p);
	if (rc == 0 && to[0] && bmc_sealed_put(bmc, to, err) < 0) {
		for (size_t i = 0; i < ARRAY_SIZE(put); i++)
			json_object_del(bmc, put[i]);
		rc = -EBADMSG;
	}
	return rc;
}
