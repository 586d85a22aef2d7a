/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/preflight.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/digest.h"
#include "tests/unit/agent/job_fixture.h"
#include "tests/unit/open_files.h"

struct kit {
	char dir[64], loaders[80];
	struct event_base *base;
	struct workq *q;
	struct preflight *p;
	struct bundle *b;
	struct error err;
	unsigned n, calls;
};

static void
path_of(const struct kit *k, const char *name, char *buf, size_t size)
{
	snprintf(buf, size, "%s/%s", k->dir, name);
}

static void
write_file(const struct kit *k, const char *name, const char *text)
{
	char path[128];
	int fd;

	path_of(k, name, path, sizeof(path));
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void
order(struct bundle_file *f, const char *name, const char *text)
{
	job_fixture_file(f, name, name);
	f->size = (int64_t)strlen(text);
	digest_sha256(text, strlen(text), f->sha256);
}

static int
setup(void **state)
{
	struct kit *k = str_alloc(sizeof(*k));

	snprintf(k->dir, sizeof(k->dir), "/tmp/preflight_testXXXXXX");
	assert_non_null(mkdtemp(k->dir));
	assert_int_equal(chmod(k->dir, 0755), 0);
	snprintf(k->loaders, sizeof(k->loaders), "%s/loaders", k->dir);
	assert_int_equal(mkdir(k->loaders, 0755), 0);
	k->base = event_base_new();
	k->q = workq_new(k->base, 1);
	k->p = preflight_new(k->q, k->q, k->dir, k->loaders);
	k->b = job_fixture_bundle();
	write_file(k, "vmlinuz", "kernel");
	write_file(k, "initrd", "initrd");
	order(&k->b->image.kernel, "vmlinuz", "kernel");
	order(&k->b->image.initrds[0], "initrd", "initrd");
	*state = k;
	return 0;
}

static int
teardown(void **state)
{
	struct kit *k = *state;
	char path[128];

	if (k->q != NULL)
		workq_free(k->q);
	preflight_free(k->p);
	event_base_free(k->base);
	path_of(k, "vmlinuz", path, sizeof(path));
	unlink(path);
	path_of(k, "initrd", path, sizeof(path));
	unlink(path);
	path_of(k, "loaders/shim.efi", path, sizeof(path));
	unlink(path);
	rmdir(k->loaders);
	assert_int_equal(rmdir(k->dir), 0);
	free(k->b);
	free(k);
	return 0;
}

static void
on_done(void *arg, const struct error *err, unsigned n)
{
	struct kit *k = arg;

	k->err = *err;
	k->n = n;
	k->calls++;
	event_base_loopbreak(k->base);
}

static const char *
check(struct kit *k)
{
	memset(&k->err, 0, sizeof(k->err));
	assert_non_null(preflight_start(k->p, &k->b->image, &k->b->host, on_done, k));
	event_base_loop(k->base, EVLOOP_NO_EXIT_ON_EMPTY);
	return k->err.code;
}

static void
test_good_and_remembered(void **state)
{
	struct kit *k = *state;
	char path[128];

	assert_string_equal(check(k), "");
	assert_int_equal(k->n, 2);
	assert_string_equal(check(k), ""); /* from the cache */
	/* Same size and place, another content: the times tell. */
	path_of(k, "initrd", path, sizeof(path));
	unlink(path);
	write_file(k, "initrd", "INITRD");
	assert_string_equal(check(k), "image-altered");
	assert_non_null(strstr(k->err.text, "initrd"));
	write_file(k, "initrd", "initrd");
	assert_string_equal(check(k), "");
}

/* What the firmware would be told of must be there before the machine is switched off. */
static void
test_loaders_of_the_host(void **state)
{
	static const struct {
		const char *file, *text;
	} table[] = {
	    {"absent.efi", "loaders/absent.efi: No such file or directory"},
	    {"../vmlinuz", "it leads out of that folder"},
	    {".", "not a file"},
	};
	struct kit *k = *state;
	struct bundle_host *h = &k->b->host;
	char path[128];

	h->n_loaders = 2;
	h->loaders[0] = (struct bundle_loader){7, "shim.efi"};
	h->loaders[1] = (struct bundle_loader){0x0b, "shim.efi"};
	assert_string_equal(check(k), "loader-missing");
	assert_non_null(strstr(k->err.text, "loader for x64-uefi: "));
	assert_non_null(strstr(k->err.text, k->loaders));
	assert_non_null(strstr(k->err.next, "host set --loader"));
	write_file(k, "loaders/shim.efi", "MZ");
	assert_string_equal(check(k), "");
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		str_clip(h->loaders[1].file, sizeof(h->loaders[1].file), table[i].file);
		assert_string_equal(check(k), "loader-missing");
		assert_non_null(strstr(k->err.text, "loader for arm64-uefi: "));
		assert_non_null(strstr(k->err.text, table[i].text));
	}
	h->n_loaders = 1;
	path_of(k, "loaders/shim.efi", path, sizeof(path));
	if (geteuid() == 0) {
		assert_int_equal(chmod(path, 0600), 0);
		assert_string_equal(check(k), "loader-missing");
		assert_non_null(strstr(k->err.text, "only root may read it"));
	}
	unlink(path);
	assert_int_equal(rmdir(k->loaders), 0);
	assert_string_equal(check(k), "loader-missing");
	h->n_loaders = 0; /* the configured ones are bootd's to look for */
	assert_string_equal(check(k), "");
}

static const char *
recheck(struct kit *k)
{
	memset(&k->err, 0, sizeof(k->err));
	assert_non_null(preflight_recheck(k->p, &k->b->image, on_done, k));
	event_base_loop(k->base, EVLOOP_NO_EXIT_ON_EMPTY);
	return k->err.code;
}

/* What was replaced after the check is not what was ordered. */
static void
test_still_the_same(void **state)
{
	struct kit *k = *state;
	const struct timespec long_ago[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	char path[128];

	path_of(k, "initrd", path, sizeof(path));
	assert_string_equal(recheck(k), ""); /* not known */
	assert_string_equal(check(k), "");
	assert_string_equal(recheck(k), "");
	unlink(path);
	write_file(k, "initrd", "INITRD");
	assert_int_equal(utimensat(AT_FDCWD, path, long_ago, 0), 0);
	assert_string_equal(recheck(k), "image-altered");
	/* Another job has looked at the new file meanwhile. */
	assert_string_equal(check(k), "image-altered");
	assert_string_equal(recheck(k), "image-altered");
	write_file(k, "initrd", "initrd");
	assert_string_equal(check(k), "");
	unlink(path);
	assert_string_equal(recheck(k), "image-missing");
}

/* A name more, or one less, is no other file: a store gives names, and the orchestrator keeps what it gave to sites by a link. */
static void
test_further_names(void **state)
{
	struct kit *k = *state;
	char path[128], other[128];
	int fd;

	path_of(k, "initrd", path, sizeof(path));
	path_of(k, "again", other, sizeof(other));
	assert_string_equal(check(k), "");
	assert_int_equal(link(path, other), 0);
	assert_string_equal(recheck(k), "");
	assert_string_equal(check(k), "");
	unlink(other);
	assert_string_equal(recheck(k), "");
	/* Written into, it is, whatever names it has. */
	assert_int_equal(link(path, other), 0);
	fd = open(other, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "I", 1, 0), 1);
	close(fd);
	assert_string_equal(recheck(k), "image-altered");
	unlink(other);
}

static void
test_bad(void **state)
{
	struct kit *k = *state;
	char path[128];

	write_file(k, "vmlinuz", "kernel longer");
	assert_string_equal(check(k), "image-altered");
	assert_non_null(strstr(k->err.text, "size"));
	path_of(k, "vmlinuz", path, sizeof(path));
	unlink(path);
	assert_string_equal(check(k), "image-missing");
	assert_int_equal(mkdir(path, 0755), 0);
	assert_string_equal(check(k), "image-missing");
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0644), 0);
	assert_string_equal(check(k), "image-missing");
	unlink(path);
	/* bootd delivers nothing that lies outside. */
	assert_int_equal(symlink("/etc/hostname", path), 0);
	assert_string_equal(check(k), "image-missing");
	assert_non_null(strstr(k->err.text, "leads out"));
	str_clip(
	    k->b->image.kernel.path, sizeof(k->b->image.kernel.path), "../etc/passwd");
	assert_string_equal(check(k), "image-missing");
}

/* The agent is root and bootd is not. */
static void
test_unreadable_for_bootd(void **state)
{
	struct kit *k = *state;
	char path[128];

	path_of(k, "initrd", path, sizeof(path));
	assert_int_equal(chmod(path, 0600), 0);
	assert_string_equal(check(k), geteuid() == 0 ? "image-unreadable" : "");
	assert_int_equal(chmod(path, 0640), 0);
	assert_string_equal(check(k), "");
}

static void
test_folder_that_bootd_cannot_enter(void **state)
{
	struct kit *k = *state;
	char dir[128];

	path_of(k, "debian", dir, sizeof(dir));
	assert_int_equal(mkdir(dir, 0755), 0);
	path_of(k, "debian/12", dir, sizeof(dir));
	assert_int_equal(mkdir(dir, 0755), 0);
	write_file(k, "debian/12/initrd", "initrd");
	order(&k->b->image.initrds[0], "debian/12/initrd", "initrd");
	assert_string_equal(check(k), "");
	assert_int_equal(chmod(dir, 0710), 0); /* a group may be bootd's */
	assert_string_equal(check(k), "");
	assert_int_equal(chmod(dir, 0700), 0);
	if (geteuid() == 0) {
		assert_string_equal(check(k), "image-unreadable");
		assert_non_null(strstr(k->err.text, "debian/12:"));
	}
	path_of(k, "debian/12/initrd", dir, sizeof(dir));
	unlink(dir);
	path_of(k, "debian/12", dir, sizeof(dir));
	assert_int_equal(rmdir(dir), 0);
	path_of(k, "debian", dir, sizeof(dir));
	assert_int_equal(rmdir(dir), 0);
	order(&k->b->image.initrds[0], "initrd", "initrd");
	assert_int_equal(chmod(k->dir, 0700), 0);
	if (geteuid() == 0)
		assert_string_equal(check(k), "image-unreadable");
}

/* A day's work, if it were waited for. */
static void
test_an_end_does_not_wait_for_a_huge_file(void **state)
{
	struct kit *k = *state;
	char path[128];

	path_of(k, "vmlinuz", path, sizeof(path));
	k->b->image.kernel.size = (int64_t)1 << 42;
	assert_int_equal(truncate(path, k->b->image.kernel.size), 0);
	preflight_cancel(preflight_start(k->p, &k->b->image, &k->b->host, on_done, k));
	while (!open_files_have(path))
		;
	workq_free(k->q);
	k->q = NULL;
	assert_int_equal(k->calls, 0);
}

static void
count_done(void *arg, const struct error *err, unsigned n)
{
	struct kit *k = arg;

	assert_string_equal(err->code, "");
	assert_int_equal(n, 2);
	k->calls++;
}

/* How often the file was read since the last call. */
static unsigned
reads(int fd)
{
	struct inotify_event ev[64];
	unsigned n = 0;
	ssize_t len;

	while ((len = read(fd, ev, sizeof(ev))) > 0)
		for (size_t i = 0; i < (size_t)len / sizeof(ev[0]); i++)
			n += (ev[i].mask & IN_ACCESS) != 0;
	return n;
}

/* A site's hosts are ordered at once, all with the same image. */
static void
test_many_checks_read_a_file_once(void **state)
{
	enum { CHECKS = 20 };
	struct kit *k = *state;
	int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	struct preflight_check *c;
	char path[128];

	path_of(k, "vmlinuz", path, sizeof(path));
	assert_true(
	    inotify_add_watch(watch, path, IN_ACCESS | IN_OPEN | IN_CLOSE_NOWRITE) >= 0);
	for (int i = 0; i < CHECKS; i++)
		assert_non_null(preflight_start(k->p, &k->b->image, NULL, count_done, k));
	c = preflight_start(k->p, &k->b->image, &k->b->host, on_done, k);
	preflight_cancel(c); /* one of those that wait */
	while (k->calls < CHECKS)
		event_base_loop(k->base, EVLOOP_ONCE);
	assert_int_equal(reads(watch), 1);
	/* Nor when it has been replaced, and that is what is ordered. */
	write_file(k, "vmlinuz", "another kernel");
	order(&k->b->image.kernel, "vmlinuz", "another kernel");
	for (int i = 0; i < CHECKS; i++)
		assert_non_null(preflight_start(k->p, &k->b->image, NULL, count_done, k));
	while (k->calls < 2 * CHECKS)
		event_base_loop(k->base, EVLOOP_ONCE);
	assert_int_equal(reads(watch), 1);
	close(watch);
	/* Some wait when the end comes. */
	write_file(k, "vmlinuz", "KERNEL");
	for (int i = 0; i < 3; i++)
		preflight_cancel(
		    preflight_start(k->p, &k->b->image, &k->b->host, on_done, k));
}

static void
test_cancelled(void **state)
{
	struct kit *k = *state;

	preflight_cancel(preflight_start(k->p, &k->b->image, &k->b->host, on_done, k));
	workq_free(k->q);
	k->q = NULL;
	assert_int_equal(k->calls, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_good_and_remembered, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_loaders_of_the_host, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_still_the_same, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_further_names, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_bad, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_unreadable_for_bootd, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_folder_that_bootd_cannot_enter, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_an_end_does_not_wait_for_a_huge_file, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_many_checks_read_a_file_once, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_cancelled, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
