/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Client architectures: one table of numbers, names and siblings.
 *
 * Entry points: arch_name(), arch_parse(), arch_is_http(), arch_sibling(), arch_loaders[]. Numbers that the table does not
 * have are kept as numbers, since firmware of tomorrow has others: they have a name ("arch-NN"), no
 * sibling, and are not taken for HTTP boot.
 * Source: IANA dhcpv6-parameters, "Processor Architecture Types"; RFC 4578 2.1 with its errata. */
#include "lib/arch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/str.h"

/* An HTTP architecture has the same loader as its PXE sibling. */
static const struct {
	uint16_t arch;
	uint16_t sibling;
	bool http;
	const char *name;
} arches[] = {
    {0x00, 0x14, false, "x86-bios"},
    {0x06, 0x0f, false, "x86-uefi"},
    {0x07, 0x09, false, "x64-uefi"},
    /* RFC 4578 gave 9 to x64 and 7 to EBC; IANA and firmware settled on the reverse
       (boot.md 1.4). */
    {0x09, 0x07, false, "x64-uefi"},
    {0x0a, 0x12, false, "arm32-uefi"},
    {0x0b, 0x13, false, "arm64-uefi"},
    {0x0f, 0x06, true, "x86-uefi-http"},
    {0x10, 0x07, true, "x64-uefi-http"},
    {0x12, 0x0a, true, "arm32-uefi-http"},
    {0x13, 0x0b, true, "arm64-uefi-http"},
    {0x14, 0x00, true, "x86-bios-http"},
    {0x15, ARCH_NONE, false, "arm32-uboot"},
    {0x16, ARCH_NONE, false, "arm64-uboot"},
    {0x17, 0x15, true, "arm32-uboot-http"},
    {0x18, 0x16, true, "arm64-uboot-http"},
    {0x19, 0x1a, false, "riscv32-uefi"},
    {0x1a, 0x19, true, "riscv32-uefi-http"},
    {0x1b, 0x1c, false, "riscv64-uefi"},
    {0x1c, 0x1b, true, "riscv64-uefi-http"},
    {0x27, 0x28, false, "loong64-uefi"},
    {0x28, 0x27, true, "loong64-uefi-http"},
    {0x29, ARCH_NONE, false, "arm-rpiboot"},
};

/* Debian's ipxe package has the first four; 32-bit and ARM builds are used when somebody
 * put them there under these names. RFC 4578 2.1 as corrected by IANA: 7 and 9 are both
 * x64 (boot.md 1.4). */
const struct arch_loader arch_loaders[ARCH_LOADERS] = {
    {0x00, "undionly.kpxe"},
    {0x07, "snponly.efi"},
    {0x09, "snponly.efi"},
    {0x10, "snponly.efi"},
    {0x06, "snponly-i386.efi"},
    {0x0f, "snponly-i386.efi"},
    {0x0b, "snponly-arm64.efi"},
    {0x13, "snponly-arm64.efi"},
};

const char *
arch_name(uint16_t arch, char *buf, size_t size)
{
	if (arch == ARCH_NONE)
		arch = 0x00;
	for (size_t i = 0; i < ARRAY_SIZE(arches); i++)
		if (arches[i].arch == arch) {
			str_clip(buf, size, arches[i].name);
			return buf;
		}
	snprintf(buf, size, "arch-%u", arch);
	return buf;
}

int
arch_parse(const char *s, uint16_t *ret)
{
	int64_t number;

	for (size_t i = 0; i < ARRAY_SIZE(arches); i++)
		if (str_eq(arches[i].name, s)) {
			*ret = arches[i].arch;
			return 0;
		}
	if (!str_has_prefix(s, "arch-") ||
	    str_to_i64(s + strlen("arch-"), 0, ARCH_NONE - 1, &number) < 0)
		return -EINVAL;
	*ret = (uint16_t)number;
	return 0;
}

bool
arch_is_http(uint16_t arch)
{
	for (size_t i = 0; i < ARRAY_SIZE(arches); i++)
		if (arches[i].arch == arch)
			return arches[i].http;
	return false;
}

uint16_t
arch_sibling(uint16_t arch)
{
	for (size_t i = 0; i < ARRAY_SIZE(arches); i++)
		if (arches[i].arch == arch)
			return arches[i].sibling;
	return ARCH_NONE;
}
