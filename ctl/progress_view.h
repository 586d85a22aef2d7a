/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A job's progress for the eye: a screen of stages, a line a job, the result line. Pure.
 */
#ifndef CTL_PROGRESS_VIEW_H
#define CTL_PROGRESS_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctl/progress.h"

struct progress_look {
	int64_t now;  /* wall */
	size_t width; /* lines are cut here */
	bool color;
};

/* All stages seen so far, a line each, below a title line. */
void
progress_view_stages(
    const struct progress *p, const struct progress_look *look, struct text *out);
/* One line. */
void
progress_view_line(
    const struct progress *p, const struct progress_look *look, struct text *out);
/* "edge01: done in 2m31s", "edge01: FAILED at kernel: kernel-stalled: …: next step". */
void
progress_view_result(const struct progress *p, struct text *out);
/* What several hosts may have in common: "off" (power as it was seen), "cycle accepted; power on", "done",
 * "FAILED at preflight: bmc-unreachable", "cancelled", "still at power". */
void
progress_view_answer(const struct progress *p, struct text *out);
/* DESIGN section 8; CTL_TIMEOUT while the job is open. */
int
progress_view_exit(const struct progress *p);

#endif
