/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the spool did not keep, counted so that it can be told: `spool.dropped` with count, the time range and
 * how many of each kind.
 *
 * Entry points: spool_drop_add() for each, spool_drop_event() once there is room again.
 * Ownership: a struct of the caller's, without pointers: it is copied to be restored by a rollback.
 * Failure modes: none. Kinds over SPOOL_DROP_KINDS are counted as "other"; there are some fifty.
 */
#include "agent/spool_drop.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"

#define OTHER "other"

static struct spool_drop_kind *
find(struct spool_drop *d, const char *kind)
{
	for (size_t i = 0; i < d->n_kinds; i++)
		if (str_eq(d->kinds[i].kind, kind))
			return &d->kinds[i];
	return NULL;
}

/* The last place is for all others. */
static struct spool_drop_kind *
place(struct spool_drop *d, const char *kind)
{
	const char *name = kind[0] != '\0' ? kind : OTHER;
	struct spool_drop_kind *k = find(d, name);

	if (k == NULL && d->n_kinds >= SPOOL_DROP_KINDS - 1) {
		name = OTHER;
		k = find(d, name);
	}
	if (k != NULL)
		return k;
	k = &d->kinds[d->n_kinds++];
	str_clip(k->kind, sizeof(k->kind), name);
	k->n = 0;
	return k;
}

void
spool_drop_add(struct spool_drop *d, const char *kind, int64_t at, int64_t n)
{
	if (n <= 0)
		return;
	d->count += n;
	place(d, kind)->n += n;
	if (at <= 0)
		return;
	if (d->from == 0 || at < d->from)
		d->from = at;
	if (at > d->to)
		d->to = at;
}

static json_t *
kinds_json(const struct spool_drop *d)
{
	json_t *v = json_object();

	for (size_t i = 0; i < d->n_kinds; i++)
		json_put_i64(v, d->kinds[i].kind, d->kinds[i].n);
	return v;
}

json_t *
spool_drop_to_json(const struct spool_drop *d)
{
	json_t *v = json_object();

	json_put_i64(v, "from", d->from);
	json_put_i64(v, "to", d->to);
	json_put(v, "kinds", kinds_json(d));
	return v;
}

void
spool_drop_from_json(const json_t *v, struct spool_drop *ret)
{
	struct spool_drop d = {0};
	json_t *kinds = NULL, *n;
	const char *kind;

	memset(ret, 0, sizeof(*ret));
	if (!json_is_object(v) || json_opt_i64(v, "from", &d.from, NULL) < 0 ||
	    json_opt_i64(v, "to", &d.to, NULL) < 0 ||
	    json_opt_obj(v, "kinds", &kinds, NULL) < 0)
		return;
	json_object_foreach (kinds, kind, n)
		spool_drop_add(&d, kind, 0, json_integer_value(n));
	*ret = d;
}

struct event
spool_drop_event(const struct spool_drop *d, int64_t at)
{
	struct event ev = event_make("spool.dropped", at);
	char text[CLOCK_TEXT_SIZE];

	event_put_i64(&ev, "count", d->count);
	if (d->from > 0) {
		event_put(&ev, "from", clock_text(d->from, text, sizeof(text)));
		event_put(&ev, "to", clock_text(d->to, text, sizeof(text)));
	}
	if (d->n_kinds > 0)
		json_object_set_new(ev.detail, "kinds", kinds_json(d));
	str_clip(ev.reason, sizeof(ev.reason),
	    "observations were not kept: there was no room on the agent's disk, or the "
	    "orchestrator did not take them for long");
	return ev;
}
