/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A job's credentials in the spool: its BMC's password and key K_g, sealed. */
#ifndef AGENT_SPOOL_SEAL_H
#define AGENT_SPOOL_SEAL_H

#include <jansson.h>

#include "lib/bundle.h"
#include "lib/error.h"
#include "lib/secret.h"

/* The sealed password, owned by the caller, or NULL where there is none; K_g goes into doc, which is the
 * job's document without credentials. */
char *
spool_seal(const struct secret_key *key, const struct bundle *b, json_t *doc);
/* Puts both back into *bmc. sealed "": no password. */
int
spool_seal_open(const struct secret_key *key, const char *job, const char *sealed,
    const json_t *doc, struct bundle_bmc *bmc, struct error *err) MUST_CHECK;

#endif
