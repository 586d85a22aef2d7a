/* SPDX-License-Identifier: GPL-3.0-or-later */
/* usage FILE COMMAND…: runs it and writes "USER SYSTEM KILOBYTES STATUS" to FILE: seconds of CPU time and peak
 * memory as the kernel counted them for the command and the children it waited for.
 *
 * A program of its own because the peak of a process begins with that of who forked it: below Python
 * nothing would ever have less memory than Python. Ends 0 whenever the command ran. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	struct rusage u;
	int status;
	FILE *f;
	pid_t pid;

	if (argc < 3)
		return 1;
	pid = fork();
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &u) != pid)
		return 1;
	f = fopen(argv[1], "w");
	if (f == NULL)
		return 1;
	fprintf(f, "%ld.%06ld %ld.%06ld %ld %d\n", (long)u.ru_utime.tv_sec,
	    (long)u.ru_utime.tv_usec, (long)u.ru_stime.tv_sec, (long)u.ru_stime.tv_usec,
	    u.ru_maxrss, WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
	return fclose(f) != 0;
}
