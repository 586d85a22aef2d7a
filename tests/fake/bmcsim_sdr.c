/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sensors of the simulated BMC and the repository that describes them (IPMI 2.0 chapters 33,
 * 35, 43). The table is the same for all; a reading set from outside stands instead of its
 * usual one. Fans and power read as unavailable while the machine is off. */
#include <string.h>

#include "lib/compiler.h"
#include "tests/fake/bmcsim_priv.h"

enum {
	STORAGE = 0x0A,
	SENSOR = 0x04,
	ABSENT = 0xCB,
	NO_RESERVATION = 0xC5,
	TOO_MUCH = 0xCA
};
enum { LAST = 0xFFFF, HEAD = 5, RECORD_MAX = 64, READ_MAX = 64, WHOLE = 0xFF };
enum { BORN = 1767225600 }; /* 2026-01-01 */
enum { THRESHOLD = 0x01, SENSOR_SPECIFIC = 0x6F };
enum { CELSIUS = 1, VOLTS = 4, WATTS = 6, RPM = 18 };

/* Thresholds in the order of Get Sensor Thresholds: lower non-critical, critical,
 * non-recoverable, upper the same; 0: none. Value = raw * m * 10^exp. */
static const struct sensor {
	const char *name;
	uint8_t entity, type, kind, unit, m;
	int8_t exp;
	uint8_t usual;
	bool needs_power;
	uint8_t limits[6];
} sensors[BMCSIM_SENSORS] = {
    {"CPU Temp", 0x03, 0x01, THRESHOLD, CELSIUS, 1, 0, 45, false, {0, 0, 0, 80, 90, 95}},
    {"Inlet Temp", 0x40, 0x01, THRESHOLD, CELSIUS, 1, 0, 23, false,
	{5, 2, 0, 38, 42, 45}},
    {"Fan1", 0x1D, 0x04, THRESHOLD, RPM, 100, 0, 54, true, {15, 10, 5, 0, 0, 0}},
    {"P12V", 0x14, 0x02, THRESHOLD, VOLTS, 6, -2, 201, true,
	{190, 185, 180, 212, 217, 222}},
    {"PSU1 Power", 0x0A, 0x0B, THRESHOLD, WATTS, 4, 0, 45, true, {0, 0, 0, 180, 200, 0}},
    {"PSU1 Status", 0x0A, 0x08, SENSOR_SPECIFIC, 0, 0, 0, 1, false, {0}}, /* presence */
};

static uint8_t
limits_mask(const struct sensor *s)
{
	uint8_t mask = 0;

	for (unsigned i = 0; i < 6; i++)
		if (s->limits[i] != 0)
			mask |= (uint8_t)(1U << i);
	return mask;
}

/* 43.1: what is known of the kind of sensor. */
static void
put_kind(struct wbuf *w, const struct sensor *s)
{
	uint8_t mask = limits_mask(s);
	bool analog = s->kind == THRESHOLD;

	wbuf_bytes(w, (const uint8_t[]){s->entity, 1, 0x7F, analog ? 0x68 : 0x40}, 4);
	wbuf_u8(w, s->type);
	wbuf_u8(w, s->kind);
	wbuf_u16le(w, analog ? (uint16_t)((mask & 7) << 12) : 0x01); /* assertions */
	wbuf_u16le(w, analog ? 0 : 0x01);
	wbuf_u16le(w, analog ? mask : 0x01); /* readable */
	wbuf_u8(w, analog ? 0 : 0xC0);	     /* unsigned, or no analog reading */
	wbuf_u8(w, s->unit);
	wbuf_u8(w, 0);
	wbuf_u8(w, 0); /* linear */
	wbuf_u8(w, s->m);
	wbuf_zero(w, 4);
	wbuf_u8(w, (uint8_t)((s->exp & 0x0F) << 4));
	wbuf_u8(w, analog ? 1 : 0); /* a nominal reading follows */
	wbuf_bytes(w, (const uint8_t[]){s->usual, 0, 0, 255, 0}, 5);
}

/* The record of sensor i; its length. */
static size_t
record(unsigned i, uint8_t out[RECORD_MAX])
{
	const struct sensor *s = &sensors[i];
	struct wbuf w = wbuf_init(out, RECORD_MAX);

	wbuf_u16le(&w, (uint16_t)(i + 1));
	wbuf_bytes(&w, (const uint8_t[]){0x51, 0x01, 0, 0x20, 0, (uint8_t)(i + 1)}, 6);
	put_kind(&w, s);
	/* upper, then lower, each from non-recoverable down */
	for (unsigned k = 0; k < 6; k++)
		wbuf_u8(&w, s->limits[5 - k]);
	wbuf_zero(&w, 5); /* hysteresis, OEM */
	wbuf_u8(&w, (uint8_t)(0xC0 | strlen(s->name)));
	wbuf_str(&w, s->name);
	wbuf_patch_u8(&w, 4, (uint8_t)(w.len - HEAD));
	return w.len;
}

static void
repository_info(struct bmcsim_call *c)
{
	bmcsim_call_put(c, (const uint8_t[]){0x51}, 1);
	bmcsim_call_put_u16le(c, BMCSIM_SENSORS);
	bmcsim_call_put_u16le(c, 0);
	bmcsim_call_put_u32le(c, BORN);
	bmcsim_call_put_u32le(c, BORN);
	bmcsim_call_put(c, (const uint8_t[]){0x02}, 1); /* Reserve is there */
}

static void
reserve(struct bmcsim_call *c)
{
	if (++c->b->sdr_reservation == 0)
		c->b->sdr_reservation = 1;
	bmcsim_call_put_u16le(c, c->b->sdr_reservation);
}

static void
get_record(struct bmcsim_call *c)
{
	struct rbuf r = rbuf_init(c->data, c->len);
	uint16_t reservation = rbuf_u16le(&r), id = rbuf_u16le(&r);
	uint8_t offset = rbuf_u8(&r), count = rbuf_u8(&r), all[RECORD_MAX];
	size_t len, n;

	if (id == LAST)
		id = BMCSIM_SENSORS;
	if (id == 0)
		id = 1;
	if (id > BMCSIM_SENSORS) {
		c->code = ABSENT;
		return;
	}
	if (reservation == 0 ? offset != 0 : reservation != c->b->sdr_reservation) {
		c->code = NO_RESERVATION;
		return;
	}
	len = record(id - 1U, all);
	n = offset >= len ? 0 : len - offset;
	if (count != WHOLE && count < n)
		n = count;
	if (n == 0 || n > READ_MAX) {
		c->code = n == 0 ? 0xC9 : TOO_MUCH;
		return;
	}
	bmcsim_call_put_u16le(c, id < BMCSIM_SENSORS ? id + 1U : LAST);
	bmcsim_call_put(c, all + offset, n);
}

static const struct sensor *
sensor_at(struct bmcsim_call *c)
{
	unsigned number = c->data[0];

	if (number >= 1 && number <= BMCSIM_SENSORS)
		return &sensors[number - 1];
	c->code = ABSENT;
	return NULL;
}

/* 35.14: bits of the thresholds that the reading has reached. */
static uint8_t
passed(const struct sensor *s, uint8_t raw)
{
	uint8_t bits = 0;

	for (unsigned i = 0; i < 6; i++) {
		bool reached = i < 3 ? raw <= s->limits[i] : raw >= s->limits[i];

		if (s->limits[i] != 0 && reached)
			bits |= (uint8_t)(1U << i);
	}
	return bits;
}

static void
get_reading(struct bmcsim_call *c)
{
	const struct sensor *s = sensor_at(c);
	uint8_t raw;
	bool off;

	if (s == NULL)
		return;
	raw = c->b->readings[s - sensors] != 0 ? c->b->readings[s - sensors] : s->usual;
	off = s->needs_power && !c->b->power;
	if (s->kind == THRESHOLD)
		bmcsim_call_put(c,
		    (const uint8_t[]){off ? 0 : raw, off ? 0xE0 : 0xC0,
			(uint8_t)(0xC0 | (off ? 0 : passed(s, raw)))},
		    3);
	else
		bmcsim_call_put(c, (const uint8_t[]){0, 0xC0, raw, 0x80}, 4);
}

static void
get_thresholds(struct bmcsim_call *c)
{
	const struct sensor *s = sensor_at(c);
	uint8_t mask;

	if (s == NULL)
		return;
	mask = limits_mask(s);
	bmcsim_call_put(c, &mask, 1);
	bmcsim_call_put(c, s->limits, sizeof s->limits);
}

const struct bmcsim_command bmcsim_sdr_table[] = {
    {STORAGE, 0x20, BMCSIM_USER, 0, repository_info},
    {STORAGE, 0x22, BMCSIM_USER, 0, reserve},
    {STORAGE, 0x23, BMCSIM_USER, 6, get_record},
    {SENSOR, 0x27, BMCSIM_USER, 1, get_thresholds},
    {SENSOR, 0x2D, BMCSIM_USER, 1, get_reading},
    {0, 0, 0, 0, NULL},
};
