/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A keyed hash for tables whose keys come from the network. */
#ifndef BOOT_SERVICES_KEYED_HASH_H
#define BOOT_SERVICES_KEYED_HASH_H

#include <stddef.h>
#include <stdint.h>

/* While `seed` is secret nobody outside can choose keys that collide. All bits are good. */
uint64_t
keyed_hash_of(uint64_t seed, const void *data, size_t len);

#endif
