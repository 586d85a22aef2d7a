// SPDX-License-Identifier: GPL-3.0-or-later
/* What the orchestrator finds around it: the disk, and where its log goes.
 *
 * Stands before the C library's pwrite64(), which SQLite writes with. A process that is killed in the middle of a call leaves a database
 * to which nothing more was written from that moment on: so does this, and the call ends with errors, whatever it had in mind still
 * to do. Only this program's database is written that way. */
#include "tests/sim/orchestrator/fleet_disk.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "lib/log.h"

static struct {
	int left;
	bool failed;
} disk = {.left = -1};

void
fleet_disk_fail_after(int writes)
{
	disk.left = writes;
	disk.failed = false;
}

bool
fleet_disk_failed(void)
{
	return disk.failed;
}

ssize_t
pwrite64(int fd, const void *buf, size_t n, off64_t at)
{
	if (disk.left == 0) {
		disk.failed = true;
		errno = EIO;
		return -1;
	}
	if (disk.left > 0)
		disk.left--;
	return syscall(SYS_pwrite64, fd, buf, n, at);
}

/* Instead of that of lib/log.c, which reads a clock: nothing, or with SIM_LOG all of it. */
void
log_line(const struct log *log, enum log_level level, const char *fmt, ...)
{
	va_list ap;

	(void)log;
	if (!getenv("SIM_LOG"))
		return;
	va_start(ap, fmt);
	fprintf(stderr, "  <%d> ", (int)level);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}
