/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An explanation in the form of docs/api.md, GET /why: of the orchestrator, and of a site's agent that is asked itself. Pure. */
#ifndef LIB_WHY_JSON_H
#define LIB_WHY_JSON_H

#include <jansson.h>

#include "lib/usual.h"
#include "lib/verdict.h"

struct why_json {
	const char *host, *job, *boot; /* that was asked about; "": none */
	struct story *story;
	struct verdict verdict;
	struct verdict_usual usual; /* of the story's stage */
	const struct usual *past;   /* of all stages; NULL: not known */
	const char *agent_code;	    /* "": as the verdict */
	int64_t now;
	bool ended, none;
	json_t *answer; /* the result, owned by the caller */
};

void
why_json(struct why_json *x);

#endif
