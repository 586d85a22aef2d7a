/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The octets of boot option 5 that a sequence sets, and whether those read back are them.
 *
 * Entry points: bmc_seq_flags_wanted(), bmc_seq_flags_kept(). Nothing is owned, nothing fails: what differs is for
 * bmc_seq.c to repeat or to tell. */
#include "agent/bmc_seq_flags.h"

static bool
is_none(const struct bmc_seq *s)
{
	return s->boot == BMC_BOOT_NONE_EFI || s->boot == BMC_BOOT_NONE_BIOS;
}

/* The two octets of the boot flags that say something. */
void
bmc_seq_flags_wanted(const struct bmc_seq *s, uint8_t ret[2])
{
	bool bios = s->boot == BMC_BOOT_PXE_BIOS || s->boot == BMC_BOOT_NONE_BIOS;

	ret[0] = BMC_BOOTFLAG_VALID;
	/* A0h also for one boot: BMCs take "no EFI bit" for legacy boot. */
	if (!bios && s->variant != BMC_VARIANT_NO_EFI)
		ret[0] |= BMC_BOOTFLAG_EFI;
	if (s->variant == BMC_VARIANT_PERSISTENT && !is_none(s))
		ret[0] |= BMC_BOOTFLAG_PERSISTENT;
	ret[1] = 0;
	if (is_none(s))
		return;
	ret[1] = s->boot == BMC_BOOT_DISK_EFI
		     ? (uint8_t)s->manners->value[BMC_MANNER_DISK_SELECTOR]
		     : BMC_BOOTDEV_PXE << BMC_BOOTDEV_SHIFT;
}

/* Do the boot flags that were read back say what was set? The DHCP request that follows
 * judges the rest. */
bool
bmc_seq_flags_kept(const struct bmc_seq *s, const struct bmc_bootflags *f)
{
	uint8_t want[2];

	if (is_none(s)) /* some BMCs drop what means nothing */
		return !f->persistent || f->device == 0;
	bmc_seq_flags_wanted(s, want);
	if (f->device != ((want[1] >> BMC_BOOTDEV_SHIFT) & BMC_BOOTDEV_MASK))
		return false;
	return s->device_only ||
	       s->manners->value[BMC_MANNER_VERIFY] == BMC_VERIFY_DEVICE ||
	       (f->raw[0] & BMC_BOOTFLAGS_USED) == want[0];
}
