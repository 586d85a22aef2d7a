/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files of the page (orchestrator/web), embedded at build, or read from a folder for who works on them. */
#ifndef ORCHESTRATOR_WEB_ASSETS_H
#define ORCHESTRATOR_WEB_ASSETS_H

#include <stddef.h>

#include "lib/rest_server.h"

struct web_asset {
	const char *path; /* "index.html", "vendor/uplot.js" */
	const char *etag; /* with its quotes */
	const unsigned char *data;
	size_t size;
	const unsigned char *gzip;
	size_t gzip_size;
};

extern const struct web_asset web_asset_table[]; /* by path */
extern const size_t web_asset_count;

/* NULL: there is no such file. */
const struct web_asset *
web_assets_find(const char *path);
/* What a file is by the end of its name; NULL for what the page has no use for. */
const char *
web_assets_type(const char *path);
/* GET / and GET /assets/…; arg is struct orch. */
rest_handler web_assets_index, web_assets_get;

#endif
