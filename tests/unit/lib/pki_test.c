/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/pki.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/secret.h"
#include "lib/str.h"

static void
test_site_of_uri(void **state UNUSED)
{
	static const struct {
		const char *uri, *site; /* NULL: refused */
	} rows[] = {
	    {"netboot://site/kla", "kla"},
	    {"netboot://site/a.b-c_d", "a.b-c_d"},
	    {"netboot://site/", NULL},
	    {"netboot://site/a/b", NULL},
	    {"netboot://site/../x", NULL},
	    {"netboot://host/kla", NULL},
	    {"https://site/kla", NULL},
	    {"", NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char site[PKI_SITE_SIZE] = "";
		int r = pki_site_of_uri(rows[i].uri, site);
		if ((r == 0) != (rows[i].site != NULL) ||
		    (r == 0 && !str_eq(site, rows[i].site)))
			fail_msg("%s", rows[i].uri);
	}
}

static void
test_request(void **state UNUSED)
{
	char *key = pki_key_new(), *other = pki_key_new(), *request = NULL;
	struct error err = {.code = ""};

	assert_true(str_has_prefix(key, "-----BEGIN PRIVATE KEY-----"));
	assert_false(str_eq(key, other));
	assert_int_equal(pki_request(key, "kla", &request, &err), 0);
	assert_true(str_has_prefix(request, "-----BEGIN CERTIFICATE REQUEST-----"));
	free(request);
	assert_int_not_equal(pki_request("no key", "kla", &request, &err), 0);
	secret_free(key);
	secret_free(other);
}

static void
test_what_is_no_certificate(void **state UNUSED)
{
	static const char *const texts[] = {
	    "", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"};
	char fingerprint[PKI_FINGERPRINT_SIZE], *key = pki_key_new();
	struct pki_cert cert;
	struct error err;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_int_not_equal(pki_cert_read(texts[i], &cert, &err), 0);
		assert_string_equal(err.code, "certificate");
		assert_int_not_equal(pki_fingerprint(texts[i], fingerprint), 0);
		assert_int_not_equal(pki_fits(texts[i], key), 0);
	}
	secret_free(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_site_of_uri),
	    cmocka_unit_test(test_request),
	    cmocka_unit_test(test_what_is_no_certificate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
