/* SPDX-License-Identifier: GPL-3.0-or-later */
/* agent.yaml's addresses: of the orchestrator, of the proxy on the way there and who this agent is at it, and of the site's own servers.
 *
 * Entry point: agent_config_url_check(). Whether anybody is there is not asked.
 * Ownership: nothing is kept.
 * Failure modes: a fault of yaml_where, with file, line and key. A password is in none, since it is never in this file. */
#include "agent/agent_config_url.h"

#include <string.h>

#include "lib/str.h"

static int
check_far(const struct yaml_where *w, const struct agent_config *c, struct error *err)
{
	if (!str_has_prefix(c->orchestrator, "unix:/") &&
	    !str_has_prefix(c->orchestrator, "https://") &&
	    !str_has_prefix(c->orchestrator, "http://127.0.0.1"))
		return yaml_where_bad(w, "orchestrator", err,
		    "\"%s\" is neither unix:/PATH nor https://HOST", c->orchestrator);
	/* This file is often readable for all, and the proxy's password would be in it. */
	if (c->proxy[0] != '\0' && (!str_has_prefix(c->proxy, "http://") ||
				       strpbrk(c->proxy + 7, "@/ \t") != NULL))
		return yaml_where_bad(w, "proxy", err,
		    "\"%s\" is not http://HOST:PORT; a user goes into proxy_user, and "
		    "the "
		    "password into a file, proxy_password_file",
		    c->proxy);
	return 0;
}

/* Basic has its user up to the first colon (RFC 7617 2). */
static int
check_proxy_login(
    const struct yaml_where *w, const struct agent_config *c, struct error *err)
{
	bool user = c->proxy_user[0] != '\0', file = c->proxy_password_file[0] != '\0';

	if (user && c->proxy[0] == '\0')
		return yaml_where_bad(w, "proxy_user", err, "there is no proxy");
	if (file && !user)
		return yaml_where_bad(
		    w, "proxy_password_file", err, "there is no proxy_user");
	if (user && !file)
		return yaml_where_bad(
		    w, "proxy_user", err, "there is no proxy_password_file");
	if (strchr(c->proxy_user, ':') != NULL)
		return yaml_where_bad(w, "proxy_user", err, "a user's name has no colon");
	return 0;
}

static int
check_site_url(const struct yaml_where *w, struct agent_config *c, struct error *err)
{
	size_t n = strlen(c->site_url);

	if (n == 0)
		return 0;
	if (!str_has_prefix(c->site_url, "http://") ||
	    strpbrk(c->site_url, " \t\"'\\$|&") != NULL)
		return yaml_where_bad(w, "site_url", err,
		    "\"%s\" is not http://ADDRESS[:PORT] (iPXE and installers use it)",
		    c->site_url);
	if (c->site_url[n - 1] == '/')
		c->site_url[n - 1] = '\0';
	return 0;
}

int
agent_config_url_check(
    const struct yaml_where *w, struct agent_config *c, struct error *err)
{
	int r = check_far(w, c, err);

	if (r == 0)
		r = check_proxy_login(w, c, err);
	return r < 0 ? r : check_site_url(w, c, err);
}
