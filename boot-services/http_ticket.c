/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the HTTP service asks the agent: may a ticket's last chunk leave, is a report
 * recorded.
 *
 * Entry points: http_ticket_pass() when a transfer stands before its last chunk,
 * http_ticket_report() for a whole report, http_ticket_on_table_change() when the host
 * table was changed. The decision itself is ticket_gate.c's.
 *
 * A question (struct http_ask) is owned by the list in struct http_io and outlives the
 * connection that caused it: once the agent has been asked, the ticket may be consumed,
 * and then everything else of it must end here, whether the client still waits or not.
 * Per ticket one question is open; other transfers that reach their last chunk meanwhile
 * wait for the same answer. One transfer goes on after it at most: the one that asked, or its
 * heir when that one's client has gone; all others are reset. Host table entries are looked
 * up by token each time, never kept. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "boot-services/http_priv.h"
#include "boot-services/ticket_gate.h"
#include "lib/clock.h"
#include "lib/str.h"

/* Reports of one token that wait for the agent at a time: questions outlive the connections
 * that they came by, so nothing else bounds them. */
enum { REPORTS_WAITING_MAX = 8 };

/* The entry of the ticket, or NULL when it is there no more. */
static struct hosttab_entry *
find_entry(struct http_io *io, const char *token, const char *ticket)
{
	struct hosttab_entry *e = hosttab_by_token(*io->deps->table, token);

	return e != NULL && strcmp(e->boot.ticket, ticket) == 0 ? e : NULL;
}

static struct http_ask *
find_ask(struct http_io *io, const char *ticket)
{
	struct http_ask *a;

	DL_FOREACH (io->asks, a)
		if (!a->report && strcmp(a->ticket, ticket) == 0)
			return a;
	return NULL;
}

static struct http_ask *
make_ask(struct http_conn *c, bool report)
{
	struct http_ask *a = str_alloc(sizeof *a);

	a->io = c->io;
	a->conn = c->id;
	a->ip = c->ip;
	a->report = report;
	str_clip(a->token, sizeof a->token, report ? c->token : c->grant.token);
	DL_APPEND(c->io->asks, a);
	return a;
}

static void
drop_ask(struct http_ask *a)
{
	DL_DELETE(a->io->asks, a);
	free(a);
}

/* ---- consumption ---- */

static bool
is_under_way(const struct http_conn *c)
{
	return (c->state == HTTP_CONN_SEND || c->state == HTTP_CONN_HELD) &&
	       c->grant.token[0] != '\0';
}

static bool
is_of_ticket(const struct http_conn *c, const char *token, const char *ticket)
{
	return strcmp(c->grant.token, token) == 0 && strcmp(c->grant.ticket, ticket) == 0;
}

/* Nothing of the answer has left yet: it can still be a clean 404. */
static void
stop_answer(struct http_conn *c, const char *reason)
{
	struct http_flight *f = &c->flights[c->n_flights - 1];

	if (c->out_pos > 0) {
		http_conn_close(c, true, "refused", "%s", reason);
		return;
	}
	http_xfer_leave(f->xfer, "refused", reason, clock_mono());
	c->n_flights--;
	close(c->file.fd);
	c->file.fd = -1;
	memset(&c->grant, 0, sizeof c->grant);
	http_answer_short(c, HTTP_NOT_FOUND, NULL, NULL, "not found", false);
}

/* Ends every transfer of the ticket's kernel and initrds but `keep`. */
static void
reset_others(struct http_io *io, const struct http_ask *a, const struct http_conn *keep,
    const char *reason)
{
	struct http_conn *c, *tmp;

	DL_FOREACH_SAFE(io->conns, c, tmp)
	{
		if (c == keep || !is_under_way(c) || !c->grant.gated ||
		    !is_of_ticket(c, a->token, a->ticket))
			continue;
		http_conn_close(c, true, "superseded", "%s", reason);
		http_io_update(c);
	}
}

static void
reset_held(struct http_io *io, const struct http_ask *a, const char *reason)
{
	struct http_conn *c, *tmp;

	DL_FOREACH_SAFE(io->conns, c, tmp)
	{
		if (c->state != HTTP_CONN_HELD || !is_of_ticket(c, a->token, a->ticket))
			continue;
		stop_answer(c, reason);
		if (c->state != HTTP_CONN_CLOSED)
			http_conn_resume(c, clock_mono());
		http_io_update(c);
	}
}

/* Does the connection stand before the last chunk that the question is about, or come to it
 * without an octet of it yet, and is it the machine that it was asked for? */
static bool
may_inherit(const struct http_conn *c, const struct http_ask *a)
{
	return is_under_way(c) && c->hold != INT64_MAX && !c->grant.open &&
	       is_of_ticket(c, a->token, a->ticket) && c->grant.payload == a->payload &&
	       addr_ip_eq(&c->ip, &a->ip);
}

/* Has the client shut its side? It may have done so since the loop last looked. */
static bool
has_left(const struct http_conn *c)
{
	char octet;

	return c->eof || recv(c->fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* The transfer that goes on after the consumption: the one that asked, unless its client has
 * gone; then the latest other one of the same machine and payload, as when iPXE fetches anew
 * on another connection, rather one that waits already than one that is on its way. None of
 * them has an octet of the last chunk, and one gets it. */
static struct http_conn *
find_winner(struct http_io *io, const struct http_ask *a)
{
	struct http_conn *asker = NULL, *heir = NULL, *c;

	DL_FOREACH (io->conns, c) {
		if (!may_inherit(c, a))
			continue;
		if (c->id == a->conn)
			asker = c;
		else if (!has_left(c) && (heir == NULL || c->state == HTTP_CONN_HELD ||
					     heir->state != HTTP_CONN_HELD))
			heir = c;
	}
	return asker != NULL && (heir == NULL || !has_left(asker)) ? asker : heir;
}

static void
on_consume_answer(void *arg, bool ok, const char *reason)
{
	struct http_ask *a = arg;
	struct http_io *io = a->io;
	struct hosttab_entry *e = find_entry(io, a->token, a->ticket);
	struct http_conn *c = find_winner(io, a);
	struct http_ask copy = *a;

	drop_ask(a);
	if (!ok) {
		reset_held(io, &copy, reason != NULL ? reason : "the agent refused");
		return;
	}
	if (e != NULL) {
		ticket_gate_release(e, copy.payload);
		ticket_gate_consume(e);
	}
	reset_others(io, &copy, c, "the ticket was consumed by another transfer");
	if (c == NULL)
		return;
	c->grant.open = c->grant.granted = true;
	if (c->state == HTTP_CONN_HELD)
		http_conn_resume(c, clock_mono());
	http_io_update(c);
}

static void
ask_agent(struct http_conn *c, const struct hosttab_entry *e)
{
	struct http_ask *a = make_ask(c, false);
	char mac[ADDR_MAC_TEXT] = "";

	str_clip(a->ticket, sizeof a->ticket, c->grant.ticket);
	a->payload = c->grant.payload;
	for (size_t i = 0; i < e->host.n_nics; i++)
		if (mac[0] == '\0' || e->host.nics[i].boot)
			addr_mac_text(&e->host.nics[i].mac, mac, sizeof mac);
	a->req = consumer_ask(c->io->deps->consumer, e, mac, c->facts.ip, c->facts.file,
	    on_consume_answer, a);
}

enum http_ticket_pass
http_ticket_pass(struct http_conn *c)
{
	struct hosttab_entry *e = find_entry(c->io, c->grant.token, c->grant.ticket);
	enum ticket_gate_verdict v =
	    e != NULL ? ticket_gate_check(e, c->grant.payload) : TICKET_GATE_REFUSE;

	switch (v) {
	case TICKET_GATE_FREE:
		ticket_gate_release(e, c->grant.payload);
		c->grant.open = true;
		return HTTP_TICKET_GO;
	case TICKET_GATE_ASK:
		if (find_ask(c->io, c->grant.ticket) == NULL)
			ask_agent(c, e);
		return HTTP_TICKET_WAIT;
	case TICKET_GATE_REFUSE: break;
	}
	stop_answer(c, e != NULL ? "the ticket is consumed: nothing more of it is sent"
				 : "the ticket was revoked");
	return HTTP_TICKET_STOP;
}

/* The agent may send the host as consumed before it answers the transfer that it was consumed
 * for: that one goes on, and its heirs. */
static bool
waits_for_answer(const struct http_conn *c)
{
	const struct http_ask *a = find_ask(c->io, c->grant.ticket);

	return a != NULL && may_inherit(c, a);
}

void
http_ticket_on_table_change(struct http_io *io)
{
	struct http_conn *c, *tmp;

	DL_FOREACH_SAFE(io->conns, c, tmp)
	{
		const struct hosttab_entry *e;

		if (!is_under_way(c))
			continue;
		e = find_entry(io, c->grant.token, c->grant.ticket);
		if (e == NULL)
			http_conn_close(c, true, "superseded", "the ticket was revoked");
		else if (e->boot.consumed && c->grant.gated && !c->grant.granted &&
			 !waits_for_answer(c))
			http_conn_close(c, true, "superseded",
			    "the ticket was consumed by another transfer");
		if (c->state == HTTP_CONN_CLOSED)
			http_io_update(c);
	}
}

/* ---- reports ---- */

static void
on_report_answer(void *arg, bool ok, const char *reason)
{
	struct http_ask *a = arg;
	struct http_conn *c = http_io_find(a->io, a->conn);

	drop_ask(a);
	if (c == NULL || c->state != HTTP_CONN_REPORT)
		return;
	if (ok)
		http_answer_short(
		    c, HTTP_NO_CONTENT, "http.end", "complete", "report recorded", false);
	else
		http_answer_short(c, HTTP_NOT_FOUND, "http.error", "refused",
		    reason != NULL ? reason : "no such report is awaited", false);
	http_conn_resume(c, clock_mono());
	http_io_update(c);
}

static size_t
reports_waiting(const struct http_io *io, const char *token)
{
	const struct http_ask *a;
	size_t n = 0;

	DL_FOREACH (io->asks, a)
		n += a->report && strcmp(a->token, token) == 0;
	return n;
}

void
http_ticket_report(struct http_conn *c)
{
	struct http_ask *a;

	if (reports_waiting(c->io, c->token) >= REPORTS_WAITING_MAX) {
		http_answer_short(c, HTTP_UNAVAILABLE, "http.error", "refused",
		    "the agent has yet to record earlier reports of this ticket; try "
		    "again",
		    false);
		return;
	}
	/* The note is a string from here on: what follows a NUL must not be lost. */
	for (size_t i = 0; i < c->note_len; i++)
		if (c->note[i] == '\0')
			c->note[i] = '?';
	c->note[c->note_len] = '\0';
	a = make_ask(c, true);
	a->req = consumer_report(c->io->deps->consumer, c->token, c->stage, c->note,
	    c->facts.ip, on_report_answer, a);
}

void
http_ticket_done(struct http_io *io)
{
	struct http_ask *a, *tmp;

	DL_FOREACH_SAFE(io->asks, a, tmp)
	{
		consumer_cancel(io->deps->consumer, a->req);
		drop_ask(a);
	}
}
