/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sequences of DESIGN 6 as steps over single commands.
 *
 *   status    LOOK
 *   control   LOOK → CONTROL → CONFIRM; D5h (wrong state) → LOOK again, once
 *   off-seen  LOOK → CONTROL soft → PAUSE/LOOK … → CONTROL off → PAUSE/LOOK … until off;
 *             with `soft_only` without CONTROL off, with `watch_only` without any
 *   on-seen   LOOK → CONTROL on → PAUSE/LOOK … until on; with `hold` the flags are READ
 *             before each CONTROL, and set again as by an override if they are lost
 *   override  BEGIN → KEEP → ACK → FLAGS → COMPLETE → PAUSE → READ, compare; once more if
 *             they differ. What the BMC's manners and the variant leave out is skipped
 *   probe     DEVICE → READ → LOOK; with `want_cause` CAUSE before LOOK
 *   examine   EXAMINE … (bmc_look.c) → LOOK
 *
 * Power is what a Get Chassis Status said, never what was ordered, and nothing is known
 * from a control until the next look. On and off are idempotent and repeated when 10 s
 * showed no effect (BMCs lose them) or when an answer was lost or left the effect open (C3h,
 * CEh, CFh), always after a look.
 *
 * Cycle and reset are not: each goes out once. Without an answer that settles it the
 * sequence WATCHes the power: a cycle that came through shows as off, then on. A reset
 * leaves no such trace. What was not seen ends as "whether it was carried out is unknown",
 * with the power state as it is. Nothing is owned; failures are verdicts in s->fail with a
 * sentence in s->text. */
#include "agent/bmc_seq.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/bmc_seq_flags.h"

static const uint8_t control_of[] = {
    [BMC_ACTION_OFF] = BMC_CHASSIS_OFF,
    [BMC_ACTION_ON] = BMC_CHASSIS_ON,
    [BMC_ACTION_CYCLE] = BMC_CHASSIS_CYCLE,
    [BMC_ACTION_RESET] = BMC_CHASSIS_RESET,
    [BMC_ACTION_SOFT] = BMC_CHASSIS_SOFT,
};

static const char *
control_name(uint8_t control)
{
	switch (control) {
	case BMC_CHASSIS_OFF: return "off";
	case BMC_CHASSIS_ON: return "on";
	case BMC_CHASSIS_CYCLE: return "cycle";
	case BMC_CHASSIS_RESET: return "reset";
	case BMC_CHASSIS_SOFT: return "soft";
	}
	return "?";
}

static enum bmc_seq_next
fail(struct bmc_seq *s, enum bmc_fail why, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void
note(struct bmc_seq *s, const char *kind, const char *fmt, ...) PRINTF_LIKE(3, 4);

static enum bmc_seq_next
fail(struct bmc_seq *s, enum bmc_fail why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->text, sizeof s->text, fmt, ap);
	va_end(ap);
	s->fail = why;
	s->step = BMC_STEP_END;
	return BMC_SEQ_FAIL;
}

static void
note(struct bmc_seq *s, const char *kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->note, sizeof s->note, fmt, ap);
	va_end(ap);
	s->note_kind = kind;
}

static enum bmc_seq_next
done(struct bmc_seq *s)
{
	s->step = BMC_STEP_END;
	return BMC_SEQ_OK;
}

static enum bmc_seq_next
run(struct bmc_seq *s, enum bmc_seq_step step, uint8_t netfn, uint8_t cmd,
    const uint8_t *data, uint8_t len)
{
	s->step = step;
	s->cmd = (struct bmc_cmd){.netfn = netfn, .cmd = cmd, .len = len};
	if (len > 0)
		memcpy(s->cmd.data, data, len);
	return BMC_SEQ_RUN;
}

static enum bmc_seq_next
look(struct bmc_seq *s, enum bmc_seq_step step)
{
	return run(s, step, BMC_NETFN_CHASSIS, BMC_CMD_GET_CHASSIS_STATUS, NULL, 0);
}

static enum bmc_seq_next
control(struct bmc_seq *s, uint8_t what)
{
	s->control = what;
	run(s, BMC_STEP_CONTROL, BMC_NETFN_CHASSIS, BMC_CMD_CHASSIS_CONTROL, &what, 1);
	s->cmd.once = what == BMC_CHASSIS_CYCLE || what == BMC_CHASSIS_RESET;
	return BMC_SEQ_RUN;
}

static enum bmc_seq_next
set_option(struct bmc_seq *s, enum bmc_seq_step step, uint8_t parameter,
    const uint8_t *value, uint8_t n)
{
	uint8_t data[1 + sizeof s->flags.raw];

	data[0] = parameter; /* bit 7 clear: the parameter stays writable */
	memcpy(data + 1, value, n);
	return run(
	    s, step, BMC_NETFN_CHASSIS, BMC_CMD_SET_BOOT_OPTIONS, data, (uint8_t)(n + 1));
}

static enum bmc_seq_next
set_one(struct bmc_seq *s, enum bmc_seq_step step, uint8_t parameter, uint8_t value)
{
	return set_option(s, step, parameter, &value, 1);
}

static enum bmc_seq_next
set_flags(struct bmc_seq *s)
{
	uint8_t value[5] = {0};

	bmc_seq_flags_wanted(s, value);
	return set_option(s, BMC_STEP_FLAGS, BMC_BOOTOPT_FLAGS, value, sizeof value);
}

static enum bmc_seq_next
ack_info(struct bmc_seq *s)
{
	if (s->manners->value[BMC_MANNER_PARAMETER_4] == 0 ||
	    s->variant == BMC_VARIANT_BARE)
		return set_flags(s);
	return set_option(s, BMC_STEP_ACK, BMC_BOOTOPT_INFO_ACK,
	    (const uint8_t[]){BMC_BOOTOPT_ACK_BIOS, BMC_BOOTOPT_ACK_BIOS}, 2);
}

static enum bmc_seq_next
keep_flags(struct bmc_seq *s)
{
	int64_t how = s->manners->value[BMC_MANNER_PARAMETER_3];

	if (s->variant == BMC_VARIANT_KEEP_1F)
		how = BMC_PARAMETER_3_1F;
	if (how == BMC_PARAMETER_3_SKIP || s->variant == BMC_VARIANT_BARE)
		return ack_info(s);
	return set_one(s, BMC_STEP_KEEP, BMC_BOOTOPT_VALID_BIT_CLEARING,
	    how == BMC_PARAMETER_3_1F ? BMC_BOOTOPT_KEEP_ALWAYS : BMC_BOOTOPT_KEEP_60S);
}

static enum bmc_seq_next
override_flags(struct bmc_seq *s)
{
	s->tries++;
	if (s->variant == BMC_VARIANT_IN_PROGRESS)
		return set_one(s, BMC_STEP_BEGIN, BMC_BOOTOPT_SET_IN_PROGRESS,
		    BMC_BOOTOPT_IN_PROGRESS);
	return keep_flags(s);
}

static enum bmc_seq_next
read_flags(struct bmc_seq *s)
{
	return run(s, BMC_STEP_READ, BMC_NETFN_CHASSIS, BMC_CMD_GET_BOOT_OPTIONS,
	    (const uint8_t[]){BMC_BOOTOPT_FLAGS, 0, 0}, 3);
}

static enum bmc_seq_next
pause_then(struct bmc_seq *s, int64_t wake, enum bmc_seq_step then)
{
	s->step = BMC_STEP_PAUSE;
	s->wake = wake;
	s->then = then;
	return BMC_SEQ_WAIT;
}

static enum bmc_seq_next
pause_until(struct bmc_seq *s, int64_t wake)
{
	return pause_then(s, wake, BMC_STEP_START);
}

/* The flags have been set; some BMCs show them only after a while. */
static enum bmc_seq_next
flags_set(struct bmc_seq *s, int64_t now)
{
	int64_t wait = s->manners->value[BMC_MANNER_AFTER_FLAGS];

	return wait > 0 ? pause_then(s, now + wait, BMC_STEP_READ) : read_flags(s);
}

/* Parameters 0, 3 and 4 may be refused. FFh is also what BMCs answer while they boot. */
static enum bmc_seq_next
on_refinement(struct bmc_seq *s, const struct bmc_reply *rs)
{
	s->booting = s->booting || rs->code == BMC_COMPLETION_UNSPECIFIED;
	if (s->step == BMC_STEP_BEGIN)
		return keep_flags(s);
	return s->step == BMC_STEP_KEEP ? ack_info(s) : set_flags(s);
}

static enum bmc_seq_next
on_flags_set(struct bmc_seq *s, int64_t now)
{
	/* The flags were taken, perhaps after a while: now it may take the refinements too. */
	if (s->booting && !s->refined) {
		s->refined = true;
		s->tries--;
		return override_flags(s);
	}
	if (s->variant == BMC_VARIANT_IN_PROGRESS)
		return set_one(s, BMC_STEP_COMPLETE, BMC_BOOTOPT_SET_IN_PROGRESS,
		    BMC_BOOTOPT_COMPLETE);
	return flags_set(s, now);
}

static enum bmc_seq_next
examine(struct bmc_seq *s);
static enum bmc_seq_next
ask(struct bmc_seq *s, int64_t now);

enum bmc_seq_next
bmc_seq_start(struct bmc_seq *s, int64_t now)
{
	s->power = BMC_POWER_UNKNOWN;
	if (s->manners == NULL)
		s->manners = bmc_manners_usual();
	if (s->variant == BMC_VARIANT_NONE)
		s->variant = bmc_manners_variant(s->manners, 1);
	switch (s->kind) {
	case BMC_SEQ_STATUS:
	case BMC_SEQ_CONTROL:
	case BMC_SEQ_OFF_SEEN:
	case BMC_SEQ_ON_SEEN: return look(s, BMC_STEP_LOOK);
	case BMC_SEQ_OVERRIDE: return override_flags(s);
	case BMC_SEQ_EXAMINE: return examine(s);
	case BMC_SEQ_ASK: return ask(s, now);
	case BMC_SEQ_PROBE:
		return run(
		    s, BMC_STEP_DEVICE, BMC_NETFN_APP, BMC_CMD_GET_DEVICE_ID, NULL, 0);
	}
	return done(s);
}

static enum bmc_seq_next
refused(struct bmc_seq *s, const char *what, uint8_t code)
{
	enum bmc_fail why = bmc_error_of_completion(code);

	if (why == BMC_FAIL_NONE)
		return fail(s, BMC_FAIL_REFUSED, "%s: the answer is too short", what);
	return fail(
	    s, why, "%s: %s (%02Xh)", what, bmc_error_completion_text(code), code);
}

/* Table 28-3: bit 0 of the first octet is the system power. */
static bool
read_power(struct bmc_seq *s, const struct bmc_reply *rs)
{
	enum bmc_power seen;

	if (rs->code != BMC_COMPLETION_OK || rs->len < 1)
		return false;
	seen = (rs->data[0] & 1) ? BMC_POWER_ON : BMC_POWER_OFF;
	if (seen != s->power)
		note(s, "ipmi.power", "power is %s", bmc_power_name(seen));
	s->power = seen;
	return true;
}

static enum bmc_seq_next
so_already(struct bmc_seq *s)
{
	if (s->in_doubt)
		snprintf(s->did, sizeof s->did, "%s not confirmed, but seen %s",
		    control_name(s->control), bmc_power_name(s->power));
	else
		snprintf(
		    s->did, sizeof s->did, "it was %s already", bmc_power_name(s->power));
	return done(s);
}

static enum bmc_seq_next
cycle_when_off(struct bmc_seq *s)
{
	switch ((enum bmc_when_off)s->manners->value[BMC_MANNER_CYCLE_WHEN_OFF]) {
	case BMC_WHEN_OFF_SEND: return control(s, BMC_CHASSIS_CYCLE);
	case BMC_WHEN_OFF_ON: break; /* many BMCs answer a cycle with D5h then */
	case BMC_WHEN_OFF_REFUSE:
		return fail(s, BMC_FAIL_REFUSED,
		    "cycle: the power is off, and its manners say to leave it so");
	}
	return control(s, BMC_CHASSIS_ON);
}

static enum bmc_seq_next
decide_control(struct bmc_seq *s)
{
	uint8_t want = control_of[s->action];
	bool on = s->power == BMC_POWER_ON;

	if (s->action == BMC_ACTION_ON && on)
		return so_already(s);
	/* The "on" that stands for a cycle was not answered, and came through. */
	if (s->in_doubt && s->control == BMC_CHASSIS_ON && on)
		return so_already(s);
	if ((s->action == BMC_ACTION_OFF || s->action == BMC_ACTION_SOFT) && !on)
		return so_already(s);
	if (s->action == BMC_ACTION_RESET && !on)
		return fail(s, BMC_FAIL_REFUSED,
		    "reset: the power is off, so there is nothing to reset");
	if (s->action == BMC_ACTION_RESET &&
	    s->manners->value[BMC_MANNER_RESET_AS] == BMC_RESET_AS_CYCLE)
		want = BMC_CHASSIS_CYCLE;
	if (s->action == BMC_ACTION_CYCLE && !on)
		return cycle_when_off(s);
	return control(s, want);
}

/* What we switched off is given the rest that its manners ask for. */
static enum bmc_seq_next
seen_off(struct bmc_seq *s, int64_t now)
{
	int64_t wait = s->manners->value[BMC_MANNER_AFTER_OFF];

	if (wait == 0 || (!s->control_sent && !s->soft_sent))
		return done(s);
	return pause_then(s, now + wait, BMC_STEP_END);
}

static enum bmc_seq_next
decide_off(struct bmc_seq *s, int64_t now)
{
	if (s->power == BMC_POWER_OFF)
		return seen_off(s, now);
	if (s->watch_only)
		return pause_until(s, now + s->poll);
	if ((s->graceful > 0 || s->soft_only) && !s->soft_sent) {
		s->soft_sent = true;
		s->soft_until = now + s->graceful;
		return control(s, BMC_CHASSIS_SOFT);
	}
	if (s->soft_only)
		return pause_until(s, now + s->poll);
	if (s->soft_sent && now < s->soft_until)
		return pause_until(
		    s, now + s->poll < s->soft_until ? now + s->poll : s->soft_until);
	if (s->control_sent && now - s->control_at < BMC_SEQ_REPEAT_CONTROL)
		return pause_until(s, now + s->poll);
	return control(s, BMC_CHASSIS_OFF);
}

static enum bmc_seq_next
decide_on(struct bmc_seq *s, int64_t now)
{
	if (s->power == BMC_POWER_ON)
		return done(s);
	if (s->control_sent && now - s->control_at < BMC_SEQ_REPEAT_CONTROL)
		return pause_until(s, now + s->poll);
	/* BMCs lose them by themselves after 60 s, or with a power-off that came late. */
	if (s->hold && (s->flags_at == 0 || now - s->flags_at > BMC_SEQ_TRUST)) {
		s->tries = 0;
		return read_flags(s);
	}
	return control(s, BMC_CHASSIS_ON);
}

static enum bmc_seq_next
on_look(struct bmc_seq *s, int64_t now, const struct bmc_reply *rs)
{
	if (!read_power(s, rs))
		return refused(s, "chassis status", rs->code);
	switch (s->kind) {
	case BMC_SEQ_CONTROL: return decide_control(s);
	case BMC_SEQ_OFF_SEEN: return decide_off(s, now);
	case BMC_SEQ_ON_SEEN: return decide_on(s, now);
	case BMC_SEQ_STATUS:
	case BMC_SEQ_PROBE:
	case BMC_SEQ_EXAMINE:
	case BMC_SEQ_ASK:
	case BMC_SEQ_OVERRIDE: break;
	}
	return done(s);
}

/* A soft shutdown that is refused costs nothing: the hard one follows at once. */
static enum bmc_seq_next
on_soft_refused(struct bmc_seq *s, int64_t now)
{
	s->soft_until = now;
	return look(s, BMC_STEP_LOOK);
}

static enum bmc_seq_next
effect_unknown(struct bmc_seq *s)
{
	static const char *const power[] = {[BMC_POWER_OFF] = "; the power is off",
	    [BMC_POWER_ON] = "; the power is on",
	    [BMC_POWER_UNKNOWN] = ""};
	char answer[64] = "not answered";

	if (s->doubt != 0)
		snprintf(answer, sizeof answer, "answered %02Xh, %s", s->doubt,
		    bmc_error_completion_text(s->doubt));
	return fail(s, BMC_FAIL_EFFECT,
	    "power %s was sent once and %s; whether it was carried out is unknown%s",
	    control_name(s->control), answer, power[s->power]);
}

static enum bmc_seq_next
watch(struct bmc_seq *s, int64_t now, uint8_t doubt)
{
	s->unanswered = true;
	s->doubt = doubt;
	s->power = BMC_POWER_UNKNOWN;
	s->watch_until = now + BMC_SEQ_WATCH;
	return look(s, BMC_STEP_WATCH);
}

static enum bmc_seq_next
on_watch(struct bmc_seq *s, int64_t now, const struct bmc_reply *rs)
{
	if (!read_power(s, rs) || s->control != BMC_CHASSIS_CYCLE)
		return effect_unknown(s);
	s->went_off = s->went_off || s->power == BMC_POWER_OFF;
	if (s->went_off && s->power == BMC_POWER_ON) {
		note(s, "ipmi.control", "power cycle: seen off, then on");
		snprintf(
		    s->did, sizeof s->did, "cycle not confirmed, but seen off, then on");
		return done(s);
	}
	if (now >= s->watch_until)
		return effect_unknown(s);
	return pause_until(s, now + s->poll / 4);
}

enum bmc_seq_next
bmc_seq_unanswered(struct bmc_seq *s, int64_t now)
{
	if (s->step == BMC_STEP_ASK) {
		bmc_ask_unanswered(s->ask);
		return ask(s, now);
	}
	note(s, "ipmi.control", "power %s: not answered", control_name(s->control));
	return watch(s, now, 0);
}

/* CEh and CFh speak of a command that was taken; after C3h it may be going on. FFh says nothing: of
 * the power that is no answer, while a BMC that refuses its own reset so is not waited for. */
bool
bmc_seq_leaves_open(const struct bmc_seq *s, uint8_t code)
{
	return (s->cmd.once || s->step == BMC_STEP_CONTROL) &&
	       (code == BMC_COMPLETION_TIMEOUT || code == BMC_COMPLETION_NO_RESPONSE ||
		   code == BMC_COMPLETION_DUPLICATE ||
		   (code == BMC_COMPLETION_UNSPECIFIED && s->cmd.once &&
		       s->step == BMC_STEP_CONTROL));
}

bool
bmc_seq_bears_refusal(const struct bmc_seq *s)
{
	return s->step == BMC_STEP_EXAMINE || s->step == BMC_STEP_ASK ||
	       s->step == BMC_STEP_BEGIN || s->step == BMC_STEP_KEEP ||
	       s->step == BMC_STEP_ACK || s->step == BMC_STEP_COMPLETE ||
	       s->step == BMC_STEP_DEVICE || s->step == BMC_STEP_CONFIRM ||
	       s->step == BMC_STEP_CAUSE ||
	       (s->step == BMC_STEP_READ && s->kind == BMC_SEQ_PROBE) ||
	       (s->step == BMC_STEP_CONTROL && s->control == BMC_CHASSIS_SOFT &&
		   !s->soft_only);
}

/* Perhaps it was carried out. On, off and soft may be ordered again, once a look has shown that they
 * were not; what is waited for shows itself. */
static enum bmc_seq_next
in_doubt(struct bmc_seq *s, int64_t now, const struct bmc_reply *rs)
{
	s->power = BMC_POWER_UNKNOWN;
	if (s->cmd.once)
		return watch(s, now, rs->code);
	s->in_doubt = true;
	if ((s->kind == BMC_SEQ_OFF_SEEN || s->kind == BMC_SEQ_ON_SEEN) &&
	    s->control != BMC_CHASSIS_SOFT) {
		s->control_sent = true;
		s->control_at = now;
	} else if (s->kind == BMC_SEQ_CONTROL && s->tries++ >= BMC_SEQ_DOUBT_TRIES) {
		return refused(s, control_name(s->control), rs->code);
	}
	return pause_until(s, now + s->poll);
}

static enum bmc_seq_next
on_control(struct bmc_seq *s, int64_t now, const struct bmc_reply *rs)
{
	bool waiting = s->kind == BMC_SEQ_OFF_SEEN || s->kind == BMC_SEQ_ON_SEEN;

	note(s, "ipmi.control", "power %s: %s", control_name(s->control),
	    rs->code == BMC_COMPLETION_OK ? "accepted"
					  : bmc_error_completion_text(rs->code));
	if (rs->code == BMC_COMPLETION_OK)
		s->power = BMC_POWER_UNKNOWN; /* until the next look */
	if (rs->code == BMC_COMPLETION_OK && waiting) {
		if (s->control != BMC_CHASSIS_SOFT) {
			s->control_sent = s->accepted = true;
			s->control_at = now;
		}
		return pause_until(s, now + s->poll / 4); /* many BMCs need no 2 s */
	}
	if (rs->code == BMC_COMPLETION_OK) {
		snprintf(s->did, sizeof s->did, "%s accepted", control_name(s->control));
		return look(s, BMC_STEP_CONFIRM);
	}
	if (bmc_seq_leaves_open(s, rs->code))
		return in_doubt(s, now, rs);
	if (s->kind == BMC_SEQ_OFF_SEEN && s->control == BMC_CHASSIS_SOFT &&
	    !s->soft_only && rs->code != BMC_COMPLETION_PRIVILEGE)
		return on_soft_refused(s, now);
	if (rs->code == BMC_COMPLETION_WRONG_STATE)
		s->wrong_state |= (uint8_t)(1U << s->control);
	/* The state may have changed between our look and the order; off when off is D5h
	 * too. */
	if (rs->code == BMC_COMPLETION_WRONG_STATE && waiting) {
		s->control_sent = true;
		s->control_at = now;
		return look(s, BMC_STEP_LOOK);
	}
	if (rs->code == BMC_COMPLETION_WRONG_STATE && s->tries++ == 0)
		return look(s, BMC_STEP_LOOK);
	return refused(s, control_name(s->control), rs->code);
}

static enum bmc_seq_next
flags_differ(struct bmc_seq *s, const struct bmc_reply *rs, bool readable)
{
	const struct bmc_bootflags *f = &s->flags;
	uint8_t want[2];

	bmc_seq_flags_wanted(s, want);
	if (!readable)
		return fail(s, BMC_FAIL_NOT_KEPT,
		    "the boot flags cannot be read back: %s (%02Xh)",
		    rs->code == BMC_COMPLETION_OK ? "malformed"
						  : bmc_error_completion_text(rs->code),
		    rs->code);
	return fail(s, BMC_FAIL_NOT_KEPT,
	    "boot flags set to %02X %02X read back as %02X %02X: %svalid, %s, %s, device "
	    "%u",
	    want[0], want[1], f->raw[0], f->raw[1], f->valid ? "" : "not ",
	    f->persistent ? "persistent" : "once", f->efi ? "EFI" : "BIOS", f->device);
}

static enum bmc_seq_next
after_probe_read(struct bmc_seq *s)
{
	if (!s->want_cause)
		return look(s, BMC_STEP_LOOK);
	return run(
	    s, BMC_STEP_CAUSE, BMC_NETFN_CHASSIS, BMC_CMD_GET_RESTART_CAUSE, NULL, 0);
}

static enum bmc_seq_next
on_flags_read(struct bmc_seq *s, int64_t now, const struct bmc_reply *rs)
{
	const struct bmc_bootflags *f = &s->flags;
	bool readable = bmc_look_flags(rs, &s->flags), again = s->hold && s->tries == 0;

	if (readable)
		note(s, "ipmi.bootflags", "boot flags %02X %02X %02X %02X %02X%s",
		    f->raw[0], f->raw[1], f->raw[2], f->raw[3], f->raw[4],
		    again && !bmc_seq_flags_kept(s, f)
			? ": lost before the power-on, set again"
			: "");
	if (s->kind == BMC_SEQ_PROBE)
		return after_probe_read(s);
	if (readable && bmc_seq_flags_kept(s, f)) {
		s->flags_at = now;
		return s->kind == BMC_SEQ_ON_SEEN ? control(s, BMC_CHASSIS_ON) : done(s);
	}
	s->flags_again = s->flags_again || again;
	if (s->tries < BMC_SEQ_OVERRIDE_TRIES)
		return override_flags(s);
	return flags_differ(s, rs, readable);
}

/* "In progress" would keep others from setting flags: it is ended first. */
static enum bmc_seq_next
on_flags_refused(struct bmc_seq *s, uint8_t code)
{
	enum bmc_seq_next next = refused(s, "set boot flags", code);

	if (s->variant != BMC_VARIANT_IN_PROGRESS)
		return next;
	return set_one(
	    s, BMC_STEP_COMPLETE, BMC_BOOTOPT_SET_IN_PROGRESS, BMC_BOOTOPT_COMPLETE);
}

static enum bmc_seq_next
on_flags_completed(struct bmc_seq *s, int64_t now)
{
	if (s->fail == BMC_FAIL_NONE)
		return flags_set(s, now);
	s->step = BMC_STEP_END;
	return BMC_SEQ_FAIL;
}

static enum bmc_seq_next
on_device(struct bmc_seq *s, const struct bmc_reply *rs)
{
	(void)bmc_look_device(rs, &s->device);
	return read_flags(s);
}

/* The next request of a thorough look; the power comes last. */
static enum bmc_seq_next
examine(struct bmc_seq *s)
{
	if (!bmc_look_next(s->look, &s->cmd))
		return look(s, BMC_STEP_LOOK);
	s->step = BMC_STEP_EXAMINE;
	return BMC_SEQ_RUN;
}

static enum bmc_seq_next
on_examine(struct bmc_seq *s, const struct bmc_reply *rs)
{
	if (s->cmd.netfn == BMC_NETFN_APP && s->cmd.cmd == BMC_CMD_GET_DEVICE_ID)
		(void)bmc_look_device(rs, &s->device);
	bmc_look_take(s->look, rs);
	return examine(s);
}

/* The next request of a question. */
static enum bmc_seq_next
ask(struct bmc_seq *s, int64_t now)
{
	switch (bmc_ask_next(s->ask, &s->cmd)) {
	case BMC_ASK_RUN: s->step = BMC_STEP_ASK; return BMC_SEQ_RUN;
	case BMC_ASK_WAIT: return pause_then(s, now + BMC_SEQ_ASK_AGAIN, BMC_STEP_ASK);
	case BMC_ASK_DONE: return done(s);
	case BMC_ASK_FAIL: return fail(s, s->ask->fail, "%s", s->ask->text);
	}
	return done(s);
}

static enum bmc_seq_next
on_ask(struct bmc_seq *s, int64_t now, const struct bmc_reply *rs)
{
	if (bmc_seq_leaves_open(s, rs->code))
		bmc_ask_unanswered(s->ask);
	else
		bmc_ask_take(s->ask, rs);
	return ask(s, now);
}

enum bmc_seq_next
bmc_seq_reply(struct bmc_seq *s, int64_t now, const struct bmc_reply *rs)
{
	switch (s->step) {
	case BMC_STEP_LOOK: return on_look(s, now, rs);
	case BMC_STEP_CONTROL: return on_control(s, now, rs);
	case BMC_STEP_CONFIRM:
		if (!read_power(s, rs))
			s->unseen = BMC_FAIL_REFUSED;
		return done(s);
	case BMC_STEP_WATCH: return on_watch(s, now, rs);
	case BMC_STEP_BEGIN:
	case BMC_STEP_KEEP:
	case BMC_STEP_ACK: return on_refinement(s, rs);
	case BMC_STEP_FLAGS:
		if (rs->code != BMC_COMPLETION_OK)
			return on_flags_refused(s, rs->code);
		return on_flags_set(s, now);
	case BMC_STEP_COMPLETE: return on_flags_completed(s, now);
	case BMC_STEP_READ: return on_flags_read(s, now, rs);
	case BMC_STEP_DEVICE: return on_device(s, rs);
	case BMC_STEP_CAUSE:
		(void)bmc_look_restart(rs, &s->restart);
		return look(s, BMC_STEP_LOOK);
	case BMC_STEP_EXAMINE: return on_examine(s, rs);
	case BMC_STEP_ASK: return on_ask(s, now, rs);
	case BMC_STEP_START:
	case BMC_STEP_PAUSE:
	case BMC_STEP_END: break;
	}
	return done(s);
}

enum bmc_seq_next
bmc_seq_lost(struct bmc_seq *s, int64_t now)
{
	switch (s->step) {
	case BMC_STEP_CONTROL: /* on, off, soft: look, then decide */
		s->in_doubt = true;
		return look(s, BMC_STEP_LOOK);
	case BMC_STEP_BEGIN:
	case BMC_STEP_KEEP:
	case BMC_STEP_ACK:
	case BMC_STEP_FLAGS:
	case BMC_STEP_COMPLETE:
		if (s->fail != BMC_FAIL_NONE) /* refused, and only to be completed */
			return BMC_SEQ_RUN;
		/* The BMC may have rebooted, and what was set before is gone: all of it again. */
		s->tries--;
		return override_flags(s);
	case BMC_STEP_CONFIRM:
	case BMC_STEP_WATCH:
	case BMC_STEP_LOOK:
	case BMC_STEP_READ:
	case BMC_STEP_DEVICE:
	case BMC_STEP_CAUSE:
	case BMC_STEP_EXAMINE: return BMC_SEQ_RUN;
	case BMC_STEP_ASK:
		/* What may go out only once did, perhaps. */
		return s->cmd.once ? bmc_seq_unanswered(s, now) : BMC_SEQ_RUN;
	case BMC_STEP_START:
	case BMC_STEP_PAUSE:
	case BMC_STEP_END: break;
	}
	return bmc_seq_start(s, now);
}

enum bmc_seq_next
bmc_seq_wake(struct bmc_seq *s, int64_t now)
{
	if (s->then == BMC_STEP_READ)
		return read_flags(s);
	if (s->then == BMC_STEP_ASK)
		return ask(s, now);
	if (s->then == BMC_STEP_END)
		return done(s);
	return look(s, s->unanswered ? BMC_STEP_WATCH : BMC_STEP_LOOK);
}

enum bmc_seq_next
bmc_seq_give_up(struct bmc_seq *s, bool answering)
{
	bool under_way = s->step == BMC_STEP_CONTROL;

	if (s->step == BMC_STEP_ASK && s->cmd.once &&
	    s->ask->what.kind == BMC_QUESTION_RESET) {
		bmc_ask_unanswered(s->ask); /* it was sent, and is not waited for here */
		return done(s);
	}
	if (s->step == BMC_STEP_CONFIRM ||
	    (s->step == BMC_STEP_PAUSE && s->then == BMC_STEP_END))
		return done(s);
	if (under_way)
		s->power = BMC_POWER_UNKNOWN; /* it may have come through */
	if (s->unanswered || (under_way && s->cmd.once))
		return effect_unknown(s);
	if (answering && s->soft_only && s->soft_sent && s->power != BMC_POWER_OFF)
		return fail(s, BMC_FAIL_GRACEFUL,
		    "the system was asked to stop and did not switch itself off%s; it "
		    "was not forced",
		    s->power == BMC_POWER_ON ? ", the power is still on" : "");
	if (answering && s->kind == BMC_SEQ_OFF_SEEN && s->power == BMC_POWER_ON)
		return fail(s, BMC_FAIL_NOT_OFF, "the power is still on%s",
		    s->accepted ? " though power off was accepted" : "");
	if (answering && s->kind == BMC_SEQ_ON_SEEN && s->power == BMC_POWER_OFF)
		return fail(s, BMC_FAIL_NOT_ON, "the power is still off%s",
		    s->accepted ? " though power on was accepted" : "");
	if (answering && !under_way && (s->accepted || s->soft_sent))
		return fail(s,
		    s->kind == BMC_SEQ_OFF_SEEN ? BMC_FAIL_NOT_OFF : BMC_FAIL_NOT_ON,
		    "power %s was accepted too late to see its effect",
		    control_name(s->control));
	s->step = BMC_STEP_END;
	return BMC_SEQ_FAIL;
}
