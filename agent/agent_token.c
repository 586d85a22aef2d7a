/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The token's file.
 *
 * Entry point: agent_token_read(), once, at the start.
 * Ownership: the text is the caller's, who shows it to nobody but the orchestrator.
 * Failure modes: whatever makes the token useless or no secret is an error of the configuration,
 * and the agent does not start.
 */
#include "agent/agent_token.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int
agent_token_read(const char *path, char *ret, size_t size, struct error *err)
{
	struct stat st;
	ssize_t n;
	int fd;

	ret[0] = '\0';
	if (path[0] == '\0')
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		int e = errno;

		if (fd >= 0)
			close(fd);
		return error_set(err, -e, "config", NULL, "cannot read token_file %s: %s",
		    path, strerror(e));
	}
	n = read(fd, ret, size - 1);
	close(fd);
	if ((st.st_mode & 077) != 0)
		return error_set(err, -EPERM, "config", "chmod 600 it.",
		    "token_file %s can be read by others", path);
	if (n <= 0)
		return error_set(
		    err, -EINVAL, "config", NULL, "token_file %s is empty", path);
	ret[n] = '\0';
	ret[strcspn(ret, "\r\n")] = '\0';
	return 0;
}
