/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON to YAML: what `export` prints and `show` shows.
 *
 * Entry point: yaml_emit_text(). Ownership: the text is the caller's.
 * Failure modes: none; libyaml's emitter writes into memory. Texts that another YAML
 * reader would take for a number, a time or a boolean (52:54:00:77:00:01 is a base-60
 * number to YAML 1.1) are quoted, so that the file means the same everywhere. Where UTF-8 cannot
 * be shown, or a text holds what is not printable (lib/printable.h), the emitter writes all but
 * ASCII as escapes that every YAML reader turns back.
 */
#include "ctl/yaml_emit.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "ctl/text.h"
#include "lib/compiler.h"
#include "lib/printable.h"

static int
on_write(void *arg, unsigned char *buffer, size_t size)
{
	text_add_bytes(arg, buffer, size);
	return 1;
}

static bool
needs_quotes(const char *s)
{
	static const char *const words[] = {
	    "", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasecmp(s, words[i]) == 0)
			return true;
	if (strchr("0123456789+-.", s[0]) == NULL ||
	    strspn(s, "0123456789abcdefABCDEFxo+-._:") != strlen(s))
		return false;
	/* Two dots: an IPv4 address, which no reader takes for a number. */
	return strpbrk(s, "0123456789.") != NULL && strchr(s, '.') == strrchr(s, '.');
}

static void
emit_scalar(yaml_emitter_t *em, const char *s, bool quoted)
{
	yaml_event_t ev;
	yaml_scalar_style_t style =
	    quoted ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_PLAIN_SCALAR_STYLE;

	yaml_scalar_event_initialize(
	    &ev, NULL, NULL, (const yaml_char_t *)s, (int)strlen(s), 1, 1, style);
	yaml_emitter_emit(em, &ev);
}

static bool
is_nothing(const json_t *v)
{
	return json_is_null(v) || (json_is_array(v) && json_array_size(v) == 0) ||
	       (json_is_object(v) && json_object_size(v) == 0);
}

static void
emit_leaf(yaml_emitter_t *em, const json_t *v)
{
	char number[48];

	if (json_is_string(v)) {
		emit_scalar(em, json_string_value(v), needs_quotes(json_string_value(v)));
		return;
	}
	if (json_is_integer(v))
		snprintf(
		    number, sizeof(number), "%" PRIi64, (int64_t)json_integer_value(v));
	else if (json_is_real(v))
		snprintf(number, sizeof(number), "%.17g", json_real_value(v));
	else if (json_is_boolean(v))
		snprintf(
		    number, sizeof(number), "%s", json_is_true(v) ? "true" : "false");
	else
		snprintf(number, sizeof(number), "null");
	emit_scalar(em, number, false);
}

/* Depth is that of the server's documents (jansson caps it at 2048 when parsing). */
static void
emit_value(yaml_emitter_t *em, const json_t *v)
{
	yaml_event_t ev;
	const char *key;
	json_t *item;
	size_t i;

	if (json_is_object(v)) {
		yaml_mapping_start_event_initialize(
		    &ev, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE);
		yaml_emitter_emit(em, &ev);
		json_object_foreach ((json_t *)(uintptr_t)v, key, item) {
			if (is_nothing(item))
				continue;
			emit_scalar(em, key, needs_quotes(key));
			emit_value(em, item);
		}
		yaml_mapping_end_event_initialize(&ev);
		yaml_emitter_emit(em, &ev);
	} else if (json_is_array(v)) {
		yaml_sequence_start_event_initialize(
		    &ev, NULL, NULL, 1, YAML_BLOCK_SEQUENCE_STYLE);
		yaml_emitter_emit(em, &ev);
		json_array_foreach (v, i, item)
			emit_value(em, item);
		yaml_sequence_end_event_initialize(&ev);
		yaml_emitter_emit(em, &ev);
	} else {
		emit_leaf(em, v);
	}
}

/* Would all of the text be seen where it is printed? Control characters are not asked about:
 * the emitter escapes them itself. */
static bool
is_seen(const char *s)
{
	size_t left = strlen(s), n;

	for (; left > 0; s += n, left -= n) {
		n = printable_char(s, left);
		if (n == 0 && (unsigned char)*s >= 0x80)
			return false;
		n = n > 0 ? n : 1;
	}
	return true;
}

static bool
all_seen(const json_t *v)
{
	const char *key;
	json_t *item;
	size_t i;

	if (json_is_string(v))
		return is_seen(json_string_value(v));
	json_object_foreach ((json_t *)(uintptr_t)v, key, item)
		if (!is_seen(key) || !all_seen(item))
			return false;
	json_array_foreach (v, i, item)
		if (!all_seen(item))
			return false;
	return true;
}

char *
yaml_emit_text(const json_t *doc)
{
	struct text out = {0};
	yaml_emitter_t em;
	yaml_event_t ev;

	yaml_emitter_initialize(&em);
	yaml_emitter_set_output(&em, on_write, &out);
	yaml_emitter_set_unicode(&em, text_utf8() && all_seen(doc));
	yaml_emitter_set_width(&em, -1);
	yaml_stream_start_event_initialize(&ev, YAML_UTF8_ENCODING);
	yaml_emitter_emit(&em, &ev);
	yaml_document_start_event_initialize(&ev, NULL, NULL, NULL, 1);
	yaml_emitter_emit(&em, &ev);
	emit_value(&em, doc);
	yaml_document_end_event_initialize(&ev, 1);
	yaml_emitter_emit(&em, &ev);
	yaml_stream_end_event_initialize(&ev);
	yaml_emitter_emit(&em, &ev);
	yaml_emitter_delete(&em);
	return text_take(&out);
}
