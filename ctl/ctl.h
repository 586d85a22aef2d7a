/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What every command is given: where the server is, how to print, and how to fail. */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/compiler.h"
#include "lib/error.h"

/* DESIGN section 8; scripts rely on them. */
enum ctl_exit {
	CTL_OK = 0,
	CTL_USAGE = 1,	     /* usage or bad input */
	CTL_FAILED = 2,	     /* some host failed */
	CTL_REFUSED = 3,     /* by policy or preflight */
	CTL_TIMEOUT = 4,     /* while waiting */
	CTL_UNREACHABLE = 5, /* the server */
};

enum ctl_format { CTL_TABLE, CTL_WIDE, CTL_JSON, CTL_NDJSON };

#define CTL_SERVER_DEFAULT "unix:/run/netboot/orchestrator.sock"

struct ctl {
	const char *server;  /* borrowed from argv or the environment */
	char *token;	     /* for a server by TCP; NULL: none */
	const char *ca_file; /* borrowed; NULL: the system's */
	enum ctl_format format;
	bool headers;
	bool quiet; /* no talk on stderr but errors */
	FILE *out;  /* data */
	FILE *err;  /* talk */
	bool in_tty, out_tty, err_tty;
	bool color;	  /* allowed where the stream is a terminal */
	bool *told_agent; /* that it is a site's agent that answers; NULL: never told */
};

/* "SUBJECT: CODE: what happened: what to do next" on stderr; returns `exit_code`. */
int
ctl_fail(
    const struct ctl *ctl, int exit_code, const char *subject, const struct error *err);
/* A line of talk on stderr, unless quiet. */
void
ctl_say(const struct ctl *ctl, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool
ctl_is_json(const struct ctl *ctl); /* json or ndjson */

#endif
