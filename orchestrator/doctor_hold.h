/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What GET /doctor says of what is stopped. */
#ifndef ORCHESTRATOR_DOCTOR_HOLD_H
#define ORCHESTRATOR_DOCTOR_HOLD_H

#include "orchestrator/orch.h"

typedef void
doctor_hold_add(void *arg, const char *level, const char *text, const char *next);
void
doctor_hold_scan(struct orch *o, int64_t now, doctor_hold_add *add, void *arg);

#endif
