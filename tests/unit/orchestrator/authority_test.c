/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/authority.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/compiler.h"
#include "lib/secret.h"
#include "lib/str.h"

#define DAY_US (24LL * 3600 * USEC_PER_SEC)

static void
drop(const char *dir, const char *name)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
}

static void
test_issue(void **state UNUSED)
{
	char dir[] = "/tmp/authority.XXXXXX", beside[100];
	struct error err = {.code = ""};
	int64_t now = clock_wall(), renew;
	struct pki_cert cert, other;
	char *key = pki_key_new(), *csr = NULL, *pem = NULL, *server, *server_key;

	assert_non_null(mkdtemp(dir));
	snprintf(beside, sizeof(beside), "%s/o.key", dir);
	struct authority *a = authority_open(beside, now, &err);
	assert_non_null(a);
	assert_int_equal(pki_request(key, "whatever", &csr, &err), 0);
	assert_int_equal(authority_issue(a, csr, "kla", now, &pem, &cert, &err), 0);
	assert_string_equal(cert.site, "kla");
	assert_true(cert.begins <= now && cert.ends > now + 89 * DAY_US);
	assert_int_equal(pki_fits(pem, key), 0);
	free(pem);
	assert_int_equal(authority_issue(a, csr, "nbo", now, &pem, &other, &err), 0);
	assert_string_not_equal(cert.serial, other.serial);
	free(pem);
	assert_int_not_equal(authority_issue(a, "no", "kla", now, &pem, &cert, &err), 0);
	/* A request that was changed is not signed by its key. */
	csr[strlen(csr) / 2] = csr[strlen(csr) / 2] == 'A' ? 'B' : 'A';
	assert_int_not_equal(authority_issue(a, csr, "kla", now, &pem, &cert, &err), 0);
	authority_server(a, now, &server, &server_key, &renew);
	assert_int_equal(pki_cert_read(server, &cert, &err), 0);
	assert_int_equal(pki_fits(server, server_key), 0);
	assert_string_equal(cert.site, "");
	assert_true(renew > now && renew < cert.ends);
	/* The same one again. */
	struct authority *b = authority_open(beside, now, &err);
	assert_non_null(b);
	assert_string_equal(authority_fingerprint(a), authority_fingerprint(b));
	assert_true(authority_ends(b) > now + 19 * 365 * DAY_US);
	authority_free(a);
	authority_free(b);
	drop(dir, "authority.key");
	assert_null(authority_open(beside, now, &err));
	assert_string_equal(err.code, "config");
	drop(dir, "authority.pem");
	assert_int_equal(rmdir(dir), 0);
	free(server);
	secret_free(server_key);
	secret_free(key);
	free(csr);
}

/* What people call it, and nothing that would be another kind of name. */
static void
test_people(void **state UNUSED)
{
	static const char *const names[] = {
	    "netboot.example.org", "10.0.0.1", "fd00::1", "a,email:x", "DNS:b", ""};
	char dir[] = "/tmp/authority.XXXXXX", beside[100];
	struct error err = {.code = ""};
	int64_t now = clock_wall(), renew = 0;
	struct pki_cert cert;
	char *pem, *key;

	assert_non_null(mkdtemp(dir));
	snprintf(beside, sizeof(beside), "%s/o.key", dir);
	struct authority *a = authority_open(beside, now, &err);
	assert_non_null(a);
	authority_people(a, now, names, ARRAY_SIZE(names), &pem, &key, &renew);
	assert_int_equal(pki_cert_read(pem, &cert, &err), 0);
	assert_int_equal(pki_fits(pem, key), 0);
	assert_true(renew > now + 50 * DAY_US && renew < cert.ends);
	free(pem);
	secret_free(key);
	authority_people(a, now, NULL, 0, &pem, &key, &renew);
	assert_int_equal(pki_cert_read(pem, &cert, &err), 0);
	free(pem);
	secret_free(key);
	authority_free(a);
	drop(dir, "authority.key");
	drop(dir, "authority.pem");
	rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_issue), cmocka_unit_test(test_people)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
