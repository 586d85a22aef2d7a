/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Passwords for BMCs: as long as IPMI 2.0 allows, and such as their rules want.
 *
 * Entry point: password_make(). Nothing is owned; the caller wipes the text. Failure modes: none.
 *
 * BMCs that have rules want some of upper case, lower case, digits and special characters; one of each satisfies all of
 * them, and the four special ones need no quotes in shells and web forms. A text that breaks a rule is thrown away as a
 * whole, so that every one that keeps them is as likely as any other: log2(66^20) = 120.9 bits, less 0.3 for the
 * first letter and 0.6 for the classes.
 */
#include "lib/password.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			       "0123456789-_.+";

/* A '-' in front would be taken for an option by somebody's tool. */
static bool
fits(const char *s)
{
	bool upper = false, lower = false, digit = false, special = false;

	for (const char *p = s; *p != '\0'; p++) {
		upper = upper || isupper((unsigned char)*p);
		lower = lower || islower((unsigned char)*p);
		digit = digit || isdigit((unsigned char)*p);
		special = special || !isalnum((unsigned char)*p);
	}
	return isalpha((unsigned char)s[0]) && upper && lower && digit && special;
}

void
password_make(struct rng *rng, char ret[PASSWORD_SIZE])
{
	do {
		for (size_t i = 0; i < PASSWORD_SIZE - 1; i++)
			ret[i] = alphabet[rng_below(rng, sizeof(alphabet) - 1)];
		ret[PASSWORD_SIZE - 1] = '\0';
	} while (!fits(ret));
}
