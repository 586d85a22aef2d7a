/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The link to the agent.
 *
 * A table arrives as table_begin … table_end and is built beside the one in force, which
 * goes on answering until the swap; single hosts are put or deleted at once. Each change
 * is acknowledged only after the services have acted on it, so that "ack" means in force.
 * A single host that does not fit is not acknowledged: the agent must not believe it
 * armed.
 *
 * consume and report requests carry a number; the answer finds its asker by it. An answer
 * whose asker has gone is still taken for what it says: the ticket is consumed.
 *
 * Ownership: the link owns the connection, the table being built and the pending
 * requests; tables in *table are replaced by it. Failure modes: a message that is not
 * understood is logged and skipped; the end of the stream goes to on_close(). */
#include "boot-services/agent_link.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <uthash.h>

#include "boot-services/consumer_priv.h"
#include "lib/bootd_msg.h"
#include "lib/frame.h"
#include "lib/printable.h"
#include "lib/str.h"

/* Events wait in memory for a busy agent up to here; consume and report requests always
 * pass. */
enum { EVENT_QUEUE_MAX = 8 * 1024 * 1024 };

struct pending {
	uint64_t req;
	enum bootd_msg_type type; /* BOOTD_MSG_CONSUME or BOOTD_MSG_REPORT */
	char ticket[ID_SIZE];
	consumer_answer *answer; /* NULL: cancelled */
	void *arg;
	UT_hash_handle hh;
};

struct agent_link {
	struct consumer consumer;
	struct frame_conn *conn;
	const struct log *log;
	struct hosttab **table;
	struct hosttab *building; /* between table_begin and table_end */
	const struct agent_link_ops *ops;
	void *arg;
	struct pending *pending;
	uint64_t last_req;
	bool configured, failed, unknown_logged;
};

static struct agent_link *
from_consumer(struct consumer *c)
{
	return (struct agent_link *)c;
}

static int64_t
send_msg(struct agent_link *l, const struct bootd_msg *m)
{
	return frame_send(l->conn, bootd_msg_to_json(m));
}

static void
send_ack(struct agent_link *l, int64_t gen)
{
	const struct bootd_msg m = {.type = BOOTD_MSG_ACK, .gen = gen};

	send_msg(l, &m);
}

static void
refuse(struct agent_link *l, const char *host, const struct error *why)
{
	log_error(l->log, "agent: %s%s is not taken: %s", host[0] ? "host " : "a message",
	    host, why->text);
	if (l->configured)
		l->ops->on_refused(l->arg, host, why);
}

static void
on_table_begin(struct agent_link *l, const struct bootd_msg *m)
{
	hosttab_free(l->building);
	l->building = hosttab_new();
	hosttab_set_site(l->building, m->site);
}

static void
on_subnet(struct agent_link *l, const struct bootd_msg *m)
{
	char prefix[ADDR_PREFIX_TEXT];
	struct error err = {0};

	if (!l->building)
		log_warn(l->log, "agent: a subnet outside of a table is ignored");
	else if (hosttab_add_subnet(l->building, m->subnet, &err) < 0)
		refuse(l, addr_prefix_text(&m->subnet->prefix, prefix, sizeof(prefix)),
		    &err);
}

/* Of the table under way, as the subnets. What does not fit is refused, and the rest of the menu stands. */
static void
on_menu(struct agent_link *l, const struct bootd_msg *m)
{
	struct error err = {0};

	if (!l->building)
		log_warn(l->log, "agent: a menu outside of a table is ignored");
	else if (m->type == BOOTD_MSG_MENU)
		hosttab_set_menu(l->building, &m->site->menu);
	else if (hosttab_add_menu_image(l->building, m->image, &err) < 0)
		refuse(l, m->image->name, &err);
}

static void
on_table_end(struct agent_link *l, const struct bootd_msg *m)
{
	struct hosttab *old = *l->table;

	if (!l->building) {
		log_warn(l->log, "agent: table_end without table_begin is ignored");
		return;
	}
	hosttab_inherit(l->building, old);
	*l->table = l->building;
	l->building = NULL;
	log_info(l->log, "agent: table %lld with %zu hosts in force", (long long)m->gen,
	    hosttab_count(*l->table));
	l->ops->on_table(l->arg);
	l->ops->on_retired(l->arg, old);
	send_ack(l, m->gen);
}

static void
on_host(struct agent_link *l, const struct bootd_msg *m)
{
	struct error err = {0};
	struct hosttab *t = l->building ? l->building : *l->table;

	if (hosttab_put(t, m->host, m->boot, &err) < 0) {
		refuse(l, m->host->name, &err);
		return;
	}
	if (l->building)
		return;
	l->ops->on_table(l->arg);
	send_ack(l, m->gen);
}

static void
on_host_del(struct agent_link *l, const struct bootd_msg *m)
{
	if (l->building) {
		hosttab_del(l->building, m->name);
		return;
	}
	hosttab_del(*l->table, m->name);
	l->ops->on_table(l->arg);
	send_ack(l, m->gen);
}

static void
on_answer(
    struct agent_link *l, const struct bootd_msg *m, enum bootd_msg_type of, bool ok)
{
	struct pending *p;

	HASH_FIND(hh, l->pending, &m->req, sizeof(m->req), p);
	if (!p || p->type != of) {
		log_warn(l->log,
		    "agent: an answer to nothing asked (request %llu) is ignored",
		    (unsigned long long)m->req);
		return;
	}
	HASH_DEL(l->pending, p);
	/* Before the asker may release anything, so that no later request finds the ticket
	 * armed. */
	if (ok && of == BOOTD_MSG_CONSUME)
		hosttab_consume(*l->table, p->ticket);
	if (p->answer)
		p->answer(p->arg, ok, m->text ? m->text : "");
	free(p);
}

static void
dispatch(struct agent_link *l, const struct bootd_msg *m)
{
	switch (m->type) {
	case BOOTD_MSG_CONFIG:
		if (l->configured) {
			log_warn(l->log, "agent: a second configuration is ignored");
			break;
		}
		l->configured = true;
		l->ops->on_config(l->arg, m->text);
		break;
	case BOOTD_MSG_TABLE_BEGIN: on_table_begin(l, m); break;
	case BOOTD_MSG_SUBNET: on_subnet(l, m); break;
	case BOOTD_MSG_MENU:
	case BOOTD_MSG_MENU_IMAGE: on_menu(l, m); break;
	case BOOTD_MSG_HOST: on_host(l, m); break;
	case BOOTD_MSG_HOST_DEL: on_host_del(l, m); break;
	case BOOTD_MSG_TABLE_END: on_table_end(l, m); break;
	case BOOTD_MSG_CONSUME_OK: on_answer(l, m, BOOTD_MSG_CONSUME, true); break;
	case BOOTD_MSG_CONSUME_NO: on_answer(l, m, BOOTD_MSG_CONSUME, false); break;
	case BOOTD_MSG_REPORT_OK: on_answer(l, m, BOOTD_MSG_REPORT, true); break;
	case BOOTD_MSG_REPORT_NO: on_answer(l, m, BOOTD_MSG_REPORT, false); break;
	case BOOTD_MSG_READY:
	case BOOTD_MSG_FATAL:
	case BOOTD_MSG_ACK:
	case BOOTD_MSG_EVENT:
	case BOOTD_MSG_CONSUME:
	case BOOTD_MSG_REPORT:
		log_warn(l->log, "agent: a message that only bootd sends is ignored");
		break;
	}
}

/* Once: docs/protocol.md. */
static void
log_unknown(struct agent_link *l, const struct error *err)
{
	if (!l->unknown_logged)
		log_warn(l->log, "agent: a message is ignored: %s", err->text);
	l->unknown_logged = true;
}

static void
on_message(void *arg, json_t *v)
{
	struct agent_link *l = arg;
	struct bootd_msg m;
	struct error err = {0};

	if (l->failed)
		return;
	if (bootd_msg_from_json(v, &m, &err) < 0) {
		/* A newer agent may say more than we know; all else is a fault to be
		 * seen. */
		if (str_eq(err.code, "unknown-message"))
			log_unknown(l, &err);
		else
			refuse(l, "", &err);
		return;
	}
	if (!l->configured && m.type != BOOTD_MSG_CONFIG)
		log_warn(l->log, "agent: a message before the configuration is ignored");
	else
		dispatch(l, &m);
	bootd_msg_done(&m);
}

static void
on_close(void *arg, const struct error *why)
{
	struct agent_link *l = arg;

	l->ops->on_close(l->arg, why);
}

static uint64_t
ask(struct agent_link *l, struct bootd_msg *m, consumer_answer *answer, void *arg)
{
	struct pending *p = str_alloc(sizeof(*p));

	p->req = m->req = ++l->last_req;
	p->type = m->type;
	str_clip(p->ticket, sizeof(p->ticket), m->ticket);
	p->answer = answer;
	p->arg = arg;
	HASH_ADD(hh, l->pending, req, sizeof(p->req), p);
	send_msg(l, m);
	return p->req;
}

static uint64_t
ask_consume(struct consumer *c, const struct hosttab_entry *host, const char *mac,
    const char *ip, const char *file, consumer_answer *answer, void *arg)
{
	struct bootd_msg m = {.type = BOOTD_MSG_CONSUME};

	str_clip(m.name, sizeof(m.name), host->host.name);
	str_clip(m.ticket, sizeof(m.ticket), host->boot.ticket);
	str_clip(m.mac, sizeof(m.mac), mac);
	str_clip(m.ip, sizeof(m.ip), ip);
	str_clip(m.file, sizeof(m.file), file);
	return ask(from_consumer(c), &m, answer, arg);
}

static uint64_t
ask_report(struct consumer *c, const char *token, const char *stage, const char *note,
    const char *ip, consumer_answer *answer, void *arg)
{
	struct bootd_msg m = {.type = BOOTD_MSG_REPORT};
	uint64_t req;

	str_clip(m.token, sizeof(m.token), token);
	str_clip(m.stage, sizeof(m.stage), stage);
	str_clip(m.ip, sizeof(m.ip), ip);
	/* '?' for what JSON cannot carry, and for what it would write as six octets, so that the
	 * largest note still fits a frame. */
	m.text = str_dup(note);
	printable_clean(m.text);
	req = ask(from_consumer(c), &m, answer, arg);
	free(m.text);
	return req;
}

static void
cancel(struct consumer *c, uint64_t req)
{
	struct agent_link *l = from_consumer(c);
	struct pending *p;

	HASH_FIND(hh, l->pending, &req, sizeof(req), p);
	if (p)
		p->answer = NULL;
}

struct agent_link *
agent_link_open(struct event_base *base, int fd, const struct log *log,
    struct hosttab **table, const struct agent_link_ops *ops, void *arg)
{
	static const struct frame_ops frame_ops = {
	    .on_message = on_message, .on_close = on_close};
	struct agent_link *l = str_alloc(sizeof(*l));

	l->consumer =
	    (struct consumer){.ask = ask_consume, .report = ask_report, .cancel = cancel};
	l->log = log;
	l->table = table;
	l->ops = ops;
	l->arg = arg;
	l->conn = frame_open(base, fd, &frame_ops, l);
	return l;
}

void
agent_link_close(struct agent_link *l)
{
	struct pending *p, *tmp;

	if (!l)
		return;
	HASH_ITER (hh, l->pending, p, tmp) {
		HASH_DEL(l->pending, p);
		free(p);
	}
	frame_close(l->conn);
	hosttab_free(l->building);
	free(l);
}

struct consumer *
agent_link_consumer(struct agent_link *l)
{
	return &l->consumer;
}

void
agent_link_ready(struct agent_link *l, uint16_t http_port, uint16_t tftp_port)
{
	const struct bootd_msg m = {
	    .type = BOOTD_MSG_READY,
	    .pid = getpid(),
	    .http_port = http_port,
	    .tftp_port = tftp_port,
	};

	send_msg(l, &m);
}

void
agent_link_fatal(struct agent_link *l, const struct error *why)
{
	struct bootd_msg m = {.type = BOOTD_MSG_FATAL};

	str_clip(m.code, sizeof(m.code), why->code);
	m.text = str_dup(why->text);
	m.next = str_dup(why->next);
	send_msg(l, &m);
	frame_flush(l->conn);
	l->failed = true;
	free(m.text);
	free(m.next);
}

bool
agent_link_event(struct agent_link *l, const struct event *ev)
{
	struct event copy =
	    *ev; /* borrowed: the message is encoded before this returns */
	const struct bootd_msg m = {.type = BOOTD_MSG_EVENT, .event = &copy};

	if (frame_queued(l->conn) > EVENT_QUEUE_MAX)
		return false;
	return send_msg(l, &m) >= 0;
}
