/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who an agent is, and whether what it names is its own. */
#ifndef ORCHESTRATOR_AGENT_ACCESS_H
#define ORCHESTRATOR_AGENT_ACCESS_H

#include <stdbool.h>

#include "db/db_agent_cert.h"
#include "lib/rest_server.h"
#include "orchestrator/audit.h"

enum {
	AGENT_ACCESS_TOLD_MAX = 64,
	AGENT_ACCESS_STRANGERS = 5, /* rows of who is nobody's agent, in a minute */
};

struct orch;

struct agent_access_who {
	struct audit_who who; /* for the audit, as rest_user() has it */
	bool local;	      /* by the unix socket: of any site */
	/* Of one that came with a certificate. */
	char site[64];
	char serial[DB_AGENT_CERT_SERIAL_SIZE];
	char seal_key[DB_AGENT_CERT_KEY_SIZE]; /* "" : nothing can be sealed to it */
};

/* What was recorded of refused agents lately: one that comes again and again leaves a row an hour. Who has shown nothing
 * that our authority has signed may come by many addresses and names: of those there are a few rows a minute, and a count. */
struct agent_access_told {
	int64_t minute, n, omitted; /* wall, when it began; of strangers */
	struct {
		char what[128];
		int64_t at;
	} rows[AGENT_ACCESS_TOLD_MAX];
};

/* Every handler of /agent/v1 begins with this. By the unix socket: root and the service's own user. By TCP: who has shown
 * a certificate that is valid and not revoked; a site and an agent that the body names are its own. False: refused, and
 * recorded. */
bool
agent_access_who(struct orch *o, struct rest_request *rq, struct agent_access_who *ret);
/* The same for one that may have no certificate yet: only that it came to the own name. */
bool
agent_access_stranger(struct rest_request *rq, struct agent_access_who *ret);
/* The one check that a site and an agent's id ("" or NULL: it names none) are its own. False: refused, and recorded. */
bool
agent_access_allow(struct orch *o, struct rest_request *rq,
    const struct agent_access_who *who, const char *site, const char *agent);
/* Refuses, and records it: `object` is what was asked for. */
void
agent_access_refuse(struct orch *o, struct rest_request *rq,
    const struct agent_access_who *who, int status, const char *what, const char *object,
    const struct error *err);
/* For struct rest_web_options, with the struct orch as argument: is the certificate one that was not revoked? */
struct rest_tls_peer;
bool
agent_access_good(void *arg, const struct rest_tls_peer *p);

#endif
