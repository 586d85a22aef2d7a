/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A store in memory, a key and image files, filled by applying documents. */
#ifndef TESTS_UNIT_ORCHESTRATOR_FIXTURE_H
#define TESTS_UNIT_ORCHESTRATOR_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
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

#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/images.h"
#include "orchestrator/inventory.h"

#define FIXTURE_NOW 1769851800000000LL

struct fixture {
	char dir[64];
	char root[80]; /* of images */
	struct store *store;
	struct secret_key *key;
	struct images_hashes *hashes; /* of vmlinuz and initrd.gz */
};

static inline void
fixture_file(struct fixture *f, const char *name, const char *content)
{
	char path[160];
	FILE *file;

	assert_int_equal(str_format(path, sizeof(path), "%s/%s", f->root, name), 0);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(content, file);
	fclose(file);
}

static inline void
fixture_keep_hashes(void *arg, struct images_hashes *hashes)
{
	struct fixture *f = arg;

	f->hashes = hashes;
}

static inline void
fixture_hash(struct fixture *f, const char *const *paths, size_t n)
{
	struct event_base *base = event_base_new();
	struct workq *q = workq_new(base, 1);
	struct store_names names = {0};

	for (size_t i = 0; i < n; i++)
		store_names_add(&names, paths[i]);
	images_hashes_free(f->hashes);
	f->hashes = NULL;
	assert_int_equal(images_hash(q, f->root, &names, fixture_keep_hashes, f), 0);
	while (!f->hashes)
		event_base_loop(base, EVLOOP_ONCE);
	store_names_done(&names);
	workq_free(q);
	event_base_free(base);
}

static inline int
fixture_open(void **state)
{
	static const char *const paths[] = {"vmlinuz", "initrd.gz"};
	struct fixture *f = str_alloc(sizeof(*f));
	struct error err = {.code = ""};
	char name[96];

	strcpy(f->dir, "/tmp/orch_test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->root, sizeof(f->root), "%s/images", f->dir);
	mkdir(f->root, 0755);
	fixture_file(f, "vmlinuz", "kernel");
	fixture_file(f, "initrd.gz", "initrd");
	if (store_open(":memory:", FIXTURE_NOW, &f->store, &err) < 0)
		fail_msg("%s", err.text);
	snprintf(name, sizeof(name), "%s/key", f->dir);
	assert_int_equal(secret_key_open(name, 1, &f->key, &err), 0);
	fixture_hash(f, paths, 2);
	*state = f;
	return 0;
}

static inline int
fixture_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int
fixture_close(void **state)
{
	struct fixture *f = *state;
	store_close(f->store);
	secret_key_free(f->key);
	images_hashes_free(f->hashes);
	assert_int_equal(nftw(f->dir, fixture_remove, 8, FTW_DEPTH | FTW_PHYS), 0);
	free(f);
	return 0;
}

#define FIXTURE_TEST(f) cmocka_unit_test_setup_teardown(f, fixture_open, fixture_close)

/* JSON with ' for ". Owned by the caller. */
static inline json_t *
fixture_json(const char *text)
{
	char *copy = str_dup(text);
	struct error err = {.code = ""};

	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	json_t *v = json_parse(copy, strlen(copy), &err);
	if (!v)
		fail_msg("%s: %s", err.text, copy);
	free(copy);
	return v;
}

static const struct audit_who fixture_who = {.uid = 1000, .name = "ada"};

/* Applies a document; returns the summed-up code, "" for success. Changes go to *ret_changes when it
 * is not NULL (owned by the caller). */
static inline const char *
fixture_apply(struct fixture *f, const char *text, json_t **ret_changes)
{
	static char code[ERROR_CODE_SIZE];
	json_t *doc = fixture_json(text), *errors = NULL;
	const struct inventory_request rq = {
	    .document = doc, .hashes = f->hashes, .key = f->key};
	struct inventory_plan *plan = NULL;
	struct error err = {.code = ""};
	int rc = inventory_plan_new(f->store, &rq, &plan, &errors, &err);

	if (rc == 0) {
		assert_int_equal(db_begin(store_db(f->store)), 0);
		rc = inventory_plan_write(
		    f->store, plan, &fixture_who, "INC-1", FIXTURE_NOW);
		assert_int_equal(rc, 0);
		assert_int_equal(db_commit(store_db(f->store)), 0);
		if (ret_changes)
			*ret_changes = json_deep_copy(inventory_plan_changes(plan));
	}
	inventory_plan_free(plan);
	json_decref(errors);
	json_decref(doc);
	str_clip(code, sizeof(code), err.code);
	return code;
}

#define FIXTURE_SITE "{'name':'los','timezone':'UTC'}"
#define FIXTURE_IMAGE                                                                   \
	"{'name':'debian','kind':'reinstall','kernel':{'path':'vmlinuz'},'initrds':[{'" \
	"path':'initrd.gz'}]}"
#define FIXTURE_HOST(name, n)                                                          \
	"{'name':'" name "','site':'los','image':'debian','labels':{'rack':'r" n "'}," \
	"'nics':[{'mac':'52:54:00:00:00:0" n "','ip':'10.0.0." n "'}],"                \
	"'bmc':{'address':'10.9.0." n "','user':'u','password':'p" n "'}}"
#define FIXTURE_DOCUMENT                                           \
	"{'sites':[" FIXTURE_SITE "],'images':[" FIXTURE_IMAGE     \
	"],'hosts':[" FIXTURE_HOST("a.los", "1") "," FIXTURE_HOST( \
	    "b.los", "2") "," FIXTURE_HOST("c.los", "3") "]}"

#endif
