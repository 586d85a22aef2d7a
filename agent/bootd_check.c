/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The check of agent.yaml goes on where the agent's own schema ends: what is inside
 * boot_services is netboot-bootd's to judge, and an operator wants to know before the
 * service is restarted. bootd reads the section from a file in memory, on the lines where
 * it stands in agent.yaml, so that its messages name file, line and key.
 *
 * Entry point: bootd_check().
 * Ownership: the file in memory and the process end before it returns.
 * Failure modes: a bootd that is not installed leaves the section unchecked, and that is
 * said: the rest of the file may well be checked on another machine.
 */
#include "agent/bootd_check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static int
text_in_memory(const char *text)
{
	size_t left = strlen(text);
	int fd = memfd_create("boot_services", MFD_CLOEXEC);

	while (fd >= 0 && left > 0) {
		ssize_t n = write(fd, text, left);

		if (n < 0) {
			close(fd);
			return -1;
		}
		text += n;
		left -= (size_t)n;
	}
	return fd;
}

static int
run(const char *program, int input, const char *name)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (dup2(input, STDIN_FILENO) >= 0)
			execl(program, "netboot-bootd", "-n", "-c", "/dev/stdin",
			    "--name", name, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EINVAL;
}

int
bootd_check(const struct agent_config *cfg, const char *name)
{
	int fd, r;

	if (access(cfg->bootd, X_OK) < 0) {
		fprintf(stderr, "%s: boot_services was not checked: %s: %s\n", name,
		    cfg->bootd, strerror(errno));
		return 0;
	}
	fd = text_in_memory(cfg->boot_services);
	if (fd < 0)
		return -errno;
	r = run(cfg->bootd, fd, name);
	close(fd);
	return r;
}
