// SPDX-License-Identifier: GPL-3.0-or-later
/* Does a chain of audit rows hold, and if not, where and what was done to it?
 *
 * Entry points: audit_chain_new(), _feed(), _end(), _free() of audit_chain.h. Rows come in one by one and are not kept,
 * but for the first that does not follow: the suspect. The rows after it tell what happened, since their hashes
 * were made from what was there:
 *  - the next one follows from the suspect's hash: its content was changed; from what the suspect hashes to: its
 *    hash was;
 *  - one that would follow in the suspect's place: rows were put in before it, or it was moved;
 *  - the suspect would follow a later row: it was moved;
 *  - the next one follows with a higher number: rows were taken out and the others renumbered.
 * At most LOOK_MAX rows are looked at for that. What somebody writes anew to the end, with all hashes, only a head
 * that was kept elsewhere can tell: audit_chain_expect(). */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/audit_chain.h"
#include "lib/str.h"

enum { BACK = 64, SKIP_MAX = 1000, LOOK_MAX = 20000 };

struct audit_chain {
	int64_t want; /* number of the next row */
	int64_t rows, at;
	char back[BACK]
		 [DIGEST_TEXT]; /* hashes of the rows before it, by number; [0]: "" */
	struct {
		int64_t seq; /* 0: none */
		char hash[DIGEST_TEXT];
		bool seen, same;
	} kept;
	/* Of the first row that does not follow. */
	enum audit_chain_why why;
	int64_t seq;
	char text[256];
	bool done;   /* no later row can tell more */
	bool placed; /* what belongs into its place was met */
	int64_t looked;
	struct audit_chain_row suspect; /* of `octets` */
	char *octets;
	char stored[DIGEST_TEXT];   /* the suspect's hash, "" when it cannot be one */
	char computed[DIGEST_TEXT]; /* what it should be */
};

static const char *const why_names[] = {
    "ok", "changed", "removed", "inserted", "reordered"};

const char *
audit_chain_why_name(enum audit_chain_why why)
{
	return why_names[why];
}

struct audit_chain *
audit_chain_new(void)
{
	struct audit_chain *c = str_alloc(sizeof(*c));

	c->want = 1;
	return c;
}

void
audit_chain_free(struct audit_chain *c)
{
	if (!c)
		return;
	free(c->octets);
	free(c);
}

void
audit_chain_expect(struct audit_chain *c, int64_t seq, const char *hash)
{
	c->kept.seq = seq;
	str_clip(c->kept.hash, sizeof(c->kept.hash), hash);
}

static bool
same(const struct audit_chain_text *stored, const char *hash)
{
	return stored->n == DIGEST_TEXT - 1 && memcmp(stored->v, hash, stored->n) == 0;
}

/* Does it, with that number, follow the row of that hash? */
static bool
follows(const char *before, const struct audit_chain_row *row, int64_t seq)
{
	struct audit_chain_row r = *row;
	char hash[DIGEST_TEXT];

	r.seq = seq;
	return audit_chain_hash(before, &r, hash) == 0 && same(&r.hash, hash);
}

static const char *
hash_of(const struct audit_chain *c, int64_t seq)
{
	return c->back[seq % BACK];
}

static void
take_hash(const struct audit_chain_text *stored, char ret[DIGEST_TEXT])
{
	ret[0] = '\0';
	if (stored->n != DIGEST_TEXT - 1)
		return;
	memcpy(ret, stored->v, stored->n);
	ret[stored->n] = '\0';
}

/* What is thought so far of the first row that does not hold. */
static void
say(struct audit_chain *c, enum audit_chain_why why, int64_t seq, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

static void
say(struct audit_chain *c, enum audit_chain_why why, int64_t seq, const char *fmt, ...)
{
	va_list ap;

	c->why = why;
	c->seq = seq;
	va_start(ap, fmt);
	vsnprintf(c->text, sizeof(c->text), fmt, ap);
	va_end(ap);
}

static void
keep(struct audit_chain *c, const struct audit_chain_row *r)
{
	size_t need = r->hash.n + 1, at = 0;

	for (size_t i = 0; i < AUDIT_CHAIN_TEXTS; i++)
		need += r->text[i].n;
	c->octets = str_alloc(need);
	c->suspect = *r;
	for (size_t i = 0; i <= AUDIT_CHAIN_TEXTS; i++) {
		struct audit_chain_text *t =
		    i < AUDIT_CHAIN_TEXTS ? &c->suspect.text[i] : &c->suspect.hash;
		if (t->n > 0)
			memcpy(c->octets + at, t->v, t->n);
		t->v = c->octets + at;
		at += t->n;
	}
	take_hash(&r->hash, c->stored);
	if (audit_chain_hash(hash_of(c, c->want - 1), r, c->computed) < 0)
		c->computed[0] = '\0';
}

/* Would it follow earlier, if some rows before it were not there? */
static int64_t
put_in_before(const struct audit_chain *c, const struct audit_chain_row *r)
{
	for (int64_t n = 1; n < BACK - 1 && n < c->want; n++)
		if (follows(hash_of(c, c->want - 1 - n), r, c->want - n))
			return n;
	return 0;
}

static void
suspect(struct audit_chain *c, const struct audit_chain_row *r)
{
	long long want = (long long)c->want, seq = (long long)r->seq;
	int64_t n;

	keep(c, r);
	if (seq > want) {
		say(c, AUDIT_CHAIN_REMOVED, want, "rows %lld to %lld are missing", want,
		    seq - 1);
		return;
	}
	if (seq < want) {
		say(c, AUDIT_CHAIN_INSERTED, seq,
		    "row %lld is one too many: row %lld was expected", seq, want);
		return;
	}
	n = put_in_before(c, r);
	if (n > 0) {
		say(c, AUDIT_CHAIN_INSERTED, want - n,
		    "%lld row(s) from %lld on were put in, with hashes of their own",
		    (long long)n, want - (long long)n);
		c->done = true;
		return;
	}
	say(c, AUDIT_CHAIN_CHANGED, want,
	    "row %lld is not what was written, or was not written by the orchestrator; "
	    "what follows does not tell",
	    want);
}

static void
conclude(struct audit_chain *c, enum audit_chain_why why, const char *text)
{
	say(c, why, c->seq, "row %lld %s", (long long)c->seq, text);
	c->done = true;
}

/* The row right behind the suspect, which is where it should be by its number. */
static void
look_next(struct audit_chain *c, const struct audit_chain_row *r)
{
	if (c->stored[0] && follows(c->stored, r, r->seq)) {
		conclude(c, AUDIT_CHAIN_CHANGED,
		    c->want > 1
			? "is not what was written (or the one before it was replaced)"
			: "is not what was written");
		return;
	}
	if (c->computed[0] && follows(c->computed, r, r->seq)) {
		conclude(c, AUDIT_CHAIN_CHANGED, "has another hash than was written");
		return;
	}
	for (int64_t n = 1; c->stored[0] && n <= SKIP_MAX; n++) {
		if (!follows(c->stored, r, r->seq + n))
			continue;
		say(c, AUDIT_CHAIN_REMOVED, c->want,
		    "%lld row(s) from %lld on are missing, and the others were "
		    "renumbered",
		    (long long)n, (long long)c->want);
		return;
	}
}

static void
look(struct audit_chain *c, const struct audit_chain_row *r)
{
	char hash[DIGEST_TEXT];

	if (r->seq > INT64_MAX - SKIP_MAX) /* nobody counts that far */
		return;
	take_hash(&r->hash, hash);
	if (c->looked++ == 0 && c->suspect.seq == c->want)
		look_next(c, r);
	if (c->done)
		return;
	if (hash[0] && (follows(hash, &c->suspect, r->seq) ||
			   follows(hash, &c->suspect, r->seq + 1))) {
		conclude(c, AUDIT_CHAIN_REORDERED, "is not in its place");
		return;
	}
	if (!c->placed && follows(hash_of(c, c->want - 1), r, c->want)) {
		c->placed = true;
		if (c->why == AUDIT_CHAIN_REMOVED)
			conclude(c, AUDIT_CHAIN_REORDERED, "is not in its place");
		else if (c->why == AUDIT_CHAIN_CHANGED)
			say(c, AUDIT_CHAIN_INSERTED, c->want,
			    "%lld row(s) from %lld on were put in", (long long)c->looked,
			    (long long)c->want);
	}
	c->done = c->done || c->looked >= LOOK_MAX;
}

bool
audit_chain_feed(struct audit_chain *c, const struct audit_chain_row *r)
{
	c->rows++;
	if (c->why != AUDIT_CHAIN_OK) {
		look(c, r);
		return !c->done;
	}
	if (r->seq != c->want || !follows(hash_of(c, c->want - 1), r, r->seq)) {
		suspect(c, r);
		return !c->done;
	}
	if (r->seq == c->kept.seq) {
		c->kept.seen = true;
		c->kept.same = same(&r->hash, c->kept.hash);
	}
	take_hash(&r->hash, c->back[c->want % BACK]);
	c->at = r->at;
	c->want++;
	return true;
}

void
audit_chain_end(const struct audit_chain *c, struct audit_chain_result *ret)
{
	struct audit_chain_result r = {.why = c->why,
	    .seq = c->seq,
	    .rows = c->rows,
	    .head_seq = c->want - 1,
	    .head_at = c->at};

	str_clip(r.text, sizeof(r.text), c->text);
	str_clip(r.head_hash, sizeof(r.head_hash), hash_of(c, c->want - 1));
	if (c->why == AUDIT_CHAIN_OK && c->kept.seq > r.head_seq) {
		r.why = AUDIT_CHAIN_REMOVED;
		r.seq = c->want;
		snprintf(r.text, sizeof(r.text),
		    "rows %lld to %lld are missing: the last one is %lld",
		    (long long)c->want, (long long)c->kept.seq, (long long)r.head_seq);
	} else if (c->why == AUDIT_CHAIN_OK && c->kept.seen && !c->kept.same) {
		r.why = AUDIT_CHAIN_CHANGED;
		r.seq = c->kept.seq;
		snprintf(r.text, sizeof(r.text),
		    "row %lld has another hash than the one that was kept: it, or rows "
		    "before "
		    "it, were written anew",
		    (long long)c->kept.seq);
	}
	*ret = r;
}
