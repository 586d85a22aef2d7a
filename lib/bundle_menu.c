/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A site's boot menu: JSON <-> struct, and which images may stand in one.
 *
 * Entry points: bundle_menu_put(), bundle_menu_from_json(), bundle_menu_fits(),
 * bundle_menu_firmware(). Ownership: plain data.
 * Failure modes: -EINVAL with the member's path in *err, the result untouched.
 *
 * Whoever reaches a site's menu may start what it shows, without a ticket and as often as he likes. So an image
 * of kind reinstall never fits, and everybody who builds, carries or shows a menu asks bundle_menu_fits() again.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/bundle.h"
#include "lib/json.h"
#include "lib/str.h"
#include "lib/subst.h"

enum { TIMEOUT_MAX_S = 86400 };

static const char *const builtins[] = {"local", "shell", "config", "reboot", "exit"};

bool
bundle_menu_builtin(const char *item)
{
	for (size_t i = 0; i < ARRAY_SIZE(builtins); i++)
		if (str_eq(builtins[i], item))
			return true;
	return false;
}

bool
bundle_menu_has(const struct bundle_menu *m, const char *item)
{
	for (size_t i = 0; i < m->n_items; i++)
		if (str_eq(m->items[i], item))
			return true;
	return false;
}

void
bundle_menu_init(struct bundle_menu *m)
{
	*m = (struct bundle_menu){.set = true, .timeout_s = BUNDLE_MENU_TIMEOUT_S};
	str_clip(m->keymap, sizeof(m->keymap), "us");
	str_clip(m->def, sizeof(m->def), "local");
}

void
bundle_menu_put(json_t *v, const struct bundle_menu *m)
{
	json_t *menu, *items;

	if (!m->set)
		return;
	menu = json_object();
	items = json_array();
	for (size_t i = 0; i < m->n_items; i++)
		json_array_append_new(items, json_string(m->items[i]));
	json_put_str(menu, "title", m->title);
	json_put_str(menu, "keymap", m->keymap);
	json_put_i64(menu, "timeout_s", m->timeout_s);
	json_put_str(menu, "default", m->def);
	json_put(menu, "items", items);
	json_put(v, "menu", menu);
}

/* ---- reading ---- */

static int
bad(struct error *err, const char *next, const char *text)
{
	return error_set(err, -EINVAL, "bad-value", next, "%s", text);
}

/* The title stands in a line of an iPXE script, where "${", "||" and the like mean something. */
static bool
title_valid(const char *s)
{
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr(" .,:;!?()/+_-", *s))
			return false;
	return true;
}

static bool
keymap_valid(const char *s)
{
	for (const char *p = s; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("_-", *p))
			return false;
	return *s != '\0';
}

static int
read_items(const json_t *v, struct bundle_menu *m, struct error *err)
{
	json_t *list = NULL;

	if (json_opt_arr(v, "items", &list, err) < 0)
		return -EINVAL;
	if (json_array_size(list) > BUNDLE_MENU_ITEMS_MAX)
		return error_set(err, -EINVAL, "bad-value", NULL, "items: more than %d",
		    BUNDLE_MENU_ITEMS_MAX);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));

		if (!str_name_valid(name) ||
		    str_copy(m->items[i], sizeof(m->items[i]), name) < 0)
			return error_set(err, -EINVAL, "bad-value",
			    "give the name of an image, or local, shell, config, reboot "
			    "or exit",
			    "items[%zu]: not an item's name", i);
		if (bundle_menu_has(m, name))
			return error_set(err, -EINVAL, "bad-value", "remove one of them",
			    "items[%zu]: %s is there twice", i, name);
		m->n_items++;
	}
	return 0;
}

static int
read_menu(const json_t *v, struct bundle_menu *m, struct error *err)
{
	if (json_copy_opt(v, "title", m->title, sizeof(m->title), err) < 0 ||
	    json_copy_opt(v, "keymap", m->keymap, sizeof(m->keymap), err) < 0 ||
	    json_opt_i64(v, "timeout_s", &m->timeout_s, err) < 0 ||
	    json_copy_opt(v, "default", m->def, sizeof(m->def), err) < 0 ||
	    read_items(v, m, err) < 0)
		return -EINVAL;
	if (m->keymap[0] == '\0')
		str_clip(m->keymap, sizeof(m->keymap), "us");
	if (m->def[0] == '\0')
		str_clip(m->def, sizeof(m->def), "local");
	if (!title_valid(m->title))
		return bad(err, "use letters, digits, blanks and .,:;!?()/+_-",
		    "title: cannot stand in an iPXE script");
	if (!keymap_valid(m->keymap))
		return bad(err, "give iPXE's name of it, such as us or de",
		    "keymap: not the name of a keyboard map");
	if (m->timeout_s < 0 || m->timeout_s > TIMEOUT_MAX_S)
		return error_set(err, -EINVAL, "bad-value", "0 waits for ever",
		    "timeout_s: not 0..%d seconds", TIMEOUT_MAX_S);
	/* The way to the disk is added where it is missing, any other item is not. */
	if (!str_eq(m->def, "local") &&
	    (!str_name_valid(m->def) || (m->n_items > 0 && !bundle_menu_has(m, m->def))))
		return bad(err, "name an item of the menu, or local",
		    "default: not an item of the menu");
	return 0;
}

int
bundle_menu_from_json(const json_t *v, struct bundle_menu *ret, struct error *err)
{
	struct bundle_menu *m;
	json_t *menu = NULL;
	int r;

	if (json_opt_obj(v, "menu", &menu, err) < 0)
		return -EINVAL;
	if (menu == NULL) {
		*ret = (struct bundle_menu){.set = false};
		return 0;
	}
	m = str_alloc(sizeof(*m));
	bundle_menu_init(m);
	r = read_menu(menu, m, err);
	if (r == 0)
		*ret = *m;
	else
		error_prefix(err, "menu");
	free(m);
	return r;
}

/* ---- which images fit ---- */

/* Of bundle_image_arg_names, those that the site or iPXE itself can fill in. */
static const char *const arg_names[] = {"image.name", "files", "site.name", "site.url",
    "site.server", "net.dhcp", "net.ip", "net.ip6", "mac", "mac.hexhyp"};

struct look_up {
	const struct bundle_image *image;
	char unfit[BUNDLE_NAME_SIZE];
};

static const char *
look_up_arg(void *arg, const char *name)
{
	struct look_up *l = arg;

	if (str_eq(name, "nfs") && l->image->nfs_root[0] != '\0')
		return "";
	for (size_t i = 0; i < ARRAY_SIZE(arg_names); i++)
		if (str_eq(arg_names[i], name))
			return "";
	if (str_has_prefix(name, "file."))
		return "";
	str_clip(l->unfit, sizeof(l->unfit), name);
	return NULL;
}

static int
check_args(const struct bundle_image *image, struct error *err)
{
	struct look_up l = {.image = image};
	char *text = NULL;
	struct error why;
	int r =
	    subst_expand(image->args, SUBST_KERNEL_ARGS, look_up_arg, &l, &text, &why);

	free(text);
	if (r == 0)
		return 0;
	if (l.unfit[0] != '\0')
		return error_set(err, -EINVAL, "menu-image",
		    "make another image without it for the menu",
		    "the arguments of image %s name ${%.64s}, which only a job has",
		    image->name, l.unfit);
	return error_set(err, -EINVAL, "menu-image", "correct the image's args",
	    "the arguments of image %s: %.200s", image->name, why.text);
}

/* A word of a command, and a path without a scheme. */
static bool
name_is_plain(const char *name)
{
	for (const char *p = name; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr("._+~@=,-", *p) == NULL)
			return false;
	return *name != '\0';
}

static int
check_files(const struct bundle_image *image, struct error *err)
{
	const char *odd = name_is_plain(image->kernel.name) ? NULL : image->kernel.name;

	for (size_t i = 0; i < image->n_initrds && odd == NULL; i++)
		if (!name_is_plain(image->initrds[i].name))
			odd = image->initrds[i].name;
	if (odd != NULL)
		return error_set(err, -EINVAL, "menu-image",
		    "rename the file to letters, digits and ._+~@=,- and add the image "
		    "again",
		    "the file %s of image %s cannot stand in a menu's script", odd,
		    image->name);
	for (size_t i = 0; i < image->n_files; i++)
		if (image->files[i].template)
			return error_set(err, -EINVAL, "menu-image",
			    "make another image without it for the menu",
			    "the file %s of image %s is made for each job",
			    image->files[i].name, image->name);
	return 0;
}

int
bundle_menu_allows(const struct bundle_image *image, struct error *err)
{
	if (!str_eq(image->kind, "live") && !str_eq(image->kind, "rescue") &&
	    !str_eq(image->kind, "tool"))
		return error_set(err, -EINVAL, "menu-image",
		    "a menu shows images of kind live, rescue and tool",
		    "image %s is of kind %s, which a menu never shows", image->name,
		    image->kind[0] ? image->kind : "none");
	if (bundle_menu_builtin(image->name))
		return error_set(err, -EINVAL, "menu-image", "give it another name",
		    "image %s has the name of a built-in item", image->name);
	return check_files(image, err);
}

int
bundle_menu_fits(const struct bundle_image *image, struct error *err)
{
	if (bundle_menu_allows(image, err) < 0)
		return -EINVAL;
	return check_args(image, err);
}

static bool
ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), k = strlen(end);

	return n > k && strcasecmp(s + n - k, end) == 0;
}

int
bundle_menu_firmware(const struct bundle_image *image)
{
	/* iPXE's formats of its BIOS builds, PXE programs, and the BIOS form of memtest86+ before 7. */
	static const char *const bios[] = {
	    ".bin", ".lkrn", ".pxe", ".kpxe", ".0", ".com", ".c32"};
	const char *name = image->kernel.name;

	if (ends_in(name, ".efi"))
		return BUNDLE_UEFI;
	for (size_t i = 0; i < ARRAY_SIZE(bios); i++)
		if (ends_in(name, bios[i]))
			return BUNDLE_BIOS;
	return str_eq(name, "memdisk") ? BUNDLE_BIOS : -1;
}
