/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A call by itself: its key, its deadlines, and that no secret stays behind. How calls live
 * together is tests/sim/agent/bmc_pool_sim.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "agent/bmc_call.h"
#include "lib/str.h"

struct seen {
	unsigned connects, disconnects, sends, notes;
	char last_note[200];
};

static void
op_connect(void *io, struct bmc_call *c UNUSED)
{
	((struct seen *)io)->connects++;
}

static void
op_disconnect(void *io, struct bmc_call *c UNUSED)
{
	((struct seen *)io)->disconnects++;
}

static void
op_send(void *io, struct bmc_call *c UNUSED, const void *pkt, size_t len)
{
	((struct seen *)io)->sends++;
	/* RMCP version 1.0, IPMI class, RMCP+: never the IPMI 1.5 envelope. */
	assert_true(len > 16);
	assert_memory_equal(pkt, "\x06\x00\xFF\x07\x06", 5);
}

static void
op_note(void *io, const struct bmc_note *note)
{
	struct seen *s = io;

	s->notes++;
	str_clip(s->last_note, sizeof s->last_note, note->text);
}

static const struct bmc_call_ops ops = {
    .connect = op_connect, .disconnect = op_disconnect, .send = op_send, .note = op_note};

struct fixture {
	struct seen seen;
	struct rng rng;
	struct bmc_call_env env;
	struct bmc_peer peer;
	struct bmc_call call;
};

static const struct bundle_bmc config = {.address = "192.0.2.1",
    .port = 9623,
    .user = "admin",
    .password = "secret17",
    .privilege = "operator"};

static int
setup(void **state)
{
	static struct fixture f;
	struct error err;

	memset(&f, 0, sizeof f);
	f.rng = rng_seeded(1);
	f.env = (struct bmc_call_env){.ops = &ops,
	    .io = &f.seen,
	    .packet = bmc_packet_new(&err),
	    .rng = &f.rng,
	    .command_timeout = 20000000,
	    .poll_interval = 2000000};
	bmc_call_init(&f.call, 1, &f.env, &config);
	f.call.peer = &f.peer;
	bmc_call_key(&config, f.peer.key);
	*state = &f;
	return f.env.packet == NULL;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	bmc_call_done(&f->call);
	bmc_packet_free(f->env.packet);
	return 0;
}

static bool
holds(const void *mem, size_t n, const char *text)
{
	return memmem(mem, n, text, strlen(text)) != NULL;
}

static void
keys(void **state)
{
	struct bundle_bmc b = config;
	char key[BMC_CALL_KEY_SIZE];

	(void)state;
	bmc_call_key(&b, key);
	assert_string_equal(key, "192.0.2.1:9623");
	str_clip(b.address, sizeof b.address, "2001:db8::1");
	bmc_call_key(&b, key);
	assert_string_equal(key, "[2001:db8::1]:9623");
}

static void
no_secret_stays(void **state)
{
	struct fixture *f = *state;

	bmc_call_start(&f->call, 0);
	bmc_call_connected(&f->call, 0);
	assert_int_equal(f->seen.sends, 1);
	assert_true(holds(&f->call, sizeof f->call, "secret17"));
	bmc_call_done(&f->call);
	assert_false(holds(&f->call, sizeof f->call, "secret17"));
}

/* Silence from both suites, by turns, until the deadline; then the verdict. */
static void
silence_until_the_deadline(void **state)
{
	struct fixture *f = *state;
	int64_t now = 0;

	bmc_call_start(&f->call, now);
	for (int i = 0; f->call.state != BMC_CALL_ENDED; i++) {
		assert_true(i < 100);
		if (f->call.state == BMC_CALL_CONNECTING)
			bmc_call_connected(&f->call, now);
		now = bmc_call_deadline(&f->call);
		bmc_call_timer(&f->call, now);
	}
	assert_int_equal(now, 20000000);
	assert_int_equal(f->seen.connects, 3); /* suites 17, 3, 17 */
	assert_string_equal(f->call.res.err.code, "bmc-unreachable");
	assert_string_equal(f->call.res.why, "timeout");
	assert_int_equal(f->call.res.power, BMC_POWER_UNKNOWN);
	assert_int_equal(f->seen.notes, 1); /* trouble is told once */
	assert_string_equal(f->seen.last_note, "no answer to open session");
	assert_true(f->seen.disconnects >= f->seen.connects);
}

static void
a_name_that_does_not_resolve(void **state)
{
	struct fixture *f = *state;
	int64_t now = 0;

	bmc_call_start(&f->call, now);
	while (f->call.state != BMC_CALL_ENDED) {
		if (f->call.state == BMC_CALL_CONNECTING)
			bmc_call_no_route(&f->call, now, "its name has no address");
		if (f->call.state == BMC_CALL_ENDED)
			break;
		now = bmc_call_deadline(&f->call);
		bmc_call_timer(&f->call, now);
	}
	assert_string_equal(f->call.res.err.code, "bmc-unreachable");
	assert_non_null(strstr(f->call.res.err.text, "name has no address"));
	assert_int_equal(f->seen.sends, 0);
}

static void
cancel_ends_it_at_once_before_a_session(void **state)
{
	struct fixture *f = *state;

	bmc_call_start(&f->call, 0);
	bmc_call_cancel(&f->call, 0);
	assert_int_equal(f->call.state, BMC_CALL_ENDED);
	bmc_call_connected(&f->call, 0); /* comes too late */
	assert_int_equal(f->seen.sends, 0);
}

static void
a_silent_bmc_does_not_count_as_talking(void **state)
{
	struct fixture *f = *state;

	assert_false(bmc_call_talking(&f->call));
	bmc_call_start(&f->call, 0);
	bmc_call_connected(&f->call, 0);
	assert_true(bmc_call_talking(&f->call));
	bmc_call_timer(&f->call, bmc_call_deadline(&f->call));
	assert_int_equal(f->seen.sends, 2);
	assert_false(bmc_call_talking(&f->call));
}

/* Nor does one whose name is still being looked up. */
static void
a_slow_name_does_not_count_as_talking(void **state)
{
	struct fixture *f = *state;

	bmc_call_start(&f->call, 0);
	assert_true(bmc_call_talking(&f->call));
	assert_int_equal(bmc_call_deadline(&f->call), BMC_SESSION_FIRST_RESEND);
	bmc_call_timer(&f->call, BMC_SESSION_FIRST_RESEND);
	assert_int_equal(f->call.state, BMC_CALL_CONNECTING);
	assert_false(bmc_call_talking(&f->call));
	assert_int_equal(bmc_call_deadline(&f->call), 20000000);
	bmc_call_connected(&f->call, 3000000);
	assert_true(bmc_call_talking(&f->call));
}

/* BMCs that do not show the valid bit cannot tell that an override is pending: what we set ourselves
 * is known all the same, and a look that comes before the power-on does not put it out. */
static void
a_look_leaves_our_override_alone(void **state)
{
	struct fixture *f = *state;

	f->call.seq.kind = BMC_SEQ_EXAMINE;
	f->call.look = str_alloc(sizeof *f->call.look);
	f->call.look->may_set = true;
	bmc_call_start(&f->call, 0);
	assert_true(f->call.look->may_set);
	f->peer.flags_at = 1;
	bmc_call_start(&f->call, 0);
	assert_false(f->call.look->may_set);
}

/* A BMC that was reset has perhaps forgotten them. */
static void
a_reset_unsets_the_override(void **state)
{
	struct fixture *f = *state;
	int64_t now = 0;

	f->call.seq.kind = BMC_SEQ_ASK;
	f->call.ask = str_alloc(sizeof *f->call.ask);
	bmc_ask_init(f->call.ask, &(struct bmc_question){.kind = BMC_QUESTION_RESET});
	f->peer.flags_at = 1;
	bmc_call_start(&f->call, now);
	while (f->call.state != BMC_CALL_ENDED) {
		now = bmc_call_deadline(&f->call);
		bmc_call_timer(&f->call, now);
	}
	assert_int_equal(f->peer.flags_at, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(keys),
	    TEST(no_secret_stays),
	    TEST(silence_until_the_deadline),
	    TEST(a_name_that_does_not_resolve),
	    TEST(cancel_ends_it_at_once_before_a_session),
	    TEST(a_silent_bmc_does_not_count_as_talking),
	    TEST(a_slow_name_does_not_count_as_talking),
	    TEST(a_look_leaves_our_override_alone),
	    TEST(a_reset_unsets_the_override),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
