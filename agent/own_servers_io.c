/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The site's own servers, driven by files and heard through logs.
 *
 * Entry points: own_servers_io_new(), the functions behind own_servers_io_wire(), callbacks of the logs.
 * Ownership: struct own_servers_io owns the logs' readers and the table of hosts (logwatch.c); files below the scripts
 * root are own_files.c's and own_menu.c's.
 * Failure modes: a file that cannot be written is told as on_down(), no acknowledgement follows, and all is laid out
 * anew after a while. A ticket whose use is seen is closed durably before its script is replaced: an agent that is killed
 * in between replaces it when it starts again. Logs are read when the table and every job's entry are known, on from
 * where they were left; nothing more is read while what was read before is not durable.
 */
#include "agent/own_servers_io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/armed_before.h"
#include "agent/logline.h"
#include "agent/logtail_io.h"
#include "agent/logwatch.h"
#include "agent/own_files.h"
#include "agent/own_menu.h"
#include "lib/clock.h"
#include "lib/compiler.h"
#include "lib/menu_script.h"
#include "lib/str.h"

enum { BATCH = 32, AGAIN_S = 30, LOOK_S = 10, HTTP_PORT = 80 };

struct own_log {
	struct own_servers_io *s;
	const struct agent_config_log *cfg;
	struct logtail_io *tail; /* NULL: not begun */
	bool marked;		 /* its position waits to be durable */
	char key[SPOOL_MARK_SIZE];
};

/* A ticket's use that the jobs have not answered. */
struct asked {
	struct asked *next;
	uint64_t req;
	char host[BUNDLE_NAME_SIZE], ticket[ID_SIZE];
};

/* A host with a ticket, as its job has it. */
struct served {
	struct served *next;
	struct bundle_host h;
};

struct own_servers_io {
	struct own_servers_io_opts o;
	struct own_files files;
	struct logwatch *watch;
	struct own_log logs[AGENT_CONFIG_LOGS_MAX];
	struct own_menu *menu;
	struct armed_before *before;
	struct event *soon, *pump, *again, *look;
	struct asked *asked;
	struct served *served;
	uint64_t req;
	int64_t gen, *acks; /* to be told from the loop */
	size_t n_acks;
	bool held, up;	       /* up: it is to be told */
	bool sending, serving; /* the table is being laid out; it is */
	struct error trouble;  /* to be told; no code: none */
	char after[BUNDLE_NAME_SIZE];
	struct bundle_host *host; /* room for the table's pump */
	struct bootd_msg_boot *boot;
};

/* ---- files ---- */

static int
complain(struct own_servers_io *s, int r, const char *host)
{
	if (r < 0)
		error_set(&s->trouble, r, "files-not-written",
		    "check the scripts folder of own_servers and the space on its disk",
		    "the files of %s below %s cannot be laid out: %s", host,
		    s->files.scripts_root, strerror(-r));
	return r;
}

static int
withdraw_kind(struct own_servers_io *s, const struct bootd_msg_boot *b,
    enum bootd_msg_payload_kind kind)
{
	int r = 0;

	for (size_t i = 0; i < b->n_payloads; i++) {
		int r2 = 0;

		if (b->payloads[i].kind == kind)
			r2 = own_files_withdraw(&s->files, b->token, b->payloads[i].name);
		r = r == 0 ? r2 : r;
	}
	return r;
}

/* The host's files as its entry says, the old ticket's first taken away. The first error. */
static int
lay_out(struct own_servers_io *s, const struct bundle_host *h,
    const struct bootd_msg_boot *boot)
{
	const struct bootd_msg_boot *old = logwatch_boot(s->watch, h->name);
	bool ticket = boot != NULL && boot->ticket[0] != '\0';
	int r = 0, r2;

	if (old != NULL && (!ticket || !str_eq(old->token, boot->token)))
		r = own_files_remove(&s->files, old->token);
	if (ticket && !boot->consumed)
		r2 = own_files_armed(&s->files, h, boot);
	else
		r2 = own_files_idle(&s->files, h);
	r = r == 0 ? r2 : r;
	if (r == 0 && ticket)
		r = own_files_publish(&s->files, boot);
	if (ticket && boot->consumed) {
		r2 = withdraw_kind(s, boot, BOOTD_PAYLOAD_KERNEL);
		r = r == 0 ? r2 : r;
	}
	return r;
}

/* ---- the menu ---- */

static void
on_left_out(void *arg, const char *image, const struct event *ev)
{
	struct own_servers_io *s = arg;
	struct event told = *ev;
	struct bootd_msg m = {.type = BOOTD_MSG_EVENT, .event = &told};

	log_warn(
	    s->o.log, "menu: image %s is left out: %s: %s", image, ev->file, ev->reason);
	s->o.ops->on_message(s->o.arg, &m);
}

/* Files of images come and go without a word. What cannot be written is tried again with the table. */
static void
on_look(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	const struct timeval next = {.tv_sec = LOOK_S};
	struct own_servers_io *s = arg;

	if (s->held)
		return;
	if (complain(s, own_menu_write(s->menu), "the menu") < 0)
		event_active(s->soon, 0, 0);
	else
		event_add(s->look, &next);
}

/* The port that the site's URL names: iPXE looks for a machine's own script there. */
static uint16_t
port_of(const char *url)
{
	const char *at = strstr(url, "://");
	int64_t port = HTTP_PORT;
	char digits[8];
	size_t n;

	at = at != NULL ? at + strlen("://") : url;
	if (*at == '[')
		at += strcspn(at, "]");
	at += strcspn(at, ":/");
	n = *at == ':' ? strspn(at + 1, "0123456789") : 0;
	if (n > 0 && str_format(digits, sizeof(digits), "%.*s", (int)n, at + 1) == 0 &&
	    str_to_i64(digits, 1, UINT16_MAX, &port) < 0)
		port = HTTP_PORT;
	return (uint16_t)port;
}

/* Not at once: the events of what is left out are told from the loop. Before the first host, whose script may lead to
 * the menu. */
static void
set_menu(struct own_servers_io *s, const struct bundle_site *site)
{
	const char *url = s->o.cfg->site_url[0] != '\0' ? s->o.cfg->site_url : site->url;

	s->files.menu = menu_script_exists(site);
	own_menu_set(s->menu, site, port_of(url));
	event_active(s->look, 0, 0);
}

/* ---- hosts with a ticket ---- */

static struct served **
find_served(struct own_servers_io *s, const char *host)
{
	struct served **p = &s->served;

	while (*p != NULL && !str_eq((*p)->h.name, host))
		p = &(*p)->next;
	return p;
}

static void
keep_served(
    struct own_servers_io *s, const struct bundle_host *h, const struct bootd_msg_boot *b)
{
	struct served **p = find_served(s, h->name);
	struct served *d = *p;

	if (b == NULL || b->ticket[0] == '\0') {
		if (d != NULL)
			*p = d->next;
		free(d);
		return;
	}
	if (d == NULL) {
		d = str_alloc(sizeof(*d));
		d->next = *p;
		*p = d;
	}
	d->h = *h;
}

static int
put(struct own_servers_io *s, const struct bundle_host *h, const struct bootd_msg_boot *b)
{
	int r = complain(s, lay_out(s, h, b), h->name);

	keep_served(s, h, b);
	logwatch_put_host(s->watch, h, b);
	return r;
}

/* The script goes first: it is what leads to the rest. An initrd stays until it has come. */
static void
close_ticket(struct own_servers_io *s, const char *host)
{
	const struct served *d = *find_served(s, host);
	const struct bootd_msg_boot *b = logwatch_boot(s->watch, host);

	if (d == NULL || b == NULL)
		return;
	logwatch_consumed(s->watch, host);
	(void)complain(s, own_files_idle(&s->files, &d->h), host);
	(void)complain(s, withdraw_kind(s, b, BOOTD_PAYLOAD_KERNEL), host);
	for (size_t i = 0; i < b->n_payloads; i++) {
		if (b->payloads[i].kind == BOOTD_PAYLOAD_INITRD &&
		    logwatch_has_come(s->watch, host, i))
			(void)complain(s,
			    own_files_withdraw(&s->files, b->token, b->payloads[i].name),
			    host);
	}
	if (s->trouble.code[0] != '\0')
		event_active(s->soon, 0, 0);
}

/* ---- what the logs say ---- */

static bool
is_asked(const struct own_servers_io *s, const char *ticket)
{
	for (const struct asked *a = s->asked; a != NULL; a = a->next) {
		if (str_eq(a->ticket, ticket))
			return true;
	}
	return false;
}

static void
ask_consume(
    struct own_servers_io *s, const struct logwatch_out *out, const struct logline *l)
{
	struct bootd_msg m = {.type = BOOTD_MSG_CONSUME, .req = ++s->req};
	struct asked *a;

	if (is_asked(s, out->ticket))
		return;
	a = str_alloc(sizeof(*a));
	a->req = m.req;
	a->next = s->asked;
	s->asked = a;
	memcpy(a->host, out->host, sizeof(a->host));
	memcpy(a->ticket, out->ticket, sizeof(a->ticket));
	memcpy(m.name, out->host, sizeof(m.name));
	memcpy(m.ticket, out->ticket, sizeof(m.ticket));
	addr_ip_text(&l->ip, m.ip, sizeof(m.ip));
	str_clip(m.file, sizeof(m.file), out->name);
	s->o.ops->on_message(s->o.arg, &m);
}

/* A part of the HTTP log is lost: any ticket may have been used in it, and is not given a second time. Of a part
 * from before the agent began only those that were armed then. */
static void
doubt_tickets(struct own_servers_io *s, bool before)
{
	static const struct logline nobody;

	for (const struct served *d = s->served; d != NULL; d = d->next) {
		const struct bootd_msg_boot *b = logwatch_boot(s->watch, d->h.name);
		struct logwatch_out out = {.name = "(log lost)"};

		if (b == NULL || b->consumed ||
		    (before && !armed_before_has(s->before, b->ticket)))
			continue;
		log_warn(s->o.log,
		    "host %s: its ticket counts as used: what the HTTP log said in "
		    "between "
		    "is not known",
		    d->h.name);
		memcpy(out.host, d->h.name, sizeof(out.host));
		memcpy(out.ticket, b->ticket, sizeof(out.ticket));
		ask_consume(s, &out, &nobody);
	}
}

static void
tell_report(
    struct own_servers_io *s, const struct logwatch_out *out, const struct logline *l)
{
	struct bootd_msg m = {.type = BOOTD_MSG_REPORT, .req = ++s->req};

	memcpy(m.token, out->token, sizeof(m.token));
	memcpy(m.stage, out->stage, sizeof(m.stage));
	addr_ip_text(&l->ip, m.ip, sizeof(m.ip));
	s->o.ops->on_message(s->o.arg, &m);
}

/* Of a date of syslog's older form. It has whole seconds: when it is of just now, the time of reading is nearer. */
static int64_t
time_of(const struct logline *l, int64_t now)
{
	int64_t at;

	if (clock_from_local(&l->local, now, &at) < 0 || now - at < 2 * USEC_PER_SEC)
		return 0;
	return at;
}

static void
on_line(void *arg, const char *text, size_t len, int64_t at)
{
	struct own_log *log = arg;
	struct own_servers_io *s = log->s;
	struct logline l;
	struct logwatch_out out;
	const struct bootd_msg_boot *b;

	if (!logline_parse(log->cfg->format, text, len, &l))
		return;
	if (l.at == 0)
		l.at = at;
	if (l.at == 0)
		l.at = time_of(&l, clock_wall());
	logwatch_line(s->watch, log->cfg->format, &l, clock_wall(), &out);
	if (out.consume)
		ask_consume(s, &out, &l);
	if (out.report)
		tell_report(s, &out, &l);
	if (out.has_event) {
		struct bootd_msg m = {.type = BOOTD_MSG_EVENT, .event = &out.ev};

		s->o.ops->on_message(s->o.arg, &m);
		event_done(&out.ev);
	}
	b = out.drop ? logwatch_boot(s->watch, out.host) : NULL;
	if (b != NULL && b->consumed)
		(void)complain(
		    s, own_files_withdraw(&s->files, b->token, out.name), out.host);
}

static void
on_mark(void *arg, const char *mark)
{
	struct own_log *log = arg;

	log->marked = true;
	log->s->o.mark(log->s->o.arg, log->key, mark);
}

static void
on_lost(void *arg)
{
	struct own_log *log = arg;

	if (log->cfg->format == LOGLINE_NGINX)
		doubt_tickets(log->s, false);
}

/* Never read before, by this name: agent.yaml has another one for it than when the agent ran last, and what the machines
 * did since with the tickets that it left armed is not known. */
static void
begin_unread(struct own_log *log)
{
	if (log->cfg->format == LOGLINE_NGINX)
		doubt_tickets(log->s, true);
}

static void
begin_log(struct own_servers_io *s, struct own_log *log)
{
	static const struct logtail_io_ops ops = {
	    .line = on_line, .mark = on_mark, .lost = on_lost};
	struct logtail_io_opts o = {
	    .base = s->o.base,
	    .log = s->o.log,
	    .file = log->cfg->file[0] != '\0' ? log->cfg->file : NULL,
	    .unit = log->cfg->journal,
	    .ops = &ops,
	    .arg = log,
	};
	char *mark = NULL;

	if (spool_get_mark(s->o.spool, log->key, &mark) < 0) {
		log_warn(s->o.log,
		    "log %s: where it was read to is not known; it is read from its end",
		    o.file != NULL ? o.file : o.unit);
		on_lost(log);
	} else if (mark == NULL) {
		begin_unread(log);
	}
	o.mark = mark;
	log->tail = logtail_io_new(&o);
	free(mark);
}

static void
begin_logs(struct own_servers_io *s)
{
	for (size_t i = 0; i < s->o.cfg->n_logs; i++) {
		if (s->logs[i].tail == NULL)
			begin_log(s, &s->logs[i]);
	}
}

static void
end_logs(struct own_servers_io *s)
{
	for (size_t i = 0; i < s->o.cfg->n_logs; i++) {
		logtail_io_free(s->logs[i].tail);
		s->logs[i].tail = NULL;
		s->logs[i].marked = false;
	}
}

static void
committed(void *self)
{
	struct own_servers_io *s = self;

	for (size_t i = 0; i < s->o.cfg->n_logs; i++) {
		struct own_log *log = &s->logs[i];

		if (log->marked && log->tail != NULL) {
			log->marked = false;
			logtail_io_go_on(log->tail);
		}
	}
}

/* ---- the table ---- */

static bool
is_open(void *arg, const char *token)
{
	struct own_servers_io *s = arg;

	return logwatch_has_token(s->watch, token);
}

static bool
is_host(void *arg, const struct addr_mac *mac)
{
	struct own_servers_io *s = arg;

	return logwatch_has_mac(s->watch, mac);
}

static void
end_table(struct own_servers_io *s)
{
	s->sending = false;
	s->serving = true;
	logwatch_end_table(s->watch);
	s->o.ops->on_table_sent(s->o.arg, s->gen);
	/* Every job has put its entry. */
	own_files_sweep(&s->files, is_open, is_host, s);
	begin_logs(s);
	if (s->trouble.code[0] != '\0')
		event_active(s->soon, 0, 0);
}

static void
on_pump(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct own_servers_io *s = arg;

	for (int i = 0; s->sending && i < BATCH; i++) {
		if (s->o.ops->next_host(s->o.arg, s->after, s->host, s->boot) != 1) {
			end_table(s);
			return;
		}
		(void)put(s, s->host, s->boot);
		str_clip(s->after, sizeof(s->after), s->host->name);
	}
	if (s->sending)
		event_active(s->pump, 0, 0);
}

static void
send_table(void *self, const struct bundle_site *site)
{
	struct own_servers_io *s = self;

	if (s->held)
		return;
	s->gen++;
	s->sending = true;
	s->after[0] = '\0';
	set_menu(s, site);
	logwatch_begin_table(s->watch);
	event_active(s->pump, 0, 0);
}

static void
update_table(void *self, const struct bundle_site *site)
{
	struct own_servers_io *s = self;

	if (s->serving || s->sending)
		send_table(self, site);
}

static int64_t
put_host(void *self, const struct bundle_host *h, const struct bootd_msg_boot *b)
{
	struct own_servers_io *s = self;

	/* A job that ended because of the hold took its script away. */
	if (s->held)
		(void)complain(s, own_files_idle(&s->files, h), h->name);
	if (!s->serving || s->sending)
		return 0;
	s->gen++;
	if (put(s, h, b) == 0) {
		s->acks = str_realloc(s->acks, (s->n_acks + 1) * sizeof(*s->acks));
		s->acks[s->n_acks++] = s->gen;
	}
	event_active(s->soon, 0, 0);
	return s->gen;
}

/* At once, also while a table is laid out: what is withdrawn must not wait. */
static void
del_host(void *self, const char *name)
{
	struct own_servers_io *s = self;
	const struct bootd_msg_boot *b = logwatch_boot(s->watch, name);
	struct served **p = find_served(s, name);
	struct served *d = *p;

	if (b != NULL)
		(void)complain(s, own_files_remove(&s->files, b->token), name);
	if (d != NULL)
		*p = d->next;
	free(d);
	logwatch_del_host(s->watch, name);
}

static void
answer(void *self, enum bootd_msg_type type, uint64_t req, const char *reason)
{
	struct own_servers_io *s = self;
	struct asked **p = &s->asked;
	struct asked *a;

	while (*p != NULL && (*p)->req != req)
		p = &(*p)->next;
	a = *p;
	if (a == NULL)
		return;
	*p = a->next;
	if (type == BOOTD_MSG_CONSUME_OK)
		close_ticket(s, a->host);
	else
		log_warn(s->o.log,
		    "host %s: its image was fetched, but the ticket stays: %s", a->host,
		    reason == NULL ? "" : reason);
	free(a);
}

static uint16_t
http_port(const void *self UNUSED)
{
	return HTTP_PORT;
}

/* ---- up and down ---- */

static void
tell_trouble(struct own_servers_io *s)
{
	const struct timeval again = {.tv_sec = AGAIN_S};
	struct error why = s->trouble;

	s->trouble.code[0] = '\0';
	log_error(s->o.log, "%s: %s", why.text, why.next);
	event_add(s->again, &again);
	s->o.ops->on_down(s->o.arg, &why);
}

static void
tell_acks(struct own_servers_io *s)
{
	int64_t *acks = s->acks;
	size_t n = s->n_acks;

	s->acks = NULL;
	s->n_acks = 0;
	for (size_t i = 0; i < n; i++) {
		struct bootd_msg m = {.type = BOOTD_MSG_ACK, .gen = acks[i]};

		s->o.ops->on_message(s->o.arg, &m);
	}
	free(acks);
}

static void
on_soon(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct own_servers_io *s = arg;

	if (s->up && !s->held) {
		s->up = false;
		s->o.ops->on_up(s->o.arg, HTTP_PORT);
	}
	tell_acks(s);
	if (s->trouble.code[0] != '\0')
		tell_trouble(s);
}

static void
come_up(struct own_servers_io *s)
{
	s->up = true;
	event_active(s->soon, 0, 0);
}

static void
on_again(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct own_servers_io *s = arg;

	if (!s->held)
		come_up(s);
}

/* The servers go on without us: what leads to an image is taken away from them. */
static void
hold(void *self, const struct error *why)
{
	struct own_servers_io *s = self;

	if (s->held)
		return;
	s->held = true;
	s->serving = s->sending = s->up = false;
	end_logs(s);
	for (const struct served *d = s->served; d != NULL; d = d->next) {
		const struct bootd_msg_boot *b = logwatch_boot(s->watch, d->h.name);

		(void)complain(s, own_files_idle(&s->files, &d->h), d->h.name);
		if (b != NULL)
			(void)complain(
			    s, own_files_remove(&s->files, b->token), d->h.name);
	}
	s->o.ops->on_down(s->o.arg, why);
}

static void
release_hold(void *self)
{
	struct own_servers_io *s = self;

	if (!s->held)
		return;
	s->held = false;
	come_up(s);
}

/* ---- begin and end ---- */

static void
free_all(void *self)
{
	struct own_servers_io *s = self;

	end_logs(s);
	while (s->asked != NULL) {
		struct asked *next = s->asked->next;

		free(s->asked);
		s->asked = next;
	}
	while (s->served != NULL) {
		struct served *next = s->served->next;

		free(s->served);
		s->served = next;
	}
	event_free(s->soon);
	event_free(s->pump);
	event_free(s->again);
	event_free(s->look);
	own_menu_free(s->menu);
	armed_before_free(s->before);
	logwatch_free(s->watch);
	free(s->acks);
	free(s->host);
	free(s->boot);
	free(s);
}

struct own_servers_io *
own_servers_io_new(const struct own_servers_io_opts *opts, bool held)
{
	struct own_servers_io *s = str_alloc(sizeof(*s));

	s->o = *opts;
	s->files.scripts_root = opts->cfg->scripts_root;
	s->files.images_root = opts->cfg->images_root;
	s->menu = own_menu_new(&(struct own_menu_opts){
	    .scripts_root = opts->cfg->scripts_root,
	    .images_root = opts->cfg->images_root,
	    .tell = on_left_out,
	    .arg = s,
	});
	s->before = armed_before_new(opts->spool);
	s->watch = logwatch_new();
	s->host = str_alloc(sizeof(*s->host));
	s->boot = str_alloc(sizeof(*s->boot));
	s->soon = event_new(opts->base, -1, 0, on_soon, s);
	s->pump = event_new(opts->base, -1, 0, on_pump, s);
	s->again = event_new(opts->base, -1, 0, on_again, s);
	s->look = event_new(opts->base, -1, 0, on_look, s);
	s->held = held;
	for (size_t i = 0; i < opts->cfg->n_logs; i++) {
		const struct agent_config_log *c = &opts->cfg->logs[i];
		struct own_log *log = &s->logs[i];

		*log = (struct own_log){.s = s, .cfg = c};
		(void)!str_format(log->key, sizeof(log->key), "log:%s:%s",
		    logline_format_name(c->format),
		    c->file[0] != '\0' ? c->file : c->journal);
	}
	if (!held)
		come_up(s);
	return s;
}

struct wire
own_servers_io_wire(struct own_servers_io *s)
{
	static const struct wire_ops ops = {
	    .send_table = send_table,
	    .update_table = update_table,
	    .put_host = put_host,
	    .del_host = del_host,
	    .answer = answer,
	    .committed = committed,
	    .http_port = http_port,
	    .hold = hold,
	    .release = release_hold,
	    .free = free_all,
	};

	return (struct wire){.ops = &ops, .self = s};
}
