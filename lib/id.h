/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Identifiers of jobs, boots, tickets: 16 lower-case Crockford base32 characters, 10 of
 * milliseconds since the epoch and 6 random, so that they sort by time and any program may
 * make one without asking. Not secret. Secrets are id_token(): 128 random bits, 26 characters. */
#ifndef LIB_ID_H
#define LIB_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/rng.h"

enum { ID_SIZE = 17, ID_TOKEN_SIZE = 27 };

void
id_make(int64_t wall, struct rng *rng, char ret_id[ID_SIZE]);
/* When it was made (microseconds, whole milliseconds); 0: it is none. */
int64_t
id_time(const char *id);
void
id_token(struct rng *rng, char ret_token[ID_TOKEN_SIZE]);
bool
id_valid(const char *s);
/* Could it be a beginning or an end of an id, or one? */
bool
id_part_valid(const char *s);
bool
id_token_valid(const char *s);

#endif
