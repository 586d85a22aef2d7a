/* SPDX-License-Identifier: GPL-3.0-or-later */
/* NFSv4.0 COMPOUND { PUTROOTFH, LOOKUP…, GETATTR(type) } and its answer.
 *
 * Entry points: nfs_msg_build(), nfs_msg_record(), nfs_msg_parse(), nfs_msg_judge().
 * Ownership: none.
 * Failure modes: an answer that does not add up is -EBADMSG. Of one that does only the
 * outcome is read: a server says more than is asked here.
 *
 * NFSv4 has one port, and needs neither portmapper nor mountd to look at a path; a client
 * that mounts by NFSv3 is served from the same exports.
 */
#include "agent/nfs_msg.h"

#include <errno.h>
#include <string.h>

#include "agent/nfs_proto.h"

enum { PARTS_MAX = 64, OPAQUE_MAX = 1024, AUTH_MAX = 400 };

/* RFC 4506 4.10: a length, the octets, and zeros up to a multiple of four. */
static void
put_opaque(struct wbuf *w, const void *data, size_t n)
{
	wbuf_u32(w, (uint32_t)n);
	wbuf_bytes(w, data, n);
	wbuf_zero(w, (4 - n % 4) % 4);
}

static void
skip_opaque(struct rbuf *r, size_t max)
{
	uint32_t n = rbuf_u32(r);

	if (n > max)
		r->overflow = true;
	else
		rbuf_skip(r, (n + 3) & ~3u);
}

static size_t
count_parts(const char *path)
{
	size_t n = 0;

	while (*path != '\0') {
		size_t len = strcspn(path, "/");

		n += len > 0;
		path += len;
		path += *path == '/';
	}
	return n;
}

/* RFC 5531 9 and appendix A: as root, whom most exports squash to somebody who may read. */
static void
put_call(struct wbuf *w, uint32_t xid)
{
	wbuf_u32(w, xid);
	wbuf_u32(w, NFS_RPC_CALL);
	wbuf_u32(w, NFS_RPC_VERSION);
	wbuf_u32(w, NFS_PROGRAM);
	wbuf_u32(w, NFS_VERSION);
	wbuf_u32(w, NFS_PROC_COMPOUND);
	wbuf_u32(w, NFS_RPC_AUTH_SYS);
	wbuf_u32(w, 5 * 4); /* stamp, empty name, uid, gid, no further groups */
	wbuf_zero(w, 5 * 4);
	wbuf_u32(w, NFS_RPC_AUTH_NONE);
	wbuf_u32(w, 0);
}

static void
put_lookups(struct wbuf *w, const char *path)
{
	while (*path != '\0') {
		size_t len = strcspn(path, "/");

		if (len > 0) {
			wbuf_u32(w, NFS_OP_LOOKUP);
			put_opaque(w, path, len);
		}
		path += len;
		path += *path == '/';
	}
}

int
nfs_msg_build(uint32_t xid, const char *path, uint8_t buf[NFS_MSG_CALL_MAX])
{
	struct wbuf w = wbuf_init(buf, NFS_MSG_CALL_MAX), mark;
	size_t parts = count_parts(path);

	if (path[0] != '/' || parts == 0 || parts > PARTS_MAX)
		return -EINVAL;
	wbuf_u32(&w, 0);
	put_call(&w, xid);
	wbuf_u32(&w, 0); /* tag */
	wbuf_u32(&w, 0); /* minor version */
	wbuf_u32(&w, (uint32_t)parts + 2);
	wbuf_u32(&w, NFS_OP_PUTROOTFH);
	put_lookups(&w, path);
	wbuf_u32(&w, NFS_OP_GETATTR);
	wbuf_u32(&w, 1);
	wbuf_u32(&w, 1u << NFS_ATTR_TYPE);
	if (!wbuf_ok(&w))
		return -EINVAL;
	mark = wbuf_init(buf, NFS_MSG_RECORD_MARK);
	wbuf_u32(&mark, NFS_RECORD_LAST | (uint32_t)(w.len - NFS_MSG_RECORD_MARK));
	return (int)w.len;
}

int
nfs_msg_record(const uint8_t mark[NFS_MSG_RECORD_MARK])
{
	struct rbuf r = rbuf_init(mark, NFS_MSG_RECORD_MARK);
	uint32_t v = rbuf_u32(&r), n = v & ~NFS_RECORD_LAST;

	return (v & NFS_RECORD_LAST) == 0 || n == 0 || n > NFS_MSG_REPLY_MAX ? -EBADMSG
									     : (int)n;
}

static void
set_status(struct nfs_msg_reply *m, uint32_t status)
{
	m->status = status;
	switch (status) {
	case NFS_OK: m->what = NFS_MSG_THERE; break;
	case NFS_ERR_NOENT:
	case NFS_ERR_STALE: m->what = NFS_MSG_MISSING; break;
	case NFS_ERR_NOTDIR: m->what = NFS_MSG_NO_FOLDER; break;
	case NFS_ERR_PERM:
	case NFS_ERR_ACCESS:
	case NFS_ERR_WRONGSEC: m->what = NFS_MSG_DENIED; break;
	case NFS_ERR_MINOR_VERS_MISMATCH: m->what = NFS_MSG_MINOR; break;
	case NFS_ERR_DELAY: m->what = NFS_MSG_BUSY; break;
	default: m->what = NFS_MSG_OTHER; break;
	}
}

/* One result a operation, in their order; the last is GETATTR's, or the one that failed. */
static void
read_results(struct rbuf *r, uint32_t n, struct nfs_msg_reply *m)
{
	uint32_t op = 0, status = m->status;

	for (uint32_t i = 0; i < n && rbuf_ok(r); i++) {
		op = rbuf_u32(r);
		status = rbuf_u32(r);
		if (status != NFS_OK || op == NFS_OP_GETATTR)
			break;
	}
	if (status != m->status || (status == NFS_OK && op != NFS_OP_GETATTR))
		r->overflow = true;
	if (status != NFS_OK)
		return;
	/* RFC 7530 3.3.9 fattr4: which attributes, then their values. */
	if (rbuf_u32(r) < 1 || (rbuf_u32(r) & 1u << NFS_ATTR_TYPE) == 0)
		r->overflow = true;
	if (rbuf_u32(r) < 4)
		r->overflow = true;
	if (rbuf_u32(r) != NFS_TYPE_DIR)
		m->what = NFS_MSG_NO_FOLDER;
}

int
nfs_msg_parse(struct rbuf r, uint32_t xid, struct nfs_msg_reply *ret)
{
	struct nfs_msg_reply m = {.what = NFS_MSG_OTHER};
	uint32_t status;

	if (rbuf_u32(&r) != xid || rbuf_u32(&r) != NFS_RPC_REPLY)
		return -EBADMSG;
	/* RFC 5531 9: denied is a version of RPC that is not spoken, or who we say we are. */
	if (rbuf_u32(&r) != NFS_RPC_ACCEPTED) {
		m.what = NFS_MSG_DENIED;
		*ret = m;
		return rbuf_ok(&r) ? 0 : -EBADMSG;
	}
	(void)rbuf_u32(&r);
	skip_opaque(&r, AUTH_MAX);
	status = rbuf_u32(&r);
	if (status != NFS_RPC_SUCCESS) {
		m.what = NFS_MSG_VERSION;
		*ret = m;
		return rbuf_ok(&r) ? 0 : -EBADMSG;
	}
	set_status(&m, rbuf_u32(&r));
	skip_opaque(&r, OPAQUE_MAX); /* tag */
	status = rbuf_u32(&r);
	if (status > PARTS_MAX + 2)
		return -EBADMSG;
	/* A version that is not spoken has no results. */
	if (status > 0 || m.what == NFS_MSG_THERE)
		read_results(&r, status, &m);
	if (!rbuf_ok(&r))
		return -EBADMSG;
	*ret = m;
	return 0;
}

int
nfs_msg_judge(const struct nfs_msg_reply *m, const char *server, const char *path,
    struct error *err)
{
	const char *config =
	    "netboot-ctl site config SITE --for nfs prints what its server "
	    "needs; load it there, then retry";

	switch (m->what) {
	case NFS_MSG_THERE: return 0;
	case NFS_MSG_MISSING:
		return error_set(err, -EINVAL, "nfs-export", config,
		    "the NFS server at %s does not export %s", server, path);
	case NFS_MSG_NO_FOLDER:
		return error_set(err, -EINVAL, "nfs-export",
		    "correct the image's nfs_root",
		    "%s at the NFS server %s is no folder", path, server);
	case NFS_MSG_DENIED:
		return error_set(err, -EINVAL, "nfs-export", config,
		    "the NFS server at %s does not let this machine see %s", server,
		    path);
	case NFS_MSG_VERSION:
		return error_set(err, -EINVAL, "nfs-export",
		    "switch NFSv4 on in the server: the export is checked by it",
		    "the NFS server at %s does not speak NFSv4", server);
	case NFS_MSG_MINOR:
		return error_set(err, -EINVAL, "nfs-unchecked",
		    "see yourself that it is exported, or let the server speak NFSv4.0 "
		    "too",
		    "whether %s is exported was not seen: the NFS server at %s speaks "
		    "NFSv4.1 or later only, and is asked in NFSv4.0",
		    path, server);
	case NFS_MSG_BUSY:
		return error_set(err, -EINVAL, "nfs-export", "retry in a minute",
		    "the NFS server at %s is not ready yet", server);
	case NFS_MSG_OTHER: break;
	}
	return error_set(err, -EINVAL, "nfs-export",
	    "look into the log of the NFS server",
	    "the NFS server at %s answers status %u for %s", server, (unsigned)m->status,
	    path);
}
