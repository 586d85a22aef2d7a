/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The escapes of an interactive console, as ssh and ipmitool have them: '~' at the beginning of a line. Pure. */
#ifndef CTL_ESCAPE_H
#define CTL_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum escape_what { ESCAPE_NONE, ESCAPE_LEAVE, ESCAPE_HELP, ESCAPE_BREAK };

struct escape {
	bool inside; /* of a line: no '~' counts */
	bool tilde;  /* one is held back */
};

/* Takes octets from *p on (at most *n) up to an escape: those to be typed are in out (size: *n + 1), their number in
 * *ret_out; *p and *n are moved behind what was taken. */
enum escape_what
escape_take(
    struct escape *e, const uint8_t **p, size_t *n, uint8_t *out, size_t *ret_out);
extern const char escape_help[];

#endif
