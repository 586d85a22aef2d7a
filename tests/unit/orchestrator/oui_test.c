/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/oui.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char txt[] =
    "OUI/MA-L                                                    Organization\n"
    "company_id                                                  Organization\n\n"
    "00-22-72   (hex)\t\tAmerican Micro-Fuel Device Corp.\r\n"
    "002272     (base 16)\t\tAmerican Micro-Fuel Device Corp.\r\n"
    "\t\t\t\t2181 Buchanan Loop\r\n"
    "EC-F4-BB   (hex)\t\tDell Inc.\n"
    "70-B3-D5   (hex)\t\tIEEE Registration Authority\n"
    "5C-F3-70   (hex)\t\tCC&C Technologies, \xe5\x8f\xb0\xe7\x81\xa3\n"
    "00-D0-EF   (hex)\t\tIGT";
static const char csv[] =
    "Registry,Assignment,Organization Name,Organization Address\n"
    "MA-L,002272,American Micro-Fuel Device Corp.,2181 Buchanan Loop\n"
    "MA-L,ECF4BB,\"Dell, \"\"the\"\" Inc.\",Somewhere\n"
    "MA-M,0055DA0,Shinko,Else\n"
    "MA-L,00D0E,short,x\nMA-L,00D0EF,IGT";

static const char *
find(const struct oui *o, uint8_t a, uint8_t b, uint8_t c)
{
	return oui_find(o, &(struct addr_mac){{a, b, c, 1, 2, 3}});
}

static void
both_forms_are_read(void **state)
{
	struct oui *o = oui_parse(txt, strlen(txt));

	(void)state;
	assert_int_equal(oui_count(o), 4);
	assert_string_equal(find(o, 0, 0x22, 0x72), "American Micro-Fuel Device Corp.");
	assert_string_equal(find(o, 0xec, 0xf4, 0xbb), "Dell Inc.");
	assert_string_equal(find(o, 0, 0xd0, 0xef), "IGT");
	assert_string_equal(find(o, 0x70, 0xb3, 0xd5), "");
	assert_string_equal(find(o, 1, 2, 3), "");
	oui_free(o);
	o = oui_parse(csv, strlen(csv));
	assert_int_equal(oui_count(o), 3);
	assert_string_equal(find(o, 0xec, 0xf4, 0xbb), "Dell, \"the\" Inc.");
	assert_string_equal(find(o, 0, 0xd0, 0xef), "IGT");
	oui_free(o);
}

static void
a_local_address_has_no_maker(void **state)
{
	static const char local[] = "52-54-00   (hex)\t\tNobody\n";
	struct oui *o = oui_parse(local, strlen(local));

	(void)state;
	assert_int_equal(oui_count(o), 1);
	assert_string_equal(find(o, 0x52, 0x54, 0), "");
	oui_free(o);
}

static void
rubbish_gives_no_names(void **state)
{
	static const char bytes[] =
	    "00-11-22   (hex)\t\t\xff\xfe\n\0\n00-11-23   (hex)\t";
	struct oui *o = oui_parse(bytes, sizeof(bytes) - 1);

	(void)state;
	assert_int_equal(oui_count(o), 0);
	oui_free(o);
	for (size_t n = 0; n <= strlen(txt); n++)
		oui_free(oui_parse(txt + n, strlen(txt) - n));
	for (size_t n = 0; n <= strlen(csv); n++)
		oui_free(oui_parse(csv, n));
	assert_int_equal(oui_open("/nonexistent/oui.txt", &o), -ENOENT);
	assert_string_equal(find(o, 0, 0x22, 0x72), "");
	oui_free(o);
	assert_string_equal(find(NULL, 0, 0x22, 0x72), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_forms_are_read),
	    cmocka_unit_test(a_local_address_has_no_maker),
	    cmocka_unit_test(rubbish_gives_no_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
