// SPDX-License-Identifier: GPL-3.0-or-later
/* The proxy's part of agent.yaml, with the password from its file: agent.yaml is often readable for all.
 *
 * Entry points: agent_proxy_open(), once, at the start; agent_proxy_done().
 * Ownership: the password is the result's, and is wiped with it; nothing logs it, and nobody but the proxy is told it.
 * Failure modes: a file that others may read, or that has no password, is an error of the configuration. */
#include "agent/agent_proxy.h"

#include <errno.h>
#include <stdint.h>

#include "agent/agent_config.h"
#include "lib/secret.h"

int
agent_proxy_open(
    const struct agent_config *cfg, struct http_client_proxy *ret, struct error *err)
{
	char *password = NULL;

	*ret = (struct http_client_proxy){.url = NULL};
	if (cfg->proxy[0] == '\0')
		return 0;
	if (cfg->proxy_password_file[0] != '\0' &&
	    secret_file_read(cfg->proxy_password_file, 1, &password, err) < 0) {
		error_prefix(err, "proxy_password_file");
		return -EINVAL;
	}
	ret->url = cfg->proxy;
	ret->user = password != NULL ? cfg->proxy_user : NULL;
	ret->password = password;
	return 0;
}

void
agent_proxy_done(struct http_client_proxy *proxy)
{
	secret_free((char *)(uintptr_t)proxy->password);
	*proxy = (struct http_client_proxy){.url = NULL};
}
