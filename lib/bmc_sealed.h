/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A BMC's secrets on their way to an agent: sealed to its key, in the document of the BMC (docs/protocol.md, "Sealed
 * secrets"). */
#ifndef LIB_BMC_SEALED_H
#define LIB_BMC_SEALED_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/error.h"
#include "lib/secret_box.h"

/* Puts "password", "kg" and "password_next" of a BMC's document, those that are there, into its member "sealed", for the
 * holder of the key alone, and takes them out. Nothing to seal leaves it as it is. -EINVAL with *err, the document
 * untouched: no such key. */
int
bmc_sealed_put(json_t *bmc, const char *public_key, struct error *err) MUST_CHECK;
/* The other way: what is in "sealed" becomes members again. A document without it, or null, is left as it is. -EBADMSG with *err
 * (bmc-secret-sealed), the document untouched: it was not sealed to this key, or not for this user at this BMC. box NULL: no
 * key at all. */
int
bmc_sealed_open(json_t *bmc, const struct secret_box *box, struct error *err) MUST_CHECK;

#endif
