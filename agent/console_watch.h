/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a serial console says that is worth an operator's look: errors of iPXE and firmware, panics, prompts that wait
 * for somebody. Octets in, hits out; no clock, no I/O. The table of patterns is in console_watch_table.c. */
#ifndef AGENT_CONSOLE_WATCH_H
#define AGENT_CONSOLE_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CONSOLE_WATCH_LINE_MAX = 512, /* a longer line is looked at in pieces */
	CONSOLE_WATCH_PATTERNS_MAX = 96,
	CONSOLE_WATCH_HITS_MAX = 60,   /* of one boot */
	CONSOLE_WATCH_REPEATS_MAX = 4, /* of one pattern */
};

struct console_watch_pattern {
	const char *class; /* "ipxe", "panic", …: docs/bmc.md; "": nothing to tell */
	/* Anywhere in the line, in either case. '#' is a hexadecimal digit, '%' a decimal one, '*' anything. */
	const char *pattern;
	const char *text; /* what it means, for people */
};
extern const struct console_watch_pattern console_watch_table[];
extern const size_t console_watch_table_n;

struct console_watch_hit {
	const struct console_watch_pattern *pattern;
	const char *
	    line; /* as seen, without control sequences; octets that are not printable are '?' */
	bool last; /* no more are told of this boot */
};
typedef void
console_watch_fn(void *arg, const struct console_watch_hit *hit);

struct console_watch {
	char line[CONSOLE_WATCH_LINE_MAX];
	size_t len;
	uint8_t state; /* of a control sequence that is not over yet */
	uint8_t seen[CONSOLE_WATCH_PATTERNS_MAX];
	bool told; /* the line that is not over yet */
	unsigned hits;
};

/* A new boot. */
void
console_watch_init(struct console_watch *w);
/* The same boot, of which what was told so far is another system's: each pattern may be told anew. */
void
console_watch_renew(struct console_watch *w);
/* Every line that ends in these octets is looked at. */
void
console_watch_feed(struct console_watch *w, const uint8_t *data, size_t len,
    console_watch_fn *fn, void *arg);
/* The console has been silent for a moment: the line that is not over yet may be a question. */
void
console_watch_idle(struct console_watch *w, console_watch_fn *fn, void *arg);
/* For tests. */
bool
console_watch_match(const char *pattern, const char *line, size_t len);

#endif
