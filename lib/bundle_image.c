/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An image and its files: JSON <-> struct.
 *
 * Entry points: bundle_image_to_json(), bundle_image_from_json(); bundle_image_args_check() where an image
 * is written by people, not where one is read; bundle_path_valid() for
 * every path that is joined to a root. Ownership: an image owns its deadlines
 * (json_decref()); bundle_done() does it for a bundle. Failure modes: -EINVAL with the
 * member's path in *err, the result untouched. An argument line with a line break is
 * refused: it would become a command of the boot script.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/bundle.h"
#include "lib/json.h"
#include "lib/stage.h"
#include "lib/store_msg.h"
#include "lib/str.h"
#include "lib/subst.h"

enum { DEADLINE_MAX_S = 7 * 86400 };

bool
bundle_path_valid(const char *path)
{
	const char *part = path;

	for (const char *p = path; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~' || *p == '\\')
			return false;
	for (;;) {
		size_t len = strcspn(part, "/");

		if (len == 0 || (len == 1 && part[0] == '.') ||
		    (len == 2 && part[0] == '.' && part[1] == '.'))
			return false;
		if (part[len] == '\0')
			return true;
		part += len + 1;
	}
}

static json_t *
file_to_json(const struct bundle_file *f)
{
	json_t *v = json_object();

	json_put_str(v, "name", f->name);
	json_put_str(v, "path", f->path);
	json_put_str(v, "sha256", f->sha256);
	json_put_i64(v, "size", f->size);
	if (f->url[0])
		json_put_str(v, "url", f->url);
	if (f->template)
		json_put_bool(v, "template", true);
	return v;
}

static json_t *
files_to_json(const struct bundle_file *files, size_t n)
{
	json_t *v = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(v, file_to_json(&files[i]));
	return v;
}

json_t *
bundle_image_to_json(const struct bundle_image *image)
{
	json_t *v, *reports;

	if (image->name[0] == '\0')
		return json_null();
	v = json_object();
	reports = json_array();
	if (image->reports_up)
		json_array_append_new(reports, json_string("up"));
	if (image->reports_installed)
		json_array_append_new(reports, json_string("installed"));
	if (image->reports_booted)
		json_array_append_new(reports, json_string("booted"));
	json_put_str(v, "name", image->name);
	json_put_str(v, "kind", image->kind);
	json_put(v, "kernel", file_to_json(&image->kernel));
	json_put(v, "initrds", files_to_json(image->initrds, image->n_initrds));
	json_put(v, "files", files_to_json(image->files, image->n_files));
	json_put_str(v, "args", image->args);
	json_put_str(v, "nfs_root", image->nfs_root);
	json_put(v, "reports", reports);
	json_put_bool(v, "local_boot", image->local_boot);
	if (image->deadlines != NULL)
		json_put(v, "deadlines", json_deep_copy(image->deadlines));
	return v;
}

/* Whoever has the digest needs to trust neither that server nor the way there. */
static int
read_url(const json_t *v, struct bundle_file *f, struct error *err)
{
	if (json_copy_opt(v, "url", f->url, sizeof(f->url), err) < 0)
		return -EINVAL;
	if (f->url[0] && !store_msg_url_valid(f->url))
		return error_set(err, -EINVAL, "bad-value",
		    "write it as https://mirror.example/debian/vmlinuz",
		    "url: not https:// or http:// with a host, without user, password "
		    "and "
		    "what would have to be escaped");
	return 0;
}

/* `boots`: a kernel or initrd, whose name is a word of the boot script. */
static int
read_file(const json_t *v, bool boots, struct bundle_file *f, struct error *err)
{
	if (!json_is_object(v))
		return error_set(err, -EINVAL, "bad-value", NULL, "not an object");
	if (json_copy_str(v, "name", f->name, sizeof(f->name), err) < 0 ||
	    json_copy_str(v, "path", f->path, sizeof(f->path), err) < 0 ||
	    json_copy_str(v, "sha256", f->sha256, sizeof(f->sha256), err) < 0 ||
	    json_get_i64(v, "size", &f->size, err) < 0 || read_url(v, f, err) < 0 ||
	    json_opt_bool(v, "template", &f->template, err) < 0)
		return -EINVAL;
	if (!bundle_path_valid(f->name) || (boots && strchr(f->name, '/') != NULL))
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "name: not a plain file name");
	if (boots && f->template)
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "template: only further files can be templates");
	if (!bundle_path_valid(f->path))
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "path: leaves the images root");
	if (strlen(f->sha256) != sizeof(f->sha256) - 1 ||
	    strspn(f->sha256, "0123456789abcdef") != sizeof(f->sha256) - 1)
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "sha256: not 64 lower-case hexadecimal digits");
	if (f->size < 0)
		return error_set(err, -EINVAL, "bad-value", NULL, "size: negative");
	return 0;
}

static int
read_files(const json_t *v, const char *key, struct bundle_file *files, size_t max,
    size_t *ret_n, struct error *err)
{
	json_t *list = NULL;

	if (json_opt_arr(v, key, &list, err) < 0)
		return -EINVAL;
	if (json_array_size(list) > max)
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "%s: more than %zu", key, max);
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (read_file(json_array_get(list, i), str_eq(key, "initrds"), &files[i],
			err) < 0) {
			error_prefix(err, "%s[%zu]", key, i);
			return -EINVAL;
		}
	}
	*ret_n = json_array_size(list);
	return 0;
}

static int
read_reports(const json_t *v, struct bundle_image *image, struct error *err)
{
	json_t *list = NULL;

	if (json_opt_arr(v, "reports", &list, err) < 0)
		return -EINVAL;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));

		if (str_eq(name, "up"))
			image->reports_up = true;
		else if (str_eq(name, "installed"))
			image->reports_installed = true;
		else if (str_eq(name, "booted"))
			image->reports_booted = true;
		else
			return error_set(err, -EINVAL, "bad-value", NULL,
			    "reports[%zu]: not up, installed or booted", i);
	}
	return 0;
}

static int
read_deadlines(const json_t *v, struct bundle_image *image, struct error *err)
{
	json_t *deadlines = NULL, *value;
	const char *key;
	enum stage stage;

	if (json_opt_obj(v, "deadlines", &deadlines, err) < 0)
		return -EINVAL;
	json_object_foreach (deadlines, key, value) {
		json_int_t seconds = json_integer_value(value);

		if (stage_parse(key, &stage) < 0 || stage_default_deadline(stage) == 0)
			return error_set(err, -EINVAL, "bad-value", NULL,
			    "deadlines: a key is not a stage with a deadline");
		if (!json_is_integer(value) || seconds < 1 || seconds > DEADLINE_MAX_S)
			return error_set(err, -EINVAL, "bad-value", NULL,
			    "deadlines: %s: not 1..%d seconds", key, DEADLINE_MAX_S);
	}
	if (deadlines != NULL)
		image->deadlines = json_deep_copy(deadlines);
	return 0;
}

static int
check_image(const struct bundle_image *image, struct error *err)
{
	if (!str_name_valid(image->name))
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "name: not an image name");
	if (!str_eq(image->kind, "reinstall") && !str_eq(image->kind, "rescue") &&
	    !str_eq(image->kind, "live") && !str_eq(image->kind, "tool"))
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "kind: not reinstall, rescue, live or tool");
	if (image->nfs_root[0] != '\0' && !bundle_path_valid(image->nfs_root))
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "nfs_root: leaves the images root");
	for (const char *p = image->args; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			return error_set(err, -EINVAL, "bad-value", NULL,
			    "args: not one line of printable ASCII");
	return 0;
}

static int
read_image(const json_t *v, struct bundle_image *image, struct error *err)
{
	if (json_copy_str(v, "name", image->name, sizeof(image->name), err) < 0 ||
	    json_copy_str(v, "kind", image->kind, sizeof(image->kind), err) < 0 ||
	    json_copy_opt(v, "args", image->args, sizeof(image->args), err) < 0 ||
	    json_copy_opt(v, "nfs_root", image->nfs_root, sizeof(image->nfs_root), err) <
		0 ||
	    json_opt_bool(v, "local_boot", &image->local_boot, err) < 0 ||
	    check_image(image, err) < 0)
		return -EINVAL;
	if (read_file(json_object_get(v, "kernel"), true, &image->kernel, err) < 0) {
		error_prefix(err, "kernel");
		return -EINVAL;
	}
	if (read_files(v, "initrds", image->initrds, ARRAY_SIZE(image->initrds),
		&image->n_initrds, err) < 0 ||
	    read_files(v, "files", image->files, ARRAY_SIZE(image->files),
		&image->n_files, err) < 0 ||
	    read_reports(v, image, err) < 0)
		return -EINVAL;
	return read_deadlines(v, image, err); /* last: it allocates */
}

int
bundle_image_from_json(const json_t *v, struct bundle_image *ret, struct error *err)
{
	struct bundle_image image = {.n_files = 0};

	if (v != NULL && !json_is_null(v)) {
		if (!json_is_object(v))
			return error_set(
			    err, -EINVAL, "bad-value", NULL, "not an object");
		if (read_image(v, &image, err) < 0)
			return -EINVAL;
	}
	*ret = image;
	return 0;
}

const char *const bundle_image_arg_names[] = {"host.name", "mac", "mac.hexhyp", "ip",
    "ip6", "image.name", "report", "token", "files", "site.name", "site.url",
    "site.server", "net.dhcp", "net.ip", "net.ip6", "nfs", NULL};

struct arg_names {
	const struct bundle_image *image;
	char unknown[BUNDLE_NAME_SIZE];
};

static bool
arg_name_exists(const struct bundle_image *image, const char *name)
{
	if (str_has_prefix(name, "host.label."))
		return name[strlen("host.label.")] != '\0';
	for (size_t i = 0; i < image->n_files && str_has_prefix(name, "file."); i++)
		if (str_eq(name + strlen("file."), image->files[i].name))
			return true;
	if (str_eq(name, "nfs"))
		return image->nfs_root[0] != '\0';
	for (const char *const *p = bundle_image_arg_names; *p; p++)
		if (str_eq(name, *p))
			return true;
	return false;
}

static const char *
look_up_arg(void *arg, const char *name)
{
	struct arg_names *n = arg;

	if (arg_name_exists(n->image, name))
		return "";
	str_clip(n->unknown, sizeof(n->unknown), name);
	return NULL;
}

int
bundle_image_args_check(const struct bundle_image *image, struct error *err)
{
	struct arg_names n = {.image = image};
	char *text = NULL;
	int rc = subst_expand(image->args, SUBST_IPXE, look_up_arg, &n, &text, err);

	free(text);
	if (str_has_prefix(n.unknown, "file."))
		return error_set(err, -EINVAL, "bad-value",
		    "add the file to the image, or correct the name",
		    "args: ${%s}: the image has no such file", n.unknown);
	if (str_eq(n.unknown, "nfs"))
		return error_set(err, -EINVAL, "bad-value",
		    "give the image an nfs_root: the folder that is exported",
		    "args: ${nfs}: the image has no nfs_root");
	if (n.unknown[0])
		return error_set(err, -EINVAL, "bad-value",
		    "netboot-inventory(5) lists the names; $$ is a dollar",
		    "args: there is no ${%s}", n.unknown);
	if (rc < 0)
		error_prefix(err, "args");
	return rc;
}
