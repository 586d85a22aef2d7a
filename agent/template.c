/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The texts of an image that differ from job to job.
 *
 * Entry points: template_check() in preflight, template_write() when a ticket is armed,
 * template_remove() when it is closed or replaced, template_sweep() at the start.
 * Ownership: the files below the scripts root that begin with "ticket-" are this file's.
 * Failure modes: a source that is not the one ordered, or that names what the host does
 * not have, is an error before anything is switched off; what was written for the ticket
 * before it is left to template_remove().
 *
 * A file is read when it is filled in, and its octets compared with the digest that was
 * ordered: what is served comes from the source that was checked and no other.
 */
#include "agent/template.h"

#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/textfile.h"
#include "lib/digest.h"
#include "lib/id.h"
#include "lib/str.h"

#define PREFIX "ticket-"

int
template_name(const char *ticket, size_t file, char ret[TEMPLATE_NAME_SIZE])
{
	return str_format(ret, TEMPLATE_NAME_SIZE, PREFIX "%s-%zu", ticket, file);
}

static int
bad_source(const struct template_dirs *dirs, const struct bundle_file *f, int rc,
    struct error *err)
{
	if (rc == -EFBIG)
		return error_set(err, rc, "image-template",
		    "shorten it, then add the image again",
		    "template %s is larger than %d octets", f->path, TEMPLATE_SOURCE_MAX);
	if (rc == -EILSEQ)
		return error_set(err, rc, "image-template",
		    "add it as a file that is not a template",
		    "template %s is not a text: it holds a NUL", f->path);
	return error_set(err, rc, "image-missing",
	    "put the image's files below the site's images folder, or add the image "
	    "again",
	    "%s/%s: %s", dirs->images, f->path, strerror(-rc));
}

static int
read_source(const struct template_dirs *dirs, const struct bundle_file *f, char **ret,
    struct error *err)
{
	char found[DIGEST_TEXT];
	char *text = NULL;
	int r = textfile_read(dirs->images, f->path, TEMPLATE_SOURCE_MAX, &text);

	if (r < 0)
		return bad_source(dirs, f, r, err);
	digest_sha256(text, strlen(text), found);
	if (!str_eq(found, f->sha256)) {
		free(text);
		return error_set(err, -EBADMSG, "image-altered",
		    "restore the file, or add the image again: netboot-ctl image add",
		    "%s is not the file that was ordered: its SHA-256 differs", f->path);
	}
	*ret = text;
	return 0;
}

static int
fill_in(const struct script_params *p, const struct template_dirs *dirs,
    const struct bundle_file *f, char **ret, struct error *err)
{
	struct error why = {0};
	char *source = NULL;
	int r = read_source(dirs, f, &source, err);

	if (r < 0)
		return r;
	r = script_expand(p, source, ret, &why);
	free(source);
	if (r == 0)
		return 0;
	return error_set(err, r, "image-template",
	    why.next[0] != '\0' ? why.next : "correct the template",
	    "image %s for host %s: template %s: %.300s", p->bundle->image.name,
	    p->bundle->host.name, f->path, why.text);
}

/* Without it nobody but root could read them, and the installer would be told so after the disk is gone. */
static int
check_reader(
    const struct script_params *p, const struct template_dirs *dirs, struct error *err)
{
	if (geteuid() != 0 || dirs->reader == NULL || dirs->reader[0] == '\0' ||
	    getpwnam(dirs->reader) != NULL)
		return 0;
	return error_set(err, -ENOENT, "image-template",
	    "correct user of boot_services or own_servers in the agent's configuration",
	    "image %s for host %s: its templates are for the user %.60s, who does not "
	    "exist",
	    p->bundle->image.name, p->bundle->host.name, dirs->reader);
}

int
template_check(
    const struct script_params *p, const struct template_dirs *dirs, struct error *err)
{
	const struct bundle_image *image = &p->bundle->image;

	for (size_t i = 0; i < image->n_files; i++) {
		char *text = NULL;
		int r = 0;

		if (image->files[i].template)
			r = fill_in(p, dirs, &image->files[i], &text, err);
		if (r == 0 && image->files[i].template)
			r = check_reader(p, dirs, err);
		free(text);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The group through which bootd alone reads them, or -1: it runs as the agent's own user. */
static gid_t
reader_group(const char *user)
{
	const struct passwd *pw;

	if (geteuid() != 0)
		return (gid_t)-1;
	pw = getpwnam(user);
	return pw == NULL ? (gid_t)-1 : pw->pw_gid;
}

static int
write_one(const struct script_params *p, const struct template_dirs *dirs, size_t i,
    struct error *err)
{
	char name[TEMPLATE_NAME_SIZE], path[512];
	char *text = NULL;
	int r = fill_in(p, dirs, &p->bundle->image.files[i], &text, err);

	if (r < 0)
		return r;
	r = template_name(p->ticket->id, i, name);
	if (r == 0)
		r = str_format(path, sizeof(path), "%s/%s", dirs->scripts, name);
	if (r == 0)
		r = textfile_replace(path, text, 0640, reader_group(dirs->reader));
	free(text);
	if (r == 0)
		return 0;
	return error_set(err, r, "script-not-written",
	    "check the scripts folder of the boot services and the space on its disk",
	    "cannot write %s/%s: %s", dirs->scripts, name, strerror(-r));
}

int
template_write(
    const struct script_params *p, const struct template_dirs *dirs, struct error *err)
{
	for (size_t i = 0; i < p->bundle->image.n_files; i++) {
		int r =
		    p->bundle->image.files[i].template ? write_one(p, dirs, i, err) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

void
template_remove(const char *scripts, const char *ticket, const struct bundle_image *image)
{
	for (size_t i = 0; i < image->n_files; i++) {
		char name[TEMPLATE_NAME_SIZE], path[512];

		if (image->files[i].template && template_name(ticket, i, name) == 0 &&
		    str_format(path, sizeof(path), "%s/%s", scripts, name) == 0)
			unlink(path);
	}
}

/* The ticket of a name of ours, also of one that was being written. */
static bool
take_ticket(const char *name, char ret[ID_SIZE])
{
	if (!str_has_prefix(name, PREFIX) || strlen(name) < strlen(PREFIX) + ID_SIZE - 1)
		return false;
	memcpy(ret, name + strlen(PREFIX), ID_SIZE - 1);
	ret[ID_SIZE - 1] = '\0';
	return id_valid(ret);
}

static int
is_ours(const struct dirent *e)
{
	char ticket[ID_SIZE];

	return take_ticket(e->d_name, ticket);
}

void
template_sweep(
    const char *scripts, bool (*keep)(void *arg, const char *ticket), void *arg)
{
	struct dirent **list = NULL;
	int n = scandir(scripts, &list, is_ours, alphasort);

	for (int i = 0; i < n; i++) {
		char ticket[ID_SIZE], path[512];

		if (take_ticket(list[i]->d_name, ticket) && !keep(arg, ticket) &&
		    str_format(path, sizeof(path), "%s/%s", scripts, list[i]->d_name) ==
			0)
			unlink(path);
		free(list[i]);
	}
	free(list);
}
