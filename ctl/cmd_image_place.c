/* SPDX-License-Identifier: GPL-3.0-or-later */
/* image place|unplace|status: which sites hold an image, and how far it is there.
 *
 * Ownership: documents are freed here. Failure modes: exit codes of DESIGN section 8.
 */
#include <stdlib.h>

#include "ctl/cmd.h"
#include "ctl/cmd_util.h"
#include "ctl/output.h"
#include "lib/json.h"
#include "lib/str.h"

/* ---- place, unplace ---- */

static int
place(const struct ctl *ctl, const struct args *args, const char *what, const char *says)
{
	const char *image = args->operands[0];
	json_t *body = json_object(), *sites = json_array(), *answer = NULL, *site;
	char *path = client_path("images", image, what);
	struct client_request rq = {
	    .method = "POST", .path = path, .body = body, .subject = image};
	size_t i;

	for (int k = 1; k < args->n_operands; k++)
		json_array_append_new(sites, json_string(args->operands[k]));
	if (json_array_size(sites) > 0)
		json_object_set(body, "sites", sites);
	if (args_has(args, "all-sites"))
		json_put_bool(body, "all_sites", true);
	json_put_str(body, "reason", args_get(args, "reason"));
	int r = client_call(ctl, &rq, &answer);
	if (r == CTL_OK && ctl_is_json(ctl))
		output_json(ctl, answer);
	else if (r == CTL_OK)
		json_array_foreach (json_object_get(answer, "sites"), i, site)
			ctl_say(ctl, "%s: %s %s", json_string_value(site), image, says);
	json_decref(answer);
	json_decref(sites);
	json_decref(body);
	free(path);
	return r;
}

int
cmd_image_place(struct ctl *ctl, const struct args *args)
{
	return place(ctl, args, "place", "is placed there");
}

int
cmd_image_unplace(struct ctl *ctl, const struct args *args)
{
	return place(ctl, args, "unplace", "stays there only while its hosts use it");
}

/* ---- status ---- */

static void
cell_percent(const json_t *row, struct text *out)
{
	if (str_eq(cmd_util_str(row, "state"), "unknown"))
		text_add(out, "?");
	else
		text_addf(out, "%lld %%",
		    (long long)json_integer_value(json_object_get(row, "percent")));
}

static void
cell_rate(const json_t *row, struct text *out)
{
	int64_t rate = json_integer_value(json_object_get(row, "rate"));
	const json_t *left = json_object_get(row, "left_s");
	char buf[32];

	if (rate <= 0)
		return;
	text_addf(out, "%s/s", str_bytes(rate, buf, sizeof(buf)));
	if (json_is_integer(left))
		text_addf(out, ", %s left",
		    str_duration(json_integer_value(left) * 1000000, buf, sizeof(buf)));
}

static void
cell_why(const json_t *row, struct text *out)
{
	const char *code = cmd_util_str(row, "code");

	if (json_is_true(json_object_get(row, "absent")))
		text_add(out, "agent-absent: as it was then");
	else if (code[0] != '\0')
		text_addf(out, "%s: %s", code, cmd_util_str(row, "text"));
}

static const struct output_column status_columns[] = {
    {.title = "IMAGE", .key = "image"},
    {.title = "SITE", .key = "site"},
    {.title = "STATE", .key = "state"},
    {.title = "THERE", .cell = cell_percent},
    {.title = "SIZE", .key = "octets", .kind = OUTPUT_BYTES},
    {.title = "RATE", .cell = cell_rate},
    {.title = "FROM", .key = "source"},
    {.title = "AS OF", .key = "at", .kind = OUTPUT_TIME},
    {.title = "PLACED", .key = "placed", .wide = true},
    {.title = "WHY", .cell = cell_why},
};

/* A row for each image of each site, with what is the site's own. */
static json_t *
flatten(const json_t *sites, const char *only)
{
	static const char *const own[] = {"site", "at", "absent", "free"};
	json_t *rows = json_array(), *site, *image;
	size_t i, k;

	json_array_foreach (sites, i, site)
		json_array_foreach (json_object_get(site, "images"), k, image) {
			if (only != NULL && !str_eq(only, cmd_util_str(image, "image")))
				continue;
			json_t *row = json_copy(image);
			for (size_t m = 0; m < ARRAY_SIZE(own); m++)
				json_object_set(
				    row, own[m], json_object_get(site, own[m]));
			json_array_append_new(rows, row);
		}
	return rows;
}

int
cmd_image_status(struct ctl *ctl, const struct args *args)
{
	const char *only = args->n_operands > 0 ? args->operands[0] : NULL;
	json_t *sites = NULL, *rows;
	int r = client_list(ctl, "/api/v1/images/status", 0, &sites);

	if (r != CTL_OK)
		return r;
	rows = flatten(sites, only);
	cmd_util_add_zones(ctl, rows);
	output_list(ctl, rows, status_columns, ARRAY_SIZE(status_columns));
	json_decref(rows);
	json_decref(sites);
	return CTL_OK;
}
