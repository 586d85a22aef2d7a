/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ctl/import_recipes.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/import_table.h"
#include "lib/bundle.h"
#include "lib/str.h"

enum { PATHS = 12 };

/* What each family's medium holds, with some of what else lies there. */
static const struct row {
	const char *family;
	const char *paths[PATHS]; /* sorted */
	struct import_opts opts;
	bool iso;
	const char *files; /* "NAME<PATH" of the plan, initrds after kernel */
	const char *args;
} rows[] = {
    {"sysrescue",
	{"EFI/BOOT/bootx64.efi", "sysresccd/VERSION", "sysresccd/boot/amd_ucode.img",
	    "sysresccd/boot/intel_ucode.img", "sysresccd/boot/x86_64/sysresccd.img",
	    "sysresccd/boot/x86_64/vmlinuz", "sysresccd/x86_64/airootfs.sfs",
	    "sysresccd/x86_64/airootfs.sha512"},
	{0}, true,
	"vmlinuz<sysresccd/boot/x86_64/vmlinuz "
	"intel_ucode.img<sysresccd/boot/intel_ucode.img "
	"amd_ucode.img<sysresccd/boot/amd_ucode.img "
	"sysresccd.img<sysresccd/boot/x86_64/sysresccd.img "
	"sysresccd/x86_64/airootfs.sfs<sysresccd/x86_64/airootfs.sfs "
	"sysresccd/x86_64/airootfs.sha512<sysresccd/x86_64/airootfs.sha512 ",
	"archisobasedir=sysresccd ip=dhcp checksum "
	"archiso_http_srv=${files}/"},
    {"grml",
	{"GRML/grml64-full/grml-version", "boot/grml64full/initrd.img",
	    "boot/grml64full/vmlinuz", "live/grml64-full/filesystem.module",
	    "live/grml64-full/grml64-full.squashfs"},
	{0}, true,
	"vmlinuz<boot/grml64full/vmlinuz initrd.img<boot/grml64full/initrd.img "
	"grml.squashfs<live/grml64-full/grml64-full.squashfs ",
	"boot=live noprompt noeject fetch=${file.grml.squashfs}"},
    {"grml",
	{"boot/grml32full/initrd.img", "boot/grml32full/vmlinuz",
	    "boot/grml64full/initrd.img", "boot/grml64full/vmlinuz",
	    "live/grml32-full/grml32-full.squashfs",
	    "live/grml64-full/grml64-full.squashfs"},
	{.pick = "grml64", .nfs = true, .append = "ssh=x"}, true,
	"vmlinuz<boot/grml64full/vmlinuz initrd.img<boot/grml64full/initrd.img "
	"grml.squashfs<live/grml64-full/grml64-full.squashfs ",
	"boot=live noprompt noeject netboot=nfs nfsroot=${nfs} live-media-path=/live/ "
	"ssh=x"},
    {"gparted",
	{"GParted-Live-Version", "live/filesystem.squashfs", "live/initrd.img",
	    "live/vmlinuz"},
	{0}, true,
	"vmlinuz<live/vmlinuz initrd.img<live/initrd.img "
	"filesystem.squashfs<live/filesystem.squashfs ",
	"boot=live noprompt noeject config components union=overlay username=user noswap "
	"vga=788 fetch=${file.filesystem.squashfs}"},
    {"debian-live",
	{".disk/info", "live/filesystem.squashfs", "live/initrd.img",
	    "live/initrd.img-6.1.0-13-amd64", "live/vmlinuz",
	    "live/vmlinuz-6.1.0-13-amd64"},
	{0}, true,
	"vmlinuz<live/vmlinuz initrd.img<live/initrd.img "
	"filesystem.squashfs<live/filesystem.squashfs ",
	"boot=live noprompt noeject components fetch=${file.filesystem.squashfs}"},
    {"debian-live",
	{"live/filesystem.squashfs", "live/initrd.img-6.1.0-13-amd64",
	    "live/vmlinuz-6.1.0-13-amd64"},
	{.nfs = true}, false,
	"vmlinuz<live/vmlinuz-6.1.0-13-amd64 initrd.img<live/initrd.img-6.1.0-13-amd64 "
	"filesystem.squashfs<live/filesystem.squashfs ",
	"boot=live noprompt noeject components netboot=nfs nfsroot=${nfs}"},
    {"debian-installer",
	{"gtk/debian-installer/amd64/initrd.gz", "gtk/debian-installer/amd64/linux",
	    "text/debian-installer/amd64/initrd.gz", "text/debian-installer/amd64/linux"},
	{0}, false,
	"vmlinuz<text/debian-installer/amd64/linux "
	"initrd.gz<text/debian-installer/amd64/initrd.gz preseed.cfg<- ",
	"auto=true priority=critical interface=auto netcfg/dhcp_timeout=60 "
	"netcfg/no_default_route=true hostname=${host.name} url=${file.preseed.cfg}"},
    {"debian-installer",
	{"debian-installer/amd64/initrd.gz", "debian-installer/amd64/linux",
	    "pxelinux.0"},
	{.append = "console=ttyS0"}, false,
	"vmlinuz<debian-installer/amd64/linux initrd.gz<debian-installer/amd64/initrd.gz "
	"preseed.cfg<- ",
	"auto=true priority=critical interface=auto netcfg/dhcp_timeout=60 "
	"netcfg/no_default_route=true hostname=${host.name} url=${file.preseed.cfg} "
	"console=ttyS0"},
    {"debian-installer", {".disk/info", "initrd.gz", "linux"}, {.text = "mine"}, true,
	"vmlinuz<linux initrd.gz<initrd.gz preseed.cfg<- ",
	"auto=true priority=critical interface=auto netcfg/dhcp_timeout=60 "
	"netcfg/no_default_route=true hostname=${host.name} url=${file.preseed.cfg}"},
    {"kickstart",
	{".treeinfo", "images/install.img", "images/pxeboot/initrd.img",
	    "images/pxeboot/vmlinuz"},
	{.text = "mine"}, true,
	"vmlinuz<images/pxeboot/vmlinuz initrd.img<images/pxeboot/initrd.img "
	"images/install.img<images/install.img .treeinfo<.treeinfo ks.cfg<- ",
	"ip=${net.dhcp} rd.bootif=1 inst.stage2=${files}/ inst.ks=${file.ks.cfg}"},
    {"autoinstall", {"casper/initrd", "casper/vmlinuz"}, {.text = "mine"}, true,
	"vmlinuz<casper/vmlinuz initrd<casper/initrd ubuntu.iso<- user-data<- "
	"meta-data<- ",
	"ip=${net.ip} ip6=${net.ip6} url=${file.ubuntu.iso} autoinstall "
	"cloud-config-url=/dev/null ds=nocloud-net;s=${files}/"},
    {"memtest", {"memtest86+x64.bin", "memtest86+x64.efi", "vmlinuz-6"}, {0}, false,
	"memtest.efi<memtest86+x64.efi ", ""},
    {"memtest", {"memtest86+x64.bin", "memtest86+x64.efi"}, {.bios = true}, false,
	"memtest.bin<memtest86+x64.bin ", ""},
    {"memtest", {"mt86p_800_x86_64"}, {.bios = true, .append = "console=ttyS0"}, false,
	"memtest<mt86p_800_x86_64 ", "console=ttyS0"},
    {"efi-file", {"Shell.EFI"}, {0}, false, "Shell.EFI<Shell.EFI ", ""},
};

struct made {
	struct import_entry entries[PATHS];
	struct import_listing l;
};

static void
make_listing(const char *const *paths, bool iso, struct made *m)
{
	memset(m, 0, sizeof(*m));
	m->l = (struct import_listing){
	    .entries = m->entries, .source = "/x", .archive = iso ? "/x" : NULL};
	for (; m->l.n < PATHS && paths[m->l.n] != NULL; m->l.n++) {
		char *path = (char *)(uintptr_t)paths[m->l.n];

		m->entries[m->l.n] =
		    (struct import_entry){.path = path, .data = path, .size = 1};
	}
}

/* Every ${name} of the arguments exists, as the orchestrator will see it. */
static void
check_names(const struct import_plan *p)
{
	struct bundle_image *image = str_alloc(sizeof(*image));
	struct error err = {.text = ""};

	str_clip(image->args, sizeof(image->args), p->args);
	str_clip(image->nfs_root, sizeof(image->nfs_root), p->nfs ? "x" : "");
	for (size_t i = 0; i < p->n; i++)
		if (p->files[i].role == IMPORT_FILE)
			str_clip(
			    image->files[image->n_files++].name, 64, p->files[i].name);
	if (bundle_image_args_check(image, &err) < 0)
		fail_msg("%s: %s", p->args, err.text);
	free(image);
}

static void
each_family_from_what_it_publishes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		char files[600] = "";
		struct import_plan p;
		struct error err = {.text = ""};
		struct made m;

		make_listing(row->paths, row->iso, &m);
		if (import_recipes_plan(row->family, &m.l, &row->opts, &p, &err) < 0)
			fail_msg("row %zu: %s", i, err.text);
		for (size_t k = 0; k < p.n; k++)
			snprintf(files + strlen(files), sizeof(files) - strlen(files),
			    "%s<%s ", p.files[k].name,
			    p.files[k].from != NULL ? p.files[k].from->path : "-");
		assert_string_equal(files, row->files);
		assert_string_equal(p.args, row->args);
		assert_int_equal(p.nfs, row->opts.nfs);
		check_names(&p);
		if (!str_eq(row->family, "efi-file"))
			assert_string_equal(import_recipes_guess(&m.l), row->family);
	}
	/* Every row of the table is among these. */
	for (size_t t = 0; t < import_table_n; t++) {
		bool seen = false;

		for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
			seen |= str_eq(rows[i].family, import_table[t].family);
		assert_true(seen);
	}
}

static void
refused(const char *family, const char *const *paths, const struct import_opts *opts,
    const char *code, const char *part)
{
	struct import_plan p = {.n = 77};
	struct error err = {.text = ""};
	struct made m;

	make_listing(paths, false, &m);
	assert_int_equal(import_recipes_plan(family, &m.l, opts, &p, &err), -EINVAL);
	assert_string_equal(err.code, code);
	if (strstr(err.text, part) == NULL && strstr(err.next, part) == NULL)
		fail_msg("no \"%s\" in: %s: %s", part, err.text, err.next);
	assert_string_not_equal(err.next, "");
	assert_int_equal(p.n, 77);
}

static void
what_is_wrong_is_said(void **state)
{
	static const char *const grml[] = {"boot/grml32full/initrd.img",
	    "boot/grml32full/vmlinuz", "boot/grml64full/initrd.img",
	    "boot/grml64full/vmlinuz", "live/grml32-full/grml32-full.squashfs",
	    "live/grml64-full/grml64-full.squashfs", NULL};
	static const char *const gparted[] = {"GParted-Live-Version",
	    "live/filesystem.squashfs", "live/initrd.img", "live/vmlinuz", NULL};
	static const char *const cd[] = {"dists/x", "install.amd/initrd.gz",
	    "install.amd/vmlinuz", "md5sum.txt", NULL};
	static const char *const half[] = {
	    "sysresccd/boot/x86_64/vmlinuz", "sysresccd/x86_64/airootfs.sfs", NULL};
	static const char *const ubuntu[] = {"casper/initrd", "casper/vmlinuz", NULL};
	static const char *const none[] = {NULL};
	const struct import_opts plain = {0}, nfs = {.nfs = true}, text = {.text = "x"},
				 pick = {.pick = "amd64"};

	(void)state;
	refused("gril", grml, &plain, "import-family", "|grml|");
	refused("sysrescue", grml, &plain, "import-wrong", "looks like grml");
	refused("sysrescue", grml, &plain, "import-wrong", "there is boot/, live/");
	refused("sysrescue", grml, &plain, "import-wrong",
	    "no sysresccd/x86_64/airootfs.sfs");
	refused("debian-live", gparted, &plain, "import-wrong", "GParted-Live-Version");
	refused("debian-installer", cd, &plain, "import-wrong", "CD wants its CD");
	refused(
	    "sysrescue", half, &plain, "import-wrong", "no sysresccd/boot/intel_ucode");
	refused("memtest", none, &plain, "import-wrong", "there is nothing");
	refused("grml", grml, &plain, "import-ambiguous", "boot/grml64full/vmlinuz");
	refused("grml", grml, &pick, "import-wrong", "\"amd64\"");
	refused("grml", grml, &text, "usage", "takes no template");
	refused("autoinstall", ubuntu, &plain, "import-wrong", "whole ISO");
	refused("autoinstall", ubuntu, &nfs, "usage", "--nfs");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_family_from_what_it_publishes),
	    cmocka_unit_test(what_is_wrong_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
