/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Log lines to events and questions.
 *
 * Entry point: logwatch_line(); logwatch_table.c keeps who is known.
 * Ownership: an event in *ret belongs to the caller.
 * Failure modes: a line of nobody known is an event without a host, or none. A path that might be a ticket's is
 * normalised as the server does it, so that no spelling of it is served and not seen. Of a payload that comes in parts
 * the octets are added up: rather a ticket closed that was not quite used than one that is used twice.
 */
#include "agent/logwatch.h"

#include <stdio.h>
#include <string.h>

#include "agent/logwatch_priv.h"
#include "lib/arch.h"
#include "lib/clock.h"
#include "lib/str.h"

enum { PATH_SIZE = EVENT_FILE_SIZE };

/* ---- events ---- */

/* May another event go out in this second? */
static bool
may_tell(struct logwatch_bucket *b, int64_t now, unsigned rate)
{
	int64_t second = now / USEC_PER_SEC;

	if (b->second != second) {
		b->second = second;
		b->n = 0;
	}
	if (b->n >= rate) {
		b->left_out++;
		return false;
	}
	b->n++;
	return true;
}

static void
put_escaped(struct event *ev, const char *key, const char *text)
{
	char safe[4 * 64];

	if (text[0] != '\0')
		event_put(ev, key, str_escape(safe, sizeof(safe), text, strlen(text)));
}

/* False when it is one too many. */
static bool
begin_event(struct logwatch *w, struct logwatch_host *h, enum logline_format f,
    const struct logline *l, const char *kind, int64_t read_at, struct logwatch_out *ret)
{
	struct logwatch_bucket *b = h == NULL ? &w->strangers : &h->bucket;
	struct event *ev = &ret->ev;

	if (!may_tell(b, read_at, h == NULL ? LOGWATCH_STRANGERS : LOGWATCH_HOST))
		return false;
	ret->has_event = true;
	*ev = event_make(kind, l->at != 0 ? l->at : read_at);
	if (h != NULL)
		str_clip(ev->host, sizeof(ev->host), h->name);
	if (l->has_mac)
		addr_mac_text(&l->mac, ev->mac, sizeof(ev->mac));
	if (addr_ip_is_set(&l->ip))
		addr_ip_text(&l->ip, ev->ip, sizeof(ev->ip));
	event_put(ev, "log", logline_format_name(f));
	if (l->reason[0] != '\0')
		str_escape(ev->reason, sizeof(ev->reason), l->reason, strlen(l->reason));
	if (b->left_out > 0)
		event_put_i64(ev, "suppressed", b->left_out);
	b->left_out = 0;
	return true;
}

/* ---- DHCP ---- */

static void
take_hint(struct logwatch *w, struct logwatch_host *h, const struct logline *l)
{
	bool ipxe = l->class == LOGLINE_CLASS_IPXE;

	if (!l->has_mac && !l->has_uuid) { /* dnsmasq: by number */
		bool same = str_eq(w->xid, l->xid);

		if (!same || ipxe || w->hint != LOGLINE_CLASS_IPXE)
			w->hint = l->class;
		if (!same || l->arch != ARCH_NONE)
			w->arch = l->arch;
		memcpy(w->xid, l->xid, sizeof(w->xid));
		return;
	}
	if (h == NULL)
		return;
	h->hint = l->class;
	h->arch = l->arch;
	h->hinted = true;
	memcpy(h->xid, l->xid, sizeof(h->xid));
}

static bool
from_client(const struct logline *l)
{
	const char *what = strchr(l->kind, '.');

	return str_eq(what, ".discover") || str_eq(what, ".request") ||
	       str_eq(what, ".solicit");
}

/* Who sends it, when a line before this one has told. A packet's lines have its number; those of dhcpd have none, and
 * the hint stands directly before its packet. */
static enum logline_class
class_of(struct logwatch *w, struct logwatch_host *h, const struct logline *l,
    uint16_t *ret_arch)
{
	*ret_arch = ARCH_NONE;
	if (l->xid[0] != '\0' && str_eq(l->xid, w->xid)) {
		*ret_arch = w->arch;
		return w->hint;
	}
	if (h == NULL)
		return LOGLINE_CLASS_UNKNOWN;
	if (l->xid[0] != '\0' && !str_eq(l->xid, h->xid))
		return LOGLINE_CLASS_UNKNOWN;
	if (h->hinted) {
		h->class = h->hint;
		if (l->xid[0] == '\0')
			h->hinted = false;
	} else if (l->xid[0] == '\0' && from_client(l)) {
		h->class = LOGLINE_CLASS_UNKNOWN;
	}
	*ret_arch = h->arch;
	return h->class;
}

static void
dhcp_event(struct logwatch *w, struct logwatch_host *h, enum logline_format f,
    const struct logline *l, int64_t read_at, struct logwatch_out *ret)
{
	uint16_t arch;
	enum logline_class class = class_of(w, h, l, &arch);
	bool armed = h != NULL && h->boot != NULL && !h->boot->b.consumed;
	bool guess = class == LOGLINE_CLASS_UNKNOWN && armed;
	const char *what = strchr(l->kind, '.');

	if (h != NULL && (str_eq(what, ".ack") || str_eq(what, ".reply")))
		logwatch_given(w, h, &l->ip);
	if (guess)
		class = h->boot->loader_begun ? LOGLINE_CLASS_IPXE : LOGLINE_CLASS_PXE;
	if (!begin_event(w, h, f, l, l->kind, read_at, ret))
		return;
	if (class != LOGLINE_CLASS_UNKNOWN)
		event_put(&ret->ev, "class", logline_class_name(class));
	if (guess)
		event_put(&ret->ev, "inferred",
		    "the log does not say who asks; judged by the order of requests");
	if (arch != ARCH_NONE)
		arch_name(arch, ret->ev.arch, sizeof(ret->ev.arch));
	put_escaped(&ret->ev, "xid", l->xid);
}

/* ---- TFTP ---- */

static void
tftp_event(struct logwatch *w, struct logwatch_host *h, enum logline_format f,
    const struct logline *l, int64_t read_at, struct logwatch_out *ret)
{
	const char *kind = l->what == LOGLINE_TFTP_BEGIN ? "tftp.begin"
			   : l->what == LOGLINE_TFTP_END ? "tftp.end"
							 : "tftp.error";
	size_t n = strlen(l->file);
	bool script = n >= 5 && str_eq(l->file + n - 5, ".ipxe");
	const char *result = "complete";
	struct logwatch_boot *b = h == NULL ? NULL : h->boot;

	if (b != NULL && l->what == LOGLINE_TFTP_ERROR)
		b->aborted = str_has_prefix(l->reason, "8 ");
	if (b != NULL && l->what == LOGLINE_TFTP_END && b->aborted) {
		/* dnsmasq calls it sent; RFC 2347's error 8 ended it: the size was asked for. */
		b->aborted = false;
		result = "probe";
	} else if (b != NULL && l->what != LOGLINE_TFTP_ERROR && !script) {
		b->loader_begun = true;
	}
	if (!begin_event(w, h, f, l, kind, read_at, ret))
		return;
	str_escape(ret->ev.file, sizeof(ret->ev.file), l->file, n);
	if (l->what == LOGLINE_TFTP_END)
		event_put(&ret->ev, "result", result);
}

/* ---- HTTP ---- */

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Drops "/./" and empty parts; goes back over "/../". */
static bool
resolve(char *path)
{
	char *out = path;
	const char *in = path;

	while (*in != '\0') {
		size_t n;

		in += strspn(in, "/");
		n = strcspn(in, "/");
		if (n == 2 && in[0] == '.' && in[1] == '.') {
			if (out == path)
				return false;
			while (*--out != '/')
				;
		} else if (n > 0 && !(n == 1 && in[0] == '.')) {
			*out++ = '/';
			memmove(out, in, n);
			out += n;
		}
		in += n;
	}
	*out = '\0';
	return true;
}

bool
logwatch_clean_path(const char *raw, char *ret, size_t size)
{
	const char *scheme = strstr(raw, "://");
	size_t n = 0;

	/* A request line may name the server, too. */
	if (raw[0] != '/' && scheme != NULL)
		raw = scheme + 3 + strcspn(scheme + 3, "/");
	if (raw[0] != '/')
		return false;
	for (const char *p = raw; *p != '\0' && *p != '?' && *p != '#'; p++) {
		char c = *p;

		if (c == '%' && hex(p[1]) >= 0 && hex(p[2]) >= 0) {
			c = (char)(hex(p[1]) * 16 + hex(p[2]));
			p += 2;
		}
		if (c == '\0' || n + 1 >= size)
			return false;
		ret[n++] = c;
	}
	ret[n] = '\0';
	return resolve(ret);
}

static bool
ends(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcasecmp(s + n - m, end) == 0;
}

/* What a path is, by bootd's words; NULL: nothing of ours. */
struct path {
	const char *class;
	struct logwatch_host *host;
	const char *name; /* of a payload, loader or script; borrowed of the path */
	int payload;	  /* -1: none */
	char stage[BOOTD_MSG_STAGE_SIZE];
};

/* "/b/TOKEN/NAME" or "/report/TOKEN/STAGE" behind its first part: the host and the rest, which of a file may have
 * several parts. */
static bool
split_token(const struct logwatch *w, const char *rest, struct path *p)
{
	char token[ID_TOKEN_SIZE];
	size_t n = strcspn(rest, "/");

	if (n != sizeof(token) - 1 || rest[n] != '/')
		return false;
	memcpy(token, rest, n);
	token[n] = '\0';
	p->name = rest + n + 1;
	p->host = logwatch_find_token(w, token);
	return true;
}

static bool
read_payload(const struct logwatch *w, const char *rest, struct path *p)
{
	static const char *const classes[] = {[BOOTD_PAYLOAD_KERNEL] = "kernel",
	    [BOOTD_PAYLOAD_INITRD] = "initrd",
	    [BOOTD_PAYLOAD_FILE] = "file",
	    [BOOTD_PAYLOAD_TEMPLATE] = "file"};

	if (!split_token(w, rest, p))
		return false;
	p->class = "file";
	for (size_t i = 0; p->host != NULL && i < p->host->boot->b.n_payloads; i++) {
		if (str_eq(p->host->boot->b.payloads[i].name, p->name)) {
			p->payload = (int)i;
			p->class = classes[p->host->boot->b.payloads[i].kind];
		}
	}
	return true;
}

static bool
read_script(const struct logwatch *w, const char *rest, struct path *p)
{
	struct addr_mac mac;

	if (addr_mac_parse(rest, &mac) < 0)
		return false;
	p->host = logwatch_find_mac(w, &mac);
	p->name = "script.ipxe";
	p->class = p->host != NULL && p->host->boot != NULL && !p->host->boot->b.consumed
		       ? "script"
		       : "idle";
	return true;
}

/* The menu and files of its images. Never a loader's name, whatever they are called. */
static bool
read_menu(
    const struct logwatch *w, const char *path, const struct logline *l, struct path *p)
{
	bool menu = str_eq(path, "/script.ipxe") || str_eq(path, "/scripts/script.ipxe");

	if (!menu && !str_has_prefix(path, "/m/"))
		return false;
	p->host = logwatch_find_ip(w, &l->ip);
	p->name = menu ? "script.ipxe" : path + 1;
	p->class = menu ? "menu" : "menu-file";
	return true;
}

static bool
read_path(
    const struct logwatch *w, const char *path, const struct logline *l, struct path *p)
{
	const char *base = strrchr(path, '/');

	*p = (struct path){.payload = -1};
	if (str_has_prefix(path, "/b/"))
		return read_payload(w, path + 3, p);
	if (str_has_prefix(path, "/script.ipxe-"))
		return read_script(w, path + strlen("/script.ipxe-"), p);
	if (str_has_prefix(path, "/scripts/script.ipxe-"))
		return read_script(w, path + strlen("/scripts/script.ipxe-"), p);
	if (read_menu(w, path, l, p))
		return true;
	if (str_has_prefix(path, "/report/")) {
		p->class = "report";
		if (!split_token(w, path + strlen("/report/"), p))
			return false;
		str_clip(p->stage, sizeof(p->stage), p->name);
		return true;
	}
	p->host = logwatch_find_ip(w, &l->ip);
	p->name = base == NULL ? path : base + 1;
	p->class = "loader";
	return str_has_prefix(path, "/loaders/") || ends(path, ".efi") ||
	       ends(path, ".kpxe") || ends(path, ".pxe");
}

/* Has the client all of it, as far as the server can tell? */
static bool
came_whole(struct logwatch_host *h, int payload, const struct logline *l)
{
	const struct bootd_msg_payload *p;
	int64_t *got;

	if (l->status == 200 && l->whole && payload < 0)
		return l->total < 0 || l->bytes >= l->total;
	if (payload < 0 || (l->status != 200 && l->status != 206) || l->bytes < 0)
		return false;
	p = &h->boot->b.payloads[payload];
	got = &h->boot->got[payload];
	if (l->status == 200 && l->whole && (p->size < 0 || l->bytes >= p->size))
		return true;
	/* In parts, or broken off: rather counted twice than not at all. */
	*got = l->bytes > INT64_MAX - *got ? INT64_MAX : *got + l->bytes;
	return *got >= p->size;
}

static void
ask(const struct logwatch_host *h, const struct path *p, bool whole,
    const struct logline *l, struct logwatch_out *ret)
{
	const struct bootd_msg_boot *b = &h->boot->b;
	bool file =
	    p->payload >= 0 && !bootd_msg_payload_is_boot(b->payloads[p->payload].kind);
	bool good = l->status >= 200 && l->status < 300;

	memcpy(ret->ticket, b->ticket, sizeof(ret->ticket));
	memcpy(ret->token, b->token, sizeof(ret->token));
	str_clip(ret->host, sizeof(ret->host), h->name);
	if (str_eq(p->class, "report")) {
		static const char *const stages[] = {
		    "up", "installed", "failed", "booted"};

		for (size_t i = 0; good && i < ARRAY_SIZE(stages); i++)
			ret->report |=
			    str_eq(stages[i], p->stage) && str_eq(l->method, "POST");
		str_clip(ret->stage, sizeof(ret->stage), p->stage);
		/* The system runs, whatever of its loading was not seen. */
		ret->consume = ret->report && !b->consumed;
		return;
	}
	if (p->payload < 0 || !str_eq(l->method, "GET"))
		return;
	str_clip(ret->name, sizeof(ret->name), p->name);
	/* Further files are fetched by the system that was loaded. */
	ret->consume = !b->consumed && (whole || (file && good));
	ret->drop = whole && !file;
	h->boot->came[p->payload] |= whole;
}

/* Of a template only the server knows it. */
static int64_t
size_of(const struct path *p, const struct logline *l)
{
	const struct bootd_msg_payload *of;

	if (p->host == NULL || p->payload < 0)
		return l->total;
	of = &p->host->boot->b.payloads[p->payload];
	return of->kind == BOOTD_PAYLOAD_TEMPLATE ? l->total : of->size;
}

static void
http_event(struct logwatch *w, enum logline_format f, const struct logline *l,
    int64_t read_at, struct logwatch_out *ret)
{
	char path[PATH_SIZE];
	struct path p;
	bool whole = false;
	const char *kind = "http.end";

	if (!logwatch_clean_path(l->file, path, sizeof(path)) ||
	    !read_path(w, path, l, &p))
		return;
	if (str_eq(l->method, "GET"))
		whole = came_whole(p.host, p.host == NULL ? -1 : p.payload, l);
	if (p.host != NULL && p.host->boot != NULL && str_eq(p.class, "loader") &&
	    l->status == 200 && str_eq(l->method, "GET"))
		p.host->boot->loader_begun = true;
	if (p.host != NULL && p.host->boot != NULL)
		ask(p.host, &p, whole, l, ret);
	if (l->status < 200 || l->status >= 400)
		kind = "http.error";
	if (!begin_event(w, p.host, f, l, kind, read_at, ret))
		return;
	str_escape(ret->ev.file, sizeof(ret->ev.file), p.name, strlen(p.name));
	ret->ev.bytes = l->bytes;
	ret->ev.total = size_of(&p, l);
	event_put(&ret->ev, "class", p.class);
	put_escaped(&ret->ev, "method", l->method);
	put_escaped(&ret->ev, "ua", l->agent);
	event_put_i64(&ret->ev, "status", l->status);
	event_put(&ret->ev, "result", whole ? "complete" : "partial");
	if (p.host == NULL && (str_eq(p.class, "report") || str_has_prefix(path, "/b/")))
		str_clip(
		    ret->ev.reason, sizeof(ret->ev.reason), "unknown or closed ticket");
}

void
logwatch_line(struct logwatch *w, enum logline_format f, const struct logline *l,
    int64_t read_at, struct logwatch_out *ret)
{
	struct logwatch_host *h = NULL;

	memset(ret, 0, sizeof(*ret));
	if (l->has_mac)
		h = logwatch_find_mac(w, &l->mac);
	else if (l->has_uuid)
		h = logwatch_find_uuid(w, &l->uuid);
	else if (l->what >= LOGLINE_TFTP_BEGIN)
		h = logwatch_find_ip(w, &l->ip);
	switch (l->what) {
	case LOGLINE_NOTHING: break;
	case LOGLINE_HINT: take_hint(w, h, l); break;
	case LOGLINE_DHCP: dhcp_event(w, h, f, l, read_at, ret); break;
	case LOGLINE_TFTP_BEGIN:
	case LOGLINE_TFTP_END:
	case LOGLINE_TFTP_ERROR: tftp_event(w, h, f, l, read_at, ret); break;
	case LOGLINE_HTTP: http_event(w, f, l, read_at, ret); break;
	}
}
