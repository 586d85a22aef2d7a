/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The TFTP server's port (RFC 1350): requests, names, limits, refusals.
 *
 * Entry points: tftp_io_open() listens on port 69, on_request() takes what
 * arrives there and starts transfers (tftp_session_io.c).
 *
 * Files are opened beneath the loaders root only; images and what tickets grant are never
 * served here. Every request that starts no transfer becomes an event with its reason,
 * answered or not; evsink.c limits their rate.
 *
 * Over the limits a request is not answered rather than refused: firmware repeats it
 * every four seconds, but takes an ERROR as final. */
#include "boot-services/tftp_io.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "boot-services/listen_io.h"
#include "boot-services/policy.h"
#include "boot-services/textfile.h"
#include "boot-services/tftp_priv.h"
#include "lib/clock.h"
#include "lib/menu_script.h"
#include "lib/str.h"

enum { REQUESTS_PER_TURN = 64 };
/* When a limit is reached, room is made by a transfer this long silent: its client was
 * power-cycled. One that never answered at all, as to a forged request, has less time. */
#define STALE_AFTER (3 * USEC_PER_SEC)
#define NEVER_HEARD_AFTER USEC_PER_SEC
/* The same request again within this time is the network's copy of the first one. */
#define DUPLICATE_WITHIN USEC_PER_SEC

/* A request as it arrived. */
struct arrival {
	struct tftp_peer peer;
	struct addr_ip local; /* the address it was sent to */
	bool broadcast;
	size_t len;
	uint8_t pkt[TFTP_RRQ_MAX + 1];
};

/* A request that started no transfer, answered or not. */
static void PRINTF_LIKE(5, 6)
    tell_refused(struct tftp_io *io, const struct tftp_peer *peer, const char *file,
	const char *result, const char *fmt, ...)
{
	struct event ev = tftp_session_io_event("tftp.error", peer, file);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(ev.reason, sizeof ev.reason, fmt, ap);
	va_end(ap);
	event_put(&ev, "result", result);
	evsink_emit(io->deps->events, &ev);
}

static void
answer_error(const struct arrival *a, enum tftp_error code, const char *text)
{
	uint8_t pkt[256];
	struct wbuf w = wbuf_init(pkt, sizeof pkt);
	size_t n = tftp_msg_build_error(&w, code, text);
	int fd = tftp_session_io_socket(&a->local, &a->peer);

	if (fd < 0)
		return;
	(void)send(fd, pkt, n, MSG_DONTWAIT);
	close(fd);
}

/* A file of the loaders root; a machine that is sent on to its disk must never find its own. */
static int
open_named(struct tftp_io *io, const char *name, struct fileroot_file *ret)
{
	if (str_eq(name, POLICY_LOCAL_FILE))
		return -ENOENT;
	return fileroot_open(io->deps->loaders_fd, name, ret);
}

/* Firmware that reads option 67 past its end asks for a name with octets of other options
 * behind it (netboot.xyz#1198). */
static int
open_without_garbage(struct tftp_io *io, const char *asked, char name[TFTP_NAME_SIZE],
    struct fileroot_file *ret)
{
	char cut[TFTP_NAME_SIZE];
	size_t n = strlen(asked);
	int err;

	while (n > 0 && (uint8_t)asked[n - 1] >= 0x80)
		n--;
	if (n == strlen(asked) || n == 0)
		return -ENOENT;
	memcpy(cut, asked, n);
	cut[n] = '\0';
	err = fileroot_clean(cut, name, TFTP_NAME_SIZE);
	if (err == 0)
		err = open_named(io, name, ret);
	return err;
}

/* What a newer iPXE looks for beside itself (boot.md 1.10), where the operator has put no file of that name. */
static int
open_autoexec(struct tftp_io *io, const char *name, const struct addr_ip *local,
    struct fileroot_file *ret)
{
	const char *slash = strrchr(name, '/');
	char text[MENU_SCRIPT_AUTOEXEC_SIZE];

	if (strcasecmp(slash != NULL ? slash + 1 : name, "autoexec.ipxe") != 0 ||
	    !io->deps->cfg->http)
		return -ENOENT;
	menu_script_autoexec(local, io->deps->cfg->http_port, text);
	return textfile_make(text, ret);
}

static int
open_loader(struct tftp_io *io, const char *asked, char name[TFTP_NAME_SIZE],
    struct fileroot_file *ret)
{
	int err = fileroot_clean(asked, name, TFTP_NAME_SIZE);

	if (err == 0)
		err = open_named(io, name, ret);
	if (err != 0 && open_without_garbage(io, asked, name, ret) == 0)
		err = 0;
	return err;
}

/* Shim and iPXE look for files that need not exist, and any other code than 1 is known to
 * break them (shim#649). */
static void
refuse_file(struct tftp_io *io, const struct arrival *a, const char *asked,
    const char *name, int err)
{
	size_t n = strlen(asked);
	const char *optional = "autoexec.ipxe";

	if (err == -EACCES || err == -EPERM || fileroot_is_trouble(err)) {
		answer_error(a, TFTP_ERR_ACCESS, "access violation");
		tell_refused(io, &a->peer, asked, "refused",
		    "the file cannot be opened below the loaders root: %s",
		    fileroot_why(err));
		return;
	}
	answer_error(a, TFTP_ERR_NOT_FOUND, "file not found");
	if (str_eq(name, POLICY_LOCAL_FILE))
		tell_refused(
		    io, &a->peer, asked, "not-found", "local boot: not found on purpose");
	else if (n >= strlen(optional) &&
		 strcmp(asked + n - strlen(optional), optional) == 0)
		tell_refused(io, &a->peer, asked, "not-found",
		    "iPXE asks for autoexec.ipxe by itself; its absence changes nothing");
	else
		tell_refused(io, &a->peer, asked, "not-found",
		    "no such file below the loaders root%s%s", err == -ENOENT ? "" : ": ",
		    err == -ENOENT ? "" : fileroot_why(err));
}

static void
serve(struct tftp_io *io, const struct arrival *a, const struct tftp_request *req)
{
	char name[TFTP_NAME_SIZE] = "";
	struct fileroot_file file = {.fd = -1};
	int err = open_loader(io, req->name, name, &file);

	if (err == -ENOENT)
		err = open_autoexec(io, name, &a->local, &file);
	if (err != 0) {
		refuse_file(io, a, req->name, name, err);
		return;
	}
	err = tftp_session_io_start(io, &a->peer, &a->local, req, name, &file);
	if (err == -ENOBUFS) {
		tell_refused(io, &a->peer, name, "refused",
		    "not answered: too many netascii transfers are under way");
	} else if (err != 0) {
		answer_error(a, TFTP_ERR_UNDEFINED, "cannot be sent");
		tell_refused(io, &a->peer, name, "refused",
		    "the transfer cannot start: %s", strerror(-err));
	}
}

/* ---- requests ---- */

static struct tftp_session *
find_session(struct tftp_io *io, const struct tftp_peer *peer)
{
	struct tftp_session *s = NULL;

	HASH_FIND(hh, io->sessions, peer, sizeof *peer, s);
	return s;
}

/* The same client and port again: a copy of the request, or a client that starts over.
 * True when the running transfer takes care of it. */
static bool
handle_repeat(struct tftp_io *io, const struct arrival *a, const struct tftp_request *req)
{
	struct tftp_session *s = find_session(io, &a->peer);
	int64_t now = clock_mono();

	if (s == NULL)
		return false;
	if (strcmp(s->req.name, req->name) == 0 &&
	    (s->xfer.acked == 0 || now - s->heard < DUPLICATE_WITHIN)) {
		tftp_session_io_repeat(s);
		return true;
	}
	tftp_session_io_close(s, "tftp.error", "superseded", "the client began again");
	return false;
}

static bool
is_stale(const struct tftp_session *s, int64_t now)
{
	return now - s->heard >= (s->xfer.heard ? STALE_AFTER : NEVER_HEARD_AFTER);
}

/* The transfers of one client, of its network and of all: how many there are, and the one of
 * them that is longest silent for good, or NULL. */
struct crowd {
	unsigned mine, near;
	struct tftp_session *own, *kin, *any;
};

static struct tftp_session *
longer_silent(struct tftp_session *a, struct tftp_session *b)
{
	return a == NULL || b->heard < a->heard ? b : a;
}

static struct crowd
count_crowd(const struct tftp_io *io, const struct addr_ip *ip)
{
	bool shares = peer_share_counts(*io->deps->table, ip);
	struct tftp_session *s, *tmp;
	int64_t now = clock_mono();
	struct crowd c = {0};

	HASH_ITER (hh, io->sessions, s, tmp) {
		bool same = addr_ip_eq(&s->peer.ip, ip);
		bool kin = shares && s->shares && peer_share_same(&s->peer.ip, ip);

		c.mine += same;
		c.near += kin;
		if (!is_stale(s, now))
			continue;
		if (same)
			c.own = longer_silent(c.own, s);
		if (kin)
			c.kin = longer_silent(c.kin, s);
		c.any = longer_silent(c.any, s);
	}
	return c;
}

/* Room for one more transfer of this client? The one longest silent makes way when it is
 * silent for good. */
static bool
make_room(struct tftp_io *io, const struct arrival *a, const char *name)
{
	const struct bootd_config *cfg = io->deps->cfg;
	struct crowd c = count_crowd(io, &a->peer.ip);
	bool mine_full = c.mine >= cfg->tftp_max_per_client;
	bool near_full = c.near >= peer_share_max(cfg->tftp_max_transfers);
	struct tftp_session *other = near_full ? c.kin : c.any;

	if (!mine_full && !near_full &&
	    HASH_COUNT(io->sessions) < cfg->tftp_max_transfers)
		return true;
	if (c.own != NULL) {
		tftp_session_io_close(c.own, "tftp.error", "superseded",
		    "silent, and the client asked for another file");
		return true;
	}
	if (other != NULL && !mine_full) {
		tftp_session_io_close(other, "tftp.error", "timeout",
		    "the client stopped answering, and others need the room");
		return true;
	}
	tell_refused(io, &a->peer, name, "refused",
	    "not answered: %u transfers of this client%s and %u in all are under way",
	    c.mine, near_full ? ", half of all there may be of its /64," : "",
	    HASH_COUNT(io->sessions));
	return false;
}

static void
refuse_packet(struct tftp_io *io, const struct arrival *a, int err)
{
	if (err == -EROFS) {
		answer_error(a, TFTP_ERR_ACCESS, "this server is read-only");
		tell_refused(
		    io, &a->peer, "", "refused", "write request: nothing is stored here");
	} else if (err == -EPROTONOSUPPORT) {
		answer_error(a, TFTP_ERR_ILLEGAL, "mode must be octet or netascii");
		tell_refused(io, &a->peer, "", "refused",
		    "a transfer mode other than octet and netascii");
	} else {
		tell_refused(
		    io, &a->peer, "", "refused", "not answered: not a TFTP request");
	}
}

static void
handle_arrival(struct tftp_io *io, const struct arrival *a)
{
	struct tftp_msg m;
	int err;

	/* RFC 1123 4.2.3.4: "SHOULD silently ignore" requests to a broadcast address. */
	if (a->broadcast) {
		tell_refused(io, &a->peer, "", "refused",
		    "not answered: sent to a broadcast or multicast address");
		return;
	}
	err = tftp_msg_parse(a->pkt, a->len, &m);
	/* A late ERROR of a client that took port 69 for its transfer's. */
	if (err == 0 && m.op == TFTP_OP_ERROR)
		return;
	if (err == 0 && m.op != TFTP_OP_RRQ)
		err = -EBADMSG;
	if (err != 0) {
		refuse_packet(io, a, err);
		return;
	}
	if (!handle_repeat(io, a, &m.req) && make_room(io, a, m.req.name))
		serve(io, a, &m.req);
}

static void
take_local_v4(struct arrival *a, const struct cmsghdr *c)
{
	struct in_pktinfo info;

	memcpy(&info, CMSG_DATA(c), sizeof info);
	a->local = addr_ip_from_in(info.ipi_spec_dst);
	a->broadcast = info.ipi_addr.s_addr != info.ipi_spec_dst.s_addr;
}

/* Link-local addresses mean something together with their interface only. */
static void
take_local_v6(struct arrival *a, const struct cmsghdr *c)
{
	const struct addr_ip *peer = &a->peer.ip;
	struct in6_pktinfo info;

	memcpy(&info, CMSG_DATA(c), sizeof info);
	a->local.family = AF_INET6;
	memcpy(a->local.b, &info.ipi6_addr, sizeof a->local.b);
	a->broadcast = IN6_IS_ADDR_MULTICAST(&info.ipi6_addr);
	if (addr_ip_is_link_local(&a->local) || addr_ip_is_link_local(peer))
		a->peer.scope = info.ipi6_ifindex;
}

/* Fills the addresses of an arrival. False when the kernel did not tell where it was
 * sent. */
static bool
take_addresses(struct msghdr *mh, struct arrival *a)
{
	a->peer.ip = addr_ip_from_sockaddr(mh->msg_name);
	a->peer.port = addr_port_from_sockaddr(mh->msg_name);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c != NULL; c = CMSG_NXTHDR(mh, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
			take_local_v4(a, c);
		else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
			take_local_v6(a, c);
		else
			continue;
		return a->peer.port != 0;
	}
	return false;
}

static void
on_request(evutil_socket_t fd, short what, void *arg)
{
	struct tftp_io *io = arg;

	(void)what;
	for (int i = 0; i < REQUESTS_PER_TURN; i++) {
		/* Zeroed: peer is a hash key, padding included. */
		struct arrival a = {0};
		struct sockaddr_storage from = {0};
		union {
			struct cmsghdr align;
			uint8_t room[CMSG_SPACE(sizeof(struct in6_pktinfo)) + 64];
		} control;
		struct iovec iov = {a.pkt, sizeof a.pkt};
		struct msghdr mh = {.msg_name = &from,
		    .msg_namelen = sizeof from,
		    .msg_iov = &iov,
		    .msg_iovlen = 1,
		    .msg_control = &control,
		    .msg_controllen = sizeof control};
		ssize_t n = recvmsg(fd, &mh, MSG_DONTWAIT);

		if (n < 0)
			return;
		a.len = (size_t)n;
		if (take_addresses(&mh, &a))
			handle_arrival(io, &a);
	}
}

/* ---- the service ---- */

struct tftp_io *
tftp_io_open(const struct bootd_deps *deps, struct error *err)
{
	const struct listen_io_service service = {.name = "TFTP",
	    .key = "tftp",
	    .type = SOCK_DGRAM,
	    .port = deps->cfg->tftp_port};
	struct tftp_io *io = str_alloc(sizeof *io);

	io->deps = deps;
	io->listener = listen_io_open(deps, &service, on_request, io, err);
	if (io->listener == NULL) {
		tftp_io_close(io);
		return NULL;
	}
	return io;
}

void
tftp_io_on_table_change(struct tftp_io *io)
{
	(void)io;
}

void
tftp_io_close(struct tftp_io *io)
{
	struct tftp_session *s, *tmp;

	if (io == NULL)
		return;
	HASH_ITER (hh, io->sessions, s, tmp) {
		tftp_session_io_break(s, "the server is being stopped");
	}
	listen_io_close(io->listener);
	free(io);
}
