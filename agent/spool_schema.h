/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The spool's schema (numbered migrations, append-only) and its statements. */
#ifndef AGENT_SPOOL_SCHEMA_H
#define AGENT_SPOOL_SCHEMA_H

#include <stddef.h>

#include "db/db.h"

extern const struct db_migration spool_schema_migrations[];
extern const size_t spool_schema_count;

enum spool_schema_stmt {
	META_GET,
	META_PUT,
	HOST_CLEAR,
	HOST_PUT,
	HOST_DEL,
	HOST_NEXT,
	HOST_GET,
	JOB_PUT,
	JOB_SAVE,
	JOB_END,
	JOB_KNOWN,
	JOB_CLOSE,
	JOB_EACH,
	JOB_PURGE,
	TICKET_PUT,
	TICKET_PURGE,
	BOOT_PUT,
	BOOT_DEL,
	BOOT_EACH,
	EVENT_PUT,
	EVENT_LOAD,
	EVENT_ACK,
	EVENT_COUNT,
	EVENT_SIZE,
	PAST_KEEP,
	PAST_CLEAR,
	PAST_ALL,
	PAST_OF_HOST,
	PAST_OF_JOB,
	PAST_BACK,
	JOB_LIST,
	JOB_GET,
	JOB_LAST,
	LOCAL_HOST_CLEAR,
	LOCAL_HOST_PUT,
	LOCAL_HOST_GET,
	LOCAL_IMAGE_CLEAR,
	LOCAL_IMAGE_PUT,
	LOCAL_IMAGE_EACH,
	LOCAL_KEY_GET,
	LOCAL_KEY_PUT,
	LOCAL_KEY_PURGE,
	SPOOL_STMTS,
};

extern const char *const spool_schema_sql[SPOOL_STMTS];

#endif
