/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An explanation in the form of docs/api.md. Pure. */
#ifndef ORCHESTRATOR_EXPLAIN_JSON_H
#define ORCHESTRATOR_EXPLAIN_JSON_H

#include <jansson.h>

#include "lib/usual.h"
#include "lib/verdict.h"

struct explain_of;

struct explain_json {
	const struct explain_of *of;
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
explain_json(struct explain_json *x);

#endif
