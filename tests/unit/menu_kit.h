/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A small site with a menu: one image of each kind that a menu treats in its own way. */
#ifndef TESTS_UNIT_MENU_KIT_H
#define TESTS_UNIT_MENU_KIT_H

#include <stdlib.h>
#include <string.h>

#include "lib/bundle.h"
#include "lib/str.h"

static inline void
menu_kit_add(struct bundle_site *s, const char *name, const char *kind,
    const char *kernel, const char *initrd, const char *args)
{
	struct bundle_image *b = &s->menu_images[s->n_menu_images++];

	*b = (struct bundle_image){.n_initrds = initrd ? 1 : 0};
	str_clip(b->name, sizeof(b->name), name);
	str_clip(b->kind, sizeof(b->kind), kind);
	str_clip(b->args, sizeof(b->args), args);
	str_clip(b->kernel.name, sizeof(b->kernel.name), kernel);
	str_clip(b->kernel.path, sizeof(b->kernel.path), "d/kernel");
	b->kernel.size = 10;
	if (!initrd)
		return;
	str_clip(b->initrds[0].name, sizeof(b->initrds[0].name), initrd);
	str_clip(b->initrds[0].path, sizeof(b->initrds[0].path), "d/initrd");
	b->n_files = 1;
	str_clip(b->files[0].name, sizeof(b->files[0].name), "root.sqfs");
	str_clip(b->files[0].path, sizeof(b->files[0].path), "d/root");
}

static inline struct bundle_site *
menu_kit_site(void)
{
	struct bundle_site *s = str_alloc(sizeof(*s));

	str_clip(s->name, sizeof(s->name), "los");
	bundle_menu_init(&s->menu);
	s->menu_images = str_alloc(8 * sizeof(*s->menu_images));
	menu_kit_add(
	    s, "grml", "live", "vmlinuz", "initrd.img", "boot=live setkmap=${kbmap}");
	menu_kit_add(s, "efishell", "tool", "shellx64.efi", NULL, "");
	menu_kit_add(s, "memdisk", "tool", "memdisk", NULL, "iso");
	menu_kit_add(s, "install", "reinstall", "linux", "initrd.gz", "");
	return s;
}

static inline void
menu_kit_free(struct bundle_site *s)
{
	free(s->menu_images);
	free(s);
}

#endif
