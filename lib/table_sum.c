// SPDX-License-Identifier: GPL-3.0-or-later
/* Short digests of a site's table, as numbers and as text.
 *
 * Entry points: table_sum_of(), table_sum_put(), table_sum_get(). Sums are taken by the callers, modulo 2^64, so that a host that goes is
 * subtracted and one that comes is added. Who gives a table out says each host's digest with it, so that a reader which knows fewer members
 * of a host comes to the same sum. Failure modes: -EINVAL for a member that is no digest. */
#include "lib/table_sum.h"

#include <errno.h>
#include <string.h>

#include "lib/digest.h"
#include "lib/hex.h"
#include "lib/json.h"

enum { SUM_OCTETS = 8 };

static uint64_t
from_octets(const uint8_t octets[SUM_OCTETS])
{
	uint64_t sum = 0;

	for (int i = 0; i < SUM_OCTETS; i++)
		sum = sum << 8 | octets[i];
	return sum;
}

uint64_t
table_sum_of(const char *text)
{
	char hex[DIGEST_TEXT];
	uint8_t octets[SUM_OCTETS] = {0};

	digest_sha256(text, strlen(text), hex);
	uint64_t sum = hex_get(hex, octets, SUM_OCTETS) < 0 ? 0 : from_octets(octets);
	return sum != 0 ? sum : 1;
}

void
table_sum_put(json_t *v, const char *key, uint64_t sum)
{
	uint8_t octets[SUM_OCTETS];
	char hex[TABLE_SUM_TEXT];

	if (sum == 0)
		return;
	for (int i = SUM_OCTETS - 1; i >= 0; i--, sum >>= 8)
		octets[i] = (uint8_t)sum;
	hex_put(hex, octets, SUM_OCTETS);
	json_put_str(v, key, hex);
}

int
table_sum_get(const json_t *v, const char *key, uint64_t *ret, struct error *err)
{
	const char *hex = NULL;
	uint8_t octets[SUM_OCTETS] = {0};

	if (json_opt_str(v, key, &hex, err) < 0)
		return -EINVAL;
	if (hex == NULL)
		return 0;
	if (strlen(hex) != TABLE_SUM_TEXT - 1 || hex_get(hex, octets, SUM_OCTETS) < 0)
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "%s: not 16 hexadecimal digits", key);
	*ret = from_octets(octets);
	return 0;
}
