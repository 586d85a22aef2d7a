/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Passwords that no person chooses. */
#ifndef LIB_PASSWORD_H
#define LIB_PASSWORD_H

#include "lib/rng.h"

enum { PASSWORD_SIZE = 21 };

/* 20 printable characters, 119 bits; rng is the system's. */
void
password_make(struct rng *rng, char ret[PASSWORD_SIZE]);

#endif
