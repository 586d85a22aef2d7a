/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is looked for on consoles.
 *
 * Entry points: console_watch_table[].
 * Ownership: constants.
 * Failure modes: a pattern that is too wide tells noise: each is taken from the program that prints it, which its
 * group names, and is long enough to be said on purpose. The first row that fits a line wins.
 */
#include "agent/console_watch.h"

#include "lib/compiler.h"

const struct console_watch_pattern console_watch_table[] = {
    /* iPXE: every error ends in an address that explains it (https://ipxe.org/err). */
    {"ipxe", "ipxe.org/########", "iPXE met an error; the address explains it"},
    {"ipxe", "No more network devices", "iPXE has tried all network ports in vain"},
    {"ipxe", "Could not boot: ", "iPXE could not boot"},
    {"ipxe", "Nothing to boot: ", "iPXE was given nothing to boot"},
    /* PXE ROMs and the PXE stack of UEFI (Intel's PXE 2.1 and UNDI specifications; EDK2 PxeBcBoot.c). */
    {"firmware-pxe", "PXE-E%%", "the firmware's network boot met an error"},
    {"firmware-pxe", "PXE-M0F", "the firmware gave up its network boot"},
    {"firmware-pxe", "PXE-T%%", "the TFTP server refused the firmware"},
    {"firmware-pxe", "Server response timeout",
	"the firmware's network boot got no answer"},
    {"firmware-pxe", "Error: Could not retrieve NBP file size",
	"the firmware could not ask for the loader"},
    {"firmware-pxe", "Error: Server response timeout",
	"the firmware's HTTP boot got no answer"},
    /* EDK2, AMI and Phoenix firmware, shim. */
    {"secure-boot", "Security Violation", "the firmware does not trust the loader"},
    {"secure-boot", "Secure Boot Violation", "the firmware does not trust the loader"},
    {"secure-boot", "bad shim signature", "shim does not trust the kernel"},
    {"secure-boot", "failed to load Boot####*Access Denied",
	"the firmware does not trust the loader"},
    {"no-boot", "No bootable device", "the firmware found nothing to boot"},
    {"no-boot", "No bootable option or device", "the firmware found nothing to boot"},
    {"no-boot", "No boot device", "the firmware found nothing to boot"},
    {"no-boot", "Reboot and Select proper Boot device",
	"the firmware found nothing to boot"},
    {"no-boot", "Operating System not found", "the disk has no system"},
    {"no-boot", "Missing operating system", "the disk has no system"},
    {"no-boot", "Invalid partition table", "the disk's partition table is broken"},
    {"no-boot", "grub rescue>", "GRUB does not find its files"},
    {"no-boot", "error: no such device", "GRUB does not find its disk"},
    {"no-boot", "Minimal BASH-like line editing", "GRUB has no configuration"},
    {"no-boot", "UEFI Interactive Shell", "the firmware started its shell"},
    /* Linux: kernel/panic.c, arch/x86/mm/fault.c, init/do_mounts.c, mm/oom_kill.c, kernel/watchdog.c, kernel/hung_task.c,
       kernel/rcu/tree_stall.h, drivers/edac. */
    {"panic", "Kernel panic - not syncing", "the kernel stopped"},
    {"panic", "Unable to mount root fs", "the kernel did not find its root file system"},
    {"panic", "BUG: unable to handle", "the kernel met a fault"},
    {"panic", "BUG: kernel NULL pointer", "the kernel met a fault"},
    {"panic", "Oops: ####", "the kernel met a fault"},
    {"panic", "kernel BUG at ", "the kernel met a fault"},
    {"panic", "general protection fault*: ####", "the kernel met a fault"},
    {"panic", "panic: *cpuid", "a BSD kernel stopped"},
    {"memory", "Out of memory: Kill", "memory ran out; a process was killed"},
    {"memory", "invoked oom-killer", "memory ran out"},
    {"memory", "System is deadlocked on memory", "memory ran out"},
    {"watchdog", "watchdog: BUG: soft lockup", "a processor is stuck"},
    {"watchdog", "NMI watchdog: *LOCKUP", "a processor is stuck"},
    {"watchdog", "Watchdog detected hard LOCKUP", "a processor is stuck"},
    {"watchdog", "rcu*detected stall", "a processor is stuck"},
    {"watchdog", "blocked for more than %*seconds", "a process is stuck"},
    {"hardware", "[Hardware Error]", "the hardware reports an error"},
    {"hardware", "Machine Check Exception", "a processor reports an error"},
    {"hardware", "EDAC*UE ", "memory reports an error that it could not correct"},
    {"hardware", "Uncorrectable*ECC",
	"memory reports an error that it could not correct"},
    {"hardware", "AER: Uncorrect", "a PCIe device reports an error"},
    {"disk", "I/O error, dev ", "a disk cannot be read or written"},
    {"disk", "EXT4-fs error", "a file system is damaged"},
    {"disk", "XFS*Corruption", "a file system is damaged"},
    {"disk", "UNEXPECTED INCONSISTENCY", "a file system has to be repaired by hand"},
    /* initramfs-tools, dracut, systemd, live-boot. */
    {"stuck", "(initramfs)", "the system did not come up: a shell of its initrd waits"},
    {"stuck", "Entering emergency mode", "the system did not come up: a shell waits"},
    {"stuck", "You are in emergency mode", "the system did not come up: a shell waits"},
    {"stuck", "Give root password for maintenance", "the system waits for a password"},
    {"stuck", "Unable to find a medium containing a live file system",
	"the live system did not find its files"},
    {"stuck", "Could not boot.", "dracut did not find the root file system"},
    /* So does each unit that has none, an installer or a disk check at work among them. */
    {"", "A start job is running for*no limit", "systemd waits without a limit"},
    /* A passphrase is asked for: cryptsetup, GRUB. */
    {"prompt", "Please unlock disk", "the disk's passphrase is asked for"},
    {"prompt", "Enter passphrase for", "the disk's passphrase is asked for"},
    /* Firmware of all makers, boot loaders, kernels. */
    {"prompt", "press any key", "somebody is to press a key"},
    {"prompt", "hit any key", "somebody is to press a key"},
    {"prompt", "strike any key", "somebody is to press a key"},
    {"prompt", "press enter to continue", "somebody is to press a key"},
    {"prompt", "Strike the F1 key", "the firmware waits for a key"},
    /* "Press F1 to enter Setup" is in each POST, and waits for nobody. */
    {"prompt", "F1 to continue", "the firmware waits for a key"},
    {"prompt", "F1 to resume", "the firmware waits for a key"},
    {"prompt", "F1 to Run SETUP", "the firmware waits for a key"},
    {"prompt", "F1> to continue", "the firmware waits for a key"},
    {"prompt", "F1> to resume", "the firmware waits for a key"},
    {"prompt", "Alert! *Continue", "the firmware waits for a key"},
    /* debian-installer marks questions of high and critical priority so; anaconda; subiquity. */
    {"installer", "[!!] ", "the installer has a question"},
    {"installer", "[!] ", "the installer has a question"},
    {"installer", "Installation step failed", "the installer failed"},
    {"installer", "Pane is dead", "anaconda ended"},
    {"installer", "Please make a selection from the above", "anaconda has a question"},
    {"installer", "Continue with autoinstall?", "subiquity has a question"},
    {"installer", "Installation complete", "the installer is through"},
    /* agetty, and a getty that was renamed. */
    {"", "Last login:", "somebody is at work there"},
    {"login", " login:", "a system is up and offers its login"},
};
const size_t console_watch_table_n = ARRAY_SIZE(console_watch_table);
