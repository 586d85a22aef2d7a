/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What GET /doctor says of the certificates of sites' agents. */
#ifndef ORCHESTRATOR_DOCTOR_JOIN_H
#define ORCHESTRATOR_DOCTOR_JOIN_H

#include "orchestrator/orch.h"

typedef void
doctor_join_add(void *arg, const char *level, const char *text, const char *next);
void
doctor_join_scan(struct orch *o, int64_t now, doctor_join_add *add, void *arg);

#endif
