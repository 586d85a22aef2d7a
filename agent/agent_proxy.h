/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The HTTP proxy by which an agent goes out, and who it is there. */
#ifndef AGENT_AGENT_PROXY_H
#define AGENT_AGENT_PROXY_H

#include "lib/error.h"
#include "lib/http_client.h"

struct agent_config;

/* As the configuration has it; without one ret->url is NULL. cfg is borrowed; what was read is agent_proxy_done()'s. -EINVAL with *err: the
 * password's file cannot be used. */
int
agent_proxy_open(const struct agent_config *cfg, struct http_client_proxy *ret,
    struct error *err) MUST_CHECK;
void
agent_proxy_done(struct http_client_proxy *proxy);

#endif
