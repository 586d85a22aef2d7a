/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/db_host.h"

#include "fixture.h"

static void
a_host_comes_back_as_it_was_put(void **state)
{
	struct store *s = *state;
	struct db_host *h = fixture_make_host("edge01.los", "los", 1),
		       *got = str_alloc(sizeof(*got));

	fixture_site(s, "los");
	h->idle_set = true;
	h->host.idle = BUNDLE_IDLE_SILENT;
	h->host.firmware = BUNDLE_BIOS;
	h->host.local_boot = BUNDLE_LOCAL_SANBOOT;
	h->host.n_nics = 2;
	h->host.nics[1].mac = (struct addr_mac){{2, 2, 2, 2, 2, 2}};
	h->host.nics[1].boot = true;
	assert_int_equal(addr_ip_parse("fd77::7", &h->host.nics[1].ip6), 0);
	h->host.n_loaders = 1;
	h->host.loaders[0] = (struct bundle_loader){0x0b, "grubaa64.efi"};
	h->host.n_labels = 2;
	h->host.labels[0] = (struct bundle_label){"rack", "b2"};
	h->host.labels[1] = (struct bundle_label){"role", ""};
	str_clip(h->host.probe, sizeof(h->host.probe), "tcp:22");
	str_clip(
	    h->host.uuid, sizeof(h->host.uuid), "12345678-1234-1234-1234-123456789abc");
	str_clip(h->sealed, sizeof(h->sealed), "s1:xyz");
	h->bmc.cipher = 17;
	fixture_begin(s);
	assert_int_equal(db_host_put(s, h, FIXTURE_NOW), 0);
	fixture_commit(s);
	assert_int_equal(db_host_get(s, "edge01.los", got), 0);
	assert_int_equal(got->rev, FIXTURE_NOW);
	h->rev = FIXTURE_NOW;
	assert_memory_equal(got, h, sizeof(*h));
	assert_int_equal(db_host_get(s, "edge01", got), -ENOENT);
	assert_int_equal(db_host_exists(s, "edge01.los"), 1);
	assert_int_equal(db_host_exists(s, "edge01"), 0);
	free(h);
	free(got);
}

static void
identities_are_unique(void **state)
{
	struct store *s = *state;
	struct db_host *h;
	char owner[64];

	fixture_site(s, "los");
	fixture_site(s, "fra");
	assert_int_equal(fixture_put_host(s, fixture_make_host("a", "los", 1)), 0);
	h = fixture_make_host("b", "los", 2);
	h->host.nics[0].mac.b[5] = 1;
	assert_int_equal(fixture_put_host(s, h), -EEXIST);
	h = fixture_make_host("b", "los", 2);
	h->host.nics[0].ip = addr_ip_make_v4(0x0a4d0001);
	assert_int_equal(fixture_put_host(s, h), -EEXIST);
	h = fixture_make_host("c", "los", 3);
	assert_int_equal(addr_ip_parse("fd77::3", &h->host.nics[0].ip6), 0);
	assert_int_equal(fixture_put_host(s, h), 0);
	h = fixture_make_host("b", "los", 2);
	assert_int_equal(addr_ip_parse("fd77::3", &h->host.nics[0].ip6), 0);
	assert_int_equal(fixture_put_host(s, h), -EEXIST);
	h = fixture_make_host("b", "los", 2);
	h->bmc.port = 601;
	assert_int_equal(fixture_put_host(s, h), -EEXIST);
	assert_int_equal(db_host_exists(s, "b"), 0);
	h = fixture_make_host("b", "fra", 2); /* private addresses are a site's own */
	h->host.nics[0].ip = addr_ip_make_v4(0x0a4d0001);
	h->bmc.port = 601;
	assert_int_equal(fixture_put_host(s, h), 0);
	assert_int_equal(
	    db_host_mac_owner(s, "52:54:00:77:00:01", owner, sizeof(owner)), 0);
	assert_string_equal(owner, "a");
	assert_int_equal(
	    db_host_mac_owner(s, "52:54:00:77:00:09", owner, sizeof(owner)), -ENOENT);
	assert_int_equal(
	    db_host_ip_owner(s, "fra", "10.77.0.1", owner, sizeof(owner)), 0);
	assert_string_equal(owner, "b");
	assert_int_equal(db_host_ip_owner(s, "los", "fd77::3", owner, sizeof(owner)), 0);
	assert_string_equal(owner, "c");
	assert_int_equal(
	    db_host_ip_owner(s, "fra", "fd77::3", owner, sizeof(owner)), -ENOENT);
	assert_int_equal(
	    db_host_bmc_owner(s, "los", "10.9.0.1", 601, owner, sizeof(owner)), 0);
	assert_string_equal(owner, "a");
}

static void
hosts_exchange_identities_after_letting_go(void **state)
{
	struct store *s = *state;
	struct db_host *a = fixture_make_host("a", "los", 2),
		       *b = fixture_make_host("b", "los", 1);

	fixture_site(s, "los");
	fixture_put_host(s, fixture_make_host("a", "los", 1));
	fixture_put_host(s, fixture_make_host("b", "los", 2));
	fixture_begin(s);
	assert_int_equal(db_host_clear(s, "a"), 0);
	assert_int_equal(db_host_clear(s, "b"), 0);
	assert_int_equal(db_host_put(s, a, FIXTURE_NOW), 0);
	assert_int_equal(db_host_put(s, b, FIXTURE_NOW), 0);
	fixture_commit(s);
	assert_int_equal(db_host_get(s, "a", a), 0);
	assert_int_equal(a->host.nics[0].mac.b[5], 2);
	assert_int_equal(a->rev, FIXTURE_NOW + 1);
	free(a);
	free(b);
}

static void
links_must_hold(void **state)
{
	struct store *s = *state;
	struct db_host *h = fixture_make_host("a", "los", 1);

	assert_int_equal(
	    fixture_put_host(s, fixture_make_host("a", "mars", 1)), -ENOLINK);
	fixture_site(s, "los");
	str_clip(h->image, sizeof(h->image), "none");
	assert_int_equal(fixture_put_host(s, h), -ENOLINK);
}

static void
locks(void **state)
{
	struct store *s = *state;
	struct db_host *h = str_alloc(sizeof(*h));

	fixture_site(s, "los");
	fixture_put_host(s, fixture_make_host("a", "los", 1));
	assert_int_equal(db_host_lock(s, "a", "ada", "disk swap", 77), 0);
	assert_int_equal(db_host_get(s, "a", h), 0);
	assert_int_equal(h->locked_at, 77);
	assert_string_equal(h->locked_by, "ada");
	assert_string_equal(h->locked_reason, "disk swap");
	fixture_put_host(s, fixture_make_host("a", "los", 3));
	assert_int_equal(db_host_get(s, "a", h), 0);
	assert_int_equal(h->locked_at, 77); /* a put leaves it alone */
	assert_int_equal(db_host_unlock(s, "a"), 0);
	assert_int_equal(db_host_get(s, "a", h), 0);
	assert_int_equal(h->locked_at, 0);
	assert_int_equal(db_host_lock(s, "b", "ada", "x", 1), -ENOENT);
	free(h);
}

static void
expect_names(struct store_names *names, const char *want)
{
	char got[200] = "";

	for (size_t i = 0; i < names->n; i++) {
		strcat(got, names->v[i]);
		strcat(got, " ");
	}
	assert_string_equal(got, want);
	store_names_done(names);
}

static void
hosts_are_found(void **state)
{
	static const char *const names[] = {
	    "web.los", "web.fra", "web", "web-2.fra", "webb.los"};
	struct store *s = *state;
	struct store_names got = {0};

	fixture_site(s, "los");
	fixture_site(s, "fra");
	for (uint8_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct db_host *h =
		    fixture_make_host(names[i], i == 1 ? "fra" : "los", i);
		h->host.n_labels = 1;
		h->host.labels[0] = (struct bundle_label){"role", "cdn"};
		h->host.labels[0].value[0] = i < 2 ? 'c' : 'x';
		assert_int_equal(fixture_put_host(s, h), 0);
	}
	assert_int_equal(db_host_by_stem(s, "web", 10, &got), 0);
	expect_names(&got, "web.fra web.los ");
	assert_int_equal(db_host_by_label(s, "role", "cdn", &got), 0);
	expect_names(&got, "web.fra web.los ");
	assert_int_equal(db_host_by_label(s, "role", "none", &got), 0);
	expect_names(&got, "");
	assert_int_equal(db_host_names(s, "fra", NULL, 10, &got), 0);
	expect_names(&got, "web.fra ");
	assert_int_equal(db_host_names(s, NULL, "web", 2, &got), 0);
	expect_names(&got, "web-2.fra web.fra ");
}

static void
what_was_seen_moves_forward_only(void **state)
{
	struct store *s = *state;
	struct db_host_state st = {.power = ""};

	assert_int_equal(db_host_state_get(s, "a", &st), -ENOENT);
	assert_int_equal(db_host_state_seen(s, "a", 100, 300), 0);
	assert_int_equal(db_host_state_seen(s, "a", 50, 300), 0);
	assert_int_equal(db_host_state_power(s, "a", "on", "", 100, 300), 0);
	assert_int_equal(db_host_state_power(s, "a", "unknown", "bmc-auth", 200, 300), 0);
	assert_int_equal(db_host_state_power(s, "a", "off", "", 150, 300), 0);
	assert_int_equal(db_host_state_get(s, "a", &st), 0);
	assert_int_equal(st.last_seen, 100);
	assert_string_equal(st.power, "unknown");
	assert_string_equal(st.power_why, "bmc-auth");
	assert_int_equal(st.power_at, 200);
	/* A clock was ahead when those were told: by the time here they have not been yet. */
	assert_int_equal(db_host_state_seen(s, "a", 50, 99), 0);
	assert_int_equal(db_host_state_power(s, "a", "off", "", 150, 160), 0);
	assert_int_equal(db_host_state_get(s, "a", &st), 0);
	assert_int_equal(st.last_seen, 50);
	assert_string_equal(st.power, "off");
	assert_int_equal(st.power_at, 150);
}

/* Whoever asks a BMC tells of its host, as long as it is the host's. */
static void
a_power_is_that_of_the_hosts_own_bmc(void **state)
{
	struct store *s = *state;
	struct db_host_state st = {.power = ""};

	fixture_site(s, "los");
	assert_int_equal(fixture_put_host(s, fixture_make_host("a", "los", 1)), 0);
	assert_int_equal(
	    db_host_state_seen_by(s, "a", "10.9.0.2", 601, "on", 100), -ENOENT);
	assert_int_equal(
	    db_host_state_seen_by(s, "b", "10.9.0.1", 601, "on", 100), -ENOENT);
	assert_int_equal(db_host_state_get(s, "a", &st), -ENOENT);
	assert_int_equal(db_host_state_power(s, "a", "unknown", "timeout", 90, 300), 0);
	assert_int_equal(db_host_state_seen_by(s, "a", "10.9.0.1", 601, "on", 100), 0);
	assert_int_equal(db_host_state_get(s, "a", &st), 0);
	assert_string_equal(st.power, "on");
	assert_string_equal(st.power_why, "");
	assert_int_equal(st.power_at, 100);
	/* It has just answered: whatever was told of later was not. */
	assert_int_equal(db_host_state_seen_by(s, "a", "10.9.0.1", 601, "off", 99), 0);
	assert_int_equal(db_host_state_get(s, "a", &st), 0);
	assert_string_equal(st.power, "off");
	assert_int_equal(st.power_at, 99);
}

static void
a_removed_host_takes_its_parts_along(void **state)
{
	struct store *s = *state;
	char owner[32];

	fixture_site(s, "los");
	fixture_put_host(s, fixture_make_host("a", "los", 1));
	assert_int_equal(db_host_delete(s, "a", FIXTURE_NOW), 0);
	assert_int_equal(db_host_delete(s, "a", FIXTURE_NOW), -ENOENT);
	assert_int_equal(
	    db_host_mac_owner(s, "52:54:00:77:00:01", owner, sizeof(owner)), -ENOENT);
	assert_int_equal(fixture_put_host(s, fixture_make_host("b", "los", 1)), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(a_host_comes_back_as_it_was_put),
	    FIXTURE_TEST(identities_are_unique),
	    FIXTURE_TEST(hosts_exchange_identities_after_letting_go),
	    FIXTURE_TEST(links_must_hold),
	    FIXTURE_TEST(locks),
	    FIXTURE_TEST(hosts_are_found),
	    FIXTURE_TEST(a_power_is_that_of_the_hosts_own_bmc),
	    FIXTURE_TEST(what_was_seen_moves_forward_only),
	    FIXTURE_TEST(a_removed_host_takes_its_parts_along),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
