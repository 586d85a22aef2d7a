/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TFTP packets: bytes <-> struct. Pure. */
#ifndef BOOT_SERVICES_TFTP_MSG_H
#define BOOT_SERVICES_TFTP_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boot-services/tftp_proto.h"
#include "lib/buf.h"

enum tftp_mode { TFTP_MODE_OCTET, TFTP_MODE_NETASCII };

/* Options as the client asked; 0 (or has_* false) where it did not ask, or asked
 * nonsense. */
struct tftp_options {
	uint16_t blksize;    /* 8..65464; a larger wish is read as 65464 */
	uint16_t windowsize; /* 1..65535 */
	uint16_t timeout_s;  /* 1..255 */
	bool has_tsize;
	int64_t
	    tsize; /* RRQ: what the client wrote, 0 by the book; OACK: the file's size */
};

struct tftp_request {
	char name[TFTP_NAME_SIZE]; /* as sent, not cleaned */
	enum tftp_mode mode;
	struct tftp_options opts;
};

struct tftp_msg {
	enum tftp_opcode op;
	struct tftp_request req; /* RRQ */
	uint16_t block;		 /* ACK, DATA */
	uint16_t error;		 /* ERROR */
	char text[128];		 /* ERROR: escaped message of the peer */
	const uint8_t *data;	 /* DATA: borrowed from the packet */
	size_t data_len;
	struct tftp_options oack; /* OACK */
};

/* Reads one packet. 0; -EBADMSG when it is no TFTP packet (short, unknown opcode, a
 * string without its end); -EPROTONOSUPPORT for a read request of a mode other than octet
 * and netascii; -EROFS for a write request. */
int
tftp_msg_parse(const void *pkt, size_t len, struct tftp_msg *ret) MUST_CHECK;

/* Each appends one packet and returns its length, or 0 when it did not fit. */
size_t
tftp_msg_build_rrq(struct wbuf *w, const struct tftp_request *req);
size_t
tftp_msg_build_oack(struct wbuf *w, const struct tftp_options *opts);
size_t
tftp_msg_build_error(struct wbuf *w, enum tftp_error code, const char *text);
size_t
tftp_msg_build_ack(struct wbuf *w, uint16_t block);
size_t
tftp_msg_build_data_header(struct wbuf *w, uint16_t block);

/* Translates a text to the wire form of netascii (RFC 764: LF becomes CR LF, CR becomes
 * CR NUL). dst holds 2 * len octets; returns how many were written. */
size_t
tftp_msg_netascii(uint8_t *dst, const uint8_t *src, size_t len);

#endif
