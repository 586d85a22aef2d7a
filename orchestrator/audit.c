// SPDX-License-Identifier: GPL-3.0-or-later
/* One row of the audit record per change or order, in the transaction of what it tells
 * of.
 *
 * Entry point: audit_write(). It owns nothing. Failure modes: those of db.h; a change
 * whose audit row cannot be written is not made. */
#include "orchestrator/audit.h"

#include <stdlib.h>

#include "db/db_audit.h"
#include "lib/json.h"

int
audit_write(struct store *s, const struct audit_who *who, const struct audit_row *row,
    int64_t now)
{
	char *detail = row->detail ? json_text(row->detail) : NULL;
	const struct db_audit r = {
	    .at = now,
	    .who = who->name,
	    .uid = (int64_t)who->uid,
	    .what = row->what,
	    .object = row->object,
	    .reason = row->reason ? row->reason : "",
	    .result = row->result,
	    .detail = detail ? detail : "",
	};
	int rc = db_audit_add(s, &r);

	free(detail);
	return rc;
}
