/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "boot-services/textfile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void
a_text_is_a_file_as_often_as_wanted(void **state)
{
	struct fileroot_file f, again, same, other;
	char buf[16] = "";

	(void)state;
	assert_int_equal(textfile_make("#!ipxe\nexit\n", &f), 0);
	assert_int_equal(f.size, 12);
	assert_int_equal(textfile_again(&f, &again), 0);
	close(f.fd);
	/* The octets stay as long as anybody reads them. */
	assert_int_equal(pread(again.fd, buf, sizeof(buf), 0), 12);
	assert_string_equal(buf, "#!ipxe\nexit\n");
	assert_string_equal(again.etag, f.etag);
	close(again.fd);
	/* The tag is that of the text: a range of another one would be a mixture. */
	assert_int_equal(textfile_make("#!ipxe\nexit\n", &same), 0);
	assert_int_equal(textfile_make("#!ipxe\nexit 1\n", &other), 0);
	assert_string_equal(same.etag, f.etag);
	assert_string_not_equal(other.etag, f.etag);
	close(same.fd);
	close(other.fd);
	assert_int_equal(textfile_make("", &f), 0);
	assert_int_equal(f.size, 0);
	close(f.fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_text_is_a_file_as_often_as_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
