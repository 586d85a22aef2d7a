/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/hostlist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/compiler.h"
#include "lib/rng.h"
#include "lib/str.h"

static void
known_sets(void **state)
{
	static const struct {
		const char *names[8], *text;
	} rows[] = {
	    {{NULL}, ""},
	    {{"gw.los"}, "gw.los"},
	    {{"edge01.los"}, "edge01.los"},
	    {{"edge02.los", "edge01.los", "edge03.los"}, "edge[01-03].los"},
	    {{"edge02.los", "edge02.los"}, "edge02.los"},
	    {{"e9", "e10", "e11", "e08"}, "e[08,9-11]"},
	    {{"e099", "e100", "e0100"}, "e[099-100,0100]"},
	    {{"a1.los", "a2.nbo", "a2.los", "b"}, "a[1-2].los,a2.nbo,b"},
	    {{"r1n01", "r1n02", "r2n01"}, "r1n[01-02],r2n01"},
	    {{"x1234567890", "x1234567891"}, "x1234567890,x1234567891"},
	    {{"10", "11", "n"}, "[10-11],n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t n = 0;
		char *text;

		while (n < ARRAY_SIZE(rows[i].names) && rows[i].names[n] != NULL)
			n++;
		text = hostlist_fold(rows[i].names, n);
		assert_string_equal(text, rows[i].text);
		free(text);
	}
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* What is folded reads as the same names, whatever their numbers look like. */
static void
there_and_back(void **state)
{
	struct rng rng = rng_seeded(7);
	enum { NAMES = 200 };
	static char names[NAMES][24];
	const char *v[NAMES], *read[NAMES] = {NULL};

	(void)state;
	for (int round = 0; round < 300; round++) {
		size_t n = 0;
		struct hostlist list;
		struct error err;
		char *text;

		while (n < NAMES) {
			snprintf(names[n], sizeof(names[n]), "%c%0*d%s",
			    'a' + (int)rng_below(&rng, 3), (int)rng_below(&rng, 4),
			    (int)rng_below(&rng, 1200),
			    rng_below(&rng, 2) != 0 ? ".los" : "x.n1");
			v[n] = names[n];
			n++;
		}
		text = hostlist_fold(v, n);
		assert_int_equal(hostlist_parse(text, &list, &err), 0);
		qsort(v, n, sizeof(v[0]), compare);
		size_t kept = 0;
		for (size_t i = 0; i < n; i++)
			if (kept == 0 || !str_eq(v[kept - 1], v[i]))
				v[kept++] = v[i];
		assert_int_equal(list.count, kept);
		for (size_t i = 0; i < kept; i++)
			read[i] = list.terms[i].name;
		qsort(read, kept, sizeof(read[0]), compare);
		for (size_t i = 0; i < kept; i++)
			assert_string_equal(read[i], v[i]);
		hostlist_done(&list);
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(known_sets),
	    cmocka_unit_test(there_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
