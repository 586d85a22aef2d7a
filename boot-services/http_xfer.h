/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Transfers as people think of them: one client fetching one file, over however many
 * requests. They produce http.begin, http.progress, http.end and http.error. Time and
 * events only. */
#ifndef BOOT_SERVICES_HTTP_XFER_H
#define BOOT_SERVICES_HTTP_XFER_H

#include <stdbool.h>
#include <stdint.h>

#include "boot-services/evsink.h"
#include "boot-services/http_proto.h"
#include "lib/addr.h"
#include "lib/event.h"

struct http_xfer;
struct http_xfers;

/* What the events of a request have in common. Strings are escaped already. */
struct http_xfer_facts {
	char ip[ADDR_IP_TEXT];
	char host[EVENT_NAME_SIZE]; /* of the ticket, or "" */
	char file[EVENT_FILE_SIZE];
	char class[12]; /* loader, script, idle, kernel, initrd, file, report, or "" */
	char method[16];
	char range[48]; /* "bytes A-B/SIZE" or "" */
	char ua[HTTP_AGENT_SIZE];
	enum http_status status;
};

struct http_xfers *
http_xfers_new(struct evsink *events);
/* All requests must have left. */
void
http_xfers_free(struct http_xfers *xs);
/* Ends transfers whose client does not come back; call about once a second. */
void
http_xfers_sweep(struct http_xfers *xs, int64_t now);

/* A request for octets of a file begins to be answered. `etag` tells versions of the file
 * apart; `partial`: a range, which may continue what an earlier request began. The result
 * stays valid until http_xfer_leave(). */
struct http_xfer *
http_xfer_join(struct http_xfers *xs, const struct http_xfer_facts *f, const char *etag,
    int64_t total, bool partial, int64_t now);
/* Of no transfer (NULL) these tell nothing. */
/* The client acknowledged octets [from, end) of the file. */
void
http_xfer_arrived(struct http_xfer *x, int64_t from, int64_t end, int64_t now);
/* All octets were sent and the last `missing` never acknowledged, by a client that has fallen
 * silent. To be followed by http_xfer_leave() with NULL. */
void
http_xfer_unacked(struct http_xfer *x, int64_t missing, int64_t now);
/* The request is over: `result` NULL when all its octets arrived, else the reason class
 * ("aborted", "timeout", "superseded", "refused") with a sentence. */
void
http_xfer_leave(struct http_xfer *x, const char *result, const char *reason, int64_t now);
/* The request is over before all its octets arrived, and that is our doing and not its client's: "aborted". */
void
http_xfer_break(struct http_xfer *x, const char *reason, int64_t now);

/* An event for a request that moves no file. */
void
http_xfer_tell(struct evsink *events, const struct http_xfer_facts *f, const char *kind,
    const char *result, const char *reason);

#endif
