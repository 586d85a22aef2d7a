/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One job or boot in full.
 *
 * Entry points: the record_*() functions, for `job show`, `history --stages` and `trace`.
 * Ownership: records are borrowed; "_zone" is put into their rows. Failure modes: none.
 */
#include "ctl/record.h"

#include <stdio.h>

#include "ctl/output.h"
#include "ctl/zone.h"
#include "lib/compiler.h"
#include "lib/str.h"

void
record_add_line(struct text *out, const char *title, const char *value)
{
	size_t from = out->len;

	if (value[0] == '\0')
		return;
	text_addf(out, "%s:", title);
	text_pad(out, from, 10, 1);
	text_add_escaped(out, value);
	text_add(out, "\n");
}

void
record_add_time(struct text *out, const char *title, const json_t *job, const char *key)
{
	int64_t wall = output_wall(json_object_get(job, key));
	char buf[ZONE_TEXT_SIZE];

	if (wall > 0)
		record_add_line(out, title,
		    zone_text(wall, json_string_value(json_object_get(job, "_zone")), buf,
			sizeof(buf)));
}

static void
cell_stage_took(const json_t *row, struct text *out)
{
	int64_t from = output_wall(json_object_get(row, "entered"));
	int64_t to = output_wall(json_object_get(row, "confirmed"));
	char buf[32];

	if (from > 0 && to >= from)
		text_add(out, str_duration(to - from, buf, sizeof(buf)));
}

static const struct output_column stage_columns[] = {
    {.title = "STAGE", .key = "stage"},
    {.title = "ATTEMPT", .key = "attempt"},
    {.title = "BEGUN", .key = "entered", .kind = OUTPUT_TIME},
    {.title = "TOOK", .cell = cell_stage_took},
    {.title = "STATE", .key = "state"},
    {.title = "DEADLINE", .key = "deadline_us", .kind = OUTPUT_DURATION, .wide = true},
    {.title = "EVIDENCE", .key = "evidence"},
};

/* Its stages and transfers are shown in its own zone. */
static void
spread_zone(const json_t *record, const char *list)
{
	json_t *zone = json_object_get(record, "_zone"), *row;
	size_t i;

	if (!json_is_string(zone))
		return;
	json_array_foreach (json_object_get(record, list), i, row)
		json_object_set(row, "_zone", zone);
}

void
record_print_stages(const struct ctl *ctl, const json_t *record)
{
	spread_zone(record, "stages");
	output_list(ctl, json_object_get(record, "stages"), stage_columns,
	    ARRAY_SIZE(stage_columns));
}

static const struct output_column transfer_columns[] = {
    {.title = "AT", .key = "at", .kind = OUTPUT_TIME},
    {.title = "KIND", .key = "kind"},
    {.title = "FILE", .key = "file"},
    {.title = "BYTES", .key = "bytes", .kind = OUTPUT_BYTES},
    {.title = "OF", .key = "total", .kind = OUTPUT_BYTES},
    {.title = "RATE/S", .key = "rate", .kind = OUTPUT_BYTES},
    {.title = "CLASS", .key = "class", .wide = true},
    {.title = "RESULT", .key = "result", .wide = true},
    {.title = "IP", .key = "ip", .wide = true},
    {.title = "REASON", .key = "reason"},
};

void
record_print_transfers(const struct ctl *ctl, const json_t *record)
{
	spread_zone(record, "transfers");
	if (json_array_size(json_object_get(record, "transfers")) > 0)
		output_list(ctl, json_object_get(record, "transfers"), transfer_columns,
		    ARRAY_SIZE(transfer_columns));
}
