/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The recording of a serial console: frames of octets and marks, each with its time and a checksum, in a file
 * that only grows (docs/protocol.md, "Console recordings"). Bytes <-> struct; the agent writes them, the orchestrator
 * keeps them, netboot-ctl replays them. */
#ifndef LIB_CONSOLE_RECORD_H
#define LIB_CONSOLE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/id.h"

enum {
	CONSOLE_RECORD_DATA_MAX = 4096, /* octets of one frame */
	CONSOLE_RECORD_TEXT_MAX = 200,	/* of a mark */
	CONSOLE_RECORD_HOST_SIZE = 254,
	CONSOLE_RECORD_FRAME_HEAD = 12,
	CONSOLE_RECORD_FRAME_TAIL = 4,
	CONSOLE_RECORD_FRAME_MAX = CONSOLE_RECORD_FRAME_HEAD + CONSOLE_RECORD_DATA_MAX +
				   CONSOLE_RECORD_FRAME_TAIL,
};

enum console_record_type {
	CONSOLE_RECORD_BEGIN = 'B', /* the first frame, and only it */
	CONSOLE_RECORD_DATA = 'D',
	CONSOLE_RECORD_MARK = 'M',
};

/* What became of the recording at that point; the numbers are in files and stay. */
enum console_record_mark {
	CONSOLE_RECORD_CONNECTED = 1, /* from here on the console is heard */
	CONSOLE_RECORD_GAP = 2,	      /* until here it was not; before CONNECTED */
	CONSOLE_RECORD_LOST = 3,      /* the BMC ended the session or fell silent */
	CONSOLE_RECORD_STOLEN = 4,    /* another session took the console */
	CONSOLE_RECORD_REFUSED = 5,   /* it was not to be had */
	CONSOLE_RECORD_YIELDED = 6,   /* given up, for the job's own calls to the BMC */
	CONSOLE_RECORD_TRUNCATED = 7, /* the limit: what was said later is not kept */
	CONSOLE_RECORD_END = 8,	      /* the last frame */
};
enum { CONSOLE_RECORD_MARK_COUNT = 9 };

/* "connected", "gap", …; NULL for a number that is none. */
const char *
console_record_mark_name(unsigned mark);

struct console_record_frame {
	enum console_record_type type;
	enum console_record_mark mark; /* MARK */
	int64_t at;		       /* wall, microseconds */
	const uint8_t
	    *data; /* DATA: octets; MARK: printable text; borrowed from what was read */
	size_t len;
	char host[CONSOLE_RECORD_HOST_SIZE]; /* BEGIN */
	char id[ID_SIZE]; /* BEGIN: of the boot, or the recording's own */
	bool always;	  /* BEGIN: of no boot, but between jobs */
};

/* Each writes one frame and returns its length; 0 when it does not fit in `cap` or is longer than it may be. */
size_t
console_record_put_begin(uint8_t *buf, size_t cap, int64_t at, const char *host,
    const char *id, bool always) MUST_CHECK;
size_t
console_record_put_data(
    uint8_t *buf, size_t cap, int64_t at, const void *data, size_t len) MUST_CHECK;
/* Text is cut to CONSOLE_RECORD_TEXT_MAX. */
size_t
console_record_put_mark(uint8_t *buf, size_t cap, int64_t at,
    enum console_record_mark mark, const char *text) MUST_CHECK;

/* The first frame of buf: 1 with *ret and the octets it takes in *ret_used; 0 when it is not whole yet;
 * -EBADMSG: no frame, or a damaged one. A frame of an unknown type or mark that is whole is skipped, and counts among
 * the octets, which without a frame are those that were skipped. */
int
console_record_next(const uint8_t *buf, size_t len, struct console_record_frame *ret,
    size_t *ret_used) MUST_CHECK;

/* Makes the times of whole frames, in their place, by so much earlier, with new checksums; `least` is the time before, 0 for none: a little earlier
 * than that is that. What follows a frame that is none is left as it is. */
void
console_record_shift(uint8_t *buf, size_t len, int64_t by, int64_t least);

/* A recording as it is read through. */
struct console_record_sum {
	bool begun;
	char host[CONSOLE_RECORD_HOST_SIZE];
	char id[ID_SIZE];
	bool always;
	int64_t first, last; /* times; 0: none */
	int64_t octets;	     /* of the console */
	int64_t good;	     /* length of the whole frames */
	unsigned gaps;
	bool truncated, ended;
	bool damaged; /* a frame that is none: nothing behind it counts */
};

/* Takes whole frames of buf into *sum (zeroed at the beginning) and returns how many octets they are; the rest
 * is to be given again, with more behind it. */
size_t
console_record_sum_add(
    struct console_record_sum *sum, const uint8_t *buf, size_t len) MUST_CHECK;

#endif
