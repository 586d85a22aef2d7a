/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The site's boot menu as a file.
 *
 * Entry points: own_menu_set(), own_menu_write().
 * Ownership: struct own_menu owns its copy of the site; SCRIPTS_ROOT/script.ipxe is ours while the site has a menu.
 * Failure modes: -errno when the file cannot be written or removed.
 *
 * bootd looks for the images' files when the menu is asked for; here nobody is asked, so that the caller looks again
 * from time to time: what is copied to the site later is offered then, and what is not there, or has another size than
 * in the inventory, is left out and told, once until it is back. The file is replaced at once and only when it changes.
 * A script.ipxe that somebody else made is left alone at a site without a menu.
 */
#include "agent/own_menu.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/textfile.h"
#include "lib/beneath.h"
#include "lib/clock.h"
#include "lib/menu_script.h"
#include "lib/str.h"

/* How menu_script_text() begins. */
#define MARK "#!ipxe\n# menu of site "
#define NAME "script.ipxe"
enum { PATH_SIZE = 1024 };

/* Images stand in `told` by name while they are left out, over changes of the site too. */
struct own_menu {
	struct own_menu_opts o;
	struct bundle_site *site; /* NULL: not set yet */
	uint16_t http_port;
	bool missing[BUNDLE_MENU_ITEMS_MAX];
	char told[BUNDLE_MENU_ITEMS_MAX][BUNDLE_NAME_SIZE];
};

struct own_menu *
own_menu_new(const struct own_menu_opts *opts)
{
	struct own_menu *m = str_alloc(sizeof(*m));

	m->o = *opts;
	return m;
}

static void
drop_site(struct own_menu *m)
{
	if (m->site != NULL)
		free(m->site->menu_images);
	free(m->site);
	m->site = NULL;
}

void
own_menu_free(struct own_menu *m)
{
	if (m == NULL)
		return;
	drop_site(m);
	free(m);
}

void
own_menu_set(struct own_menu *m, const struct bundle_site *site, uint16_t http_port)
{
	size_t n = site->n_menu_images;

	if (n > BUNDLE_MENU_ITEMS_MAX)
		n = BUNDLE_MENU_ITEMS_MAX;
	drop_site(m);
	m->http_port = http_port;
	m->site = str_alloc(sizeof(*m->site));
	*m->site = *site;
	m->site->hosts = NULL;
	m->site->n_hosts = 0;
	m->site->menu_images = str_alloc((n + 1) * sizeof(*m->site->menu_images));
	m->site->n_menu_images = n;
	for (size_t i = 0; i < n; i++) {
		m->site->menu_images[i] = site->menu_images[i];
		m->site->menu_images[i].deadlines = NULL;
	}
}

/* ---- the images' files ---- */

static const char *
why_not(int err)
{
	switch (err) {
	case -EXDEV:
		return "a link that leads out of the directory: copy the file itself";
	case -EINVAL: return "not the name of a regular file";
	default: return strerror(-err);
	}
}

static bool
is_here(int dir, const struct bundle_file *f, const char **ret_why)
{
	int fd = beneath_open(dir, f->path), err = 0;
	struct stat st;

	if (fd < 0) {
		*ret_why = why_not(fd);
		return false;
	}
	if (fstat(fd, &st) < 0)
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = -EINVAL;
	close(fd);
	*ret_why = err < 0 ? why_not(err) : "it has another size";
	return err == 0 && st.st_size == f->size;
}

/* The first file that is not as the inventory has it, or NULL. */
static const struct bundle_file *
find_missing(int dir, const struct bundle_image *image, const char **ret_why)
{
	if (!is_here(dir, &image->kernel, ret_why))
		return &image->kernel;
	for (size_t i = 0; i < image->n_initrds; i++)
		if (!is_here(dir, &image->initrds[i], ret_why))
			return &image->initrds[i];
	for (size_t i = 0; i < image->n_files; i++)
		if (!is_here(dir, &image->files[i], ret_why))
			return &image->files[i];
	return NULL;
}

/* The place of an image in `told`; of "" a free one. */
static size_t
find_told(const struct own_menu *m, const char *name)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(m->told) && !str_eq(m->told[i], name))
		i++;
	return i;
}

static void
tell(struct own_menu *m, const struct bundle_image *image, const struct bundle_file *f,
    const char *why)
{
	struct event ev = event_make("menu.left-out", clock_wall());
	size_t at = find_told(m, "");

	if (at < ARRAY_SIZE(m->told))
		str_clip(m->told[at], sizeof(m->told[at]), image->name);
	str_clip(ev.file, sizeof(ev.file), f->path);
	event_put(&ev, "image", image->name);
	event_put(&ev, "code", "image-missing");
	event_put(&ev, "next", "copy the image's files to the site's images root");
	str_clip(ev.reason, sizeof(ev.reason), why);
	m->o.tell(m->o.arg, image->name, &ev);
	event_done(&ev);
}

static void
look(struct own_menu *m)
{
	int dir = open(m->o.images_root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; i < m->site->n_menu_images; i++) {
		const struct bundle_image *image = &m->site->menu_images[i];
		const char *why = "";
		const struct bundle_file *f = find_missing(dir, image, &why);
		size_t at = find_told(m, image->name);

		m->missing[i] = f != NULL;
		if (f == NULL && at < ARRAY_SIZE(m->told))
			m->told[at][0] = '\0';
		if (f != NULL && at == ARRAY_SIZE(m->told))
			tell(m, image, f, why);
	}
	if (dir >= 0)
		close(dir);
}

/* ---- the file ---- */

static bool
is_ours(const char *path)
{
	char have[sizeof(MARK)];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, have, sizeof(MARK) - 1);
	close(fd);
	return n == (ssize_t)sizeof(MARK) - 1 && memcmp(have, MARK, (size_t)n) == 0;
}

static int
write_text(const struct own_menu *m, const char *path)
{
	char *text = menu_script_text(m->site, m->missing, m->http_port), *have = NULL;
	int r = textfile_read(m->o.scripts_root, NAME, strlen(text), &have);

	/* Whatever is wrong with what is there, it is replaced. */
	if (r < 0 || !str_eq(have, text))
		r = textfile_replace(path, text, 0644, (gid_t)-1);
	free(have);
	free(text);
	return r;
}

int
own_menu_write(struct own_menu *m)
{
	char path[PATH_SIZE];
	int r = str_format(path, sizeof(path), "%s/" NAME, m->o.scripts_root);

	if (r < 0)
		return r;
	if (m->site != NULL && menu_script_exists(m->site)) {
		look(m);
		return write_text(m, path);
	}
	if (!is_ours(path))
		return 0;
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}
