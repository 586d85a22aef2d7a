/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Machines that ask the network and are no host's (db_discovered.h). */
#ifndef ORCHESTRATOR_DISCOVER_H
#define ORCHESTRATOR_DISCOVER_H

#include <jansson.h>

#include "db/db_discovered.h"
#include "db/db_host.h"
#include "lib/event.h"
#include "orchestrator/oui.h"

/* Notes the machine that the event is of, if it belongs to no host. In the transaction that stores the event, at `wall`. */
int
discover_note(struct store *s, const struct event *ev, int64_t wall) MUST_CHECK;
/* What an event tells of an unknown machine: false, it is of none. Pure. */
bool
discover_read(const struct event *ev, int64_t wall, struct db_discovered *ret);

/* Whose it may be. */
struct discover_suggestion {
	char host[BUNDLE_NAME_SIZE]; /* of the same site, with the same UUID, or "" */
	char why[ERROR_TEXT_SIZE];   /* or "" */
};
/* By the SMBIOS UUID, which DHCPv6 tells in either byte order. */
int
discover_suggest(struct store *s, const struct db_discovered *d,
    struct discover_suggestion *ret) MUST_CHECK;
/* As the REST interface shows it; owned by the caller. `vendors` NULL: none are known. Pure. */
json_t *
discover_json(const struct db_discovered *d, const struct discover_suggestion *suggest,
    const struct oui *vendors);
/* The host that would be made of it: site, the MAC address as boot NIC, UUID, firmware. What `host` says
 * stays, as does a list of NICs that has the MAC address; else it is put in front. `host` is changed. Pure. */
void
discover_complete(const struct db_discovered *d, json_t *host);

#endif
