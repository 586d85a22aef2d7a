/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by tftp_io.c (port 69 and its requests) and tftp_session_io.c (one transfer). */
#ifndef BOOT_SERVICES_TFTP_PRIV_H
#define BOOT_SERVICES_TFTP_PRIV_H

#include <sys/socket.h>
#include <uthash.h>

#include "boot-services/bootd_deps.h"
#include "boot-services/fileroot.h"
#include "boot-services/peer_share.h"
#include "boot-services/tftp_msg.h"
#include "boot-services/tftp_xfer.h"
#include "lib/addr.h"
#include "lib/event.h"

struct listen_io;

struct tftp_peer {
	struct addr_ip ip;
	uint16_t port;
	uint32_t scope; /* interface, where an address of the two is link-local; else 0 */
};

struct tftp_session {
	struct tftp_io *io;
	struct tftp_peer peer; /* hash key */
	bool shares;	       /* peer_share_counts() */
	int fd;
	struct event *readable, *timer;
	int64_t timer_at; /* when `timer` fires; may be earlier than the deadline */
	struct tftp_xfer xfer;
	struct tftp_request req;
	char name[TFTP_NAME_SIZE]; /* cleaned */
	struct fileroot_file file;
	uint8_t *ahead; /* octets [ahead_at, ahead_at + ahead_len) of the file */
	size_t ahead_cap, ahead_len;
	int64_t ahead_at;
	size_t text; /* its part of text_octets below */
	int64_t began, heard, reported;
	bool broken; /* by us: tftp_session_io_break() */
	UT_hash_handle hh;
};

struct tftp_io {
	const struct bootd_deps *deps;
	struct listen_io *listener;
	struct tftp_session *sessions; /* by peer */
	size_t text_octets;	       /* held for netascii transfers */
	/* Scratch of one send: a window's headers and vectors. */
	uint8_t headers[TFTP_WINDOW_CAP][TFTP_DATA_HEADER];
	struct iovec iov[TFTP_WINDOW_CAP][2];
	struct mmsghdr msgs[TFTP_WINDOW_CAP];
};

/* A socket for one answer or transfer: from the address that was asked, to the client
 * only. The descriptor or -errno. */
int
tftp_session_io_socket(const struct addr_ip *local, const struct tftp_peer *peer);
/* Starts a transfer and takes `file`. 0 or -errno, -ENOBUFS when too much memory is in use; on
 * failure `file` is closed and nothing was sent or told. */
int
tftp_session_io_start(struct tftp_io *io, const struct tftp_peer *peer,
    const struct addr_ip *local, const struct tftp_request *req, const char *name,
    struct fileroot_file *file);
/* The same request came again. */
void
tftp_session_io_repeat(struct tftp_session *s);
/* The one way out of a transfer: tells its result, forgets and frees it. */
void
tftp_session_io_close(
    struct tftp_session *s, const char *kind, const char *result, const char *reason);
/* The same where it is broken off by us and not by the client: "aborted". */
void
tftp_session_io_break(struct tftp_session *s, const char *reason);
/* An event with the client's address and an escaped file name. */
struct event
tftp_session_io_event(const char *kind, const struct tftp_peer *peer, const char *file);

#endif
