/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The key that secrets for this agent are sealed to, and the pinned keys of the orchestrator's orders.
 *
 * Every agent has the first, also the one beside its orchestrator: passwords of BMCs then pass no socket in clear. The second is
 * written when the agent is enrolled; an agent that has none takes orders from whoever answers at the unix socket, which only
 * root and the service's user can do.
 *
 * Entry points: agent_keys_open(), agent_keys_again(), agent_keys_free(). Ownership: the keys' set owns its box.
 * Failure modes: a file that is there and cannot be used keeps the agent from starting: it must not fall back to taking orders
 * without a signature. */
#include "agent/agent_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/secret.h"
#include "lib/str.h"

enum { PATH_SIZE = 4096, TEXT_MAX = 1024 };

#define NEXT "enrol the agent anew: netboot-agent enroll"

int
agent_keys_parse(const char *text, struct agent_order_trust *trust, struct error *err)
{
	char id[SECRET_SIGN_ID_TEXT], line[SECRET_SIGN_PUBLIC_TEXT];

	trust->n_keys = 0;
	while (*text != '\0') {
		size_t n = strcspn(text, "\r\n");

		if (n > 0) {
			if (trust->n_keys == AGENT_ORDER_KEYS_MAX ||
			    str_format(line, sizeof(line), "%.*s", (int)n, text) < 0 ||
			    secret_sign_id_of(line, id) < 0)
				return error_set(err, -EINVAL, "orders-key", NEXT,
				    "it does not hold 1 to %d public keys, one a line",
				    AGENT_ORDER_KEYS_MAX);
			str_clip(
			    trust->keys[trust->n_keys++], SECRET_SIGN_PUBLIC_TEXT, line);
		}
		text += n + strspn(text + n, "\r\n");
	}
	return trust->n_keys > 0
		   ? 0
		   : error_set(err, -EINVAL, "orders-key", NEXT, "it holds no key");
}

/* 0 without a file, too: then none is pinned. */
static int
read_orders(const char *path, struct agent_order_trust *trust, struct error *err)
{
	char text[TEXT_MAX + 1] = "";
	int rc, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return 0;
	n = fd < 0 ? -1 : read(fd, text, TEXT_MAX);
	if (n < 0) {
		rc = error_set(err, -errno, "orders-key", NEXT, "%s", strerror(errno));
	} else {
		text[n] = '\0';
		rc = agent_keys_parse(text, trust, err);
	}
	if (fd >= 0)
		close(fd);
	if (rc < 0)
		error_prefix(err, "%s", path);
	return rc;
}

static int
make_dir(const char *path, struct error *err)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return 0;
	return error_set(err, -errno, "config",
	    "create the folder, or name another state_dir", "cannot create %s: %s", path,
	    strerror(errno));
}

int
agent_keys_open(const char *state_dir, const char *site, const char *agent,
    struct agent_keys **ret, struct error *err)
{
	struct agent_keys *k = str_alloc(sizeof(*k));
	char dir[PATH_SIZE], path[PATH_SIZE];
	int rc = str_format(dir, sizeof(dir), "%s/" AGENT_KEYS_DIR, state_dir);

	k->trust.site = site;
	k->trust.agent = agent;
	if (rc < 0)
		error_set(err, rc, "config", NULL, "state_dir is too long");
	if (rc == 0)
		rc = make_dir(dir, err);
	if (rc == 0 &&
	    (rc = str_format(path, sizeof(path), "%s/" AGENT_KEYS_SEAL, dir)) == 0)
		rc = secret_box_open(path, 1, &k->box, err);
	if (rc == 0 &&
	    (rc = str_format(path, sizeof(path), "%s/" AGENT_KEYS_ORDERS, dir)) == 0)
		rc = read_orders(path, &k->trust, err);
	k->trust.box = k->box;
	if (rc < 0) {
		agent_keys_free(k);
		return rc;
	}
	*ret = k;
	return 0;
}

int
agent_keys_again(struct agent_keys *k, const char *state_dir, struct error *err)
{
	struct agent_order_trust now = k->trust;
	char path[PATH_SIZE];
	int rc = str_format(
	    path, sizeof(path), "%s/" AGENT_KEYS_DIR "/" AGENT_KEYS_ORDERS, state_dir);

	if (rc == 0)
		rc = read_orders(path, &now, err);
	if (rc == 0)
		k->trust = now;
	return rc;
}

void
agent_keys_free(struct agent_keys *k)
{
	if (k == NULL)
		return;
	secret_box_free(k->box);
	free(k);
}
