/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Observed boots of hosts. */
#ifndef DB_DB_BOOT_H
#define DB_DB_BOOT_H

#include "db/store.h"
#include "lib/bundle.h"
#include "lib/event.h"

struct db_boot {
	char id[ID_SIZE];
	char host[BUNDLE_NAME_SIZE];
	char site[64];
	char job[ID_SIZE];
	int64_t attempt;
	bool planned;
	char trigger[64];
	int64_t began, ended; /* 0: not yet */
	char outcome[16];     /* "" : not yet */
	char text[EVENT_REASON_SIZE];
	char image[BUNDLE_NAME_SIZE];
	char arch[EVENT_ARCH_SIZE];
};

/* A boot that is known already stays as it is. */
int
db_boot_begin(struct store *s, const struct db_boot *boot) MUST_CHECK;
/* Only the first end counts. */
int
db_boot_end(struct store *s, const char *id, const char *outcome, const char *text,
    int64_t at) MUST_CHECK;
/* Notes the architecture the firmware named, once. */
int
db_boot_arch(struct store *s, const char *id, const char *arch) MUST_CHECK;
/* Notes what a boot without a job has loaded; the last image counts. */
int
db_boot_image(struct store *s, const char *id, const char *image) MUST_CHECK;
int
db_boot_get(struct store *s, const char *id, struct db_boot *ret) MUST_CHECK;
/* Ids, what was recorded last first; host NULL: all; before NULL: from the newest. */
int
db_boot_ids(struct store *s, const char *host, const char *before, int64_t limit,
    struct store_names *ret) MUST_CHECK;

#endif
