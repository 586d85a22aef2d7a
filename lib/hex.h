/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Octets as hexadecimal digits. */
#ifndef LIB_HEX_H
#define LIB_HEX_H

#include <stddef.h>

#include "lib/compiler.h"

/* The value of a digit of either case, or -1. */
int
hex_digit(char c);
/* 2 * n digits, lower case, and a NUL. */
void
hex_put(char *ret, const void *octets, size_t n);
/* n octets of the first 2 * n digits of s; 0, or -EINVAL when they are not such: a shorter text is none. */
int
hex_get(const char *s, void *ret, size_t n) MUST_CHECK;

#endif
