/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What of ONC RPC (RFC 5531) and NFSv4.0 (RFC 7530, RFC 7531) a question for one folder needs. */
#ifndef AGENT_NFS_PROTO_H
#define AGENT_NFS_PROTO_H

enum {
	NFS_PORT = 2049,	      /* RFC 7530 3.1 */
	NFS_RECORD_LAST = 0x80000000, /* RFC 5531 11: the last fragment of a record */
	NFS_PROGRAM = 100003,
	NFS_VERSION = 4,
	NFS_PROC_COMPOUND = 1, /* RFC 7530 15.2 */
};

/* RFC 5531 9 */
enum nfs_rpc {
	NFS_RPC_VERSION = 2,
	NFS_RPC_CALL = 0,
	NFS_RPC_REPLY = 1,
	NFS_RPC_ACCEPTED = 0,
	NFS_RPC_SUCCESS = 0,
	NFS_RPC_AUTH_NONE = 0,
	NFS_RPC_AUTH_SYS = 1, /* appendix A */
};

/* RFC 7530 16 */
enum nfs_op { NFS_OP_GETATTR = 9, NFS_OP_LOOKUP = 15, NFS_OP_PUTROOTFH = 24 };

/* RFC 7530 5.8.1.2: attribute "type", the second bit of the first word. */
enum { NFS_ATTR_TYPE = 1, NFS_TYPE_DIR = 2 };

/* RFC 7530 13.1 */
enum nfs_status {
	NFS_OK = 0,
	NFS_ERR_PERM = 1,
	NFS_ERR_NOENT = 2,
	NFS_ERR_ACCESS = 13,
	NFS_ERR_NOTDIR = 20,
	NFS_ERR_STALE = 70,
	NFS_ERR_DELAY = 10008,
	NFS_ERR_WRONGSEC = 10016,
	NFS_ERR_MINOR_VERS_MISMATCH = 10021,
};

#endif
