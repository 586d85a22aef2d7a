/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who asks, and the record of what was asked. */
#ifndef ORCHESTRATOR_AUDIT_H
#define ORCHESTRATOR_AUDIT_H

#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

#include "db/store.h"

/* What one may: each may all that those before it may. */
enum auth_role {
	AUTH_NONE,
	AUTH_VIEWER,   /* read */
	AUTH_OPERATOR, /* orders, power, consoles, locks */
	AUTH_ADMIN,    /* inventory, images, tokens */
};

struct audit_who {
	enum auth_role role;
	uid_t uid;
	char name[64]; /* the unix user's, or "uid 1234" */
};

struct audit_row {
	const char *what;     /* "host.change" */
	const char *object;   /* the name */
	const char *reason;   /* "" : none was given */
	const char *result;   /* "ok", or the code of the refusal */
	const json_t *detail; /* or NULL */
};

int
audit_write(struct store *s, const struct audit_who *who, const struct audit_row *row,
    int64_t now) MUST_CHECK;

#endif
