// SPDX-License-Identifier: GPL-3.0-or-later
/* The last events of a kind, by site.
 *
 * Entry points: latest_read(), latest_at(), latest_each(). One statement reads them all, by index, so that a check
 * of a thousand sites asks the database once and not for each. Ownership: copies of the events.
 * Failure modes: a database that cannot be read; there is then nothing, or a part. */
#include "orchestrator/latest.h"

#include <stdlib.h>
#include <uthash.h>

#include "db/db_event.h"
#include "lib/str.h"

struct item {
	struct event ev;
	UT_hash_handle hh;
};

struct latest {
	struct item *by_site;
};

static int
add(void *arg, int64_t seq UNUSED, const struct event *ev)
{
	struct latest *l = arg;
	struct item *item = str_alloc(sizeof(*item));

	item->ev = *ev;
	json_incref(item->ev.detail);
	HASH_ADD_STR(l->by_site, ev.site, item);
	return 0;
}

int
latest_read(struct store *s, const char *kind, struct latest **ret)
{
	*ret = str_alloc(sizeof(**ret));
	return db_event_last_at_sites(s, kind, add, *ret);
}

void
latest_free(struct latest *l)
{
	struct item *item, *tmp;

	if (!l)
		return;
	HASH_ITER (hh, l->by_site, item, tmp) {
		HASH_DEL(l->by_site, item);
		event_done(&item->ev);
		free(item);
	}
	free(l);
}

const struct event *
latest_at(const struct latest *l, const char *site)
{
	struct item *item;

	HASH_FIND_STR(l->by_site, site, item);
	return item ? &item->ev : NULL;
}

void
latest_each(
    const struct latest *l, void (*each)(void *arg, const struct event *ev), void *arg)
{
	for (const struct item *i = l->by_site; i; i = i->hh.next)
		each(arg, &i->ev);
}
