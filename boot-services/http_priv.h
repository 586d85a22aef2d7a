/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the parts of the HTTP service: http_io.c (events, limits),
 * http_conn.c (one connection), http_answer.c (request to answer), http_ticket.c
 * (hold-back and reports). */
#ifndef BOOT_SERVICES_HTTP_PRIV_H
#define BOOT_SERVICES_HTTP_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "boot-services/bootd_deps.h"
#include "boot-services/fileroot.h"
#include "boot-services/http_body.h"
#include "boot-services/http_msg.h"
#include "boot-services/http_xfer.h"
#include "lib/id.h"

struct listen_io;

enum {
	HTTP_FLIGHTS_MAX = 16,
	HTTP_FOR_PEERS_MAX = 64 /* files on their way to other sites at once */
};

enum http_conn_state {
	HTTP_CONN_HEAD,	  /* waiting for a request */
	HTTP_CONN_BODY,	  /* reading a report's body */
	HTTP_CONN_REPORT, /* the agent has been asked to record a report */
	HTTP_CONN_SEND,	  /* an answer is being written */
	HTTP_CONN_HELD,	  /* its last chunk waits for the agent */
	HTTP_CONN_DRAIN,  /* our side is shut; waiting for the last acknowledgements */
	HTTP_CONN_CLOSED, /* to be freed by http_io.c */
};

/* An answer with octets of a file that are on their way to the client. */
struct http_flight {
	struct http_xfer *xfer; /* NULL: nobody is told */
	int64_t start;		/* of the body, in octets of the connection */
	int64_t from;		/* in the file */
	int64_t length;		/* of the body */
	int64_t got;		/* acknowledged */
};

/* The ticket that the answer under way belongs to; token[0] == 0: none. */
struct http_grant {
	char token[ID_TOKEN_SIZE];
	char ticket[ID_SIZE];
	size_t payload;
	bool gated;   /* kernel or initrd */
	bool open;    /* its last chunk may leave */
	bool granted; /* … because the ticket was consumed for it */
};

struct http_conn {
	struct http_io *io;
	uint64_t id; /* hash key */
	int fd;
	struct addr_ip ip;
	bool shares; /* peer_share_counts() */
	enum http_conn_state state;
	/* What http_io.c is to wait for. */
	bool want_read, want_write;
	int64_t wake_at;
	struct event *readable, *writable, *timer;
	int64_t timer_at;
	bool reading, writing; /* events added */

	char in[HTTP_HEAD_MAX];
	size_t in_len;
	bool eof;	  /* the client has shut its side */
	bool broken;	  /* by us: http_conn_break() */
	bool served_once; /* a request was answered: now idle, not slow */
	int64_t since;	  /* when the state began, or the first octet of a head came */
	int64_t moved;	  /* last sign of life while something is under way */
	struct http_request req;
	struct http_xfer_facts facts;

	/* The answer under way: `out`, then octets at … end - 1 of `file`. */
	char out[HTTP_ANSWER_MAX];
	size_t out_len, out_pos;
	struct fileroot_file file;
	int64_t at, end;
	int64_t hold; /* from here on the gate must be open; INT64_MAX: no gate */
	struct http_grant grant;
	bool close_after;
	bool
	    for_peer; /* the answer is a file for another site, and no transfer of a boot */

	/* A report's body. */
	struct http_body body;
	char *note; /* owned; HTTP_BODY_MAX + 1 */
	size_t note_len;
	char token[ID_TOKEN_SIZE], stage[16];

	/* Answers not acknowledged yet, oldest first. */
	struct http_flight flights[HTTP_FLIGHTS_MAX];
	size_t n_flights;
	int64_t sent;		       /* octets given to the kernel */
	int64_t acked_base;	       /* of TCP_INFO, when accepted */
	int64_t sample_at, sample_gap; /* when to look at TCP_INFO again */
	/* The span over which the client must keep limits.http_min_rate: its begin, and what had been
	 * acknowledged by then. */
	int64_t pace_since, pace_from;
	int64_t acked; /* when last looked at */
	struct http_conn *prev, *next;
	UT_hash_handle hh;
};

/* A question to the agent; outlives its connection. */
struct http_ask {
	struct http_io *io;
	uint64_t req;
	uint64_t conn;	   /* id */
	struct addr_ip ip; /* of its client */
	bool report;
	char token[ID_TOKEN_SIZE], ticket[ID_SIZE];
	size_t payload;
	struct http_ask *prev, *next;
};

struct http_io {
	const struct bootd_deps *deps;
	struct listen_io *listener;
	bool paused; /* out of descriptors: not accepting */
	struct event *sweep, *reaper;
	struct http_conn *conns; /* list */
	struct http_conn *by_id; /* hash */
	struct http_conn *dead;	 /* list: closed, to be freed by `reaper` */
	unsigned n_conns;
	uint64_t last_id;
	struct http_xfers *xfers;
	struct http_ask *asks;	/* list */
	struct http_menu *menu; /* NULL until it is asked for */
};

/* ---- http_conn.c ---- */

/* Takes fd. The caller links the result and calls http_conn_on_ready(). */
struct http_conn *
http_conn_new(struct http_io *io, int fd, const struct addr_ip *ip, int64_t now);
/* Each may close the connection: state is then HTTP_CONN_CLOSED. */
void
http_conn_on_ready(struct http_conn *c, bool readable, int64_t now);
void
http_conn_on_time(struct http_conn *c, int64_t now);
/* A client begins to have something to read: its rate counts from here. */
void
http_conn_start_pace(struct http_conn *c, int64_t now);
/* Goes on after the agent's answer, or after the answer in `out` has been replaced. */
void
http_conn_resume(struct http_conn *c, int64_t now);
/* The one way out: accounts for what arrived, tells, and closes; by a reset when octets
 * that were promised are not sent. `result` and the sentence are for transfers not
 * complete. */
void
http_conn_close(struct http_conn *c, bool reset, const char *result, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* The same where it is our doing that not all arrived, and no word of the client's. */
void
http_conn_break(struct http_conn *c, bool reset, const char *reason);
/* Frees what is left of a closed connection. */
void
http_conn_free(struct http_conn *c);

/* ---- http_answer.c ---- */

/* Decides on the request in c->req: an answer in c->out and the file members, or a state
 * that waits for a body. */
void
http_answer_request(struct http_conn *c, int64_t now);
/* Answers a request that was not understood. The connection ends. */
void
http_answer_bad(struct http_conn *c, enum http_status status, const char *why);
/* Puts a short answer in place, with its event when `kind` is not NULL. */
void
http_answer_short(struct http_conn *c, enum http_status status, const char *kind,
    const char *result, const char *text, bool close);

/* ---- http_ticket.c ---- */

enum http_ticket_pass { HTTP_TICKET_GO, HTTP_TICKET_WAIT, HTTP_TICKET_STOP };

/* c stands before its last chunk. GO: c->grant.open is set. WAIT: the agent has been
 * asked. STOP: not allowed. */
enum http_ticket_pass
http_ticket_pass(struct http_conn *c);
/* Hands a whole report to the agent, or answers that too many are there already. */
void
http_ticket_report(struct http_conn *c);
/* Ends what the table no longer allows. */
void
http_ticket_on_table_change(struct http_io *io);
/* Forgets all questions. */
void
http_ticket_done(struct http_io *io);

/* ---- http_menu.c ---- */

/* Each 0 with an open file for one answer, or -errno. */
int
http_menu_open(struct http_io *io, int64_t now, struct fileroot_file *ret) MUST_CHECK;
int
http_menu_autoexec(const struct http_conn *c, struct fileroot_file *ret) MUST_CHECK;
void
http_menu_done(struct http_io *io);

/* ---- http_io.c ---- */

struct http_conn *
http_io_find(struct http_io *io, uint64_t id);
/* Waits for what the connection now wants, or has it freed. To be called after any of the
 * http_conn_* functions above, before returning to the event loop. */
void
http_io_update(struct http_conn *c);

#endif
