/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a site's agent is handed for the time when the orchestrator cannot be reached: its hosts' BMCs and locks, and the
 * images that may be ordered there (docs/protocol.md, "What a site may order by itself"). JSON <-> struct. */
#ifndef LIB_LOCAL_MSG_H
#define LIB_LOCAL_MSG_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/bundle.h"
#include "lib/error.h"

enum {
	LOCAL_MSG_PAGE_MAX = 1000,
	LOCAL_MSG_HOSTS_MAX = 20000,
	LOCAL_MSG_IMAGES_MAX = 200
};

struct local_msg_host {
	char name[BUNDLE_NAME_SIZE];
	char image[BUNDLE_NAME_SIZE]; /* its default, or "" */
	struct bundle_bmc bmc;	      /* address "": it has none */
	int64_t locked_at;	      /* 0: not locked */
	char locked_by[64], locked_reason[BUNDLE_REASON_SIZE];
	/* Why its BMC cannot be handed: its secrets do not open, or are being changed. "": they are here. */
	char withheld[ERROR_CODE_SIZE];
};

/* A page as it came: lists are borrowed from the document. */
struct local_msg_page {
	int64_t version;   /* of the site's table: all pages of a list have the same */
	const char *after; /* the last host, when there are more; "" at the end */
	const json_t *hosts, *images; /* images: of the first page; NULL: none */
};

/* With the BMC's secrets in clear, when they are in it. */
json_t *
local_msg_host_to_json(const struct local_msg_host *h);
/* 0, or -EINVAL with *err; the caller runs local_msg_host_done(). */
int
local_msg_host_from_json(
    const json_t *v, struct local_msg_host *ret, struct error *err) MUST_CHECK;
void
local_msg_host_done(struct local_msg_host *h); /* wipes */
int
local_msg_page_from_json(
    const json_t *v, struct local_msg_page *ret, struct error *err) MUST_CHECK;
/* May an image of that kind be ordered at a site? One that erases a disk may not. */
bool
local_msg_image_fits(const char *kind);

#endif
