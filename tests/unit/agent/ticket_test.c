/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/ticket.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct ticket_use use = {.mac = "52:54:00:77:00:01", .file = "initrd"};

static void
test_life(void **state)
{
	struct rng rng = rng_seeded(1);
	struct ticket t = {0};
	char id[ID_SIZE];

	(void)state;
	assert_false(ticket_is_open(&t));
	assert_int_equal(ticket_arm(&t, 100, &rng), 0);
	assert_true(ticket_is_armed(&t) && ticket_is_open(&t) && !ticket_is_consumed(&t));
	assert_true(id_valid(t.id) && id_token_valid(t.token));
	memcpy(id, t.id, sizeof(id));
	assert_int_equal(ticket_consume(&t, id, &use, 200), 0);
	assert_int_equal(t.changed, 200);
	assert_string_equal(t.use.file, "initrd");
	assert_true(ticket_is_consumed(&t) && ticket_is_open(&t) && !ticket_is_armed(&t));
	ticket_end(&t, 300);
	assert_int_equal(t.state, TICKET_CLOSED);
	assert_true(ticket_is_consumed(&t) && !ticket_is_open(&t));
}

static void
test_used_once(void **state)
{
	struct rng rng = rng_seeded(2);
	struct ticket t = {0};

	(void)state;
	assert_int_equal(ticket_consume(&t, "", &use, 1), -EPERM);
	assert_int_equal(ticket_arm(&t, 1, &rng), 0);
	assert_int_equal(ticket_arm(&t, 1, &rng), -EALREADY);
	assert_int_equal(ticket_consume(&t, "0000000000000000", &use, 1), -EPERM);
	assert_int_equal(ticket_consume(&t, t.id, &use, 1), 0);
	assert_int_equal(ticket_consume(&t, t.id, &use, 1), -EPERM);
	assert_int_equal(ticket_arm(&t, 1, &rng), -EALREADY);
	ticket_end(&t, 2);
	assert_int_equal(ticket_arm(&t, 3, &rng), -EALREADY);
	ticket_end(&t, 4);
	assert_int_equal(t.state, TICKET_CLOSED);
}

static void
test_revoked_may_be_replaced(void **state)
{
	struct rng rng = rng_seeded(3);
	struct ticket t = {0}, old;

	(void)state;
	assert_int_equal(ticket_arm(&t, 1, &rng), 0);
	old = t;
	ticket_end(&t, 2);
	assert_int_equal(t.state, TICKET_REVOKED);
	assert_int_equal(ticket_arm(&t, 3, &rng), 0);
	assert_string_not_equal(t.id, old.id);
	assert_string_not_equal(t.token, old.token);
	assert_int_equal(ticket_consume(&t, old.id, &use, 4), -EPERM);
	assert_int_equal(ticket_consume(&t, t.id, &use, 4), 0);
}

static void
test_names(void **state)
{
	enum ticket_state s;

	(void)state;
	for (int i = 0; i < TICKET_STATES; i++) {
		assert_int_equal(
		    ticket_state_parse(ticket_state_name((enum ticket_state)i), &s), 0);
		assert_int_equal(s, i);
	}
	assert_int_equal(ticket_state_parse("used", &s), -EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_life),
	    cmocka_unit_test(test_used_once),
	    cmocka_unit_test(test_revoked_may_be_replaced),
	    cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
