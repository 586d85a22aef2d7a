/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What this process and its files take of the machine. */
#ifndef ORCHESTRATOR_PROCESS_STAT_H
#define ORCHESTRATOR_PROCESS_STAT_H

#include <stdint.h>

/* < 0: not known. */
struct process_stat {
	double cpu_s;		    /* user and system */
	int64_t resident, virtual_; /* octets */
	int64_t fds, fds_max;
	int64_t database, wal; /* octets of the files */
	int64_t disk_free;     /* octets, for us, where the database is */
};

/* Blocking (a little): reads /proc/self and looks at the files of that database. */
void
process_stat_read(const char *database, struct process_stat *ret);

#endif
