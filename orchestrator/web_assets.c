// SPDX-License-Identifier: GPL-3.0-or-later
/* Serves the page's files: they hold nothing secret, so that who is not logged in gets them, too.
 *
 * Entry points: the handlers of GET / and GET /assets/…. The table is made at build. With `web.assets` files are
 * read anew for each request from that folder, beneath which they stay (lib/beneath.h).
 * Failure modes: 404 for what is not in the table. */
#include "orchestrator/web_assets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/beneath.h"
#include "lib/str.h"
#include "orchestrator/orch.h"

const struct web_asset *
web_assets_find(const char *path)
{
	for (size_t i = 0; i < web_asset_count; i++)
		if (strcmp(web_asset_table[i].path, path) == 0)
			return &web_asset_table[i];
	return NULL;
}

const char *
web_assets_type(const char *path)
{
	static const struct {
		const char *end, *type;
	} types[] = {
	    {".html", "text/html; charset=utf-8"},
	    {".css", "text/css; charset=utf-8"},
	    {".js", "text/javascript; charset=utf-8"},
	    {".mjs", "text/javascript; charset=utf-8"},
	    {".json", "application/json"},
	    {".svg", "image/svg+xml"},
	    {".png", "image/png"},
	    {".ico", "image/x-icon"},
	    {".txt", "text/plain; charset=utf-8"},
	    {".webmanifest", "application/manifest+json"},
	};
	const char *end = strrchr(path, '.');

	for (size_t i = 0; end && i < ARRAY_SIZE(types); i++)
		if (strcmp(types[i].end, end) == 0)
			return types[i].type;
	return NULL;
}

static void
not_found(struct rest_request *rq)
{
	struct error err;

	error_set(&err, -ENOENT, "not-found", NULL, "the page has no such file");
	rest_problem(rq, 404, &err, NULL);
}

static void
serve_embedded(struct rest_request *rq, const char *path)
{
	const struct web_asset *a = web_assets_find(path);
	const char *type = web_assets_type(path);
	const char *known = rest_header(rq, "If-None-Match");
	const char *accepted = rest_header(rq, "Accept-Encoding");

	if (!a || !type) {
		not_found(rq);
		return;
	}
	/* Asked after each time, and sent again only when it was changed: a new version of the program has all of
	 * its page at once. */
	rest_add_header(rq, "Cache-Control", "no-cache");
	rest_add_header(rq, "ETag", a->etag);
	rest_add_header(rq, "Vary", "Accept-Encoding");
	if (known && strstr(known, a->etag)) {
		rest_reply(rq, 304, NULL, NULL);
	} else if (accepted && strstr(accepted, "gzip") && a->gzip_size < a->size) {
		rest_add_header(rq, "Content-Encoding", "gzip");
		rest_reply_static(rq, 200, type, a->gzip, a->gzip_size);
	} else {
		rest_reply_static(rq, 200, type, a->data, a->size);
	}
}

static void
serve_from(struct rest_request *rq, const char *folder, const char *path)
{
	const char *type = web_assets_type(path);
	int root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1;
	struct stat st;

	if (root >= 0 && type)
		fd = beneath_open(root, path);
	if (root >= 0)
		close(root);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		if (fd >= 0)
			close(fd);
		not_found(rq);
		return;
	}
	rest_reply_file(rq, fd, st.st_size, type);
}

static void
serve(struct orch *o, struct rest_request *rq, const char *path)
{
	if (o->config->web.assets)
		serve_from(rq, o->config->web.assets, path);
	else
		serve_embedded(rq, path);
}

void
web_assets_index(void *arg, struct rest_request *rq)
{
	serve(arg, rq, "index.html");
}

void
web_assets_get(void *arg, struct rest_request *rq)
{
	const char *a = rest_param(rq, "a"), *b = rest_param(rq, "b"),
		   *c = rest_param(rq, "c");
	char path[256];

	if (str_format(path, sizeof(path), "%s%s%s%s%s", a, b ? "/" : "", b ? b : "",
		c ? "/" : "", c ? c : "") < 0)
		not_found(rq);
	else
		serve(arg, rq, path);
}
