// SPDX-License-Identifier: GPL-3.0-or-later
/* Figures of the process from getrusage() and /proc/self, of the database from its file system.
 *
 * Entry point: process_stat_read(), for a thread of a work queue: /proc may be slow on a machine with many
 * descriptors. It owns nothing. What cannot be read is said to be unknown (-1) and left out of the figures. */
#include "orchestrator/process_stat.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/compiler.h"
#include "lib/str.h"

static int64_t
open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int64_t n = 0;

	if (!dir)
		return -1;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 3; /* ".", ".." and the one that this took */
}

/* "size resident …" in pages: proc(5). */
static void
read_memory(struct process_stat *ret)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long long size = 0, resident = 0;
	char line[128] = "";

	if (!f)
		return;
	if (fgets(line, sizeof(line), f)) {
		char *end = line;
		size = strtoll(line, &end, 10);
		resident = strtoll(end, NULL, 10);
	}
	fclose(f);
	if (size <= 0)
		return;
	ret->virtual_ = size * sysconf(_SC_PAGESIZE);
	ret->resident = resident * sysconf(_SC_PAGESIZE);
}

static int64_t
file_size(const char *path, const char *suffix)
{
	char name[4096];
	struct stat st;

	if (str_format(name, sizeof(name), "%s%s", path, suffix) < 0 ||
	    stat(name, &st) < 0)
		return -1;
	return st.st_size;
}

static double
seconds(const struct timeval *tv)
{
	return (double)tv->tv_sec + (double)tv->tv_usec / USEC_PER_SEC;
}

void
process_stat_read(const char *database, struct process_stat *ret)
{
	struct rusage usage;
	struct rlimit limit;
	struct statvfs fs;

	*ret = (struct process_stat){
	    .cpu_s = -1, .resident = -1, .virtual_ = -1, .fds_max = -1, .disk_free = -1};
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		ret->cpu_s = seconds(&usage.ru_utime) + seconds(&usage.ru_stime);
	read_memory(ret);
	ret->fds = open_files();
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
		ret->fds_max = (int64_t)limit.rlim_cur;
	ret->database = file_size(database, "");
	ret->wal = file_size(database, "-wal");
	if (statvfs(database, &fs) == 0)
		ret->disk_free = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
}
