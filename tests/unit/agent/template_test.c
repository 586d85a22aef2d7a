/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/template.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/textfile.h"
#include "lib/digest.h"
#include "tests/unit/agent/job_fixture.h"

#define OLD "01m8186kgj3sd2xm"
#define NEW "01m8186kgj3sd2xn"

struct kit {
	char dir[64], path[128];
	struct bundle *b;
	struct ticket ticket;
	struct script_params p;
	struct template_dirs dirs;
	struct error err;
};

static const char *
path_of(struct kit *k, const char *name)
{
	snprintf(k->path, sizeof(k->path), "%s/%s", k->dir, name);
	return k->path;
}

/* The image's file `i` is a template of that text. */
static void
put(struct kit *k, size_t i, const char *name, const char *text, size_t len)
{
	struct bundle_file *f = &k->b->image.files[i];
	int fd = open(path_of(k, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
	job_fixture_file(f, name, name);
	digest_sha256(text, len, f->sha256);
	f->template = true;
	k->b->image.n_files = i + 1;
}

static int
setup(void **state)
{
	struct kit *k = str_alloc(sizeof(*k));

	snprintf(k->dir, sizeof(k->dir), "/tmp/template_testXXXXXX");
	assert_non_null(mkdtemp(k->dir));
	k->b = job_fixture_bundle();
	str_clip(k->ticket.id, sizeof(k->ticket.id), OLD);
	str_clip(k->ticket.token, sizeof(k->ticket.token), "0123456789abcdefghjkmnpqrs");
	k->p = (struct script_params){.bundle = k->b,
	    .ticket = &k->ticket,
	    .site = "los",
	    .url = "http://10.77.0.1"};
	k->dirs = (struct template_dirs){
	    .images = k->dir, .scripts = k->dir, .reader = "nobody"};
	put(k, 0, "a.cfg", "host ${host.name}\n", 18);
	k->b->image.files[1] = k->b->image.files[0];
	k->b->image.files[1].template = false;
	put(k, 2, "b.cfg", "${report}/installed", 19);
	*state = k;
	return 0;
}

static int
teardown(void **state)
{
	struct kit *k = *state;

	unlink(path_of(k, "a.cfg"));
	unlink(path_of(k, "b.cfg"));
	assert_int_equal(rmdir(k->dir), 0); /* nothing else is left */
	free(k->b);
	free(k);
	return 0;
}

static void
holds(struct kit *k, const char *name, const char *wanted)
{
	char *text = NULL;
	struct stat st;

	assert_int_equal(textfile_read(k->dir, name, 1000, &text), 0);
	assert_string_equal(text, wanted);
	free(text);
	assert_int_equal(stat(path_of(k, name), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
}

static bool
is_there(struct kit *k, const char *name)
{
	return access(path_of(k, name), F_OK) == 0;
}

static void
written_for_the_ticket_and_removed(void **state)
{
	struct kit *k = *state;

	assert_int_equal(template_check(&k->p, &k->dirs, &k->err), 0);
	assert_false(is_there(k, "ticket-" OLD "-0"));
	assert_int_equal(template_write(&k->p, &k->dirs, &k->err), 0);
	holds(k, "ticket-" OLD "-0", "host edge01\n");
	holds(k, "ticket-" OLD "-2",
	    "http://10.77.0.1/report/0123456789abcdefghjkmnpqrs/installed");
	assert_false(is_there(k, "ticket-" OLD "-1"));
	/* Another ticket is another file. */
	str_clip(k->ticket.id, sizeof(k->ticket.id), NEW);
	assert_int_equal(template_write(&k->p, &k->dirs, &k->err), 0);
	template_remove(k->dir, OLD, &k->b->image);
	assert_false(is_there(k, "ticket-" OLD "-0") || is_there(k, "ticket-" OLD "-2"));
	holds(k, "ticket-" NEW "-0", "host edge01\n");
	template_remove(k->dir, NEW, &k->b->image);
}

static void
refused(struct kit *k, int wanted, const char *code, const char *part)
{
	memset(&k->err, 0, sizeof(k->err));
	assert_int_equal(template_check(&k->p, &k->dirs, &k->err), wanted);
	assert_string_equal(k->err.code, code);
	if (strstr(k->err.text, part) == NULL)
		fail_msg("no \"%s\" in: %s", part, k->err.text);
	assert_string_not_equal(k->err.next, "");
	assert_int_equal(template_write(&k->p, &k->dirs, &k->err), wanted);
	template_remove(k->dir, OLD, &k->b->image);
}

/* Written for nobody they would be refused to the installer, when it is too late. */
static void
a_reader_who_does_not_exist(void **state)
{
	struct kit *k = *state;

	if (geteuid() != 0)
		skip();
	k->dirs.reader = "nobody-of-that-name";
	assert_int_equal(template_check(&k->p, &k->dirs, &k->err), -ENOENT);
	assert_string_equal(k->err.code, "image-template");
	assert_non_null(strstr(k->err.text, "nobody-of-that-name"));
}

static void
faults_are_named(void **state)
{
	struct kit *k = *state;
	char *big = str_alloc(TEMPLATE_SOURCE_MAX + 1);

	put(k, 2, "b.cfg", "a\n\n b ${host.label.rack}\n", 25);
	refused(k, -ENOENT, "image-template",
	    "host edge01: template b.cfg: line 3: ${host.label.rack}");
	put(k, 2, "b.cfg", "${x#y}", 6);
	refused(k, -EINVAL, "image-template", "b.cfg: line 1: ");
	put(k, 2, "b.cfg", "a\0b", 3);
	refused(k, -EILSEQ, "image-template", "b.cfg is not a text");
	memset(big, 'x', TEMPLATE_SOURCE_MAX + 1);
	put(k, 2, "b.cfg", big, TEMPLATE_SOURCE_MAX + 1);
	refused(k, -EFBIG, "image-template", "b.cfg is larger than 65536");
	put(k, 2, "b.cfg", big, TEMPLATE_SOURCE_MAX);
	assert_int_equal(template_check(&k->p, &k->dirs, &k->err), 0);
	free(big);
	k->b->image.files[2].sha256[0] ^= 1;
	refused(k, -EBADMSG, "image-altered", "b.cfg");
	unlink(path_of(k, "b.cfg"));
	refused(k, -ENOENT, "image-missing", "b.cfg");
	assert_int_equal(symlink("/etc/passwd", path_of(k, "b.cfg")), 0);
	refused(k, -EXDEV, "image-missing", "b.cfg");
	unlink(path_of(k, "b.cfg"));
	assert_int_equal(mkdir(path_of(k, "b.cfg"), 0755), 0);
	refused(k, -EISDIR, "image-missing", "b.cfg");
	rmdir(path_of(k, "b.cfg"));
}

static void
a_folder_that_is_not_there(void **state)
{
	struct kit *k = *state;

	k->dirs.scripts = "/nonexistent";
	assert_int_equal(template_write(&k->p, &k->dirs, &k->err), -ENOENT);
	assert_string_equal(k->err.code, "script-not-written");
}

static bool
keep_new(void *arg, const char *ticket)
{
	(void)arg;
	return str_eq(ticket, NEW);
}

static void
leavings_of_a_crash_are_swept(void **state)
{
	struct kit *k = *state;

	assert_int_equal(template_write(&k->p, &k->dirs, &k->err), 0);
	assert_int_equal(
	    textfile_replace(path_of(k, "ticket-" OLD "-0.new"), "x", 0600, (gid_t)-1),
	    0);
	str_clip(k->ticket.id, sizeof(k->ticket.id), NEW);
	assert_int_equal(template_write(&k->p, &k->dirs, &k->err), 0);
	template_sweep(k->dir, keep_new, k);
	assert_false(is_there(k, "ticket-" OLD "-0") || is_there(k, "ticket-" OLD "-2") ||
		     is_there(k, "ticket-" OLD "-0.new"));
	assert_true(is_there(k, "ticket-" NEW "-0") && is_there(k, "a.cfg"));
	template_remove(k->dir, NEW, &k->b->image);
	template_sweep("/nonexistent", keep_new, k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		written_for_the_ticket_and_removed, setup, teardown),
	    cmocka_unit_test_setup_teardown(faults_are_named, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_reader_who_does_not_exist, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_folder_that_is_not_there, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		leavings_of_a_crash_are_swept, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
