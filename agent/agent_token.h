/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The token that the agent shows to the orchestrator. */
#ifndef AGENT_AGENT_TOKEN_H
#define AGENT_AGENT_TOKEN_H

#include <stddef.h>

#include "lib/compiler.h"
#include "lib/error.h"

/* The first line of the file; "" where `path` is "". -errno with *err: it cannot be read, is empty, or others
 * can read it. */
int
agent_token_read(const char *path, char *ret, size_t size, struct error *err) MUST_CHECK;

#endif
