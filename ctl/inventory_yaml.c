/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inventory file: YAML, checked against a libcyaml schema, to the JSON of POST
 * /apply.
 *
 * Entry points: inventory_yaml_parse(), and inventory_yaml_line() to show where a refused
 * value stands. Two passes: yaml_lines.c for syntax and lines, libcyaml for the schema.
 * What the values mean (does the site exist, is the MAC taken) only the server can say.
 * Ownership: the result owns its document and tree.
 * Failure modes: -EINVAL with the key's path and line. libcyaml tells of errors only
 * through its log: the first message and the path of its backtrace are taken from there.
 * Its keys are fixed, so the free maps (labels, loaders, deadlines, per_label) are taken from the tree.
 */
#include "ctl/inventory_yaml.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/spec.h"
#include "lib/compiler.h"
#include "lib/str.h"
#include "lib/yaml_where.h"

enum {
	INV_LIST_MAX = 200000,
	INV_NAMES_MAX = 64,
	INV_BLACKOUT_MAX = 100,
	INV_TEXT_MAX = 4096
};

/* ---- the schema; absent members are NULL, and then absent from the JSON ---- */

struct inv_subnet {
	char *prefix, *gateway, *domain, *relay;
	char **dns, **pool, *ra;
	uint32_t dns_count, pool_count;
	int64_t *lease_s, *router_s, *mtu;
};

struct inv_menu {
	char *title, *keymap, *def;
	int64_t *timeout_s;
	char **items;
	uint32_t items_count;
};

struct inv_site {
	char *name, *timezone, *url, *idle, *console;
	int *answer_unknown;
	char **bmc_prefixes;
	uint32_t bmc_prefixes_count;
	char **caps;
	uint32_t caps_count;
	char **peers;
	uint32_t peers_count;
	int64_t *require_cipher;
	struct inv_menu *menu;
	struct inv_subnet *subnets;
	uint32_t subnets_count;
};

struct inv_file {
	char *path, *name, *sha256, *url;
	int *template;
};

struct inv_image {
	char *name, *kind, *args, *nfs_root;
	struct inv_file *kernel, *initrds, *files;
	uint32_t initrds_count, files_count, reports_count;
	char **reports;
	int *local_boot;
};

struct inv_nic {
	char *mac, *ip, *ip6;
	int *boot;
};

struct inv_bmc {
	char *address, *user, *password, *password_file, *privilege, *boot_method,
	    *boot_verify, *outside, *console, *kg, *kg_file;
	int64_t *port, *cipher, *require_cipher;
};

struct inv_host {
	char *name, *site, *uuid, *serial, *firmware, *idle, *local_boot, *probe, *image;
	struct inv_nic *nics;
	uint32_t nics_count;
	struct inv_bmc *bmc;
};

struct inv_policy {
	int64_t *canary, *max_in_flight, *per_site, *max_fail, *gate_timeout_s, *soak_s;
	char *batch, **gates;
	uint32_t gates_count;
};

struct inv_schedule {
	char *name, *kind, *image, *action, *reason, *force, *hook, *hosts, *cron, *rrule,
	    *at, *from, *tz, *missed;
	int64_t *graceful_s, *window_s, *jitter_s, *skip_if_younger_s, *limit;
	int *hard;
	char **blackout;
	uint32_t blackout_count;
	struct inv_policy *policy;
};

struct inv_document {
	struct inv_site *sites;
	struct inv_image *images;
	struct inv_host *hosts;
	struct inv_schedule *schedules;
	uint32_t sites_count, images_count, hosts_count, schedules_count;
};

/* libcyaml's own booleans take every text that is not "false" for true. */
static const cyaml_strval_t inv_bools[] = {
    {"false", 0}, {"true", 1}, {"no", 0}, {"yes", 1}};

#define INV_OPT (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define INV_NAME(st, m) \
	CYAML_FIELD_STRING_PTR(#m, CYAML_FLAG_POINTER, struct st, m, 1, INV_TEXT_MAX)
#define INV_STR(st, m) CYAML_FIELD_STRING_PTR(#m, INV_OPT, struct st, m, 0, INV_TEXT_MAX)
#define INV_INT(st, m) CYAML_FIELD_INT_PTR(#m, INV_OPT, struct st, m)
#define INV_BOOL(st, m)                                                                \
	CYAML_FIELD_ENUM_PTR(#m, INV_OPT | CYAML_FLAG_STRICT, struct st, m, inv_bools, \
	    ARRAY_SIZE(inv_bools))
#define INV_LIST(st, m, entry, max) \
	CYAML_FIELD_SEQUENCE(#m, INV_OPT, struct st, m, entry, 0, max)

static const cyaml_schema_value_t inv_text_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, INV_TEXT_MAX)};

static const cyaml_schema_field_t inv_subnet_fields[] = {INV_NAME(inv_subnet, prefix),
    INV_STR(inv_subnet, gateway), INV_LIST(inv_subnet, dns, &inv_text_value, 4),
    INV_LIST(inv_subnet, pool, &inv_text_value, 2), INV_INT(inv_subnet, lease_s),
    INV_STR(inv_subnet, domain), INV_STR(inv_subnet, relay), INV_STR(inv_subnet, ra),
    INV_INT(inv_subnet, router_s), INV_INT(inv_subnet, mtu), CYAML_FIELD_END};
static const cyaml_schema_value_t inv_subnet_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct inv_subnet, inv_subnet_fields)};

static const cyaml_schema_field_t inv_menu_fields[] = {INV_STR(inv_menu, title),
    INV_STR(inv_menu, keymap),
    CYAML_FIELD_STRING_PTR("default", INV_OPT, struct inv_menu, def, 0, INV_TEXT_MAX),
    INV_INT(inv_menu, timeout_s),
    INV_LIST(inv_menu, items, &inv_text_value, INV_NAMES_MAX), CYAML_FIELD_END};

static const cyaml_schema_field_t inv_site_fields[] = {INV_NAME(inv_site, name),
    INV_STR(inv_site, timezone), INV_STR(inv_site, url),
    INV_BOOL(inv_site, answer_unknown), INV_STR(inv_site, idle),
    INV_STR(inv_site, console),
    INV_LIST(inv_site, subnets, &inv_subnet_value, INV_NAMES_MAX),
    INV_LIST(inv_site, bmc_prefixes, &inv_text_value, 8),
    INV_LIST(inv_site, caps, &inv_text_value, 32),
    INV_LIST(inv_site, peers, &inv_text_value, 8), INV_INT(inv_site, require_cipher),
    CYAML_FIELD_IGNORE("loaders", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_MAPPING_PTR("menu", INV_OPT, struct inv_site, menu, inv_menu_fields),
    CYAML_FIELD_END};
static const cyaml_schema_value_t inv_site_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct inv_site, inv_site_fields)};

static const cyaml_schema_field_t inv_file_fields[] = {INV_NAME(inv_file, path),
    INV_STR(inv_file, name), INV_STR(inv_file, sha256), INV_STR(inv_file, url),
    INV_BOOL(inv_file, template), CYAML_FIELD_END};
static const cyaml_schema_value_t inv_file_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct inv_file, inv_file_fields)};

static const cyaml_schema_field_t inv_image_fields[] = {INV_NAME(inv_image, name),
    INV_STR(inv_image, kind),
    CYAML_FIELD_MAPPING_PTR("kernel", INV_OPT, struct inv_image, kernel, inv_file_fields),
    INV_LIST(inv_image, initrds, &inv_file_value, 8),
    INV_LIST(inv_image, files, &inv_file_value, INV_NAMES_MAX), INV_STR(inv_image, args),
    INV_STR(inv_image, nfs_root), INV_LIST(inv_image, reports, &inv_text_value, 8),
    INV_BOOL(inv_image, local_boot), CYAML_FIELD_IGNORE("deadlines", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_END};
static const cyaml_schema_value_t inv_image_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct inv_image, inv_image_fields)};

static const cyaml_schema_field_t inv_nic_fields[] = {INV_NAME(inv_nic, mac),
    INV_STR(inv_nic, ip), INV_STR(inv_nic, ip6), INV_BOOL(inv_nic, boot),
    CYAML_FIELD_END};
static const cyaml_schema_value_t inv_nic_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct inv_nic, inv_nic_fields)};

static const cyaml_schema_field_t inv_bmc_fields[] = {INV_STR(inv_bmc, address),
    INV_INT(inv_bmc, port), INV_STR(inv_bmc, user), INV_STR(inv_bmc, password),
    INV_STR(inv_bmc, password_file), INV_STR(inv_bmc, privilege),
    INV_INT(inv_bmc, cipher), INV_STR(inv_bmc, boot_method),
    INV_STR(inv_bmc, boot_verify), INV_STR(inv_bmc, outside), INV_STR(inv_bmc, console),
    INV_STR(inv_bmc, kg), INV_STR(inv_bmc, kg_file), INV_INT(inv_bmc, require_cipher),
    CYAML_FIELD_IGNORE("manners", CYAML_FLAG_OPTIONAL), CYAML_FIELD_END};

static const cyaml_schema_field_t inv_host_fields[] = {INV_NAME(inv_host, name),
    INV_STR(inv_host, site), INV_LIST(inv_host, nics, &inv_nic_value, INV_NAMES_MAX),
    INV_STR(inv_host, uuid), INV_STR(inv_host, serial), INV_STR(inv_host, firmware),
    INV_STR(inv_host, idle), INV_STR(inv_host, local_boot), INV_STR(inv_host, probe),
    INV_STR(inv_host, image),
    CYAML_FIELD_MAPPING_PTR("bmc", INV_OPT, struct inv_host, bmc, inv_bmc_fields),
    CYAML_FIELD_IGNORE("loaders", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_IGNORE("labels", CYAML_FLAG_OPTIONAL), CYAML_FIELD_END};
static const cyaml_schema_value_t inv_host_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct inv_host, inv_host_fields)};

static const cyaml_schema_field_t inv_policy_fields[] = {INV_INT(inv_policy, canary),
    INV_STR(inv_policy, batch), INV_INT(inv_policy, max_in_flight),
    INV_INT(inv_policy, per_site), INV_INT(inv_policy, max_fail),
    INV_LIST(inv_policy, gates, &inv_text_value, INV_NAMES_MAX),
    INV_INT(inv_policy, gate_timeout_s), INV_INT(inv_policy, soak_s),
    CYAML_FIELD_IGNORE("per_label", CYAML_FLAG_OPTIONAL), CYAML_FIELD_END};

static const cyaml_schema_field_t inv_schedule_fields[] = {INV_NAME(inv_schedule, name),
    INV_STR(inv_schedule, kind), INV_STR(inv_schedule, image),
    INV_STR(inv_schedule, action), INV_STR(inv_schedule, reason),
    INV_INT(inv_schedule, graceful_s), INV_BOOL(inv_schedule, hard),
    INV_STR(inv_schedule, force), INV_STR(inv_schedule, hook),
    INV_STR(inv_schedule, hosts), INV_STR(inv_schedule, cron),
    INV_STR(inv_schedule, rrule), INV_STR(inv_schedule, at), INV_STR(inv_schedule, from),
    INV_STR(inv_schedule, tz), INV_INT(inv_schedule, window_s),
    INV_LIST(inv_schedule, blackout, &inv_text_value, INV_BLACKOUT_MAX),
    INV_INT(inv_schedule, jitter_s), INV_INT(inv_schedule, skip_if_younger_s),
    INV_STR(inv_schedule, missed),
    CYAML_FIELD_MAPPING_PTR(
	"policy", INV_OPT, struct inv_schedule, policy, inv_policy_fields),
    INV_INT(inv_schedule, limit), CYAML_FIELD_END};
static const cyaml_schema_value_t inv_schedule_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct inv_schedule, inv_schedule_fields)};

static const cyaml_schema_field_t inv_document_fields[] = {
    INV_LIST(inv_document, sites, &inv_site_value, INV_LIST_MAX),
    INV_LIST(inv_document, images, &inv_image_value, INV_LIST_MAX),
    INV_LIST(inv_document, hosts, &inv_host_value, INV_LIST_MAX),
    INV_LIST(inv_document, schedules, &inv_schedule_value, INV_LIST_MAX),
    CYAML_FIELD_END};
static const cyaml_schema_value_t inv_document_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct inv_document, inv_document_fields)};

PRINTF_LIKE(3, 0)
static void
on_cyaml_log(cyaml_log_t level, void *arg, const char *fmt, va_list ap)
{
	if (level >= CYAML_LOG_ERROR)
		yaml_where_log(arg, fmt, ap);
}

/* ---- structs to JSON, driven by the same schema ---- */

static json_t *
mapping_to_json(const cyaml_schema_field_t *fields, const uint8_t *base);

static json_t *
value_to_json(const cyaml_schema_value_t *v, const uint8_t *data)
{
	int64_t n = 0;

	switch ((int)v->type) {
	case CYAML_STRING: return json_string((const char *)data);
	case CYAML_ENUM: return json_boolean(*(const int *)(const void *)data);
	case CYAML_INT: memcpy(&n, data, sizeof(n)); return json_integer(n);
	case CYAML_MAPPING: return mapping_to_json(v->mapping.fields, data);
	default: return NULL;
	}
}

static json_t *
sequence_to_json(const cyaml_schema_value_t *v, const uint8_t *data, uint32_t count)
{
	const cyaml_schema_value_t *entry = v->sequence.entry;
	bool by_pointer = (entry->flags & CYAML_FLAG_POINTER) != 0;
	const uint8_t *const *pointers = (const void *)data;
	json_t *list = json_array();

	for (uint32_t i = 0; i < count; i++)
		json_array_append_new(
		    list, value_to_json(entry,
			      by_pointer ? pointers[i] : data + i * entry->data_size));
	return list;
}

static json_t *
mapping_to_json(const cyaml_schema_field_t *fields, const uint8_t *base)
{
	json_t *obj = json_object();

	for (const cyaml_schema_field_t *f = fields; f->key != NULL; f++) {
		const uint8_t *data = NULL;
		uint32_t count = 0;
		json_t *v;

		if (f->value.type == CYAML_IGNORE)
			continue;
		memcpy(&data, base + f->data_offset,
		    sizeof(data)); /* all members are pointers */
		if (f->value.type == CYAML_SEQUENCE)
			memcpy(&count, base + f->count_offset, sizeof(count));
		if (data == NULL)
			continue;
		v = f->value.type == CYAML_SEQUENCE
			? sequence_to_json(&f->value, data, count)
			: value_to_json(&f->value, data);
		json_object_set_new(obj, f->key, v);
	}
	return obj;
}

/* ---- numbers ---- */

/* libcyaml takes "4h" for 4: each number is read again, whole. What is in seconds may be a duration. */
static int
read_number(
    const struct yaml_node *node, json_t *obj, size_t *ret_line, struct error *err)
{
	size_t len = strlen(node->key);
	bool seconds = len > 2 && str_eq(node->key + len - 2, "_s");
	int64_t n = 0;

	if (str_to_i64(node->value, INT64_MIN, INT64_MAX, &n) < 0) {
		*ret_line = node->line;
		if (!seconds || str_to_duration(node->value, &n) < 0)
			return error_set(err, -EINVAL, "bad-yaml",
			    seconds ? "write seconds, or 10m, 4h, 6d" : NULL,
			    "%s: '%s' is no %s", node->key, node->value,
			    seconds ? "duration" : "number");
		n /= USEC_PER_SEC;
	}
	return json_object_set_new(obj, node->key, json_integer(n));
}

static int
read_numbers(const cyaml_schema_field_t *fields, const struct yaml_node *node,
    json_t *obj, size_t *ret_line, struct error *err);

/* A member's own numbers: those of a mapping, or of each in a list. */
static int
read_member(const cyaml_schema_value_t *v, const struct yaml_node *node, json_t *value,
    size_t *ret_line, struct error *err)
{
	const struct yaml_node *c = node->children;
	json_t *one;
	size_t i;
	int r = 0;

	if (v->type == CYAML_MAPPING)
		return read_numbers(v->mapping.fields, node, value, ret_line, err);
	if (v->type != CYAML_SEQUENCE)
		return 0;
	json_array_foreach (value, i, one) {
		if (c == NULL || r < 0)
			break;
		r = read_member(v->sequence.entry, c, one, ret_line, err);
		c = c->next;
	}
	return r;
}

static int
read_numbers(const cyaml_schema_field_t *fields, const struct yaml_node *node,
    json_t *obj, size_t *ret_line, struct error *err)
{
	int r = 0;

	for (const cyaml_schema_field_t *f = fields; r == 0 && f->key != NULL; f++) {
		const struct yaml_node *c = yaml_lines_child(node, f->key);

		if (c == NULL)
			continue;
		if (f->value.type == CYAML_INT && c->value != NULL)
			r = read_number(c, obj, ret_line, err);
		else
			r = read_member(
			    &f->value, c, json_object_get(obj, f->key), ret_line, err);
	}
	return r;
}

/* ---- the free maps ---- */

/* One entry of a free map as JSON; NULL when the value does not fit. */
typedef json_t *
free_value(const char *text);

/* Of a label or loader. */
static json_t *
text_value(const char *text)
{
	return json_string(text);
}

/* Seconds, or a duration such as 10m. */
static json_t *
deadline_value(const char *text)
{
	int64_t us;

	return str_to_duration(text, &us) == 0 ? json_integer(us / USEC_PER_SEC) : NULL;
}

static int
add_free_map(const struct yaml_node *owner, const char *key, free_value *make,
    json_t *obj, size_t *ret_line, struct error *err)
{
	const struct yaml_node *map = yaml_lines_child(owner, key);
	json_t *out, *v;

	if (map == NULL)
		return 0;
	*ret_line = map->line;
	if (map->kind != YAML_NODE_MAPPING)
		return error_set(err, -EINVAL, "bad-yaml",
		    "write 'name: value' lines below it", "%s must be a mapping", key);
	out = json_object();
	json_object_set_new(obj, key, out);
	for (const struct yaml_node *c = map->children; c != NULL; c = c->next) {
		*ret_line = c->line;
		v = c->kind == YAML_NODE_SCALAR ? make(c->value) : NULL;
		if (v == NULL || json_object_set_new(out, c->key, v) < 0)
			return error_set(err, -EINVAL, "bad-yaml", NULL,
			    "%s: the value of '%s' does not fit", key, c->key);
	}
	return 0;
}

static int
add_free_maps(const struct yaml_node *root, const char *list, const char *key,
    free_value *make, json_t *document, size_t *ret_line, struct error *err)
{
	const struct yaml_node *seq = yaml_lines_child(root, list), *entry;
	json_t *items = json_object_get(document, list);
	size_t i = 0;
	int r = 0;

	if (seq == NULL)
		return 0;
	for (entry = seq->children; entry != NULL && r == 0; entry = entry->next)
		r = add_free_map(
		    entry, key, make, json_array_get(items, i++), ret_line, err);
	return r;
}

/* A manner's value: a word, or a list of them. */
static json_t *
manner_value(const struct yaml_node *node)
{
	json_t *list;

	if (node->kind == YAML_NODE_SCALAR)
		return spec_manner_value(node->key, node->value);
	if (node->kind != YAML_NODE_SEQUENCE)
		return NULL;
	list = json_array();
	for (const struct yaml_node *c = node->children; c != NULL; c = c->next) {
		if (c->kind == YAML_NODE_SCALAR &&
		    json_array_append_new(list, json_string(c->value)) == 0)
			continue;
		json_decref(list);
		return NULL;
	}
	return list;
}

/* So many hosts. */
static json_t *
number_value(const struct yaml_node *node)
{
	int64_t n;

	return node->kind == YAML_NODE_SCALAR &&
		       str_to_i64(node->value, INT64_MIN, INT64_MAX, &n) == 0
		   ? json_integer(n)
		   : NULL;
}

/* A free map within a member of each object: hosts[].bmc.manners, schedules[].policy.per_label. */
struct nested_map {
	const char *list, *member, *key;
	json_t *(*make)(const struct yaml_node *node); /* NULL when it does not fit */
};

static int
add_nested_map(const struct yaml_node *owner, const struct nested_map *m, json_t *obj,
    size_t *ret_line, struct error *err)
{
	const struct yaml_node *of = yaml_lines_child(owner, m->member),
			       *map = of != NULL ? yaml_lines_child(of, m->key) : NULL;
	json_t *out;

	if (map == NULL)
		return 0;
	*ret_line = map->line;
	if (map->kind != YAML_NODE_MAPPING)
		return error_set(err, -EINVAL, "bad-yaml",
		    "write 'name: value' lines below it", "%s must be a mapping", m->key);
	out = json_object();
	json_object_set_new(json_object_get(obj, m->member), m->key, out);
	for (const struct yaml_node *c = map->children; c != NULL; c = c->next) {
		*ret_line = c->line;
		if (json_object_set_new(out, c->key, m->make(c)) < 0)
			return error_set(err, -EINVAL, "bad-yaml", NULL,
			    "%s: the value of '%s' does not fit", m->key, c->key);
	}
	return 0;
}

static int
add_nested_maps(const struct yaml_node *root, const struct nested_map *m,
    json_t *document, size_t *ret_line, struct error *err)
{
	const struct yaml_node *seq = yaml_lines_child(root, m->list), *entry;
	json_t *items = json_object_get(document, m->list);
	size_t i = 0;
	int r = 0;

	for (entry = seq != NULL ? seq->children : NULL; entry != NULL && r == 0;
	     entry = entry->next)
		r = add_nested_map(entry, m, json_array_get(items, i++), ret_line, err);
	return r;
}

/* ---- entry points ---- */

static int
load_schema(const struct yaml_where *where, json_t **ret, struct error *err)
{
	struct yaml_where_trace trace = {0};
	const cyaml_config_t config = {
	    .log_fn = on_cyaml_log,
	    .log_ctx = &trace,
	    .log_level = CYAML_LOG_ERROR,
	    .mem_fn = cyaml_mem,
	    .flags = CYAML_CFG_NO_ALIAS,
	};
	struct inv_document *doc = NULL;
	cyaml_err_t e = cyaml_load_data((const uint8_t *)where->text, where->len, &config,
	    &inv_document_value, (cyaml_data_t **)&doc, NULL);

	if (e != CYAML_OK)
		return yaml_where_failed(where, &trace, cyaml_strerror(e), err);
	if (doc == NULL)
		return yaml_where_bad(where, "", err, "the document is empty");
	*ret = mapping_to_json(inv_document_fields, (const uint8_t *)doc);
	cyaml_free(&config, &inv_document_value, doc, 0);
	return 0;
}

static int
parse_whole(const struct yaml_where *where, struct inventory_yaml *inv, struct error *err)
{
	static const struct {
		const char *list, *key;
		free_value *value;
	} maps[] = {
	    {"sites", "loaders", text_value},
	    {"hosts", "loaders", text_value},
	    {"hosts", "labels", text_value},
	    {"images", "deadlines", deadline_value},
	};
	static const struct nested_map nested[] = {
	    {"hosts", "bmc", "manners", manner_value},
	    {"schedules", "policy", "per_label", number_value},
	};
	size_t line = 0;
	int r = yaml_lines_parse(where->text, where->len, &inv->tree, &line, err);

	if (r == 0 && inv->tree == NULL)
		return yaml_where_bad(where, "", err, "the document is empty");
	if (r == 0)
		r = load_schema(where, &inv->document, err);
	else
		error_prefix(err, "%s:%zu", where->name, line);
	if (r < 0)
		return r;
	line = 0;
	r = read_numbers(inv_document_fields, inv->tree, inv->document, &line, err);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(maps); i++)
		r = add_free_maps(inv->tree, maps[i].list, maps[i].key, maps[i].value,
		    inv->document, &line, err);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(nested); i++)
		r = add_nested_maps(inv->tree, &nested[i], inv->document, &line, err);
	if (r < 0)
		error_prefix(err, "%s:%zu", where->name, line);
	return r;
}

int
inventory_yaml_parse(const char *name, const char *text, size_t len,
    struct inventory_yaml *ret, struct error *err)
{
	struct inventory_yaml inv = {0};
	const struct yaml_where where = {
	    .name = name, .text = text, .len = len, .schema = &inv_document_value};
	int r;

	if (len > INVENTORY_YAML_MAX)
		return error_set(err, -EINVAL, "bad-yaml", "split it into several files",
		    "%s is larger than %d octets", name, (int)INVENTORY_YAML_MAX);
	r = parse_whole(&where, &inv, err);
	if (r < 0) {
		str_clip(err->code, sizeof(err->code), "bad-yaml");
		if (err->next[0] == '\0')
			str_clip(err->next, sizeof(err->next),
			    "netboot-inventory(5) lists the keys");
		inventory_yaml_done(&inv);
		return r;
	}
	*ret = inv;
	return 0;
}

size_t
inventory_yaml_line(const struct inventory_yaml *inv, const char *pointer)
{
	const struct yaml_node *node;

	if (str_has_prefix(pointer, "/document/"))
		pointer += strlen("/document");
	node = yaml_lines_find(inv->tree, pointer);
	return node != NULL ? node->line : 0;
}

void
inventory_yaml_done(struct inventory_yaml *inv)
{
	json_decref(inv->document);
	yaml_lines_free(inv->tree);
	*inv = (struct inventory_yaml){0};
}
