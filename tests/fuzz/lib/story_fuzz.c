/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stories: whatever events come in whatever order, one a line, a story and its verdict stay within their bounds. */
#include "lib/story.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "lib/str.h"
#include "lib/usual.h"
#include "lib/verdict.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct story *s, int64_t now)
{
	const struct verdict_usual usual = {
	    .n = s->events % 2 != 0 ? 12 : 0, .median = 1};
	const struct verdict_look look = {s, &usual, now};
	struct verdict v;

	if (verdict_judge(&look, &v)) {
		assert(v.is.code[0] != '\0');
		assert(v.n_also <= VERDICT_ALSO_MAX);
		assert(!str_eq(s->end, "done"));
	}
	verdict_provisional(&look, &v);
	assert(v.row != NULL && v.is.text[0] != '\0');
	for (int i = 0; i < STORY_FACTS; i++)
		assert((s->fact[i].n == 0) == (s->fact[i].kind[0] == '\0'));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct story_host host = {
	    .name = "edge01", .uuid = "00010203-0405-0607-0809-0a0b0c0d0e0f"};
	struct story *s = str_alloc(sizeof(*s));
	int64_t seq = 0;

	story_init(s, &host);
	while (size > 0) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t n = end != NULL ? (size_t)(end - data) : size;
		json_t *v = json_parse((const char *)data, n, NULL);
		struct event ev;

		if (v != NULL && event_from_json(v, &ev, NULL) == 0) {
			story_take(s, ++seq, &ev);
			event_done(&ev);
		}
		json_decref(v);
		n += end != NULL;
		data += n;
		size -= n;
	}
	check(s, s->last);
	check(s, INT64_MAX / 2);
	free(s);
	return 0;
}
