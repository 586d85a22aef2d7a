/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any octets as a request: what is understood is within bounds and safe to open, an answer can be
 * planned and written for it, and the same octets in two pieces mean the same. */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "boot-services/http_body.h"
#include "boot-services/http_msg.h"
#include "boot-services/http_server.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_path(const char *path)
{
	assert(path[0] == '/');
	assert(strstr(path, "//") == NULL && strstr(path, "/./") == NULL);
	assert(strstr(path, "/../") == NULL && strchr(path, '\\') == NULL);
	assert(strlen(path) < 3 || strcmp(path + strlen(path) - 3, "/..") != 0);
	for (const char *p = path; *p != '\0'; p++)
		assert((unsigned char)*p >= 0x20 && *p != 0x7f);
}

static void
answer(const struct http_request *req)
{
	const struct http_server_facts f = {
	    .name = req->path, .size = 5000, .modified = 784111777, .etag = "\"1-2-3\""};
	struct http_server_plan plan;
	char out[HTTP_ANSWER_MAX];
	struct wbuf w = wbuf_init(out, sizeof out);

	http_server_plan(req, &f, &plan);
	assert(plan.from >= 0 && plan.length >= 0 && plan.from + plan.length <= f.size);
	http_server_head(&w, req, &f, &plan, 784111777);
	assert(wbuf_ok(&w));
	w = wbuf_init(out, sizeof out);
	http_server_short(&w, req, HTTP_NOT_FOUND, "not found", true, 784111777);
	assert(wbuf_ok(&w));
}

/* At once and octet by octet. */
static void
read_body(const struct http_request *req, const char *data, size_t size)
{
	static char note[HTTP_BODY_MAX], again[HTTP_BODY_MAX];
	struct http_body b, slow;
	size_t len = 0, used = 0, slow_len = 0, slow_used = 0, one = 1;
	int err, slow_err = 0;

	http_body_init(&b, req->chunked, req->content_length);
	slow = b;
	err = http_body_feed(&b, data, size, note, sizeof note, &len, &used);
	for (; slow_err == 0 && one == 1 && slow_used < size; slow_used += one) {
		one = 0;
		slow_err = http_body_feed(
		    &slow, data + slow_used, 1, again, sizeof again, &slow_len, &one);
	}
	assert(err == slow_err);
	if (err != 0)
		return;
	assert(used <= size && len <= used);
	assert(used == slow_used && len == slow_len && b.state == slow.state);
	assert(memcmp(note, again, len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct http_request req, part;
	enum http_status status = 0;
	const char *why = NULL;
	size_t used = 0, none = 0;
	int err;

	memcpy(text, data, size);
	err = http_msg_parse(text, size, &req, &used, &status, &why);
	if (err == 0) {
		assert(used > 0 && used <= size);
		check_path(req.path);
		assert(http_msg_parse(text, used - 1, &part, &none, &status, &why) ==
		       -EAGAIN);
		answer(&req);
		read_body(&req, text + used, size - used);
	} else {
		assert(err == -EAGAIN || (status >= 400 && why != NULL));
	}
	free(text);
	return 0;
}
