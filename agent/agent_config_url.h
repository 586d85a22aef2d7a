/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The addresses in agent.yaml. For agent_config.c. */
#ifndef AGENT_AGENT_CONFIG_URL_H
#define AGENT_AGENT_CONFIG_URL_H

#include "agent/agent_config.h"
#include "lib/compiler.h"
#include "lib/error.h"
#include "lib/yaml_where.h"

/* Are they such, and does what belongs together stand together? A site_url loses the slash at its end. */
int
agent_config_url_check(
    const struct yaml_where *w, struct agent_config *c, struct error *err) MUST_CHECK;

#endif
