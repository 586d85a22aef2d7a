/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The families of images that can be imported, as data: one row a layout, a family's best layout first.
 *
 * Entry points: import_table and import_table_n; import_recipes.c alone reads them.
 * Ownership: constants.
 * Failure modes: none; tests/unit/ctl/import_recipes_test.c has a listing of each row.
 *
 * Patterns are those of fnmatch(3), where '*' also takes a '/'. The arguments are those of boot.md 1.12 and of
 * the article. BOOTIF=01-${netX/mac:hexhyp} and netboot.report= are not among them: the boot script adds
 * them. live-boot takes the ending of a URL for the kind of file, so that names keep theirs; a client that
 * appends a path to a folder (archiso, nocloud, Anaconda) is given ${files}/. What a system takes for its ip= differs:
 * dracut (Anaconda) has dhcp6 (dracut.cmdline(7)), Ubuntu's initramfs-tools ip6= (as MAAS uses it, canonical/cloud-init
 * #2756); archiso and live-boot know klibc's or mkinitcpio's ipconfig alone, which has no IPv6.
 */
#include "ctl/import_table.h"

#define FOLDER "${files}/"
#define LIVE "boot=live noprompt noeject "

/* What it asks for is what a first installation cannot do without. It does nothing unless the agent has filled it
 * in: as it stands, ${report} would be empty to the installer's shell. The disk is named by the host's label, so
 * that no host is overwritten whose disk nobody has named. */
static const char preseed[] =
    "# Answers for the Debian installer, filled in for each job by netboot-agent. A "
    "dollar that is to stay\n"
    "# one before a brace is written $$. See netboot-inventory(5) for the names.\n"
    "#\n"
    "# Order: netboot-ctl host set HOST --label disk=/dev/sda; a host without it is "
    "refused in preflight.\n"
    "d-i preseed/early_command string case \"${report}\" in http*/report/?*) ;; *) "
    "logger -t netboot \"no ticket: nothing is installed\"; poweroff -f;; esac\n"
    "d-i debian-installer/locale string en_US.UTF-8\n"
    "d-i keyboard-configuration/xkb-keymap select us\n"
    "d-i netcfg/choose_interface select auto\n"
    "d-i netcfg/get_hostname string ${host.name}\n"
    "d-i hw-detect/load_firmware boolean true\n"
    "d-i mirror/country string manual\n"
    "d-i mirror/http/hostname string deb.debian.org\n"
    "d-i mirror/http/directory string /debian\n"
    "d-i mirror/http/proxy string\n"
    "d-i clock-setup/utc boolean true\n"
    "d-i time/zone string Etc/UTC\n"
    "# No password fits: put a key in with late_command, or a hash here.\n"
    "d-i passwd/root-login boolean false\n"
    "d-i passwd/user-fullname string Administrator\n"
    "d-i passwd/username string admin\n"
    "d-i passwd/user-password-crypted password !\n"
    "d-i partman-auto/disk string ${host.label.disk}\n"
    "d-i partman-auto/method string regular\n"
    "d-i partman-auto/choose_recipe select atomic\n"
    "d-i partman-partitioning/confirm_write_new_label boolean true\n"
    "d-i partman-lvm/device_remove_lvm boolean true\n"
    "d-i partman-md/device_remove_md boolean true\n"
    "d-i partman-efi/non_efi_system boolean true\n"
    "d-i partman/choose_partition select finish\n"
    "d-i partman/confirm boolean true\n"
    "d-i partman/confirm_nooverwrite boolean true\n"
    "tasksel tasksel/first multiselect standard\n"
    "d-i pkgsel/include string openssh-server wget\n"
    "popularity-contest popularity-contest/participate boolean false\n"
    "d-i grub-installer/only_debian boolean true\n"
    "d-i grub-installer/bootdev string ${host.label.disk}\n"
    "d-i finish-install/reboot_in_progress note\n"
    "d-i preseed/late_command string in-target wget -qO- --post-data= "
    "${report}/installed\n";

static const char meta_data[] =
    "instance-id: ${host.name}\nlocal-hostname: ${host.name}\n";

#define COPY(kind, pattern, url, path)                                   \
	{                                                                \
		.role = kind, .glob = pattern, .name = url, .dest = path \
	}
#define KERNEL(glob) COPY(IMPORT_KERNEL, glob, "vmlinuz", NULL)
#define INITRD(glob, name) COPY(IMPORT_INITRD, glob, name, NULL)
#define DATA(glob, name) COPY(IMPORT_FILE, glob, name, NULL)
/* Where an NFS client of that family looks for it. */
#define ROOT(glob, name) COPY(IMPORT_FILE, glob, name, "live/" name)
/* The operator's text, or this one; NULL: there is none without the operator. */
#define ANSWERS(url, answers)                                                     \
	{                                                                         \
		.role = IMPORT_FILE, .name = url, .source = IMPORT_TABLE_ANSWERS, \
		.text = answers                                                   \
	}
#define TEXT(url, content)                                                     \
	{                                                                      \
		.role = IMPORT_FILE, .name = url, .source = IMPORT_TABLE_TEXT, \
		.text = content                                                \
	}
#define WHOLE(url)                                                             \
	{                                                                      \
		.role = IMPORT_FILE, .name = url, .source = IMPORT_TABLE_WHOLE \
	}

/* live-boot: the same files, wherever the kernel lies. */
#define LIVE_BOOT(kernel, initrd, more)                               \
	.files = {KERNEL(kernel), INITRD(initrd, "initrd.img"),       \
	    ROOT("live/filesystem.squashfs", "filesystem.squashfs")}, \
	.args = LIVE more "fetch=${file.filesystem.squashfs}",        \
	.nfs = LIVE more "netboot=nfs nfsroot=${nfs}"

/* Without a router on the link it would ask whether to go on, of nobody (seen in tests/lab/test_debian.py). */
#define INSTALLER(kernel, initrd)                                                    \
	.files = {KERNEL(kernel), INITRD(initrd, "initrd.gz"),                       \
	    ANSWERS("preseed.cfg", preseed)},                                        \
	.installs = true,                                                            \
	.args = "auto=true priority=critical interface=auto netcfg/dhcp_timeout=60 " \
		"netcfg/no_default_route=true hostname=${host.name} "                \
		"url=${file.preseed.cfg}"

#define MEMTEST(pattern, url, fw)                                              \
	{                                                                      \
		.family = "memtest", .title = "memtest86+", .kind = "tool",    \
		.marks = {pattern}, .firmware = fw,                            \
		.files = {COPY(IMPORT_KERNEL, pattern, url, NULL)}, .args = "" \
	}

const struct import_table import_table[] = {
    {.family = "sysrescue",
	.title = "SystemRescue",
	.kind = "rescue",
	.marks = {"sysresccd/x86_64/airootfs.sfs"},
	.files = {KERNEL("sysresccd/boot/x86_64/vmlinuz"),
	    INITRD("sysresccd/boot/intel_ucode.img", "intel_ucode.img"),
	    INITRD("sysresccd/boot/amd_ucode.img", "amd_ucode.img"),
	    INITRD("sysresccd/boot/x86_64/sysresccd.img", "sysresccd.img"),
	    DATA("sysresccd/x86_64/airootfs.sfs", "sysresccd/x86_64/airootfs.sfs"),
	    DATA("sysresccd/x86_64/airootfs.sha512", "sysresccd/x86_64/airootfs.sha512")},
	.args = "archisobasedir=sysresccd ip=dhcp checksum archiso_http_srv=" FOLDER,
	.nfs = "archisobasedir=sysresccd ip=dhcp checksum archiso_nfs_srv=${nfs}"},
    {.family = "grml",
	.title = "Grml",
	.kind = "rescue",
	.marks = {"boot/grml*/vmlinuz*", "live/grml*/grml*.squashfs"},
	.files = {KERNEL("boot/grml*/vmlinuz*"),
	    INITRD("boot/grml*/initrd*", "initrd.img"),
	    ROOT("live/grml*/grml*.squashfs", "grml.squashfs")},
	.args = LIVE "fetch=${file.grml.squashfs}",
	.nfs = LIVE "netboot=nfs nfsroot=${nfs} live-media-path=/live/"},
    {.family = "gparted",
	.title = "GParted Live",
	.kind = "rescue",
	.marks = {"GParted-Live-Version", "live/filesystem.squashfs"},
	LIVE_BOOT("live/vmlinuz*", "live/initrd*",
	    "config components union=overlay username=user noswap vga=788 ")},
    {.family = "debian-live",
	.title = "Debian live",
	.kind = "live",
	.marks = {"live/vmlinuz", "live/filesystem.squashfs"},
	.not = "GParted-Live-Version",
	LIVE_BOOT("live/vmlinuz", "live/initrd.img", "components ")},
    {.family = "debian-live",
	.title = "Debian live",
	.kind = "live",
	.marks = {"live/vmlinuz-*", "live/filesystem.squashfs"},
	.not = "GParted-Live-Version",
	LIVE_BOOT("live/vmlinuz-*", "live/initrd.img-*", "components ")},
    /* The initrd of an installation CD wants its CD: only those of the network are of use. */
    {.family = "debian-installer",
	.title = "Debian installer",
	.kind = "reinstall",
	.marks = {"debian-installer/*/linux", "debian-installer/*/initrd.gz"},
	INSTALLER("debian-installer/*/linux", "debian-installer/*/initrd.gz")},
    {.family = "debian-installer",
	.title = "Debian installer",
	.kind = "reinstall",
	.marks = {"*text/debian-installer/*/linux", "*text/debian-installer/*/initrd.gz"},
	INSTALLER(
	    "*text/debian-installer/*/linux", "*text/debian-installer/*/initrd.gz")},
    {.family = "debian-installer",
	.title = "Debian installer",
	.kind = "reinstall",
	.marks = {"linux", "initrd.gz"},
	INSTALLER("linux", "initrd.gz")},
    {.family = "kickstart",
	.title = "Anaconda",
	.kind = "reinstall",
	.marks = {"images/pxeboot/vmlinuz", "images/install.img", ".treeinfo"},
	.files = {KERNEL("images/pxeboot/vmlinuz"),
	    INITRD("images/pxeboot/initrd.img", "initrd.img"),
	    DATA("images/install.img", "images/install.img"),
	    DATA(".treeinfo", ".treeinfo"), ANSWERS("ks.cfg", NULL)},
	.args =
	    "ip=${net.dhcp} rd.bootif=1 inst.stage2=" FOLDER " inst.ks=${file.ks.cfg}",
	.installs = true},
    {.family = "autoinstall",
	.title = "Ubuntu Server",
	.kind = "reinstall",
	.marks = {"casper/vmlinuz", "casper/initrd"},
	.files = {KERNEL("casper/vmlinuz"), INITRD("casper/initrd", "initrd"),
	    WHOLE("ubuntu.iso"), ANSWERS("user-data", NULL),
	    TEXT("meta-data", meta_data)},
	.args = "ip=${net.ip} ip6=${net.ip6} url=${file.ubuntu.iso} autoinstall "
		"cloud-config-url=/dev/null ds=nocloud-net;s=" FOLDER,
	.installs = true},
    /* For UEFI the program with the PE header, for BIOS the Linux-like one; since version 7 one is both. */
    MEMTEST("*mt86p*x86_64*", "memtest", 0),
    MEMTEST("*memtest86+x64.efi", "memtest.efi", 'u'),
    MEMTEST("*memtest86+x64.bin", "memtest.bin", 'b'),
    MEMTEST("*memtest64.efi", "memtest.efi", 'u'),
    MEMTEST("*memtest64.bin", "memtest.bin", 'b'),
    {.family = "efi-file",
	.title = "an EFI program",
	.kind = "tool",
	.marks = {"*.efi"},
	.vague = true,
	.files = {COPY(IMPORT_KERNEL, "*.efi", NULL, NULL)},
	.args = ""},
};

const size_t import_table_n = ARRAY_SIZE(import_table);
