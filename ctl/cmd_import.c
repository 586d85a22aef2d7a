/* SPDX-License-Identifier: GPL-3.0-or-later */
/* image import FAMILY SOURCE: an image out of an ISO or a folder.
 *
 * It runs where the images root is. The recipe (import_recipes.c) says what is taken out of
 * the source (import_source.c) and where it goes (import_store.c); then the image is added
 * as `image add` does. Ownership: all of it is freed here. Failure modes: exit codes of
 * DESIGN section 8. Whatever fails, also SIGINT, SIGTERM and SIGHUP, which are read from a
 * descriptor between two blocks, leaves nothing behind: neither files nor an image. From
 * the moment at which the server is asked they are no longer heard, since it may have
 * added the image by then.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "ctl/client.h"
#include "ctl/cmd.h"
#include "ctl/cmd_util.h"
#include "ctl/import_recipes.h"
#include "ctl/import_source.h"
#include "ctl/import_store.h"
#include "ctl/output.h"
#include "lib/json.h"
#include "lib/str.h"

enum { TEMPLATE_MAX = 64 * 1024 };

struct import {
	struct ctl *ctl;
	const struct args *args;
	const char *name, *root;
	struct import_source *source;
	struct import_store *store;
	struct import_plan plan;
	char *text; /* of --template */
	int signals;
};

/* ---- signals ---- */

static bool
is_interrupted(void *arg)
{
	const struct import *im = arg;
	struct signalfd_siginfo info;

	return read(im->signals, &info, sizeof(info)) == sizeof(info);
}

static void
listen_to_signals(struct import *im)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	im->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* ---- what the operator gave ---- */

static int
read_template(const char *path, char **ret, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = str_alloc(TEMPLATE_MAX + 2);
	ssize_t n = fd < 0 ? -1 : read(fd, text, TEMPLATE_MAX + 1);
	int e = errno;

	if (fd >= 0)
		close(fd);
	if (n > 0 && n <= TEMPLATE_MAX && memchr(text, '\0', (size_t)n) == NULL) {
		*ret = text;
		return 0;
	}
	free(text);
	return error_set(err, -EINVAL, "import-template",
	    "give a text file of at most 64 KiB", "--template %s: %s", path,
	    n < 0	       ? strerror(e)
	    : n == 0	       ? "is empty"
	    : n > TEMPLATE_MAX ? "is too large"
			       : "is not a text");
}

static int
make_plan(struct import *im, struct error *err)
{
	const struct args *args = im->args;
	const char *text = args_get(args, "template");
	struct import_opts opts = {.pick = args_get(args, "pick"),
	    .append = args_get(args, "append"),
	    .nfs = args_has(args, "nfs"),
	    .bios = args_has(args, "bios")};
	int r;

	if (im->name == NULL || !str_name_valid(im->name))
		return error_set(err, -EINVAL, "usage", "--help shows how",
		    "image import needs --name, the name of the new image");
	if (text != NULL && (r = read_template(text, &im->text, err)) < 0)
		return r;
	opts.text = im->text;
	r = import_source_open(args->operands[1], &im->source, err);
	if (r < 0)
		return r;
	return import_recipes_plan(
	    args->operands[0], import_source_listing(im->source), &opts, &im->plan, err);
}

/* Every image that says when it has installed is waited for. */
static void
warn(const struct import *im)
{
	const struct import_plan *p = &im->plan;

	for (size_t i = 0; p->installs && im->text != NULL && i < p->n; i++)
		if (p->files[i].text == im->text &&
		    strstr(im->text, "/installed") == NULL)
			ctl_say(im->ctl,
			    "%s: %s does not post to ${report}/installed: a job would "
			    "wait for it in vain",
			    im->name, p->files[i].name);
}

/* ---- files ---- */

static int64_t
octets(const struct import_plan *p)
{
	int64_t sum = 0;

	for (size_t i = 0; i < p->n; i++)
		sum += p->files[i].from != NULL	  ? p->files[i].from->size
		       : p->files[i].text != NULL ? (int64_t)strlen(p->files[i].text)
						  : 0;
	return sum;
}

static int
write_text(int fd, const char *text, struct error *err)
{
	size_t n = strlen(text);

	if (pwrite(fd, text, n, 0) == (ssize_t)n)
		return 0;
	return error_set(err, -EIO, "import-write", "make room on that disk",
	    "cannot write: %s", strerror(errno != 0 ? errno : ENOSPC));
}

static int
copy_files(struct import *im, struct error *err)
{
	struct import_source_copy list[IMPORT_FILES_MAX];
	size_t n = 0;
	int r =
	    import_store_begin(im->root, im->name, octets(&im->plan), &im->store, err);

	for (size_t i = 0; r == 0 && i < im->plan.n; i++) {
		const struct import_file *f = &im->plan.files[i];
		int fd = -1;

		r = import_store_add(im->store, f->dest, &fd, err);
		if (r == 0 && f->text != NULL)
			r = write_text(fd, f->text, err);
		else if (r == 0)
			list[n++] =
			    (struct import_source_copy){.from = f->from, .fd = fd};
	}
	if (r == 0)
		r = import_source_copy(im->source, list, n, is_interrupted, im, err);
	return r < 0 ? r : import_store_commit(im->store, err);
}

/* ---- the image ---- */

static json_t *
file_json(const struct import *im, const struct import_file *f)
{
	char path[512];
	json_t *v = json_object();

	if (str_format(path, sizeof(path), "%s/%s", im->name, f->dest) < 0)
		path[0] = '\0';
	json_put_str(v, "path", path);
	json_put_str(v, "name", f->name);
	if (f->template)
		json_put_bool(v, "template", true);
	return v;
}

/* With a root over NFS its files are the server's to deliver, and not of the ticket. */
static json_t *
image_json(const struct import *im)
{
	const char *kind = args_get(im->args, "kind");
	json_t *v = json_object(), *initrds = json_array(), *files = json_array();

	json_put_str(v, "name", im->name);
	json_put_str(v, "kind", kind != NULL ? kind : im->plan.kind);
	json_put_str(v, "args", im->plan.args);
	for (size_t i = 0; i < im->plan.n; i++) {
		const struct import_file *f = &im->plan.files[i];

		if (f->role == IMPORT_KERNEL)
			json_put(v, "kernel", file_json(im, f));
		else if (f->role == IMPORT_INITRD)
			json_array_append_new(initrds, file_json(im, f));
		else if (!im->plan.nfs || f->template)
			json_array_append_new(files, file_json(im, f));
	}
	json_put(v, "initrds", initrds);
	json_put(v, "files", files);
	if (im->plan.nfs)
		json_put_str(v, "nfs_root", im->name);
	if (im->plan.installs) {
		json_put(v, "reports", json_pack("[s]", "installed"));
		json_put_bool(v, "local_boot", true);
	}
	return v;
}

/* Before gigabytes are copied: is the server there, and the name free? */
static int
ask_server(const struct import *im)
{
	char *path = client_path("images", im->name, NULL);
	json_t *there = NULL;
	struct error err;
	int r = client_call(im->ctl,
	    &(struct client_request){.method = "GET",
		.path = path,
		.subject = im->name,
		.may_be_absent = true},
	    &there);

	free(path);
	if (r != CTL_OK || there == NULL)
		return r;
	json_decref(there);
	error_set(&err, -EEXIST, "image-exists",
	    "take another --name, or remove it first: netboot-ctl image rm",
	    "there is an image of this name");
	return ctl_fail(im->ctl, CTL_USAGE, im->name, &err);
}

static int
add_image(struct import *im)
{
	int r = cmd_util_create(im->ctl, "images", im->name, image_json(im));

	if (r == CTL_UNREACHABLE || r == CTL_TIMEOUT)
		ctl_say(im->ctl,
		    "%s: its files stay in %s/%s, since the server may have added it: "
		    "netboot-ctl image show %s; else remove them, then import again",
		    im->name, im->root, im->name, im->name);
	else if (r != CTL_OK)
		import_store_undo(im->store);
	return r;
}

static int
exit_code(const struct error *err)
{
	if (str_eq(err->code, "import-write") || str_eq(err->code, "interrupted"))
		return CTL_FAILED;
	return CTL_USAGE;
}

static int
run(struct import *im, struct error *err)
{
	json_t *doc;
	int r;

	if (make_plan(im, err) < 0)
		return -1;
	warn(im);
	if (args_has(im->args, "dry-run")) {
		doc = image_json(im);
		output_object(im->ctl, doc);
		json_decref(doc);
		return CTL_OK;
	}
	r = ask_server(im);
	if (r != CTL_OK)
		return r;
	return copy_files(im, err) < 0 ? -1 : add_image(im);
}

int
cmd_import(struct ctl *ctl, const struct args *args)
{
	struct import im = {.ctl = ctl,
	    .args = args,
	    .name = args_get(args, "name"),
	    .root = args_get(args, "images-root"),
	    .signals = -1};
	struct error err = {.code = ""};
	int r;

	if (im.root == NULL)
		im.root = "/srv/netboot/images";
	listen_to_signals(&im);
	r = run(&im, &err);
	import_store_free(im.store);
	import_source_free(im.source);
	free(im.text);
	if (im.signals >= 0)
		close(im.signals);
	return r < 0 ? ctl_fail(ctl, exit_code(&err), im.name, &err) : r;
}
