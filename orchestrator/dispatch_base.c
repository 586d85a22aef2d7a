// SPDX-License-Identifier: GPL-3.0-or-later
/* Digests of a table that was handed out, and from them and a newer table what has changed: hosts that are new or other, names that are
 * gone, the head when it is another one. It is judged by what the table says and not by what was written to the database, so no way of
 * changing a host can be forgotten; and it is known of this process's tables alone: after a restart what the agents have is read again while
 * nobody waits, and with a database from a backup the whole table is told, or nothing where the agent's digest says that it has just that.
 *
 * Entry points: dispatch_base_new(), dispatch_base_delta(). A base costs some 40 octets a host. No failure modes. */
#include "orchestrator/dispatch_base.h"

#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "lib/str.h"
#include "lib/table_sum.h"

struct base_host {
	uint64_t digest;
	size_t name; /* where in names */
};

struct dispatch_base {
	int refs;
	int64_t version;
	uint64_t head, digest;
	struct base_host *hosts; /* in order of name */
	size_t n;
	char *names;
};

static uint64_t
sum_of(const json_t *v)
{
	char *text = json_text(v);
	uint64_t sum = table_sum_of(text);

	free(text);
	return sum;
}

/* What is no host, without the version: a table that changed and changed back is the same one. */
static json_t *
head_of(const json_t *table)
{
	json_t *head = json_copy((json_t *)(uintptr_t)table);

	json_object_del(head, "hosts");
	return head;
}

static uint64_t
head_sum(const json_t *table)
{
	json_t *head = head_of(table);

	json_object_del(head, "version");
	uint64_t sum = sum_of(head);
	json_decref(head);
	return sum;
}

static const char *
name_of(const json_t *host)
{
	return json_string_value(json_object_get(host, "name"));
}

struct dispatch_base *
dispatch_base_new(json_t *table)
{
	struct dispatch_base *b = str_alloc(sizeof(*b));
	json_t *hosts = json_object_get(table, "hosts"), *host;
	size_t i, size = 1, at = 0;

	b->refs = 1;
	b->version = json_integer_value(json_object_get(table, "version"));
	b->head = b->digest = head_sum(table);
	b->n = json_array_size(hosts);
	b->hosts = str_alloc((b->n + 1) * sizeof(b->hosts[0]));
	json_array_foreach (hosts, i, host)
		size += strlen(name_of(host)) + 1;
	b->names = str_alloc(size);
	json_array_foreach (hosts, i, host) {
		size_t len = strlen(name_of(host)) + 1;

		b->hosts[i] = (struct base_host){sum_of(host), at};
		memcpy(b->names + at, name_of(host), len);
		at += len;
		b->digest += b->hosts[i].digest;
		table_sum_put(host, "digest", b->hosts[i].digest);
	}
	table_sum_put(table, "head_digest", b->head);
	table_sum_put(table, "digest", b->digest);
	return b;
}

struct dispatch_base *
dispatch_base_ref(struct dispatch_base *b)
{
	if (b)
		b->refs++;
	return b;
}

void
dispatch_base_free(struct dispatch_base *b)
{
	if (!b || --b->refs > 0)
		return;
	free(b->hosts);
	free(b->names);
	free(b);
}

int64_t
dispatch_base_version(const struct dispatch_base *b)
{
	return b ? b->version : -1;
}

uint64_t
dispatch_base_digest(const struct dispatch_base *b)
{
	return b->digest;
}

static const char *
base_name(const struct dispatch_base *b, size_t i)
{
	return b->names + b->hosts[i].name;
}

/* Both are in order of name. */
static void
compare(const struct dispatch_base *old, const struct dispatch_base *now,
    const json_t *table, json_t *changed, json_t *gone)
{
	json_t *hosts = json_object_get(table, "hosts");
	size_t i = 0, j = 0;

	while (i < old->n || j < now->n) {
		int order = i == old->n	  ? 1
			    : j == now->n ? -1
					  : strcmp(base_name(old, i), base_name(now, j));

		if (order < 0)
			json_array_append_new(gone, json_string(base_name(old, i)));
		else if (order > 0 || old->hosts[i].digest != now->hosts[j].digest)
			json_array_append(changed, json_array_get(hosts, j));
		i += order <= 0;
		j += order >= 0;
	}
}

json_t *
dispatch_base_delta(const struct dispatch_base *old, const struct dispatch_base *now,
    const json_t *table, int64_t from)
{
	json_t *v = json_object(), *changed = json_array(), *gone = json_array();

	if (old)
		compare(old, now, table, changed, gone);
	json_put_i64(v, "from", from);
	json_put_i64(v, "to", now->version);
	table_sum_put(v, "digest", now->digest);
	if (old && old->head != now->head)
		json_put(v, "site", head_of(table));
	json_put(v, "hosts", changed);
	json_put(v, "gone", gone);
	return v;
}
