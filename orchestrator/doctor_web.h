/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What GET /doctor says of the orchestrator's own address. */
#ifndef ORCHESTRATOR_DOCTOR_WEB_H
#define ORCHESTRATOR_DOCTOR_WEB_H

#include "orchestrator/orch.h"

typedef void
doctor_web_add(void *arg, const char *level, const char *text, const char *next);
void
doctor_web_scan(struct orch *o, int64_t now, doctor_web_add *add, void *arg);

#endif
