/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the clock on the wall shows in a zone: by libical, which knows any zone at any time; the C library only the one
 * of the process. */
#ifndef LIB_LOCAL_TIME_H
#define LIB_LOCAL_TIME_H

#include <stdint.h>

#include "lib/compiler.h"

struct local_time {
	int weekday; /* 0: Monday */
	int minute;  /* of the day */
};

/* `zone` is an IANA name ("Africa/Lagos"), "" UTC. 0, or -ENOENT for one that is not known here: *ret is then UTC's.
 */
int
local_time_at(int64_t wall, const char *zone, struct local_time *ret);

#endif
