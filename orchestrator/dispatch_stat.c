// SPDX-License-Identifier: GPL-3.0-or-later
/* A copy of what dispatch knows of its sites. It owns nothing; there are no failure modes.
 *
 * Entry point: dispatch_stat_take(), on the event loop. A thousand sites are copied in far less than a millisecond, so
 * that everything else about them can be worked out in a thread. */
#include "orchestrator/dispatch_stat.h"

#include "lib/str.h"
#include "orchestrator/dispatch_priv.h"

size_t
dispatch_stat_take(const struct dispatch *d, int64_t mono, struct dispatch_stat **ret)
{
	struct dispatch_stat *v = str_alloc((HASH_COUNT(d->sites) + 1) * sizeof(*v));
	size_t n = 0;

	for (const struct dispatch_site *s = d->sites; s; s = s->hh.next) {
		v[n] = (struct dispatch_stat){
		    .silence_us = presence_silence(&s->heard, mono),
		    .trouble = s->trouble.code[0] != '\0',
		    .stopped = s->stop.since > 0,
		    .full = s->full,
		    .waiting = (int64_t)s->n_waiting,
		    .out = (int64_t)s->n_out};
		str_clip(v[n].site, sizeof(v[n].site), s->name);
		n++;
	}
	*ret = v;
	return n;
}
