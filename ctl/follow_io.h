/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Waiting for jobs to end, with their progress shown meanwhile. */
#ifndef CTL_FOLLOW_IO_H
#define CTL_FOLLOW_IO_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "ctl/collate.h"
#include "ctl/ctl.h"
#include "lib/compiler.h"

#define FOLLOW_IO_DEFAULT_US (3 * 3600 * USEC_PER_SEC)

struct follow_io_how {
	int64_t timeout_us;
	FILE *screen; /* where progress goes; NULL: nowhere */
	bool live;    /* screen is a terminal: redraw instead of a line per change */
	struct collate
	    *collate; /* results go there, and are printed at the end; or NULL */
};

/* Follows the jobs (array of job documents) to their ends or the timeout, and prints one
 * result line for each on ctl->out, of several as each ends, unless the format is JSON. The server may go away and
 * come back meanwhile. Returns the worst of the jobs' exit codes. */
int
follow_io_run(const struct ctl *ctl, const json_t *jobs, const struct follow_io_how *how);

#endif
