/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/db_bmc.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "db/db_host.h"
#include "db/db_site.h"
#include "tests/unit/db/fixture.h"

static void
expect(struct store *s, const char *want, int64_t want_at)
{
	char *doc = NULL;
	int64_t at = 0;
	int rc = db_bmc_learned_get(s, "a", &doc, &at);

	if (want == NULL) {
		assert_int_equal(rc, -ENOENT);
		return;
	}
	assert_int_equal(rc, 0);
	assert_string_equal(doc, want);
	assert_int_equal(at, want_at);
	free(doc);
}

static void
what_is_learned_is_of_one_bmc(void **state)
{
	struct store *s = *state;
	struct db_host *h;

	fixture_site(s, "los");
	assert_int_equal(fixture_put_host(s, fixture_make_host("a", "los", 1)), 0);
	expect(s, NULL, 0);
	assert_int_equal(db_bmc_learned_put(s, "a", "10.9.0.1", 601, "{\"x\":1}", 5), 0);
	expect(s, "{\"x\":1}", 5);
	assert_int_equal(db_bmc_learned_put(s, "a", "10.9.0.1", 601, "{}", 6), 0);
	expect(s, "{}", 6);
	assert_true(db_bmc_learned_put(s, "nobody", "10.9.0.1", 601, "{}", 6) < 0);
	/* A change of the host does not forget it; another BMC does. */
	assert_int_equal(fixture_put_host(s, fixture_make_host("a", "los", 1)), 0);
	expect(s, "{}", 6);
	h = fixture_make_host("a", "los", 1);
	h->bmc.port = 700;
	assert_int_equal(fixture_put_host(s, h), 0);
	expect(s, NULL, 0);
	assert_int_equal(fixture_put_host(s, fixture_make_host("a", "los", 1)), 0);
	assert_int_equal(db_host_delete(s, "a", FIXTURE_NOW), 0);
	assert_int_equal(fixture_put_host(s, fixture_make_host("a", "los", 1)), 0);
	expect(s, NULL, 0);
}

static void
manners_and_prefixes(void **state)
{
	struct store *s = *state;
	struct db_site site = {.site = {.name = "los", .timezone = "UTC"}}, *found;
	struct addr_prefix got[BUNDLE_BMC_PREFIXES_MAX];
	struct db_host *h;
	size_t n = 9;
	int cipher = 9;

	assert_int_equal(addr_prefix_parse("10.9.0.0/24", &site.bmc_prefixes[0]), 0);
	assert_int_equal(addr_prefix_parse("fd00:9::/64", &site.bmc_prefixes[1]), 0);
	site.n_bmc_prefixes = 2;
	site.require_cipher = 17;
	fixture_begin(s);
	assert_int_equal(db_site_put(s, &site, FIXTURE_NOW), 0);
	fixture_commit(s);
	assert_int_equal(db_site_bmc_rules(s, "los", got, &n, &cipher), 0);
	assert_int_equal(n, 2);
	assert_int_equal(cipher, 17);
	for (size_t i = 0; i < n; i++) {
		char a[ADDR_PREFIX_TEXT], b[ADDR_PREFIX_TEXT];

		assert_string_equal(addr_prefix_text(&got[i], a, sizeof(a)),
		    addr_prefix_text(&site.bmc_prefixes[i], b, sizeof(b)));
	}
	found = calloc(1, sizeof(*found));
	assert_non_null(found);
	assert_int_equal(db_site_get(s, "los", found), 0);
	assert_int_equal(found->n_bmc_prefixes, 2);
	assert_int_equal(found->require_cipher, 17);
	free(found);
	assert_int_equal(db_site_bmc_rules(s, "nbo", got, &n, &cipher), -ENOENT);
	h = fixture_make_host("a", "los", 1);
	str_clip(h->manners, sizeof(h->manners), "{\"verify\":\"device\"}");
	h->bmc_outside = true;
	assert_int_equal(fixture_put_host(s, h), 0);
	h = calloc(1, sizeof(*h));
	assert_non_null(h);
	assert_int_equal(db_host_get(s, "a", h), 0);
	assert_string_equal(h->manners, "{\"verify\":\"device\"}");
	assert_true(h->bmc_outside);
	free(h);
}

/* Is it this that is stored of the host's passwords? */
static void
passwords_are(struct store *s, const char *sealed, const char *next, int64_t runs)
{
	struct db_host *h = calloc(1, sizeof(*h));

	assert_non_null(h);
	assert_int_equal(db_host_get(s, "a", h), 0);
	assert_string_equal(h->sealed, sealed);
	assert_string_equal(h->sealed_next, next);
	assert_int_equal(h->next_runs, runs);
	assert_int_equal(h->next_at, next[0] != '\0' ? 7 : 0);
	free(h);
}

static int
next_settle(struct store *s, const char *next, const char *proven, const char *over)
{
	fixture_begin(s);
	int rc = db_bmc_next_settle(s, "a", next, proven, over);
	fixture_commit(s);
	return rc;
}

static int
next_put(struct store *s, const char *sealed, const char *next)
{
	fixture_begin(s);
	int rc = db_bmc_next_put(s, "a", sealed, next, 7);
	fixture_commit(s);
	return rc;
}

static void
next_password(void **state)
{
	struct store *s = *state;
	struct db_host *h;
	char other[64];

	fixture_site(s, "los");
	h = fixture_make_host("a", "los", 1);
	str_clip(h->sealed, sizeof(h->sealed), "old");
	str_clip(h->sealed_kg, sizeof(h->sealed_kg), "kg");
	h->require_cipher = 17;
	assert_int_equal(fixture_put_host(s, h), 0);
	assert_int_equal(next_put(s, "another", "new"), -ENOENT);
	assert_int_equal(next_put(s, "old", "new"), 0);
	assert_int_equal(next_put(s, "old", "newer"), -ENOENT);
	passwords_are(s, "old", "new", 0);
	fixture_begin(s);
	assert_int_equal(db_bmc_next_run(s, "a", "new"), 0);
	assert_int_equal(db_bmc_next_run(s, "a", "newer"), -ENOENT);
	fixture_commit(s);
	passwords_are(s, "old", "new", 1);
	assert_int_equal(next_settle(s, "newer", "newer", NULL), -ENOENT);
	assert_int_equal(next_settle(s, "new", "old", "another"), -ENOENT);
	passwords_are(s, "old", "new", 1);
	assert_int_equal(next_settle(s, "new", "new", NULL), 0);
	passwords_are(s, "new", "", 0);
	assert_int_equal(next_put(s, "new", "third"), 0);
	assert_int_equal(next_settle(s, "third", "new", "new"), 0);
	passwords_are(s, "new", "", 0);
	/* Of a host that has no password. */
	assert_int_equal(fixture_put_host(s, fixture_make_host("a", "los", 1)), 0);
	assert_int_equal(next_put(s, "", "new"), 0);
	assert_int_equal(next_settle(s, "new", "", ""), 0);
	passwords_are(s, "", "", 0);
	/* The same BMC elsewhere. */
	fixture_site(s, "nbo");
	h = fixture_make_host("b", "nbo", 2);
	str_clip(h->bmc.address, sizeof(h->bmc.address), "203.0.113.9");
	assert_int_equal(fixture_put_host(s, h), 0);
	assert_int_equal(
	    db_bmc_shared(s, "a", "203.0.113.9", 602, other, sizeof(other)), 0);
	assert_string_equal(other, "b");
	assert_int_equal(
	    db_bmc_shared(s, "b", "203.0.113.9", 602, other, sizeof(other)), -ENOENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {FIXTURE_TEST(what_is_learned_is_of_one_bmc),
	    FIXTURE_TEST(manners_and_prefixes), FIXTURE_TEST(next_password)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
