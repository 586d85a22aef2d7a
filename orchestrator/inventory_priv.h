/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by inventory.c (plan, write), inventory_check.c and inventory_menu.c (validation). */
#ifndef ORCHESTRATOR_INVENTORY_PRIV_H
#define ORCHESTRATOR_INVENTORY_PRIV_H

#include "db/db_host.h"
#include "db/db_image.h"
#include "db/db_site.h"
#include "orchestrator/inventory.h"
#include "orchestrator/strset.h"

enum { INVENTORY_POINTER_SIZE = 256, INVENTORY_ERRORS_MAX = 200 };

/* One pass of validation over a document. */
struct inventory_check {
	struct store *store;
	const struct inventory_request *rq;
	struct strset sites, images, hosts; /* names in the document, with their index */
	struct strset taken; /* "mac …", "ip SITE …", "bmc SITE …" → host index */
	struct db_site *site; /* as it will be, of the host that was looked at last */
	json_t *
	    in_menus; /* image → a site of the database whose menu shows it; NULL: not read yet */
	json_t *errors;
	size_t n_errors; /* all, also those above the cap */
	int rc;		 /* first failure of the database */
};

void
inventory_check_done(struct inventory_check *c);
/* Adds an error about object `i` of `list` ("hosts"); its pointer follows from err's
 * text. */
void
inventory_check_add(
    struct inventory_check *c, const char *list, size_t i, const struct error *err);
/* Registers every name of the document; duplicates and malformed lists are errors. */
void
inventory_check_names(struct inventory_check *c);
/* Each parses one object and checks it against the document and the database. False: an
 * error was added. The caller frees what the object owns. */
bool
inventory_check_site(struct inventory_check *c, size_t i, struct db_site *ret);
bool
inventory_check_image(struct inventory_check *c, size_t i, struct db_image *ret);
bool
inventory_check_host(struct inventory_check *c, size_t i, struct db_host *ret);

/* May the site's menu show what it names? -EINVAL with *err. */
int
inventory_menu_check_site(
    struct inventory_check *c, const struct bundle_site *site, struct error *err);
/* Is the image still one that the menus which show it may show? */
int
inventory_menu_check_image(
    struct inventory_check *c, const struct bundle_image *image, struct error *err);

/* A copy of an image of the document with name, sha256 and size of each file; NULL with
 * *err. */
json_t *
inventory_check_complete_image(
    const struct images_hashes *hashes, const json_t *image, struct error *err);

#endif
