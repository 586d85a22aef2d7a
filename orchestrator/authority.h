/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The orchestrator's own authority: it signs the certificates of sites' agents, and the one that it shows to them. */
#ifndef ORCHESTRATOR_AUTHORITY_H
#define ORCHESTRATOR_AUTHORITY_H

#include <stdint.h>

#include "lib/error.h"
#include "lib/pki.h"

/* The name by which agents know the orchestrator, whatever its address is. */
#define AUTHORITY_HOST "orchestrator.netboot.internal"

enum {
	AUTHORITY_DAYS = 20 * 365,
	AUTHORITY_SITE_DAYS = 90,
	AUTHORITY_SERVER_DAYS = 90,
};
/* A certificate begins so long before it is given: clocks of sites may be behind. */
#define AUTHORITY_BACKDATED_US (24LL * 3600 * USEC_PER_SEC)

struct authority;

/* Key and certificate in authority.key and authority.pem beside the orchestrator's key file, made when they are not
 * there. NULL with *err (code "config"). */
struct authority *
authority_open(const char *key_file, int64_t now, struct error *err);
void
authority_free(struct authority *a); /* NULL allowed */
/* Its certificate, in PEM, and what that is known by; borrowed. */
const char *
authority_pem(const struct authority *a);
const char *
authority_fingerprint(const struct authority *a);
int64_t
authority_ends(const struct authority *a);
/* Signs a request for the site's agent: of the request the key is taken and nothing else. *ret is owned by the caller.
 * -EINVAL with *err (code "bad-value"): it is none, not signed by its key, or of a key that is too weak. */
int
authority_issue(const struct authority *a, const char *request, const char *site,
    int64_t now, char **ret, struct pki_cert *ret_cert, struct error *err) MUST_CHECK;
/* A new key and certificate for AUTHORITY_HOST; both owned by the caller (the key: secret_free()). */
void
authority_server(const struct authority *a, int64_t now, char **ret_cert, char **ret_key,
    int64_t *ret_renew);
/* The same for people, by those names and addresses, and localhost; what is neither is passed over. */
void
authority_people(const struct authority *a, int64_t now, const char *const *names,
    size_t n, char **ret_cert, char **ret_key, int64_t *ret_renew);

#endif
