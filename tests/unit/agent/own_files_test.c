/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files of a ticket for a site's own HTTP server: names of several parts, templates, what is taken away and when.
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lays_out_every_kind),
	    cmocka_unit_test(a_used_ticket_has_no_kernel),
	    cmocka_unit_test(links_are_not_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
