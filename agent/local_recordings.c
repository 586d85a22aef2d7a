/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GET /hosts/{name}/consoles, /hosts/{name}/console/newest and /boots/{id}/console at the agent: the recordings that are
 * on its own disk, which are those that the orchestrator does not hold yet.
 *
 * Entry points: the handlers. Ownership: nothing is kept; a file is given away by its descriptor, and may be removed meanwhile.
 * Failure modes: codes of docs/api.md. A file that cannot be read, or is none, is passed over. Of the folder the FILES_MAX
 * newest are looked at, in each their first frame; only those of a page are read through.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/console_file.h"
#include "agent/local_priv.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"

enum { FILES_MAX = 10000, PAGE = 5 };
#define TYPE "application/vnd.netboot.console"

struct ids {
	char (*v)[ID_SIZE]; /* newest first: ids sort by time */
	size_t n;
};

static int
compare(const void *a, const void *b)
{
	return strcmp(b, a);
}

static void
read_folder(const struct local *l, struct ids *ret)
{
	DIR *dir = opendir(l->o.cfg->console_dir);
	size_t room = 0;
	struct dirent *e;

	*ret = (struct ids){NULL, 0};
	while (dir != NULL && (e = readdir(dir)) != NULL && ret->n < FILES_MAX) {
		char id[ID_SIZE];

		str_clip(id, sizeof(id), e->d_name);
		if (!id_valid(id) || !str_eq(e->d_name + strlen(id), ".rec"))
			continue;
		if (ret->n == room) {
			room = room > 0 ? 2 * room : 64;
			ret->v = str_realloc(ret->v, room * sizeof(ret->v[0]));
		}
		memcpy(ret->v[ret->n++], id, sizeof(id));
	}
	if (dir != NULL)
		closedir(dir);
	if (ret->n > 0)
		qsort(ret->v, ret->n, sizeof(ret->v[0]), compare);
}

static bool
is_of(const struct local *l, const char *id, const char *host)
{
	struct console_record_frame f;
	char path[CONSOLE_FILE_PATH_SIZE];

	return console_file_path(l->o.cfg->console_dir, id, path) == 0 &&
	       console_file_first(path, &f) == 0 && str_eq(f.host, host);
}

/* Its descriptor, or -errno. */
static int
open_one(const struct local *l, const char *id, struct console_record_sum *ret)
{
	char path[CONSOLE_FILE_PATH_SIZE];
	int rc = console_file_path(l->o.cfg->console_dir, id, path);

	return rc < 0 ? rc : console_file_read(path, ret);
}

static void
refuse_unknown(const struct local *l, struct rest_request *rq, const char *of)
{
	struct error err;

	error_set(&err, 0, "console-unknown",
	    "the orchestrator has those that it was sent: ask it when it can be reached",
	    "the agent of site %s has no console recording of %.64s", local_site(l), of);
	local_refuse(rq, &err, NULL);
}

static void
reply(const struct local *l, struct rest_request *rq, const char *id, const char *of)
{
	struct console_record_sum sum;
	int fd = open_one(l, id, &sum);

	if (fd < 0)
		refuse_unknown(l, rq, of);
	else
		rest_reply_file(rq, fd, sum.good, TYPE);
}

void
local_recordings_get(void *arg, struct rest_request *rq)
{
	const char *id = rest_param(rq, "id");
	struct local_who who;

	if (!local_allow(arg, rq, &who))
		return;
	if (id_valid(id))
		reply(arg, rq, id, id);
	else
		refuse_unknown(arg, rq, "that boot");
}

/* True when the site has the host; else it is answered. */
static bool
have_host(struct local *l, struct rest_request *rq, const char *name)
{
	struct bundle_host *host = str_alloc(sizeof(*host));
	int rc = spool_get_host(l->o.spool, name, host, NULL);

	free(host);
	if (rc == 0)
		local_hosts_unknown(rq, name);
	else if (rc < 0)
		local_failed(l, rq, rc, "read the host");
	return rc == 1;
}

void
local_recordings_newest(void *arg, struct rest_request *rq)
{
	struct local *l = arg;
	const char *host = rest_param(rq, "name");
	struct local_who who;
	struct ids ids;
	size_t i = 0;

	if (!local_allow(l, rq, &who) || !have_host(l, rq, host))
		return;
	read_folder(l, &ids);
	while (i < ids.n && !is_of(l, ids.v[i], host))
		i++;
	if (i < ids.n)
		reply(l, rq, ids.v[i], host);
	else
		refuse_unknown(l, rq, host);
	free(ids.v);
}

/* NULL: it cannot be read, or has gone meanwhile. */
static json_t *
row(const struct local *l, const char *id)
{
	char began[CLOCK_TEXT_SIZE], last[CLOCK_TEXT_SIZE];
	struct console_record_sum sum;
	int fd = open_one(l, id, &sum);

	if (fd < 0)
		return NULL;
	close(fd);
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:b, s:b}", "id", id, "of",
	    sum.always ? "between-jobs" : "boot", "began",
	    clock_text(sum.first, began, sizeof(began)), "last",
	    clock_text(sum.last, last, sizeof(last)), "size", (json_int_t)sum.good,
	    "octets", (json_int_t)sum.octets, "gaps", (json_int_t)sum.gaps, "truncated",
	    sum.truncated, "ended", sum.ended);
}

void
local_recordings_list(void *arg, struct rest_request *rq)
{
	struct local *l = arg;
	const char *cursor, *host = rest_param(rq, "name");
	char next[ID_SIZE] = "";
	struct local_who who;
	json_t *items;
	int64_t limit;
	struct ids ids;

	if (!local_allow(l, rq, &who) || !local_page(rq, PAGE, &limit, &cursor) ||
	    !have_host(l, rq, host))
		return;
	items = json_array();
	read_folder(l, &ids);
	for (size_t i = 0; i < ids.n; i++) {
		if ((cursor != NULL && strcmp(ids.v[i], cursor) >= 0) ||
		    !is_of(l, ids.v[i], host))
			continue;
		if (json_array_size(items) == (size_t)limit) {
			str_clip(next, sizeof(next),
			    json_string_value(json_object_get(
				json_array_get(items, (size_t)limit - 1), "id")));
			break;
		}
		json_array_append_new(items, row(l, ids.v[i]));
	}
	free(ids.v);
	local_reply_items(rq, items, next);
}
