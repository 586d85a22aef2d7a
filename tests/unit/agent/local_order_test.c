/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a site may order by itself, and what is asked of it all the same. */
#include "agent/local_order.h"

#include <errno.h>

#include "lib/json.h"
#include "lib/str.h"
#include "tests/unit/quoted.h"

static void
refused(const char *text, const char *code, const char *word)
{
	struct local_order o;
	struct error err = {.code = ""};
	json_t *v = quoted(text);

	if (local_order_parse(v, &o, &err) != -EINVAL || !str_eq(err.code, code) ||
	    strstr(err.text, word) == NULL)
		fail_msg("%s: %s: %s", text, err.code, err.text);
	json_decref(v);
}

static void
what_is_offered_is_read(void **state)
{
	static const struct {
		const char *text;
		enum bundle_kind kind;
	} rows[] = {
	    {"{'kind':'rescue','hosts':'a','reason':'x'}", BUNDLE_RESCUE},
	    {"{'kind':'live','hosts':'a','reason':'x','image':'l'}", BUNDLE_LIVE},
	    {"{'kind':'boot','hosts':'a','reason':'x','image':'l'}", BUNDLE_BOOT},
	    {"{'kind':'reboot','hosts':'a','reason':'x','hard':true,'graceful_s':0}",
		BUNDLE_REBOOT},
	    {"{'kind':'power','hosts':'a','reason':'x','action':'soft','at':null,"
	     "'window_s':false,'more':[]}",
		BUNDLE_POWER},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_t *v = quoted(rows[i].text);
		struct local_order o;
		struct error err = {.code = ""};

		if (local_order_parse(v, &o, &err) < 0)
			fail_msg("%s: %s", rows[i].text, err.text);
		assert_int_equal(o.kind, rows[i].kind);
		assert_string_equal(o.hosts, "a");
		assert_int_equal(o.limit, 20);
		json_decref(v);
	}
}

static void
what_only_the_orchestrator_gives_names_it(void **state)
{
	(void)state;
	refused("{'kind':'reinstall','hosts':'a','reason':'x'}", "needs-orchestrator",
	    "erases");
	refused("{'kind':'rescue','hosts':'a','reason':'x','at':1}", "needs-orchestrator",
	    "later");
	refused("{'kind':'rescue','hosts':'a','reason':'x','window_s':0}",
	    "needs-orchestrator", "later");
	refused("{'kind':'rescue','hosts':'a','reason':'x','when_ready_s':'x'}",
	    "needs-orchestrator", "later");
	/* Nor is it given by who says nothing else right. */
	refused("{'kind':'reinstall','hosts':''}", "needs-orchestrator", "erases");
}

static void
what_makes_no_sense_is_refused(void **state)
{
	static const struct {
		const char *text, *code, *word;
	} rows[] = {
	    {"{}", "bad-value", "kind"},
	    {"[]", "bad-value", "kind"},
	    {"{'kind':7,'hosts':'a'}", "bad-value", "kind"},
	    {"{'kind':'rotate','hosts':'a','reason':'x'}", "bad-value", "kind"},
	    {"{'kind':'Rescue','hosts':'a','reason':'x'}", "bad-value", "kind"},
	    {"{'kind':'rescue','reason':'x'}", "bad-value", "hosts"},
	    {"{'kind':'rescue','hosts':'','reason':'x'}", "bad-value", "hosts"},
	    {"{'kind':'rescue','hosts':['a'],'reason':'x'}", "bad-value", "hosts"},
	    {"{'kind':'rescue','hosts':'a'}", "reason-missing", "reason"},
	    {"{'kind':'rescue','hosts':'a','reason':' \\t\\r\\n'}", "reason-missing", ""},
	    {"{'kind':'rescue','hosts':'a','reason':3}", "bad-value", "reason"},
	    {"{'kind':'reboot','hosts':'a','reason':'x','hard':1}", "bad-value", "hard"},
	    {"{'kind':'reboot','hosts':'a','reason':'x','yes':'y'}", "bad-value", "yes"},
	    {"{'kind':'reboot','hosts':'a','reason':'x','graceful_s':-1}", "bad-value",
		"graceful_s"},
	    {"{'kind':'reboot','hosts':'a','reason':'x','graceful_s':"
	     "9223372036854775807}",
		"bad-value", "graceful_s"},
	    {"{'kind':'reboot','hosts':'a','reason':'x','limit':0}", "bad-value",
		"limit"},
	    {"{'kind':'reboot','hosts':'a','reason':'x','limit':-9223372036854775808}",
		"bad-value", "limit"},
	    {"{'kind':'reboot','hosts':'a','reason':'x','limit':10001}", "bad-value",
		"limit"},
	    {"{'kind':'power','hosts':'a','reason':'x'}", "bad-value", "action"},
	    {"{'kind':'power','hosts':'a','reason':'x','action':'explode'}", "bad-value",
		"action"},
	    {"{'kind':'power','hosts':'a','reason':'x','action':'on','image':'i'}",
		"bad-value", "image"},
	    {"{'kind':'boot','hosts':'a','reason':'x'}", "bad-value", "image"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		refused(rows[i].text, rows[i].code, rows[i].word);
}

static void
an_over_long_reason_is_not_clipped(void **state)
{
	char reason[BUNDLE_REASON_SIZE + 1];
	struct local_order o;
	struct error err;
	json_t *v;

	(void)state;
	memset(reason, 'x', sizeof(reason));
	reason[BUNDLE_REASON_SIZE] = '\0';
	v = json_pack(
	    "{s:s, s:s, s:s}", "kind", "rescue", "hosts", "a", "reason", reason);
	assert_int_equal(local_order_parse(v, &o, &err), -EINVAL);
	assert_string_equal(err.code, "bad-value");
	reason[BUNDLE_REASON_SIZE - 1] = '\0';
	json_object_set_new(v, "reason", json_string(reason));
	assert_int_equal(local_order_parse(v, &o, &err), 0);
	json_decref(v);
}

static void
many_hosts_are_confirmed(void **state)
{
	struct local_order o = {.kind = BUNDLE_POWER, .action = "off", .limit = 20};
	struct error err;

	(void)state;
	assert_int_equal(local_order_amount(&o, 1, &err), 0);
	assert_int_equal(local_order_amount(&o, 0, &err), -EPERM);
	assert_string_equal(err.code, "host-unknown");
	assert_int_equal(local_order_amount(&o, 2, &err), -EPERM);
	assert_string_equal(err.code, "confirmation-needed");
	o.dry_run = true;
	assert_int_equal(local_order_amount(&o, 2, &err), 0);
	o.dry_run = false;
	o.yes = true;
	assert_int_equal(local_order_amount(&o, 20, &err), 0);
	assert_int_equal(local_order_amount(&o, 21, &err), -EPERM);
	assert_string_equal(err.code, "too-many-hosts");
	o.yes = false;
	o.action = "on"; /* harms nobody */
	assert_int_equal(local_order_amount(&o, 20, &err), 0);
	assert_int_equal(local_order_amount(&o, SIZE_MAX, &err), -EPERM);
	o.kind = BUNDLE_RESCUE; /* whatever action stands beside it */
	assert_int_equal(local_order_amount(&o, 2, &err), -EPERM);
}

static const char *
check(const struct local_order *o, const struct bundle_host *h,
    const struct local_msg_host *more)
{
	static struct error err;
	int r;

	err.code[0] = '\0';
	r = local_order_check(o, h, more, &err);
	assert_int_equal(r, err.code[0] != '\0' ? -EPERM : 0);
	return err.code;
}

static void
a_host_is_what_the_list_says(void **state)
{
	struct local_order o = {.kind = BUNDLE_RESCUE};
	struct bundle_host *h = str_alloc(sizeof(*h));
	struct local_msg_host *more = str_alloc(sizeof(*more));

	(void)state;
	assert_string_equal(check(&o, h, more), "no-bmc");
	str_clip(more->bmc.address, sizeof(more->bmc.address), "192.0.2.1");
	assert_string_equal(check(&o, h, more), "no-boot-mac");
	h->n_nics = 1;
	assert_string_equal(check(&o, h, more), "");
	str_clip(more->withheld, sizeof(more->withheld), "rotation-open");
	assert_string_equal(check(&o, h, more), "rotation-open");
	more->locked_at = 1;
	assert_string_equal(check(&o, h, more), "host-locked");
	more->locked_at = 0;
	more->withheld[0] = '\0';
	o.kind = BUNDLE_POWER;
	h->n_nics = 0;
	assert_string_equal(check(&o, h, more), "");
	free(more);
	free(h);
}

static void
an_image_that_erases_is_never_meant(void **state)
{
	struct bundle_image *image = str_alloc(sizeof(*image));
	struct local_order o = {.kind = BUNDLE_BOOT, .image = "debian"};

	(void)state;
	str_clip(image->name, sizeof(image->name), "debian");
	str_clip(image->kind, sizeof(image->kind), "reinstall");
	assert_false(local_order_means(&o, image));
	o.kind = BUNDLE_REINSTALL; /* nor when it got past the parser */
	o.image = "";
	assert_false(local_order_means(&o, image));
	o.kind = BUNDLE_RESCUE;
	str_clip(image->kind, sizeof(image->kind), "rescue");
	assert_true(local_order_means(&o, image));
	o.image = "debian";
	assert_true(local_order_means(&o, image));
	o.image = "debian2";
	assert_false(local_order_means(&o, image));
	o.kind = BUNDLE_LIVE;
	o.image = "";
	assert_false(local_order_means(&o, image));
	free(image);
}

static void
what_stands_in_the_audit_is_bounded(void **state)
{
	char *hosts = str_alloc(5000);
	struct local_order o = {
	    .kind = BUNDLE_RESCUE, .hosts = hosts, .image = "", .action = ""};
	json_t *v;

	(void)state;
	memset(hosts, 'a', 4999);
	v = local_order_detail(&o);
	assert_int_equal(json_string_length(json_object_get(v, "asked")), 200);
	json_decref(v);
	free(hosts);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_offered_is_read),
	    cmocka_unit_test(what_only_the_orchestrator_gives_names_it),
	    cmocka_unit_test(what_makes_no_sense_is_refused),
	    cmocka_unit_test(an_over_long_reason_is_not_clipped),
	    cmocka_unit_test(many_hosts_are_confirmed),
	    cmocka_unit_test(a_host_is_what_the_list_says),
	    cmocka_unit_test(an_image_that_erases_is_never_meant),
	    cmocka_unit_test(what_stands_in_the_audit_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
