/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The whole fleet as one JSON text: GET /fleet. */
#ifndef ORCHESTRATOR_FLEET_DOC_H
#define ORCHESTRATOR_FLEET_DOC_H

#include "db/store.h"
#include "lib/digest.h"
#include "orchestrator/status_rules.h"

enum { FLEET_DOC_ETAG_SIZE = 32 };

struct fleet_doc_site {
	char name[64];
	struct status_rules_site known;
};

/* The document, owned by the caller, and its ETag: that of what it says of the hosts, whenever it is said. `sites` are
 * in order of their names; a host of another site is shown as if its agent had never been heard. Reads one state of the
 * database. 0 or a negative errno of db.h. */
int
fleet_doc_read(struct store *s, const struct fleet_doc_site *sites, size_t n, int64_t now,
    char **ret, char ret_etag[FLEET_DOC_ETAG_SIZE]) MUST_CHECK;

#endif
