/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The checksum of Ethernet, gzip and PNG (IEEE 802.3, reflected): tells a record that was torn or has rotted,
 * not one that was forged. */
#ifndef LIB_CRC32_H
#define LIB_CRC32_H

#include <stddef.h>
#include <stdint.h>

uint32_t
crc32_of(const void *p, size_t len);

#endif
