/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One TFTP transfer towards a client, as a state machine: packets and time in, what to
 * send out. Pure: it knows block numbers and deadlines, not file contents or sockets. */
#ifndef BOOT_SERVICES_TFTP_XFER_H
#define BOOT_SERVICES_TFTP_XFER_H

#include <stdbool.h>
#include <stdint.h>

#include "boot-services/tftp_msg.h"

enum tftp_xfer_state {
	TFTP_XFER_OACK, /* options sent, waiting for ACK 0 */
	TFTP_XFER_DATA, /* a window is under way */
	TFTP_XFER_DONE, /* see result */
};

enum tftp_xfer_result {
	TFTP_XFER_RUNNING,
	TFTP_XFER_COMPLETE,	    /* the last block was acknowledged */
	TFTP_XFER_COMPLETE_UNACKED, /* all sent, only the last window's ACK never came */
	TFTP_XFER_PROBE,   /* the client only asked for the size (boot.md 0.1, 9) */
	TFTP_XFER_ABORTED, /* ERROR from the client, or its port closed */
	TFTP_XFER_TIMEOUT,
};

/* What the server allows. */
struct tftp_xfer_limits {
	uint16_t blksize;    /* largest; from configuration and the path's MTU */
	uint16_t windowsize; /* largest */
};

struct tftp_xfer {
	enum tftp_xfer_state state;
	enum tftp_xfer_result result;
	struct tftp_options
	    agreed; /* the OACK; all zero when the client sent no options */
	uint16_t blksize, windowsize;
	bool tsize_asked;
	int64_t size;
	uint64_t last;	/* number of the final block, from 1 */
	uint64_t acked; /* all blocks up to this one have arrived */
	uint64_t next;	/* first block not sent yet in this window */
	uint64_t top;	/* first block never sent */
	int64_t sent_at, progress_at, rewound_at;
	int64_t deadline; /* tftp_xfer_on_time() is due; never, when done */
	int64_t rto, rto_first, rtt;
	uint16_t error;	 /* ABORTED, PROBE: the client's code */
	bool closed;	 /* ABORTED: by ICMP, not by an ERROR packet */
	bool heard;	 /* the client has answered at least once */
	bool retried;	 /* the window under way was sent more than once */
	unsigned early;	 /* how often duplicates brought the deadline of it forward */
	unsigned resent; /* packets sent again, for the event */
};

/* What to send now: an OACK, or the data blocks first … first + count - 1. */
struct tftp_xfer_out {
	bool oack;
	uint64_t first;
	unsigned count;
};

/* Agrees on options and starts. `size` is that of the octets to send. */
void
tftp_xfer_start(struct tftp_xfer *x, const struct tftp_request *req, int64_t size,
    const struct tftp_xfer_limits *limits, int64_t now, struct tftp_xfer_out *ret);
/* A packet from the client's address and port. */
void
tftp_xfer_on_msg(struct tftp_xfer *x, const struct tftp_msg *m, int64_t now,
    struct tftp_xfer_out *ret);
/* The same request came again from the same port: our first answer was lost, or is late.
 */
void
tftp_xfer_on_repeat(struct tftp_xfer *x, int64_t now, struct tftp_xfer_out *ret);
/* The client's port answered with an ICMP error. */
void
tftp_xfer_on_closed(struct tftp_xfer *x);
/* Call at `deadline`, or earlier without harm. */
void
tftp_xfer_on_time(struct tftp_xfer *x, int64_t now, struct tftp_xfer_out *ret);

/* Octets the client has acknowledged. */
int64_t
tftp_xfer_bytes(const struct tftp_xfer *x);
/* Where a block's octets lie in the file. */
int64_t
tftp_xfer_offset(const struct tftp_xfer *x, uint64_t block);
/* How many they are; less than blksize (down to 0) for the last block only. */
uint16_t
tftp_xfer_length(const struct tftp_xfer *x, uint64_t block);
const char *
tftp_xfer_result_name(enum tftp_xfer_result r); /* "complete-unacked", … */

#endif
