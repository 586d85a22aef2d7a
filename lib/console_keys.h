/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a watcher types at a console, as it comes in a request (docs/api.md, POST /hosts/{name}/console). */
#ifndef LIB_CONSOLE_KEYS_H
#define LIB_CONSOLE_KEYS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/error.h"

enum { CONSOLE_KEYS_MAX = 2048 /* octets */ };

struct console_keys {
	const char *watcher; /* borrowed from the document */
	uint8_t data[CONSOLE_KEYS_MAX];
	size_t len;
	bool send_break; /* after the octets */
};

/* 0, or -EINVAL with *err. The caller runs console_keys_done(), whatever it returns. */
int
console_keys_parse(
    const json_t *v, struct console_keys *ret, struct error *err) MUST_CHECK;
/* Wipes: a password, perhaps. */
void
console_keys_done(struct console_keys *k);

#endif
