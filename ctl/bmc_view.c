/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers of BMCs for people.
 *
 * Entry point: bmc_view_answer(). Nothing is owned. Failure modes: members that are absent are left
 * out; what a BMC says of itself is escaped, since it may say anything.
 */
#include "ctl/bmc_view.h"

#include <string.h>

#include "ctl/cmd_util.h"
#include "lib/compiler.h"
#include "lib/str.h"

/* "unknown (bmc-unreachable)"; what was perhaps done has not failed. */
static void
add_failure(enum bmc_verb verb, const json_t *row, struct text *out)
{
	const char *code = cmd_util_str(row, "code"),
		   *settled = cmd_util_str(json_object_get(row, "data"), "settled");
	bool unknown = verb == BMC_VERB_POWER_STATUS || str_eq(code, "answer-lost") ||
		       str_eq(code, "agent-silent");

	text_add(out, unknown ? "unknown (" : "failed (");
	text_add_escaped(out, code);
	text_add(out, ")");
	if (verb == BMC_VERB_ROTATE && str_eq(settled, "old"))
		text_add(out, "; the old password holds");
	else if (verb == BMC_VERB_ROTATE && str_eq(settled, "none"))
		text_add(out, "; both passwords are kept");
	else if (verb == BMC_VERB_ROTATE && str_eq(settled, "new"))
		text_add(out, "; the new password is stored");
}

/* A value of any kind as one word: lists joined with ','. */
static void
add_value(const json_t *v, struct text *out)
{
	const json_t *item;
	size_t i;

	if (json_is_string(v))
		text_add_escaped(out, json_string_value(v));
	else if (json_is_boolean(v))
		text_add(out, json_is_true(v) ? "yes" : "no");
	else if (json_is_integer(v))
		text_addf(out, "%lld", (long long)json_integer_value(v));
	else if (json_is_array(v) && json_array_size(v) == 0)
		text_add(out, "none");
	json_array_foreach (v, i, item) {
		text_add(out, i > 0 ? "," : "");
		add_value(item, out);
	}
}

static const json_t *
member(const json_t *v, const char *a, const char *b)
{
	return json_object_get(json_object_get(v, a), b);
}

static void
new_line(struct text *out)
{
	if (text_str(out)[0] != '\0')
		text_add(out, "\n");
}

/* "name: value", with a note in brackets where there is one; nothing for an absent value. */
static void
add_pair(const char *name, const json_t *v, const char *note, struct text *out)
{
	if (v == NULL || json_is_null(v))
		return;
	new_line(out);
	text_add_escaped(out, name);
	text_add(out, ": ");
	add_value(v, out);
	if (note[0] != '\0') {
		text_add(out, " (");
		text_add_escaped(out, note);
		text_add(out, ")");
	}
}

/* What was refused says so; it was asked, and that is known too. */
static void
add_learned(const json_t *l, struct text *out)
{
	const char *vendor = json_string_value(member(l, "device", "vendor"));

	if (!json_is_object(l)) {
		text_add(out, "not probed");
		return;
	}
	add_pair("seen", json_object_get(l, "seen_at"), "", out);
	add_pair("manufacturer", member(l, "device", "manufacturer"),
	    vendor != NULL ? vendor : "", out);
	add_pair("product", member(l, "device", "product"), "", out);
	add_pair("firmware", member(l, "device", "firmware"), "", out);
	add_pair("cipher suites", member(l, "cipher_suites", "value"), "", out);
	add_pair("cipher", json_object_get(l, "cipher"), "", out);
	add_pair("privilege", member(l, "privilege", "value"), "", out);
	add_pair("session limit", member(l, "sessions", "limit"), "", out);
	add_pair("K_g set", member(l, "capabilities", "kg_set"), "", out);
	add_pair("flags read back valid", member(l, "flags_read_back", "valid"), "", out);
	add_pair("flags read back EFI", member(l, "flags_read_back", "efi"), "", out);
	add_pair("SOL", member(l, "sol", "enabled"), "", out);
	add_pair("SOL speed", member(l, "sol", "baud"), "", out);
}

/* Where a value is from: "vendor, IPMI quirk list …". */
static void
add_manner(const char *name, const json_t *m, bool blame, struct text *out)
{
	const char *from = cmd_util_str(m, "from"), *source = cmd_util_str(m, "source");
	struct text note = {0};

	if (!blame && str_eq(from, "default"))
		return;
	text_add(&note, from);
	if (source[0] != '\0' && blame)
		text_addf(&note, ", %s", source);
	add_pair(name, json_object_get(m, "value"), text_str(&note), out);
	text_done(&note);
}

static void
add_known(const json_t *data, bool blame, struct text *out)
{
	const char *name;
	json_t *m;

	add_learned(json_object_get(data, "learned"), out);
	json_object_foreach (json_object_get(data, "manners"), name, m)
		add_manner(name, m, blame, out);
}

static long long
number(const json_t *v, const char *key)
{
	return (long long)json_integer_value(json_object_get(v, key));
}

static void
add_identify(const json_t *data, struct text *out)
{
	long long s = number(data, "seconds");

	if (s == 0)
		text_add(out, "off");
	else if (s < 0)
		text_add(out, "on");
	else
		text_addf(out, "on for %llds", s);
}

static void
add_reset(const json_t *data, struct text *out)
{
	text_addf(out, "answers again after %llds", number(data, "seconds"));
	if (!json_is_true(json_object_get(data, "was_away")))
		text_add(
		    out, ", and was never seen away: whether it restarted is not known");
}

/* "CPU Temp: 45 degrees C (ok)", "PSU1 Status: Presence detected (ok)" */
static void
add_sensor(const json_t *s, struct text *out)
{
	const json_t *value = json_object_get(s, "value"),
		     *states = json_object_get(s, "states");

	new_line(out);
	text_add_escaped(out, cmd_util_str(s, "name"));
	text_add(out, ": ");
	if (json_is_number(value)) {
		text_addf(out, "%.10g ", json_number_value(value));
		text_add_escaped(out, cmd_util_str(s, "unit"));
		text_add(out, " ");
	} else if (json_array_size(states) > 0) {
		add_value(states, out);
		text_add(out, " ");
	}
	text_add(out, "(");
	text_add_escaped(out, cmd_util_str(s, "status"));
	text_add(out, ")");
}

static void
add_sensors(const json_t *data, struct text *out)
{
	const json_t *s;
	size_t i;

	json_array_foreach (json_object_get(data, "sensors"), i, s)
		add_sensor(s, out);
	if (i == 0)
		text_add(out, "no sensors");
}

/* "12 2026-01-31T09:30:00.000Z Fan: Lower Critical going low" */
static void
add_entry(const json_t *e, struct text *out)
{
	const char *at = cmd_util_str(e, "at"), *words = cmd_util_str(e, "text");

	new_line(out);
	text_addf(out, "%lld ", number(e, "id"));
	text_add_escaped(out, at[0] != '\0' ? at : "-");
	text_add(out, " ");
	if (json_object_get(e, "oem") != NULL) {
		text_addf(out, "OEM record %02llx: ", number(e, "oem"));
		text_add_escaped(out, cmd_util_str(e, "raw"));
		return;
	}
	text_add_escaped(out, cmd_util_str(e, "sensor_type"));
	text_addf(out, " %lld: ", number(e, "sensor"));
	text_add_escaped(out, words[0] != '\0' ? words : cmd_util_str(e, "raw"));
	if (!json_is_true(json_object_get(e, "asserted")))
		text_add(out, " (over)");
}

static void
add_sel(const json_t *data, struct text *out)
{
	const json_t *e;
	size_t i;

	json_array_foreach (json_object_get(data, "sel"), i, e)
		add_entry(e, out);
	if (i == 0)
		text_add(out, "empty");
}

static void
add_findings(const json_t *data, struct text *out)
{
	const json_t *f;
	size_t i;

	json_array_foreach (json_object_get(data, "findings"), i, f) {
		new_line(out);
		text_add_escaped(out, cmd_util_str(f, "level"));
		text_add(out, ": ");
		text_add_escaped(out, cmd_util_str(f, "code"));
		text_add(out, ": ");
		text_add_escaped(out, cmd_util_str(f, "text"));
		text_add(out, ": ");
		text_add_escaped(out, cmd_util_str(f, "next"));
	}
	if (i == 0)
		text_add(out, "nothing found");
}

void
bmc_view_answer(enum bmc_verb verb, const json_t *row, bool blame, struct text *out)
{
	if (cmd_util_str(row, "code")[0] != '\0') {
		add_failure(verb, row, out);
		return;
	}
	switch (verb) {
	case BMC_VERB_POWER_STATUS:
		text_add_escaped(out, cmd_util_str(row, "power"));
		break;
	case BMC_VERB_PROBE: add_known(json_object_get(row, "data"), false, out); break;
	case BMC_VERB_SHOW: add_known(json_object_get(row, "data"), blame, out); break;
	case BMC_VERB_IDENTIFY: add_identify(json_object_get(row, "data"), out); break;
	case BMC_VERB_SENSORS: add_sensors(json_object_get(row, "data"), out); break;
	case BMC_VERB_SEL: add_sel(json_object_get(row, "data"), out); break;
	case BMC_VERB_SEL_CLEAR:
		text_addf(out, "cleared (%lld entries)",
		    number(json_object_get(row, "data"), "cleared"));
		break;
	case BMC_VERB_RESET: add_reset(json_object_get(row, "data"), out); break;
	case BMC_VERB_RESUME: text_add(out, "resumed: it is asked again"); break;
	case BMC_VERB_ROTATE: text_add(out, "rotated"); break;
	case BMC_VERB_AUDIT: add_findings(json_object_get(row, "data"), out); break;
	}
}
