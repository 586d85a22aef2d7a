/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How work goes over its hosts, as it would be typed. */
#ifndef CTL_POLICY_VIEW_H
#define CTL_POLICY_VIEW_H

#include <jansson.h>

#include "ctl/text.h"

/* "canary 1, batch 10%, gate tcp:22, soak 10m00s"; nothing for no policy. */
void
policy_view(const json_t *policy, struct text *out);

#endif
