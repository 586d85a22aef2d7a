/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/secret_box.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "lib/secret.h"

struct fixture {
	char dir[64], path[96], path2[96];
	struct secret_box *box, *other;
};

static void
setup(struct fixture *f)
{
	struct error err;

	memset(f, 0, sizeof(*f));
	snprintf(f->dir, sizeof(f->dir), "/tmp/netboot-box-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/seal.key", f->dir);
	snprintf(f->path2, sizeof(f->path2), "%s/other.key", f->dir);
	assert_int_equal(secret_box_open(f->path, 1, &f->box, &err), 0);
	assert_int_equal(secret_box_open(f->path2, 1, &f->other, &err), 0);
}

static void
teardown(struct fixture *f)
{
	secret_box_free(f->box);
	secret_box_free(f->other);
	unlink(f->path);
	unlink(f->path2);
	assert_int_equal(rmdir(f->dir), 0);
}

static void
sealed_by_anybody_opened_by_one(void **state)
{
	struct secret_box *again = NULL;
	struct fixture f;
	struct error err;
	struct stat st;
	char *a = NULL, *b = NULL, *plain = NULL;

	(void)state;
	setup(&f);
	assert_int_equal(stat(f.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	const char *pub = secret_box_public(f.box);
	assert_int_equal(strlen(pub), SECRET_BOX_PUBLIC_TEXT - 1);
	assert_int_equal(secret_box_seal(pub, "bmc/edge01", "hunter2", &a), 0);
	assert_int_equal(secret_box_seal(pub, "bmc/edge01", "hunter2", &b), 0);
	assert_string_not_equal(a, b);
	assert_null(strstr(a, "hunter2"));
	assert_int_equal(secret_box_open(f.path, 0, &again, &err), 0);
	assert_int_equal(secret_box_unseal(again, "bmc/edge01", a, &plain), 0);
	assert_string_equal(plain, "hunter2");
	secret_free(plain);
	assert_int_equal(secret_box_unseal(f.other, "bmc/edge01", a, &plain), -EBADMSG);
	secret_box_free(again);
	secret_box_free(NULL);
	free(a);
	free(b);
	teardown(&f);
}

static void
changed_or_moved_boxes_do_not_open(void **state)
{
	struct fixture f;
	char *sealed = NULL, *plain = NULL;

	(void)state;
	setup(&f);
	assert_int_equal(
	    secret_box_seal(secret_box_public(f.box), "bmc/edge01", "x", &sealed), 0);
	assert_int_equal(
	    secret_box_unseal(f.box, "bmc/edge02", sealed, &plain), -EBADMSG);
	assert_int_equal(secret_box_unseal(f.box, "bmc/edge0", sealed, &plain), -EBADMSG);
	assert_int_equal(secret_box_unseal(f.box, "", sealed, &plain), -EBADMSG);
	assert_int_equal(secret_box_unseal(f.box, "bmc/edge01", "", &plain), -EBADMSG);
	assert_int_equal(secret_box_unseal(f.box, "bmc/edge01", "x1:", &plain), -EBADMSG);
	assert_int_equal(
	    secret_box_unseal(f.box, "bmc/edge01", "x1:AAAA", &plain), -EBADMSG);
	assert_int_equal(
	    secret_box_unseal(f.box, "bmc/edge01", sealed + 3, &plain), -EBADMSG);
	sealed[20] = sealed[20] == 'A' ? 'B' : 'A';
	assert_int_equal(
	    secret_box_unseal(f.box, "bmc/edge01", sealed, &plain), -EBADMSG);
	assert_null(plain);
	free(sealed);
	teardown(&f);
}

static void
only_to_real_keys_and_of_any_length_that_fits(void **state)
{
	struct fixture f;
	char *sealed = NULL, *plain = NULL;
	char *most = calloc(1, SECRET_BOX_PLAIN_MAX + 2);

	(void)state;
	setup(&f);
	const char *pub = secret_box_public(f.box);
	assert_true(secret_box_public_valid(pub));
	assert_false(secret_box_public_valid(""));
	assert_false(secret_box_public_valid("c2hvcnQ="));
	assert_false(secret_box_public_valid(pub + 1));
	/* Zero, a point of small order: everybody would know what is agreed upon. */
	assert_false(
	    secret_box_public_valid("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
	assert_int_equal(secret_box_seal(pub, "kg", "", &sealed), 0);
	assert_int_equal(secret_box_unseal(f.box, "kg", sealed, &plain), 0);
	assert_string_equal(plain, "");
	secret_free(plain);
	free(sealed);
	memset(most, 'p', SECRET_BOX_PLAIN_MAX);
	assert_int_equal(secret_box_seal(pub, "kg", most, &sealed), 0);
	assert_int_equal(secret_box_unseal(f.box, "kg", sealed, &plain), 0);
	assert_string_equal(plain, most);
	secret_free(plain);
	free(sealed);
	most[SECRET_BOX_PLAIN_MAX] = 'p';
	assert_int_equal(secret_box_seal(pub, "kg", most, &sealed), -EINVAL);
	free(most);
	teardown(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sealed_by_anybody_opened_by_one),
	    cmocka_unit_test(changed_or_moved_boxes_do_not_open),
	    cmocka_unit_test(only_to_real_keys_and_of_any_length_that_fits),
	};

	return cmocka_run_group_tests_name("secret_box", tests, NULL, NULL);
}
