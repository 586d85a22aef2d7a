/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files of a ticket for a site's own HTTP server: names of several parts, templates, what is taken away and when; the
 * scripts of idle hosts; the menu.
 *
 * A folder of its own below /tmp stands for the scripts root. */
#include "agent/own_files.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/own_menu.h"
#include "lib/str.h"

#define TOKEN "0123456789abcdefghjkmnpqrs"

struct place {
	char root[64];
	struct own_files files;
	struct bootd_msg_boot boot;
};

static void
add_payload(struct bootd_msg_boot *b, const char *name, const char *path,
    enum bootd_msg_payload_kind kind)
{
	struct bootd_msg_payload *p = &b->payloads[b->n_payloads++];

	str_clip(p->name, sizeof(p->name), name);
	str_clip(p->path, sizeof(p->path), path);
	p->kind = kind;
}

static struct place *
make_place(void)
{
	struct place *p = str_alloc(sizeof(*p));

	str_clip(p->root, sizeof(p->root), "/tmp/own-files-XXXXXX");
	assert_non_null(mkdtemp(p->root));
	p->files.scripts_root = p->root;
	p->files.images_root = "/srv/images";
	str_clip(p->boot.token, sizeof(p->boot.token), TOKEN);
	add_payload(&p->boot, "vmlinuz", "deb/vmlinuz", BOOTD_PAYLOAD_KERNEL);
	add_payload(&p->boot, "sysresccd/x86_64/airootfs.sfs", "sys/airootfs.sfs",
	    BOOTD_PAYLOAD_FILE);
	add_payload(
	    &p->boot, "preseed.cfg", "template-1-preseed.cfg", BOOTD_PAYLOAD_TEMPLATE);
	return p;
}

static void
free_place(struct place *p)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/b", p->root);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(p->root), 0);
	free(p);
}

/* Where that name of the ticket leads; "" when it is not there. */
static const char *
target(const struct place *p, const char *name, char buf[256])
{
	char path[256];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/b/" TOKEN "/%s", p->root, name);
	n = readlink(path, buf, 255);
	buf[n < 0 ? 0 : n] = '\0';
	return buf;
}

static void
lays_out_every_kind(void **state)
{
	struct place *p = make_place();
	char buf[256], wanted[256], folder[256];
	struct stat st;

	(void)state;
	assert_int_equal(own_files_publish(&p->files, &p->boot), 0);
	assert_string_equal(target(p, "vmlinuz", buf), "/srv/images/deb/vmlinuz");
	assert_string_equal(target(p, "sysresccd/x86_64/airootfs.sfs", buf),
	    "/srv/images/sys/airootfs.sfs");
	snprintf(wanted, sizeof(wanted), "%s/template-1-preseed.cfg", p->root);
	assert_string_equal(target(p, "preseed.cfg", buf), wanted);
	/* To be entered by who knows the name, and listed by nobody. */
	snprintf(folder, sizeof(folder), "%s/b/" TOKEN "/sysresccd", p->root);
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0711);
	/* Once more is no trouble. */
	assert_int_equal(own_files_publish(&p->files, &p->boot), 0);
	assert_int_equal(own_files_remove(&p->files, TOKEN), 0);
	assert_int_equal(own_files_remove(&p->files, TOKEN), 0);
	free_place(p);
}

static void
a_used_ticket_has_no_kernel(void **state)
{
	struct place *p = make_place();
	char buf[256];

	(void)state;
	p->boot.consumed = true;
	assert_int_equal(own_files_publish(&p->files, &p->boot), 0);
	assert_string_equal(target(p, "vmlinuz", buf), "");
	assert_string_not_equal(target(p, "preseed.cfg", buf), "");
	assert_string_not_equal(target(p, "sysresccd/x86_64/airootfs.sfs", buf), "");
	assert_int_equal(
	    own_files_withdraw(&p->files, TOKEN, "sysresccd/x86_64/airootfs.sfs"), 0);
	assert_string_equal(target(p, "sysresccd/x86_64/airootfs.sfs", buf), "");
	assert_int_equal(own_files_remove(&p->files, TOKEN), 0);
	free_place(p);
}

/* A link that leads to a folder is removed, and the folder is not. */
static void
links_are_not_followed(void **state)
{
	struct place *p = make_place();
	char other[] = "/tmp/own-files-other-XXXXXX", path[256], kept[128];
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(other));
	snprintf(kept, sizeof(kept), "%s/kept", other);
	f = fopen(kept, "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(own_files_publish(&p->files, &p->boot), 0);
	snprintf(path, sizeof(path), "%s/b/" TOKEN "/away", p->root);
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(own_files_remove(&p->files, TOKEN), 0);
	assert_int_equal(access(kept, F_OK), 0);
	unlink(kept);
	rmdir(other);
	free_place(p);
}

/* ---- the scripts of idle hosts, and the menu ---- */

static char *
text_of(const struct place *p, const char *name)
{
	char path[256], *text = str_alloc(65536);
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", p->root, name);
	f = fopen(path, "r");
	if (f == NULL) {
		free(text);
		return NULL;
	}
	text[fread(text, 1, 65535, f)] = '\0';
	fclose(f);
	return text;
}

static void
holds(const struct place *p, const char *name, const char *part)
{
	char *text = text_of(p, name);

	if (text == NULL || strstr(text, part) == NULL)
		fail_msg("%s: no \"%s\" in: %s", name, part, text ? text : "(none)");
	free(text);
}

static void
absent(const struct place *p, const char *name)
{
	char *text = text_of(p, name);

	if (text != NULL)
		fail_msg("%s: %s", name, text);
}

static void
put(const struct place *p, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", p->root, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void
take(const struct place *p, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", p->root, name);
	assert_int_equal(unlink(path), 0);
}

static void
idle_scripts_follow_the_policy(void **state)
{
	static const char one[] = "script.ipxe-52:54:00:77:00:01",
			  two[] = "script.ipxe-52:54:00:77:00:02";
	struct bundle_host *h = str_alloc(sizeof(*h));
	struct place *p = make_place();

	(void)state;
	h->n_nics = 2;
	assert_int_equal(addr_mac_parse(one + 12, &h->nics[0].mac), 0);
	assert_int_equal(addr_mac_parse(two + 12, &h->nics[1].mac), 0);
	h->local_boot = BUNDLE_LOCAL_EXIT0;
	for (int menu = 0; menu < 2; menu++) {
		p->files.menu = menu;
		h->idle = BUNDLE_IDLE_SILENT;
		assert_int_equal(own_files_idle(&p->files, h), 0);
		holds(p, one, "exit 0");
		h->idle = BUNDLE_IDLE_LOCAL;
		assert_int_equal(own_files_idle(&p->files, h), 0);
		holds(p, two, "exit 0");
	}
	/* A job's script goes as well as ours. */
	put(p, one, "#!ipxe\nkernel http://x/b/t/vmlinuz\n");
	h->idle = BUNDLE_IDLE_MENU;
	str_clip(p->boot.script, sizeof(p->boot.script), one);
	assert_int_equal(own_files_armed(&p->files, h, &p->boot), 0);
	holds(p, one, "vmlinuz");
	absent(p, two);
	assert_int_equal(own_files_idle(&p->files, h), 0);
	absent(p, one);
	assert_int_equal(own_files_idle(&p->files, h), 0);
	/* No menu to go to. */
	p->files.menu = false;
	assert_int_equal(own_files_idle(&p->files, h), 0);
	holds(p, one, "exit 0");
	take(p, one);
	take(p, two);
	assert_int_equal(rmdir(p->root), 0);
	free(h);
	free(p);
}

static void
count_told(void *arg, const char *image, const struct event *ev)
{
	int *n = arg;

	(*n)++;
	assert_string_equal(ev->kind, "menu.left-out");
	assert_string_equal(image, "grml");
	assert_string_equal(ev->file, "vmlinuz");
}

static void
the_menu_is_written_when_it_changes(void **state)
{
	struct place *p = make_place();
	struct bundle_site *site = str_alloc(sizeof(*site));
	struct bundle_image *image = str_alloc(sizeof(*image));
	int told = 0;
	struct own_menu *m = own_menu_new(&(struct own_menu_opts){.scripts_root = p->root,
	    .images_root = p->root,
	    .tell = count_told,
	    .arg = &told});
	char path[256];
	struct stat first, again;

	(void)state;
	/* Somebody's own file, and no menu of ours. */
	put(p, "script.ipxe", "#!ipxe\nshell\n");
	str_clip(site->name, sizeof(site->name), "los");
	own_menu_set(m, site, 80);
	assert_int_equal(own_menu_write(m), 0);
	holds(p, "script.ipxe", "shell");

	bundle_menu_init(&site->menu);
	str_clip(image->name, sizeof(image->name), "grml");
	str_clip(image->kind, sizeof(image->kind), "live");
	str_clip(image->kernel.name, sizeof(image->kernel.name), "vmlinuz");
	str_clip(image->kernel.path, sizeof(image->kernel.path), "vmlinuz");
	image->kernel.size = 4;
	site->menu_images = image;
	site->n_menu_images = 1;
	own_menu_set(m, site, 8080);
	assert_int_equal(own_menu_write(m), 0);
	holds(p, "script.ipxe", "# menu of site los\n");
	holds(p, "script.ipxe", ":8080/script.ipxe-${netX/mac}");
	assert_int_equal(told, 1);
	/* Not told twice; not offered while it has another size; not written anew without need. */
	put(p, "vmlinuz", "half and more");
	snprintf(path, sizeof(path), "%s/script.ipxe", p->root);
	assert_int_equal(stat(path, &first), 0);
	assert_int_equal(own_menu_write(m), 0);
	assert_int_equal(stat(path, &again), 0);
	assert_int_equal(first.st_ino, again.st_ino);
	assert_int_equal(told, 1);
	put(p, "vmlinuz", "1234");
	assert_int_equal(own_menu_write(m), 0);
	holds(p, "script.ipxe", "kernel /m/grml/vmlinuz");
	take(p, "vmlinuz");
	assert_int_equal(own_menu_write(m), 0);
	assert_int_equal(told, 2);
	/* Whoever reads the rest is told when it cannot be written. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_true(own_menu_write(m) < 0);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(own_menu_write(m), 0);
	site->menu.set = false;
	own_menu_set(m, site, 80);
	assert_int_equal(own_menu_write(m), 0);
	absent(p, "script.ipxe");
	own_menu_free(m);
	assert_int_equal(rmdir(p->root), 0);
	free(image);
	free(site);
	free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lays_out_every_kind),
	    cmocka_unit_test(a_used_ticket_has_no_kernel),
	    cmocka_unit_test(links_are_not_followed),
	    cmocka_unit_test(idle_scripts_follow_the_policy),
	    cmocka_unit_test(the_menu_is_written_when_it_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
