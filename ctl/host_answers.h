/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A question about many hosts whose answers come line by line, each accounted for exactly once. */
#ifndef CTL_HOST_ANSWERS_H
#define CTL_HOST_ANSWERS_H

#include <jansson.h>
#include <stdbool.h>

#include "ctl/ctl.h"
#include "ctl/text.h"

struct host_answers_opts {
	struct ctl *ctl;
	const char *path,
	    *hosts; /* what is asked; the selector as typed, or as confirmed */
	bool collate;
	/* One host's answer as people read it, of one or more lines. */
	void (*view)(void *arg, const json_t *row, struct text *out);
	void *arg;
	const char
	    *lost; /* of a host whose answer was on its way when the stream broke off */
	bool may_be_done; /* … it may have been done all the same */
	bool power;	  /* rows say the machine's power */
};

/* POSTs the body and prints the answers as they come, "host: answer", or, with collate, at the end with the hosts of one answer together; as
 * JSON with -o. The exit code: CTL_FAILED when a host failed. *ret_interrupted: by ^C; whoever called ends the program as ^C does. */
int
host_answers_run(
    const struct host_answers_opts *opts, json_t *body, bool *ret_interrupted);

#endif
