/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Times in a site's own zone, for people. */
#ifndef CTL_ZONE_H
#define CTL_ZONE_H

#include <stddef.h>
#include <stdint.h>

enum { ZONE_TEXT_SIZE = 40 };

/* "2026-01-31 09:30:00-05:00"; UTC ("…+00:00") when the zone is NULL or not known here.
 * Returns buf. */
const char *
zone_text(int64_t wall, const char *zone, char *buf, size_t size);

#endif
