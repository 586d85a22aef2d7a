/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How many connections fill a line? With 2 % loss and 300 ms round trip one TCP connection gets a thirtieth of 10 Mbit/s;
 * on a good line two are as fast as fifty. Pure: octets and time come in, a number goes out; tests/sim has the line. */
#ifndef AGENT_STORE_STREAMS_H
#define AGENT_STORE_STREAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"

enum { STORE_STREAMS_FIRST = 16, STORE_STREAMS_MAX = 48 };

enum store_streams_phase {
	STORE_STREAMS_CLIMB, /* doubled as long as that helps */
	STORE_STREAMS_HOLD,
	STORE_STREAMS_UP,   /* are some more any better? */
	STORE_STREAMS_DOWN, /* are some fewer as good? */
};

struct store_streams {
	unsigned n; /* wanted now */
	enum store_streams_phase phase;
	unsigned before; /* n before the step that is being judged */
	int64_t rate;	 /* octets a second that n is known for; 0: none yet */
	int64_t
	    best; /* the same of the best number, a slow average: fewer must come up to it */
	int64_t rtt;  /* of the line, microseconds */
	int64_t from; /* when the measurement under way begins; before it things settle */
	int64_t octets; /* in it */
	int64_t last;	/* when any came */
	bool limited; /* by a cap, or by too little to fetch: says nothing of the line */
	unsigned strikes; /* steps of a climb that were no faster */
	unsigned calm;	  /* measurements since the last step */
	bool down_next;
};

void
store_streams_init(struct store_streams *s, int64_t now);
/* A round trip as a connection measured it: the least counts. */
void
store_streams_rtt(struct store_streams *s, int64_t rtt);
/* So much came. */
void
store_streams_came(struct store_streams *s, int64_t octets, int64_t now);
/* Something else than the line held it up since the last tick. */
void
store_streams_limited(struct store_streams *s);
/* The line broke, or nothing was fetched for a while: what is being measured says nothing, the number stays. */
void
store_streams_break(struct store_streams *s, int64_t now);
/* Call it a few times a second while something is fetched. Returns s->n. */
unsigned
store_streams_tick(struct store_streams *s, int64_t now);

#endif
