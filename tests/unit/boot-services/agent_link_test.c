/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The link to the agent over a real socketpair: what is in force when it is acknowledged, and who gets
 * which answer. The other end here is a second frame connection. */
#include "boot-services/agent_link.h"

#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "lib/bootd_msg.h"
#include "lib/frame.h"
#include "tests/unit/boot-services/fixture.h"

struct world {
	struct event_base *base;
	struct frame_conn *agent;
	struct agent_link *link;
	struct hosttab *table;
	struct error why;
	int configs, tables, refusals, closes, answers;
	bool ok;
	json_t *got; /* array of what the agent received */
};

static void
agent_message(void *arg, json_t *msg)
{
	struct world *w = arg;

	json_array_append(w->got, msg);
}

static void
agent_close(void *arg UNUSED, const struct error *why UNUSED)
{
}

static void
on_config(void *arg, const char *text)
{
	struct world *w = arg;

	assert_string_equal(text, "interfaces: [e]");
	w->configs++;
}

static void
on_table(void *arg)
{
	struct world *w = arg;

	w->tables++;
}

static void
on_retired(void *arg UNUSED, struct hosttab *old)
{
	hosttab_free(old);
}

static void
on_refused(void *arg, const char *host UNUSED, const struct error *why)
{
	struct world *w = arg;

	w->refusals++;
	w->why = *why;
}

static void
on_close(void *arg, const struct error *why UNUSED)
{
	struct world *w = arg;

	w->closes++;
}

static void
on_answer(void *arg, bool ok, const char *reason UNUSED)
{
	struct world *w = arg;

	w->answers++;
	w->ok = ok;
}

static void
run(struct world *w)
{
	for (int i = 0; i < 10; i++)
		event_base_loop(w->base, EVLOOP_NONBLOCK);
}

static void
say(struct world *w, const struct bootd_msg *m)
{
	frame_send(w->agent, bootd_msg_to_json(m));
	run(w);
}

static int
set_up(void **state)
{
	static const struct log log = {.max = LOG_LEVEL_ERROR, .program = "test"};
	static const struct frame_ops agent_ops = {agent_message, agent_close};
	static const struct agent_link_ops ops = {
	    on_config, on_table, on_retired, on_refused, on_close};
	const struct bootd_msg config = {
	    .type = BOOTD_MSG_CONFIG, .text = (char *)"interfaces: [e]"};
	struct world *w = str_alloc(sizeof(*w));
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	w->base = event_base_new();
	w->table = hosttab_new();
	w->got = json_array();
	w->agent = frame_open(w->base, fds[0], &agent_ops, w);
	w->link = agent_link_open(w->base, fds[1], &log, &w->table, &ops, w);
	say(w, &config);
	assert_int_equal(w->configs, 1);
	*state = w;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;

	agent_link_close(w->link);
	frame_close(w->agent);
	hosttab_free(w->table);
	json_decref(w->got);
	event_base_free(w->base);
	free(w);
	return 0;
}

static const json_t *
last_of(const struct world *w, const char *t)
{
	for (size_t i = json_array_size(w->got); i > 0; i--) {
		const json_t *m = json_array_get(w->got, i - 1);

		if (str_eq(json_string_value(json_object_get(m, "t")), t))
			return m;
	}
	return NULL;
}

static int64_t
acked(const struct world *w)
{
	const json_t *m = last_of(w, "ack");

	return m ? json_integer_value(json_object_get(m, "gen")) : -1;
}

static void
say_host(struct world *w, int64_t gen, const char *name, unsigned n, const char *ticket)
{
	struct bundle_host h = fixture_host(name, n);
	struct bootd_msg_boot *boot = ticket ? fixture_boot(ticket) : NULL;
	const struct bootd_msg m = {
	    .type = BOOTD_MSG_HOST, .gen = gen, .host = &h, .boot = boot};

	if (boot) {
		str_clip(boot->job, sizeof(boot->job), "0jb0000000000001");
		str_clip(boot->boot, sizeof(boot->boot), "0bt0000000000001");
	}
	say(w, &m);
	free(boot);
}

static void
say_plain(struct world *w, enum bootd_msg_type type, int64_t gen)
{
	struct bundle_site *site = str_alloc(sizeof(*site));
	const struct bootd_msg m = {.type = type, .gen = gen, .site = site};

	str_clip(site->name, sizeof(site->name), "los");
	say(w, &m);
	free(site);
}

static void
a_table_is_in_force_when_acknowledged(void **state)
{
	struct world *w = *state;

	say_plain(w, BOOTD_MSG_TABLE_BEGIN, 3);
	say_host(w, 3, "edge01", 1, NULL);
	assert_int_equal(hosttab_count(w->table), 0); /* the old one still answers */
	assert_int_equal(acked(w), -1);
	say_plain(w, BOOTD_MSG_TABLE_END, 3);
	assert_int_equal(hosttab_count(w->table), 1);
	assert_string_equal(hosttab_site(w->table)->name, "los");
	assert_int_equal(w->tables, 1);
	assert_int_equal(acked(w), 3);
	say_host(w, 4, "edge02", 2, NULL);
	assert_int_equal(hosttab_count(w->table), 2);
	assert_int_equal(acked(w), 4);
	say_host(w, 5, "edge03", 2, NULL); /* edge02's MAC */
	assert_int_equal(w->refusals, 1);
	assert_string_equal(w->why.code, "mac-in-use");
	assert_int_equal(acked(w), 4);
}

static uint64_t
ask(struct world *w)
{
	return consumer_ask(agent_link_consumer(w->link),
	    hosttab_by_name(w->table, "edge01"), "", "10.0.0.1", "d/initrd", on_answer,
	    w);
}

static void
answer(struct world *w, enum bootd_msg_type type, uint64_t req)
{
	const struct bootd_msg m = {.type = type, .req = req, .text = (char *)"because"};

	say(w, &m);
}

static void
answers_find_their_askers(void **state)
{
	struct world *w = *state;
	uint64_t one, two;

	say_host(w, 1, "edge01", 1, "0tkt000000000001");
	one = ask(w);
	two = ask(w);
	run(w);
	assert_int_equal(w->answers, 0);
	assert_string_equal(
	    json_string_value(json_object_get(last_of(w, "consume"), "ticket")),
	    "0tkt000000000001");
	answer(w, BOOTD_MSG_CONSUME_NO, one);
	assert_int_equal(w->answers, 1);
	assert_false(w->ok);
	assert_false(hosttab_by_name(w->table, "edge01")->boot.consumed);
	answer(w, BOOTD_MSG_REPORT_OK, two); /* the wrong kind of answer */
	assert_int_equal(w->answers, 1);
	answer(w, BOOTD_MSG_CONSUME_OK, two);
	assert_int_equal(w->answers, 2);
	assert_true(w->ok);
	assert_true(hosttab_by_name(w->table, "edge01")->boot.consumed);
	answer(w, BOOTD_MSG_CONSUME_OK, two); /* twice */
	assert_int_equal(w->answers, 2);
}

static void
a_cancelled_consumption_still_counts(void **state)
{
	struct world *w = *state;
	uint64_t req;

	say_host(w, 1, "edge01", 1, "0tkt000000000001");
	req = ask(w);
	consumer_cancel(agent_link_consumer(w->link), req);
	answer(w, BOOTD_MSG_CONSUME_OK, req);
	assert_int_equal(w->answers, 0);
	assert_true(hosttab_by_name(w->table, "edge01")->boot.consumed);
	ask(w); /* and one that waits when the link is closed */
}

/* The host is renamed, or gone for a while, when the answer comes. */
static void
a_consumption_finds_its_ticket(void **state)
{
	struct world *w = *state;
	const struct bootd_msg del = {
	    .type = BOOTD_MSG_HOST_DEL, .gen = 2, .name = "edge01"};
	uint64_t req;

	say_host(w, 1, "edge01", 1, "0tkt000000000001");
	req = ask(w);
	say(w, &del);
	answer(w, BOOTD_MSG_CONSUME_OK, req);
	assert_int_equal(w->answers, 1);
	say_host(w, 3, "edge02", 1, "0tkt000000000001");
	assert_true(hosttab_by_name(w->table, "edge02")->boot.consumed);
}

static void
notes_are_made_fit_for_json(void **state)
{
	struct world *w = *state;
	struct consumer *c = agent_link_consumer(w->link);
	const char *note;

	consumer_report(
	    c, FIXTURE_TOKEN, "up", "ok\n\x01\xff\x7f", "10.0.0.1", on_answer, w);
	run(w);
	note = json_string_value(json_object_get(last_of(w, "report"), "note"));
	assert_string_equal(note, "ok\n???");
	consumer_report(
	    c, FIXTURE_TOKEN, "up", "gr\xc3\xbc\xc3\x9f", "10.0.0.1", on_answer, w);
	run(w);
	note = json_string_value(json_object_get(last_of(w, "report"), "note"));
	assert_string_equal(note, "gr\xc3\xbc\xc3\x9f");
}

static void
the_end_is_told(void **state)
{
	struct world *w = *state;

	frame_close(w->agent);
	w->agent = NULL;
	run(w);
	assert_int_equal(w->closes, 1);
}

static void
after_a_fatal_message_nothing_is_taken(void **state)
{
	struct world *w = *state;
	struct error err = {.code = "port-in-use", .text = "t", .next = "n"};

	agent_link_fatal(w->link, &err);
	say_host(w, 1, "edge01", 1, NULL);
	assert_int_equal(hosttab_count(w->table), 0);
	assert_int_equal(acked(w), -1);
	assert_string_equal(
	    json_string_value(json_object_get(last_of(w, "fatal"), "code")),
	    "port-in-use");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		a_table_is_in_force_when_acknowledged, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(answers_find_their_askers, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		a_cancelled_consumption_still_counts, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		a_consumption_finds_its_ticket, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		notes_are_made_fit_for_json, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(the_end_is_told, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		after_a_fatal_message_nothing_is_taken, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
