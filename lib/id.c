/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Identifiers and tokens in Crockford's base32 (lower case, without i, l, o, u).
 *
 * Entry points: id_make() for names of jobs, boots and tickets; id_token() for secrets in
 * URLs. Ownership: results go to the caller's buffers. Failure modes: none; two ids of
 * one millisecond differ by 30 random bits, and their tables have unique keys for the
 * rest.
 */
#include "lib/id.h"

#include <string.h>

#include "lib/compiler.h"

enum { ID_TIME_CHARS = 10, ID_RANDOM_CHARS = 6, ID_TOKEN_CHARS = 26 };

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

void
id_make(int64_t wall, struct rng *rng, char ret_id[ID_SIZE])
{
	uint64_t ms = (uint64_t)(wall / USEC_PER_MSEC);
	uint64_t random = rng_u64(rng);

	/* 50 bits of milliseconds, most significant first: good until the year 37648. */
	for (int i = 0; i < ID_TIME_CHARS; i++)
		ret_id[i] = alphabet[ms >> (5 * (ID_TIME_CHARS - 1 - i)) & 31];
	for (int i = 0; i < ID_RANDOM_CHARS; i++)
		ret_id[ID_TIME_CHARS + i] = alphabet[random >> (5 * i) & 31];
	ret_id[ID_SIZE - 1] = '\0';
}

void
id_token(struct rng *rng, char ret_token[ID_TOKEN_SIZE])
{
	uint64_t low = rng_u64(rng);
	uint64_t high = rng_u64(rng);

	/* 26 characters hold 130 bits; the last one gets the 3 bits that are left of 128.
	 */
	for (int i = 0; i < ID_TOKEN_CHARS; i++) {
		ret_token[i] = alphabet[low & 31];
		low = low >> 5 | high << 59;
		high >>= 5;
	}
	ret_token[ID_TOKEN_SIZE - 1] = '\0';
}

static bool
all_in_alphabet(const char *s, size_t len)
{
	return s != NULL && strlen(s) == len && strspn(s, alphabet) == len;
}

bool
id_valid(const char *s)
{
	return all_in_alphabet(s, ID_SIZE - 1);
}

int64_t
id_time(const char *id)
{
	int64_t ms = 0;

	if (!id_valid(id))
		return 0;
	for (int i = 0; i < ID_TIME_CHARS; i++)
		ms = ms << 5 | (strchr(alphabet, id[i]) - alphabet);
	return ms * USEC_PER_MSEC;
}

bool
id_part_valid(const char *s)
{
	size_t len = strlen(s);

	return len > 0 && len < ID_SIZE && all_in_alphabet(s, len);
}

bool
id_token_valid(const char *s)
{
	return all_in_alphabet(s, ID_TOKEN_SIZE - 1);
}
