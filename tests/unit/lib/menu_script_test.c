/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text of the menu. */
#include "lib/menu_script.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/compiler.h"
#include "lib/str.h"
#include "tests/unit/menu_kit.h"

static void
has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no \"%s\" in:\n%s", part, text);
}

/* The text between two labels. */
static void
part_has(
    const char *text, const char *from, const char *to, const char *part, bool wanted)
{
	const char *a = strstr(text, from), *b = a ? strstr(a, to) : NULL;
	const char *at = a ? strstr(a, part) : NULL;

	assert_non_null(a);
	assert_non_null(b);
	if ((at && at < b) != wanted)
		fail_msg("%s%s in:\n%s", wanted ? "no " : "", part, text);
}

static void
the_article_s_script(void **state UNUSED)
{
	static const char *const lines[] = {"#!ipxe\n# menu of site los\n",
	    "isset ${kbmap} || set kbmap us\n",
	    "cpuid --ext 29 && set bitn 64 || set bitn 32\n",
	    "chain --replace --autofree http://${nbserver}/script.ipxe-${netX/mac} || "
	    "goto "
	    "own_ipv6\n",
	    "chain --replace --autofree ${netX.dhcpv6/filename}-${netX/mac} || goto "
	    "menu\n",
	    "iseq ${platform} efi && goto menu_uefi || goto menu_legacy\n",
	    "menu Network boot of los || goto no_menu\n",
	    "item --key 1 image-grml grml (live)\n",
	    "item --key l local Boot from disk\n",
	    "item --key c config iPXE config tool\n", "item --key s shell iPXE shell\n",
	    "choose --default local --timeout 5000 target && goto ${target} || goto "
	    "menu_uefi\n",
	    ":image-grml\nimgfree ||\nkernel /m/grml/vmlinuz initrd=initrd.img boot=live "
	    "setkmap=${kbmap} BOOTIF=01-${netX/mac:hexhyp} || goto failed\n"
	    "initrd --name initrd.img /m/grml/initrd.img || goto failed\nboot || goto "
	    "failed\n",
	    ":image-efishell\nimgfree ||\nkernel /m/efishell/shellx64.efi || goto "
	    "failed\n",
	    "sanboot --no-describe --drive 0x80 || goto failed\n", "sleep 10 ||\n",
	    "chain --replace --autofree /script.ipxe || goto menu\n"};
	struct bundle_site *s = menu_kit_site();
	char *text = menu_script_text(s, NULL, 80);

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		has(text, lines[i]);
	/* The machine's own script before the menu's first line. */
	assert_true(strstr(text, "script.ipxe-${netX/mac}") < strstr(text, ":menu_uefi"));
	/* What only one firmware runs, and what none is ever offered. */
	part_has(text, ":menu_uefi", ":menu_legacy", "image-efishell", true);
	part_has(text, ":menu_uefi", ":menu_legacy", "image-memdisk", false);
	part_has(text, ":menu_legacy", "choose", "image-efishell", false);
	part_has(text, ":menu_legacy", "choose", "image-memdisk", true);
	assert_null(strstr(text, "install"));
	free(text);
	text = menu_script_text(s, NULL, 8080);
	has(text, "http://${nbserver}:8080/script.ipxe-${netX/mac}");
	free(text);
	menu_kit_free(s);
}

/* Each iPXE line that could fail says what then: an unknown command would end the script. */
static void
no_line_ends_the_script(void **state UNUSED)
{
	static const char *const safe[] = {
	    "#", ":", "item ", "echo ", "goto ", "exit ", "isset "};
	struct bundle_site *s = menu_kit_site();
	char *text = menu_script_text(s, NULL, 80), *save = NULL;

	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		bool good = strstr(l, "||") != NULL;

		for (size_t i = 0; i < ARRAY_SIZE(safe); i++)
			good = good || str_has_prefix(l, safe[i]);
		if (!good)
			fail_msg("%s", l);
	}
	free(text);
	menu_kit_free(s);
}

static void
items_default_and_timeout(void **state UNUSED)
{
	static const char *const items[] = {
	    "shell", "memdisk", "install", "gone", "grml", "reboot"};
	struct bundle_site *s = menu_kit_site();
	struct bundle_menu *m = &s->menu;
	bool missing[4] = {true, false, false, false};
	char *text;

	for (size_t i = 0; i < ARRAY_SIZE(items); i++)
		str_clip(m->items[m->n_items++], sizeof(m->items[0]), items[i]);
	str_clip(m->title, sizeof(m->title), "Los Angeles");
	str_clip(m->keymap, sizeof(m->keymap), "de");
	str_clip(m->def, sizeof(m->def), "grml");
	m->timeout_s = 0;
	text = menu_script_text(s, NULL, 80);
	has(text, "set kbmap de\n");
	has(text,
	    ":menu_uefi\nmenu Los Angeles || goto no_menu\nitem --key s shell iPXE "
	    "shell\n"
	    "item --key 1 image-grml grml (live)\nitem --key r reboot Reboot\n"
	    "choose --default image-grml target && goto ${target} || goto menu_uefi\n");
	assert_null(strstr(text, "install"));
	assert_null(strstr(text, "gone"));
	free(text);
	/* A default whose files are not there gives way to the disk. */
	text = menu_script_text(s, missing, 80);
	assert_null(strstr(text, "image-grml"));
	has(text, "item --key r reboot Reboot\nitem --key l local Boot from disk\n"
		  "choose --default local target");
	free(text);
	menu_kit_free(s);
}

/* The largest of everything still fits the text. */
static void
the_largest_menu(void **state UNUSED)
{
	struct bundle_site *s = str_alloc(sizeof(*s));
	char *text;

	bundle_menu_init(&s->menu);
	s->menu_images = str_alloc(BUNDLE_MENU_ITEMS_MAX * sizeof(*s->menu_images));
	for (size_t i = 0; i < BUNDLE_MENU_ITEMS_MAX; i++) {
		struct bundle_image *b = &s->menu_images[s->n_menu_images++];

		memset(b->name, 'n', sizeof(b->name) - 1);
		for (size_t k = 63; k < sizeof(b->name) - 1; k += 64)
			b->name[k] = '.';
		b->name[0] = (char)('A' + i % 26);
		b->name[1] = (char)('A' + i / 26);
		str_clip(b->kind, sizeof(b->kind), "rescue");
		memset(b->args, 'a', sizeof(b->args) - 1);
		memset(b->kernel.name, 'k', sizeof(b->kernel.name) - 1);
		b->n_initrds = ARRAY_SIZE(b->initrds);
		for (size_t k = 0; k < b->n_initrds; k++)
			memset(b->initrds[k].name, 'i', sizeof(b->initrds[k].name) - 1);
	}
	text = menu_script_text(s, NULL, 65535);
	assert_true(strlen(text) > (size_t)BUNDLE_MENU_ITEMS_MAX * BUNDLE_ARGS_MAX);
	free(text);
	menu_kit_free(s);
}

static void
autoexec_names_its_server(void **state UNUSED)
{
	struct addr_ip ip = addr_ip_make_v4(0x0a4d0001);
	char text[MENU_SCRIPT_AUTOEXEC_SIZE];

	menu_script_autoexec(&ip, 80, text);
	has(text, "#!ipxe\n");
	has(text,
	    "chain --replace --autofree http://10.77.0.1/script.ipxe-${netX/mac} ||\n"
	    "chain --replace --autofree http://10.77.0.1/script.ipxe ||\nexit 1\n");
	assert_int_equal(addr_ip_parse("fd77::1", &ip), 0);
	menu_script_autoexec(&ip, 8080, text);
	has(text, "http://[fd77::1]:8080/script.ipxe ||\n");
}

static void
what_makes_another_script(void **state)
{
	struct bundle_site *a = menu_kit_site(), *b = menu_kit_site();

	(void)state;
	assert_true(menu_script_same(a, b));
	b->n_subnets = 1;
	b->version++;
	b->idle = BUNDLE_IDLE_SILENT;
	assert_true(menu_script_same(a, b));
	b->menu_images[0].files[0].size++; /* it is looked for */
	assert_false(menu_script_same(a, b));
	b->menu_images[0].files[0].size--;
	b->menu.timeout_s++;
	assert_false(menu_script_same(a, b));
	b->menu.timeout_s--;
	b->n_menu_images--;
	assert_false(menu_script_same(a, b));
	b->n_menu_images++;
	str_clip(b->name, sizeof(b->name), "ams");
	assert_false(menu_script_same(a, b));
	menu_kit_free(a);
	menu_kit_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_article_s_script),
	    cmocka_unit_test(no_line_ends_the_script),
	    cmocka_unit_test(items_default_and_timeout),
	    cmocka_unit_test(the_largest_menu),
	    cmocka_unit_test(autoexec_names_its_server),
	    cmocka_unit_test(what_makes_another_script),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
