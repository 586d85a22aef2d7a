/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sites, images and hosts: the JSON of docs/api.md <-> the rows of db/. Pure. Unknown
 * members are refused here (unlike in messages between programs): they are a person's
 * slip of the pen. */
#ifndef ORCHESTRATOR_INVENTORY_CODEC_H
#define ORCHESTRATOR_INVENTORY_CODEC_H

#include <jansson.h>

#include "db/db_host.h"
#include "db/db_image.h"
#include "db/db_site.h"
#include "lib/error.h"

/* 0 or -EINVAL with code "bad-value" or "key-unknown"; *ret untouched then. */
int
inventory_codec_site(const json_t *v, struct db_site *ret, struct error *err) MUST_CHECK;
/* The BMC's password and K_g, if they were given, are in ret->bmc: the caller seals and
 * wipes them. */
int
inventory_codec_host(const json_t *v, struct db_host *ret, struct error *err) MUST_CHECK;
/* Files carry sha256 and size already. Its arguments name only what can exist. The caller runs bundle_done-like db_image_done().
 */
int
inventory_codec_image(
    const json_t *v, struct db_image *ret, struct error *err) MUST_CHECK;
/* The names of unknown members of an image as people write it (without sha256 and size),
 * and the shape of its file lists. */
int
inventory_codec_image_shape(const json_t *v, struct error *err) MUST_CHECK;

/* Canonical: equal objects have equal JSON. Never with a password or K_g; that there is a K_g, and since when a rotation
 * is open, is told in members that a document may have and that change nothing: inventory_codec_strip(). */
json_t *
inventory_codec_site_json(const struct db_site *site);
json_t *
inventory_codec_host_json(const struct db_host *h);
/* Leaves of a host's JSON what a document has. */
void
inventory_codec_strip(json_t *host);
json_t *
inventory_codec_image_json(const struct db_image *image);

/* Where an error of these functions points, as a JSON pointer below `base`: "nics[1]:
 * mac: …" becomes BASE/nics/1/mac. */
void
inventory_codec_pointer(
    const char *base, const struct error *err, char *buf, size_t size);

#endif
