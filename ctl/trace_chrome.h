/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A boot's trace as chrome://tracing and Perfetto read it. Pure. */
#ifndef CTL_TRACE_CHROME_H
#define CTL_TRACE_CHROME_H

#include <jansson.h>
#include <stdint.h>

/* From the document of GET /boots/{id}/trace; `now` ends what goes on. Owned by the caller. */
json_t *
trace_chrome(const json_t *trace, int64_t now);

#endif
