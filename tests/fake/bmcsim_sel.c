/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The event log of the simulated BMC (IPMI 2.0 chapter 31). Power changes are logged; more
 * comes from the control socket and by Add SEL Entry. A full log takes nothing more and says
 * that it overflowed. Its clock is the BMC's time plus what Set SEL Time made of it. */
#include <string.h>

#include "lib/compiler.h"
#include "tests/fake/bmcsim_priv.h"

enum {
	STORAGE = 0x0A,
	BAD_FIELD = 0xCC,
	NO_RESERVATION = 0xC5,
	ABSENT = 0xCB,
	FULL = 0xC4
};
enum { FIRST = 0x0000, LAST = 0xFFFF, RECORD = 16, WHOLE = 0xFF, NO_ZONE = 0x07FF };
/* 2026-01-01, when nobody has set the clock */
enum { BORN = 1767225600 };

void
bmcsim_sel_init(struct bmcsim_bmc *b)
{
	b->sel.next_id = 1;
	b->sel.clock_offset = BORN;
}

static uint32_t
clock_of(const struct bmcsim_bmc *b, int64_t now)
{
	return (uint32_t)(now / USEC_PER_SEC + b->sel.clock_offset);
}

void
bmcsim_sel_add(struct bmcsim_bmc *b, int64_t now, const uint8_t record[16])
{
	struct bmcsim_sel *sel = &b->sel;
	struct wbuf w;
	uint8_t *e;

	if (sel->n == BMCSIM_SEL_MAX) {
		sel->overflow = true;
		return;
	}
	e = sel->entries[sel->n++];
	memcpy(e, record, RECORD);
	w = wbuf_init(e, RECORD);
	wbuf_u16le(&w, sel->next_id);
	sel->next_id = sel->next_id == LAST - 1 ? 1 : (uint16_t)(sel->next_id + 1);
	sel->added = clock_of(b, now);
	if (e[2] < 0xE0) { /* types from E0h on have no time */
		w = wbuf_init(e + 3, 4);
		wbuf_u32le(&w, sel->added);
	}
}

void
bmcsim_sel_clear(struct bmcsim_bmc *b, int64_t now)
{
	b->sel.n = 0;
	b->sel.overflow = false;
	b->counts.sel_clears++;
	b->sel.erased = clock_of(b, now);
}

/* 42.2, sensor type 22h: system ACPI power state, S0 or S5. */
void
bmcsim_sel_power(struct bmcsim_bmc *b, int64_t now, bool on)
{
	uint8_t record[RECORD] = {
	    0, 0, 2, 0, 0, 0, 0, 0x20, 0, 4, 0x22, 6, 0x6F, on ? 0x00 : 0x05, 0xFF, 0xFF};

	bmcsim_sel_add(b, now, record);
}

static void
info(struct bmcsim_call *c)
{
	const struct bmcsim_sel *sel = &c->b->sel;

	bmcsim_call_put(c, (const uint8_t[]){0x51}, 1);
	bmcsim_call_put_u16le(c, sel->n);
	bmcsim_call_put_u16le(c, (unsigned)(BMCSIM_SEL_MAX - sel->n) * RECORD);
	bmcsim_call_put_u32le(c, sel->added);
	bmcsim_call_put_u32le(c, sel->erased);
	bmcsim_call_put(c, (const uint8_t[]){sel->overflow ? 0x82 : 0x02}, 1);
}

static void
reserve(struct bmcsim_call *c)
{
	if (++c->b->sel.reservation == 0)
		c->b->sel.reservation = 1;
	bmcsim_call_put_u16le(c, c->b->sel.reservation);
}

/* 0 means none. */
static bool
reserved(struct bmcsim_call *c, uint16_t id, bool needed)
{
	if (id == 0 ? !needed : id == c->b->sel.reservation)
		return true;
	c->code = NO_RESERVATION;
	return false;
}

static uint16_t
id_of(const uint8_t *entry)
{
	struct rbuf r = rbuf_init(entry, 2);

	return rbuf_u16le(&r);
}

static int
find(const struct bmcsim_sel *sel, uint16_t id)
{
	if (id == FIRST)
		return sel->n > 0 ? 0 : -1;
	if (id == LAST)
		return sel->n - 1;
	for (int i = 0; i < sel->n; i++)
		if (id_of(sel->entries[i]) == id)
			return i;
	return -1;
}

static void
get_entry(struct bmcsim_call *c)
{
	const struct bmcsim_sel *sel = &c->b->sel;
	struct rbuf r = rbuf_init(c->data, c->len);
	uint16_t reservation = rbuf_u16le(&r), id = rbuf_u16le(&r);
	uint8_t offset = rbuf_u8(&r), count = rbuf_u8(&r);
	int i = find(sel, id);

	if (!reserved(c, reservation, offset != 0))
		return;
	if (i < 0 || offset >= RECORD) {
		c->code = i < 0 ? ABSENT : BAD_FIELD;
		return;
	}
	if (count == WHOLE || count > RECORD - offset)
		count = (uint8_t)(RECORD - offset);
	bmcsim_call_put_u16le(c, i + 1 < sel->n ? id_of(sel->entries[i + 1]) : LAST);
	bmcsim_call_put(c, sel->entries[i] + offset, count);
}

static void
add_entry(struct bmcsim_call *c)
{
	uint8_t before = c->b->sel.n;

	bmcsim_sel_add(c->b, c->now, c->data);
	if (c->b->sel.n == before)
		c->code = FULL;
	else
		bmcsim_call_put_u16le(c, id_of(c->b->sel.entries[before]));
}

/* 31.9: "CLR", then AAh to start or 00h to ask; done at once. */
static void
clear(struct bmcsim_call *c)
{
	struct rbuf r = rbuf_init(c->data, c->len);

	if (!reserved(c, rbuf_u16le(&r), true))
		return;
	if (memcmp(c->data + 2, "CLR", 3) != 0 ||
	    (c->data[5] != 0xAA && c->data[5] != 0)) {
		c->code = BAD_FIELD;
		return;
	}
	if (c->data[5] == 0xAA)
		bmcsim_sel_clear(c->b, c->now);
	bmcsim_call_put(c, (const uint8_t[]){1}, 1);
}

static void
get_time(struct bmcsim_call *c)
{
	bmcsim_call_put_u32le(c, clock_of(c->b, c->now));
}

static void
set_time(struct bmcsim_call *c)
{
	struct rbuf r = rbuf_init(c->data, c->len);

	c->b->sel.clock_offset = (int64_t)rbuf_u32le(&r) - c->now / USEC_PER_SEC;
}

static void
time_zone(struct bmcsim_call *c)
{
	bmcsim_call_put_u16le(c, NO_ZONE);
}

const struct bmcsim_command bmcsim_sel_table[] = {
    {STORAGE, 0x40, BMCSIM_USER, 0, info},
    {STORAGE, 0x42, BMCSIM_USER, 0, reserve},
    {STORAGE, 0x43, BMCSIM_USER, 6, get_entry},
    {STORAGE, 0x44, BMCSIM_OPERATOR, RECORD, add_entry},
    {STORAGE, 0x47, BMCSIM_OPERATOR, 6, clear},
    {STORAGE, 0x48, BMCSIM_USER, 0, get_time},
    {STORAGE, 0x49, BMCSIM_OPERATOR, 4, set_time},
    {STORAGE, 0x5C, BMCSIM_USER, 0, time_zone},
    {0, 0, 0, 0, NULL},
};
