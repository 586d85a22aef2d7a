// SPDX-License-Identifier: GPL-3.0-or-later
/* From how long the stages of a machine took to how long they may take.
 *
 * Entry point: deadlines_from_past(), while an order is made: the job's bundle has the result, so that what runs is what
 * was ordered. Order of precedence: the agent's own configuration, the image, the past, the defaults.
 * Ownership: the deadlines object of the caller's image. Failure modes: those of db.h; a past that is too short
 * (USUAL_ENOUGH) changes nothing. */
#include "orchestrator/deadlines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/explain.h"

static void
tell(const struct usual *u, enum stage stage, int64_t us, char *text, size_t size)
{
	size_t n = strlen(text);
	char may[32], took[32];

	snprintf(text + n, size - n, "%s%s %s (%u boots, nine of ten within %s)",
	    n > 0 ? "; " : "", stage_name(stage), str_duration(us, may, sizeof(may)),
	    u->n[stage],
	    str_duration(usual_percentile(u, stage, 90), took, sizeof(took)));
}

int
deadlines_from_past(struct store *s, const char *host, struct bundle_image *image,
    char *text, size_t size, struct error *err)
{
	struct usual *u;
	int rc;

	text[0] = '\0';
	if (image->name[0] == '\0')
		return 0;
	u = str_alloc(sizeof(*u));
	rc = explain_past(s, host, NULL, image->name, u);
	if (rc < 0)
		db_error(store_db(s), rc, err, "read the host's past");
	for (int i = STAGE_PREFLIGHT; rc == 0 && i < STAGE_DONE; i++) {
		const char *name = stage_name((enum stage)i);
		int64_t us = usual_deadline(u, (enum stage)i);
		int64_t seconds = (us + USEC_PER_SEC - 1) / USEC_PER_SEC;

		if (us == 0 || json_object_get(image->deadlines, name))
			continue;
		if (!image->deadlines)
			image->deadlines = json_object();
		json_put_i64(image->deadlines, name, seconds);
		tell(u, (enum stage)i, seconds * USEC_PER_SEC, text, size);
	}
	free(u);
	return rc;
}
