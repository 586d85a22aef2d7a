/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who asks, and the record of what was asked. */
#ifndef ORCHESTRATOR_AUDIT_H
#define ORCHESTRATOR_AUDIT_H

#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

#include "db/store.h"
#include "lib/log.h"

/* What one may: each may all that those before it may. */
enum auth_role {
	AUTH_NONE,
	AUTH_VIEWER,   /* read */
	AUTH_OPERATOR, /* orders, power, consoles, locks */
	AUTH_ADMIN,    /* inventory, images, tokens */
};

enum { AUDIT_FROM_SIZE = 128 };

struct audit_who {
	enum auth_role role;
	uid_t uid;
	int64_t owner; /* whose the records of a user are: the uid, or of a token -id */
	char name[64]; /* the unix user's, or "uid 1234", or "token:NAME" */
	int64_t
	    max_hosts; /* that one order of theirs may name; 0: as many as anybody's */
	char from[AUDIT_FROM_SIZE]; /* "unix uid 0 pid 1234", "192.0.2.1 (web)" */
};

struct audit_row {
	const char *what;     /* "host.change" */
	const char *object;   /* the name */
	const char *reason;   /* "" : none was given */
	const char *result;   /* "ok", or the code of the refusal */
	const json_t *before; /* the members that differ, as GET shows them; NULL: none */
	const json_t *after;
	const json_t *detail; /* or NULL */
};

int
audit_write(struct store *s, const struct audit_who *who, const struct audit_row *row,
    int64_t now) MUST_CHECK;
/* {"member": [old, new]} of every top-level member that differs. Owned by the caller. */
json_t *
audit_fields(const json_t *old, const json_t *new);
/* From {"member": [old, new]}, with what is set about secrets in the words of the audit. Owned by the caller. */
void
audit_sides(const json_t *fields, json_t **ret_before, json_t **ret_after);
/* "viewer"; "" for none. */
const char *
audit_role_name(enum auth_role role);
/* The head as an event (`audit.head`), which webhooks carry elsewhere, unless one was told within a day, by an earlier
 * process too; nothing before there is a row. In a transaction of its own or of the caller's. */
int
audit_tell_head(struct store *s, int64_t now, bool *ret_told) MUST_CHECK;
/* Writes the chain's head to the log, where it is kept apart from the database: a chain that was written anew
 * cannot have it any more. */
void
audit_log_head(struct store *s, const struct log *log);

#endif
