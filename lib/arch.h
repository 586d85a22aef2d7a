/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Client architectures of network booting: IANA's "Processor Architecture Types", which DHCP option 93
 * (RFC 4578 2.1), DHCPv6 option 61 (RFC 5970 3.3) and our events, loaders and tables speak of. Pure. */
#ifndef LIB_ARCH_H
#define LIB_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

/* No option: what came before RFC 4578 was BIOS. */
enum { ARCH_NONE = 0xffff, ARCH_NAME_SIZE = 24 };

/* "x86-bios", "x64-uefi", "x64-uefi-http", …; "arch-NN" for others. Writes into buf. */
const char *
arch_name(uint16_t arch, char *buf, size_t size);
/* Accepts what arch_name() makes; of two numbers with one name the one that IANA lists. 0 or -EINVAL. */
int
arch_parse(const char *s, uint16_t *ret) MUST_CHECK;
/* Does it load by URL (HTTP boot)? */
bool
arch_is_http(uint16_t arch);
/* The architecture whose loader fits as well, or ARCH_NONE. */
uint16_t
arch_sibling(uint16_t arch);

/* The loaders that are used unless somebody names others: file names below the loaders root. */
struct arch_loader {
	uint16_t arch;
	const char *file;
};
enum { ARCH_LOADERS = 8 };
extern const struct arch_loader arch_loaders[ARCH_LOADERS];

#endif
