/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whose boot a log line is of. Lines come in, events of the kinds that bootd makes go out, with the host, and what is
 * to be asked of the jobs: a ticket that has been used, a report. Pure.
 *
 * A MAC address in a DHCP line names the host; an address leads to the host that was given it, or has it fixed;
 * a token in a path names the ticket. Where a log does not say who sends a DHCP packet, the first request of an armed
 * host is taken for its firmware's, and one after the request for a loader for iPXE's; the event says so. */
#ifndef AGENT_LOGWATCH_H
#define AGENT_LOGWATCH_H

#include <stdbool.h>

#include "agent/logline.h"
#include "lib/bootd_msg.h"
#include "lib/bundle.h"
#include "lib/event.h"

struct logwatch;

struct logwatch *
logwatch_new(void);
void
logwatch_free(struct logwatch *w); /* NULL allowed */

/* A new table begins: hosts that are not put before logwatch_end_table() are forgotten. */
void
logwatch_begin_table(struct logwatch *w);
void
logwatch_end_table(struct logwatch *w);
/* boot NULL or without a ticket: none. What is known of the boot under way stays. */
void
logwatch_put_host(
    struct logwatch *w, const struct bundle_host *h, const struct bootd_msg_boot *boot);
void
logwatch_del_host(struct logwatch *w, const char *name);
bool
logwatch_has_mac(const struct logwatch *w, const struct addr_mac *mac);
bool
logwatch_has_token(const struct logwatch *w, const char *token);
/* The host's boot, borrowed until the host is changed, or NULL. */
const struct bootd_msg_boot *
logwatch_boot(const struct logwatch *w, const char *host);
/* Has payload `i` of the host's ticket been fetched whole? */
bool
logwatch_has_come(const struct logwatch *w, const char *host, size_t i);
/* The ticket is consumed from now on. */
void
logwatch_consumed(struct logwatch *w, const char *host);

/* What a line leads to; in this order. */
struct logwatch_out {
	bool consume; /* host's ticket has been used */
	bool report;
	bool has_event;
	bool
	    drop; /* payload `name` of the consumed ticket has arrived: it is not wanted again */
	char host[BUNDLE_NAME_SIZE];
	char ticket[ID_SIZE], token[ID_TOKEN_SIZE];
	char name[64];			  /* of the payload */
	char stage[BOOTD_MSG_STAGE_SIZE]; /* of the report */
	struct event ev; /* the caller runs event_done() when has_event */
};

/* `read_at`: wall time of reading; the line's own goes before. Strangers' lines give no more than LOGWATCH_STRANGERS
 * events a second, a host's no more than LOGWATCH_HOST: the rest is left out, and counted in the next. A ticket's use
 * is never left out. */
enum { LOGWATCH_STRANGERS = 20, LOGWATCH_HOST = 50 };
void
logwatch_line(struct logwatch *w, enum logline_format f, const struct logline *line,
    int64_t read_at, struct logwatch_out *ret);

/* The path as nginx understands it: escapes decoded, slashes merged, dots resolved. False when it leaves the root or
 * is too long. */
bool
logwatch_clean_path(const char *raw, char *ret, size_t size);

#endif
