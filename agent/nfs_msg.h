/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One question to an NFS server: is there a folder of that path? Bytes <-> struct, pure. */
#ifndef AGENT_NFS_MSG_H
#define AGENT_NFS_MSG_H

#include <stdint.h>

#include "lib/buf.h"
#include "lib/compiler.h"
#include "lib/error.h"

enum { NFS_MSG_CALL_MAX = 2048, NFS_MSG_REPLY_MAX = 8192, NFS_MSG_RECORD_MARK = 4 };

struct nfs_msg_reply {
	enum {
		NFS_MSG_THERE,	   /* a folder */
		NFS_MSG_MISSING,   /* no such path, or no export there */
		NFS_MSG_NO_FOLDER, /* something else than a folder */
		NFS_MSG_DENIED,	   /* not for us */
		NFS_MSG_VERSION,   /* the server does not speak NFSv4 */
		NFS_MSG_MINOR,	   /* it does, but not NFSv4.0 */
		NFS_MSG_BUSY,	   /* it asks to come later */
		NFS_MSG_OTHER,	   /* `status` */
	} what;
	uint32_t status; /* RFC 7530 13.1 */
};

/* A record that asks for the absolute `path`: its length, or -EINVAL when the path has no part or does not fit. */
int
nfs_msg_build(uint32_t xid, const char *path, uint8_t buf[NFS_MSG_CALL_MAX]) MUST_CHECK;
/* The length of the record whose first four octets these are, without them; -EBADMSG when it comes in pieces or is
 * longer than such an answer is. */
int
nfs_msg_record(const uint8_t mark[NFS_MSG_RECORD_MARK]) MUST_CHECK;
/* The record's content. -EBADMSG when it is no answer to that call. */
int
nfs_msg_parse(struct rbuf r, uint32_t xid, struct nfs_msg_reply *ret) MUST_CHECK;
/* 0 for a folder, else -EINVAL with *err of code nfs-export, or nfs-unchecked when the answer says nothing of it. `server` and `path` are for the text. */
int
nfs_msg_judge(const struct nfs_msg_reply *m, const char *server, const char *path,
    struct error *err) MUST_CHECK;

#endif
