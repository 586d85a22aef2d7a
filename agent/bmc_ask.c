/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Identify, event log, cold reset (IPMI 2.0 28.5, 31, 20.2); sensors are in bmc_ask_sensors.c, passwords in
 * bmc_ask_password.c.
 *
 *   identify   Chassis Identify
 *   sel        Get SEL Info → Get SEL Entry, from the first to the last; the newest are kept
 *   sel-clear  Get SEL Info → Reserve SEL → Clear SEL → its status, until erased. An erase that was
 *              not answered is looked for in Get SEL Info, and ordered again only if the log is as it was:
 *              entries that came meanwhile are nobody's to lose
 *   reset      Cold Reset, once: many BMCs do not answer it, and some take the host with them
 *
 * Entry points: bmc_ask_next(), bmc_ask_take(), bmc_ask_json(). Ownership: the rows are the
 * struct's own. Failure modes: a refusal ends it with its completion code; a reservation that was
 * lost (another client's) is taken again a few times; a log whose entries lead in a circle is
 * malformed.
 */
#include "agent/bmc_ask.h"

#include <freeipmi/util/ipmi-sensor-and-event-code-tables-util.h>
#include <freeipmi/util/ipmi-sensor-util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/secret.h"
#include "lib/str.h"

enum {
	FIRST = 0x0000,
	LAST = 0xFFFF,
	WHOLE = 0xFF,
	LOST_MAX = 5,
	POLLS_MAX = 60,
	ENTRY = 16,
	SYSTEM_EVENT = 0x02,   /* 32.1 */
	TIMED_OEM_LAST = 0xDF, /* 32.2 */
	PRE_INIT = 0x20000000, /* 37: times up to this count from the BMC's start */
	ERASED = 0x01,	       /* 31.9 */
	ERASE = 0xAA,
	FORCE_ON = 0x01,
};

enum sel_step { SEL_INFO, SEL_ENTRY, SEL_END };
enum clear_step {
	CLEAR_INFO,
	CLEAR_RESERVE,
	CLEAR_ERASE,
	CLEAR_WAIT,
	CLEAR_STATUS,
	CLEAR_DOUBT,
	CLEAR_LOOK,
	CLEAR_END
};

void
bmc_ask_init(struct bmc_ask *a, const struct bmc_question *what)
{
	memset(a, 0, sizeof(*a));
	a->what = *what;
	a->rows = json_array();
	str_clip(a->user, sizeof(a->user), what->user != NULL ? what->user : "");
	str_clip(a->old, sizeof(a->old), what->old != NULL ? what->old : "");
	str_clip(a->new_one, sizeof(a->new_one), what->next != NULL ? what->next : "");
	a->what.user = a->what.old = a->what.next = NULL;
}

void
bmc_ask_done(struct bmc_ask *a)
{
	if (a == NULL)
		return;
	json_decref(a->rows);
	a->rows = NULL;
	secret_wipe(a->old, sizeof(a->old));
	secret_wipe(a->new_one, sizeof(a->new_one));
}

enum bmc_ask_next
bmc_ask_failed(struct bmc_ask *a, const char *what, uint8_t code)
{
	a->fail = bmc_error_of_completion(code);
	if (a->fail == BMC_FAIL_NONE) {
		a->fail = BMC_FAIL_REFUSED;
		snprintf(a->text, sizeof(a->text), "%s: the answer is malformed", what);
	} else {
		snprintf(a->text, sizeof(a->text), "%s: %s (%02Xh)", what,
		    bmc_error_completion_text(code), code);
	}
	return BMC_ASK_FAIL;
}

static enum bmc_ask_next
run(struct bmc_cmd *cmd, uint8_t netfn, uint8_t what, const uint8_t *data, uint8_t len)
{
	*cmd = (struct bmc_cmd){.netfn = netfn, .cmd = what, .len = len};
	if (len > 0)
		memcpy(cmd->data, data, len);
	return BMC_ASK_RUN;
}

/* ---- identify, reset ---- */

/* 28.5: the interval alone is understood by all; "force on" came with IPMI 2.0. */
static enum bmc_ask_next
identify(struct bmc_ask *a, struct bmc_cmd *cmd)
{
	bool forever = a->what.seconds < 0;
	const uint8_t data[] = {forever ? 0 : (uint8_t)a->what.seconds, FORCE_ON};

	if (a->step > 0)
		return BMC_ASK_DONE;
	return run(
	    cmd, BMC_NETFN_CHASSIS, BMC_CMD_CHASSIS_IDENTIFY, data, forever ? 2 : 1);
}

static enum bmc_ask_next
reset(struct bmc_ask *a, struct bmc_cmd *cmd)
{
	if (a->step > 0)
		return BMC_ASK_DONE;
	run(cmd, BMC_NETFN_APP, BMC_CMD_COLD_RESET, NULL, 0);
	cmd->once = true;
	return BMC_ASK_RUN;
}

static void
take_one(struct bmc_ask *a, const struct bmc_reply *rs, const char *what)
{
	if (rs->code != BMC_COMPLETION_OK)
		(void)bmc_ask_failed(a, what, rs->code);
	a->step++;
}

/* ---- event log ---- */

static enum bmc_ask_next
sel_info(struct bmc_cmd *cmd)
{
	return run(cmd, BMC_NETFN_STORAGE, BMC_CMD_GET_SEL_INFO, NULL, 0);
}

/* 31.2; some BMCs leave out what follows the number of entries. */
static bool
take_info(struct bmc_ask *a, const struct bmc_reply *rs, int64_t *ret_entries,
    uint32_t *ret_erased)
{
	struct rbuf r = rbuf_init(rs->data, rs->len);
	uint16_t entries;

	rbuf_skip(&r, 1); /* version */
	entries = rbuf_u16le(&r);
	if (rs->code != BMC_COMPLETION_OK || !rbuf_ok(&r)) {
		(void)bmc_ask_failed(a, "Get SEL Info", rs->code);
		return false;
	}
	*ret_entries = entries;
	rbuf_skip(&r, 2 + 4); /* free space, time of the last addition */
	*ret_erased = rbuf_u32le(&r);
	if (!rbuf_ok(&r))
		*ret_erased = 0;
	return true;
}

/* Reservation 0000: none is needed for whole entries (31.5). */
static enum bmc_ask_next
sel_next(struct bmc_ask *a, struct bmc_cmd *cmd)
{
	const uint8_t data[] = {
	    0, 0, (uint8_t)a->next, (uint8_t)(a->next >> 8), 0, WHOLE};

	switch ((enum sel_step)a->step) {
	case SEL_INFO: return sel_info(cmd);
	case SEL_ENTRY:
		return run(
		    cmd, BMC_NETFN_STORAGE, BMC_CMD_GET_SEL_ENTRY, data, sizeof(data));
	case SEL_END: break;
	}
	return BMC_ASK_DONE;
}

/* Whose times and texts are a machine's own words: escaped where they are shown. */
static void
describe(json_t *v, uint8_t type, uint8_t kind, uint8_t data1)
{
	const char *name = ipmi_get_sensor_type_string(type);
	unsigned offset = data1 & 0x0F;
	char text[128] = "";
	int n = -1;

	json_put_str(v, "sensor_type", name != NULL ? name : "OEM");
	json_put_bool(v, "asserted", (kind & 0x80) == 0);
	if ((kind & 0x7F) == 0x6F) /* sensor-specific, 42.1 */
		n = ipmi_get_sensor_type_message(type, offset, text, sizeof(text));
	else
		n = ipmi_get_generic_event_message(
		    kind & 0x7F, offset, text, sizeof(text));
	if (n > 0)
		json_put_str(v, "text", text);
}

static json_t *
entry_json(const uint8_t *e)
{
	struct rbuf r = rbuf_init(e, ENTRY);
	json_t *v = json_object();
	char text[CLOCK_TEXT_SIZE], hex[2 * ENTRY + 1];
	uint8_t type, sensor_type, number, kind;
	uint32_t at;

	json_put_i64(v, "id", rbuf_u16le(&r));
	type = rbuf_u8(&r);
	at = rbuf_u32le(&r);
	if (type <= TIMED_OEM_LAST && at > PRE_INIT && at != UINT32_MAX)
		json_put_str(
		    v, "at", clock_text((int64_t)at * USEC_PER_SEC, text, sizeof(text)));
	if (type == SYSTEM_EVENT) {
		rbuf_skip(&r, 3); /* generator, revision */
		sensor_type = rbuf_u8(&r);
		number = rbuf_u8(&r);
		kind = rbuf_u8(&r);
		json_put_i64(v, "sensor", number);
		describe(v, sensor_type, kind, rbuf_u8(&r));
	} else {
		json_put_i64(v, "oem", type);
	}
	for (int i = 0; i < ENTRY; i++)
		snprintf(hex + 2 * i, 3, "%02x", e[i]);
	json_put_str(v, "raw", hex);
	return v;
}

static void
take_entry(struct bmc_ask *a, const struct bmc_reply *rs)
{
	struct rbuf r = rbuf_init(rs->data, rs->len);
	uint16_t next = rbuf_u16le(&r);
	uint8_t e[ENTRY];

	/* It was emptied since we looked. */
	if (rs->code == BMC_COMPLETION_ABSENT) {
		a->step = SEL_END;
		return;
	}
	rbuf_copy(&r, e, sizeof(e));
	if (rs->code != BMC_COMPLETION_OK || !rbuf_ok(&r) || next == a->next ||
	    ++a->count > BMC_ASK_SEL_MAX) {
		(void)bmc_ask_failed(a, "Get SEL Entry", rs->code);
		return;
	}
	json_array_append_new(a->rows, entry_json(e));
	if (json_array_size(a->rows) > (size_t)a->what.last)
		json_array_remove(a->rows, 0);
	a->next = next;
	if (next == LAST)
		a->step = SEL_END;
}

static void
sel_take(struct bmc_ask *a, const struct bmc_reply *rs)
{
	if (a->step == SEL_ENTRY)
		take_entry(a, rs);
	else if (take_info(a, rs, &a->entries, &a->erased))
		a->step = a->entries > 0 ? SEL_ENTRY : SEL_END;
}

static enum bmc_ask_next
clear_next(struct bmc_ask *a, struct bmc_cmd *cmd)
{
	uint8_t data[] = {(uint8_t)a->reservation, (uint8_t)(a->reservation >> 8), 'C',
	    'L', 'R', a->step == CLEAR_ERASE ? ERASE : 0};

	switch ((enum clear_step)a->step) {
	case CLEAR_INFO:
	case CLEAR_LOOK: return sel_info(cmd);
	case CLEAR_RESERVE:
		return run(cmd, BMC_NETFN_STORAGE, BMC_CMD_RESERVE_SEL, NULL, 0);
	case CLEAR_ERASE:
	case CLEAR_STATUS:
		run(cmd, BMC_NETFN_STORAGE, BMC_CMD_CLEAR_SEL, data, sizeof(data));
		cmd->once = a->step == CLEAR_ERASE;
		return BMC_ASK_RUN;
	case CLEAR_WAIT: a->step = CLEAR_STATUS; return BMC_ASK_WAIT;
	case CLEAR_DOUBT: a->step = CLEAR_LOOK; return BMC_ASK_WAIT;
	case CLEAR_END: break;
	}
	return BMC_ASK_DONE;
}

static void
take_erase(struct bmc_ask *a, const struct bmc_reply *rs)
{
	/* Another client has reserved it meanwhile, or an event came: begin anew. */
	if (rs->code == BMC_COMPLETION_RESERVATION && a->lost++ < LOST_MAX)
		a->step = a->step == CLEAR_ERASE ? CLEAR_RESERVE : CLEAR_DOUBT;
	else if (rs->code != BMC_COMPLETION_OK || rs->len < 1 || a->count++ > POLLS_MAX)
		(void)bmc_ask_failed(a, "Clear SEL", rs->code);
	else
		a->step = (rs->data[0] & 0x0F) == ERASED ? CLEAR_END : CLEAR_WAIT;
}

/* Was it erased, though nobody said so? */
static void
take_look(struct bmc_ask *a, const struct bmc_reply *rs)
{
	int64_t entries;
	uint32_t erased;

	if (!take_info(a, rs, &entries, &erased))
		return;
	if (entries == 0 || entries < a->entries || erased != a->erased) {
		a->step = CLEAR_END;
	} else if (a->lost++ < LOST_MAX) {
		a->step = CLEAR_RESERVE;
	} else {
		a->fail = BMC_FAIL_TIMEOUT;
		snprintf(a->text, sizeof(a->text),
		    "Clear SEL was not answered, and the log is as it was");
	}
}

static void
clear_take(struct bmc_ask *a, const struct bmc_reply *rs)
{
	struct rbuf r = rbuf_init(rs->data, rs->len);

	if (a->step == CLEAR_INFO) {
		if (take_info(a, rs, &a->entries, &a->erased))
			a->step = CLEAR_RESERVE;
	} else if (a->step == CLEAR_LOOK) {
		take_look(a, rs);
	} else if (a->step == CLEAR_RESERVE) {
		a->reservation = rbuf_u16le(&r);
		if (rs->code != BMC_COMPLETION_OK || !rbuf_ok(&r))
			(void)bmc_ask_failed(a, "Reserve SEL", rs->code);
		a->step = CLEAR_ERASE;
	} else {
		take_erase(a, rs);
	}
}

/* ---- any of them ---- */

enum bmc_ask_next
bmc_ask_next(struct bmc_ask *a, struct bmc_cmd *ret)
{
	if (a->fail != BMC_FAIL_NONE)
		return BMC_ASK_FAIL;
	switch (a->what.kind) {
	case BMC_QUESTION_IDENTIFY: return identify(a, ret);
	case BMC_QUESTION_RESET: return reset(a, ret);
	case BMC_QUESTION_SEL: return sel_next(a, ret);
	case BMC_QUESTION_SEL_CLEAR: return clear_next(a, ret);
	case BMC_QUESTION_SENSORS: return bmc_ask_sensors_next(a, ret);
	case BMC_QUESTION_PASSWORD: return bmc_ask_password_next(a, ret);
	}
	return BMC_ASK_DONE;
}

void
bmc_ask_take(struct bmc_ask *a, const struct bmc_reply *rs)
{
	switch (a->what.kind) {
	case BMC_QUESTION_IDENTIFY: take_one(a, rs, "Chassis Identify"); return;
	case BMC_QUESTION_RESET: take_one(a, rs, "Cold Reset"); return;
	case BMC_QUESTION_SEL: sel_take(a, rs); return;
	case BMC_QUESTION_SEL_CLEAR: clear_take(a, rs); return;
	case BMC_QUESTION_SENSORS: bmc_ask_sensors_take(a, rs); return;
	case BMC_QUESTION_PASSWORD: bmc_ask_password_take(a, rs); return;
	}
}

void
bmc_ask_unanswered(struct bmc_ask *a)
{
	a->unanswered = true;
	if (a->what.kind == BMC_QUESTION_SEL_CLEAR)
		a->step = CLEAR_DOUBT;
	else
		a->step++;
}

json_t *
bmc_ask_json(const struct bmc_ask *a)
{
	json_t *v = json_object();

	switch (a->what.kind) {
	case BMC_QUESTION_IDENTIFY: json_put_i64(v, "seconds", a->what.seconds); break;
	case BMC_QUESTION_RESET: json_put_bool(v, "answered", !a->unanswered); break;
	case BMC_QUESTION_SEL:
		json_put_i64(v, "entries", a->entries);
		json_object_set(v, "sel", a->rows);
		break;
	case BMC_QUESTION_SEL_CLEAR: json_put_i64(v, "cleared", a->entries); break;
	case BMC_QUESTION_SENSORS:
		json_object_set(v, "sensors", a->rows);
		if (a->skipped > 0)
			json_put_i64(v, "skipped", a->skipped);
		break;
	case BMC_QUESTION_PASSWORD: break;
	}
	return v;
}
