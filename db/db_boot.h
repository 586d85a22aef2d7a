/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Observed boots of hosts. */
#ifndef DB_DB_BOOT_H
#define DB_DB_BOOT_H

#include "db/store.h"
#include "lib/bundle.h"
#include "lib/event.h"

enum { DB_BOOT_CLASS_SIZE = 128 };

/* What is remarkable of a boot; a set of bits. */
enum {
	DB_BOOT_UNORDERED = 1, /* no order of ours caused it */
	DB_BOOT_POWER_OFF_SEEN =
	    2, /* the host was seen off, and no order of ours caused it */
	DB_BOOT_OTHER_DHCP = 4, /* a second DHCP server answered it */
};

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
	char mac[ADDR_MAC_TEXT];
	char ip[ADDR_IP_TEXT], ip6[ADDR_IP_TEXT]; /* given last */
	char vendor_class[DB_BOOT_CLASS_SIZE];	  /* of the firmware */
	char loader[EVENT_FILE_SIZE];		  /* the first one that it took whole */
	int64_t flags;
	char verdict_code[ERROR_CODE_SIZE];
	char verdict_text[ERROR_TEXT_SIZE];
	char verdict_next[ERROR_NEXT_SIZE];
	int64_t octets;			 /* of its transfers */
	char kind[16], by[64];		 /* of its job; read only */
	char reason[BUNDLE_REASON_SIZE]; /* the same */
};

/* What an event adds to a boot; "": nothing. */
struct db_boot_note {
	char mac[ADDR_MAC_TEXT];
	char ip[ADDR_IP_TEXT], ip6[ADDR_IP_TEXT];
	char arch[EVENT_ARCH_SIZE];
	char vendor_class[DB_BOOT_CLASS_SIZE];
	char loader[EVENT_FILE_SIZE];
};

/* The words of a set of flags: "unordered", "power-off-seen", "other-dhcp"; NULL beyond the last. *i is where to go on,
 * from 0. */
const char *
db_boot_flag_next(int64_t flags, unsigned *i);

/* A boot that is known already stays as it is, and a host that is recorded as off has no second record of that. */
int
db_boot_begin(struct store *s, const struct db_boot *boot) MUST_CHECK;
/* Only the first end counts. */
int
db_boot_end(struct store *s, const char *id, const char *outcome, const char *text,
    int64_t at) MUST_CHECK;
/* Of addresses the last counts, of all else the first. */
int
db_boot_note(struct store *s, const char *id, const struct db_boot_note *note) MUST_CHECK;
/* Raises flags; none is ever taken back. */
int
db_boot_flag(struct store *s, const char *id, int64_t flags) MUST_CHECK;
/* Those that are raised; -ENOENT. */
int
db_boot_flags(struct store *s, const char *id, int64_t *ret) MUST_CHECK;
/* Why it did not end well, where nothing is said yet; of a boot that ended well nothing is. */
int
db_boot_blame(struct store *s, const char *id, const char *code, const char *text,
    const char *next) MUST_CHECK;
/* The same, also in place of the code `instead_of`: a boot that has another one of its own keeps it. */
int
db_boot_verdict(struct store *s, const char *id, const char *instead_of, const char *code,
    const char *text, const char *next) MUST_CHECK;
/* A JSON array of what was let go to it; only the first counts, but of a boot without a job the last. */
int
db_boot_files_put(struct store *s, const char *id, const char *files) MUST_CHECK;
/* Owned by the caller; "" when nothing was let go, -ENOENT without such a boot. */
int
db_boot_files(struct store *s, const char *id, char **ret) MUST_CHECK;
/* Ends, as "unknown", one boot of the host that is still open and older than its boot `next`; -ENOENT: there is none. */
int
db_boot_lost(struct store *s, const char *host, const char *next, const char *text,
    int64_t at, char ret_id[ID_SIZE]) MUST_CHECK;
/* Ends the host's open record of being off at `at`, or when it began where that is later; -ENOENT: there is none. */
int
db_boot_power_off_end(struct store *s, const char *host, const char *text, int64_t at,
    char ret_id[ID_SIZE]) MUST_CHECK;
/* Notes what a boot without a job has loaded; the last image counts. */
int
db_boot_image(struct store *s, const char *id, const char *image) MUST_CHECK;
/* The host's open record of being off; -ENOENT. */
int
db_boot_power_off_open(
    struct store *s, const char *host, char ret_id[ID_SIZE]) MUST_CHECK;
int
db_boot_get(struct store *s, const char *id, struct db_boot *ret) MUST_CHECK;
/* Ids, what was recorded last first; host NULL: all; before NULL: from the newest. */
int
db_boot_ids(struct store *s, const char *host, const char *before, int64_t limit,
    struct store_names *ret) MUST_CHECK;

#endif
