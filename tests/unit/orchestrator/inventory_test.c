/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/inventory.h"

#include "fixture.h"

#include "db/db_audit.h"
#include "db/db_host.h"
#include "db/db_site.h"

static const char *
action(const json_t *changes, size_t i)
{
	return json_string_value(json_object_get(json_array_get(changes, i), "action"));
}

static void
a_document_is_added_then_the_same(void **state)
{
	struct fixture *f = *state;
	json_t *changes = NULL;

	assert_string_equal(fixture_apply(f, FIXTURE_DOCUMENT, &changes), "");
	assert_int_equal(json_array_size(changes), 5);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(action(changes, i), "add");
	json_decref(changes);
	assert_string_equal(fixture_apply(f, FIXTURE_DOCUMENT, &changes), "");
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(action(changes, i), "same");
	json_decref(changes);
}

static void
an_unchanged_document_leaves_versions_alone(void **state)
{
	struct fixture *f = *state;
	int64_t before, after;

	fixture_apply(f, FIXTURE_DOCUMENT, NULL);
	assert_int_equal(db_site_version(f->store, "los", &before), 0);
	fixture_apply(f, FIXTURE_DOCUMENT, NULL);
	assert_int_equal(db_site_version(f->store, "los", &after), 0);
	assert_int_equal(before, after);
	fixture_apply(f, "{'hosts':[{'name':'d.los','site':'los'}]}", NULL);
	assert_int_equal(db_site_version(f->store, "los", &after), 0);
	assert_true(after > before);
}

static char *
password_of(struct fixture *f, const char *name)
{
	struct db_host *h = str_alloc(sizeof(*h));
	char context[80], *plain = NULL;

	assert_int_equal(db_host_get(f->store, name, h), 0);
	assert_int_equal(str_format(context, sizeof(context), "bmc/%s", name), 0);
	assert_int_equal(secret_unseal(f->key, context, h->sealed, &plain), 0);
	free(h);
	return plain;
}

static void
passwords_stay_unless_given_anew(void **state)
{
	struct fixture *f = *state;
	json_t *changes = NULL;
	char *plain;

	fixture_apply(f, FIXTURE_DOCUMENT, NULL);
	assert_string_equal(
	    fixture_apply(f,
		"{'hosts':[{'name':'a.los','site':'los','bmc':{'address':'10.9.0.77'}}]}",
		NULL),
	    "");
	plain = password_of(f, "a.los");
	assert_string_equal(plain, "p1");
	secret_free(plain);
	fixture_apply(f,
	    "{'hosts':[{'name':'a.los','site':'los','bmc':{'address':'10.9.0.77','"
	    "password':'new'}}]}",
	    &changes);
	plain = password_of(f, "a.los");
	assert_string_equal(plain, "new");
	secret_free(plain);
	char *text = json_text(changes);
	assert_null(strstr(text, "\"new\""));
	assert_null(strstr(text, "p1"));
	assert_non_null(strstr(text, "bmc.password"));
	free(text);
	json_decref(changes);
}

/* One bad object among good ones: nothing of the document is there afterwards. */
static void
refusals(void **state)
{
	static const struct {
		const char *document, *code;
	} table[] = {
	    {"{'hosts':[{'name':'a','site':'mars'}]}", "site-unknown"},
	    {"{'sites':[" FIXTURE_SITE "," FIXTURE_SITE "]}", "name-duplicate"},
	    {"{'sites':[" FIXTURE_SITE
	     "],'hosts':[{'name':'a','site':'los','image':'x'}]}",
		"image-unknown"},
	    {"{'images':[{'name':'x','kind':'live','kernel':{'path':'absent'}}]}",
		"image-missing"},
	    {"{'images':[{'name':'x','kind':'live'}]}", "bad-value"},
	    {"{'images':[{'name':'x','kind':'live','kernel':{'path':'vmlinuz','sha256':'"
	     "00'}}]}",
		"image-altered"},
	    {"{'images':[{'name':'x','kind':'live','kernel':{'path':'vmlinuz'},'initrds':"
	     "['vmlinuz']}]}",
		"bad-value"},
	    {"{'sites':[" FIXTURE_SITE
	     "],'hosts':[{'name':'a','site':'los','nics':[{'mac':'02:00:00:00:00:01'}]},"
	     "{'name':'b','site':'los','nics':[{'mac':'02:00:00:00:00:01'}]}]}",
		"mac-duplicate"},
	    {"{'sites':[" FIXTURE_SITE
	     "],'hosts':[{'name':'a','site':'los','nics':[{'mac':'02:00:00:00:00:01'},"
	     "{'mac':'02-00-00-00-00-01'}]}]}",
		"mac-duplicate"},
	    {"{'sites':[" FIXTURE_SITE
	     "],'hosts':[{'name':'a','site':'los','hostname':'x'}]}",
		"key-unknown"},
	    {"{'sites':[{'name':'los','subnets':[{'prefix':'10.0.0.0/"
	     "8'},{'prefix':'10.1.0.0/16'}]}]}",
		"subnet-overlap"},
	    {"{'sites':[{'name':'los','subnets':[{'prefix':'fd77::/64'}]}],'hosts':["
	     "{'name':'a','site':'los','nics':[{'mac':'02:00:00:00:00:01','ip6':'fd77::7'"
	     "}]},{'name':'b','site':'los','nics':[{'mac':'02:00:00:00:00:02','ip6':"
	     "'fd77:0::0:7'}]}]}",
		"ip-duplicate"},
	    {"{'sites':[" FIXTURE_SITE
	     ",{'name':'x','subnets':[{'prefix':'fd77::/48'}]}]}",
		"bad-value"},
	    {"{'sites':[" FIXTURE_SITE
	     "],'hosts':[{'name':'a','site':'los','loaders':{'x64-uefi':'../x'}}]}",
		"bad-value"},
	    {"{'sites':[{'name':'../etc'}]}", "bad-value"},
	    {"{'sites':[{'name':'x','timezone':'../../etc/passwd'}]}", "bad-value"},
	    {"{'sites':[3,4]}", "document-refused"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct store_names names = {0};
		assert_string_equal(
		    fixture_apply(f, table[i].document, NULL), table[i].code);
		assert_int_equal(db_site_names(f->store, NULL, 9, &names), 0);
		assert_int_equal(names.n, 0);
	}
}

#define MENU_IMAGES                                                             \
	"'images':[{'name':'live1','kind':'live','kernel':{'path':'vmlinuz'}}," \
	"{'name':'inst1','kind':'reinstall','kernel':{'path':'vmlinuz'}},"      \
	"{'name':'ticket1','kind':'live','kernel':{'path':'vmlinuz'},"          \
	"'args':'x=${token}'}]"
#define MENU_SITE(menu) "'sites':[{'name':'m','idle':'menu','menu':" menu "}]"

/* What no ticket protects is checked where a person sees it, from both sides. */
static void
menus(void **state)
{
	static const struct {
		const char *document, *code;
	} table[] = {
	    {"{" MENU_SITE("{'items':['nothing']}") "}", "image-unknown"},
	    {"{" MENU_SITE("{'default':'nothing'}") "}", "image-unknown"},
	    {"{" MENU_SITE("{'items':['inst1','local']}") "," MENU_IMAGES "}",
		"menu-image"},
	    {"{" MENU_SITE("{'default':'inst1'}") "," MENU_IMAGES "}", "menu-image"},
	    {"{" MENU_SITE("{'items':['ticket1']}") "," MENU_IMAGES "}", "menu-image"},
	    {"{" MENU_SITE("{'items':['live1'],'default':'shell'}") "," MENU_IMAGES "}",
		"bad-value"},
	    {"{" MENU_SITE("{'item':['live1']}") "}", "key-unknown"},
	    {"{" MENU_SITE("{'timeout_s':'5'}") "}", "bad-value"},
	    {"{" MENU_SITE(
		 "{'items':['live1','shell'],'default':'live1'}") "," MENU_IMAGES "}",
		""},
	    /* It is there now, and the image may not become what the menu cannot show. */
	    {"{'images':[{'name':'live1','kind':'reinstall','kernel':{'path':'vmlinuz'}}]"
	     "}",
		"image-in-menu"},
	    {"{'images':[{'name':'live1','kind':'live','kernel':{'path':'vmlinuz'},"
	     "'args':'${report}'}]}",
		"image-in-menu"},
	    {"{" MENU_SITE("{'items':['shell']}") ",'images':[{'name':'live1','kind':"
						  "'reinstall','kernel':{'path':"
						  "'vmlinuz'}}]}",
		""},
	};
	struct fixture *f = *state;
	struct db_site *site = str_alloc(sizeof(*site));

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const char *code = fixture_apply(f, table[i].document, NULL);

		if (!str_eq(code, table[i].code))
			fail_msg("%s: %s", table[i].document, code);
	}
	assert_int_equal(db_site_get(f->store, "m", site), 0);
	assert_int_equal(site->site.menu.n_items, 1);
	assert_string_equal(site->site.menu.items[0], "shell");
	assert_string_equal(
	    fixture_apply(f, "{'sites':[{'name':'m','idle':'local'}]}", NULL), "");
	assert_int_equal(db_site_get(f->store, "m", site), 0);
	assert_false(site->site.menu.set);
	free(site);
}

/* Which of the sites have another version after a change. */
static void
touched(struct fixture *f, const char *document, const char *want)
{
	static const char *const sites[] = {"names", "shows", "host", "none"};
	int64_t before[ARRAY_SIZE(sites)], after;
	char got[64] = "";

	for (size_t i = 0; i < ARRAY_SIZE(sites); i++)
		assert_int_equal(db_site_version(f->store, sites[i], &before[i]), 0);
	assert_string_equal(fixture_apply(f, document, NULL), "");
	for (size_t i = 0; i < ARRAY_SIZE(sites); i++) {
		assert_int_equal(db_site_version(f->store, sites[i], &after), 0);
		if (after != before[i]) {
			strcat(got, sites[i]);
			strcat(got, " ");
		}
	}
	assert_string_equal(got, want);
}

#define IMAGE(name, kind, args)                                              \
	"{'images':[{'name':'" name "','kind':'" kind "','args':'" args "'," \
	"'kernel':{'path':'vmlinuz'}}]}"

/* Agents hold what a menu shows: another image, another version, there and nowhere else. */
static void
only_sites_that_show_an_image_are_told(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(
	    fixture_apply(f,
		"{'images':[{'name':'live1','kind':'live','kernel':{'path':'vmlinuz'}}],"
		"'sites':[{'name':'names','menu':{'items':['live1','local']}},"
		"{'name':'shows','idle':'menu'},{'name':'host'},{'name':'none'}],"
		"'hosts':[{'name':'h','site':'host','idle':'menu','nics':"
		"[{'mac':'52:54:00:00:00:99'}]}]}",
		NULL),
	    "");
	touched(f, IMAGE("live1", "live", "a"), "names shows host ");
	touched(f, IMAGE("live1", "live", "a"), "");
	touched(f, IMAGE("live2", "live", ""), "shows host ");
	/* It leaves their menus, and is nothing to them then. */
	touched(f, IMAGE("live2", "reinstall", ""), "shows host ");
	touched(f, IMAGE("live2", "reinstall", "a"), "");
	touched(f, IMAGE("inst2", "reinstall", ""), "");
}

static bool
count_rows(void *arg, const struct audit_chain_row *row)
{
	assert_string_equal(row->text[AUDIT_CHAIN_WHO].v, "ada");
	assert_string_equal(row->text[AUDIT_CHAIN_REASON].v, "INC-1");
	for (size_t i = 0; i < AUDIT_CHAIN_TEXTS; i++)
		assert_null(strstr(row->text[i].v, "\"p1\""));
	++*(int *)arg;
	return true;
}

static void
each_change_has_an_audit_row(void **state)
{
	struct fixture *f = *state;
	int rows = 0;

	fixture_apply(f, FIXTURE_DOCUMENT, NULL);
	fixture_apply(f, FIXTURE_DOCUMENT, NULL);
	assert_int_equal(
	    db_audit_walk(f->store, 1, INT64_MAX, 100, count_rows, &rows), 0);
	assert_int_equal(rows, 5);
}

static bool
last_row(void *arg, const struct audit_chain_row *row)
{
	char *text = arg;

	text[0] = '\0';
	for (int i = AUDIT_CHAIN_WHAT; i < AUDIT_CHAIN_TEXTS; i++)
		if (i != AUDIT_CHAIN_REASON && i != AUDIT_CHAIN_RESULT) {
			strcat(text, row->text[i].v);
			strcat(text, " ");
		}
	return true;
}

/* Both sides of what differs, and of secrets that they did. */
static void
a_row_has_what_was_and_what_is(void **state)
{
	struct fixture *f = *state;
	char text[2000];

	fixture_apply(f, FIXTURE_DOCUMENT, NULL);
	fixture_apply(f, "{'sites':[{'name':'los','timezone':'Africa/Lagos'}]}", NULL);
	assert_int_equal(db_audit_walk(f->store, 1, INT64_MAX, 100, last_row, text), 0);
	assert_string_equal(text, "site.change los {\"timezone\":\"UTC\"} "
				  "{\"timezone\":\"Africa/Lagos\"}  ");
	fixture_apply(f,
	    "{'hosts':[{'name':'a.los','site':'los','image':'debian','labels':{'rack':'"
	    "r1'},"
	    "'nics':[{'mac':'52:54:00:00:00:01','ip':'10.0.0.1'}],'bmc':{'address':"
	    "'10.9.0.1','user':'u','password':'another'}}]}",
	    NULL);
	assert_int_equal(db_audit_walk(f->store, 1, INT64_MAX, 100, last_row, text), 0);
	assert_string_equal(text, "host.change a.los {\"bmc.password\":\"set\"} "
				  "{\"bmc.password\":\"changed\"}  ");
}

static void
an_export_applies_as_the_same(void **state)
{
	struct fixture *f = *state;
	json_t *changes = NULL;

	fixture_apply(f, FIXTURE_DOCUMENT, NULL);
	json_t *doc = inventory_export(f->store, NULL);
	char *text = json_text(doc);
	assert_null(strstr(text, "password"));
	assert_null(strstr(text, "sha256"));
	assert_string_equal(fixture_apply(f, text, &changes), "");
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(action(changes, i), "same");
	json_decref(changes);
	json_decref(doc);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(a_document_is_added_then_the_same),
	    FIXTURE_TEST(an_unchanged_document_leaves_versions_alone),
	    FIXTURE_TEST(passwords_stay_unless_given_anew),
	    FIXTURE_TEST(refusals),
	    FIXTURE_TEST(menus),
	    FIXTURE_TEST(only_sites_that_show_an_image_are_told),
	    FIXTURE_TEST(each_change_has_an_audit_row),
	    FIXTURE_TEST(a_row_has_what_was_and_what_is),
	    FIXTURE_TEST(an_export_applies_as_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
