/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recordings on their way to an orchestrator that forgets, refuses and fails. */
#include "agent/console_upload.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/console_file.h"
#include "lib/base64.h"
#include "lib/console_record.h"
#include "tests/unit/agent/http_kit.h"

#define PATH "/agent/v1/console"
#define FIRST "01m8186kgj3sd2xa"
#define SECOND "01m8186kgj3sd2xb"

struct kit {
	char dir[64];
	struct event_base *base;
	struct log log;
	struct rng rng;
	struct console_upload *u;
	char written[ID_SIZE]; /* still */
};

static bool
writes(void *arg, const char *id)
{
	return str_eq(((struct kit *)arg)->written, id);
}

static int
setup(void **state)
{
	struct kit *k = str_alloc(sizeof(*k));
	struct console_upload_opts o = {
	    .site = "local", .agent = "01m8186kgj3sd2xz", .writes = writes, .arg = k};
	struct error err;

	str_clip(k->dir, sizeof(k->dir), "/tmp/console_upload_testXXXXXX");
	assert_non_null(mkdtemp(k->dir));
	k->base = event_base_new();
	k->log = log_init("test", LOG_LEVEL_ERROR);
	k->rng = rng_seeded(1);
	o.base = k->base;
	o.log = &k->log;
	o.rng = &k->rng;
	o.dir = k->dir;
	k->u = console_upload_new(&o, &err);
	*state = k;
	return 0;
}

static bool
exists(const struct kit *k, const char *id)
{
	char path[CONSOLE_FILE_PATH_SIZE];

	assert_int_equal(console_file_path(k->dir, id, path), 0);
	return access(path, F_OK) == 0;
}

static int
teardown(void **state)
{
	struct kit *k = *state;
	static const char *const ids[] = {FIRST, SECOND};
	char path[CONSOLE_FILE_PATH_SIZE];

	console_upload_free(k->u);
	event_base_free(k->base);
	assert_null(http_kit_calls);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		if (console_file_path(k->dir, ids[i], path) == 0)
			unlink(path);
	assert_int_equal(rmdir(k->dir), 0);
	free(k);
	return 0;
}

static struct console_file *
record(struct kit *k, const char *id, const char *text, bool ends)
{
	const struct console_file_what what = {.host = "edge01", .id = id};
	struct console_file *f = NULL;
	struct error err;

	assert_int_equal(console_file_open(k->dir, &what, 1 << 20, 1, &f, &err), 0);
	assert_int_equal(console_file_data(f, 2, (const uint8_t *)text, strlen(text)), 0);
	if (!ends)
		return f;
	assert_int_equal(console_file_mark(f, 3, CONSOLE_RECORD_END, "over"), 0);
	console_file_close(f);
	return NULL;
}

/* What the request brings: of which recording, from where on, how many octets of the console. */
static size_t
brings(const struct http_client_call *call, const char *id, int64_t offset,
    struct console_record_sum *sum)
{
	static uint8_t buf[128 * 1024];
	size_t n = 0;

	assert_string_equal(json_string_value(json_object_get(call->body, "boot")), id);
	assert_int_equal(
	    json_integer_value(json_object_get(call->body, "offset")), offset);
	assert_int_equal(
	    base64_get(json_string_value(json_object_get(call->body, "data")), buf,
		sizeof(buf), &n),
	    0);
	*sum = (struct console_record_sum){.begun = offset > 0};
	assert_int_equal(console_record_sum_add(sum, buf, n), n); /* whole frames */
	return n;
}

static void
held(struct http_client_call *call, size_t n)
{
	char text[64];

	snprintf(text, sizeof(text), "{\"v\":1,\"held\":%zu}", n);
	http_kit_answer(call, 200, text);
}

static void
test_brought_while_it_grows_and_removed_at_the_end(void **state)
{
	struct kit *k = *state;
	struct console_file *f = record(k, SECOND, "hello", false);
	struct console_record_sum sum;
	size_t n, m;

	str_clip(k->written, sizeof(k->written), SECOND);
	record(k, FIRST, "older", true);
	n = brings(http_kit_wait(k->base, PATH), FIRST, 0, &sum);
	assert_true(sum.ended && sum.octets == 5);
	held(http_kit_find(PATH), n);
	assert_false(exists(k, FIRST)); /* it is held */
	n = brings(http_kit_find(PATH), SECOND, 0, &sum);
	held(http_kit_find(PATH), n);
	assert_null(http_kit_find(PATH));
	assert_true(exists(k, SECOND));
	assert_int_equal(console_file_data(f, 4, (const uint8_t *)" you", 4), 0);
	console_upload_kick(k->u);
	m = brings(http_kit_wait(k->base, PATH), SECOND, (int64_t)n, &sum);
	assert_int_equal(sum.octets, 4);
	/* It has lost what it had: from the beginning, then. */
	held(http_kit_find(PATH), 0);
	while (http_kit_find(PATH) == NULL)
		event_base_loop(k->base, EVLOOP_ONCE);
	assert_int_equal(brings(http_kit_find(PATH), SECOND, 0, &sum), n + m);
	assert_int_equal(sum.octets, 9);
	console_file_close(f);
	k->written[0] = '\0';
	held(http_kit_find(PATH), n + m);
	assert_false(exists(k, SECOND));
}

static void
test_failures_are_waited_for_and_refusals_are_not(void **state)
{
	struct kit *k = *state;
	struct console_record_sum sum;
	size_t n;

	record(k, FIRST, "refused", true);
	record(k, SECOND, "wanted", true);
	(void)brings(http_kit_wait(k->base, PATH), FIRST, 0, &sum);
	http_kit_answer(http_kit_find(PATH), 503, "{}");
	assert_null(http_kit_find(PATH)); /* not at once again */
	(void)brings(http_kit_wait(k->base, PATH), FIRST, 0, &sum);
	http_kit_answer(http_kit_find(PATH), 0, "");
	(void)brings(http_kit_wait(k->base, PATH), FIRST, 0, &sum);
	http_kit_answer(http_kit_find(PATH), 200, "{\"held\":-1}");
	(void)brings(http_kit_wait(k->base, PATH), FIRST, 0, &sum);
	http_kit_answer(http_kit_find(PATH), 400, "{}");
	/* That one stays here; the next is not held up. */
	assert_true(exists(k, FIRST));
	n = brings(http_kit_find(PATH), SECOND, 0, &sum);
	held(http_kit_find(PATH), n);
	assert_false(exists(k, SECOND));
	assert_null(http_kit_find(PATH));
}

/* A file that is none, or damaged, is in nobody's way. */
static void
test_what_cannot_be_read(void **state)
{
	struct kit *k = *state;
	struct console_record_sum sum;
	char path[CONSOLE_FILE_PATH_SIZE];
	FILE *f;

	assert_int_equal(console_file_path(k->dir, FIRST, path), 0);
	f = fopen(path, "w");
	for (int i = 0; i < 1000; i++)
		fputs("this is no recording", f);
	fclose(f);
	record(k, SECOND, "good", true);
	held(http_kit_wait(k->base, PATH),
	    brings(http_kit_wait(k->base, PATH), SECOND, 0, &sum));
	assert_true(exists(k, FIRST) && !exists(k, SECOND));
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_brought_while_it_grows_and_removed_at_the_end),
	    TEST(test_failures_are_waited_for_and_refusals_are_not),
	    TEST(test_what_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
