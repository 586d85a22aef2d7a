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
set_nic(struct bundle_host *h, size_t i, const char *ip, const char *ip6, bool boot)
{
	h->nics[i].ip.family = h->nics[i].ip6.family = 0;
	if (ip[0] != '\0')
		assert_int_equal(addr_ip_parse(ip, &h->nics[i].ip), 0);
	if (ip6[0] != '\0')
		assert_int_equal(addr_ip_parse(ip6, &h->nics[i].ip6), 0);
	h->nics[i].boot = boot;
	if (h->n_nics < i + 1)
		h->n_nics = i + 1;
}

/* The family in which the host can be reached, and there the address beside it. */
static void
test_families(void **state)
{
	static const struct {
		const char
		    *nic[2][2]; /* IPv4 and IPv6 address of each; the second one boots */
		const char *subnets[2];
		size_t n_own;
		uint16_t port;
		const char *url; /* NULL: no-site-url */
	} rows[] = {
	    /* IPv6 only: host, site, or both */
	    {{{"", "fd77::11"}}, {NULL}, 4, 80, "http://[fd77::1]"},
	    {{{"", "fd77::11"}}, {"10.77.0.0/24"}, 4, 8080, "http://[fd77::1]:8080"},
	    {{{"", ""}}, {"fd77:0:0:1::/64"}, 4, 80, "http://[fd77:0:0:1::9]"},
	    {{{"", "fd00:9::5"}}, {"fd00:9::/64", "fd77::/64"}, 4, 80, NULL},
	    /* Both: IPv4, as before */
	    {{{"10.77.0.11", "fd77::11"}}, {"fd77::/64"}, 4, 80, "http://10.77.0.1"},
	    {{{"", ""}}, {"fd77::/64", "10.77.0.0/24"}, 4, 80, "http://10.77.0.1"},
	    /* … where that is beside one of ours */
	    {{{"172.16.0.5", "fd77::11"}}, {NULL}, 4, 80, "http://[fd77::1]"},
	    /* The card that boots decides. */
	    {{{"10.77.0.11", ""}, {"", "fd77::12"}}, {NULL}, 4, 80, "http://[fd77::1]"},
	    /* Behind a relay the only address of the family is the one. */
	    {{{"", "fd00:9::5"}}, {NULL}, 3, 80, "http://[fd77::1]"},
	    {{{"172.16.0.5", ""}}, {NULL}, 4, 80, NULL},
	    {{{"", ""}}, {NULL}, 4, 80, NULL},
	};
	struct run_url_own all[] = {own("192.0.2.9", "192.0.2.0/24"),
	    own("10.77.0.1", "10.77.0.0/24"), own("fd77::1", "fd77::/64"),
	    own("fd77:0:0:1::9", "fd77:0:0:1::/64")};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bundle *b = job_fixture_bundle();
		struct bundle_site *site = str_alloc(sizeof(*site));
		struct error err = {.code = ""};
		char url[64] = "";
		int r;

		for (size_t k = 0; k < 2 && rows[i].nic[k][0] != NULL; k++)
			set_nic(
			    &b->host, k, rows[i].nic[k][0], rows[i].nic[k][1], k == 1);
		for (size_t k = 0; k < 2 && rows[i].subnets[k] != NULL; k++)
			assert_int_equal(addr_prefix_parse(rows[i].subnets[k],
					     &site->subnets[site->n_subnets++].prefix),
			    0);
		r = run_url_make(all, rows[i].n_own, &b->host, site, rows[i].port, url,
		    sizeof(url), &err);
		if (rows[i].url == NULL)
			assert_string_equal(err.code, "no-site-url");
		else
			assert_string_equal(url, rows[i].url);
		assert_int_equal(r, rows[i].url == NULL ? -ENOENT : 0);
		free(site);
		free(b);
	}
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
		assert_false(addr_ip_is_link_local(&all[i].ip));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_choice),
	    cmocka_unit_test(test_families),
	    cmocka_unit_test(test_own_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
