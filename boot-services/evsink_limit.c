/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rate limits per event kind and machine.
 *
 * A set-associative table: a key's hash chooses a set of four buckets, where it is found
 * or takes the place of the bucket longest unused. So time and memory are constant
 * whatever the network sends; an attacker can at worst push out other keys of the same
 * set, which then start with a full bucket.
 *
 * Pure and private to one evsink; nothing can fail. */
#include "boot-services/evsink_limit.h"

#include <stdlib.h>

#include "lib/str.h"

enum { SETS = 1024, WAYS = 4 };

struct bucket {
	uint64_t hash; /* 0: free */
	uint32_t tokens;
	int64_t filled_at; /* up to here refills are counted */
	int64_t used_at;
};

struct evsink_limit {
	struct bucket sets[SETS][WAYS];
};

struct evsink_limit *
evsink_limit_new(void)
{
	return str_alloc(sizeof(struct evsink_limit));
}

void
evsink_limit_free(struct evsink_limit *l)
{
	free(l);
}

/* FNV-1a over both strings; never 0. */
static uint64_t
hash_key(const char *kind, const char *who)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *kind; kind++)
		h = (h ^ (unsigned char)*kind) * 0x100000001b3u;
	h = (h ^ '\n') * 0x100000001b3u;
	for (; *who; who++)
		h = (h ^ (unsigned char)*who) * 0x100000001b3u;
	return h ? h : 1;
}

static struct bucket *
find(struct evsink_limit *l, uint64_t hash, const struct evsink_limit_rate *rate,
    int64_t now)
{
	struct bucket *set = l->sets[hash % SETS], *oldest = &set[0];

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].hash == hash)
			return &set[i];
		if (set[i].used_at < oldest->used_at)
			oldest = &set[i];
	}
	*oldest = (struct bucket){.hash = hash, .tokens = rate->burst, .filled_at = now};
	return oldest;
}

bool
evsink_limit_allow(struct evsink_limit *l, const char *kind, const char *who,
    const struct evsink_limit_rate *rate, int64_t now)
{
	struct bucket *b = find(l, hash_key(kind, who), rate, now);
	int64_t new = (now - b->filled_at) / rate->interval_us;

	b->used_at = now;
	if (now < b->filled_at) {
		b->filled_at = now;
	} else if (new >= rate->burst - b->tokens) {
		b->tokens = rate->burst;
		b->filled_at = now;
	} else {
		b->tokens += (uint32_t) new;
		b->filled_at += new * rate->interval_us;
	}
	if (b->tokens == 0)
		return false;
	b->tokens--;
	return true;
}
