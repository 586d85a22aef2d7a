/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Users of the simulated BMC, their keys and K_g (IPMI 2.0 22.26 to 22.30), and who is
 * locked out after wrong passwords. User id 1 is the one without a name. */
#include <errno.h>
#include <string.h>

#include "lib/compiler.h"
#include "tests/fake/bmcsim_priv.h"

enum { APP = 6, BAD_FIELD = 0xCC, TOO_SHORT = 0xC7, NAME = 16, NO_ACCESS = 15 };
enum { DISABLE, ENABLE, SET, TEST };

int
bmcsim_set_user(struct bmcsim_bmc *b, unsigned id, const char *name, const char *password,
    uint8_t level)
{
	size_t name_len = strlen(name), password_len = strlen(password);
	struct bmcsim_user *u;

	if (id < 1 || id > BMCSIM_USERS || name_len > NAME || password_len > BMCSIM_KEY ||
	    level < 1 || level > NO_ACCESS)
		return -EINVAL;
	u = &b->users[id - 1];
	memset(u, 0, sizeof *u);
	memcpy(u->name, name, name_len);
	memcpy(u->password, password, password_len);
	u->is_20 = password_len > 16;
	u->level = level;
	u->enabled = u->sol = true;
	return 0;
}

struct bmcsim_user *
bmcsim_users_find(struct bmcsim_bmc *b, const char *name)
{
	for (unsigned i = 0; i < BMCSIM_USERS; i++)
		if (b->users[i].enabled && strcmp(b->users[i].name, name) == 0)
			return &b->users[i];
	return NULL;
}

uint8_t
bmcsim_users_limit(const struct bmcsim_bmc *b, const struct bmcsim_user *u)
{
	if (u->level == NO_ACCESS)
		return 0;
	return u->level < b->limit ? u->level : b->limit;
}

void
bmcsim_users_key(const struct bmcsim_bmc *b, const struct bmcsim_user *u, uint8_t *out)
{
	memcpy(out, u->password, BMCSIM_KEY);
	if (b->faults.wrong_password)
		out[0] ^= 0x55;
}

bool
bmcsim_users_has_kg(const struct bmcsim_bmc *b)
{
	for (unsigned i = 0; i < BMCSIM_KEY; i++)
		if (b->kg[i] != 0)
			return true;
	return false;
}

/* 13.31: without K_g the user's key stands in for it. */
void
bmcsim_users_kg(const struct bmcsim_bmc *b, const struct bmcsim_user *u, uint8_t *out)
{
	if (!bmcsim_users_has_kg(b) && !b->faults.wrong_kg) {
		bmcsim_users_key(b, u, out);
		return;
	}
	memcpy(out, b->kg, BMCSIM_KEY);
	if (b->faults.wrong_kg)
		out[0] ^= 0x55;
}

/* 22.13, octet 4 of the answer. */
uint8_t
bmcsim_users_authcap(const struct bmcsim_bmc *b)
{
	static const uint8_t none[BMCSIM_KEY];
	uint8_t bits = bmcsim_users_has_kg(b) ? 0x20 : 0;

	if (b->faults.authcap != 0)
		return (uint8_t)b->faults.authcap;
	for (unsigned i = 0; i < BMCSIM_USERS; i++) {
		const struct bmcsim_user *u = &b->users[i];

		if (!u->enabled || u->level == NO_ACCESS)
			continue;
		if (u->name[0] != '\0')
			bits |= 0x04;
		else
			bits |= memcmp(u->password, none, sizeof none) == 0 ? 0x01 : 0x02;
	}
	return bits;
}

void
bmcsim_users_try(const struct bmcsim_bmc *b, struct bmcsim_user *u)
{
	if (b->faults.lockout > 0 && u->strikes < UINT8_MAX)
		u->strikes++;
}

void
bmcsim_users_proved(struct bmcsim_user *u)
{
	u->strikes = 0;
	u->locked_until = 0;
}

bool
bmcsim_users_locked(struct bmcsim_bmc *b, struct bmcsim_user *u, int64_t now)
{
	if (b->faults.lockout <= 0 || u->strikes < b->faults.lockout)
		return false;
	if (u->locked_until == 0) {
		u->locked_until =
		    now + (b->faults.lockout_ms > 0 ? b->faults.lockout_ms * USEC_PER_MSEC
						    : BMCSIM_LOCKOUT_US);
		b->counts.locks++;
	}
	if (now < u->locked_until)
		return true;
	bmcsim_users_proved(u); /* its time is over */
	return false;
}

static struct bmcsim_user *
user_at(struct bmcsim_call *c, uint8_t octet)
{
	unsigned id = octet & 0x3F;

	if (id >= 1 && id <= BMCSIM_USERS)
		return &c->b->users[id - 1];
	c->code = BAD_FIELD;
	return NULL;
}

static void
get_access(struct bmcsim_call *c)
{
	const struct bmcsim_user *u = user_at(c, c->data[1]);
	uint8_t enabled = 0;

	if (u == NULL)
		return;
	for (unsigned i = 0; i < BMCSIM_USERS; i++)
		enabled = (uint8_t)(enabled + c->b->users[i].enabled);
	bmcsim_call_put(c,
	    (const uint8_t[]){BMCSIM_USERS,
		(uint8_t)((u->enabled ? 0x40 : 0x80) | enabled), 1,
		(uint8_t)((u->level != NO_ACCESS ? 0x10 : 0) | u->level)},
	    4);
}

static void
set_access(struct bmcsim_call *c)
{
	struct bmcsim_user *u = user_at(c, c->data[1]);
	uint8_t level = c->data[2] & 0x0F;

	if (u == NULL)
		return;
	if ((level < 1 || level > 5) && level != NO_ACCESS) {
		c->code = BAD_FIELD;
		return;
	}
	u->level = level;
}

static void
set_name(struct bmcsim_call *c)
{
	struct bmcsim_user *u = user_at(c, c->data[0]);
	char name[NAME + 1] = "";

	if (u == NULL)
		return;
	memcpy(name, c->data + 1, NAME);
	for (unsigned i = 0; i < BMCSIM_USERS; i++)
		if (name[0] != '\0' && &c->b->users[i] != u &&
		    strcmp(c->b->users[i].name, name) == 0)
			c->code = BAD_FIELD;
	if (u == c->b->users) /* fixed */
		c->code = BAD_FIELD;
	if (c->code == 0)
		memcpy(u->name, name, sizeof name);
}

static void
get_name(struct bmcsim_call *c)
{
	const struct bmcsim_user *u = user_at(c, c->data[0]);

	if (u != NULL)
		bmcsim_call_put(c, u->name, NAME);
}

static void
store_password(struct bmcsim_call *c, struct bmcsim_user *u, size_t len)
{
	const struct bmcsim_faults *f = &c->b->faults;

	if (len > 16 && f->no_password20) {
		c->code = 0x81;
		return;
	}
	if (f->keep_password)
		return;
	memset(u->password, 0, sizeof u->password);
	memcpy(u->password, c->data + 2, f->cut_password && len > 16 ? 16 : len);
	u->is_20 = len > 16;
	bmcsim_users_proved(u);
}

/* 22.30: 80h for a password that differs, 81h for one of the other size. */
static void
test_password(struct bmcsim_call *c, const struct bmcsim_user *u, size_t len)
{
	uint8_t given[BMCSIM_KEY] = {0};

	memcpy(given, c->data + 2, len);
	if ((len > 16) != u->is_20)
		c->code = 0x81;
	else if (memcmp(given, u->password, sizeof given) != 0)
		c->code = 0x80;
}

static void
set_password(struct bmcsim_call *c)
{
	struct bmcsim_user *u = user_at(c, c->data[0]);
	size_t len = c->data[0] & 0x80 ? 20 : 16;
	uint8_t op = c->data[1] & 3;

	if (u == NULL)
		return;
	if (op >= SET && c->len != 2 + len) {
		c->code = TOO_SHORT;
		return;
	}
	switch (op) {
	case DISABLE: u->enabled = false; return;
	case ENABLE: u->enabled = true; return;
	case SET: store_password(c, u, len); return;
	case TEST: test_password(c, u, len); return;
	}
}

const struct bmcsim_command bmcsim_users_table[] = {
    {APP, 0x43, BMCSIM_ADMIN, 3, set_access},
    {APP, 0x44, BMCSIM_OPERATOR, 2, get_access},
    {APP, 0x45, BMCSIM_ADMIN, 1 + NAME, set_name},
    {APP, 0x46, BMCSIM_OPERATOR, 1, get_name},
    {APP, 0x47, BMCSIM_ADMIN, 2, set_password},
    {0, 0, 0, 0, NULL},
};
