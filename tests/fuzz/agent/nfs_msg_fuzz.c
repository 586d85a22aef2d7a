/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers of an NFS server: the record mark and whatever follows. Only one that names a folder is taken for one. */
#include "agent/nfs_msg.h"

#include <stdlib.h>

#include "agent/nfs_proto.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nfs_msg_reply m;
	struct error err;
	int n;

	if (size < NFS_MSG_RECORD_MARK)
		return 0;
	n = nfs_msg_record(data);
	if (n > NFS_MSG_REPLY_MAX)
		abort();
	data += NFS_MSG_RECORD_MARK;
	size -= NFS_MSG_RECORD_MARK;
	if (n < 0 || (size_t)n > size ||
	    nfs_msg_parse(rbuf_init(data, (size_t)n), 0x6e626f74, &m) < 0)
		return 0;
	if (m.what == NFS_MSG_THERE && (m.status != NFS_OK || n < 4 * 13))
		abort();
	if ((nfs_msg_judge(&m, "10.77.0.1", "/srv", &err) == 0) !=
	    (m.what == NFS_MSG_THERE))
		abort();
	return 0;
}
