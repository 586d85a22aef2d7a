/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which recordings are made of what a console says: of boots, and between jobs. */
#include "agent/console_recorder.h"

#include <dirent.h>
#include <event2/event.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/console_file.h"
#include "lib/clock.h"
#include "lib/console_record.h"
#include "tests/unit/agent/console_kit.h"

enum { LIMIT = 40 * 1024, EVENTS = 200, FILES = 32 };

struct kit {
	char dir[64];
	struct event_base *base;
	struct log log;
	struct rng rng;
	struct console_hub *hub;
	struct console_recorder *rec;
	struct event events[EVENTS];
	size_t n_events;
	unsigned changes;
	struct bundle *bundle;
	struct run *run;
};

static void
emit(void *arg, struct event *ev)
{
	struct kit *k = arg;

	assert_true(k->n_events < EVENTS);
	k->events[k->n_events++] = *ev;
}

static void
changed(void *arg)
{
	((struct kit *)arg)->changes++;
}

static void
start(struct kit *k, int64_t site_limit)
{
	const struct console_recorder_opts o = {.base = k->base,
	    .log = &k->log,
	    .hub = k->hub,
	    .rng = &k->rng,
	    .dir = k->dir,
	    .boot_limit = LIMIT,
	    .site_limit = site_limit,
	    .emit = emit,
	    .changed = changed,
	    .arg = k};

	k->rec = console_recorder_new(&o);
}

static int
setup(void **state)
{
	struct kit *k = str_alloc(sizeof(*k));

	console_kit_reset();
	str_clip(k->dir, sizeof(k->dir), "/tmp/console_recorder_testXXXXXX");
	assert_non_null(mkdtemp(k->dir));
	k->base = event_base_new();
	k->rng = rng_seeded(1);
	k->hub = console_hub_new(NULL);
	k->bundle = str_alloc(sizeof(*k->bundle));
	k->run = str_alloc(sizeof(*k->run));
	str_clip(k->bundle->bmc.address, sizeof(k->bundle->bmc.address), "192.0.2.1");
	k->bundle->bmc.port = 623;
	str_clip(k->run->job, sizeof(k->run->job), "01m8186kad100000");
	str_clip(k->run->host, sizeof(k->run->host), "edge01");
	str_clip(k->run->boot, sizeof(k->run->boot), "01m8186kgj3sd2xa");
	k->run->stage = STAGE_ARMED;
	start(k, 100 * LIMIT);
	*state = k;
	return 0;
}

static int
teardown(void **state)
{
	struct kit *k = *state;
	char path[400];
	struct dirent *e;
	DIR *dir;

	console_recorder_free(k->rec);
	console_hub_free(k->hub);
	assert_int_equal(console_kit_open, 0);
	dir = opendir(k->dir);
	assert_non_null(dir);
	while ((e = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", k->dir, e->d_name);
		if (e->d_name[0] != '.')
			unlink(path);
	}
	closedir(dir);
	rmdir(k->dir);
	for (size_t i = 0; i < k->n_events; i++)
		event_done(&k->events[i]);
	event_base_free(k->base);
	free(k->bundle);
	free(k->run);
	free(k);
	return 0;
}

static size_t
count(const struct kit *k, const char *kind)
{
	size_t n = 0;

	for (size_t i = 0; i < k->n_events; i++)
		n += str_eq(k->events[i].kind, kind);
	return n;
}

/* Octets as they were said, marks by their names in <>. */
static void
story(const char *path, char *ret, size_t size, struct console_record_sum *sum)
{
	static uint8_t buf[2 * LIMIT];
	struct console_record_frame f;
	size_t used, at = 0;
	FILE *file = fopen(path, "r");
	size_t n;

	assert_non_null(file);
	n = fread(buf, 1, sizeof(buf), file);
	fclose(file);
	*sum = (struct console_record_sum){0};
	assert_int_equal(console_record_sum_add(sum, buf, n), n);
	ret[0] = '\0';
	while (console_record_next(buf + at, n - at, &f, &used) == 1) {
		size_t len = strlen(ret);

		at += used;
		if (f.type == CONSOLE_RECORD_MARK)
			snprintf(ret + len, size - len, "<%s>",
			    console_record_mark_name(f.mark));
		else if (f.type == CONSOLE_RECORD_DATA)
			snprintf(ret + len, size - len, "%.*s",
			    f.len > 60 ? 3 : (int)f.len, (const char *)f.data);
	}
}

static void
story_of(const struct kit *k, const char *id, const char *expected)
{
	char path[CONSOLE_FILE_PATH_SIZE], text[500];
	struct console_record_sum sum;

	assert_int_equal(console_file_path(k->dir, id, path), 0);
	story(path, text, sizeof(text), &sum);
	assert_string_equal(text, expected);
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Those between jobs, oldest first; returns how many. */
static size_t
between(const struct kit *k, char ret[FILES][ID_SIZE])
{
	struct dirent **list;
	char path[CONSOLE_FILE_PATH_SIZE];
	int n = scandir(k->dir, &list, NULL, by_name);
	size_t found = 0;

	for (int i = 0; i < n; i++) {
		char id[ID_SIZE] = "";

		str_clip(id, sizeof(id), list[i]->d_name);
		if (id_valid(id) && console_file_path(k->dir, id, path) == 0 &&
		    console_file_is_always(path)) {
			assert_true(found < FILES);
			str_clip(ret[found++], ID_SIZE, id);
		}
		free(list[i]);
	}
	free(list);
	return found;
}

static void
always(struct kit *k, const char *host, const char *address)
{
	struct console_recorder_host h = {.bmc = {.port = 623}};

	str_clip(h.name, sizeof(h.name), host);
	str_clip(h.bmc.address, sizeof(h.bmc.address), address);
	console_recorder_always(k->rec, &h, 1);
}

static void
test_each_boot_has_its_own(void **state)
{
	struct kit *k = *state;

	k->run->stage = STAGE_PREFLIGHT;
	console_recorder_job(k->rec, k->bundle, k->run);
	assert_int_equal(console_kit_opened, 0);
	k->run->stage = STAGE_ARMED;
	console_recorder_job(k->rec, k->bundle, k->run);
	console_recorder_job(k->rec, k->bundle, k->run);
	assert_int_equal(console_kit_opened, 1);
	console_kit_up(0);
	console_kit_say(0, "one");
	assert_true(console_recorder_writes(k->rec, k->run->boot));
	console_kit_down(0, CONSOLE_LOST, 1);
	console_kit_down(0, CONSOLE_LOST, 1); /* told once */
	console_kit_up(0);
	console_kit_say(0, "two");
	story_of(k, "01m8186kgj3sd2xa", "<connected>one<lost><gap><connected>two");
	/* The second attempt. */
	str_clip(k->run->boot, sizeof(k->run->boot), "01m8186kgj3sd2xb");
	console_recorder_job(k->rec, k->bundle, k->run);
	console_kit_say(0, "three");
	story_of(k, "01m8186kgj3sd2xa", "<connected>one<lost><gap><connected>two<end>");
	story_of(k, "01m8186kgj3sd2xb", "<connected>three");
	assert_int_equal(console_kit_opened, 1);
	assert_int_equal(count(k, "sol.lost"), 1);
	assert_int_equal(count(k, "sol.resumed"), 1);
	assert_string_equal(k->events[0].boot, "01m8186kgj3sd2xa");
	assert_true(k->changes > 0);
}

static void
test_what_is_not_recorded(void **state)
{
	struct kit *k = *state;

	str_clip(k->bundle->bmc.console, sizeof(k->bundle->bmc.console), "off");
	console_recorder_job(k->rec, k->bundle, k->run);
	k->bundle->bmc.console[0] = '\0';
	k->run->kind = BUNDLE_POWER;
	console_recorder_job(k->rec, k->bundle, k->run);
	k->run->kind = BUNDLE_REINSTALL;
	k->bundle->bmc.address[0] = '\0';
	console_recorder_job(k->rec, k->bundle, k->run);
	assert_int_equal(console_kit_opened, 0);
}

static void
test_always(void **state)
{
	struct kit *k = *state;
	char ids[FILES][ID_SIZE];

	always(k, "edge01", "192.0.2.1");
	assert_int_equal(console_kit_opened, 1);
	console_kit_up(0);
	assert_int_equal(between(k, ids), 0); /* nothing was said */
	console_kit_say(0, "at night\r\nKernel panic - not syncing: x\r\n");
	assert_int_equal(between(k, ids), 1);
	story_of(k, ids[0], "<connected>at night\r\nKernel panic - not syncing: x\r\n");
	assert_int_equal(count(k, "sol.line"), 1);
	for (size_t i = 0; i < k->n_events; i++)
		assert_true(str_eq(k->events[i].host, "edge01") &&
			    k->events[i].boot[0] == '\0' && k->events[i].job[0] == '\0');
	/* A job comes, with its own recording and the same console. */
	console_recorder_job(k->rec, k->bundle, k->run);
	console_kit_say(0, "in the job");
	assert_int_equal(between(k, ids), 1);
	story_of(
	    k, ids[0], "<connected>at night\r\nKernel panic - not syncing: x\r\n<end>");
	story_of(k, k->run->boot, "<connected>in the job");
	assert_int_equal(console_kit_opened, 1);
	assert_string_equal(k->events[k->n_events - 1].kind, "sol.line");
	/* The list is told again: nothing changes. Without the host: the job's recording goes on. */
	always(k, "edge01", "192.0.2.1");
	always(k, "edge02", "192.0.2.2");
	assert_int_equal(console_kit_opened, 2);
	console_kit_say(0, " still");
	story_of(k, k->run->boot, "<connected>in the job still");
	/* Another address: the console is another one. */
	always(k, "edge02", "192.0.2.3");
	assert_int_equal(console_kit_opened, 3);
	assert_int_equal(console_kit_open, 2);
	console_recorder_always(k->rec, NULL, 0);
	assert_int_equal(console_kit_open, 1); /* the job's */
}

static void
test_between_jobs_the_next_file_goes_on(void **state)
{
	struct kit *k = *state;
	char ids[FILES][ID_SIZE], line[101];
	size_t n, octets = 0;

	memset(line, 'x', 100);
	line[100] = '\0';
	always(k, "edge01", "192.0.2.1");
	console_kit_up(0);
	for (int i = 0; i < 1000; i++)
		console_kit_say(0, line);
	n = between(k, ids);
	assert_in_range(n, 3, 4);
	for (size_t i = 0; i < n; i++) {
		char path[CONSOLE_FILE_PATH_SIZE], text[40000];
		struct console_record_sum sum;

		assert_int_equal(console_file_path(k->dir, ids[i], path), 0);
		story(path, text, sizeof(text), &sum);
		octets += (size_t)sum.octets;
		assert_true(sum.always && sum.good <= LIMIT);
	}
	assert_int_equal(octets, 1000 * 100); /* not an octet is missing */
	/* A boot's ends there. */
	console_recorder_job(k->rec, k->bundle, k->run);
	for (int i = 0; i < 1000; i++)
		console_kit_say(0, line);
	assert_int_equal(count(k, "sol.truncated"), 1);
}

static void
test_room_is_made_of_what_no_boot_misses(void **state)
{
	struct kit *k = *state;
	char ids[FILES][ID_SIZE], line[101], path[CONSOLE_FILE_PATH_SIZE];
	struct stat st;

	console_recorder_free(k->rec);
	start(k, 3 * LIMIT);
	memset(line, 'x', 100);
	line[100] = '\0';
	console_recorder_job(k->rec, k->bundle, k->run); /* the oldest */
	console_kit_up(0);
	for (int i = 0; i < 300; i++)
		console_kit_say(0, line);
	str_clip(k->run->boot, sizeof(k->run->boot), "01m8186kgj3sd2xb");
	console_recorder_job(k->rec, k->bundle, k->run);
	always(k, "edge02", "192.0.2.2");
	console_kit_up(1);
	for (int i = 0; i < 3000; i++)
		console_kit_say(1, line);
	assert_in_range(between(k, ids), 1, 3);
	assert_int_equal(console_file_path(k->dir, "01m8186kgj3sd2xa", path), 0);
	assert_int_equal(stat(path, &st), 0);
}

static void
test_events_are_bounded(void **state)
{
	struct kit *k = *state;

	always(k, "edge01", "192.0.2.1");
	for (int i = 0; i < 100; i++) {
		console_kit_up(0);
		console_kit_down(0, i % 2 ? CONSOLE_LOST : CONSOLE_STOLEN, 1);
		console_kit_say(0, "login: \r\nKernel panic\r\nPXE-E18: x\r\n");
	}
	assert_true(k->n_events <= 100);
}

/* The old system's panic that a BMC plays again does not use up what may be told of the image's own. */
static void
test_the_image_is_heard_after_the_old_system(void **state)
{
	struct kit *k = *state;

	k->run->stage = STAGE_KERNEL;
	k->run->ticket.state = TICKET_ARMED;
	console_recorder_job(k->rec, k->bundle, k->run);
	console_kit_up(0);
	for (int i = 0; i < 10; i++)
		console_kit_say(0, "Kernel panic - not syncing: old\r\n");
	size_t before = count(k, "sol.line");
	k->run->ticket.state = TICKET_CONSUMED;
	console_recorder_job(k->rec, k->bundle, k->run);
	console_recorder_job(k->rec, k->bundle, k->run);
	for (int i = 0; i < 10; i++)
		console_kit_say(0, "Kernel panic - not syncing: new\r\n");
	assert_int_equal(count(k, "sol.line"), 2 * before);
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_each_boot_has_its_own),
	    TEST(test_what_is_not_recorded),
	    TEST(test_always),
	    TEST(test_between_jobs_the_next_file_goes_on),
	    TEST(test_room_is_made_of_what_no_boot_misses),
	    TEST(test_events_are_bounded),
	    TEST(test_the_image_is_heard_after_the_old_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
