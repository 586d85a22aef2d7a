/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One console for all who listen to it. */
#include "agent/console_hub.h"

#include "tests/unit/agent/console_kit.h"

struct listener {
	struct console_ear *ear;
	unsigned ups, downs;
	enum console_why why;
	char said[64];
	bool leaves;		 /* at the next word */
	struct listener *throws; /* this one out, at the next word */
};

static void
on_up(void *arg, int suite UNUSED)
{
	((struct listener *)arg)->ups++;
}

static void
on_data(void *arg, const uint8_t *data, size_t len)
{
	struct listener *l = arg;
	size_t at = strlen(l->said);

	assert_true(at + len < sizeof(l->said));
	memcpy(l->said + at, data, len);
	l->said[at + len] = '\0';
	if (l->throws != NULL)
		console_hub_leave(l->throws->ear);
	if (l->leaves)
		console_hub_leave(l->ear);
	l->leaves = false;
	l->throws = NULL;
}

static void
on_down(void *arg, enum console_why why, const char *text UNUSED, int64_t retry UNUSED)
{
	struct listener *l = arg;

	l->downs++;
	l->why = why;
}

static const struct console_ops ops = {.up = on_up, .data = on_data, .down = on_down};

static struct bundle_bmc
bmc(const char *address, const char *password)
{
	struct bundle_bmc b = {.port = 623};

	str_clip(b.address, sizeof(b.address), address);
	str_clip(b.password, sizeof(b.password), password);
	return b;
}

static void
join(struct console_hub *hub, struct listener *l, const char *address, bool steal)
{
	const struct bundle_bmc b = bmc(address, "secret");

	l->ear = console_hub_join(hub, &b, steal, &ops, l);
}

static void
test_all_hear_one_console(void **state UNUSED)
{
	struct console_hub *hub = console_hub_new(NULL);
	struct listener a = {0}, b = {0}, other = {0};

	console_kit_reset();
	join(hub, &a, "192.0.2.1", false);
	join(hub, &other, "192.0.2.2", false);
	assert_int_equal(console_kit_opened, 2);
	assert_string_equal(console_hub_key(a.ear), "192.0.2.1:623");
	console_kit_up(0);
	join(hub, &b, "192.0.2.1", false);
	assert_int_equal(console_kit_opened, 2);
	assert_true(console_hub_console(a.ear) == console_hub_console(b.ear));
	/* Who comes later finds it up; it is not disturbed. */
	assert_true(a.ups == 1 && b.ups == 0 && console_kit[0].retries == 1);
	console_kit_say(0, "hello");
	assert_string_equal(a.said, "hello");
	assert_string_equal(b.said, "hello");
	assert_string_equal(other.said, "");
	console_hub_leave(a.ear);
	console_kit_say(0, " you");
	assert_string_equal(a.said, "hello");
	assert_string_equal(b.said, "hello you");
	assert_int_equal(console_kit_open, 2);
	console_hub_leave(b.ear);
	console_hub_leave(other.ear);
	console_hub_leave(NULL);
	assert_int_equal(console_kit_open, 0);
	console_hub_free(hub);
}

static void
test_leaving_while_being_told(void **state UNUSED)
{
	struct console_hub *hub = console_hub_new(NULL);
	struct listener a = {.leaves = true}, b = {0}, c = {0};

	console_kit_reset();
	join(hub, &a, "192.0.2.1", false);
	join(hub, &b, "192.0.2.1", false);
	join(hub, &c, "192.0.2.1", false);
	b.throws = &c;
	console_kit_up(0);
	console_kit_say(0, "x");
	assert_string_equal(a.said, "x");
	assert_string_equal(c.said, ""); /* it had left before its turn came */
	console_kit_say(0, "y");
	assert_string_equal(a.said, "x");
	assert_string_equal(b.said, "xy");
	b.leaves = true; /* the last one, from inside */
	console_kit_say(0, "z");
	assert_int_equal(console_kit_open, 0);
	console_hub_free(hub);
}

static void
test_the_newest_credentials_count(void **state UNUSED)
{
	struct console_hub *hub = console_hub_new(NULL);
	struct listener a = {0}, b = {0};
	struct bundle_bmc changed = bmc("192.0.2.1", "another");

	console_kit_reset();
	join(hub, &a, "192.0.2.1", false);
	console_kit_down(0, CONSOLE_NEVER, -1);
	assert_true(a.downs == 1 && a.why == CONSOLE_NEVER);
	b.ear = console_hub_join(hub, &changed, true, &ops, &b);
	assert_string_equal(console_kit[0].password, "another");
	assert_true(console_kit[0].steal && console_kit[0].retries > 0);
	changed = bmc("192.0.2.1", "the third");
	console_hub_renew(a.ear, &changed);
	assert_string_equal(console_kit[0].password, "the third");
	console_hub_leave(a.ear);
	console_hub_leave(b.ear);
	console_hub_free(hub);
}

static void
test_calls_go_first(void **state UNUSED)
{
	struct console_hub *hub = console_hub_new(NULL);
	struct listener a = {0};

	console_kit_reset();
	console_hub_yield(hub, "192.0.2.1:623", 1, "nobody has it");
	join(hub, &a, "192.0.2.1", false);
	console_hub_yield(hub, "192.0.2.1:623", 5, "a call needs it");
	/* Nothing was given up: it has not been told of. */
	assert_true(a.downs == 0 && console_kit[0].paused == 5);
	console_kit_up(0);
	console_hub_yield(hub, "192.0.2.9:623", 7, "another one");
	assert_true(a.downs == 0 && console_is_up(&console_kit[0]));
	console_hub_yield(hub, "192.0.2.1:623", 9, "a call needs it");
	assert_true(a.downs == 1 && a.why == CONSOLE_YIELDED);
	assert_true(console_kit[0].paused == 9 && !console_is_up(&console_kit[0]));
	console_hub_leave(a.ear);
	console_hub_free(hub);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_all_hear_one_console),
	    cmocka_unit_test(test_leaving_while_being_told),
	    cmocka_unit_test(test_the_newest_credentials_count),
	    cmocka_unit_test(test_calls_go_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
