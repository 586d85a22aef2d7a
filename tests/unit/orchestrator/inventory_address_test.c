/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/inventory_address.h"

#include "fixture.h"

#include "db/db_site.h"

#define SITE(subnets) "{'name':'los','subnets':[" subnets "]}"
#define SUBNET                 \
	"{'prefix':'10.0.0.0/" \
	"24','gateway':'10.0.0.1','pool':['10.0.0.100','10.0.0.200']}"
#define HOST(ip) \
	"{'name':'a','site':'los','nics':[{'mac':'02:00:00:00:00:01','ip':'" ip "'}]}"
#define HOST6(ip) \
	"{'name':'a','site':'los','nics':[{'mac':'02:00:00:00:00:01','ip6':'" ip "'}]}"
#define V6 "{'prefix':'fd77::/64','pool':['fd77::100','fd77::1ff']}"
#define BOTH(subnets, host) "{'sites':[" SITE(subnets) "],'hosts':[" host "]}"

static void
addresses_of_new_hosts(void **state)
{
	static const struct {
		const char *document, *code;
	} table[] = {
	    {BOTH(SUBNET, HOST("10.0.0.0")), "bad-value"},
	    {BOTH(SUBNET, HOST("10.0.0.255")), "bad-value"},
	    {BOTH(SUBNET, HOST("10.0.0.1")), "bad-value"},
	    {BOTH(SUBNET, HOST("10.0.1.7")), "bad-value"},
	    {BOTH(SUBNET ",{'prefix':'fd77::/64'}", HOST("10.0.1.7")), "bad-value"},
	    {BOTH("", HOST("10.0.1.7")), ""},
	    {BOTH("{'prefix':'fd77::/64'}", HOST("10.0.1.7")), ""},
	    {BOTH(SUBNET, HOST("fd77::7")), "bad-value"},
	    {BOTH(SUBNET, HOST("10.0.0.7")), ""},
	    {BOTH(SUBNET, HOST("10.0.0.100")), ""}, /* of the pool */
	    {BOTH("{'prefix':'10.0.0.0/31'}", HOST("10.0.0.0")), ""},
	    {BOTH(SUBNET ",{'prefix':'10.0.1.0/24'}", HOST("10.0.1.7")), ""},
	    {BOTH(V6, HOST6("fd77::7")), ""},
	    {BOTH(V6, HOST6("fd77::100")), ""}, /* of the pool */
	    {BOTH(SUBNET "," V6, HOST6("fd77::7")), ""},
	    {BOTH(V6, HOST6("fd77::")), "bad-value"},
	    {BOTH(V6, HOST6("fd78::7")), "bad-value"},
	    {BOTH(SUBNET, HOST6("fd77::7")), "bad-value"},
	    {BOTH("", HOST6("fd77::7")), "bad-value"},
	    {BOTH(SUBNET "," V6,
		 "{'name':'a','site':'los','nics':[{'mac':'02:00:00:00:00:"
		 "01','ip':'10.0.0.7','ip6':'fd78::7'}]}"),
		"bad-value"},
	    {BOTH(SUBNET "," V6,
		 "{'name':'a','site':'los','nics':[{'mac':'02:00:00:00:00:"
		 "01'},{'mac':'02:00:00:00:00:02','ip6':'fd78::7'}]}"),
		""},
	    /* Neither: an address of the pool. */
	    {BOTH(V6, "{'name':'a','site':'los','nics':[{'mac':'02:00:00:00:00:01'}]}"),
		""},
	    /* A second card may be on a network that is not served, but is no gateway of one that is. */
	    {BOTH(SUBNET, "{'name':'a','site':'los','nics':[{'mac':'02:00:00:00:00:01','"
			  "ip':'10.0.0.7'},"
			  "{'mac':'02:00:00:00:00:02','ip':'192.168.0.7'}]}"),
		""},
	    {BOTH(SUBNET, "{'name':'a','site':'los','nics':[{'mac':'02:00:00:00:00:01','"
			  "ip':'10.0.0.7'},"
			  "{'mac':'02:00:00:00:00:02','ip':'10.0.0.1'}]}"),
		"bad-value"},
	    {BOTH(SUBNET, "{'name':'a','site':'los','nics':[{'mac':'02:00:00:00:00:01','"
			  "ip':'192.168.0.7'},"
			  "{'mac':'02:00:00:00:00:02','ip':'10.0.0.7','boot':true}]}"),
		""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		void *f = NULL;

		fixture_open(&f);
		assert_string_equal(
		    fixture_apply(f, table[i].document, NULL), table[i].code);
		fixture_close(&f);
	}
}

static void
of_a_site_that_is_there_already(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(fixture_apply(f, "{'sites':[" SITE(SUBNET) "]}", NULL), "");
	assert_string_equal(
	    fixture_apply(f, "{'hosts':[" HOST("10.0.0.255") "]}", NULL), "bad-value");
	assert_string_equal(
	    fixture_apply(f, "{'hosts':[" HOST("10.0.0.7") "]}", NULL), "");
}

static void
count_faults(void *arg, const char *host, const struct error *err)
{
	assert_string_equal(host, "a");
	assert_non_null(
	    strstr(err->text, "nics[0]: ip: 10.0.0.7 lies in no subnet of site los"));
	++*(int *)arg;
}

static int
faults(struct fixture *f)
{
	int n = 0;

	assert_int_equal(inventory_address_scan(f->store, count_faults, &n), 0);
	return n;
}

static void
keep_text(void *arg, const char *host, const struct error *err)
{
	assert_null(host);
	str_clip(arg, 200, err->text);
}

/* From before it was checked: served as far as it goes, and told of. */
static void
subnets_that_stand_are_looked_at(void **state)
{
	struct fixture *f = *state;
	struct db_site *site = str_alloc(sizeof(*site));
	char text[200] = "";

	assert_string_equal(fixture_apply(f, "{'sites':[" SITE(SUBNET) "]}", NULL), "");
	assert_int_equal(db_site_get(f->store, "los", site), 0);
	assert_int_equal(
	    addr_prefix_parse("fd77::/56", &site->site.subnets[0].prefix), 0);
	site->site.subnets[0].gateway.family = 0;
	site->site.subnets[0].pool_first.family = site->site.subnets[0].pool_last.family =
	    0;
	assert_int_equal(db_begin(store_db(f->store)), 0);
	assert_int_equal(db_site_put(f->store, site, FIXTURE_NOW), 0);
	assert_int_equal(db_commit(store_db(f->store)), 0);
	assert_int_equal(inventory_address_scan(f->store, keep_text, text), 0);
	assert_non_null(
	    strstr(text, "site los: subnets[0]: prefix: a /56 cannot be booted from"));
	free(site);
}

#define MOVED "{'prefix':'10.1.0.0/24'}"

/* Subnets may be changed under their hosts, and then the hosts: doctor tells meanwhile. What is so already
 * holds up no other change; a document that makes it so is refused. */
static void
subnets_may_change_under_their_hosts(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(fixture_apply(f, BOTH(SUBNET, HOST("10.0.0.7")), NULL), "");
	assert_int_equal(faults(f), 0);
	assert_string_equal(
	    fixture_apply(f, BOTH(MOVED, HOST("10.0.0.7")), NULL), "bad-value");
	assert_string_equal(fixture_apply(f, "{'sites':[" SITE(MOVED) "]}", NULL), "");
	assert_int_equal(faults(f), 1);
	json_t *doc = inventory_export(f->store, NULL);
	char *text = json_text(doc);
	assert_string_equal(fixture_apply(f, text, NULL), "");
	free(text);
	json_decref(doc);
	assert_string_equal(fixture_apply(f,
				"{'hosts':[{'name':'a','site':'los','serial':'S1','nics':"
				"[{'mac':'02:00:00:00:00:01','ip':'10.0.0.7'}]}]}",
				NULL),
	    "");
	assert_string_equal(
	    fixture_apply(f, "{'hosts':[" HOST("10.0.0.8") "]}", NULL), "bad-value");
	assert_int_equal(faults(f), 1);
	assert_string_equal(
	    fixture_apply(f, "{'hosts':[" HOST("10.1.0.7") "]}", NULL), "");
	assert_int_equal(faults(f), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(addresses_of_new_hosts),
	    FIXTURE_TEST(of_a_site_that_is_there_already),
	    FIXTURE_TEST(subnets_may_change_under_their_hosts),
	    FIXTURE_TEST(subnets_that_stand_are_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
