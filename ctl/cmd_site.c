/* SPDX-License-Identifier: GPL-3.0-or-later */
/* site add|set|list|show|rm|config.
 *
 * Ownership: documents are freed here. Failure modes: exit codes of DESIGN section 8.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/cmd.h"
#include "ctl/cmd_util.h"
#include "ctl/output.h"
#include "ctl/spec.h"
#include "lib/json.h"
#include "lib/str.h"

static json_t *
menu_items(const struct args *args)
{
	json_t *items = json_array();
	const char *s;
	size_t pos = 0;

	while ((s = args_next(args, "menu-item", &pos)) != NULL)
		while (*s != '\0') {
			size_t n = strcspn(s, ",");

			if (n > 0)
				json_array_append_new(items, json_stringn(s, n));
			s += n + (s[n] == ',');
		}
	return items;
}

/* Of the menu, what the options name; the server keeps the rest. */
static int
menu_body(const struct ctl *ctl, const struct args *args, json_t *body)
{
	const char *timeout = args_get(args, "menu-timeout");
	const char *title = args_get(args, "menu-title");
	json_t *menu = json_object(), *items = menu_items(args);
	struct error err;
	int64_t us = 0;

	if (title != NULL) /* null removes it */
		json_object_set_new(
		    menu, "title", title[0] ? json_string(title) : json_null());
	json_put_str(menu, "keymap", args_get(args, "menu-keymap"));
	json_put_str(menu, "default", args_get(args, "menu-default"));
	if (json_array_size(items) > 0)
		json_object_set(menu, "items", items);
	json_decref(items);
	if (timeout != NULL &&
	    (str_to_duration(timeout, &us) < 0 || us % USEC_PER_SEC != 0)) {
		json_decref(menu);
		error_set(&err, 0, "usage", "write 10s or 2m; 0 never starts it",
		    "--menu-timeout: '%s' is no duration of whole seconds", timeout);
		return ctl_fail(ctl, CTL_USAGE, args->operands[0], &err);
	}
	if (timeout != NULL)
		json_put_i64(menu, "timeout_s", us / USEC_PER_SEC);
	if (args_has(args, "no-menu"))
		json_object_set_new(body, "menu", json_null());
	else if (json_object_size(menu) > 0)
		json_object_set(body, "menu", menu);
	json_decref(menu);
	return CTL_OK;
}

/* The texts of an option that may be given several times, or none of them. */
static void
put_texts(const struct args *args, const char *option, const char *no, const char *member,
    json_t *body)
{
	json_t *list = json_array();
	size_t pos = 0;
	const char *s;

	while ((s = args_next(args, option, &pos)) != NULL)
		json_array_append_new(list, json_string(s));
	if (args_has(args, option) || args_has(args, no))
		json_object_set(body, member, list);
	json_decref(list);
}

/* Names, which may also come several in one text, parted by commas. */
static void
put_peers(const struct args *args, json_t *body)
{
	json_t *list = json_array();
	size_t pos = 0;
	const char *s;

	while ((s = args_next(args, "peer", &pos)) != NULL)
		for (size_t len; *s != '\0'; s += len + (s[len] == ',')) {
			len = strcspn(s, ",");
			json_array_append_new(list, json_stringn(s, len));
		}
	if (args_has(args, "peer") || args_has(args, "no-peers"))
		json_object_set(body, "peers", list);
	json_decref(list);
}

/* The members that the options name. */
static int
site_body(const struct ctl *ctl, const struct args *args, json_t *body)
{
	static const char *const plain[] = {"timezone", "url", "idle", "console"};
	const char *unknown = args_get(args, "unknown"), *s;
	json_t *subnets = json_array(), *subnet;
	struct error err;
	size_t pos = 0;
	int64_t cipher;

	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		json_put_str(body, plain[i], args_get(args, plain[i]));
	put_texts(args, "cap", "no-caps", "caps", body);
	put_peers(args, body);
	s = args_get(args, "require-cipher");
	if (s != NULL) /* what is neither is for the server to refuse */
		json_put_i64(body, "require_cipher",
		    str_to_i64(s, 0, INT32_MAX, &cipher) == 0 ? cipher : -1);
	if (unknown != NULL)
		json_put_bool(body, "answer_unknown", str_eq(unknown, "pool"));
	while ((s = args_next(args, "subnet", &pos)) != NULL) {
		subnet = spec_subnet(s, &err);
		if (subnet == NULL) {
			json_decref(subnets);
			return ctl_fail(ctl, CTL_USAGE, args->operands[0], &err);
		}
		json_array_append_new(subnets, subnet);
	}
	if (json_array_size(subnets) > 0)
		json_object_set(body, "subnets", subnets);
	put_texts(args, "bmc-prefix", "no-bmc-prefixes", "bmc_prefixes", body);
	json_decref(subnets);
	if (cmd_util_put_map(args, "loader", "loaders", spec_loader, body, &err) < 0)
		return ctl_fail(ctl, CTL_USAGE, args->operands[0], &err);
	return menu_body(ctl, args, body);
}

int
cmd_site_add(struct ctl *ctl, const struct args *args)
{
	json_t *body = json_object();
	int r = site_body(ctl, args, body);

	json_put_str(body, "name", args->operands[0]);
	if (r == CTL_OK)
		return cmd_util_create(ctl, "sites", args->operands[0], body);
	json_decref(body);
	return r;
}

int
cmd_site_set(struct ctl *ctl, const struct args *args)
{
	json_t *body = json_object(), *old = NULL;
	char etag[80] = "";
	int r = site_body(ctl, args, body);

	if (r == CTL_OK)
		r = cmd_util_fetch(ctl, "sites", args->operands[0], etag, &old);
	json_decref(old);
	if (r == CTL_OK)
		return cmd_util_change(ctl, "sites", args->operands[0], etag, body);
	json_decref(body);
	return r;
}

static void
cell_subnets(const json_t *row, struct text *out)
{
	const json_t *subnet;
	size_t i;

	json_array_foreach (json_object_get(row, "subnets"), i, subnet) {
		text_add(out, i > 0 ? "," : "");
		text_add_escaped(out, cmd_util_str(subnet, "prefix"));
	}
}

static void
cell_unknown(const json_t *row, struct text *out)
{
	text_add(out,
	    json_is_true(json_object_get(row, "answer_unknown")) ? "pool" : "ignore");
}

static const struct output_column site_columns[] = {
    {.title = "SITE", .key = "name"},
    {.title = "TIMEZONE", .key = "timezone"},
    {.title = "URL", .key = "url"},
    {.title = "IDLE", .key = "idle"},
    {.title = "UNKNOWN", .cell = cell_unknown},
    {.title = "SUBNETS", .cell = cell_subnets},
};

/* "since 2026-01-31 09:30 by ann: INC-9" */
static void
cell_frozen(const json_t *row, struct text *out)
{
	const json_t *frozen = json_object_get(row, "frozen");

	if (!json_is_object(frozen))
		return;
	text_addf(out, "since %s by ", cmd_util_str(frozen, "at"));
	text_add_escaped(out, cmd_util_str(frozen, "by"));
	text_add(out, ": ");
	text_add_escaped(out, cmd_util_str(frozen, "reason"));
}

/* Only where it says something. */
static const struct output_column frozen_column = {
    .title = "FROZEN", .cell = cell_frozen};

int
cmd_site_list(struct ctl *ctl, const struct args *args UNUSED)
{
	json_t *rows = NULL, *row;
	int r = client_list(ctl, "/api/v1/sites", 0, &rows);
	struct output_column columns[ARRAY_SIZE(site_columns) + 1];
	size_t i, n = ARRAY_SIZE(site_columns);

	memcpy(columns, site_columns, sizeof(site_columns));
	json_array_foreach (rows, i, row) {
		if (!json_is_object(json_object_get(row, "frozen")))
			continue;
		columns[n++] = frozen_column;
		break;
	}
	if (r == CTL_OK)
		output_list(ctl, rows, columns, n);
	json_decref(rows);
	return r;
}

int
cmd_site_show(struct ctl *ctl, const struct args *args)
{
	return cmd_util_show(ctl, "sites", args->operands[0]);
}

int
cmd_site_rm(struct ctl *ctl, const struct args *args)
{
	return cmd_util_remove(ctl, "sites", args->operands[0]);
}

/* The addresses in one member of the query. */
static void
add_addresses(const struct args *args, struct text *query)
{
	struct text list = {0};
	const char *s;
	size_t pos = 0;

	while ((s = args_next(args, "address", &pos)) != NULL)
		text_addf(&list, "%s%s", list.len > 0 ? "," : "", s);
	if (list.len > 0)
		text_add_query(query, "server", text_str(&list));
	text_done(&list);
}

int
cmd_site_config(struct ctl *ctl, const struct args *args)
{
	char *base = client_path("sites", args->operands[0], "config");
	struct text path = {0};
	json_t *text = NULL;
	struct error err;
	int r;

	text_add(&path, base);
	free(base);
	if (args_get(args, "for") == NULL) {
		error_set(&err, 0, "usage", "say --for isc-dhcp, kea, dnsmasq, nginx ...",
		    "it is not said which server the configuration is for");
		text_done(&path);
		return ctl_fail(ctl, CTL_USAGE, args->operands[0], &err);
	}
	text_add_query(&path, "for", args_get(args, "for"));
	add_addresses(args, &path);
	text_add_query(&path, "interface", args_get(args, "interface"));
	text_add_query(&path, "loaders_root", args_get(args, "loaders-root"));
	text_add_query(&path, "images_root", args_get(args, "images-root"));
	text_add_query(&path, "scripts_root", args_get(args, "scripts-root"));
	r = client_call(ctl,
	    &(struct client_request){.method = "GET",
		.path = text_str(&path),
		.subject = args->operands[0],
		.text = true},
	    &text);
	if (r == CTL_OK)
		fputs(json_string_value(text), ctl->out);
	json_decref(text);
	text_done(&path);
	return r;
}
