/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A boot's trace (GET /boots/{id}/trace) for the eye. Pure. */
#ifndef CTL_WATERFALL_H
#define CTL_WATERFALL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctl/text.h"

enum { WATERFALL_WIDTH_MIN = 60, WATERFALL_WIDTH_MAX = 400 };

struct waterfall_look {
	int64_t now;  /* wall */
	size_t width; /* of a line; brought between the two above */
	bool color;
	bool utf8;
	bool wide;	  /* all marks, and what proves each stage */
	const char *zone; /* NULL: UTC */
};

void
waterfall_draw(const json_t *trace, const struct waterfall_look *look, struct text *out);

#endif
