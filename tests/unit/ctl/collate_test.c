/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ctl/collate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
groups(void **state)
{
	struct collate *c = collate_new();
	struct text t = {0};

	(void)state;
	collate_print(c, &t);
	assert_string_equal(text_str(&t), "");
	collate_add(c, "gw.los", "off");
	collate_add(c, "edge02.los", "on");
	collate_add(c, "edge01.los", "on");
	collate_add(c, "edge04.los", "fan: 3\ntemp: 20");
	collate_add(c, "edge05.los", "fan: 3\ntemp: 20");
	collate_add(c, "edge03.los", "on");
	collate_print(c, &t);
	assert_string_equal(text_str(&t), "edge[01-03].los: on\n"
					  "edge[04-05].los:\n  fan: 3\n  temp: 20\n"
					  "gw.los: off\n");
	text_done(&t);
	collate_free(c);
	collate_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(groups)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
