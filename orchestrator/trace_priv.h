/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What trace.c, trace_event.c and trace_transfer.c share. */
#ifndef ORCHESTRATOR_TRACE_PRIV_H
#define ORCHESTRATOR_TRACE_PRIV_H

#include "orchestrator/trace.h"

enum { TRACE_TEXT_SIZE = 512 };

enum trace_state {
	TRACE_OPEN, /* running, or broken off by the boot's end */
	TRACE_CONFIRMED,
	TRACE_MISSED,
	TRACE_SKIPPED,
	TRACE_OK,
	TRACE_FAILED,
};

struct trace_span {
	const char *row; /* a literal */
	char name[EVENT_FILE_SIZE];
	int64_t began, ended; /* 0: not yet */
	enum trace_state state;
	char text[TRACE_TEXT_SIZE];
	int64_t deadline_us, usual_us; /* < 0: not known */
	int64_t octets, total;	       /* < 0: not known */
	char protocol[8], class[24], ip[ADDR_IP_TEXT];
	const char *stage; /* of a transfer: a literal; "" not known */
	unsigned n;	   /* like ones in a row; 0: left out */
};

struct trace_mark {
	int64_t at, until, seq;
	char kind[EVENT_KIND_SIZE];
	char text[TRACE_TEXT_SIZE];
	unsigned n;
};

struct trace {
	struct db_boot boot;
	struct trace_span *spans;
	struct trace_mark *marks;
	size_t n_spans, n_transfers, n_marks, more_spans, more_marks;
	int64_t cut_at, cut_seq; /* where marks began to be left out */
	int64_t attempt;	 /* that the events are at */
	bool from_table;	 /* the transfers are */
	/* Index + 1 of what may go on; 0: none. */
	size_t bmc, power, console;
};

/* NULL when there are too many already. */
struct trace_span *
trace_span_add(struct trace *t, const char *row, const char *name, int64_t began);
void
trace_mark_add(struct trace *t, int64_t seq, const struct event *ev);

/* tftp.* and http.*: true when the event is told in a span. */
bool
trace_transfer_event(struct trace *t, const struct event *ev);

#endif
