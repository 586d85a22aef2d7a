/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Jobs, stages, boots and transfers in the form of docs/api.md. Pure. */
#ifndef ORCHESTRATOR_JOB_JSON_H
#define ORCHESTRATOR_JOB_JSON_H

#include <jansson.h>

#include "db/db_boot.h"
#include "db/db_job.h"
#include "db/db_transfer.h"

json_t *
job_json(const struct db_job *job); /* without stages */
json_t *
job_json_stage(const struct db_job_stage *stage);
/* Without stages and transfers; `files` as db_boot_files() gives them. */
json_t *
job_json_boot(const struct db_boot *boot, const char *files);
json_t *
job_json_transfer(const struct db_transfer *transfer);
/* Sets key to RFC 3339 text, or to null for 0. */
void
job_json_time(json_t *obj, const char *key, int64_t at);

#endif
