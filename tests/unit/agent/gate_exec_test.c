/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Programs of gates: what becomes of them, in their own folder here. tests/net/test_gates.py has the user they run as, and the agent. */
#include "agent/gate_exec.h"

#include <event2/event.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/str.h"

static const char *const env[] = {"PATH=/usr/bin:/bin", "NETBOOT_HOST=edge01", NULL};

struct kit {
	struct event_base *base;
	struct gate_exec_set *set;
	char root[64];
	unsigned n_ends;
	struct gate_exec_end end; /* the last one */
};

static struct kit *
kit_new(const char *user)
{
	struct kit *k = str_alloc(sizeof(*k));

	snprintf(k->root, sizeof(k->root), "/tmp/nb-gate-exec-XXXXXX");
	assert_non_null(mkdtemp(k->root));
	assert_int_equal(chmod(k->root, 0755), 0);
	k->base = event_base_new();
	k->set = gate_exec_set_new(
	    &(struct gate_exec_opts){.base = k->base, .root = k->root, .user = user});
	return k;
}

static void
kit_free(struct kit *k)
{
	static const char *const names[] = {"a", "b"};

	gate_exec_set_free(k->set);
	event_base_free(k->base);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/%s", k->root, names[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(k->root), 0);
	free(k);
}

static void
put(const struct kit *k, const char *name, const char *text, mode_t mode)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", k->root, name);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static void
on_done(void *arg, const struct gate_exec_end *end)
{
	struct kit *k = arg;

	k->n_ends++;
	k->end = *end;
	event_base_loopbreak(k->base);
}

static struct gate_exec *
start(struct kit *k, const char *name, int64_t timeout_us, struct error *err)
{
	char *argv[] = {(char *)(uintptr_t)name, (char *)(uintptr_t) "x y", NULL};

	return gate_exec_start(k->set, argv, env, timeout_us, on_done, k, err);
}

static void
run(struct kit *k, int64_t timeout_us)
{
	struct error err = {.code = ""};

	k->n_ends = 0;
	if (start(k, "a", timeout_us, &err) == NULL)
		fail_msg("%s", err.text);
	assert_int_equal(k->n_ends, 0); /* not from within the call */
	event_base_dispatch(k->base);
	assert_int_equal(k->n_ends, 1);
}

static void
ends(void **state)
{
	struct kit *k = kit_new("nobody");

	(void)state;
	put(k, "a", "#!/bin/sh\necho \"$1 of $NETBOOT_HOST\"; echo\n", 0755);
	run(k, 60 * USEC_PER_SEC);
	assert_true(k->end.ok && !k->end.over);
	assert_string_equal(k->end.why, "x y of edge01");
	put(k, "a", "#!/bin/sh\necho not warm >&2; exit 3\n", 0755);
	run(k, 60 * USEC_PER_SEC);
	assert_false(k->end.ok || k->end.over);
	assert_string_equal(k->end.why, "not warm");
	put(k, "a", "#!/bin/sh\necho begun; sleep 600 & wait\n", 0755);
	run(k, USEC_PER_SEC);
	assert_true(!k->end.ok && k->end.over);
	assert_string_equal(k->end.why, "it has not ended after 1 s; it said: begun");
	put(k, "a", "#!/bin/sh\nyes\n", 0755);
	run(k, 60 * USEC_PER_SEC);
	assert_non_null(strstr(k->end.why, "printed more than"));
	put(k, "a", "#!/no/such\n", 0755);
	run(k, 60 * USEC_PER_SEC);
	assert_string_equal(k->end.why, "it cannot be run: No such file or directory");
	kit_free(k);
}

static void
refused(struct kit *k, const char *name, const char *why)
{
	struct error err = {.code = ""};

	assert_null(start(k, name, USEC_PER_SEC, &err));
	assert_string_equal(err.code, "gate-program");
	if (strstr(err.text, why) == NULL)
		fail_msg("%s: %s", name, err.text);
	assert_true(err.next[0] != '\0');
}

static void
may_not_be_run(void **state)
{
	struct kit *k = kit_new("nobody");

	(void)state;
	refused(k, "a", "is not there");
	put(k, "a", "#!/bin/sh\n", 0775);
	refused(k, "a", "can be written by others");
	put(k, "a", "#!/bin/sh\n", 0644);
	refused(k, "a", "is not executable");
	put(k, "a", "#!/bin/sh\n", 0755);
	refused(k, "../a", "cannot be opened");
	refused(k, "/bin/true", "cannot be opened");
	refused(k, ".", "is no file");
	assert_int_equal(chmod(k->root, 0777), 0);
	refused(k, "a", "can be written by others");
	assert_int_equal(chmod(k->root, 0755), 0);
	run(k, 60 * USEC_PER_SEC);
	assert_true(k->end.ok);
	kit_free(k);
	if (geteuid() != 0)
		return;
	k = kit_new("root");
	put(k, "a", "#!/bin/sh\n", 0755);
	refused(k, "a", "is root");
	kit_free(k);
}

/* More than there are places for; those that are stopped are not heard of again. */
static void
stopped(void **state)
{
	enum { N = 3 * GATE_EXEC_AT_ONCE };
	struct kit *k = kit_new("nobody");
	struct gate_exec *runs[N];
	struct error err = {.code = ""};
	int64_t began = clock_mono();

	(void)state;
	put(k, "a", "#!/bin/sh\nexec sleep 600\n", 0755);
	put(k, "b", "#!/bin/sh\necho done\n", 0755);
	for (size_t i = 0; i < N; i++) {
		runs[i] = start(k, "a", 600 * USEC_PER_SEC, &err);
		assert_non_null(runs[i]);
	}
	assert_non_null(start(k, "b", 600 * USEC_PER_SEC, &err)); /* behind all of them */
	for (size_t i = 0; i < N; i++)
		gate_exec_stop(runs[i]);
	event_base_dispatch(k->base);
	assert_int_equal(k->n_ends, 1);
	assert_string_equal(k->end.why, "done");
	assert_non_null(start(k, "a", 600 * USEC_PER_SEC, &err)); /* left to the set */
	kit_free(k);
	assert_true(clock_mono() - began < 300 * USEC_PER_SEC);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ends),
	    cmocka_unit_test(may_not_be_run),
	    cmocka_unit_test(stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
