/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sites that join: the own authority in service, secrets, and what agents ask of it. */
#ifndef ORCHESTRATOR_JOIN_H
#define ORCHESTRATOR_JOIN_H

#include "lib/rest_server.h"
#include "orchestrator/orch.h"

enum { JOIN_SECRET_S = 24 * 3600 };

#define JOIN_SECRET_PREFIX "nbj_"

/* Opens the authority, and gives the listener its certificate: where there is one with TLS. */
int
join_open(struct orch *o, struct error *err) MUST_CHECK;
void
join_close(struct orch *o);
/* Once a minute, and when asked to by hand: a new certificate of our own, when two thirds of the present one's time are over. */
void
join_look(struct orch *o);
/* Ends the connections of all agents of the site. */
void
join_shut_out(struct orch *o, const char *site);
/* A new secret, and the digest that is kept of it: "nbj_RANDOM.FINGERPRINT". The only copy: secret_free(). */
char *
join_secret_make(struct orch *o, char ret_digest[SECRET_MAC_TEXT]);

/* GET /agent/v1/authority: its certificate, for anybody. POST /agent/v1/enroll: a certificate for a secret. POST
 * /agent/v1/renew: a new one for one that is good. */
rest_handler join_authority, join_enroll, join_renew;

#endif
