/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The directories of bootd: opened or named, and a state directory that is taken only when it may be.
 * Giving it to another user needs root and is seen in tests/net/test_bootd_start.py. */
#include "boot-services/bootd_dirs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/str.h"

static const struct privs_user keep = {.uid = (uid_t)-1, .gid = (gid_t)-1};

struct world {
	char dir[64];
	struct bootd_config cfg;
	struct bootd_deps deps;
};

static int
set_up(void **state)
{
	struct world *w = str_alloc(sizeof(*w));
	struct bootd_config *c = &w->cfg;

	snprintf(w->dir, sizeof(w->dir), "/tmp/bootd_dirs_test.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	str_clip(c->images_root, sizeof(c->images_root), w->dir);
	str_clip(c->loaders_root, sizeof(c->loaders_root), w->dir);
	str_clip(c->scripts_root, sizeof(c->scripts_root), w->dir);
	snprintf(c->state_dir, sizeof(c->state_dir), "%s/state", w->dir);
	c->http = c->tftp = true;
	bootd_dirs_init(&w->deps);
	*state = w;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;

	bootd_dirs_close(&w->deps);
	(void)rmdir(w->cfg.state_dir);
	assert_int_equal(rmdir(w->dir), 0);
	free(w);
	return 0;
}

static void
opens_all_and_makes_the_state(void **state)
{
	struct world *w = *state;
	struct error err = {0};
	struct stat st;

	assert_int_equal(bootd_dirs_open(&w->cfg, &keep, &w->deps, &err), 0);
	assert_true(w->deps.images_fd >= 0 && w->deps.loaders_fd >= 0);
	assert_true(w->deps.scripts_fd >= 0 && w->deps.state_fd >= 0);
	assert_int_equal(stat(w->cfg.state_dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
}

static void
opens_only_what_is_needed(void **state)
{
	struct world *w = *state;
	struct error err = {0};

	w->cfg.http = w->cfg.tftp = false;
	str_clip(w->cfg.images_root, sizeof(w->cfg.images_root), "/nonexistent");
	assert_int_equal(bootd_dirs_open(&w->cfg, &keep, &w->deps, &err), 0);
	assert_int_equal(w->deps.images_fd, -1);
	assert_true(w->deps.state_fd >= 0);
}

static void
names_what_is_missing(void **state)
{
	struct world *w = *state;
	struct error err = {0};

	str_clip(w->cfg.scripts_root, sizeof(w->cfg.scripts_root), "/nonexistent");
	assert_true(bootd_dirs_open(&w->cfg, &keep, &w->deps, &err) < 0);
	assert_string_equal(err.code, "directory-missing");
	assert_string_equal(
	    err.text, "dirs.scripts: /nonexistent: No such file or directory");
}

static void
leaves_somebody_elses_directory_alone(void **state)
{
	struct world *w = *state;
	const struct privs_user other = {.uid = geteuid() + 1, .gid = getegid()};
	struct error err = {0};
	struct stat st;
	char path[96];

	assert_int_equal(mkdir(w->cfg.state_dir, 0755), 0);
	snprintf(path, sizeof(path), "%s/state/hosts", w->dir);
	fclose(fopen(path, "w"));
	assert_true(bootd_dirs_open(&w->cfg, &other, &w->deps, &err) < 0);
	assert_string_equal(err.code, "directory-foreign");
	assert_non_null(strstr(err.text, w->cfg.state_dir));
	assert_int_equal(stat(w->cfg.state_dir, &st), 0);
	assert_int_equal(st.st_uid, geteuid());
	unlink(path);
}

static void
drops_loaders_that_are_not_there(void **state)
{
	static const struct log log = {.max = LOG_LEVEL_ERROR, .program = "test"};
	struct world *w = *state;
	char path[96];
	struct error err = {0};

	snprintf(path, sizeof(path), "%s/a.efi", w->dir);
	fclose(fopen(path, "w"));
	w->cfg.loaders[0] = (struct bootd_config_loader){.arch = 6, .file = "none.efi"};
	w->cfg.loaders[1] = (struct bootd_config_loader){.arch = 7, .file = "a.efi"};
	w->cfg.loaders[2] = (struct bootd_config_loader){.arch = 0, .file = ""};
	w->cfg.n_loaders = 3;
	assert_int_equal(bootd_dirs_open(&w->cfg, &keep, &w->deps, &err), 0);
	bootd_dirs_drop_missing_loaders(&w->cfg, w->deps.loaders_fd, &log);
	assert_int_equal(w->cfg.n_loaders, 2);
	assert_int_equal(w->cfg.loaders[0].arch, 7);
	assert_int_equal(w->cfg.loaders[1].arch, 0);
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		opens_all_and_makes_the_state, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(opens_only_what_is_needed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(names_what_is_missing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		leaves_somebody_elses_directory_alone, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		drops_loaders_that_are_not_there, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
