/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A new password for the user that the session was opened with (IPMI 2.0 22.27 to 22.30).
 *
 *   Get User Access → how many ids; Get User Name of each → the user's → Set User Password, 20 octets → Test
 *   it → done, or, where the test says that something else is stored, Set the old one again → done
 *
 * A BMC that knows only 16 octets refuses the long form, or takes it, answers well, and cuts it: then nobody could
 * log in with what was sent, and the test is what tells. Repetition of all of this is harmless. Nothing is settled here: what
 * the BMC's password is, sessions prove (bmc_rotate.c).
 *
 * Entry points: bmc_ask_password_next(), bmc_ask_password_take(). Ownership: the struct is bmc_ask.c's, which wipes it.
 * Failure modes: before the password is sent they are the question's failure; from then on they are
 * a->password, and the question ends well. */
#include <stdio.h>
#include <string.h>

#include "agent/bmc_ask.h"
#include "agent/bmc_proto.h"
#include "lib/secret.h"
#include "lib/str.h"

enum { IDS_USUAL = 16, FIRST_ID = 1, OP = 1, PASSWORD_AT = 2, SHORT = 16, LONG = 20 };

enum step { USERS, NAMES, SET, TEST, SET_BACK, END };

static enum bmc_ask_next
run(struct bmc_cmd *cmd, uint8_t what, const uint8_t *data, uint8_t len)
{
	*cmd = (struct bmc_cmd){.netfn = BMC_NETFN_APP, .cmd = what, .len = len};
	memcpy(cmd->data, data, len);
	return BMC_ASK_RUN;
}

static enum bmc_ask_next
password(struct bmc_cmd *cmd, uint8_t id, uint8_t op, const char *s, bool in_20)
{
	uint8_t data[PASSWORD_AT + LONG] = {in_20 ? BMC_USER_SIZE_20 | id : id, op};

	/* Filled up with octets 0, as for the keys of the handshake. */
	memcpy(data + PASSWORD_AT, s, strlen(s));
	run(cmd, BMC_CMD_SET_USER_PASSWORD, data, PASSWORD_AT + (in_20 ? LONG : SHORT));
	secret_wipe(data, sizeof(data));
	return BMC_ASK_RUN;
}

enum bmc_ask_next
bmc_ask_password_next(struct bmc_ask *a, struct bmc_cmd *ret)
{
	switch ((enum step)a->step) {
	case USERS:
		return run(ret, BMC_CMD_GET_USER_ACCESS,
		    (const uint8_t[]){BMC_USER_THIS_CHANNEL, FIRST_ID}, 2);
	case NAMES: return run(ret, BMC_CMD_GET_USER_NAME, &a->id, 1);
	case SET:
		a->password = BMC_PASSWORD_UNSURE;
		return password(ret, a->found, BMC_USER_SET_PASSWORD, a->new_one, true);
	case TEST:
		return password(ret, a->found, BMC_USER_TEST_PASSWORD, a->new_one, true);
	case SET_BACK:
		return password(
		    ret, a->found, BMC_USER_SET_PASSWORD, a->old, strlen(a->old) > SHORT);
	case END: break;
	}
	return BMC_ASK_DONE;
}

/* ---- whose password ---- */

static void
found_none(struct bmc_ask *a)
{
	char name[4 * sizeof(a->user)];

	a->fail = BMC_FAIL_REFUSED;
	snprintf(a->text, sizeof(a->text), "the BMC lists %s of the name \"%s\"",
	    a->found == 0 ? "no user" : "more than one user",
	    str_escape(name, sizeof(name), a->user, strlen(a->user)));
}

static void
take_users(struct bmc_ask *a, const struct bmc_reply *rs)
{
	if (rs->code == BMC_COMPLETION_PRIVILEGE) {
		(void)bmc_ask_failed(a, "Get User Access", rs->code);
		return;
	}
	a->n_ids = rs->code == BMC_COMPLETION_OK && rs->len >= 1
		       ? rs->data[0] & BMC_USER_ID_MASK
		       : IDS_USUAL;
	a->id = FIRST_ID;
	a->step = NAMES;
	if (a->user[0] == '\0') { /* 22.28: the first id is the one without a name */
		a->found = FIRST_ID;
		a->step = SET;
	}
}

static bool
is_user(const struct bmc_ask *a, const struct bmc_reply *rs)
{
	char name[BMC_PROTO_USER_MAX + 1] = "";
	size_t len = rs->len < BMC_PROTO_USER_MAX ? rs->len : BMC_PROTO_USER_MAX;

	memcpy(name, rs->data, len);
	return rs->code == BMC_COMPLETION_OK && str_eq(name, a->user);
}

/* An id without a name is refused by some BMCs, and told as an empty one by others. */
static void
take_name(struct bmc_ask *a, const struct bmc_reply *rs)
{
	bool again = is_user(a, rs) && a->found != 0;

	if (rs->code == BMC_COMPLETION_PRIVILEGE) {
		(void)bmc_ask_failed(a, "Get User Name", rs->code);
		return;
	}
	if (is_user(a, rs))
		a->found = a->id;
	if (again || (a->id++ >= a->n_ids && a->found == 0))
		found_none(a);
	else if (a->id > a->n_ids)
		a->step = SET;
}

/* ---- what became of it ---- */

static void
take_set(struct bmc_ask *a, const struct bmc_reply *rs)
{
	a->step = TEST;
	if (rs->code == BMC_COMPLETION_OK)
		return;
	a->step = END;
	/* Neither says that it was not done. */
	if (rs->code == BMC_COMPLETION_UNSPECIFIED ||
	    rs->code == BMC_COMPLETION_NO_RESPONSE)
		return;
	a->password = BMC_PASSWORD_REFUSED;
	a->password_code = rs->code;
}

/* A BMC that has no such test leaves it to the session. */
static void
take_test(struct bmc_ask *a, const struct bmc_reply *rs)
{
	bool differs =
	    rs->code == BMC_USER_TEST_DIFFERS || rs->code == BMC_USER_TEST_OTHER_SIZE;

	a->password = differs ? BMC_PASSWORD_NOT_KEPT : BMC_PASSWORD_TAKEN;
	a->step = differs ? SET_BACK : END;
}

void
bmc_ask_password_take(struct bmc_ask *a, const struct bmc_reply *rs)
{
	switch ((enum step)a->step) {
	case USERS: take_users(a, rs); return;
	case NAMES: take_name(a, rs); return;
	case SET: take_set(a, rs); return;
	case TEST: take_test(a, rs); return;
	case SET_BACK: a->step = END; return;
	case END: return;
	}
}
