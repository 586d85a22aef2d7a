/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changing the inventory: a document is validated as a whole, compared with what is
 * there, and written whole or not at all. Every change of sites, images and hosts goes
 * through here, single ones too. */
#ifndef ORCHESTRATOR_INVENTORY_H
#define ORCHESTRATOR_INVENTORY_H

#include <jansson.h>

#include "db/store.h"
#include "lib/error.h"
#include "lib/secret.h"
#include "orchestrator/audit.h"
#include "orchestrator/images.h"

struct inventory_plan;
struct strset;

struct inventory_request {
	const json_t *document; /* {"sites","images","hosts"}, each optional; borrowed by
				   the plan */
	const struct images_hashes *hashes; /* of every file in it */
	const struct secret_key *key;
	const char
	    *pointer; /* NULL: pointers are /hosts/3/…; else that of the only object */
};

/* 0 with a plan; -EINVAL when the document was refused: *ret_errors then is a list for
 * rest_problem() (owned by the caller) and *err sums it up; another errno for the
 * database. */
int
inventory_plan_new(struct store *s, const struct inventory_request *rq,
    struct inventory_plan **ret, json_t **ret_errors, struct error *err) MUST_CHECK;
/* Writes what differs, with its audit rows. Within a transaction, the same one or one
 * begun right after planning: nothing may change in between. */
int
inventory_plan_write(struct store *s, const struct inventory_plan *plan,
    const struct audit_who *who, const char *reason, int64_t now) MUST_CHECK;
/* The "changes" of docs/api.md; borrowed. */
const json_t *
inventory_plan_changes(const struct inventory_plan *plan);
/* Calls `each` with the sites whose snapshot has changed. */
void
inventory_plan_sites(const struct inventory_plan *plan,
    int (*each)(void *arg, const char *site), void *arg);
/* Do any images change? What sites' stores are to hold may be another thing then. */
bool
inventory_plan_has_images(const struct inventory_plan *plan);
void
inventory_plan_free(struct inventory_plan *plan);

/* Calls `each` with the sites whose menu may show one of the images, because it names it, or, if `fits`, because it
 * shows every image that fits (bundle_menu_fits()). It must not use the store. */
int
inventory_menu_sites(struct store *s, const struct strset *images, bool fits,
    void (*each)(void *arg, const char *site), void *arg) MUST_CHECK;

/* The whole inventory in the form of a document, without secrets; NULL with *err. */
json_t *
inventory_export(struct store *s, struct error *err);

#endif
