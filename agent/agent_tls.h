/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an agent from afar is known by: key and certificate, the authority that it trusts, and keys for orders and
 * secrets, in STATE/agent-tls. */
#ifndef AGENT_AGENT_TLS_H
#define AGENT_AGENT_TLS_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/error.h"
#include "lib/http_client.h"
#include "lib/pki.h"

/* The name by which the orchestrator is known to its agents. */
#define AGENT_TLS_SERVER "orchestrator.netboot.internal"

struct agent_tls;
struct secret_box;

/* Opens what is there; What `proxy` points to is borrowed. An agent that has not joined has none, which
 * agent_tls_joined() tells. NULL with *err: what is there cannot be used. */
struct agent_tls *
agent_tls_open(
    const char *state_dir, const struct http_client_proxy *proxy, struct error *err);
void
agent_tls_free(struct agent_tls *t); /* NULL allowed */
bool
agent_tls_joined(const struct agent_tls *t);
/* For http_client_be(); NULL where it has not joined. Borrowed, and true of the certificate of that time. */
const struct http_client_self *
agent_tls_self(const struct agent_tls *t);
/* What its certificate says. */
const struct pki_cert *
agent_tls_cert(const struct agent_tls *t);
/* The public keys that orders are signed with, one a line; NULL where it was given none. */
const char *
agent_tls_orders(const struct agent_tls *t);
/* Its key for what is sealed to it, made when it is not there. Owned by the caller. */
int
agent_tls_box(
    const struct agent_tls *t, struct secret_box **ret, struct error *err) MUST_CHECK;
/* A request for a certificate: *ret_key (secret_free()) is a new key, *ret the body of the message without its secret. */
int
agent_tls_ask(const struct agent_tls *t, const char *site, char **ret_key, json_t **ret,
    struct error *err) MUST_CHECK;
/* Takes the answer to it: checks that it is for that key and site, writes the files, and is that from now on. An authority
 * other than the pinned one is not taken. */
int
agent_tls_take(struct agent_tls *t, const json_t *answer, const char *key,
    const char *site, const char *authority, struct error *err) MUST_CHECK;
/* Has somebody joined anew beside the running agent? Then what is on disk is in force. */
bool
agent_tls_reload(struct agent_tls *t);

#endif
