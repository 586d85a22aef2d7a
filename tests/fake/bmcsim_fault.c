/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Faults and values by name, and a BMC's state as JSON, for the configuration, the control
 * socket and tests. Entry points: bmcsim_set_fault(), bmcsim_fault_name(),
 * bmcsim_set_value(), bmcsim_describe(). */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/compiler.h"
#include "tests/fake/bmcsim_core.h"

#define FAULT(name)                                         \
	{                                                   \
#name, offsetof(struct bmcsim_faults, name) \
	}

static const struct {
	const char *name;
	size_t at;
} faults[] = {
    FAULT(dead),
    FAULT(drop),
    FAULT(delay_ms),
    FAULT(busy),
    FAULT(busy_control),
    FAULT(busy_code),
    FAULT(d5),
    FAULT(refuse_options),
    FAULT(drop_efi),
    FAULT(drop_valid),
    FAULT(forget_at_off),
    FAULT(ignore_soft),
    FAULT(refuse_soft),
    FAULT(ignore_off),
    FAULT(lose_on),
    FAULT(off_ms),
    FAULT(soft_ms),
    FAULT(on_ms),
    FAULT(cycle_ms),
    FAULT(lie),
    FAULT(suites),
    FAULT(suite_silent),
    FAULT(echo_level),
    FAULT(open_level_keys),
    FAULT(rakp3_once),
    FAULT(no_slots),
    FAULT(refuse_control),
    FAULT(lose_reply),
    FAULT(control_c3),
    FAULT(lose_cmd),
    FAULT(no_dedup),
    FAULT(forget_session),
    FAULT(level_limit),
    FAULT(no_caps),
    FAULT(bad_icv),
    FAULT(garbage),
    FAULT(garbage_kind),
    FAULT(duplicate),
    FAULT(reorder),
    FAULT(reorder_ms),
    FAULT(malformed),
    FAULT(no_cause),
    FAULT(no_ping),
    FAULT(reboot),
    FAULT(reboot_after),
    FAULT(reboot_ms),
    FAULT(reset_silent),
    FAULT(hold),
    FAULT(hold_skip),
    FAULT(hold_done),
    FAULT(ff_ms),
    FAULT(min_interval_ms),
    FAULT(min_session_ms),
    FAULT(crash_ms),
    FAULT(revive),
    FAULT(slow_ms),
    FAULT(slow_cmd),
    FAULT(slots),
    FAULT(leak_close),
    FAULT(session_ms),
    FAULT(wrong_password),
    FAULT(wrong_kg),
    FAULT(lockout),
    FAULT(lockout_ms),
    FAULT(weak),
    FAULT(authcap),
    FAULT(intel20),
    FAULT(long_rakp2),
    FAULT(icv0),
    FAULT(bad_checksum),
    FAULT(no_password20),
    FAULT(cut_password),
    FAULT(keep_password),
    FAULT(forget_flags),
    FAULT(drop_efi_read),
    FAULT(sol_drop),
    FAULT(sol_drop_after),
    FAULT(sol_stall),
    FAULT(sol_wrong_ack),
    FAULT(sol_nack),
    FAULT(sol_partial),
    FAULT(sol_chunk),
    FAULT(sol_payload_size),
    FAULT(sol_port),
    FAULT(sol_no_status),
    FAULT(sol_no_support),
    FAULT(sol_alerts),
    FAULT(sol_stuck),
    FAULT(sol_refuse),
};

int
bmcsim_set_fault(struct bmcsim_faults *f, const char *name, int value)
{
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		if (strcmp(faults[i].name, name) != 0)
			continue;
		memcpy((char *)f + faults[i].at, &value, sizeof value);
		return 0;
	}
	return -EINVAL;
}

const char *
bmcsim_fault_name(const struct bmcsim_faults *f, size_t i, int *ret_value)
{
	if (i >= ARRAY_SIZE(faults))
		return NULL;
	memcpy(ret_value, (const char *)f + faults[i].at, sizeof *ret_value);
	return faults[i].name;
}

static int
nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Octets from "0x…" or plain hexadecimal, filled up with zeros. */
static int
set_octets(const char *text, uint8_t *out, size_t size)
{
	size_t n;

	if (strncmp(text, "0x", 2) == 0)
		text += 2;
	n = strlen(text);
	if (n % 2 != 0 || n > 2 * size)
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (nibble(text[i]) < 0)
			return -EINVAL;
	memset(out, 0, size);
	for (size_t i = 0; i < n; i += 2)
		out[i / 2] = (uint8_t)(nibble(text[i]) << 4 | nibble(text[i + 1]));
	return 0;
}

/* "2.17": the part after the point is BCD (20.1). */
static int
set_firmware(struct bmcsim_identity *id, const char *text)
{
	unsigned major, minor;
	int used = 0;

	if (sscanf(text, "%3u.%2u%n", &major, &minor, &used) != 2 || text[used] != '\0' ||
	    major > 127)
		return -EINVAL;
	id->firmware_major = (uint8_t)major;
	id->firmware_minor = (uint8_t)(minor / 10 << 4 | minor % 10);
	return 0;
}

static int
set_number(struct bmcsim_bmc *b, const char *name, unsigned long v)
{
	struct bmcsim_identity *id = &b->id;

	if (strcmp(name, "manufacturer") == 0 && v < 1 << 20)
		id->manufacturer = (uint32_t)v;
	else if (strcmp(name, "product") == 0 && v <= UINT16_MAX)
		id->product = (uint16_t)v;
	else if (strcmp(name, "device") == 0 && v <= UINT8_MAX)
		id->device = (uint8_t)v;
	else if (strcmp(name, "restart_cause") == 0 && v <= 11)
		b->restart_cause = (uint8_t)v;
	else
		return -EINVAL;
	return 0;
}

int
bmcsim_set_value(struct bmcsim_bmc *b, const char *name, const char *value)
{
	char *end;
	unsigned long v = strtoul(value, &end, 0);
	int sensor;

	if (strcmp(name, "kg") == 0)
		return set_octets(value, b->kg, sizeof b->kg);
	if (strcmp(name, "guid") == 0)
		return set_octets(value, b->id.guid, sizeof b->id.guid);
	if (strcmp(name, "firmware") == 0)
		return set_firmware(&b->id, value);
	if (value[0] == '\0' || value[0] == '-' || *end != '\0')
		return -EINVAL;
	sensor = strncmp(name, "sensor", 6) == 0 ? (int)strtol(name + 6, &end, 10) : 0;
	if (sensor >= 1 && sensor <= BMCSIM_SENSORS && *end == '\0' && v <= UINT8_MAX) {
		b->readings[sensor - 1] = (uint8_t)v;
		return 0;
	}
	return set_number(b, name, v);
}

/* Appends; what does not fit is left out, which the size of callers' buffers prevents. */
static void PRINTF_LIKE(3, 4) append(char *buf, size_t size, const char *fmt, ...)
{
	size_t len = strlen(buf);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf + len, size - len, fmt, ap);
	va_end(ap);
}

#define COUNT(name)                                         \
	{                                                   \
#name, offsetof(struct bmcsim_counts, name) \
	}

static const struct {
	const char *name;
	size_t at;
} counts[] = {
    COUNT(repeats),
    COUNT(opens),
    COUNT(sessions),
    COUNT(closed),
    COUNT(dropped),
    COUNT(expired),
    COUNT(bad_auth),
    COUNT(unheard),
    COUNT(rakp1),
    COUNT(pxe_boots),
    COUNT(bad_packets),
    COUNT(starts),
    COUNT(commands),
    COUNT(reboots),
    COUNT(held),
    COUNT(crashes),
    COUNT(locks),
    COUNT(sel_clears),
    COUNT(identifies),
    COUNT(mangled),
    COUNT(sol_opens),
    COUNT(sol_refused),
    COUNT(sol_ends),
    COUNT(sol_sent),
    COUNT(sol_lost),
    COUNT(sol_received),
    COUNT(sol_resent),
    COUNT(sol_repeats),
    COUNT(sol_breaks),
};

void
bmcsim_describe(struct bmcsim_bmc *b, char *buf, size_t size)
{
	const struct bmcsim_counts *n = &b->counts;
	unsigned v;

	snprintf(buf, size,
	    "{\"power\":\"%s\",\"flags\":\"%02x%02x%02x%02x%02x\",\"keep\":%u,"
	    "\"off\":%u,\"on\":%u,\"cycle\":%u,\"reset\":%u,\"soft\":%u",
	    b->power ? "on" : "off", b->flags[0], b->flags[1], b->flags[2], b->flags[3],
	    b->flags[4], b->keep_flags, n->controls[BMCSIM_OFF], n->controls[BMCSIM_ON],
	    n->controls[BMCSIM_CYCLE], n->controls[BMCSIM_RESET],
	    n->controls[BMCSIM_SOFT]);
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		memcpy(&v, (const char *)n + counts[i].at, sizeof v);
		append(buf, size, ",\"%s\":%u", counts[i].name, v);
	}
	append(buf, size,
	    ",\"slots\":%u,\"active\":%u,\"sel\":%u,\"sol\":%s,\"identify\":%s,"
	    "\"restart_cause\":%u}",
	    bmcsim_slots_used(b, false), bmcsim_slots_used(b, true), b->sel.n,
	    bmcsim_sol_active(b) ? "true" : "false",
	    b->identify_until != 0 ? "true" : "false", b->restart_cause);
}
