/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A question whose answer comes line by line (application/x-ndjson). */
#ifndef CTL_ANSWERS_IO_H
#define CTL_ANSWERS_IO_H

#include <jansson.h>

#include "ctl/client.h"
#include "ctl/ctl.h"

/* Each line as it comes; borrowed. */
typedef void
answers_io_on_line(void *arg, const json_t *line);

/* POSTs and hands on the lines until the stream ends. CTL_OK when it came to its end, which the server
 * marks by closing it in order; else the exit code, with the error line printed. */
int
answers_io_run(const struct ctl *ctl, const struct client_request *rq,
    answers_io_on_line *on_line, void *arg, bool *ret_interrupted);

#endif
