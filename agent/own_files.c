/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files for a site's own HTTP server.
 *
 * Entry points: own_files_*().
 * Ownership: files and links below the scripts root; nothing in memory. Scripts that begin with IDLE_MARK are ours to
 * replace and to remove; any other script is a job's.
 * Failure modes: -errno of the first thing that could not be done; the rest is done all the same, since what is to be
 * withdrawn must not stay because of something else.
 */
#include "agent/own_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/textfile.h"
#include "lib/str.h"

#define IDLE_MARK "#!ipxe\n# netboot: no ticket\n"
#define SCRIPT_PREFIX "script.ipxe-"
/* A name of 63 octets has fewer parts than FOLDERS_MAX. */
enum { PATH_SIZE = 1024, IDLE_SIZE = 256, DIR_MODE = 0711, FOLDERS_MAX = 32 };

static bool
has_text(const char *path, const char *text)
{
	char have[IDLE_SIZE];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, have, sizeof(have));
	close(fd);
	return n == (ssize_t)strlen(text) && memcmp(have, text, (size_t)n) == 0;
}

static int
keep_first(int r, int next)
{
	return r < 0 ? r : next;
}

static int
put_idle(const struct own_files *f, const struct bundle_host *h, const char *name)
{
	char path[PATH_SIZE], text[IDLE_SIZE];
	int r;

	if ((r = str_format(path, sizeof(path), "%s/%s", f->scripts_root, name)) < 0)
		return r;
	/* The menu asks for the machine's own script first, and goes on when there is none. */
	if (f->menu && h->idle == BUNDLE_IDLE_MENU)
		return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
	if ((r = str_format(text, sizeof(text),
		 IDLE_MARK "echo netboot: no ticket armed, booting from disk\n%s\n",
		 bundle_local_boot_command(h->local_boot, h->firmware))) < 0)
		return r;
	return has_text(path, text) ? 0 : textfile_replace(path, text, 0644, (gid_t)-1);
}

static int
idle_except(const struct own_files *f, const struct bundle_host *h, const char *except)
{
	char name[sizeof(SCRIPT_PREFIX) + ADDR_MAC_TEXT], mac[ADDR_MAC_TEXT];
	int r = 0;

	for (size_t i = 0; i < h->n_nics; i++) {
		snprintf(name, sizeof(name), SCRIPT_PREFIX "%s",
		    addr_mac_text(&h->nics[i].mac, mac, sizeof(mac)));
		if (!str_eq(name, except))
			r = keep_first(r, put_idle(f, h, name));
	}
	return r;
}

int
own_files_idle(const struct own_files *f, const struct bundle_host *h)
{
	return idle_except(f, h, "");
}

int
own_files_armed(const struct own_files *f, const struct bundle_host *h,
    const struct bootd_msg_boot *b)
{
	return idle_except(f, h, b->script);
}

static int
make_dir(const char *path)
{
	if (mkdir(path, DIR_MODE) < 0 && errno != EEXIST)
		return -errno;
	return chmod(path, DIR_MODE) < 0 ? -errno : 0; /* whatever the umask */
}

/* The folders of a name with several parts (sysresccd/x86_64/airootfs.sfs). */
static int
make_parents(const char *dir, const char *name)
{
	char path[PATH_SIZE];
	int r = 0;

	for (const char *p = strchr(name, '/'); r == 0 && p != NULL;
	     p = strchr(p + 1, '/')) {
		r = str_format(path, sizeof(path), "%s/%.*s", dir, (int)(p - name), name);
		if (r == 0)
			r = make_dir(path);
	}
	return r;
}

/* A template of the job lies below the scripts root, where the agent filled it in. */
static int
put_link(const struct own_files *f, const char *dir, const struct bootd_msg_payload *p)
{
	const char *root =
	    p->kind == BOOTD_PAYLOAD_TEMPLATE ? f->scripts_root : f->images_root;
	char path[PATH_SIZE], target[PATH_SIZE];
	int r;

	if ((r = str_format(path, sizeof(path), "%s/%s", dir, p->name)) < 0 ||
	    (r = str_format(target, sizeof(target), "%s/%s", root, p->path)) < 0 ||
	    (r = make_parents(dir, p->name)) < 0)
		return r;
	if (symlink(target, path) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

int
own_files_publish(const struct own_files *f, const struct bootd_msg_boot *b)
{
	char dir[PATH_SIZE];
	int r;

	if ((r = str_format(dir, sizeof(dir), "%s/b", f->scripts_root)) < 0 ||
	    (r = make_dir(dir)) < 0 ||
	    (r = str_format(dir, sizeof(dir), "%s/b/%s", f->scripts_root, b->token)) <
		0 ||
	    (r = make_dir(dir)) < 0)
		return r;
	for (size_t i = 0; r == 0 && i < b->n_payloads; i++) {
		if (!b->consumed || !bootd_msg_payload_is_boot(b->payloads[i].kind))
			r = put_link(f, dir, &b->payloads[i]);
	}
	return r;
}

int
own_files_withdraw(const struct own_files *f, const char *token, const char *name)
{
	char path[PATH_SIZE];
	int r =
	    str_format(path, sizeof(path), "%s/b/%s/%s", f->scripts_root, token, name);

	if (r < 0)
		return r;
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

/* A ticket's folder and the folders of its names; links are removed, not followed. */
static int
remove_folder(int parent, const char *name, int depth)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct dirent *e;
	int r = 0;
	DIR *d;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	d = fdopendir(fd);
	if (d == NULL) {
		r = -errno;
		close(fd);
		return r;
	}
	while ((e = readdir(d)) != NULL) {
		if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
			continue;
		if (unlinkat(fd, e->d_name, 0) == 0)
			continue;
		r = keep_first(r, errno == EISDIR && depth < FOLDERS_MAX
				      ? remove_folder(fd, e->d_name, depth + 1)
				      : -errno);
	}
	closedir(d);
	return unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT
		   ? keep_first(r, -errno)
		   : r;
}

int
own_files_remove(const struct own_files *f, const char *token)
{
	char path[PATH_SIZE];
	int r = str_format(path, sizeof(path), "%s/b/%s", f->scripts_root, token);

	return r < 0 ? r : remove_folder(AT_FDCWD, path, 0);
}

/* ---- what was left behind ---- */

static bool
is_token(const char *s)
{
	return strlen(s) == ID_TOKEN_SIZE - 1 &&
	       strspn(s, "0123456789abcdefghijklmnopqrstuvwxyz") == ID_TOKEN_SIZE - 1;
}

static void
sweep_tickets(
    const struct own_files *f, bool (*is_open)(void *arg, const char *token), void *arg)
{
	char path[PATH_SIZE];
	struct dirent *e;
	DIR *d;

	if (str_format(path, sizeof(path), "%s/b", f->scripts_root) < 0 ||
	    (d = opendir(path)) == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		/* What cannot be removed now is met again by the next sweep. */
		if (is_token(e->d_name) && !is_open(arg, e->d_name))
			(void)!own_files_remove(f, e->d_name);
	}
	closedir(d);
}

static bool
is_idle_script(int dir, const char *name)
{
	char have[sizeof(IDLE_MARK)];
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, have, sizeof(have) - 1);
	close(fd);
	return n == sizeof(have) - 1 && memcmp(have, IDLE_MARK, (size_t)n) == 0;
}

void
own_files_sweep(const struct own_files *f, bool (*is_open)(void *arg, const char *token),
    bool (*is_host)(void *arg, const struct addr_mac *mac), void *arg)
{
	DIR *d = opendir(f->scripts_root);
	struct dirent *e;

	sweep_tickets(f, is_open, arg);
	while (d != NULL && (e = readdir(d)) != NULL) {
		struct addr_mac mac;

		if (!str_has_prefix(e->d_name, SCRIPT_PREFIX) ||
		    addr_mac_parse(e->d_name + strlen(SCRIPT_PREFIX), &mac) < 0 ||
		    is_host(arg, &mac) || !is_idle_script(dirfd(d), e->d_name))
			continue;
		(void)!unlinkat(dirfd(d), e->d_name, 0);
	}
	if (d != NULL)
		closedir(d);
}
