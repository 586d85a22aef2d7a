// SPDX-License-Identifier: GPL-3.0-or-later
/* Files that were let go to boots.
 *
 * A job's are those of its bundle: what was ordered, whose digests the agent has checked, whatever becomes of the image
 * later. All of an image are let go at once, when its ticket is used. Of the menu's images the inventory is asked,
 * since nobody ordered them.
 *
 * Entry points: boot_files_keep(), boot_files_list() (pure).
 * Failure modes: those of db.h; an order that cannot be read leaves the record without files. */
#include "orchestrator/boot_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_image.h"
#include "lib/json.h"
#include "lib/str.h"

static void
add_file(json_t *list, const char *role, const json_t *file)
{
	json_t *v = json_object();

	if (!json_is_object(file)) {
		json_decref(v);
		return;
	}
	json_put_str(v, "role", role);
	for (size_t i = 0; i < 3; i++) {
		const char *key = (const char *const[]){"name", "sha256", "size"}[i];
		json_t *value = json_object_get(file, key);
		json_object_set_new(v, key, value ? json_incref(value) : json_null());
	}
	json_array_append_new(list, v);
}

static void
add_files(json_t *list, const char *role, const json_t *files)
{
	const json_t *file;
	size_t i;

	json_array_foreach (files, i, file)
		add_file(list, role, file);
}

json_t *
boot_files_list(const json_t *image)
{
	json_t *list = json_array();

	add_file(list, "kernel", json_object_get(image, "kernel"));
	add_files(list, "initrd", json_object_get(image, "initrds"));
	add_files(list, "file", json_object_get(image, "files"));
	return list;
}

static int
put(struct store *s, const char *boot, const json_t *image)
{
	json_t *list = boot_files_list(image);
	int rc = 0;

	if (json_array_size(list) > 0) {
		char *text = json_text(list);
		rc = db_boot_files_put(s, boot, text);
		free(text);
	}
	json_decref(list);
	return rc;
}

static int
keep_job(struct store *s, const char *boot, const char *job)
{
	char *text = NULL;
	int rc = db_job_bundle(s, job, &text);

	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	json_t *doc = json_parse(text, strlen(text), NULL);
	rc = put(s, boot, json_object_get(doc, "image"));
	json_decref(doc);
	free(text);
	return rc;
}

static int
keep_menu(struct store *s, const char *boot, const char *name)
{
	struct db_image *image = str_alloc(sizeof(*image));
	int rc = db_boot_image(s, boot, name);

	if (rc == 0)
		rc = db_image_get(s, name, image);
	if (rc == 0) {
		json_t *doc = bundle_image_to_json(&image->image);
		rc = put(s, boot, doc);
		json_decref(doc);
		db_image_done(image);
	}
	free(image);
	return rc == -ENOENT ? 0 : rc;
}

int
boot_files_keep(
    struct store *s, const struct event *ev, const struct lifecycle_change *ch)
{
	if (!ch->boot_of[0])
		return 0;
	if (ch->files == LIFECYCLE_FILES_JOB)
		return keep_job(s, ch->boot_of, ev->job);
	return keep_menu(s, ch->boot_of, ch->image);
}
