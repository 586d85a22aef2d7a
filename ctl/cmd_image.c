/* SPDX-License-Identifier: GPL-3.0-or-later */
/* image add|list|show|verify|rm.
 *
 * Paths are below the server's images root; the server hashes the files. Ownership:
 * documents are freed here. Failure modes: exit codes of DESIGN section 8; verify ends
 * with 3 when a file is missing or altered, as an order that needs it would.
 */
#include <stdlib.h>
#include <string.h>

#include "ctl/cmd.h"
#include "ctl/cmd_util.h"
#include "ctl/output.h"
#include "ctl/spec.h"
#include "lib/json.h"
#include "lib/str.h"

static int
put_files(const struct args *args, const char *option, const char *member, json_t *body,
    struct error *err)
{
	json_t *list = json_array(), *file;
	size_t pos = 0;
	const char *s;
	int r = 0;

	while (r == 0 && (s = args_next(args, option, &pos)) != NULL) {
		file = spec_file(s, err);
		r = file != NULL ? json_array_append_new(list, file) : -1;
	}
	if (r == 0 && json_array_size(list) > 0)
		json_object_set(body, member, list);
	json_decref(list);
	return r;
}

static void
put_reports(const struct args *args, json_t *body)
{
	json_t *list = json_array();
	size_t pos = 0;
	const char *s;

	while ((s = args_next(args, "report", &pos)) != NULL)
		json_array_append_new(list, json_string(s));
	if (json_array_size(list) > 0)
		json_object_set(body, "reports", list);
	json_decref(list);
}

static int
put_deadlines(const struct args *args, json_t *body, struct error *err)
{
	json_t *deadlines = json_object();
	size_t pos = 0;
	const char *s;
	int r = 0;

	while (r == 0 && (s = args_next(args, "deadline", &pos)) != NULL)
		r = spec_deadline(s, deadlines, err);
	if (r == 0 && json_object_size(deadlines) > 0)
		json_object_set(body, "deadlines", deadlines);
	json_decref(deadlines);
	return r;
}

static int
image_body(const struct args *args, json_t *body, struct error *err)
{
	const char *kernel = args_get(args, "kernel");
	json_t *file;
	int r;

	json_put_str(body, "name", args->operands[0]);
	json_put_str(body, "kind", args_get(args, "kind"));
	json_put_str(body, "args", args_get(args, "args"));
	json_put_str(body, "nfs_root", args_get(args, "nfs-root"));
	if (args_get(args, "kind") == NULL || kernel == NULL)
		return error_set(err, -1, "usage", "--help shows how",
		    "image add needs --kind and --kernel");
	file = spec_file(kernel, err);
	if (file == NULL)
		return -1;
	json_object_set_new(body, "kernel", file);
	if (args_has(args, "local-boot"))
		json_put_bool(body, "local_boot", true);
	put_reports(args, body);
	r = put_files(args, "initrd", "initrds", body, err);
	if (r == 0)
		r = put_files(args, "file", "files", body, err);
	return r < 0 ? r : put_deadlines(args, body, err);
}

int
cmd_image_add(struct ctl *ctl, const struct args *args)
{
	json_t *body = json_object();
	struct error err;

	if (image_body(args, body, &err) == 0)
		return cmd_util_create(ctl, "images", args->operands[0], body);
	json_decref(body);
	return ctl_fail(ctl, CTL_USAGE, args->operands[0], &err);
}

static void
cell_size(const json_t *image, struct text *out)
{
	int64_t total = json_integer_value(output_member(image, "kernel.size"));
	const json_t *lists[] = {
	    json_object_get(image, "initrds"), json_object_get(image, "files")};
	const json_t *file;
	char buf[32];
	size_t i;

	for (size_t k = 0; k < ARRAY_SIZE(lists); k++)
		json_array_foreach (lists[k], i, file)
			total += json_integer_value(json_object_get(file, "size"));
	if (total > 0)
		text_add(out, str_bytes(total, buf, sizeof(buf)));
}

static const struct output_column image_columns[] = {
    {.title = "IMAGE", .key = "name"},
    {.title = "KIND", .key = "kind"},
    {.title = "KERNEL", .key = "kernel.path"},
    {.title = "INITRDS", .key = "initrds", .kind = OUTPUT_COUNT},
    {.title = "FILES", .key = "files", .kind = OUTPUT_COUNT},
    {.title = "SIZE", .cell = cell_size},
    {.title = "REPORTS", .key = "reports"},
    {.title = "LOCAL BOOT", .key = "local_boot", .wide = true},
    {.title = "ARGS", .key = "args", .wide = true},
};

int
cmd_image_list(struct ctl *ctl, const struct args *args UNUSED)
{
	json_t *rows = NULL;
	int r = client_list(ctl, "/api/v1/images", 0, &rows);

	if (r == CTL_OK)
		output_list(ctl, rows, image_columns, ARRAY_SIZE(image_columns));
	json_decref(rows);
	return r;
}

int
cmd_image_show(struct ctl *ctl, const struct args *args)
{
	return cmd_util_show(ctl, "images", args->operands[0]);
}

int
cmd_image_rm(struct ctl *ctl, const struct args *args)
{
	return cmd_util_remove(ctl, "images", args->operands[0]);
}

/* ---- verify ---- */

static const struct output_column verify_columns[] = {
    {.title = "OK", .key = "ok"},
    {.title = "PATH", .key = "path"},
    {.title = "SHA256", .key = "sha256"},
    {.title = "FOUND", .key = "found"},
};

static void
complain(const struct ctl *ctl, const char *image, const json_t *file)
{
	bool missing = cmd_util_str(file, "found")[0] == '\0';
	struct error err;

	error_set(&err, 0, missing ? "image-missing" : "image-altered",
	    "put the right file back, or remove the image and add it again", "%s is %s",
	    cmd_util_str(file, "path"),
	    missing ? "missing" : "not the file that was added");
	ctl_fail(ctl, CTL_REFUSED, image, &err);
}

int
cmd_image_verify(struct ctl *ctl, const struct args *args)
{
	const char *name = args->operands[0];
	char *path = client_path("images", name, "verify");
	json_t *answer = NULL, *file;
	int r = client_call(ctl,
	    &(struct client_request){
		.method = "POST", .path = path, .subject = name, .slow = true},
	    &answer);
	size_t i;

	free(path);
	if (r != CTL_OK)
		return r;
	if (ctl_is_json(ctl))
		output_json(ctl, answer);
	else
		output_list(ctl, json_object_get(answer, "files"), verify_columns,
		    ARRAY_SIZE(verify_columns));
	json_array_foreach (json_object_get(answer, "files"), i, file)
		if (!json_is_true(json_object_get(file, "ok")))
			complain(ctl, name, file);
	if (!json_is_true(json_object_get(answer, "ok")))
		r = CTL_REFUSED;
	json_decref(answer);
	return r;
}
