/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/db_site.h"

#include "fixture.h"

static struct db_site *
make(const char *name)
{
	struct db_site *site = str_alloc(sizeof(*site));
	struct bundle_site *b = &site->site;

	str_clip(b->name, sizeof(b->name), name);
	str_clip(b->timezone, sizeof(b->timezone), "Africa/Lagos");
	str_clip(site->url, sizeof(site->url), "http://10.0.0.1");
	b->answer_unknown = true;
	b->idle = BUNDLE_IDLE_SILENT;
	b->n_subnets = 2;
	for (size_t i = 0; i < 2; i++) {
		struct bundle_subnet *n = &b->subnets[i];
		assert_int_equal(
		    addr_prefix_parse(i ? "fd77::/64" : "10.0.0.0/24", &n->prefix), 0);
		n->lease_s = 600;
	}
	b->subnets[0].gateway = addr_ip_make_v4(0x0a000001);
	b->subnets[0].n_dns = 2;
	b->subnets[0].dns[0] = addr_ip_make_v4(0x0a000002);
	b->subnets[0].dns[1] = addr_ip_make_v4(0x0a000003);
	b->subnets[0].pool_first = addr_ip_make_v4(0x0a000064);
	b->subnets[0].pool_last = addr_ip_make_v4(0x0a0000c8);
	str_clip(b->subnets[0].domain, sizeof(b->subnets[0].domain), "los.example");
	str_clip(b->subnets[0].relay, sizeof(b->subnets[0].relay), "10.9.0.1");
	b->subnets[1].n_dns = 1;
	assert_int_equal(addr_ip_parse("fd77::53", &b->subnets[1].dns[0]), 0);
	b->subnets[1].ra = BUNDLE_RA_STATELESS;
	b->subnets[1].router_s = 1800;
	b->subnets[1].mtu = 1400;
	b->n_loaders = 2;
	b->loaders[0] = (struct bundle_loader){0, "ipxe.pxe"};
	b->loaders[1] = (struct bundle_loader){7, "signed/shimx64.efi"};
	return site;
}

static void
put(struct store *s, struct db_site *site, int64_t now)
{
	fixture_begin(s);
	assert_int_equal(db_site_put(s, site, now), 0);
	fixture_commit(s);
}

static void
a_site_comes_back_as_it_was_put(void **state)
{
	struct store *s = *state;
	struct db_site *site = make("los"), *got = str_alloc(sizeof(*got));

	put(s, site, FIXTURE_NOW);
	assert_int_equal(db_site_get(s, "los", got), 0);
	assert_int_equal(got->site.version, FIXTURE_NOW);
	assert_int_equal(got->rev, FIXTURE_NOW);
	site->site.version = got->site.version;
	site->rev = got->rev;
	json_t *want = bundle_site_to_json(&site->site),
	       *have = bundle_site_to_json(&got->site);
	assert_true(json_equal(want, have));
	assert_string_equal(got->url, site->url);
	json_decref(want);
	json_decref(have);
	assert_int_equal(db_site_get(s, "fra", got), -ENOENT);
	free(site);
	free(got);
}

static void
nearby_sites_are_kept_in_order(void **state)
{
	struct store *s = *state;
	struct db_site *los = make("los"), *got = str_alloc(sizeof(*got));
	struct db_site_peer peers[DB_SITE_PEERS_MAX];
	struct db_site *kan = make("kan"), *abj = make("abj");
	size_t n;

	str_clip(los->peers[0], sizeof(los->peers[0]), "kan");
	str_clip(los->peers[1], sizeof(los->peers[1]), "abj");
	los->n_peers = 2;
	str_clip(kan->url, sizeof(kan->url), "http://10.3.0.1");
	abj->url[0] = '\0';
	/* They may come after the one that names them. */
	fixture_begin(s);
	assert_int_equal(db_site_put(s, los, FIXTURE_NOW), 0);
	assert_int_equal(db_site_put(s, kan, FIXTURE_NOW), 0);
	assert_int_equal(db_site_put(s, abj, FIXTURE_NOW), 0);
	fixture_commit(s);
	assert_int_equal(db_site_peers(s, "los", peers, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(peers[0].name, "kan");
	assert_string_equal(peers[0].url, "http://10.3.0.1");
	assert_string_equal(peers[1].url, "");
	fixture_begin(s);
	assert_int_equal(db_site_delete(s, "kan"), 0);
	fixture_commit(s);
	assert_int_equal(db_site_get(s, "los", got), 0);
	assert_int_equal(got->n_peers, 1);
	assert_string_equal(got->peers[0], "abj");
	assert_int_equal(db_site_peers(s, "abj", peers, &n), 0);
	assert_int_equal(n, 0);
	free(los);
	free(kan);
	free(abj);
	free(got);
}

/* A clock that went backwards must not bring back a version an agent holds already. */
static void
versions_only_rise(void **state)
{
	struct store *s = *state;
	struct db_site *site = make("los");
	int64_t v = 0;

	put(s, site, FIXTURE_NOW);
	put(s, site, FIXTURE_NOW - 5000000);
	assert_int_equal(db_site_version(s, "los", &v), 0);
	assert_int_equal(v, FIXTURE_NOW + 1);
	assert_int_equal(db_site_touch(s, "los", FIXTURE_NOW), 0);
	assert_int_equal(db_site_version(s, "los", &v), 0);
	assert_int_equal(v, FIXTURE_NOW + 2);
	assert_int_equal(db_site_touch(s, "los", FIXTURE_NOW + 100), 0);
	assert_int_equal(db_site_version(s, "los", &v), 0);
	assert_int_equal(v, FIXTURE_NOW + 100);
	assert_int_equal(db_site_touch(s, "fra", 1), -ENOENT);
	assert_int_equal(db_site_version(s, "fra", &v), -ENOENT);
	free(site);
}

static void
a_put_replaces_the_subnets(void **state)
{
	struct store *s = *state;
	struct db_site *site = make("los");

	put(s, site, 1);
	site->site.n_subnets = 1;
	site->site.n_loaders = 0;
	put(s, site, 2);
	assert_int_equal(db_site_get(s, "los", site), 0);
	assert_int_equal(site->site.n_loaders, 0);
	assert_int_equal(site->site.n_subnets, 1);
	assert_int_equal(site->rev, 2);
	free(site);
}

static void
a_site_with_hosts_stays(void **state)
{
	struct store *s = *state;

	fixture_site(s, "los");
	assert_int_equal(fixture_put_host(s, fixture_make_host("edge01", "los", 1)), 0);
	assert_int_equal(db_site_delete(s, "los"), -ENOLINK);
	assert_int_equal(db_host_delete(s, "edge01", FIXTURE_NOW), 0);
	assert_int_equal(db_site_delete(s, "los"), 0);
	assert_int_equal(db_site_delete(s, "los"), -ENOENT);
}

static void
names_are_paged(void **state)
{
	struct store *s = *state;
	struct store_names names = {0};

	fixture_site(s, "c");
	fixture_site(s, "a");
	fixture_site(s, "b");
	assert_int_equal(db_site_names(s, NULL, 2, &names), 0);
	assert_int_equal(names.n, 2);
	assert_string_equal(names.v[1], "b");
	store_names_done(&names);
	assert_int_equal(db_site_names(s, "b", 2, &names), 0);
	assert_int_equal(names.n, 1);
	assert_string_equal(names.v[0], "c");
	store_names_done(&names);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(a_site_comes_back_as_it_was_put),
	    FIXTURE_TEST(nearby_sites_are_kept_in_order),
	    FIXTURE_TEST(versions_only_rise),
	    FIXTURE_TEST(a_put_replaces_the_subnets),
	    FIXTURE_TEST(a_site_with_hosts_stays),
	    FIXTURE_TEST(names_are_paged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
