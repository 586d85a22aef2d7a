/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bootable images and their files. */
#ifndef DB_DB_IMAGE_H
#define DB_DB_IMAGE_H

#include "db/store.h"
#include "lib/bundle.h"

struct db_image {
	struct bundle_image image;
	int64_t rev;
};

/* The caller runs db_image_done() after success. */
int
db_image_get(struct store *s, const char *name, struct db_image *ret) MUST_CHECK;
void
db_image_done(struct db_image *image);
/* Inserts or replaces, files included. Within a transaction. */
int
db_image_put(struct store *s, const struct bundle_image *image, int64_t now) MUST_CHECK;
/* -ENOLINK while a host has it as its default. */
int
db_image_delete(struct store *s, const char *name) MUST_CHECK;
int
db_image_exists(struct store *s, const char *name) MUST_CHECK; /* 1, 0 or -errno */
int
db_image_names(struct store *s, const char *after, int64_t limit,
    struct store_names *ret) MUST_CHECK;
int
db_image_names_of_kind(
    struct store *s, const char *kind, struct store_names *ret) MUST_CHECK;

#endif
