/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A host's BMC as the site's list has it, to be asked or listened to at once.
 *
 * Entry point: local_bmc_get(). Ownership: what is found is the caller's (local_msg_host_done()).
 * Failure modes: a host that was never handed down, and secrets that are not here or do not open: each has a code.
 */
#include <errno.h>

#include "agent/local_priv.h"
#include "agent/spool_local.h"

int
local_bmc_get(
    struct local *l, const char *host, struct local_msg_host *ret, struct error *err)
{
	int r = spool_local_host(l->o.spool, host, ret);

	if (r == 0)
		return error_set(err, -ENOENT, "no-inventory",
		    "ask when the orchestrator can be reached",
		    "the agent was never handed the BMC of this host");
	if (r == -EBADMSG)
		return error_set(err, r, "bmc-password-sealed",
		    "put back the key file that belongs to this spool (seal_key)",
		    "the BMC's secrets do not open with the agent's key");
	if (r < 0)
		return spool_error(l->o.spool, r, err, "read the host");
	if (ret->withheld[0] == '\0')
		return 0;
	error_set(err, -EPERM, ret->withheld,
	    "ask the orchestrator, or use the BMC's own interface",
	    "the orchestrator has not handed down how to log in to its BMC");
	local_msg_host_done(ret);
	return -EPERM;
}
