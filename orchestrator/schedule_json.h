/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Schedules and their runs as the REST interface shows them (docs/api.md). */
#ifndef ORCHESTRATOR_SCHEDULE_JSON_H
#define ORCHESTRATOR_SCHEDULE_JSON_H

#include <jansson.h>

#include "db/db_schedule.h"
#include "orchestrator/schedule_doc.h"

/* The document of a row. 0, or -EUCLEAN with *err. */
int
schedule_json_doc(const struct db_schedule *row, struct schedule_doc **ret,
    struct error *err) MUST_CHECK;
/* With `last`; without `warnings`, and without `opens` of the next run. 0, or an errno of the database. Owned by the caller. */
int
schedule_json(struct store *s, const struct db_schedule *row,
    const struct schedule_doc *doc, json_t **ret) MUST_CHECK;
json_t *
schedule_json_run(const struct schedule_doc *doc, const struct db_schedule_run *run);

#endif
