/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of the table of verdicts; everybody else goes through lib/verdict.h. */
#ifndef LIB_VERDICT_TABLE_H
#define LIB_VERDICT_TABLE_H

#include "lib/verdict.h"

/* What agents and the orchestrator end jobs with. A row without a code is the end, of each table. */
extern const struct verdict_row verdict_table_agent[];
/* What had been done when a job was cancelled, and what has not failed. */
extern const struct verdict_row verdict_table_state[];

#endif
