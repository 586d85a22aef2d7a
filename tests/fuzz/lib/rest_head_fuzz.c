/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A head of a request, and what is read out of its fields. */
#include "lib/rest_head.h"

#include <assert.h>
#include <event2/http.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_fields(const struct rest_head *h)
{
	static const char *const names[] = {"netboot.example.org"};
	const char *bearer =
	    rest_head_bearer(evhttp_find_header(&h->fields, "Authorization"));
	char cookie[64];

	(void)rest_head_host_ok(evhttp_find_header(&h->fields, "Host"), names, 1);
	assert(bearer == NULL || bearer[0] != '\0');
	if (rest_head_cookie(evhttp_find_header(&h->fields, "Cookie"), "netboot", cookie,
		sizeof(cookie)))
		assert(strchr(cookie, ';') == NULL && strlen(cookie) < sizeof(cookie));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Of its own length: one octet too far is seen. */
	char *text = str_alloc(size > 0 ? size : 1);
	struct rest_head h;
	size_t len;

	if (size > 0)
		memcpy(text, data, size);
	len = rest_head_length(text, size);
	assert(len <= size);
	if (len > 0) {
		char *head = str_alloc(len);
		memcpy(head, text, len);
		if (rest_head_parse(head, len, &h) == 0) {
			assert(h.target != NULL && h.target[0] == '/');
			assert(h.method[0] != '\0' && h.body_len >= 0);
			read_fields(&h);
		}
		rest_head_done(&h);
		free(head);
	}
	free(text);
	return 0;
}
