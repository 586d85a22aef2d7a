/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/run_url.h"

#include <errno.h>

#include "tests/unit/agent/job_fixture.h"

static struct run_url_own
own(const char *ip, const char *net)
{
	struct run_url_own o;

	assert_int_equal(addr_ip_parse(ip, &o.ip), 0);
	assert_int_equal(addr_prefix_parse(net, &o.net), 0);
	return o;
}

static void
test_choice(void **state)
{
	struct run_url_own all[] = {
	    own("192.0.2.9", "192.0.2.0/24"), own("10.77.0.1", "10.77.0.0/24")};
	struct bundle *b = job_fixture_bundle();
	struct bundle_site *site = str_alloc(sizeof(*site));
	char url[64];
	struct error err = {.code = ""};

	(void)state;
	assert_int_equal(
	    run_url_make(all, 2, &b->host, site, 80, url, sizeof(url), &err), 0);
	assert_string_equal(url, "http://10.77.0.1");
	assert_int_equal(
	    run_url_make(all, 2, &b->host, site, 8080, url, sizeof(url), &err), 0);
	assert_string_equal(url, "http://10.77.0.1:8080");
	/* No fixed address: the site's subnets tell. */
	b->host.nics[0].ip.family = 0;
	assert_int_equal(
	    run_url_make(all, 2, &b->host, site, 80, url, sizeof(url), &err), -ENOENT);
	assert_string_equal(err.code, "no-site-url");
	assert_int_equal(addr_prefix_parse("192.0.2.0/24", &site->subnets[0].prefix), 0);
	site->n_subnets = 1;
	assert_int_equal(
	    run_url_make(all, 2, &b->host, site, 80, url, sizeof(url), &err), 0);
	assert_string_equal(url, "http://192.0.2.9");
	/* Behind a relay the only address is the one. */
	site->n_subnets = 0;
	assert_int_equal(
	    run_url_make(all, 1, &b->host, site, 80, url, sizeof(url), &err), 0);
	assert_int_equal(
	    run_url_make(all, 0, &b->host, NULL, 80, url, sizeof(url), &err), -ENOENT);
	free(site);
	free(b);
}

static void
test_own_addresses(void **state)
{
	struct run_url_own all[RUN_URL_OWN_MAX];
	size_t n = run_url_own_addresses(all, RUN_URL_OWN_MAX);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		assert_true(addr_prefix_contains(&all[i].net, &all[i].ip));
		assert_int_not_equal(all[i].ip.b[0], 127);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_choice),
	    cmocka_unit_test(test_own_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
