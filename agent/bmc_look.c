/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The thorough look.
 *
 * A table of requests, asked one after the other; a refusal is an answer. All of them read, but for
 * one: whether a BMC keeps the valid and EFI bits of its boot flags shows only when they are set. So
 * "no override, valid, EFI" (A0 00 00 00 00), which sends no machine anywhere else, is set, read, and
 * what was there is put back; and that only where parameter 5 could be read and no override is
 * pending. Should the look break off in between, flags stay behind that mean nothing.
 *
 * Entry points: bmc_look_next(), bmc_look_take(), bmc_look_json(). Answers are kept as octets and
 * read when the document is made, by bounded cursors: what a BMC says is not trusted to have the
 * length it should. Nothing can fail; what was not understood is not in the document.
 */
#include "agent/bmc_look.h"

#include <stdio.h>
#include <string.h>

#include "agent/bmc_error.h"
#include "agent/bmc_vendors.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"

enum {
	THIS_CHANNEL = 0x0E,
	EXTENDED = 0x80,       /* 22.13: with the octet of IPMI 2.0 */
	BY_SUITE = 0x80,       /* 22.15: records of suites, not of algorithms */
	SUITES_AT_ONCE = 16,   /* octets an answer holds when more follow */
	START_STANDARD = 0xC0, /* of a record, 22.15.1 */
	START_OEM = 0xC1,
	OEM_IANA = 3,
};

/* ---- asking ---- */

static bool
ask(struct bmc_cmd *cmd, uint8_t netfn, uint8_t what, const uint8_t *data, uint8_t len)
{
	*cmd = (struct bmc_cmd){.netfn = netfn, .cmd = what, .len = len};
	memcpy(cmd->data, data, len);
	return true;
}

static bool
ask_device(struct bmc_look *l, struct bmc_cmd *cmd)
{
	(void)l;
	return ask(cmd, BMC_NETFN_APP, BMC_CMD_GET_DEVICE_ID, (const uint8_t[]){0}, 0);
}

static bool
ask_capabilities(struct bmc_look *l, struct bmc_cmd *cmd)
{
	return ask(cmd, BMC_NETFN_APP, BMC_CMD_GET_CHANNEL_AUTH,
	    (const uint8_t[]){THIS_CHANNEL | EXTENDED, l->level}, 2);
}

static bool
ask_suites(struct bmc_look *l, struct bmc_cmd *cmd)
{
	return ask(cmd, BMC_NETFN_APP, BMC_CMD_GET_CIPHER_SUITES,
	    (const uint8_t[]){
		THIS_CHANNEL, BMC_PAYLOAD_IPMI, (uint8_t)(BY_SUITE | l->index)},
	    3);
}

static bool
ask_session(struct bmc_look *l, struct bmc_cmd *cmd)
{
	(void)l;
	return ask(cmd, BMC_NETFN_APP, BMC_CMD_GET_SESSION_INFO, (const uint8_t[]){0}, 1);
}

static bool
ask_option(struct bmc_look *l, struct bmc_cmd *cmd)
{
	return ask(cmd, BMC_NETFN_CHASSIS, BMC_CMD_GET_BOOT_OPTIONS,
	    (const uint8_t[]){(uint8_t)l->index, 0, 0}, 3);
}

/* The five octets of the boot flags as they were; false: not known. */
static bool
old_flags(const struct bmc_look *l, uint8_t ret[5])
{
	const struct bmc_look_answer *a = &l->options[BMC_BOOTOPT_FLAGS];
	struct rbuf r = rbuf_init(a->data, a->len);

	rbuf_skip(&r, 1); /* version */
	if ((rbuf_u8(&r) & 0x7F) != BMC_BOOTOPT_FLAGS || a->code != BMC_COMPLETION_OK)
		return false;
	rbuf_copy(&r, ret, 5);
	return rbuf_ok(&r);
}

static bool
ask_set(struct bmc_look *l, struct bmc_cmd *cmd)
{
	uint8_t old[5];

	if (!l->may_set || !old_flags(l, old) || (old[0] & BMC_BOOTFLAG_VALID))
		return false;
	l->ours = true;
	return ask(cmd, BMC_NETFN_CHASSIS, BMC_CMD_SET_BOOT_OPTIONS,
	    (const uint8_t[]){
		BMC_BOOTOPT_FLAGS, BMC_BOOTFLAG_VALID | BMC_BOOTFLAG_EFI, 0, 0, 0, 0},
	    6);
}

static bool
ask_back(struct bmc_look *l, struct bmc_cmd *cmd)
{
	if (!l->ours || l->set.code != BMC_COMPLETION_OK)
		return false;
	return ask(cmd, BMC_NETFN_CHASSIS, BMC_CMD_GET_BOOT_OPTIONS,
	    (const uint8_t[]){BMC_BOOTOPT_FLAGS, 0, 0}, 3);
}

static bool
ask_restore(struct bmc_look *l, struct bmc_cmd *cmd)
{
	uint8_t data[6] = {BMC_BOOTOPT_FLAGS};

	if (!l->ours || !old_flags(l, data + 1))
		return false;
	return ask(cmd, BMC_NETFN_CHASSIS, BMC_CMD_SET_BOOT_OPTIONS, data, 6);
}

static bool
ask_sol(struct bmc_look *l, struct bmc_cmd *cmd)
{
	return ask(cmd, BMC_NETFN_TRANSPORT, BMC_CMD_GET_SOL_PARAMETERS,
	    (const uint8_t[]){THIS_CHANNEL, (uint8_t)l->index, 0, 0}, 4);
}

/* 22.27: the first octet has how many ids there are. */
static bool
is_user(const struct bmc_look *l, unsigned id)
{
	const struct bmc_look_answer *first = &l->access[1];

	return l->want_users &&
	       (id == 1 || (first->code == BMC_COMPLETION_OK && first->len > 0 &&
			       id <= (first->data[0] & 0x3FU)));
}

static bool
ask_access(struct bmc_look *l, struct bmc_cmd *cmd)
{
	if (!is_user(l, l->index))
		return false;
	return ask(cmd, BMC_NETFN_APP, BMC_CMD_GET_USER_ACCESS,
	    (const uint8_t[]){THIS_CHANNEL, (uint8_t)l->index}, 2);
}

static bool
ask_name(struct bmc_look *l, struct bmc_cmd *cmd)
{
	if (!is_user(l, l->index) || l->access[l->index].code != BMC_COMPLETION_OK)
		return false;
	return ask(cmd, BMC_NETFN_APP, BMC_CMD_GET_USER_NAME,
	    (const uint8_t[]){(uint8_t)l->index}, 1);
}

/* ---- answers ---- */

static void
keep(struct bmc_look_answer *a, const struct bmc_reply *rs)
{
	a->asked = true;
	a->code = rs->code;
	a->len = rs->len < sizeof(a->data) ? rs->len : sizeof(a->data);
	memcpy(a->data, rs->data, a->len);
}

static void
take_device(struct bmc_look *l, const struct bmc_reply *rs)
{
	keep(&l->device, rs);
}

static void
take_capabilities(struct bmc_look *l, const struct bmc_reply *rs)
{
	keep(&l->capabilities, rs);
}

/* After the channel number: up to 16 octets, and fewer are the last. */
static void
take_suites(struct bmc_look *l, const struct bmc_reply *rs)
{
	size_t n = rs->len > 1 ? rs->len - 1U : 0;

	keep(&l->suites_answer, rs);
	if (rs->code != BMC_COMPLETION_OK || n > SUITES_AT_ONCE ||
	    n > sizeof(l->suites) - l->suites_len)
		n = 0;
	memcpy(l->suites + l->suites_len, rs->data + 1, n);
	l->suites_len = (uint8_t)(l->suites_len + n);
	if (n < SUITES_AT_ONCE)
		l->index = BMC_LOOK_SUITES_MAX; /* no more */
}

static void
take_session(struct bmc_look *l, const struct bmc_reply *rs)
{
	keep(&l->session, rs);
}

static void
take_option(struct bmc_look *l, const struct bmc_reply *rs)
{
	keep(&l->options[l->index], rs);
}

static void
take_set(struct bmc_look *l, const struct bmc_reply *rs)
{
	keep(&l->set, rs);
}

static void
take_back(struct bmc_look *l, const struct bmc_reply *rs)
{
	keep(&l->flags_back, rs);
}

static void
take_restore(struct bmc_look *l, const struct bmc_reply *rs)
{
	(void)rs;
	l->ours = false;
}

static void
take_sol(struct bmc_look *l, const struct bmc_reply *rs)
{
	keep(&l->sol[l->index], rs);
}

static void
take_access(struct bmc_look *l, const struct bmc_reply *rs)
{
	keep(&l->access[l->index], rs);
}

static void
take_name(struct bmc_look *l, const struct bmc_reply *rs)
{
	keep(&l->names[l->index], rs);
}

static const struct {
	bool (*ask)(struct bmc_look *l, struct bmc_cmd *cmd);
	void (*take)(struct bmc_look *l, const struct bmc_reply *rs);
	unsigned first, last; /* of l->index */
} steps[] = {
    {ask_device, take_device, 0, 0},
    {ask_capabilities, take_capabilities, 0, 0},
    {ask_suites, take_suites, 0, BMC_LOOK_SUITES_MAX / SUITES_AT_ONCE - 1},
    {ask_session, take_session, 0, 0},
    {ask_option, take_option, 0, BMC_LOOK_OPTIONS - 1},
    {ask_set, take_set, 0, 0},
    {ask_back, take_back, 0, 0},
    {ask_restore, take_restore, 0, 0},
    {ask_sol, take_sol, 1, 2}, /* enabled, authentication */
    {ask_sol, take_sol, 5, 6}, /* bit rates, kept and present */
    {ask_sol, take_sol, 8, 8}, /* port */
    {ask_access, take_access, 1, BMC_LOOK_USERS_MAX},
    {ask_name, take_name, 1, BMC_LOOK_USERS_MAX},
};

bool
bmc_look_next(struct bmc_look *l, struct bmc_cmd *ret)
{
	for (; l->step < ARRAY_SIZE(steps); l->step++, l->index = 0) {
		if (l->index < steps[l->step].first)
			l->index = steps[l->step].first;
		if (l->index <= steps[l->step].last && steps[l->step].ask(l, ret))
			return true;
	}
	return false;
}

void
bmc_look_take(struct bmc_look *l, const struct bmc_reply *rs)
{
	if (l->step >= ARRAY_SIZE(steps))
		return;
	steps[l->step].take(l, rs);
	l->index++;
}

bool
bmc_look_device(const struct bmc_reply *rs, struct bmc_device *ret)
{
	struct rbuf r = rbuf_init(rs->data, rs->len);
	struct bmc_device d = {.known = true};
	uint32_t low;

	rbuf_skip(&r, 2); /* device id and revision */
	d.fw_major = rbuf_u8(&r) & 0x7F;
	d.fw_minor = rbuf_u8(&r);
	rbuf_skip(&r, 2); /* IPMI version, capabilities */
	low = rbuf_u16le(&r);
	d.manufacturer = low | (uint32_t)(rbuf_u8(&r) & 0x0F) << 16; /* 20 bits */
	d.product = rbuf_u16le(&r);
	if (rs->code != BMC_COMPLETION_OK || !rbuf_ok(&r))
		return false;
	*ret = d;
	return true;
}

/* 28.11: the cause is in bits 3:0 of the first octet; which channel it came by follows, and some leave that out. */
bool
bmc_look_restart(const struct bmc_reply *rs, struct bmc_restart *ret)
{
	if (rs->code != BMC_COMPLETION_OK || rs->len < 1)
		return false;
	*ret = (struct bmc_restart){.known = true, .cause = rs->data[0] & 0x0F};
	return true;
}

bool
bmc_look_flags(const struct bmc_reply *rs, struct bmc_bootflags *ret)
{
	struct rbuf r = rbuf_init(rs->data, rs->len);
	struct bmc_bootflags f = {.known = true};

	rbuf_skip(&r, 1); /* parameter version */
	if ((rbuf_u8(&r) & 0x7F) != BMC_BOOTOPT_FLAGS || rs->code != BMC_COMPLETION_OK)
		return false;
	rbuf_copy(&r, f.raw, sizeof(f.raw));
	if (!rbuf_ok(&r))
		return false;
	f.valid = f.raw[0] & BMC_BOOTFLAG_VALID;
	f.persistent = f.raw[0] & BMC_BOOTFLAG_PERSISTENT;
	f.efi = f.raw[0] & BMC_BOOTFLAG_EFI;
	f.device = (f.raw[1] >> BMC_BOOTDEV_SHIFT) & BMC_BOOTDEV_MASK;
	*ret = f;
	return true;
}

/* ---- the document ---- */

static void
put_raw(json_t *v, const char *key, const uint8_t *data, size_t len)
{
	char hex[2 * BMC_LOOK_SUITES_MAX + 1] = "";

	for (size_t i = 0; i < len && i < BMC_LOOK_SUITES_MAX; i++)
		snprintf(hex + 2 * i, 3, "%02x", data[i]);
	json_put_str(v, key, hex);
}

/* What every value has: which request showed it, and its octets or why there are none. NULL: it was
 * not asked. */
static json_t *
evidence(const struct bmc_look_answer *a, const char *by)
{
	json_t *v;
	char code[3];

	if (!a->asked)
		return NULL;
	v = json_object();
	json_put_str(v, "by", by);
	put_raw(v, "raw", a->data, a->len);
	if (a->code != BMC_COMPLETION_OK) {
		snprintf(code, sizeof(code), "%02X", a->code);
		json_put_str(v, "refused", code);
		json_put_str(v, "why", bmc_error_completion_text(a->code));
	}
	return v;
}

static bool
good(const struct bmc_look_answer *a, size_t len)
{
	return a->asked && a->code == BMC_COMPLETION_OK && a->len >= len;
}

static json_t *
device_json(const struct bmc_look *l)
{
	json_t *v = evidence(&l->device, "Get Device ID");
	struct bmc_reply rs = {.code = l->device.code, .len = l->device.len};
	struct bmc_device d;
	char text[16];

	memcpy(rs.data, l->device.data, l->device.len);
	if (!l->device.asked || !bmc_look_device(&rs, &d))
		return v;
	json_put_i64(v, "manufacturer", d.manufacturer);
	json_put_str(v, "vendor", bmc_vendors_name(d.manufacturer));
	json_put_i64(v, "product", d.product);
	json_put_i64(v, "firmware_major", d.fw_major);
	json_put_i64(v, "firmware_minor", d.fw_minor);
	snprintf(text, sizeof(text), "%u.%02x", d.fw_major, d.fw_minor);
	json_put_str(v, "firmware", text);
	return v;
}

/* Table 22-15: after the channel and the types of IPMI 1.5 */
static json_t *
capabilities_json(const struct bmc_look *l)
{
	static const struct {
		const char *name;
		uint8_t octet, bit;
	} bits[] = {{"anonymous_login", 2, 0x01}, {"null_user_names", 2, 0x02},
	    {"other_user_names", 2, 0x04}, {"kg_set", 2, 0x20}, {"ipmi_1_5", 3, 0x01},
	    {"ipmi_2_0", 3, 0x02}};
	json_t *v = evidence(&l->capabilities, "Get Channel Authentication Capabilities");

	for (size_t i = 0; i < ARRAY_SIZE(bits) && good(&l->capabilities, 4); i++)
		json_put_bool(
		    v, bits[i].name, l->capabilities.data[bits[i].octet] & bits[i].bit);
	return v;
}

static json_t *
suites_json(const struct bmc_look *l)
{
	json_t *v = evidence(&l->suites_answer, "Get Channel Cipher Suites"), *ids;
	struct rbuf r = rbuf_init(l->suites, l->suites_len);

	if (v == NULL || l->suites_len == 0)
		return v;
	ids = json_array();
	while (rbuf_left(&r) > 0) {
		uint8_t start = rbuf_u8(&r), id;

		if (start != START_STANDARD && start != START_OEM)
			continue; /* an algorithm of the present record */
		id = rbuf_u8(&r);
		if (start == START_OEM)
			rbuf_skip(&r, OEM_IANA);
		if (rbuf_ok(&r) && start == START_STANDARD)
			json_array_append_new(ids, json_integer(id));
	}
	json_put(v, "value", ids);
	put_raw(v, "raw", l->suites, l->suites_len);
	return v;
}

/* Table 22-25: handle, possible active sessions, active now */
static json_t *
session_json(const struct bmc_look *l)
{
	json_t *v = evidence(&l->session, "Get Session Info");

	if (good(&l->session, 3)) {
		json_put_i64(v, "limit", l->session.data[1] & 0x3F);
		json_put_i64(v, "active", l->session.data[2] & 0x3F);
	}
	return v;
}

static json_t *
options_json(const struct bmc_look *l)
{
	json_t *v = json_object();
	char key[4];

	for (unsigned i = 0; i < BMC_LOOK_OPTIONS; i++) {
		snprintf(key, sizeof(key), "%u", i);
		if (l->options[i].asked)
			json_put(
			    v, key, evidence(&l->options[i], "Get System Boot Options"));
	}
	return v;
}

/* Which of the two bits that were set are there when it is read: 1 both, 0 not both, -1 not known. */
static int
reads_back(const struct bmc_look *l)
{
	const struct bmc_look_answer *a = &l->flags_back;
	uint8_t both = BMC_BOOTFLAG_VALID | BMC_BOOTFLAG_EFI;

	if (!good(a, 7) || (a->data[1] & 0x7F) != BMC_BOOTOPT_FLAGS)
		return -1;
	return (a->data[2] & both) == both;
}

static json_t *
flags_json(const struct bmc_look *l)
{
	json_t *v = evidence(
	    &l->flags_back, "Set and Get System Boot Options 5, set to A0 00 00 00 00");

	if (reads_back(l) >= 0) {
		json_put_bool(v, "valid", l->flags_back.data[2] & BMC_BOOTFLAG_VALID);
		json_put_bool(v, "efi", l->flags_back.data[2] & BMC_BOOTFLAG_EFI);
	}
	return v;
}

/* Table 26-5: bit rate of parameters 5 and 6; 0: as the serial channel's, or none of these. */
static int64_t
baud(const struct bmc_look *l, unsigned parameter)
{
	static const int64_t rates[] = {
	    [6] = 9600, [7] = 19200, [8] = 38400, [9] = 57600, [10] = 115200};
	uint8_t code;

	if (!good(&l->sol[parameter], 2))
		return 0;
	code = l->sol[parameter].data[1] & 0x0F;
	return code < ARRAY_SIZE(rates) ? rates[code] : 0;
}

static json_t *
sol_json(const struct bmc_look *l)
{
	json_t *v = json_object(), *raw = json_object();
	char key[4];

	for (unsigned i = 1; i <= BMC_LOOK_SOL_MAX; i++) {
		snprintf(key, sizeof(key), "%u", i);
		if (l->sol[i].asked)
			json_put(raw, key,
			    evidence(&l->sol[i], "Get SOL Configuration Parameters"));
	}
	if (good(&l->sol[1], 2))
		json_put_bool(v, "enabled", l->sol[1].data[1] & 1);
	if (good(&l->sol[2], 2))
		json_put_i64(v, "level", l->sol[2].data[1] & 0x0F);
	if (baud(l, 6) != 0)
		json_put_i64(v, "baud", baud(l, 6));
	if (baud(l, 5) != 0)
		json_put_i64(v, "baud_kept", baud(l, 5));
	if (good(&l->sol[8], 3))
		json_put_i64(v, "port", l->sol[8].data[1] | l->sol[8].data[2] << 8);
	json_put(v, "parameters", raw);
	return v;
}

/* What of it decides how this BMC is treated, in the words of bmc_manners.h. */
static json_t *
manners_json(const struct bmc_look *l)
{
	json_t *v = json_object();
	int64_t rate = baud(l, 6) != 0 ? baud(l, 6) : baud(l, 5);

	if (reads_back(l) == 0)
		json_put_str(v, bmc_manners_name(BMC_MANNER_VERIFY), "device");
	if (good(&l->session, 3) && (l->session.data[1] & 0x3F) != 0)
		json_put_i64(v, bmc_manners_name(BMC_MANNER_SESSION_LIMIT),
		    l->session.data[1] & 0x3F);
	if (rate != 0)
		json_put_i64(v, bmc_manners_name(BMC_MANNER_SOL_BAUD), rate);
	if (l->pace.gap != 0)
		json_put_i64(v, bmc_manners_name(BMC_MANNER_COMMAND_GAP),
		    l->pace.gap / USEC_PER_MSEC);
	return v;
}

static json_t *
pace_json(const struct bmc_look *l)
{
	return json_pack("{s:s, s:i, s:i, s:i, s:I}", "by",
	    "the answers to all requests of this look", "requests", (int)l->pace.requests,
	    "busy", (int)l->pace.busy, "sessions_lost", (int)l->pace.lost,
	    "command_gap_ms", (json_int_t)(l->pace.gap / USEC_PER_MSEC));
}

/* NULL: none was. No control is sent to find out. */
static json_t *
wrong_state_json(const struct bmc_look *l)
{
	static const struct {
		uint8_t control;
		const char *name;
	} controls[] = {{BMC_CHASSIS_OFF, "off"}, {BMC_CHASSIS_ON, "on"},
	    {BMC_CHASSIS_CYCLE, "cycle"}, {BMC_CHASSIS_RESET, "reset"},
	    {BMC_CHASSIS_SOFT, "soft"}};
	const json_t *old = json_object_get(l->before, "controls");
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(controls); i++) {
		bool had = l->wrong_state & 1U << controls[i].control;
		const json_t *v;
		size_t k;

		json_array_foreach ((json_t *)(uintptr_t)old, k, v)
			had = had || str_eq(json_string_value(v), controls[i].name);
		if (had)
			json_array_append_new(list, json_string(controls[i].name));
	}
	if (json_array_size(list) > 0)
		return json_pack("{s:s, s:s, s:o}", "by",
		    "Chassis Control of earlier calls", "code", "D5h", "controls", list);
	json_decref(list);
	return NULL;
}

static void
put_if(json_t *v, const char *key, json_t *value)
{
	if (value != NULL)
		json_put(v, key, value);
}

/* Names are padded with NULs, or fill all 16 octets; they are what somebody typed at the BMC. The two highest
 * bits of the second octet of Get User Access say whether the user is enabled, where they say anything. */
static json_t *
users_json(const struct bmc_look *l)
{
	json_t *list = json_array();

	for (unsigned id = 1; id <= BMC_LOOK_USERS_MAX; id++) {
		const struct bmc_look_answer *a = &l->access[id], *n = &l->names[id];
		unsigned enabled = a->len > 1 ? a->data[1] >> 6 : 0;
		char name[4 * 16 + 1];
		json_t *u;

		if (!n->asked || n->code != BMC_COMPLETION_OK || n->len < 16)
			continue;
		u = json_pack("{s:i, s:s}", "id", (int)id, "name",
		    str_escape(name, sizeof(name), (const char *)n->data,
			strnlen((const char *)n->data, 16)));
		if (enabled == 1 || enabled == 2)
			json_put_bool(u, "enabled", enabled == 1);
		json_array_append_new(list, u);
	}
	return list;
}

json_t *
bmc_look_json(const struct bmc_look *l, int cipher, int64_t seen_at)
{
	json_t *v = json_object(), *level = json_object();
	char at[CLOCK_TEXT_SIZE];

	if (seen_at != 0)
		json_put_str(v, "seen_at", clock_text(seen_at, at, sizeof(at)));
	put_if(v, "device", device_json(l));
	put_if(v, "capabilities", capabilities_json(l));
	put_if(v, "cipher_suites", suites_json(l));
	json_put_i64(v, "cipher", cipher);
	json_put_str(level, "value",
	    l->level == BMC_PRIVILEGE_ADMIN ? "administrator" : "operator");
	json_put_str(level, "by", "Set Session Privilege Level");
	json_put(v, "privilege", level);
	put_if(v, "sessions", session_json(l));
	json_put(v, "boot_options", options_json(l));
	put_if(v, "flags_read_back", flags_json(l));
	json_put(v, "sol", sol_json(l));
	if (l->want_users)
		json_put(v, "users", users_json(l));
	json_put(v, "pace", pace_json(l));
	put_if(v, "wrong_state", wrong_state_json(l));
	json_put(v, "manners", manners_json(l));
	return v;
}
