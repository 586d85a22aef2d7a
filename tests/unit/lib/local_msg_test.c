/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/local_msg.h"

#include <errno.h>

#include "lib/compiler.h"
#include "lib/json.h"
#include "lib/str.h"
#include "tests/unit/quoted.h"

#define KG "0102030405060708090a0b0c0d0e0f1011121314"
#define HOST                                                                             \
	"{'host':'edge01.los','image':'debian','bmc':{'address':'192.0.2.1','port':623," \
	"'user':'admin','password':'secret17','kg':'" KG "'}"

static int
read_host(const char *text, struct local_msg_host *ret, struct error *err)
{
	json_t *v = quoted(text);
	int r = local_msg_host_from_json(v, ret, err);

	json_decref(v);
	return r;
}

static void
hosts_round_trip(void **state)
{
	static const char *const texts[] = {HOST "}",
	    HOST ",'locked':{'at':17,'by':'ada','reason':'on the bench'}}",
	    "{'host':'edge02','bmc':null,'withheld':'rotation-open'}",
	    "{'host':'edge02','bmc':null,'locked':null,'of a newer release':{'x':[]}}"};
	struct local_msg_host *h = str_alloc(sizeof(*h)), *again = str_alloc(sizeof(*h));
	struct error err = {.text = ""};
	json_t *v;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (read_host(texts[i], h, &err) < 0)
			fail_msg("%s: %s", texts[i], err.text);
		v = local_msg_host_to_json(h);
		assert_int_equal(local_msg_host_from_json(v, again, &err), 0);
		json_decref(v);
		assert_string_equal(h->name, again->name);
		assert_string_equal(h->image, again->image);
		assert_string_equal(h->withheld, again->withheld);
		assert_string_equal(h->bmc.password, again->bmc.password);
		assert_int_equal(h->bmc.kg_set, again->bmc.kg_set);
		assert_memory_equal(h->bmc.kg, again->bmc.kg, sizeof(h->bmc.kg));
		assert_int_equal(h->locked_at, again->locked_at);
		assert_string_equal(h->locked_by, again->locked_by);
		assert_string_equal(h->locked_reason, again->locked_reason);
		local_msg_host_done(again);
		local_msg_host_done(h);
		assert_string_equal(h->bmc.password, "");
	}
	free(h);
	free(again);
}

/* A lock that cannot be read makes the host one that is not known: nobody orders past it. */
static void
hosts_that_make_no_sense(void **state)
{
	static const struct {
		const char *text, *word;
	} rows[] = {
	    {"[]", "host"},
	    {"{}", "host"},
	    {"{'host':7}", "host"},
	    {"{'host':''}", "host"},
	    {"{'host':'a b'}", "host"},
	    {"{'host':'../x'}", "host"},
	    {"{'host':'-a\\n'}", "host"},
	    {"{'host':'a','bmc':'192.0.2.1'}", "bmc"},
	    {"{'host':'a','bmc':{'address':7}}", "bmc"},
	    {"{'host':'a','bmc':{'address':'192.0.2.1','port':70000}}", "bmc"},
	    {"{'host':'a','bmc':{'address':'192.0.2.1','password':"
	     "'more-than-twenty-octets-of-it'}}",
		"bmc"},
	    {"{'host':'a','bmc':{'address':'192.0.2.1','kg':'more-than-twenty-octets-of-"
	     "it'}}",
		"bmc"},
	    {"{'host':'a','locked':true}", "locked"},
	    {"{'host':'a','locked':'by ada'}", "locked"},
	    {"{'host':'a','locked':{}}", "locked"},
	    {"{'host':'a','locked':{'at':0}}", "locked"},
	    {"{'host':'a','locked':{'at':-5}}", "locked"},
	    {"{'host':'a','locked':{'at':'now'}}", "locked"},
	    {"{'host':'a','locked':{'at':1,'by':['ada']}}", "locked"},
	    {"{'host':'a','withheld':true}", "withheld"},
	    {"{'host':'a','withheld':'a-code-that-is-longer-than-any-code-there-may-be'}",
		"withheld"},
	};
	struct local_msg_host *h = str_alloc(sizeof(*h));
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		err.text[0] = '\0';
		if (read_host(rows[i].text, h, &err) != -EINVAL ||
		    strstr(err.text, rows[i].word) == NULL)
			fail_msg("%s: %s", rows[i].text, err.text);
		assert_string_equal(h->name, "");
	}
	free(h);
}

static void
pages_come_to_an_end(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} rows[] = {
	    {"{'version':3,'hosts':[{}],'images':[{}],'after':'a'}", true},
	    {"{'version':3}", true}, /* a site without hosts */
	    {"{'version':3,'after':''}", true},
	    {"{'version':3,'after':'a'}", false}, /* asked for ever */
	    {"{'version':3,'hosts':[],'after':'a'}", false},
	    {"{'version':'3'}", false},
	    {"{}", false},
	    {"[]", false},
	    {"{'version':3,'hosts':{}}", false},
	    {"{'version':3,'images':'x'}", false},
	    {"{'version':3,'hosts':[1],'after':7}", false},
	};
	struct local_msg_page page;
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_t *v = quoted(rows[i].text);

		if (local_msg_page_from_json(v, &page, &err) !=
		    (rows[i].good ? 0 : -EINVAL))
			fail_msg("%s", rows[i].text);
		json_decref(v);
	}
}

static void
pages_are_bounded(void **state)
{
	json_t *hosts = json_array(), *images = json_array(),
	       *v = json_pack(
		   "{s:i, s:o, s:o}", "version", 1, "hosts", hosts, "images", images);
	char after[BUNDLE_NAME_SIZE + 1];
	struct local_msg_page page;
	struct error err;

	(void)state;
	for (int i = 0; i < LOCAL_MSG_PAGE_MAX; i++)
		json_array_append_new(hosts, json_null());
	for (int i = 0; i < LOCAL_MSG_IMAGES_MAX; i++)
		json_array_append_new(images, json_null());
	assert_int_equal(local_msg_page_from_json(v, &page, &err), 0);
	json_array_append_new(images, json_null());
	assert_int_equal(local_msg_page_from_json(v, &page, &err), -EINVAL);
	json_array_remove(images, 0);
	json_array_append_new(hosts, json_null());
	assert_int_equal(local_msg_page_from_json(v, &page, &err), -EINVAL);
	json_array_remove(hosts, 0);
	memset(after, 'a', sizeof(after));
	after[BUNDLE_NAME_SIZE] = '\0';
	json_object_set_new(v, "after", json_string(after));
	assert_int_equal(local_msg_page_from_json(v, &page, &err), -EINVAL);
	json_decref(v);
}

static void
images_that_erase_are_not_handed_down(void **state)
{
	(void)state;
	assert_false(local_msg_image_fits("reinstall"));
	assert_true(local_msg_image_fits("rescue"));
	assert_true(local_msg_image_fits("tool"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hosts_round_trip),
	    cmocka_unit_test(hosts_that_make_no_sense),
	    cmocka_unit_test(pages_come_to_an_end),
	    cmocka_unit_test(pages_are_bounded),
	    cmocka_unit_test(images_that_erase_are_not_handed_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
