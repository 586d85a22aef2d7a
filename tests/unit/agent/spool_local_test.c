/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a site has for the time when it is alone, in the spool: secrets sealed, a list whole or the one before. */
#include "agent/spool_local.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db/db.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "tests/unit/agent/job_fixture.h"
#include "tests/unit/quoted.h"

#define KG "0102030405060708090a0b0c0d0e0f1011121314"
#define DAY (24 * 3600 * USEC_PER_SEC)

struct kit {
	char dir[64], path[96], key_path[96];
	struct secret_key *key;
	struct rng rng;
	struct spool *s;
};

static void
open_spool(struct kit *k)
{
	struct spool_opts opts = {.path = k->path, .site = "los", .key = k->key};
	struct error err;

	assert_int_equal(spool_open(&opts, 1, &k->rng, &k->s, &err), 0);
}

static int
setup(void **state)
{
	struct kit *k = str_alloc(sizeof(*k));
	struct error err;

	snprintf(k->dir, sizeof(k->dir), "/tmp/spool_local_testXXXXXX");
	assert_non_null(mkdtemp(k->dir));
	snprintf(k->path, sizeof(k->path), "%s/agent.db", k->dir);
	snprintf(k->key_path, sizeof(k->key_path), "%s/agent.key", k->dir);
	k->rng = rng_seeded(1);
	assert_int_equal(secret_key_open(k->key_path, 1, &k->key, &err), 0);
	open_spool(k);
	*state = k;
	return 0;
}

static int
teardown(void **state)
{
	struct kit *k = *state;
	const char *const tails[] = {"", "-wal", "-shm", ".lock", ".reserve"};
	char path[128];

	spool_close(k->s);
	secret_key_free(k->key);
	for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
		snprintf(path, sizeof(path), "%s%s", k->path, tails[i]);
		unlink(path);
	}
	unlink(k->key_path);
	assert_int_equal(rmdir(k->dir), 0);
	free(k);
	return 0;
}

static size_t
put(struct kit *k, const char *hosts, const char *images, int64_t as_of)
{
	json_t *h = quoted(hosts), *i = quoted(images);
	size_t bad = 0;

	assert_int_equal(spool_local_put(k->s, h, i, as_of, &bad), 0);
	json_decref(h);
	json_decref(i);
	return bad;
}

#define BMC(secret) "{'address':'192.0.2.1','user':'admin','password':'" secret "'"
#define LOCK "'locked':{'at':9,'by':'ada','reason':'x'}"
#define HOST_A "{'host':'a','bmc':" BMC("secret17") ",'kg':'" KG "'}," LOCK "}"
#define HOST_B "{'host':'b','bmc':" BMC("other18") "}}"
#define TWO "[" HOST_A "," HOST_B "]"
#define HASH "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define IMAGE(name, kind)                  \
	"{'name':'" name "','kind':'" kind \
	"','kernel':{'name':'vmlinuz','path':'d/vmlinuz','sha256':'" HASH "','size':9}}"

static void
count(void *arg, const struct bundle_image *image)
{
	size_t *n = arg;

	assert_string_not_equal(image->name, "");
	++*n;
}

static size_t
images(struct kit *k)
{
	size_t n = 0;

	assert_int_equal(spool_local_each_image(k->s, count, &n), 0);
	return n;
}

static void
a_list_is_kept_with_its_secrets(void **state)
{
	struct kit *k = *state;
	struct local_msg_host *h = str_alloc(sizeof(*h));
	int64_t as_of = -1;

	assert_int_equal(spool_local_as_of(k->s, &as_of), 0);
	assert_int_equal(as_of, 0);
	assert_int_equal(spool_local_host(k->s, "a", h), 0);
	assert_int_equal(put(k, TWO, "[" IMAGE("r", "rescue") "]", 77), 0);
	spool_close(k->s);
	open_spool(k);
	assert_int_equal(spool_local_host(k->s, "a", h), 1);
	assert_string_equal(h->bmc.password, "secret17");
	assert_true(h->bmc.kg_set);
	assert_int_equal(h->bmc.kg[19], 0x14);
	assert_int_equal(h->locked_at, 9);
	local_msg_host_done(h);
	assert_int_equal(spool_local_host(k->s, "b", h), 1);
	assert_string_equal(h->bmc.password, "other18");
	assert_false(h->bmc.kg_set);
	local_msg_host_done(h);
	assert_int_equal(images(k), 1);
	assert_int_equal(spool_local_confirm(k->s, 99), 0);
	assert_int_equal(spool_local_as_of(k->s, &as_of), 0);
	assert_int_equal(as_of, 99);
	/* The next one replaces it whole: a host that left is not ordered for any more. */
	assert_int_equal(put(k, "[{'host':'b','bmc':null}]", "[]", 100), 0);
	assert_int_equal(spool_local_host(k->s, "a", h), 0);
	assert_int_equal(spool_local_host(k->s, "b", h), 1);
	assert_string_equal(h->bmc.address, "");
	assert_string_equal(h->bmc.password, "");
	local_msg_host_done(h);
	assert_int_equal(images(k), 0);
	free(h);
}

static void
what_cannot_be_read_is_left_out_and_counted(void **state)
{
	struct kit *k = *state;
	struct local_msg_host *h = str_alloc(sizeof(*h));

	assert_int_equal(put(k,
			     "[7, {'host':'a','locked':true}, {'host':'b','bmc':null},"
			     " {'host':'c/..'}, {'host':'b','bmc':" BMC("second") "}}]",
			     "[1, {}, {'name':'','deadlines':{'kernel':5}}, null, " IMAGE(
				 "r", "rescue") "]",
			     5),
	    3 + 4);
	assert_int_equal(spool_local_host(k->s, "a", h), 0);
	assert_int_equal(spool_local_host(k->s, "b", h), 1); /* told twice: the later */
	assert_string_equal(h->bmc.password, "second");
	local_msg_host_done(h);
	assert_int_equal(images(k), 1);
	assert_int_equal(put(k, "[]", "[]", 6), 0);
	free(h);
}

/* Whatever the list holds: of a rotation a site is told nothing, and would not use it. */
static void
no_secret_stands_in_clear(void **state)
{
	struct kit *k = *state;
	char path[128], buf[1 << 17];
	const char *const tails[] = {"", "-wal"};

	assert_int_equal(
	    put(k,
		"[{'host':'a','bmc':" BMC("secret17") ",'password_next':"
						      "'fresh-pass-18','kg':'" KG "'}}]",
		"[]", 5),
	    0);
	for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
		ssize_t n;
		int fd;

		snprintf(path, sizeof(path), "%s%s", k->path, tails[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		assert_true(fd >= 0);
		while ((n = read(fd, buf, sizeof(buf))) > 0) {
			assert_null(memmem(buf, (size_t)n, "secret17", 8));
			assert_null(memmem(buf, (size_t)n, "fresh-pass-18", 13));
			assert_null(memmem(buf, (size_t)n, KG, 40));
		}
		close(fd);
	}
}

static void
run_sql(struct kit *k, const char *text)
{
	const char *const sql[] = {text};
	struct db_stmts *stmts = NULL;
	struct db *db = NULL;
	struct error err;

	spool_close(k->s);
	assert_int_equal(db_open(k->path, &db, &err), 0);
	assert_int_equal(db_stmts_new(db, sql, 1, &stmts, &err), 0);
	assert_int_equal(db_run(db_stmt(stmts, 0)), 1);
	db_stmts_free(stmts);
	db_close(db);
	open_spool(k);
}

/* Who can write the file still gives no host the password of another one's BMC. */
static void
secrets_are_their_hosts_alone(void **state)
{
	struct kit *k = *state;
	struct local_msg_host *h = str_alloc(sizeof(*h));

	put(k, TWO, "[]", 5);
	run_sql(k,
	    "UPDATE local_host SET sealed = (SELECT sealed FROM local_host WHERE name = "
	    "'a') WHERE name = 'b'");
	assert_int_equal(spool_local_host(k->s, "a", h), 1);
	local_msg_host_done(h);
	assert_int_equal(spool_local_host(k->s, "b", h), -EBADMSG);
	assert_string_equal(h->bmc.password, "");
	run_sql(k, "UPDATE local_host SET sealed = 'x' WHERE name = 'b'");
	assert_int_equal(spool_local_host(k->s, "b", h), -EBADMSG);
	run_sql(k, "UPDATE local_host SET doc = '{}' WHERE name = 'b'");
	assert_int_equal(spool_local_host(k->s, "b", h), -EUCLEAN);
	run_sql(k, "UPDATE meta SET value = 'soon' WHERE key = 'local_as_of'");
	int64_t as_of = -1;
	assert_int_equal(spool_local_as_of(k->s, &as_of), 0);
	assert_int_equal(as_of, 0);
	free(h);
}

static void
another_key_opens_none_of_it(void **state)
{
	struct kit *k = *state;
	struct local_msg_host *h = str_alloc(sizeof(*h));
	struct error err;

	put(k, TWO, "[]", 5);
	spool_close(k->s);
	secret_key_free(k->key);
	unlink(k->key_path);
	assert_int_equal(secret_key_open(k->key_path, 1, &k->key, &err), 0);
	open_spool(k);
	assert_int_equal(spool_local_host(k->s, "a", h), -EBADMSG);
	free(h);
}

static int
put_key(struct kit *k, int64_t uid, const char *key, const char *answer, int64_t now)
{
	struct spool_local_key row = {.status = 202};
	int r;

	str_clip(row.request, sizeof(row.request), HASH);
	row.answer = str_dup(answer);
	assert_int_equal(spool_begin(k->s), 0);
	r = spool_local_key_put(k->s, uid, key, &row, now);
	if (r == 0)
		assert_int_equal(spool_commit(k->s), 0);
	else
		spool_rollback(k->s);
	free(row.answer);
	return r;
}

static void
answers_are_remembered_for_a_day_and_for_who_asked(void **state)
{
	struct kit *k = *state;
	struct spool_local_key row;

	assert_int_equal(put_key(k, 0, "k", "{\"jobs\":[]}", DAY), 0);
	assert_int_equal(put_key(k, 1000, "k", "{}", DAY), 0);
	assert_int_equal(spool_local_key_get(k->s, 0, "k", &row), 1);
	assert_int_equal(row.status, 202);
	assert_string_equal(row.request, HASH);
	assert_string_equal(row.answer, "{\"jobs\":[]}");
	free(row.answer);
	assert_int_equal(spool_local_key_get(k->s, 1, "k", &row), 0);
	assert_int_equal(spool_local_key_get(k->s, 0, "k'", &row), 0);
	assert_true(put_key(k, 0, "k", "{}", DAY) < 0); /* never another answer */
	assert_int_equal(put_key(k, 0, "k", "{\"new\":1}", 2 * DAY + 1), 0);
	assert_int_equal(spool_local_key_get(k->s, 0, "k", &row), 1);
	assert_string_equal(row.answer, "{\"new\":1}");
	free(row.answer);
	assert_int_equal(spool_local_key_get(k->s, 1000, "k", &row), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		a_list_is_kept_with_its_secrets, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		what_cannot_be_read_is_left_out_and_counted, setup, teardown),
	    cmocka_unit_test_setup_teardown(no_secret_stands_in_clear, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		secrets_are_their_hosts_alone, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		another_key_opens_none_of_it, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		answers_are_remembered_for_a_day_and_for_who_asked, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
