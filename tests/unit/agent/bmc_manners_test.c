/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/bmc_vendors.h"
#include "lib/json.h"

static json_t *
doc(const char *text)
{
	struct error err;
	json_t *v = json_parse(text, strlen(text), &err);

	assert_non_null(v);
	return v;
}

static struct bmc_device
device(uint32_t manufacturer, uint16_t product)
{
	return (struct bmc_device){.known = true,
	    .manufacturer = manufacturer,
	    .product = product,
	    .fw_major = 3};
}

/* The table of usual values and the constant are the same, and every value has a word in JSON that
 * comes back as the value. */
static void
usual_values_there_and_back(void **state)
{
	struct bmc_manners m, back;
	json_t *values = json_object(), *all;
	struct error err;

	(void)state;
	assert_int_equal(bmc_manners_resolve(&m, NULL, NULL, NULL, &err), 0);
	assert_memory_equal(&m, bmc_manners_usual(), sizeof(m));
	all = bmc_manners_to_json(&m);
	for (int i = 0; i < BMC_MANNER_COUNT; i++) {
		const char *name = bmc_manners_name((enum bmc_manner)i);
		json_t *one = json_object_get(all, name);

		assert_string_equal(
		    json_string_value(json_object_get(one, "from")), "default");
		assert_null(json_object_get(one, "source"));
		json_object_set(values, name, json_object_get(one, "value"));
	}
	assert_int_equal(json_object_size(values), BMC_MANNER_COUNT);
	assert_int_equal(bmc_manners_resolve(&back, NULL, NULL, values, &err), 0);
	assert_memory_equal(m.value, back.value, sizeof(m.value));
	for (int i = 0; i < BMC_MANNER_COUNT; i++)
		assert_int_equal(back.origin[i], BMC_ORIGIN_HOST);
	json_decref(values);
	json_decref(all);
}

static void
every_level_wins_over_the_one_below(void **state)
{
	struct bmc_device smc = device(10876, 2201), other = device(1, 1);
	json_t *learned = doc("{\"device\":{\"manufacturer\":10876,\"product\":2201,"
			      "\"firmware_major\":3,\"firmware_minor\":16},\"manners\":"
			      "{\"verify\":\"device\",\"after_off_ms\":1500,"
			      "\"from the future\":[1],\"command_gap_ms\":-1}}");
	json_t *host = doc("{\"after_off_ms\":250,\"workarounds\":[\"opensesspriv\","
			   "\"solport\"],\"variants\":[\"bare\",\"once\"]}");
	struct bmc_manners m;
	struct error err;
	json_t *json;
	char *text;

	(void)state;
	assert_int_equal(bmc_manners_resolve(&m, &smc, learned, host, &err), 0);
	assert_int_equal(m.value[BMC_MANNER_DISK_SELECTOR], 0x24);
	assert_int_equal(m.origin[BMC_MANNER_DISK_SELECTOR], BMC_ORIGIN_VENDOR);
	assert_non_null(strstr(m.source[BMC_MANNER_DISK_SELECTOR], "25559"));
	assert_int_equal(m.value[BMC_MANNER_VERIFY], BMC_VERIFY_DEVICE);
	assert_int_equal(m.origin[BMC_MANNER_VERIFY], BMC_ORIGIN_LEARNED);
	assert_int_equal(m.value[BMC_MANNER_COMMAND_GAP], 0);
	assert_int_equal(m.value[BMC_MANNER_AFTER_OFF], 250000);
	assert_int_equal(m.origin[BMC_MANNER_AFTER_OFF], BMC_ORIGIN_HOST);
	assert_int_equal(m.value[BMC_MANNER_WORKAROUNDS],
	    BMC_WORKAROUND_OPENSESSPRIV | BMC_WORKAROUND_SOLPORT);
	json = bmc_manners_to_json(&m);
	text = json_text(json_object_get(json, "variants"));
	assert_string_equal(text, "{\"value\":[\"bare\",\"once\"],\"from\":\"host\"}");
	free(text);
	json_decref(json);
	/* What only the owner may name is not learned. */
	json_object_set_new(json_object_get(learned, "manners"), "variants",
	    json_pack("[s,s]", "persistent", "once"));
	assert_int_equal(bmc_manners_resolve(&m, &smc, learned, NULL, &err), 0);
	assert_int_equal(m.origin[BMC_MANNER_VARIANTS], BMC_ORIGIN_DEFAULT);
	/* Without an answer of its own the learned device stands in; another answer wins. */
	assert_int_equal(bmc_manners_resolve(&m, NULL, learned, NULL, &err), 0);
	assert_int_equal(m.value[BMC_MANNER_DISK_SELECTOR], 0x24);
	assert_int_equal(bmc_manners_resolve(&m, &other, learned, NULL, &err), 0);
	assert_int_equal(m.value[BMC_MANNER_DISK_SELECTOR], 0x08);
	json_decref(learned);
	json_decref(host);
}

static void
mistakes_of_the_owner_are_named(void **state)
{
	static const char *const bad[][2] = {
	    {"{\"verfiy\":\"full\"}", "there is no verfiy"},
	    {"{\"verify\":\"none\"}", "verify: not a value"},
	    {"{\"verify\":1}", "verify: not a value"},
	    {"{\"command_gap_ms\":10001}", "command_gap_ms"},
	    {"{\"command_gap_ms\":\"1\"}", "command_gap_ms"},
	    {"{\"disk_selector\":256}", "disk_selector"},
	    {"{\"disk_selector\":136}", "disk_selector"}, /* and CMOS clear */
	    {"{\"disk_selector\":72}", "disk_selector"},  /* and keyboard locked */
	    {"{\"disk_selector\":37}", "disk_selector"},  /* and buttons locked */
	    {"{\"parameter_4\":1}", "parameter_4"},
	    {"{\"workarounds\":\"sun20\"}", "workarounds"},
	    {"{\"workarounds\":[\"idzero\"]}", "workarounds"},
	    {"{\"variants\":[]}", "variants"}, {"{\"variants\":[\"\"]}", "variants"},
	    {"{\"variants\":[\"once\",\"once\",\"once\",\"once\",\"once\",\"once\","
	     "\"once\"]}",
		"variants"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		json_t *host = doc(bad[i][0]);
		struct bmc_manners m;
		struct error err;

		json_object_set_new(host, "after_off_ms", json_integer(7));
		assert_int_equal(
		    bmc_manners_resolve(&m, NULL, NULL, host, &err), -EINVAL);
		assert_string_equal(err.code, "bmc-manners");
		assert_non_null(strstr(err.text, bad[i][1]));
		assert_int_equal(m.value[BMC_MANNER_AFTER_OFF], 7000);
		m.value[BMC_MANNER_AFTER_OFF] = 0;
		assert_memory_equal(m.value, bmc_manners_usual()->value, sizeof(m.value));
		json_decref(host);
	}
}

static void
vendor_rows(void **state)
{
	static const struct {
		uint32_t manufacturer;
		uint16_t product;
		enum bmc_manner which;
		int64_t value;
	} rows[] = {{10876, 1, BMC_MANNER_DISK_SELECTOR, 0x24},
	    {47488, 0xFFFF, BMC_MANNER_DISK_SELECTOR, 0x24},
	    {10876, 1541, BMC_MANNER_WORKAROUNDS, BMC_WORKAROUND_SOLSTATUS},
	    {10876, 1541, BMC_MANNER_DISK_SELECTOR, 0x24},
	    {10876, 1542, BMC_MANNER_WORKAROUNDS, 0},
	    {343, 77, BMC_MANNER_WORKAROUNDS,
		BMC_WORKAROUND_OPENSESSPRIV | BMC_WORKAROUND_INTEGRITYCHECKVALUE},
	    {343, 78, BMC_MANNER_WORKAROUNDS, 0}, {5771, 4, BMC_MANNER_SESSION_LIMIT, 4},
	    {674, 256, BMC_MANNER_DISK_SELECTOR, 8},
	    {42817, 1, BMC_MANNER_VERIFY, BMC_VERIFY_FULL},
	    {47196, 1, BMC_MANNER_WORKAROUNDS, 0}};
	struct bmc_device none = {.manufacturer = 10876};
	struct bmc_manners m;
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bmc_device d = device(rows[i].manufacturer, rows[i].product);

		assert_int_equal(bmc_manners_resolve(&m, &d, NULL, NULL, &err), 0);
		assert_int_equal(m.value[rows[i].which], rows[i].value);
	}
	assert_int_equal(bmc_manners_resolve(&m, &none, NULL, NULL, &err), 0);
	assert_memory_equal(&m, bmc_manners_usual(), sizeof(m));
	none = (struct bmc_device){
	    .known = true, .manufacturer = 42817, .fw_major = 2, .fw_minor = 0x06};
	assert_int_equal(bmc_manners_resolve(&m, &none, NULL, NULL, &err), 0);
	assert_int_equal(m.value[BMC_MANNER_PARAMETER_3], BMC_PARAMETER_3_SKIP);
	assert_int_equal(m.value[BMC_MANNER_VERIFY], BMC_VERIFY_DEVICE);
}

/* What a person can get wrong when adding a row. */
static void
every_row_is_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < bmc_vendors_n_rows; i++) {
		const struct bmc_vendors_row *r = &bmc_vendors_rows[i];

		assert_non_null(bmc_vendors_name(r->manufacturer));
		assert_true(strlen(r->source) > 8 && r->what[0] != '\0');
		assert_true(r->product_first <= r->product_last);
		assert_true(r->firmware_first <= r->firmware_last);
		assert_in_range(r->n_set, 1, BMC_VENDORS_SET_MAX);
		for (unsigned k = 0; k < r->n_set; k++) {
			/* … a value that its document form brings back */
			struct bmc_manners m;
			struct error err;
			json_t *host = json_object();

			json_object_set_new(host, bmc_manners_name(r->set[k].which),
			    bmc_manners_value_json(r->set[k].which, r->set[k].value));
			assert_int_equal(
			    bmc_manners_resolve(&m, NULL, NULL, host, &err), 0);
			assert_int_equal(m.value[r->set[k].which], r->set[k].value);
			json_decref(host);
		}
	}
	assert_null(bmc_vendors_name(1));
	assert_string_equal(bmc_vendors_name(47196), "Hewlett Packard Enterprise");
}

static void
append(char *buf, size_t size, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void
append(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	size_t n = strlen(buf);

	va_start(ap, fmt);
	assert_in_range(vsnprintf(buf + n, size - n, fmt, ap), 0, size - n - 1);
	va_end(ap);
}

/* "| who (number) | product | firmware | values | source |" */
static void
row_in_words(const struct bmc_vendors_row *r, char *buf, size_t size)
{
	buf[0] = '\0';
	append(buf, size, "| %s (%u) | ", r->what, r->manufacturer);
	if (r->product_last == 0xFFFF)
		append(buf, size, "any | ");
	else
		append(buf, size, "%u | ", r->product_first);
	if (r->firmware_last == 0xFFFF)
		append(buf, size, "any | ");
	else
		append(buf, size, "up to %d.%02X | ", r->firmware_last >> 8,
		    r->firmware_last & 0xFF);
	for (unsigned k = 0; k < r->n_set; k++) {
		json_t *v = bmc_manners_value_json(r->set[k].which, r->set[k].value);
		char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);

		append(buf, size, "%s`%s` %s", k > 0 ? ", " : "",
		    bmc_manners_name(r->set[k].which), text);
		free(text);
		json_decref(v);
	}
	append(buf, size, " | %s |\n", r->source);
}

/* The document has the table as it is, and no row besides. */
static void
rows_are_in_the_document(void **state)
{
	static char page[65536], line[1024];
	FILE *f = fopen("docs/bmc-manners.md", "r");
	const char *table;
	unsigned missing = 0, n = 0;

	(void)state;
	assert_non_null(f); /* run at the top of the repository, as make does */
	page[fread(page, 1, sizeof(page) - 1, f)] = '\0';
	fclose(f);
	for (size_t i = 0; i < bmc_vendors_n_rows; i++) {
		row_in_words(&bmc_vendors_rows[i], line, sizeof(line));
		if (strstr(page, line) == NULL)
			missing += printf("missing: %s", line) > 0;
	}
	assert_int_equal(missing, 0);
	table = strstr(page, "## The vendors' table");
	assert_non_null(table);
	while ((table = strstr(table + 1, "\n| ")) != NULL)
		n++;
	assert_int_equal(n, bmc_vendors_n_rows + 2); /* and the heading */
}

static void
firmware_ranges(void **state)
{
	struct bmc_vendors_row row = {.manufacturer = 7,
	    .product_last = 0xFFFF,
	    .firmware_first = 0x0210,
	    .firmware_last = 0x0399};
	struct bmc_device d = device(7, 1);

	(void)state;
	d.fw_major = 2;
	d.fw_minor = 0x09;
	assert_false(bmc_vendors_matches(&row, &d));
	d.fw_minor = 0x10;
	assert_true(bmc_vendors_matches(&row, &d));
	d.fw_major = 4;
	assert_false(bmc_vendors_matches(&row, &d));
}

static void
variants_in_turn(void **state)
{
	struct bmc_manners m = *bmc_manners_usual();
	int64_t *list = &m.value[BMC_MANNER_VARIANTS];

	(void)state;
	assert_int_equal(bmc_manners_variant(&m, 0), BMC_VARIANT_ONCE);
	assert_int_equal(bmc_manners_variant(&m, 1), BMC_VARIANT_ONCE);
	assert_int_equal(bmc_manners_variant(&m, 2), BMC_VARIANT_IN_PROGRESS);
	assert_int_equal(bmc_manners_variant(&m, 3), BMC_VARIANT_KEEP_1F);
	assert_int_equal(bmc_manners_variant(&m, 5), BMC_VARIANT_ONCE);
	*list = bmc_manners_variant_first(*list, BMC_VARIANT_KEEP_1F);
	assert_int_equal(bmc_manners_variant(&m, 1), BMC_VARIANT_KEEP_1F);
	assert_int_equal(bmc_manners_variant(&m, 2), BMC_VARIANT_ONCE);
	assert_int_equal(bmc_manners_variant(&m, 3), BMC_VARIANT_IN_PROGRESS);
	assert_int_equal(bmc_manners_variant(&m, 4), BMC_VARIANT_BARE);
	assert_int_equal(bmc_manners_variant(&m, 5), BMC_VARIANT_KEEP_1F);
	*list = 0;
	assert_int_equal(bmc_manners_variant(&m, 3), BMC_VARIANT_ONCE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(usual_values_there_and_back),
	    cmocka_unit_test(every_level_wins_over_the_one_below),
	    cmocka_unit_test(mistakes_of_the_owner_are_named),
	    cmocka_unit_test(vendor_rows),
	    cmocka_unit_test(every_row_is_sound),
	    cmocka_unit_test(rows_are_in_the_document),
	    cmocka_unit_test(firmware_ranges),
	    cmocka_unit_test(variants_in_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
