/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/inventory_subnet.h"

#include "fixture.h"

#include "orchestrator/inventory_codec.h"

#define V4 "'prefix':'10.0.0.0/24'"
#define V6 "'prefix':'fd77::/64'"

/* What a person would write, with the error's text; NULL: good. */
static const struct {
	const char *subnets, *text;
} table[] = {
    {"{" V4 "}", NULL},
    {"{" V6 "}", NULL},
    {"{" V4 "},{" V6 "}", NULL},
    {"{" V6 ",'ra':'off','router_s':0,'mtu':0}", NULL},
    {"{" V6 ",'ra':'stateless','router_s':1800,'mtu':1400,'dns':['fd77::53'],"
     "'pool':['fd77::1000','fd77::1fff'],'relay':'fd78::1','domain':'a.example'}",
	NULL},
    /* Which prefixes. */
    {"{'prefix':'fd77::/56'}", "subnets[0]: prefix: a /56 cannot be booted from"},
    {"{" V4 "},{'prefix':'fd77::/112'}", "subnets[1]: prefix: a /112 cannot"},
    {"{'prefix':'fe80::/64'}", "prefix: fe80:: is a link-local address"},
    {"{'prefix':'ff02::/64'}", "prefix: ff02:: is a multicast address"},
    {"{'prefix':'::/64'}", "prefix: :: is the unspecified address"},
    {"{'prefix':'::ffff:10.0.0.0/112'}", "is an IPv4-mapped address"},
    {"{'prefix':'127.0.0.0/8'}", "prefix: 127.0.0.0 is a loopback address"},
    {"{'prefix':'0.0.0.0/0'}", "prefix: 0.0.0.0 is an address of no network"},
    {"{'prefix':'224.0.0.0/24'}", "prefix: 224.0.0.0 is a multicast address"},
    {"{'prefix':'169.254.0.0/16'}", "prefix: 169.254.0.0 is a link-local address"},
    /* Beside each other. */
    {"{" V4 "},{'prefix':'10.0.0.128/25'}",
	"subnets[1]: prefix: overlaps with subnets[0], 10.0.0.0/24"},
    {"{'prefix':'10.0.0.128/25'},{" V6 "},{" V4 "}",
	"subnets[2]: prefix: overlaps with subnets[0], 10.0.0.128/25"},
    {"{" V6 "},{" V6 "}", "subnets[1]: prefix: overlaps with subnets[0], fd77::/64"},
    {"{'prefix':'10.0.0.0/25'},{'prefix':'10.0.0.128/25'}", NULL},
    /* Gateways. */
    {"{" V4 ",'gateway':'10.0.1.1'}", "gateway: not inside the prefix"},
    {"{" V4 ",'gateway':'10.0.0.0'}", "gateway: the network's or the broadcast address"},
    {"{" V4 ",'gateway':'10.0.0.255'}", "gateway: the network's or the broadcast"},
    {"{'prefix':'10.0.0.0/31','gateway':'10.0.0.0'}", NULL},
    {"{" V6 ",'gateway':'fd77::1'}", "gateway: IPv6 hosts learn their router"},
    {"{" V4 ",'gateway':'fd77::1'}", "gateway: of another family than the prefix"},
    /* Pools. */
    {"{" V4 ",'gateway':'10.0.0.254','pool':['10.0.0.1','10.0.0.253']}", NULL},
    {"{" V4 ",'gateway':'10.0.0.254','pool':['10.0.0.1','10.0.0.254']}",
	"pool: holds 10.0.0.254, which is the gateway"},
    {"{" V4 ",'pool':['10.0.0.0','10.0.0.9']}",
	"pool: holds 10.0.0.0, which is the network's address"},
    {"{" V4 ",'pool':['10.0.0.9','10.0.0.255']}",
	"pool: holds 10.0.0.255, which is the broadcast address"},
    {"{'prefix':'10.0.0.0/31','pool':['10.0.0.0','10.0.0.1']}", NULL},
    {"{" V4 ",'pool':['10.0.0.9','10.0.0.8']}",
	"pool: 10.0.0.9 to 10.0.0.8 runs backwards"},
    {"{" V4 ",'pool':['10.0.0.9','10.0.1.8']}",
	"pool: 10.0.0.9 to 10.0.1.8 does not lie in 10.0.0.0/24"},
    {"{" V4 ",'pool':['fd77::1','fd77::2']}",
	"pool: fd77::1 to fd77::2 does not lie in 10.0.0"},
    {"{" V6 ",'pool':['fd77::','fd77::2']}",
	"pool: holds fd77::, which is the routers' anycast address"},
    {"{" V6 ",'pool':['fd77::2','fd77:0:0:1::2']}",
	"pool: fd77::2 to fd77:0:0:1::2 does not lie in"},
    /* Name servers and relays. */
    {"{" V4 ",'dns':['127.0.0.1']}", "dns: 127.0.0.1 is a loopback address"},
    {"{" V6 ",'dns':['fd77::53','fe80::1']}", "dns: fe80::1 is a link-local address"},
    {"{" V4 ",'dns':['fd77::53']}", "dns: of another family than the prefix"},
    {"{" V6 ",'dns':['::ffff:10.0.0.1']}", "is an IPv4-mapped address"},
    {"{" V6 ",'relay':'10.0.0.1'}", "relay: of another family than the prefix"},
    {"{" V4 ",'relay':'fd77::1'}", "relay: of another family than the prefix"},
    {"{" V6 ",'relay':'fe80::1'}", "relay: fe80::1 is a link-local address"},
    {"{" V4 ",'relay':'255.255.255.255'}", "relay: 255.255.255.255 is a reserved"},
    /* What is advertised. */
    {"{" V4 ",'ra':'managed'}", "ra, router_s, mtu: only of an IPv6 subnet"},
    {"{" V4 ",'mtu':1400}", "ra, router_s, mtu: only of an IPv6 subnet"},
    {"{" V6 ",'ra':'on'}", "ra: not off, managed or stateless"},
    {"{" V6 ",'router_s':9001}", "router_s: not 0..9000"},
    {"{" V6 ",'mtu':1279}", "mtu: not 1280..65535"},
};

static void
subnets_of_documents(void **state)
{
	struct db_site *site = str_alloc(sizeof(*site));

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct error err = {.code = ""};
		char text[1024];

		assert_int_equal(str_format(text, sizeof(text),
				     "{'name':'los','subnets':[%s]}", table[i].subnets),
		    0);
		json_t *v = fixture_json(text);
		int rc = inventory_codec_site(v, site, &err);
		if ((rc == 0) != !table[i].text ||
		    (table[i].text && !strstr(err.text, table[i].text)))
			fail_msg("%s: %s", table[i].subnets, err.text);
		if (rc < 0)
			assert_non_null(strstr(err.text, "subnets["));
		json_decref(v);
	}
	free(site);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(subnets_of_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
