/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Payload commands of the simulated BMC (IPMI 2.0 chapter 24) and the SOL configuration
 * parameters (26.2, 26.3). Serial over LAN has one instance; whoever asks for it while another
 * session has it is refused with 80h. */
#include <string.h>

#include "lib/compiler.h"
#include "tests/fake/bmcsim_priv.h"

enum { APP = 6, TRANSPORT = 0x0C, INSTANCE = 1 };
enum { UNKNOWN = 0xC1, TOO_SHORT = 0xC7, BAD_FIELD = 0xCC };
enum { IN_USE = 0x80, DISABLED = 0x81, NO_SUCH_ENCRYPTION = 0x84, NOT_ACTIVE = 0x80 };
enum { ALERTS = 0x0C, ALERTS_DEFERRED = 0x04 };
enum { NO_PARAMETER = 0x80, READ_ONLY = 0x82, SOL_HEAD = 4 };

static bool
is_sol(struct bmcsim_call *c)
{
	if ((c->data[0] & 0x3F) == BMCSIM_TYPE_SOL)
		return true;
	c->code = BAD_FIELD;
	return false;
}

static uint8_t
why_not(const struct bmcsim_call *c)
{
	const struct bmcsim_bmc *b = c->b;
	const struct bmcsim_sol *sol = &b->sol;

	if (b->faults.sol_refuse != 0)
		return (uint8_t)b->faults.sol_refuse;
	if ((c->data[1] & 0x0F) != INSTANCE)
		return BAD_FIELD;
	if (b->faults.sol_alerts && (c->data[2] & ALERTS) != ALERTS_DEFERRED)
		return DISABLED;
	if (!(sol->enable & 1) || !b->users[c->s->uid].sol)
		return DISABLED;
	if (c->s->level < (sol->auth & 0x0F))
		return 0xD4;
	if (sol->session != 0 && sol->session != c->s->bmc_id)
		return IN_USE;
	return sol->auth & 0x80 && !(c->data[2] & 0x80) ? NO_SUCH_ENCRYPTION : 0;
}

/* 24.1 */
static void
activate(struct bmcsim_call *c)
{
	const struct bmcsim_faults *f = &c->b->faults;
	unsigned size = f->sol_payload_size != 0 ? (unsigned)f->sol_payload_size
						 : SOL_HEAD + BMCSIM_SOL_CHARS;

	if (!is_sol(c))
		return;
	c->code = why_not(c);
	if (c->code != 0) {
		c->b->counts.sol_refused++;
		return;
	}
	if (c->b->sol.session == 0)
		bmcsim_sol_start(c->b, c->s);
	bmcsim_call_put_u32le(c, 0);
	bmcsim_call_put_u16le(c, size);
	bmcsim_call_put_u16le(c, size);
	bmcsim_call_put_u16le(
	    c, f->sol_port != 0 ? (unsigned)f->sol_port : c->b->id.port);
	bmcsim_call_put_u16le(c, 0xFFFF); /* no VLAN */
}

/* 24.2: of one's own, or of anybody's, who is then told. */
static void
deactivate(struct bmcsim_call *c)
{
	if (!is_sol(c))
		return;
	if (c->b->sol.session == 0) {
		c->code = NOT_ACTIVE;
		return;
	}
	bmcsim_sol_stop(c->b, c->b->sol.session != c->s->bmc_id);
}

static void
activation_status(struct bmcsim_call *c)
{
	if (c->b->faults.sol_no_status)
		c->code = UNKNOWN;
	else if (is_sol(c))
		bmcsim_call_put(
		    c, (const uint8_t[]){1, bmcsim_sol_active(c->b) ? 1 : 0, 0}, 3);
}

static void
instance_info(struct bmcsim_call *c)
{
	if (!is_sol(c))
		return;
	bmcsim_call_put_u32le(c, c->b->sol.session);
	bmcsim_call_put(c, (const uint8_t[8]){1}, 8); /* serial port 1 */
}

/* 24.6, 24.7: SOL is standard payload 1. */
static void
get_user_payloads(struct bmcsim_call *c)
{
	unsigned id = c->data[1] & 0x3F;

	if (id < 1 || id > BMCSIM_USERS) {
		c->code = BAD_FIELD;
		return;
	}
	bmcsim_call_put(
	    c, (const uint8_t[]){c->b->users[id - 1].sol ? 2 : 0, 0, 0, 0}, 4);
}

static void
set_user_payloads(struct bmcsim_call *c)
{
	unsigned id = c->data[1] & 0x3F;

	if (id < 1 || id > BMCSIM_USERS)
		c->code = BAD_FIELD;
	else if (c->data[2] & 2)
		c->b->users[id - 1].sol = (c->data[1] & 0xC0) == 0;
}

/* 24.8: IPMI messages and SOL; Open Session and the RAKP messages. */
static void
channel_support(struct bmcsim_call *c)
{
	if (c->b->faults.sol_no_support)
		c->code = UNKNOWN;
	else if ((c->data[0] & 0x0F) != 1 && (c->data[0] & 0x0F) != 0x0E)
		c->code = BAD_FIELD;
	else
		bmcsim_call_put(c, (const uint8_t[8]){0x03, 0, 0x3F}, 8);
}

static void
payload_version(struct bmcsim_call *c)
{
	uint8_t type = c->data[1];

	if (type > BMCSIM_TYPE_SOL && (type < 0x10 || type > 0x15))
		c->code = 0x80; /* no such payload */
	else
		bmcsim_call_put(c, (const uint8_t[]){0x10}, 1);
}

static uint8_t *
parameter(struct bmcsim_sol *sol, uint8_t which, size_t *ret_len)
{
	*ret_len = 1;
	switch (which) {
	case 1: return &sol->enable;
	case 2: return &sol->auth;
	case 3: *ret_len = 2; return &sol->interval;
	case 4: *ret_len = 2; return &sol->retries;
	case 5: return &sol->rate;
	case 6: return &sol->volatile_rate;
	}
	return NULL;
}

static void
set_parameter(struct bmcsim_call *c)
{
	struct bmcsim_sol *sol = &c->b->sol;
	uint8_t which = c->data[1], *at;
	size_t len;

	if (which == 0) /* set in progress: nothing to roll back here */
		return;
	if (which == 7 || which == 8) {
		c->code = READ_ONLY;
		return;
	}
	at = parameter(sol, which, &len);
	if (at == NULL || c->len != 2 + len) {
		c->code = at == NULL ? NO_PARAMETER : TOO_SHORT;
		return;
	}
	memcpy(at, c->data + 2, len);
	sol->retries &= 7;
}

static void
get_parameter(struct bmcsim_call *c)
{
	size_t len;
	const uint8_t *at = parameter(&c->b->sol, c->data[1], &len);

	bmcsim_call_put(c, (const uint8_t[]){0x11}, 1);
	if (c->data[0] & 0x80)
		return;
	switch (c->data[1]) {
	case 0: bmcsim_call_put(c, (const uint8_t[]){0}, 1); return;
	case 7: bmcsim_call_put(c, (const uint8_t[]){1}, 1); return;
	case 8: bmcsim_call_put_u16le(c, c->b->id.port); return;
	}
	if (at == NULL)
		c->code = NO_PARAMETER;
	else
		bmcsim_call_put(c, at, len);
}

const struct bmcsim_command bmcsim_payload_table[] = {
    {APP, 0x48, BMCSIM_USER, 6, activate},
    {APP, 0x49, BMCSIM_USER, 2, deactivate},
    {APP, 0x4A, BMCSIM_USER, 1, activation_status},
    {APP, 0x4B, BMCSIM_USER, 2, instance_info},
    {APP, 0x4C, BMCSIM_ADMIN, 6, set_user_payloads},
    {APP, 0x4D, BMCSIM_OPERATOR, 2, get_user_payloads},
    {APP, 0x4E, BMCSIM_USER, 1, channel_support},
    {APP, 0x4F, BMCSIM_USER, 2, payload_version},
    {TRANSPORT, 0x21, BMCSIM_ADMIN, 2, set_parameter},
    {TRANSPORT, 0x22, BMCSIM_USER, 4, get_parameter},
    {0, 0, 0, 0, NULL},
};
