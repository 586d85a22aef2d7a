/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Orders without an agent: armed once, consumed durably, not armed again by a restart. */
#include "boot-services/standalone.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/boot-services/fixture.h"

#define SCRIPT "script.ipxe-52:54:00:00:00:01"

struct world {
	char dir[64];
	int fd;
	struct bootd_config cfg;
	struct rng rng;
	struct hosttab *table;
	struct evsink *events;
	struct standalone *s;
	struct error err;
	int wakes, answers;
	bool ok;
};

static const struct log log_quiet = {.max = LOG_LEVEL_ERROR, .program = "test"};

static void
on_wake(void *arg)
{
	struct world *w = arg;

	w->wakes++;
}

static void
on_answer(void *arg, bool ok, const char *reason)
{
	struct world *w = arg;

	w->answers++;
	w->ok = ok;
	assert_true(ok || reason[0]);
}

static void
configure(struct world *w, const char *order, const char *kernel)
{
	char text[512];

	snprintf(text, sizeof(text),
	    "interfaces: [e]\nhosts:\n"
	    "- {name: edge01, macs: ['52:54:00:00:00:01'], boot: {kernel: %s, initrds: "
	    "[i],\n"
	    "   args: 'a=1 r=${report} u=${uuid}', order: %s}}\n"
	    "- {name: edge02, macs: ['52:54:00:00:00:02']}\n",
	    kernel, order);
	assert_int_equal(
	    bootd_config_parse("t", text, strlen(text), &w->cfg, &w->err), 0);
}

static void
start(struct world *w, const char *order, const char *kernel)
{
	const struct evsink_outputs none = {0};
	struct standalone_deps deps = {
	    .log = &log_quiet,
	    .cfg = &w->cfg,
	    .events = &w->events,
	    .rng = &w->rng,
	    .images_fd = w->fd,
	    .scripts_fd = w->fd,
	    .state_fd = w->fd,
	    .uid = (uid_t)-1,
	    .wake = on_wake,
	    .arg = w,
	};

	configure(w, order, kernel);
	deps.table = w->table = hosttab_new();
	w->events = evsink_new(&log_quiet, &w->table, &none);
	w->s = standalone_open(&deps, 1000000, &w->err);
}

static void
stop(struct world *w)
{
	standalone_close(w->s);
	evsink_free(w->events);
	hosttab_free(w->table);
	bootd_config_done(&w->cfg);
}

static void
write_file(struct world *w, const char *name, const char *text)
{
	int fd = openat(w->fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static int
set_up(void **state)
{
	struct world *w = str_alloc(sizeof(*w));

	snprintf(w->dir, sizeof(w->dir), "/tmp/standalone_test.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	w->fd = open(w->dir, O_RDONLY | O_DIRECTORY);
	w->rng = rng_seeded(1);
	write_file(w, "k", "kernel");
	write_file(w, "i", "initrd!");
	*state = w;
	return 0;
}

static int
tear_down(void **state)
{
	static const char *const names[] = {"k", "i", "consumed", SCRIPT};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unlinkat(w->fd, names[i], 0);
	close(w->fd);
	assert_int_equal(rmdir(w->dir), 0);
	free(w);
	return 0;
}

static void
read_script(struct world *w, char *text, size_t size)
{
	int fd = openat(w->fd, SCRIPT, O_RDONLY);
	ssize_t n = read(fd, text, size - 1);

	assert_true(n > 0);
	text[n] = '\0';
	close(fd);
}

static void
consume(struct world *w)
{
	struct hosttab_entry *h = hosttab_by_name(w->table, "edge01");

	consumer_ask(standalone_consumer(w->s), h, "", "10.0.0.1", "k", on_answer, w);
	assert_int_equal(w->answers, 0); /* never from inside the question */
	assert_true(w->wakes > 0);
	standalone_run(w->s, 2000000);
	assert_int_equal(w->answers, 1);
	w->answers = 0;
}

static void
arms_with_a_script(void **state)
{
	struct world *w = *state;
	struct hosttab_entry *h;
	char text[1024], want[1024];

	start(w, "'1'", "k");
	assert_non_null(w->s);
	h = hosttab_by_name(w->table, "edge01");
	assert_true(id_valid(h->boot.ticket) && id_token_valid(h->boot.token));
	assert_int_equal(h->boot.n_payloads, 2);
	assert_int_equal(h->boot.payloads[1].size, 7);
	assert_string_equal(h->boot.script, SCRIPT);
	read_script(w, text, sizeof(text));
	snprintf(want, sizeof(want),
	    "#!ipxe\nkernel /b/%s/kernel initrd=initrd0 "
	    "a=1 r=http://${next-server}:80/report/%s u=${uuid} || exit 1\n"
	    "initrd /b/%s/initrd0 || exit 1\nboot || exit 1\n",
	    h->boot.token, h->boot.token, h->boot.token);
	assert_string_equal(text, want);
	assert_string_equal(hosttab_by_name(w->table, "edge02")->boot.ticket, "");
	stop(w);
}

static void
consumes_once_and_for_good(void **state)
{
	struct world *w = *state;

	start(w, "'1'", "k");
	consume(w);
	assert_true(w->ok);
	assert_true(hosttab_by_name(w->table, "edge01")->boot.consumed);
	consume(w);
	assert_false(w->ok);
	stop(w);
	start(w, "'1'", "k"); /* a restart */
	assert_string_equal(hosttab_by_name(w->table, "edge01")->boot.ticket, "");
	stop(w);
	/* Whoever corrects the kernel or its arguments has not ordered another installation. */
	start(w, "'1'", "i");
	assert_string_equal(hosttab_by_name(w->table, "edge01")->boot.ticket, "");
	stop(w);
	start(w, "'2'", "k"); /* a new order */
	assert_string_not_equal(hosttab_by_name(w->table, "edge01")->boot.ticket, "");
	stop(w);
}

/* A crash or a full disk can leave half a line; the next consumption must not join it. */
static void
a_torn_line_spoils_nothing(void **state)
{
	struct world *w = *state;

	write_file(w, "consumed", "edge01 0123");
	start(w, "'1'", "k");
	assert_string_not_equal(hosttab_by_name(w->table, "edge01")->boot.ticket, "");
	consume(w);
	assert_true(w->ok);
	stop(w);
	start(w, "'1'", "k");
	assert_string_equal(hosttab_by_name(w->table, "edge01")->boot.ticket, "");
	stop(w);
}

/* A power failure can leave zeros where a line was being written: what follows them counts all the same. */
static void
zeros_in_the_list_hide_nothing(void **state)
{
	struct world *w = *state;
	static const char zeros[64];
	int fd = openat(w->fd, "consumed", O_WRONLY | O_CREAT, 0600);

	assert_int_equal(write(fd, zeros, sizeof(zeros)), sizeof(zeros));
	close(fd);
	start(w, "'1'", "k");
	consume(w);
	assert_true(w->ok);
	stop(w);
	start(w, "'1'", "k");
	assert_string_equal(hosttab_by_name(w->table, "edge01")->boot.ticket, "");
	stop(w);
}

/* Two with one list would both arm an order, and it would be carried out twice. */
static void
one_list_serves_one_process(void **state)
{
	struct world *w = *state, other = *w;

	start(w, "'1'", "k");
	assert_non_null(w->s);
	start(&other, "'1'", "k");
	assert_null(other.s);
	assert_string_equal(other.err.code, "state-busy");
	stop(&other);
	stop(w);
	start(w, "'1'", "k");
	assert_non_null(w->s);
	stop(w);
}

static void
says_no_when_it_cannot_be_recorded(void **state)
{
	struct world *w = *state;

	unlinkat(w->fd, "consumed", 0);
	assert_int_equal(symlinkat("/dev/full", w->fd, "consumed"), 0);
	start(w, "'1'", "k");
	assert_null(w->s); /* a link is not followed */
	assert_string_equal(w->err.code, "state");
	stop(w);
}

static void
a_missing_image_refuses_the_start(void **state)
{
	struct world *w = *state;

	start(w, "'1'", "none");
	assert_null(w->s);
	assert_string_equal(w->err.code, "image-missing");
	assert_non_null(strstr(w->err.text, "host edge01"));
	assert_non_null(strstr(w->err.text, "/none"));
	stop(w);
}

static void
a_cancelled_question_is_not_answered(void **state)
{
	struct world *w = *state;
	struct hosttab_entry *h;
	uint64_t req;

	start(w, "'1'", "k");
	h = hosttab_by_name(w->table, "edge01");
	req = consumer_ask(standalone_consumer(w->s), h, "", "", "k", on_answer, w);
	consumer_cancel(standalone_consumer(w->s), req);
	consumer_cancel(standalone_consumer(w->s), 77);
	standalone_run(w->s, 2000000);
	assert_int_equal(w->answers, 0);
	assert_false(h->boot.consumed);
	consumer_ask(standalone_consumer(w->s), h, "", "", "k", on_answer, w);
	stop(w); /* with a question waiting */
}

static void
reports_need_a_known_token(void **state)
{
	struct world *w = *state;
	struct consumer *c;

	start(w, "'1'", "k");
	c = standalone_consumer(w->s);
	consumer_report(c, hosttab_by_name(w->table, "edge01")->boot.token, "up", "n\xff",
	    "10.0.0.1", on_answer, w);
	standalone_run(w->s, 2000000);
	assert_true(w->ok);
	consumer_report(c, FIXTURE_TOKEN, "up", "", "", on_answer, w);
	standalone_run(w->s, 2000000);
	assert_false(w->ok);
	assert_int_equal(w->answers, 2);
	stop(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(arms_with_a_script, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		consumes_once_and_for_good, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		a_torn_line_spoils_nothing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		zeros_in_the_list_hide_nothing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		one_list_serves_one_process, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		says_no_when_it_cannot_be_recorded, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		a_missing_image_refuses_the_start, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		a_cancelled_question_is_not_answered, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		reports_need_a_known_token, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
