/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TFTP numbers and limits: RFC 1350, 2347 (options), 2348 (blksize), 2349 (timeout,
 * tsize), 7440 (windowsize). */
#ifndef BOOT_SERVICES_TFTP_PROTO_H
#define BOOT_SERVICES_TFTP_PROTO_H

/* RFC 1350 5 and RFC 2347. */
enum tftp_opcode {
	TFTP_OP_RRQ = 1,
	TFTP_OP_WRQ = 2,
	TFTP_OP_DATA = 3,
	TFTP_OP_ACK = 4,
	TFTP_OP_ERROR = 5,
	TFTP_OP_OACK = 6,
};

/* RFC 1350 appendix I and RFC 2347. */
enum tftp_error {
	TFTP_ERR_UNDEFINED = 0,
	TFTP_ERR_NOT_FOUND = 1,
	TFTP_ERR_ACCESS = 2,
	TFTP_ERR_DISK_FULL = 3,
	TFTP_ERR_ILLEGAL = 4,
	TFTP_ERR_UNKNOWN_TID = 5,
	TFTP_ERR_EXISTS = 6,
	TFTP_ERR_NO_USER = 7,
	TFTP_ERR_OPTION = 8, /* EDK2 ends its size probe with this one */
};

enum {
	TFTP_DATA_HEADER = 4,	    /* opcode, block */
	TFTP_BLKSIZE_DEFAULT = 512, /* RFC 1350 2 */
	TFTP_BLKSIZE_MIN = 8,	    /* RFC 2348 */
	TFTP_BLKSIZE_MAX = 65464,   /* RFC 2348 */
	TFTP_TIMEOUT_MIN_S = 1,	    /* RFC 2349 */
	TFTP_TIMEOUT_MAX_S = 255,   /* RFC 2349 */
	TFTP_WINDOW_MIN = 1,	    /* RFC 7440 3 */
	TFTP_WINDOW_MAX = 65535,    /* RFC 7440 3 */
	/* u-root#1966: clients that ask for more than 64 are known to break. */
	TFTP_WINDOW_CAP = 64,
	TFTP_NAME_SIZE = 256,
	TFTP_MODE_SIZE = 10, /* "netascii" */
	/* IPv4 and UDP headers, and 4 of TFTP; the same for IPv6 is 52 (boot.md 1.8). */
	TFTP_OVERHEAD_V4 = 32,
	TFTP_OVERHEAD_V6 = 52,
	TFTP_RRQ_MAX = 1024, /* requests beyond this are not of any known loader */
};

#endif
