/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Server-sent events: the parsing model of the HTML standard, 9.2.6, for the fields used
 * here.
 *
 * Entry points: sse_feed() with whatever octets came. Ownership: the struct owns its
 * buffers until sse_done(). Failure modes: -EMSGSIZE; unknown fields and comments are
 * ignored, an event cut off by the end of the stream is dropped, since it will be sent
 * again after its predecessor's id.
 */
#include "ctl/sse.h"

#include <errno.h>
#include <string.h>

#include "lib/str.h"

static const char *
field_value(const char *line, const char *name)
{
	size_t n = strlen(name);

	if (strncmp(line, name, n) != 0 || line[n] != ':')
		return NULL;
	line += n + 1;
	/* "If value starts with a U+0020 SPACE character, remove it from value." */
	return *line == ' ' ? line + 1 : line;
}

static void
on_line(struct sse *s, sse_on_event *on_event, void *arg)
{
	const char *line = text_str(&s->line), *v;

	if (line[0] == '\0') {
		/* "If the data buffer is an empty string, set the data buffer … and
		 * return." */
		if (s->pending_id[0] != '\0')
			str_clip(s->id, sizeof(s->id), s->pending_id);
		if (s->data.len > 0)
			on_event(arg, text_str(&s->data));
		text_clear(&s->data);
	} else if ((v = field_value(line, "data")) != NULL) {
		if (s->data.len > 0)
			text_add(&s->data, "\n");
		text_add(&s->data, v);
	} else if ((v = field_value(line, "id")) != NULL) {
		str_clip(s->pending_id, sizeof(s->pending_id), v);
	}
}

int
sse_feed(struct sse *s, const char *bytes, size_t len, sse_on_event *on_event, void *arg)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '\r' || bytes[i] == '\0')
			continue;
		if (bytes[i] == '\n') {
			on_line(s, on_event, arg);
			text_clear(&s->line);
			continue;
		}
		if (s->line.len + s->data.len >= SSE_EVENT_MAX)
			return -EMSGSIZE;
		text_add_bytes(&s->line, &bytes[i], 1);
	}
	return 0;
}

void
sse_restart(struct sse *s)
{
	text_clear(&s->line);
	text_clear(&s->data);
	s->pending_id[0] = '\0';
}

void
sse_done(struct sse *s)
{
	text_done(&s->line);
	text_done(&s->data);
}
