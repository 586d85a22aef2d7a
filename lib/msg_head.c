/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The head of a message between agent and orchestrator: JSON <-> values.
 *
 * Entry points: msg_head_version(), msg_head_sender() and msg_head_id() for who reads, msg_head_put() for who writes.
 * Nothing is owned. Failure modes: -EINVAL with the member's name in *err; a version that this program does not read is
 * said to be one ("bad-version"), whatever else is in the message. */
#include "lib/msg_head.h"

#include <errno.h>

#include "lib/json.h"
#include "lib/str.h"

int
msg_head_version(const json_t *v, struct error *err)
{
	int64_t version = 0;

	if (!json_is_object(v))
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "message: not an object");
	if (json_get_i64(v, "v", &version, err) < 0)
		return -EINVAL;
	if (version != MSG_HEAD_VERSION)
		return error_set(err, -EINVAL, "bad-version",
		    "install the same release of netboot-agent and netboot-orchestrator",
		    "v: this program reads version %d", MSG_HEAD_VERSION);
	return 0;
}

int
msg_head_id(const json_t *v, const char *key, char ret_id[ID_SIZE], struct error *err)
{
	if (json_copy_str(v, key, ret_id, ID_SIZE, err) < 0)
		return -EINVAL;
	if (!id_valid(ret_id))
		return error_set(err, -EINVAL, "bad-value", NULL, "%s: not an id", key);
	return 0;
}

int
msg_head_sender(
    const json_t *v, char *site, size_t site_size, char agent[ID_SIZE], struct error *err)
{
	if (msg_head_version(v, err) < 0 ||
	    json_copy_str(v, "site", site, site_size, err) < 0 ||
	    msg_head_id(v, "agent", agent, err) < 0)
		return -EINVAL;
	if (!str_name_valid(site))
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "site: not a site name");
	return 0;
}

void
msg_head_put(json_t *v, const char *site, const char *agent)
{
	json_put_i64(v, "v", MSG_HEAD_VERSION);
	if (site == NULL)
		return;
	json_put_str(v, "site", site);
	json_put_str(v, "agent", agent);
}
