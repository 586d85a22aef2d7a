// SPDX-License-Identifier: GPL-3.0-or-later
/* Images at sites: plans for their stores, and what the stores have told.
 *
 * Entry points: place_version() at every poll, place_plan() and place_report() when a store asks, place_image() for orders
 * and people. A plan is read from the database and kept while the inventory stands, for a minute at most, since
 * what was ordered once grows old and jobs end; its version is its content's, so that nothing has to be remembered.
 * What stores tell is kept here, and in the database where it differs in more than progress: at every start it is read
 * from there, as of when it was told.
 *
 * Ownership: a record per site, for the life of the process. Failure modes: a database that cannot be read gives no
 * plan, and the agent asks again; a digest that the site is not to hold is passed over, whatever is told of it. */
#include "orchestrator/place.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "db/db_site.h"
#include "lib/clock.h"
#include "lib/str.h"
#include "orchestrator/place_plan.h"
#include "orchestrator/strset.h"

#define PLAN_AGE_US (60 * USEC_PER_SEC)
/* While only progress is told. */
#define STORE_EVERY_US (60 * USEC_PER_SEC)

struct place_known {
	UT_hash_handle hh; /* by digest */
	struct db_place_row row;
	bool seen;  /* in the report at hand */
	bool fresh; /* held since this report, and given to others */
};

struct place_site {
	UT_hash_handle hh;
	char name[64];
	struct store_msg_plan plan;
	struct strset digests, paths;		      /* of the plan, with places in it */
	struct db_site_peer peers[DB_SITE_PEERS_MAX]; /* of the plan */
	size_t n_peers;
	bool has_plan;
	int64_t generation, read_at; /* of the store, and mono */
	bool told;
	struct db_place_stock stock;
	struct place_known *rows;
	int64_t stored; /* mono */
};

struct place {
	struct place_ops ops;
	struct place_site *sites;
};

struct place *
place_new(const struct place_ops *ops)
{
	struct place *p = str_alloc(sizeof(*p));

	p->ops = *ops;
	return p;
}

static void
drop_plan(struct place_site *s)
{
	store_msg_plan_done(&s->plan);
	strset_done(&s->digests);
	strset_done(&s->paths);
	s->has_plan = false;
}

static void
drop_row(struct place_site *s, struct place_known *k)
{
	HASH_DEL(s->rows, k);
	free(k);
}

static void
drop_site(struct place *p, struct place_site *s)
{
	struct place_known *k, *next;

	drop_plan(s);
	HASH_ITER (hh, s->rows, k, next)
		drop_row(s, k);
	HASH_DEL(p->sites, s);
	free(s);
}

void
place_free(struct place *p)
{
	struct place_site *s, *next;

	if (!p)
		return;
	HASH_ITER (hh, p->sites, s, next)
		drop_site(p, s);
	free(p);
}

void
place_forget(struct place *p, const char *site)
{
	struct place_site *s;

	HASH_FIND_STR(p->sites, site, s);
	if (s)
		drop_site(p, s);
}

static struct place_known *
find_row(const struct place_site *s, const char *sha256)
{
	struct place_known *k;

	HASH_FIND_STR(s->rows, sha256, k);
	return k;
}

static struct place_known *
make_row(struct place_site *s, const char *sha256)
{
	struct place_known *k = str_alloc(sizeof(*k));

	str_clip(k->row.item.sha256, sizeof(k->row.item.sha256), sha256);
	HASH_ADD_STR(s->rows, row.item.sha256, k);
	return k;
}

static void
keep_row(void *arg, const struct db_place_row *row)
{
	make_row(arg, row->item.sha256)->row = *row;
}

static struct place_site *
site_of(struct place *p, const char *name)
{
	struct place_site *s;

	HASH_FIND_STR(p->sites, name, s);
	if (s)
		return s;
	s = str_alloc(sizeof(*s));
	str_clip(s->name, sizeof(s->name), name);
	s->told = db_place_stock_get(p->ops.store, name, &s->stock) == 0;
	if (s->told && db_place_rows(p->ops.store, name, keep_row, s) < 0)
		log_warn(p->ops.log,
		    "site %s: what its store held cannot be read: it tells again", name);
	HASH_ADD_STR(p->sites, name, s);
	return s;
}

/* ---- plans ---- */

static void
index_plan(struct place_site *s)
{
	for (size_t i = 0; i < s->plan.n_wanted; i++) {
		const struct store_msg_wanted *w = &s->plan.wanted[i];

		strset_add(&s->digests, w->sha256, i, NULL);
		for (size_t k = 0; k < w->paths.n; k++)
			strset_add(&s->paths, w->paths.v[k], i, NULL);
	}
}

/* A way to the wanted file from an older one of the same path. */
static void
offer_delta(struct place *p, const struct place_known *k, struct store_msg_wanted *w)
{
	char from_path[BUNDLE_PATH_SIZE] = "";
	int64_t size;

	if (w->n_deltas == STORE_MSG_DELTAS_MAX)
		return;
	if (db_place_file(p->ops.store, k->row.item.sha256, from_path, &size) < 0)
		from_path[0] = '\0';
	switch (deltas_want(p->ops.deltas, k->row.item.sha256, from_path, w->sha256,
	    w->paths.v[0], w->size, &w->deltas[w->n_deltas])) {
	case DELTAS_NONE: break;
	case DELTAS_SOON: w->delta_soon = true; break;
	case DELTAS_READY: w->n_deltas++; break;
	}
}

/* Only where files have to come from elsewhere, and of what is not there yet. */
static void
add_deltas(struct place *p, struct place_site *s)
{
	if (!p->ops.deltas || !s->told || !s->stock.apart)
		return;
	for (const struct place_known *k = s->rows; k; k = k->hh.next) {
		size_t i;

		if (k->row.item.state != STORE_MSG_HELD ||
		    !strset_find(&s->paths, k->row.path, &i))
			continue;
		struct store_msg_wanted *w = &s->plan.wanted[i];
		const struct place_known *has = find_row(s, w->sha256);
		if (!str_eq(w->sha256, k->row.item.sha256) &&
		    !(has && has->row.item.state == STORE_MSG_HELD))
			offer_delta(p, k, w);
	}
}

/* Where its file is to be asked for at a nearby site. */
static void
add_peer(const struct place_site *peer, const char *url, struct store_msg_wanted *w)
{
	const struct place_known *k = find_row(peer, w->sha256);
	char at[STORE_MSG_URL_SIZE];

	/* What it has beside its store is not given to others. */
	if (!k || k->row.item.state != STORE_MSG_HELD ||
	    k->row.item.source == STORE_MSG_FROM_HERE)
		return;
	if (str_format(at, sizeof(at), "%s/store/%s", url, w->sha256) == 0 &&
	    store_msg_url_valid(at))
		store_msg_texts_add(&w->peers, at);
}

/* Of files that it does not have, those that nearby sites have whole. */
static int
add_peers(struct place *p, struct place_site *s)
{
	int rc = db_site_peers(p->ops.store, s->name, s->peers, &s->n_peers);

	for (size_t i = 0; rc == 0 && i < s->n_peers; i++) {
		const struct place_site *peer = site_of(p, s->peers[i].name);

		for (size_t k = 0; s->peers[i].url[0] && k < s->plan.n_wanted; k++) {
			struct store_msg_wanted *w = &s->plan.wanted[k];
			const struct place_known *has = find_row(s, w->sha256);

			if (!has || has->row.item.state != STORE_MSG_HELD)
				add_peer(peer, s->peers[i].url, w);
		}
	}
	return rc;
}

/* Does the site wait for a file that its peer holds now? */
static bool
is_news(const struct place_site *s, const struct place_site *peer)
{
	for (const struct place_known *k = peer->rows; k; k = k->hh.next) {
		const struct place_known *has;

		if (!k->fresh)
			continue;
		if (!s->has_plan)
			return true; /* it was dropped, perhaps for this very file */
		has = find_row(s, k->row.item.sha256);
		if (strset_find(&s->digests, k->row.item.sha256, NULL) &&
		    !(has && has->row.item.state == STORE_MSG_HELD))
			return true;
	}
	return false;
}

/* Sites that are told what this one holds are told anew: at once those that wait for it, the others at their next question. */
static void
tell_neighbours(struct place *p, struct place_site *site)
{
	struct place_site *s, *next;

	HASH_ITER (hh, p->sites, s, next)
		for (size_t i = 0; i < s->n_peers; i++) {
			if (!str_eq(s->peers[i].name, site->name))
				continue;
			if (p->ops.on_peer && is_news(s, site))
				p->ops.on_peer(p->ops.arg, s->name);
			drop_plan(s);
		}
	for (struct place_known *k = site->rows; k; k = k->hh.next)
		k->fresh = false;
}

static struct place_site *
with_plan(struct place *p, const char *name)
{
	struct place_site *s = site_of(p, name);
	int64_t generation = store_generation(p->ops.store), mono = clock_mono();

	if (s->has_plan && s->generation == generation && mono - s->read_at < PLAN_AGE_US)
		return s;
	drop_plan(s);
	int rc = place_plan_read(p->ops.store, name, clock_wall(), &s->plan);
	if (rc == 0)
		rc = add_peers(p, s);
	if (rc < 0) {
		store_msg_plan_done(&s->plan);
		if (rc != -ENOENT)
			log_error(p->ops.log,
			    "site %s: what it is to hold cannot be read: %s", name,
			    strerror(-rc));
		return NULL;
	}
	index_plan(s);
	add_deltas(p, s);
	s->plan.version = place_plan_version(&s->plan);
	s->has_plan = true;
	s->generation = generation;
	s->read_at = mono;
	return s;
}

const struct store_msg_plan *
place_plan(struct place *p, const char *site)
{
	const struct place_site *s = with_plan(p, site);

	return s ? &s->plan : NULL;
}

int64_t
place_version(struct place *p, const char *site)
{
	const struct place_site *s = with_plan(p, site);

	return s ? s->plan.version : 0;
}

void
place_each(struct place *p, void (*each)(void *arg, const char *site), void *arg)
{
	struct place_site *s, *next;

	HASH_ITER (hh, p->sites, s, next)
		each(arg, s->name);
}

void
place_delta_made(struct place *p, void (*wake)(void *arg, const char *site), void *arg)
{
	struct place_site *s, *next;

	HASH_ITER (hh, p->sites, s, next) {
		bool soon = false;

		for (size_t i = 0; s->has_plan && i < s->plan.n_wanted; i++)
			soon = soon || s->plan.wanted[i].delta_soon;
		if (!soon)
			continue;
		drop_plan(s);
		wake(arg, s->name);
	}
}

bool
place_wants(struct place *p, const char *site, const char *sha256)
{
	const struct place_site *s = with_plan(p, site);

	return s && strset_find(&s->digests, sha256, NULL);
}

/* ---- what stores tell ---- */

struct taking {
	bool differs; /* in more than progress */
	bool held;    /* something is, that was not */
};

static bool
same_state(const struct store_msg_item *a, const struct store_msg_item *b)
{
	return a->state == b->state && a->source == b->source &&
	       str_eq(a->why.code, b->why.code);
}

static void
take_wanted(struct place *p, struct place_site *s, const struct store_msg_wanted *w,
    const struct store_msg_item *told, struct taking *t)
{
	struct place_known *k = find_row(s, w->sha256);
	struct store_msg_item it = *told;
	bool had = k && k->row.item.state == STORE_MSG_HELD;

	/* How large it is says the image. */
	it.size = w->size;
	if (it.got > it.size)
		it.got = it.size;
	if (it.state == STORE_MSG_HELD)
		it.got = it.size;
	if (!k || !k->row.wanted || !same_state(&k->row.item, &it))
		t->differs = true;
	t->held = t->held || (it.state == STORE_MSG_HELD && !had);
	/* What a next version's delta begins with. */
	if (it.state == STORE_MSG_HELD && !had && it.source != STORE_MSG_FROM_HERE &&
	    p->ops.deltas)
		deltas_keep(p->ops.deltas, w->paths.v[0], w->sha256, w->size);
	if (!k)
		k = make_row(s, w->sha256);
	k->row.item = it;
	k->row.wanted = true;
	k->fresh = it.state == STORE_MSG_HELD && !had && it.source != STORE_MSG_FROM_HERE;
	str_clip(k->row.path, sizeof(k->row.path), w->paths.v[0]);
	k->seen = true;
}

static void
take_item(struct place *p, struct place_site *s, const struct store_msg_item *it,
    struct taking *t)
{
	struct place_known *k;
	size_t i;

	if (strset_find(&s->digests, it->sha256, &i)) {
		take_wanted(p, s, &s->plan.wanted[i], it, t);
		return;
	}
	/* One that it was to hold before may be what the next version is made of. */
	k = find_row(s, it->sha256);
	if (k && it->state != STORE_MSG_HELD)
		drop_row(s, k);
	if (k)
		t->differs = true;
}

/* What was not told of is not known any more, but for older files of a path that the site is to hold. */
static void
forget_others(struct place_site *s, struct taking *t)
{
	struct place_known *k, *next;

	HASH_ITER (hh, s->rows, k, next) {
		bool wanted = strset_find(&s->digests, k->row.item.sha256, NULL);
		bool seen = k->seen;

		k->seen = false;
		if (seen)
			continue;
		if (wanted || k->row.item.state != STORE_MSG_HELD ||
		    !strset_find(&s->paths, k->row.path, NULL)) {
			drop_row(s, k);
			t->differs = true;
		} else if (k->row.wanted) {
			k->row.wanted = false;
			t->differs = true;
		}
	}
}

static bool
is_apart(const struct place_site *s)
{
	const struct place_known *k;

	for (k = s->rows; k; k = k->hh.next) {
		enum store_msg_source from = k->row.item.source;

		if (k->row.item.state == STORE_MSG_FETCHING ||
		    (from != STORE_MSG_FROM_NOBODY && from != STORE_MSG_FROM_HERE))
			return true;
	}
	return false;
}

static int
store_site(struct place *p, struct place_site *s)
{
	size_t n = 0;
	struct db *db = store_db(p->ops.store);
	struct db_place_row *rows =
	    str_alloc((HASH_COUNT(s->rows) + 1) * sizeof(rows[0]));

	for (const struct place_known *k = s->rows; k; k = k->hh.next)
		rows[n++] = k->row;
	int rc = db_begin(db);
	if (rc == 0)
		rc = db_place_put(p->ops.store, s->name, &s->stock, rows, n);
	if (rc == 0)
		rc = db_commit(db);
	else
		db_rollback(db);
	free(rows);
	if (rc == 0)
		s->stored = clock_mono();
	return rc;
}

int
place_report(struct place *p, const struct store_msg_report *m, bool apart)
{
	struct place_site *s = with_plan(p, m->site);
	struct taking t = {.differs = false};
	int rc = 0;

	if (!s)
		return -EIO;
	for (size_t i = 0; i < m->n_items; i++)
		take_item(p, s, &m->items[i], &t);
	forget_others(s, &t);
	apart = apart || is_apart(s);
	t.differs = t.differs || !s->told || s->stock.apart != apart;
	s->told = true;
	s->stock = (struct db_place_stock){
	    .version = m->version, .free = m->free, .apart = apart, .at = clock_wall()};
	if (t.differs || clock_mono() - s->stored > STORE_EVERY_US)
		rc = store_site(p, s);
	/* Which deltas are of use depends on what is there. */
	if (t.differs) {
		drop_plan(s);
		tell_neighbours(p, s);
	}
	if (rc == 0 && t.held && p->ops.on_held)
		p->ops.on_held(p->ops.arg, s->name);
	return rc;
}

const struct db_place_stock *
place_stock(struct place *p, const char *site)
{
	const struct place_site *s = site_of(p, site);

	return s->told ? &s->stock : NULL;
}

const struct db_place_row *
place_file(struct place *p, const char *site, const char *sha256)
{
	const struct place_known *k = find_row(site_of(p, site), sha256);

	return k ? &k->row : NULL;
}

/* ---- images ---- */

/* Which of two states says more of what is missing. */
static int
weight(enum store_msg_state state)
{
	switch (state) {
	case STORE_MSG_HELD: return 0;
	case STORE_MSG_FETCHING: return 2;
	case STORE_MSG_WAITING: return 1;
	case STORE_MSG_FAILED: return 3;
	}
	abort();
}

static void
add_file(struct place_image *at, const struct bundle_file *f, const struct place_known *k)
{
	const struct store_msg_item *it = k ? &k->row.item : NULL;
	enum store_msg_state state = it ? it->state : STORE_MSG_WAITING;

	at->files++;
	at->octets += f->size;
	if (state == STORE_MSG_HELD)
		at->held++;
	if (weight(state) > weight(at->state))
		at->state = state;
	if (!it)
		return;
	at->got += it->got < f->size ? it->got : f->size;
	if (state == STORE_MSG_FETCHING) {
		at->rate += it->rate;
		at->source = it->source;
	} else if (at->source == STORE_MSG_FROM_NOBODY) {
		at->source = it->source;
	}
	if (it->why.code[0] && (!at->why.code[0] || state == STORE_MSG_FAILED))
		at->why = it->why;
}

void
place_image(struct place *p, const char *site, const struct bundle_image *image,
    struct place_image *ret)
{
	const struct place_site *s = site_of(p, site);
	const struct bundle_file *f;

	*ret = (struct place_image){.state = STORE_MSG_HELD};
	ret->told = s->told;
	ret->apart = s->told && s->stock.apart;
	ret->at = s->told ? s->stock.at : 0;
	for (size_t i = 0; (f = place_plan_file(image, i)) != NULL; i++)
		add_file(ret, f, find_row(s, f->sha256));
	ret->whole = ret->held == ret->files;
}

int
place_percent(const struct place_image *at)
{
	if (at->whole)
		return 100;
	if (at->octets <= 0)
		return 0;
	int percent = (int)((double)at->got * 100 / (double)at->octets);
	return percent > 99 ? 99 : percent;
}
