/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sensors: the records of the SDR repository (IPMI 2.0 33, 43) and a reading of each (35.14).
 *
 *   RESERVE → HEAD ──► BODY … ──► READING ──► HEAD of the next, to the last
 *               └─ not a sensor of this BMC: HEAD of the next
 *
 * Records are read in small pieces, which every BMC can return; a reservation that was lost begins the
 * record anew. Values are FreeIPMI's arithmetic.
 *
 * Entry points: bmc_ask_sensors_next(), bmc_ask_sensors_take(). Failure modes: a repository whose
 * records lead in a circle is malformed; a sensor that cannot be read is told as such.
 */
#include <freeipmi/spec/ipmi-sensor-units-spec.h>
#include <freeipmi/util/ipmi-sensor-and-event-code-tables-util.h>
#include <freeipmi/util/ipmi-sensor-util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/bmc_ask.h"
#include "lib/buf.h"
#include "lib/compiler.h"
#include "lib/json.h"
#include "lib/str.h"

enum {
	LAST = 0xFFFF,
	HEAD = 5, /* octets of a record before its body */
	CHUNK = 16,
	CHUNK_MIN = 8,
	LOST_MAX = 20,
	FULL = 0x01, /* 43.1 */
	COMPACT = 0x02,
	AT_OWNER = 5, /* places within a record */
	AT_LUN = 6,
	AT_NUMBER = 7,
	AT_TYPE = 12,
	AT_KIND = 13,
	AT_UNITS = 20,
	AT_UNIT = 21,
	AT_LINEAR = 23,
	AT_NAME_FULL = 47,
	AT_NAME_COMPACT = 31,
	THRESHOLD = 0x01,
	SPECIFIC = 0x6F,
	NO_ANALOG = 3,	    /* format of the reading */
	UNAVAILABLE = 0x20, /* of the second octet of a reading */
	SCANNED = 0x40,
	TEXT_8BIT = 0xC0,
};

enum step { RESERVE, HEADER, BODY, READING, END };

static void
begin_record(struct bmc_ask *a)
{
	a->have = 0;
	a->len = HEAD;
	a->step = HEADER;
}

static enum bmc_ask_next
get_sdr(struct bmc_ask *a, struct bmc_cmd *cmd)
{
	size_t n = (size_t)(a->len - a->have);
	struct wbuf w;

	if (a->chunk == 0)
		a->chunk = CHUNK;
	*cmd = (struct bmc_cmd){
	    .netfn = BMC_NETFN_STORAGE, .cmd = BMC_CMD_GET_SDR, .len = 6};
	w = wbuf_init(cmd->data, sizeof(cmd->data));
	wbuf_u16le(&w, a->reservation);
	wbuf_u16le(&w, a->next);
	wbuf_u8(&w, a->have);
	wbuf_u8(&w, n < a->chunk ? (uint8_t)n : a->chunk);
	return BMC_ASK_RUN;
}

enum bmc_ask_next
bmc_ask_sensors_next(struct bmc_ask *a, struct bmc_cmd *ret)
{
	switch ((enum step)a->step) {
	case RESERVE:
		*ret = (struct bmc_cmd){
		    .netfn = BMC_NETFN_STORAGE, .cmd = BMC_CMD_RESERVE_SDR};
		return BMC_ASK_RUN;
	case HEADER:
	case BODY: return get_sdr(a, ret);
	case READING:
		*ret = (struct bmc_cmd){.netfn = BMC_NETFN_SENSOR,
		    .cmd = BMC_CMD_GET_SENSOR_READING,
		    .data = {a->record[AT_NUMBER]},
		    .len = 1};
		return BMC_ASK_RUN;
	case END: break;
	}
	return BMC_ASK_DONE;
}

/* ---- the words ---- */

static bool
is_full(const struct bmc_ask *a)
{
	return a->record[3] == FULL;
}

static void
put_name(const struct bmc_ask *a, json_t *v)
{
	unsigned at = is_full(a) ? AT_NAME_FULL : AT_NAME_COMPACT, n;
	char name[40], text[4 * sizeof(name)];

	snprintf(name, sizeof(name), "sensor %u", a->record[AT_NUMBER]);
	/* The other encodings (BCD, 6-bit, unicode) are not met; their octets would mislead. */
	if (at < a->len && (a->record[at] & 0xC0) == TEXT_8BIT) {
		n = a->record[at] & 0x1F;
		if (n > a->len - at - 1)
			n = a->len - at - 1;
		if (n > 0) {
			memcpy(name, a->record + at + 1, n);
			name[n] = '\0';
		}
	}
	json_put_str(v, "name", str_escape(text, sizeof(text), name, strlen(name)));
}

static int
signed_of(unsigned v, unsigned bits)
{
	return v >> (bits - 1) != 0 ? (int)v - (1 << bits) : (int)v;
}

/* 36.3: y = L((M x + B 10^K1) 10^K2) */
static void
put_value(const struct bmc_ask *a, uint8_t raw, json_t *v)
{
	const uint8_t *r = a->record;
	uint8_t format = r[AT_UNITS] >> 6, unit = r[AT_UNIT];
	double value = 0;
	char text[64];
	int16_t m = (int16_t)signed_of(r[24] | (r[25] & 0xC0U) << 2, 10);
	int16_t b = (int16_t)signed_of(r[26] | (r[27] & 0xC0U) << 2, 10);

	if (!is_full(a) || format == NO_ANALOG || r[AT_KIND] != THRESHOLD ||
	    ipmi_sensor_decode_value((int8_t)signed_of(r[29] >> 4, 4),
		(int8_t)signed_of(r[29] & 0x0F, 4), m, b, r[AT_LINEAR] & 0x7F, format,
		raw, &value) < 0 ||
	    !(value > -1e12 && value < 1e12))
		return;
	snprintf(text, sizeof(text), "%.3f", value);
	json_object_set_new(v, "value", json_real(strtod(text, NULL)));
	if (unit > 0 && unit <= 92) /* table 43-15 */
		json_put_str(v, "unit", ipmi_sensor_units[unit]);
	if (r[AT_UNITS] & 1)
		json_put_str(v, "unit", "%");
}

/* The worst of the thresholds that were reached. */
static const char *
threshold_status(uint8_t bits)
{
	if (bits & 0x24)
		return "non-recoverable";
	if (bits & 0x12)
		return "critical";
	return bits & 0x09 ? "non-critical" : "ok";
}

static void
put_states(const struct bmc_ask *a, unsigned bits, json_t *v)
{
	json_t *states = json_array();
	char text[128];

	for (unsigned i = 0; i < 15; i++) {
		int n;

		if ((bits & 1U << i) == 0)
			continue;
		n = a->record[AT_KIND] == SPECIFIC
			? ipmi_get_sensor_type_message(
			      a->record[AT_TYPE], i, text, sizeof(text))
			: ipmi_get_generic_event_message(
			      a->record[AT_KIND], i, text, sizeof(text));
		if (n <= 0)
			snprintf(text, sizeof(text), "state %u", i);
		json_array_append_new(states, json_string(text));
	}
	json_put(v, "states", states);
}

static json_t *
sensor_json(const struct bmc_ask *a, const struct bmc_reply *rs)
{
	const char *type = ipmi_get_sensor_type_string(a->record[AT_TYPE]);
	json_t *v = json_object();
	uint8_t state = rs->len >= 3 ? rs->data[2] : 0;
	uint8_t more = rs->len >= 4 ? rs->data[3] : 0;

	put_name(a, v);
	json_put_i64(v, "number", a->record[AT_NUMBER]);
	json_put_str(v, "type", type != NULL ? type : "OEM");
	if (rs->code != BMC_COMPLETION_OK || rs->len < 2) {
		json_put_str(v, "status",
		    rs->code == BMC_COMPLETION_ABSENT ? "absent" : "refused");
	} else if ((rs->data[1] & UNAVAILABLE) != 0 || (rs->data[1] & SCANNED) == 0) {
		json_put_str(v, "status", "unavailable");
	} else if (a->record[AT_KIND] == THRESHOLD) {
		put_value(a, rs->data[0], v);
		json_put_str(v, "status", threshold_status(state));
	} else {
		put_states(a, state | (more & 0x7FU) << 8, v);
		json_put_str(v, "status", "ok");
	}
	return v;
}

/* ---- answers ---- */

static void
next_record(struct bmc_ask *a)
{
	a->next = a->at;
	if (a->next == LAST)
		a->step = END;
	else
		begin_record(a);
}

/* The record is there: is it a sensor of this BMC that can be asked for? */
static void
record_read(struct bmc_ask *a)
{
	unsigned least = is_full(a) ? AT_NAME_FULL : AT_NAME_COMPACT;

	if ((a->record[3] != FULL && a->record[3] != COMPACT) || a->len < least) {
		next_record(a);
	} else if (a->record[AT_OWNER] != BMC_PROTO_BMC_ADDR ||
		   (a->record[AT_LUN] & 3) != 0) {
		a->skipped++;
		next_record(a);
	} else {
		a->step = READING;
	}
}

static bool
piece_lost(struct bmc_ask *a, const struct bmc_reply *rs)
{
	if (rs->code == BMC_COMPLETION_RESERVATION && a->lost++ < LOST_MAX) {
		a->step = RESERVE;
		return true;
	}
	if (rs->code == BMC_COMPLETION_TOO_MUCH && a->chunk > CHUNK_MIN) {
		a->chunk = CHUNK_MIN;
		return true;
	}
	return false;
}

static void
take_piece(struct bmc_ask *a, const struct bmc_reply *rs)
{
	struct rbuf r = rbuf_init(rs->data, rs->len);
	uint16_t next = rbuf_u16le(&r);
	size_t n = rbuf_left(&r), want = (size_t)(a->len - a->have);

	if (piece_lost(a, rs))
		return;
	if (n > want)
		n = want;
	if (rs->code != BMC_COMPLETION_OK || !rbuf_ok(&r) || n == 0 || next == a->next) {
		(void)bmc_ask_failed(a, "Get SDR", rs->code);
		return;
	}
	a->at = next;
	rbuf_copy(&r, a->record + a->have, n);
	a->have = (uint8_t)(a->have + n);
	if (a->have < a->len)
		return;
	if (a->step == HEADER && (a->record[3] == FULL || a->record[3] == COMPACT) &&
	    a->record[4] > 0) {
		a->len = a->record[4] > BMC_ASK_RECORD_MAX - HEAD
			     ? BMC_ASK_RECORD_MAX
			     : (uint8_t)(HEAD + a->record[4]);
		a->step = BODY;
		return;
	}
	if (++a->count > BMC_ASK_SENSORS_MAX * 4)
		(void)bmc_ask_failed(a, "Get SDR", BMC_COMPLETION_OK);
	else
		record_read(a);
}

void
bmc_ask_sensors_take(struct bmc_ask *a, const struct bmc_reply *rs)
{
	struct rbuf r = rbuf_init(rs->data, rs->len);

	switch ((enum step)a->step) {
	case RESERVE:
		a->reservation = rbuf_u16le(&r);
		if (rs->code != BMC_COMPLETION_OK || !rbuf_ok(&r))
			(void)bmc_ask_failed(a, "Reserve SDR Repository", rs->code);
		begin_record(a);
		return;
	case HEADER:
	case BODY: take_piece(a, rs); return;
	case READING:
		if (json_array_size(a->rows) < BMC_ASK_SENSORS_MAX)
			json_array_append_new(a->rows, sensor_json(a, rs));
		next_record(a);
		return;
	case END: return;
	}
}
