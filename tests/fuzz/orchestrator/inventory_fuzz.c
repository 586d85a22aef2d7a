/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inventory documents: any JSON, validated, planned and written to a database in memory that has a
 * small inventory already. What was taken must export, and apply again as the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/inventory.h"

static const char base[] =
    "{\"sites\":[{\"name\":\"los\"}],\"hosts\":[{\"name\":\"a\",\"site\":\"los\","
    "\"nics\":"
    "[{\"mac\":\"02:00:00:00:00:01\",\"ip\":\"10.0.0.1\"}],\"bmc\":{\"address\":\"10.9.0."
    "1\"}},"
    "{\"name\":\"b\",\"site\":\"los\",\"nics\":[{\"mac\":\"02:00:00:00:00:02\"}]}]}";

static struct secret_key *
open_key(void)
{
	char path[] = "/tmp/inventory_fuzz-XXXXXX";
	struct secret_key *key = NULL;

	if (!mkdtemp(path))
		abort();
	char name[64];
	if (str_format(name, sizeof(name), "%s/key", path) < 0 ||
	    secret_key_open(name, 1, &key, NULL) < 0)
		abort();
	unlink(name);
	rmdir(path);
	return key;
}

/* Images cannot be added here: no file was hashed. The rest of the document goes all the way. */
static int
apply(struct store *s, const struct secret_key *key, const json_t *doc, bool *ret_same)
{
	static const struct audit_who who = {.uid = 0, .name = "root"};
	const struct inventory_request rq = {.document = doc, .key = key};
	struct inventory_plan *plan = NULL;
	struct error err = {.code = ""};
	json_t *errors = NULL, *change;
	size_t i;
	int rc = inventory_plan_new(s, &rq, &plan, &errors, &err);

	if (rc < 0 && (!err.code[0] || !err.text[0]))
		abort();
	if (rc == 0) {
		*ret_same = true;
		json_array_foreach (inventory_plan_changes(plan), i, change)
			if (!str_eq(json_string_value(json_object_get(change, "action")),
				"same"))
				*ret_same = false;
		if (db_begin(store_db(s)) < 0 ||
		    inventory_plan_write(s, plan, &who, "", 2) < 0 ||
		    db_commit(store_db(s)) < 0)
			abort();
	}
	json_decref(errors);
	inventory_plan_free(plan);
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct secret_key *key;
	struct store *s = NULL;
	bool same = false;
	json_t *doc = json_parse((const char *)data, size, NULL);

	if (!key)
		key = open_key();
	if (!json_is_object(doc)) {
		json_decref(doc);
		return 0;
	}
	json_t *start = json_parse(base, strlen(base), NULL);
	if (store_open(":memory:", 1, &s, NULL) < 0 || apply(s, key, start, &same) < 0)
		abort();
	if (apply(s, key, doc, &same) == 0) {
		json_t *exported = inventory_export(s, NULL);
		if (!exported || apply(s, key, exported, &same) < 0 || !same)
			abort();
		json_decref(exported);
	}
	store_close(s);
	json_decref(start);
	json_decref(doc);
	return 0;
}
