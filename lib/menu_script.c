/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The menu's script, made from the site's menu and the images that it names.
 *
 * Entry points: menu_script_text(), menu_script_autoexec(); menu_script_image() for the paths below /m/.
 * Ownership: the text is the caller's. Failure modes: none; what cannot be offered is left out, and a default
 * that is left out becomes the way to the disk.
 *
 * The machine's own script comes first: an armed ticket decides, and so does every idle policy but menu. It
 * replaces this script, so that leaving it is not coming back. Debian's iPXE of 2019 runs all of this; commands that
 * an iPXE may lack end in "||", for an unknown command would end the script. Files are named by absolute paths
 * without a server, so that every address of ours that gave the script gives them too. No such path holds a colon,
 * which iPXE would take for the end of a scheme.
 */
#include "lib/menu_script.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/compiler.h"
#include "lib/json.h"
#include "lib/str.h"

/* An image takes at most its arguments, nine file names (twice the initrds') and its own name in each, and a line
 * in each of the two menus. */
enum {
	IMAGE_TEXT_MAX = BUNDLE_ARGS_MAX + 32 * (BUNDLE_NAME_SIZE + 2 * 64),
	TEXT_MAX = 8192 + BUNDLE_MENU_ITEMS_MAX * IMAGE_TEXT_MAX,
	DIGIT_KEYS = 9,
};

static const struct builtin {
	const char *name, *text;
	char key;
} builtins[] = {
    {"local", "Boot from disk", 'l'},
    {"config", "iPXE config tool", 'c'},
    {"shell", "iPXE shell", 's'},
    {"reboot", "Reboot", 'r'},
    {"exit", "Leave iPXE", 'x'},
};

static const char *const usual[] = {"local", "config", "shell"};

struct script {
	char *text;
	size_t len;
	const struct bundle_site *site;
	const bool *missing;
	/* What is offered, in order. */
	const char *items[2 * BUNDLE_MENU_ITEMS_MAX];
	size_t n_items;
};

static void PRINTF_LIKE(2, 3) add(struct script *s, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(s->text + s->len, TEXT_MAX - s->len, fmt, args);
	va_end(args);
	if (n > 0)
		s->len += (size_t)n;
	if (s->len >= TEXT_MAX)
		abort(); /* IMAGE_TEXT_MAX is wrong */
}

bool
menu_script_exists(const struct bundle_site *site)
{
	return site->menu.set;
}

const struct bundle_image *
menu_script_image(const struct bundle_site *site, const char *name)
{
	for (size_t i = 0; menu_script_exists(site) && i < site->n_menu_images; i++)
		if (str_eq(site->menu_images[i].name, name) &&
		    bundle_menu_allows(&site->menu_images[i], NULL) == 0)
			return &site->menu_images[i];
	return NULL;
}

/* All that the script and who looks for its files read of a site. */
static json_t *
made_from(const struct bundle_site *site)
{
	json_t *v = json_object(), *images = json_array();

	bundle_menu_put(v, &site->menu);
	for (size_t i = 0; i < site->n_menu_images; i++)
		json_array_append_new(
		    images, bundle_image_to_json(&site->menu_images[i]));
	json_object_set_new(v, "images", images);
	return v;
}

bool
menu_script_same(const struct bundle_site *a, const struct bundle_site *b)
{
	json_t *of_a = made_from(a), *of_b = made_from(b);
	bool same = str_eq(a->name, b->name) && json_equal(of_a, of_b);

	json_decref(of_a);
	json_decref(of_b);
	return same;
}

static const struct builtin *
builtin(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(builtins); i++)
		if (str_eq(builtins[i].name, name))
			return &builtins[i];
	return NULL;
}

/* ---- what is offered ---- */

static void
offer(struct script *s, const char *name)
{
	const struct bundle_image *image = menu_script_image(s->site, name);
	bool here = image != NULL &&
		    (s->missing == NULL || !s->missing[image - s->site->menu_images]);

	if ((here || builtin(name)) && s->n_items < ARRAY_SIZE(s->items))
		s->items[s->n_items++] = name;
}

static bool
offered(const struct script *s, const char *name)
{
	for (size_t i = 0; i < s->n_items; i++)
		if (str_eq(s->items[i], name))
			return true;
	return false;
}

static void
choose_items(struct script *s)
{
	const struct bundle_menu *m = &s->site->menu;

	for (size_t i = 0; i < m->n_items; i++)
		offer(s, m->items[i]);
	for (size_t i = 0; m->n_items == 0 && i < s->site->n_menu_images; i++)
		offer(s, s->site->menu_images[i].name);
	for (size_t i = 0; m->n_items == 0 && i < ARRAY_SIZE(usual); i++)
		offer(s, usual[i]);
}

static bool
runs_on(const struct script *s, const char *name, enum bundle_firmware fw)
{
	const struct bundle_image *image = menu_script_image(s->site, name);
	int only = image != NULL && !builtin(name) ? bundle_menu_firmware(image) : -1;

	return only < 0 || only == (int)fw;
}

/* ---- the text ---- */

/* Images and built-in items never share a label, whatever images are called. */
static const char *
prefix(const char *name)
{
	return builtin(name) ? "" : "image-";
}

static void
add_item(struct script *s, const char *name, unsigned *n)
{
	const struct builtin *b = builtin(name);
	char key[16] = "";

	if (b != NULL) {
		add(s, "item --key %c %s %s\n", b->key, name, b->text);
		return;
	}
	if (++*n <= DIGIT_KEYS)
		snprintf(key, sizeof(key), "--key %u ", *n);
	add(s, "item %simage-%s %s (%s)\n", key, name, name,
	    menu_script_image(s->site, name)->kind);
}

static void
add_menu(struct script *s, enum bundle_firmware fw, const char *label)
{
	const struct bundle_menu *m = &s->site->menu;
	const char *def = m->def;
	unsigned n = 0;

	if (!offered(s, def) || !runs_on(s, def, fw))
		def = "local";
	add(s, ":%s\n", label);
	if (m->title[0] != '\0')
		add(s, "menu %s || goto no_menu\n", m->title);
	else
		add(s, "menu Network boot of %s || goto no_menu\n", s->site->name);
	for (size_t i = 0; i < s->n_items; i++)
		if (runs_on(s, s->items[i], fw))
			add_item(s, s->items[i], &n);
	if (!offered(s, def))
		add_item(s, def, &n);
	add(s, "choose --default %s%s", prefix(def), def);
	if (m->timeout_s > 0)
		add(s, " --timeout %lld", (long long)m->timeout_s * 1000);
	add(s, " target && goto ${target} || goto %s\n", label);
}

static void
add_image(struct script *s, const struct bundle_image *image)
{
	add(s, ":image-%s\nimgfree ||\nkernel /m/%s/%s", image->name, image->name,
	    image->kernel.name);
	for (size_t i = 0; i < image->n_initrds; i++)
		add(s, " initrd=%s", image->initrds[i].name);
	if (image->args[0] != '\0')
		add(s, " %s", image->args);
	/* An initial ramdisk is Linux's, which wants to know the NIC (boot.md 1.10). */
	if (image->n_initrds > 0 && strstr(image->args, "BOOTIF=") == NULL)
		add(s, " BOOTIF=01-${netX/mac:hexhyp}");
	add(s, " || goto failed\n");
	for (size_t i = 0; i < image->n_initrds; i++)
		add(s, "initrd --name %s /m/%s/%s || goto failed\n",
		    image->initrds[i].name, image->name, image->initrds[i].name);
	add(s, "boot || goto failed\ngoto menu\n");
}

static void
add_builtins(struct script *s)
{
	/* bootd knows how this machine leaves to its disk; of a stranger only the platform is known. */
	add(s, ":local\n"
	       "chain --replace --autofree /local.ipxe-${netX/mac:hexhyp} ||\n"
	       "iseq ${platform} efi || goto local_bios\n"
	       "exit 1\n"
	       ":local_bios\n"
	       "sanboot --no-describe --drive 0x80 || goto failed\n"
	       "goto menu\n");
	add(s, ":shell\necho Type exit to come back to the menu\nshell ||\ngoto menu\n");
	add(s, ":config\nconfig || goto failed\ngoto menu\n");
	add(s, ":reboot\nreboot || goto failed\n");
	add(s, ":exit\nexit 0\n");
}

static void
add_head(struct script *s, uint16_t http_port)
{
	char port[8] = "";

	if (http_port != 0 && http_port != 80)
		snprintf(port, sizeof(port), ":%u", http_port);
	add(s, "#!ipxe\n# menu of site %s\n", s->site->name);
	add(s, "isset ${kbmap} || set kbmap %s\nset keymap ${kbmap} ||\n",
	    s->site->menu.keymap);
	add(s, "cpuid --ext 29 && set bitn 64 || set bitn 32\n"
	       "iseq ${buildarch} arm64 && set bitn 64 ||\n");
	/* An offer of a proxy has its own; the other DHCP server's would be wrong. */
	add(s,
	    "isset ${proxydhcp/next-server} && set nbserver ${proxydhcp/next-server} || "
	    "set nbserver ${next-server}\n"
	    "isset ${nbserver} || goto own_ipv6\n");
	add(s,
	    "chain --replace --autofree http://${nbserver}%s/script.ipxe-${netX/mac} || "
	    "goto own_ipv6\n",
	    port);
	/* DHCPv6 knows no next-server, but the file name is the whole URL. */
	add(s, ":own_ipv6\n"
	       "isset ${netX.dhcpv6/filename} || goto menu\n"
	       "chain --replace --autofree ${netX.dhcpv6/filename}-${netX/mac} || goto "
	       "menu\n");
	add(s, ":menu\niseq ${platform} efi && goto menu_uefi || goto menu_legacy\n");
}

/* The menu is fetched anew: what was repaired meanwhile works, and an order that has come goes first. */
static void
add_failures(struct script *s)
{
	add(s, ":failed\n"
	       "imgfree ||\n"
	       "echo The last menu item failed. Read the screen above, the menu comes "
	       "back in "
	       "10 seconds.\n"
	       "sleep 10 ||\n"
	       "chain --replace --autofree /script.ipxe || goto menu\n"
	       ":no_menu\n"
	       "echo netboot: this iPXE has no menus, booting from disk\n"
	       "goto local\n");
}

char *
menu_script_text(const struct bundle_site *site, const bool *missing, uint16_t http_port)
{
	struct script *s = str_alloc(sizeof(*s));
	char *text;

	s->text = str_alloc(TEXT_MAX);
	s->site = site;
	s->missing = missing;
	choose_items(s);
	add_head(s, http_port);
	add_menu(s, BUNDLE_UEFI, "menu_uefi");
	add_menu(s, BUNDLE_BIOS, "menu_legacy");
	for (size_t i = 0; i < s->n_items; i++)
		if (!builtin(s->items[i]))
			add_image(s, menu_script_image(site, s->items[i]));
	add_builtins(s);
	add_failures(s);
	text = s->text;
	free(s);
	return text;
}

void
menu_script_autoexec(
    const struct addr_ip *server, uint16_t http_port, char buf[MENU_SCRIPT_AUTOEXEC_SIZE])
{
	char ip[ADDR_IP_TEXT], port[8] = "", base[ADDR_IP_TEXT + 24];
	bool v6 = server->family == AF_INET6;

	if (http_port != 80)
		snprintf(port, sizeof(port), ":%u", http_port);
	addr_ip_text(server, ip, sizeof(ip));
	snprintf(base, sizeof(base), "http://%s%s%s%s", v6 ? "[" : "", ip, v6 ? "]" : "",
	    port);
	snprintf(buf, MENU_SCRIPT_AUTOEXEC_SIZE,
	    "#!ipxe\n"
	    "# this script comes before iPXE has an address, or behind that\n"
	    "isset ${netX/mac} && isset ${netX/ip} || ifconf || dhcp ||\n"
	    "chain --replace --autofree %s/script.ipxe-${netX/mac} ||\n"
	    "chain --replace --autofree %s/script.ipxe ||\n"
	    "exit 1\n",
	    base, base);
}
