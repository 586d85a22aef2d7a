/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/inventory_codec.h"

#include "fixture.h"

static void
hosts_read_and_write_alike(void **state)
{
	static const char *const texts[] = {
	    "{'name':'a','nics':[],'firmware':'uefi','local_boot':'exit1','labels':{},'"
	    "site':'los'}",
	    "{'name':'a','nics':[{'mac':'02:00:00:00:00:01','ip':'10.0.0.1','boot':true},"
	    "{'mac':'02:00:00:00:00:02','ip6':'fd77::2'}],"
	    "'loaders':{'x86-bios':'ipxe.pxe','x64-uefi':'signed/shimx64.efi','arch-77':'"
	    "x'},"
	    "'uuid':'12345678-1234-1234-1234-123456789abc','serial':'S1','firmware':'"
	    "bios','idle':'silent',"
	    "'local_boot':'sanboot','probe':'icmp','labels':{'a':'1','b':''},'site':'los'"
	    ",'image':'debian',"
	    "'bmc':{'address':'10.9.0.1','port':6230,'user':'u','privilege':'"
	    "administrator','cipher':17,"
	    "'boot_method':'none','boot_verify':'device'}}",
	};
	struct db_host *h = str_alloc(sizeof(*h));
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		json_t *v = fixture_json(texts[i]);
		if (inventory_codec_host(v, h, &err) < 0)
			fail_msg("%s", err.text);
		json_t *back = inventory_codec_host_json(h);
		assert_true(json_equal(v, back));
		json_decref(back);
		json_decref(v);
	}
	free(h);
}

static void
a_password_is_read_and_never_written(void **state)
{
	struct db_host *h = str_alloc(sizeof(*h));
	json_t *v = fixture_json(
	    "{'name':'a','site':'los','bmc':{'address':'x','password':'hush'}}");

	(void)state;
	assert_int_equal(inventory_codec_host(v, h, NULL), 0);
	assert_string_equal(h->bmc.password, "hush");
	json_t *back = inventory_codec_host_json(h);
	char *text = json_text(back);
	assert_null(strstr(text, "hush"));
	free(text);
	json_decref(back);
	json_decref(v);
	free(h);
}

static void
labels_have_one_order(void **state)
{
	struct db_host *a = str_alloc(sizeof(*a)), *b = str_alloc(sizeof(*b));
	json_t *v = fixture_json("{'name':'a','site':'los','labels':{'x':'1','a':'2'}}");
	json_t *w = fixture_json("{'name':'a','site':'los','labels':{'a':'2','x':'1'}}");

	(void)state;
	assert_int_equal(inventory_codec_host(v, a, NULL), 0);
	assert_int_equal(inventory_codec_host(w, b, NULL), 0);
	assert_string_equal(a->host.labels[0].key, "a");
	assert_memory_equal(a->host.labels, b->host.labels, sizeof(a->host.labels));
	json_decref(v);
	json_decref(w);
	free(a);
	free(b);
}

static void
expect_pointer(const char *text, const char *want)
{
	struct error err;
	char buf[100];

	error_set(&err, 0, "x", NULL, "%s", text);
	inventory_codec_pointer("/hosts/3", &err, buf, sizeof(buf));
	assert_string_equal(buf, want);
}

static void
pointers_follow_the_text(void **state)
{
	(void)state;
	expect_pointer("nics[1]: mac: not an address", "/hosts/3/nics/1/mac");
	expect_pointer("bmc: cipher: not 0, 3 or 17", "/hosts/3/bmc/cipher");
	expect_pointer("loaders: x64-uefi: not a path", "/hosts/3/loaders/x64-uefi");
	expect_pointer("not an object", "/hosts/3");
	expect_pointer("unknown key \"x: y: z\"", "/hosts/3");
	expect_pointer("nics[: x", "/hosts/3");
	expect_pointer("nics[1] x: y", "/hosts/3");
	expect_pointer("a:b", "/hosts/3");
	expect_pointer("", "/hosts/3");
}

/* It would be accepted, told to firmware, and never served: TFTP does not find it on purpose. */
static void
no_loader_is_the_way_to_the_disk(void **state)
{
	struct db_site *site = str_alloc(sizeof(*site));
	struct db_host *host = str_alloc(sizeof(*host));
	json_t *v = fixture_json("{'name':'a','loaders':{'x64-uefi':'local-boot.efi'}}");
	json_t *w =
	    fixture_json("{'name':'h','site':'a','nics':[{'mac':'52:54:00:77:00:01'}"
			 "],'loaders':{'x86-bios':'a.0',"
			 "'x64-uefi':'local-boot.efi'}}");
	struct error err;

	(void)state;
	assert_int_equal(inventory_codec_site(v, site, &err), -EINVAL);
	assert_string_equal(err.code, "bad-value");
	assert_int_equal(inventory_codec_host(w, host, &err), -EINVAL);
	assert_string_equal(err.code, "bad-value");
	assert_non_null(
	    strstr(err.text, "loaders: x64-uefi: local-boot.efi is the name"));
	assert_non_null(strstr(err.next, "another name"));
	json_decref(v);
	json_decref(w);
	free(site);
	free(host);
}

static void
sites_are_checked(void **state)
{
	static const char *const bad[] = {
	    "{'name':''}",
	    "{'name':'a b'}",
	    "{'timezone':'UTC'}",
	    "{'name':'a','timezone':'/etc/passwd'}",
	    "{'name':'a','loaders':[]}",
	    "{'name':'a','loaders':{'x64':'a.efi'}}",
	    "{'name':'a','loaders':{'x64-uefi':''}}",
	    "{'name':'a','loaders':{'x64-uefi':7}}",
	    "{'name':'a','loaders':{'x64-uefi':'../a.efi'}}",
	    "{'name':'a','loaders':{'x64-uefi':'/a.efi'}}",
	    "{'name':'a','loaders':{'x64-uefi':'a.efi','arch-7':'b.efi'}}",
	    "{'name':'a','timezone':'a/../b'}",
	    "{'name':'a','url':'ftp://x'}",
	    "{'name':'a','url':'http://x/'}",
	    "{'name':'a','url':'http://x y'}",
	    "{'name':'a','url':'http://${x}'}",
	    "{'name':'a','idle':'no'}",
	    "{'name':'a','subnets':{}}",
	    "{'name':'a','subnets':[{'prefix':'10.0.0.0/24','gateway':'10.1.0.1'}]}",
	    "{'name':'a','subnets':[{'prefix':'10.0.0.0/24','vlan':3}]}",
	    "[]",
	};
	struct db_site *site = str_alloc(sizeof(*site));
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		json_t *v = fixture_json(bad[i]);
		assert_int_equal(inventory_codec_site(v, site, &err), -EINVAL);
		assert_true(err.text[0] && err.code[0]);
		json_decref(v);
	}
	json_t *v = fixture_json("{'name':'a'}");
	assert_int_equal(inventory_codec_site(v, site, &err), 0);
	assert_string_equal(site->site.timezone, "UTC");
	json_decref(v);
	free(site);
}

/* What a name means is known at the site; that it means nothing anywhere is known here. */
static void
arguments_name_what_exists(void **state)
{
	static const struct {
		const char *args, *error;
	} table[] = {
	    {"a=${host.name} ${host.label.any} ${file.x.img} ${mac.hexhyp} $$ $${nope}",
		NULL},
	    {"a=${nope}", "args: there is no ${nope}"},
	    {"a=${report} b=${host.label.}", "args: there is no ${host.label.}"},
	    {"a=${file.y}", "args: ${file.y}: the image has no such file"},
	    {"a=${report", "args: a \"${\" is not followed"},
	};
	struct db_image *image = str_alloc(sizeof(*image));
	const char *digest =
	    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct error err = {.code = ""};
		json_t *v = json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:s, s:i}, "
				      "s:[{s:s, s:s, s:s, s:i}]}",
		    "name", "i", "kind", "live", "args", table[i].args, "kernel", "name",
		    "k", "path", "k", "sha256", digest, "size", 1, "files", "name",
		    "x.img", "path", "x", "sha256", digest, "size", 1);
		int rc = inventory_codec_image(v, image, &err);
		if (rc == 0)
			db_image_done(image);
		assert_int_equal(rc, table[i].error ? -EINVAL : 0);
		if (table[i].error)
			assert_non_null(strstr(err.text, table[i].error));
		json_decref(v);
	}
	free(image);
}

static void
sites_read_and_write_alike(void **state)
{
	struct db_site *site = str_alloc(sizeof(*site));
	json_t *v = fixture_json(
	    "{'name':'a','timezone':'UTC','url':'http://[fd77::1]','answer_unknown':true,"
	    "'idle':'menu','loaders':{'x64-uefi':'s.efi','arm64-uefi':'a/b.efi'},"
	    "'subnets':[{'prefix':'fd77::/64','dns':['fd77::53'],'pool':['fd77::10',"
	    "'fd77::ff'],'lease_s':600,'domain':'a.example','relay':'fd78::1',"
	    "'ra':'stateless','router_s':1800,'mtu':1400}]}");
	struct error err;

	(void)state;
	if (inventory_codec_site(v, site, &err) < 0)
		fail_msg("%s", err.text);
	json_t *back = inventory_codec_site_json(site);
	assert_true(json_equal(v, back));
	json_decref(back);
	json_decref(v);
	/* Two numbers have this name: it is written as it will be read. */
	v = fixture_json("{'name':'a','loaders':{'arch-9':'s.efi'}}");
	assert_int_equal(inventory_codec_site(v, site, &err), 0);
	assert_int_equal(site->site.loaders[0].arch, 7);
	json_decref(v);
	free(site);
}

/* One card's members, with the error's text; NULL: good. */
static void
cards_are_checked(void **state)
{
	static const struct {
		const char *card, *text;
	} table[] = {
	    {"'ip':'10.0.0.7','ip6':'fd77::7'", NULL},
	    {"'ip6':'2001:db8::7'", NULL},
	    {"'boot':true", NULL},
	    {"'ip':'fd77::7'", "nics[0]: ip: not an IPv4 address"},
	    {"'ip6':'10.0.0.7'", "nics[0]: ip6: not an IPv6 address"},
	    {"'ip6':'fd77::/64'", "nics[0]: ip6: not an IPv6 address"},
	    {"'ip6':'fe80::7'", "nics[0]: ip6: fe80::7 is a link-local address"},
	    {"'ip6':'ff02::1'", "nics[0]: ip6: ff02::1 is a multicast address"},
	    {"'ip6':'::1'", "nics[0]: ip6: ::1 is a loopback address"},
	    {"'ip6':'::'", "nics[0]: ip6: :: is the unspecified address"},
	    {"'ip6':'::ffff:10.0.0.7'", "is an IPv4-mapped address"},
	    {"'ip':'127.0.0.1'", "nics[0]: ip: 127.0.0.1 is a loopback address"},
	    {"'ip':'224.0.0.1'", "nics[0]: ip: 224.0.0.1 is a multicast address"},
	    {"'ip':'255.255.255.255'", "is a reserved address"},
	    {"'ip':'169.254.0.7'", "is a link-local address"},
	    {"'ip6':'fd77::7'},{'mac':'02:00:00:00:00:02','ip6':'fd77:0::7'",
		"nics[1]: ip6: same as nics[0]"},
	};
	struct db_host *h = str_alloc(sizeof(*h));

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct error err = {.code = ""};
		char text[512];

		assert_int_equal(str_format(text, sizeof(text),
				     "{'name':'a','site':'los','nics':[{'mac':'02:00:00:"
				     "00:00:01',%s}]}",
				     table[i].card),
		    0);
		json_t *v = fixture_json(text);
		int rc = inventory_codec_host(v, h, &err);
		if ((rc == 0) != !table[i].text ||
		    (table[i].text && !strstr(err.text, table[i].text)))
			fail_msg("%s: %s", table[i].card, err.text);
		json_decref(v);
	}
	free(h);
}

#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define FILE_OF(name, more) \
	"{'name':'" name "','path':'d/" name "','sha256':'" DIGEST "','size':1" more "}"
#define SIZED(name, size)                                                           \
	"{'name':'" name "','path':'d/" name "','sha256':'" DIGEST "','size':" size \
	",'template':true}"
#define IMAGE(kernel, initrd, file, more)                               \
	"{'name':'i','kind':'live','args':'','reports':[],'local_boot'" \
	":false,'kernel':" kernel ",'initrds':[" initrd "],'files':[" file "]" more "}"

static void
templates_and_nfs_roots(void **state)
{
	static const struct {
		const char *image, *text;
	} table[] = {
	    {IMAGE(FILE_OF("k", ""), FILE_OF("i", ""),
		 FILE_OF("preseed.cfg", ",'template':true"), ",'nfs_root':'grml/root'"),
		NULL},
	    {IMAGE(FILE_OF("k", ",'template':true"), "", "", ""), "kernel: template: "},
	    {IMAGE(FILE_OF("k", ""), FILE_OF("i", ",'template':true"), "", ""),
		"initrds[0]: template: "},
	    {IMAGE(FILE_OF("k", ""), "", FILE_OF("f", ",'template':1"), ""),
		"files[0]: template: "},
	    {IMAGE(FILE_OF("k", ""), "", SIZED("preseed.cfg", "65536"), ""), NULL},
	    {IMAGE(FILE_OF("k", ""), "", SIZED("preseed.cfg", "65537"), ""),
		"files[0]: template: d/preseed.cfg has 65537 octets, and"},
	    {IMAGE(FILE_OF("k", ""), "", "", ",'nfs_root':'/srv'"), "nfs_root: leaves"},
	    {IMAGE(FILE_OF("k", ""), "", "", ",'nfs_root':'a/../..'"),
		"nfs_root: leaves"},
	};
	struct db_image *image = str_alloc(sizeof(*image));

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct error err = {.code = ""};
		json_t *v = fixture_json(table[i].image);
		int rc = inventory_codec_image(v, image, &err);
		if ((rc == 0) != !table[i].text ||
		    (table[i].text && !strstr(err.text, table[i].text)))
			fail_msg("%s: %s", table[i].image, err.text);
		if (rc == 0) {
			json_t *back = inventory_codec_image_json(image);
			json_object_del(v, "args"); /* empty */
			assert_true(json_equal(v, back));
			json_decref(back);
			db_image_done(image);
		}
		json_decref(v);
	}
	free(image);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hosts_read_and_write_alike),
	    cmocka_unit_test(a_password_is_read_and_never_written),
	    cmocka_unit_test(labels_have_one_order),
	    cmocka_unit_test(pointers_follow_the_text),
	    cmocka_unit_test(no_loader_is_the_way_to_the_disk),
	    cmocka_unit_test(sites_are_checked),
	    cmocka_unit_test(arguments_name_what_exists),
	    cmocka_unit_test(sites_read_and_write_alike),
	    cmocka_unit_test(cards_are_checked),
	    cmocka_unit_test(templates_and_nfs_roots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
