/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Chassis of the simulated BMC: power, and boot options with their one-shot life
 * (IPMI 2.0 chapter 28). Flags are valid until the next start of the machine uses them,
 * or for 60 s unless parameter 3 forbids that; persistent ones stay. Changes that take
 * time happen in bmcsim_chassis_tick(). */
#include <errno.h>
#include <string.h>

#include "lib/compiler.h"
#include "tests/fake/bmcsim_priv.h"

enum { BY_COMMAND = 0x01, BY_BUTTON = 0x03, IDENTIFY_S = 15 }; /* 28.11 */
enum { VALID = 0x80, PERSISTENT = 0x40, EFI = 0x20, KEEP_60S = 0x08, REFUSED = 0x80 };

static const char *
device_name(uint8_t device)
{
	switch (device) {
	case 1: return "pxe";
	case 5: return "cdrom";
	case 6: return "bios";
	}
	return "default";
}

static void
expire_flags(struct bmcsim_bmc *b, int64_t now)
{
	if (b->flags_until == 0 || now < b->flags_until)
		return;
	b->flags_until = 0;
	b->flags[0] &= (uint8_t)~VALID;
}

/* The machine starts: flags are used, and used up unless persistent. */
static void
start_machine(struct bmcsim_bmc *b, int64_t now, enum bmcsim_control what)
{
	bool valid = b->flags[0] & VALID;
	uint8_t device = (b->flags[1] >> 2) & 0x0F;

	if (!b->power)
		bmcsim_sel_power(b, now, true);
	b->power = true;
	b->restart_cause = BY_COMMAND;
	b->counts.starts++;
	if (valid && device == 1)
		b->counts.pxe_boots++;
	if (b->chassis != NULL)
		b->chassis(b->arg, b, what, valid ? device_name(device) : NULL,
		    b->flags[0] & EFI, b->flags[0] & PERSISTENT);
	if (valid && !(b->flags[0] & PERSISTENT)) {
		b->flags[0] &= (uint8_t)~VALID;
		b->flags_until = 0;
	}
}

static void
stop_machine(struct bmcsim_bmc *b, int64_t now, enum bmcsim_control what)
{
	b->power = false;
	bmcsim_sel_power(b, now, false);
	if (b->faults.forget_at_off)
		memset(b->flags, 0, sizeof b->flags);
	if (b->chassis != NULL)
		b->chassis(b->arg, b, what, NULL, false, false);
}

int64_t
bmcsim_chassis_tick(struct bmcsim_bmc *b, int64_t now)
{
	int64_t next = -1;

	expire_flags(b, now);
	if (now >= b->identify_until)
		b->identify_until = 0;
	if (b->off_at != 0 && now >= b->off_at) {
		b->off_at = 0;
		if (b->power)
			stop_machine(b, now, BMCSIM_OFF);
	}
	if (b->on_at != 0 && now >= b->on_at) {
		b->on_at = 0;
		if (!b->power)
			start_machine(b, now, BMCSIM_ON);
	}
	if (b->off_at != 0)
		next = b->off_at;
	if (b->on_at != 0 && (next < 0 || b->on_at < next))
		next = b->on_at;
	return next;
}

void
bmcsim_set_power(struct bmcsim_bmc *b, bool on)
{
	if (on && !b->power) {
		b->restart_cause = BY_BUTTON;
		b->counts.starts++;
	}
	b->power = on;
}

uint8_t
bmcsim_chassis_status(const struct bmcsim_bmc *b)
{
	if (b->faults.lie != 0)
		return b->faults.lie == 1;
	return b->power;
}

static void
power_off(struct bmcsim_bmc *b, int64_t now, bool soft)
{
	int ms = soft ? b->faults.soft_ms : b->faults.off_ms;

	b->on_at = 0;
	if (!b->power || (soft ? b->faults.ignore_soft : b->faults.ignore_off))
		return;
	if (soft &&
	    b->chassis != NULL) /* the machine decides, and its script will tell */
		b->chassis(b->arg, b, BMCSIM_SOFT, NULL, false, false);
	else if (ms > 0 && (b->off_at == 0 || !soft))
		b->off_at = now + ms * USEC_PER_MSEC;
	else if (b->off_at == 0)
		stop_machine(b, now, BMCSIM_OFF);
}

static void
power_on(struct bmcsim_bmc *b, int64_t now)
{
	if (b->power)
		return;
	if (b->faults.lose_on > 0)
		b->faults.lose_on--;
	else if (b->faults.on_ms > 0 && b->on_at == 0)
		b->on_at = now + b->faults.on_ms * USEC_PER_MSEC;
	else if (b->on_at == 0)
		start_machine(b, now, BMCSIM_ON);
}

uint8_t
bmcsim_chassis_control(struct bmcsim_bmc *b, int64_t now, uint8_t what)
{
	bool d5 = b->faults.d5;

	if (b->faults.refuse_control != 0)
		return (uint8_t)b->faults.refuse_control;
	if (what >= BMCSIM_CONTROLS || what == BMCSIM_DIAG)
		return 0xCC;
	if (what == BMCSIM_SOFT && b->faults.refuse_soft)
		return 0xCC;
	if (d5 && (what == BMCSIM_ON ? b->power : !b->power))
		return 0xD5;
	b->counts.controls[what]++;
	if (b->flags_until != 0)
		b->flags_until =
		    now + BMCSIM_FLAGS_US; /* each chassis control restarts the 60 s */
	switch (what) {
	case BMCSIM_OFF: power_off(b, now, false); break;
	case BMCSIM_ON: power_on(b, now); break;
	case BMCSIM_SOFT: power_off(b, now, true); break;
	case BMCSIM_RESET:
		if (b->power)
			start_machine(b, now, BMCSIM_RESET);
		break;
	case BMCSIM_CYCLE:
		b->off_at = now + 1;
		b->on_at =
		    now + (b->faults.cycle_ms > 0 ? b->faults.cycle_ms * USEC_PER_MSEC
						  : BMCSIM_CYCLE_US);
		break;
	}
	return 0;
}

uint8_t
bmcsim_chassis_set_option(
    struct bmcsim_bmc *b, int64_t now, const uint8_t *data, size_t len)
{
	uint8_t parameter = data[0] & 0x7F;

	if (parameter < 8 && b->faults.refuse_options >> parameter & 1)
		return REFUSED;
	switch (parameter) {
	case 0: return 0; /* set in progress: nothing to roll back here */
	case 3:
		if (len < 2)
			return 0xC7;
		b->keep_flags = data[1];
		return 0;
	case 4:
		if (len < 3)
			return 0xC7;
		b->ack = (uint8_t)((b->ack & ~data[1]) | (data[2] & data[1]));
		return 0;
	case 5:
		if (len < 6)
			return 0xC7;
		memcpy(b->flags, data + 1, sizeof b->flags);
		if (b->faults.drop_efi)
			b->flags[0] &= (uint8_t)~EFI;
		if (b->faults.drop_valid)
			b->flags[0] &= (uint8_t)~VALID;
		b->flags_until = b->keep_flags & KEEP_60S ? 0 : now + BMCSIM_FLAGS_US;
		return 0;
	}
	return REFUSED;
}

uint8_t
bmcsim_chassis_get_option(
    struct bmcsim_bmc *b, uint8_t parameter, uint8_t *out, size_t *ret_len)
{
	out[0] = 1;
	out[1] = parameter;
	switch (parameter) {
	case 0:
		if (b->faults.refuse_options & 1)
			return REFUSED;
		out[2] = 0;
		*ret_len = 3;
		return 0;
	case 3:
		out[2] = b->keep_flags;
		*ret_len = 3;
		return 0;
	case 4:
		out[2] = 0; /* the write mask reads as zero */
		out[3] = b->ack;
		*ret_len = 4;
		return 0;
	case 5:
		memcpy(out + 2, b->flags, sizeof b->flags);
		if (b->faults.drop_efi_read)
			out[2] &= (uint8_t)~EFI;
		*ret_len = 2 + sizeof b->flags;
		return 0;
	}
	return REFUSED;
}

static void
capabilities(struct bmcsim_call *c)
{
	bmcsim_call_put(c, (const uint8_t[]){0, 0x20, 0x20, 0x20, 0x20}, 5);
}

static void
status(struct bmcsim_call *c)
{
	const struct bmcsim_bmc *b = c->b;
	uint8_t identify = b->identify_until == INT64_MAX ? 0x20
			   : c->now < b->identify_until	  ? 0x10
							  : 0;

	bmcsim_call_put(c,
	    (const uint8_t[]){(uint8_t)(0x20 | bmcsim_chassis_status(b)), 0,
		(uint8_t)(0x40 | identify)},
	    3);
}

static void
control(struct bmcsim_call *c)
{
	c->code = bmcsim_chassis_control(c->b, c->now, c->data[0] & 0x0F);
}

/* 28.5: 15 s if nothing is said, 0 ends it, for ever if forced. */
static void
identify(struct bmcsim_call *c)
{
	int64_t seconds = c->len > 0 ? c->data[0] : IDENTIFY_S;

	c->b->counts.identifies++;
	if (c->len > 1 && c->data[1] & 1)
		c->b->identify_until = INT64_MAX;
	else
		c->b->identify_until = seconds > 0 ? c->now + seconds * USEC_PER_SEC : 0;
}

static void
restart_cause(struct bmcsim_call *c)
{
	if (c->b->faults.no_cause)
		c->code = 0xC1;
	else
		bmcsim_call_put(c, (const uint8_t[]){c->b->restart_cause, 1}, 2);
}

static void
set_option(struct bmcsim_call *c)
{
	c->code = bmcsim_chassis_set_option(c->b, c->now, c->data, c->len);
}

static void
get_option(struct bmcsim_call *c)
{
	c->code = bmcsim_chassis_get_option(c->b, c->data[0] & 0x7F, c->out, &c->n);
}

const struct bmcsim_command bmcsim_chassis_table[] = {
    {0, 0x00, BMCSIM_USER, 0, capabilities},
    {0, 0x01, BMCSIM_USER, 0, status},
    {0, 0x02, BMCSIM_OPERATOR, 1, control},
    {0, 0x04, BMCSIM_OPERATOR, 0, identify},
    {0, 0x07, BMCSIM_USER, 0, restart_cause},
    {0, 0x08, BMCSIM_OPERATOR, 1, set_option},
    {0, 0x09, BMCSIM_OPERATOR, 3, get_option},
    {0, 0, 0, 0, NULL},
};
