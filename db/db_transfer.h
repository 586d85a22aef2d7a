/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What went over the wire in a boot, one row a transfer. */
#ifndef DB_DB_TRANSFER_H
#define DB_DB_TRANSFER_H

#include "db/store.h"
#include "lib/event.h"

enum {
	DB_TRANSFER_MAX =
	    1000, /* rows of a boot; what comes after is counted in its octets alone */
	DB_TRANSFER_WORD = 32
};

enum db_transfer_step { DB_TRANSFER_BEGIN, DB_TRANSFER_PROGRESS, DB_TRANSFER_END };

struct db_transfer {
	char boot[ID_SIZE];
	int64_t n;		      /* 1, 2, …; counted by db_transfer_put() */
	const char *protocol;	      /* "tftp" or "http" */
	char class[DB_TRANSFER_WORD]; /* "" : not told */
	char file[EVENT_FILE_SIZE];
	char ip[ADDR_IP_TEXT];
	int64_t began, ended;	       /* 0: not seen */
	int64_t octets;		       /* acknowledged by the client */
	int64_t total;		       /* -1: not known */
	char result[DB_TRANSFER_WORD]; /* "" : not told */
	bool failed;
	char reason[EVENT_REASON_SIZE];
};

/* A step of a transfer: it goes on with the open one of the same boot, file and address that began when t->began says (0: any,
 * the newest one), else it is a new row. Adds what came since to the boot's octets. A boot that is not recorded has no
 * transfers. */
int
db_transfer_put(
    struct store *s, enum db_transfer_step step, const struct db_transfer *t) MUST_CHECK;
/* In the order in which they were first heard of. The row is borrowed for the call; `each` must not use the store. */
int
db_transfer_list(struct store *s, const char *boot,
    void (*each)(void *arg, const struct db_transfer *t), void *arg) MUST_CHECK;

#endif
