/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The site's menu and autoexec.ipxe as files to be sent.
 *
 * Entry points: http_menu_open(), http_menu_autoexec().
 * Ownership: what was made last is the service's, each answer gets a descriptor of its own.
 * Failure modes: -errno when memory or descriptors are short.
 *
 * Whether the files of an image are at the site is looked at when the menu is asked for, at most once a second: what
 * is copied there later is offered then, and what is not there is left out and told, once until it is back. Anybody may
 * ask for the menu: where looking takes long, of many files on a slow disk, it is done less often.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "boot-services/http_priv.h"
#include "boot-services/textfile.h"
#include "lib/clock.h"
#include "lib/menu_script.h"
#include "lib/str.h"

#define FRESH_FOR USEC_PER_SEC
/* Of the time that passes, what looking may take: one part of so many. */
enum { SHARE = 20 };

/* Images stand in `told` by name while they are left out, over changes of the table too. */
struct http_menu {
	struct fileroot_file file;
	uint64_t version; /* hosttab_menu_version() that it was made from */
	int64_t made, fresh_for;
	bool missing[BUNDLE_MENU_ITEMS_MAX];
	char told[BUNDLE_MENU_ITEMS_MAX][BUNDLE_NAME_SIZE];
};

static void
drop_file(struct http_menu *m)
{
	if (m->file.fd >= 0)
		close(m->file.fd);
	m->file.fd = -1;
}

static bool
is_here(const struct http_io *io, const struct bundle_file *f, const char **ret_why)
{
	struct fileroot_file file;
	int err = fileroot_open(io->deps->images_fd, f->path, &file);

	if (err != 0) {
		*ret_why = fileroot_why(err);
		return false;
	}
	close(file.fd);
	*ret_why = "it has another size";
	return file.size == f->size;
}

/* The first file that is not as the inventory has it, or NULL. */
static const struct bundle_file *
find_missing(
    const struct http_io *io, const struct bundle_image *image, const char **ret_why)
{
	if (!is_here(io, &image->kernel, ret_why))
		return &image->kernel;
	for (size_t i = 0; i < image->n_initrds; i++)
		if (!is_here(io, &image->initrds[i], ret_why))
			return &image->initrds[i];
	for (size_t i = 0; i < image->n_files; i++)
		if (!is_here(io, &image->files[i], ret_why))
			return &image->files[i];
	return NULL;
}

/* The place of an image in `told`; of "" a free one. */
static size_t
find_told(const struct http_menu *m, const char *name)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(m->told) && !str_eq(m->told[i], name))
		i++;
	return i;
}

static void
tell(struct http_io *io, const struct bundle_image *image, const struct bundle_file *f,
    const char *why)
{
	struct event ev = event_make("menu.left-out", clock_wall());

	str_clip(ev.file, sizeof(ev.file), f->path);
	event_put(&ev, "image", image->name);
	event_put(&ev, "code", "image-missing");
	event_put(&ev, "next", "copy the image's files to the site's images root");
	str_clip(ev.reason, sizeof(ev.reason), why);
	log_warn(io->deps->log, "menu: image %s is left out: %s: %s", image->name,
	    f->path, why);
	evsink_emit(io->deps->events, &ev);
}

static void
look(struct http_io *io, const struct bundle_site *site)
{
	struct http_menu *m = io->menu;

	for (size_t i = 0; i < site->n_menu_images; i++) {
		const struct bundle_image *image = &site->menu_images[i];
		const char *why = "";
		const struct bundle_file *f = find_missing(io, image, &why);
		size_t at = find_told(m, image->name);

		m->missing[i] = f != NULL;
		if (f == NULL && at < ARRAY_SIZE(m->told))
			m->told[at][0] = '\0';
		if (f == NULL || at < ARRAY_SIZE(m->told))
			continue;
		at = find_told(m, "");
		if (at < ARRAY_SIZE(m->told))
			str_clip(m->told[at], sizeof(m->told[at]), image->name);
		tell(io, image, f, why);
	}
}

static int
make(struct http_io *io, int64_t now)
{
	const struct bundle_site *site = hosttab_site(*io->deps->table);
	struct http_menu *m = io->menu;
	char *text;
	int r;

	drop_file(m);
	m->fresh_for = clock_mono();
	look(io, site);
	m->fresh_for = FRESH_FOR + SHARE * (clock_mono() - m->fresh_for);
	text = menu_script_text(site, m->missing, io->deps->cfg->http_port);
	r = textfile_make(text, &m->file);
	free(text);
	if (r < 0)
		m->file.fd = -1;
	m->made = now;
	m->version = hosttab_menu_version(*io->deps->table);
	return r;
}

int
http_menu_open(struct http_io *io, int64_t now, struct fileroot_file *ret)
{
	if (io->menu == NULL) {
		io->menu = str_alloc(sizeof(*io->menu));
		io->menu->file.fd = -1;
	}
	if (io->menu->file.fd < 0 ||
	    io->menu->version != hosttab_menu_version(*io->deps->table) ||
	    now - io->menu->made > io->menu->fresh_for) {
		int r = make(io, now);

		if (r < 0)
			return r;
	}
	return textfile_again(&io->menu->file, ret);
}

int
http_menu_autoexec(const struct http_conn *c, struct fileroot_file *ret)
{
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof(ss);
	char text[MENU_SCRIPT_AUTOEXEC_SIZE];
	struct addr_ip ip;

	if (getsockname(c->fd, (struct sockaddr *)&ss, &len) < 0)
		return -ENOTCONN;
	ip = addr_ip_from_sockaddr((struct sockaddr *)&ss);
	menu_script_autoexec(&ip, c->io->deps->cfg->http_port, text);
	return textfile_make(text, ret);
}

void
http_menu_done(struct http_io *io)
{
	if (io->menu != NULL)
		drop_file(io->menu);
	free(io->menu);
	io->menu = NULL;
}
