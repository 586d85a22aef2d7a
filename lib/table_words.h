/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A site's table of a newer orchestrator without the words that nobody here knows. Pure. */
#ifndef LIB_TABLE_WORDS_H
#define LIB_TABLE_WORDS_H

#include <jansson.h>
#include <stddef.h>

/* A reference to the host itself, or to a copy that has known words only and `idle` local. *n is raised by how many were left out. */
json_t *
table_words_host(const json_t *host, size_t *n);
/* The same of what is no host. */
json_t *
table_words_head(const json_t *site, size_t *n);

#endif
