/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Token buckets against machines that loop and networks that attack.
 *
 * Buckets lie in a fixed table; a machine that falls on another's slot takes it over with
 * a full bucket. So a flood of made-up addresses costs no memory and starves nobody,
 * while one machine that loops is held to its rate. Time is in microseconds of a clock
 * that never jumps. */
#include "boot-services/dhcp4_limit.h"

#include <stdlib.h>
#include <string.h>

#include "boot-services/keyed_hash.h"
#include "lib/compiler.h"
#include "lib/str.h"

enum { SLOTS = 8192, FOREIGN_SLOTS = 16 };

struct bucket {
	int64_t at;	/* when `tokens` was right */
	int64_t tokens; /* in millionths, so that one microsecond adds `rate` */
};

struct slot {
	struct dhcp4_class_key key;
	struct bucket bucket;
	bool dropping;
};

struct foreign {
	uint32_t server;
	int64_t at;
};

struct dhcp4_limit {
	uint64_t seed;
	struct slot slots[SLOTS];
	struct bucket events;
	uint64_t suppressed;
	struct foreign foreign[FOREIGN_SLOTS];
	size_t next_foreign;
};

static bool
take(struct bucket *b, int64_t now, int64_t rate, int64_t burst)
{
	int64_t full = burst * USEC_PER_SEC, passed = now - b->at;

	if (passed < 0)
		passed = 0;
	b->at = now;
	b->tokens = passed >= full / rate ? full : b->tokens + passed * rate;
	if (b->tokens > full)
		b->tokens = full;
	if (b->tokens < USEC_PER_SEC)
		return false;
	b->tokens -= USEC_PER_SEC;
	return true;
}

struct dhcp4_limit *
dhcp4_limit_new(uint64_t seed)
{
	struct dhcp4_limit *l = str_alloc(sizeof(*l));

	l->seed = seed;
	l->events.tokens = DHCP4_LIMIT_EVENT_BURST * USEC_PER_SEC;
	return l;
}

void
dhcp4_limit_free(struct dhcp4_limit *l)
{
	free(l);
}

static struct slot *
slot_of(struct dhcp4_limit *l, const struct dhcp4_class_key *key)
{
	return &l->slots[keyed_hash_of(l->seed, key, sizeof(*key)) % SLOTS];
}

enum dhcp4_limit_answer
dhcp4_limit_packet(struct dhcp4_limit *l, const struct dhcp4_class_key *key, int64_t now)
{
	struct slot *s = slot_of(l, key);

	if (!dhcp4_class_key_eq(&s->key, key))
		*s = (struct slot){.key = *key,
		    .bucket = {.at = now, .tokens = DHCP4_LIMIT_BURST * USEC_PER_SEC}};
	if (take(&s->bucket, now, DHCP4_LIMIT_RATE, DHCP4_LIMIT_BURST)) {
		s->dropping = false;
		return DHCP4_LIMIT_PASS;
	}
	if (s->dropping)
		return DHCP4_LIMIT_DROP;
	s->dropping = true;
	return DHCP4_LIMIT_FIRST_DROP;
}

bool
dhcp4_limit_event(struct dhcp4_limit *l, int64_t now, uint64_t *ret_suppressed)
{
	if (!take(&l->events, now, DHCP4_LIMIT_EVENT_RATE, DHCP4_LIMIT_EVENT_BURST)) {
		l->suppressed++;
		return false;
	}
	*ret_suppressed = l->suppressed;
	l->suppressed = 0;
	return true;
}

bool
dhcp4_limit_foreign(struct dhcp4_limit *l, uint32_t server, int64_t now)
{
	struct foreign *f = NULL;

	for (size_t i = 0; i < FOREIGN_SLOTS; i++) {
		if (l->foreign[i].server == server)
			f = &l->foreign[i];
	}
	if (f && now - f->at < DHCP4_LIMIT_FOREIGN_S * USEC_PER_SEC)
		return false;
	if (!f)
		f = &l->foreign[l->next_foreign++ % FOREIGN_SLOTS];
	*f = (struct foreign){.server = server, .at = now};
	return true;
}

void
dhcp4_limit_forget_foreign(struct dhcp4_limit *l)
{
	memset(l->foreign, 0, sizeof(l->foreign));
}
