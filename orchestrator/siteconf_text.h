/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A configuration file in the making: a growing text. */
#ifndef ORCHESTRATOR_SITECONF_TEXT_H
#define ORCHESTRATOR_SITECONF_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/addr.h"
#include "lib/compiler.h"

struct siteconf_text {
	char *s; /* NULL before anything was added */
	size_t len, cap;
};

void
siteconf_text_add(struct siteconf_text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* An address. */
void
siteconf_text_ip(struct siteconf_text *t, const struct addr_ip *ip);
/* The string, owned by the caller; never NULL. */
char *
siteconf_text_take(struct siteconf_text *t);
/* May it stand in any configuration, quoted or not: letters, digits and ._-/+=@~ only? All that comes from the
 * inventory into a configuration has passed this. */
bool
siteconf_text_plain(const char *s);

#endif
