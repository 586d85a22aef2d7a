/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules over a story that go by the BMC, the wire and the files.
 *
 * Entry points: verdict_rule_*(), named in the tables. A rule is asked only where its row may take the place of what
 * the agent said; it looks for what proves its own row, and says no where that is not there.
 * Ownership: none. Failure modes: none. A rule that only points to a cause says LIKELY: what nobody could see is never
 * told as certain. */
#include "lib/verdict_rule.h"

#include <stdio.h>
#include <string.h>

#include "lib/str.h"

/* Between the last octet of an image and the first word of a kernel. */
static const int64_t LINK_SILENCE = 10 * USEC_PER_SEC;
/* Less than any installation takes, with the firmware's way back to the network. */
static const int64_t INSTALLS_IN = 120 * USEC_PER_SEC;

/* The machine asks the network after a power-on that its BMC says did not come about; or speaks on the wire while the
 * BMC says that it is off (which a management engine with the same MAC address might, too); or was seen on, and found off. A
 * machine that talks while the BMC says "on" is no lie, whatever was ordered. */
enum verdict_sure
verdict_rule_power_lied(const struct verdict_look *look)
{
	const struct story *s = look->story;

	if (str_eq(s->said.code, "power-not-on"))
		return story_has(s, STORY_ORDERED_ON) &&
			       story_after(s, STORY_DHCP_FIRMWARE, STORY_ORDERED_ON) &&
			       s->said_off > s->fact[STORY_DHCP_FIRMWARE].first
			   ? VERDICT_CERTAIN
			   : VERDICT_NO;
	if (story_has(s, STORY_WHILE_OFF))
		return VERDICT_LIKELY;
	return s->was_on != 0 && story_has(s, STORY_FOUND_OFF) && s->heard == 0
		   ? VERDICT_LIKELY
		   : VERDICT_NO;
}

void
verdict_rule_say_lie(const struct verdict_look *look, char *text, size_t size)
{
	const struct story *s = look->story;

	if (story_has(s, STORY_WHILE_OFF))
		snprintf(text, size, ": %.150s", s->fact[STORY_WHILE_OFF].text);
	else if (str_eq(s->said.code, "power-not-on"))
		str_clip(text, size, ": it asked the network, and the BMC says off");
	else
		str_clip(
		    text, size, ": seen on, nothing heard of it, and then found off");
}

/* Checked and found good in this very job. */
enum verdict_sure
verdict_rule_image_changed(const struct verdict_look *look)
{
	return str_eq(look->story->stages[STAGE_PREFLIGHT].state, "confirmed")
		   ? VERDICT_CERTAIN
		   : VERDICT_NO;
}

enum verdict_sure
verdict_rule_wrong_nic(const struct verdict_look *look)
{
	const struct story *s = look->story;

	/* Firmware that fails on its boot card goes on to the next card: then that one is not the cause. */
	if (story_has(s, STORY_OFFERED) || story_has(s, STORY_BOOT_NIC) ||
	    story_has(s, STORY_NO_LOADER))
		return VERDICT_NO;
	if (story_has(s, STORY_WRONG_NIC))
		return VERDICT_CERTAIN;
	/* There are boards that share one UUID. */
	return story_has(s, STORY_STRANGER) && !story_has(s, STORY_DHCP_FIRMWARE)
		   ? VERDICT_LIKELY
		   : VERDICT_NO;
}

void
verdict_rule_say_nic(const struct verdict_look *look, char *text, size_t size)
{
	const struct story *s = look->story;
	enum story_what what =
	    story_has(s, STORY_WRONG_NIC) ? STORY_WRONG_NIC : STORY_STRANGER;

	snprintf(text, size, ": %.160s", s->fact[what].text);
}

/* The machine went on with another server's answer; where it stopped may have another cause. */
enum verdict_sure
verdict_rule_other_dhcp(const struct verdict_look *look)
{
	return story_has(look->story, STORY_FOREIGN) ? VERDICT_LIKELY : VERDICT_NO;
}

/* After the image was let go it came back to the network, was sent to its disk, and offers a login; and nothing says
 * that the installation came to its end. */
static bool
runs_from_disk(const struct story *s)
{
	return story_has(s, STORY_CONSUMED) && !story_has(s, STORY_INSTALLED) &&
	       !story_has(s, STORY_SAID_INSTALLED) &&
	       (story_has(s, STORY_AGAIN) ||
		   story_after(s, STORY_SENT_TO_DISK, STORY_CONSUMED)) &&
	       story_after(s, STORY_SAID_LOGIN, STORY_CONSUMED);
}

/* Something of the disk runs where the network's image should. */
enum verdict_sure
verdict_rule_old_disk(const struct verdict_look *look)
{
	const struct story *s = look->story;

	bool other = str_eq(s->said.code, "other-dhcp-answered");

	if (other || str_eq(s->said.code, "no-dhcp-after-power-on") ||
	    (s->said.code[0] == '\0' && s->stage == STAGE_FIRMWARE_DHCP)) {
		if (story_has(s, STORY_DHCP_FIRMWARE) || story_has(s, STORY_DHCP_IPXE))
			return VERDICT_NO;
		/* Each alone may be something else: a management engine that shares the MAC address, or a BMC that
		 * plays the old system's last lines again. */
		bool asks =
		    story_has(s, STORY_ON) && story_after(s, STORY_DHCP_OS, STORY_ON);
		bool login = story_has(s, STORY_SAID_LOGIN);

		return asks && login && !other ? VERDICT_CERTAIN
		       : asks || login	       ? VERDICT_LIKELY
					       : VERDICT_NO;
	}
	/* No installation is done so soon. */
	return runs_from_disk(s) && !story_has(s, STORY_UP) &&
		       story_after(s, STORY_AGAIN, STORY_CONSUMED) &&
		       s->fact[STORY_AGAIN].first <=
			   s->fact[STORY_CONSUMED].last + INSTALLS_IN
		   ? VERDICT_LIKELY
		   : VERDICT_NO;
}

/* The new system, if the installer's report did not arrive, or the old one: from outside they look the same. */
enum verdict_sure
verdict_rule_from_disk(const struct verdict_look *look)
{
	return runs_from_disk(look->story) ? VERDICT_LIKELY : VERDICT_NO;
}

enum verdict_sure
verdict_rule_file_missing(const struct verdict_look *look)
{
	return story_after(look->story, STORY_NOT_FOUND, STORY_CONSUMED) &&
		       story_has(look->story, STORY_CONSUMED)
		   ? VERDICT_LIKELY
		   : VERDICT_NO;
}

/* The transfer in which it fell silent: of this attempt, or of an earlier one after which not even the firmware was heard. */
static const struct story_fact *
transfer(const struct story *s)
{
	if (s->stage != STAGE_FIRMWARE_DHCP)
		return story_transfer(s);
	return s->before.transfer.n > 0 && s->heard == 0 && story_has(s, STORY_ON)
		   ? &s->before.transfer
		   : NULL;
}

static int64_t
end_of(const struct verdict_look *look)
{
	return look->story->ended != 0 ? look->story->ended : look->now;
}

/* It stopped in the middle, and nothing at all came from the machine since. */
enum verdict_sure
verdict_rule_link_lost(const struct verdict_look *look)
{
	const struct story_fact *t = transfer(look->story);
	int64_t since = look->story->heard;

	if (t == NULL || t->total <= 0 || t->bytes < 0 || t->bytes >= t->total)
		return VERDICT_NO;
	if (since > t->last + LINK_SILENCE)
		return VERDICT_NO;
	return end_of(look) - since > 2 * LINK_SILENCE ? VERDICT_LIKELY : VERDICT_NO;
}

void
verdict_rule_say_link(const struct verdict_look *look, char *text, size_t size)
{
	const struct story *s = look->story;
	const struct story_fact *t = transfer(s);
	char quiet[32], attempt[48] = "";

	if (t == NULL)
		return;
	if (t == &s->before.transfer)
		snprintf(attempt, sizeof(attempt), "attempt %lld stopped at ",
		    (long long)s->before.attempt);
	snprintf(text, size, ": %s%.120s, and nothing for %s", attempt, t->text,
	    str_duration(end_of(look) - (s->heard != 0 ? s->heard : t->last), quiet,
		sizeof(quiet)));
}

/* Nothing that a running kernel does was seen: no address asked for, no file, no report. A system with a fixed address whose
 * report is blocked looks the same. */
enum verdict_sure
verdict_rule_no_report(const struct verdict_look *look)
{
	static const enum story_what lives[] = {STORY_DHCP_OS, STORY_FILE_BEGAN,
	    STORY_FILE_DONE, STORY_UP, STORY_INSTALLED, STORY_REPORTED_FAILED,
	    STORY_NOT_FOUND, STORY_SAID_LOGIN, STORY_SAID_INSTALLED, STORY_SAID_ASKS,
	    STORY_AGAIN};
	const struct story *s = look->story;

	if (!story_has(s, STORY_CONSUMED))
		return VERDICT_NO;
	for (size_t i = 0; i < ARRAY_SIZE(lives); i++)
		if (story_after(s, lives[i], STORY_CONSUMED))
			return VERDICT_NO;
	return VERDICT_LIKELY;
}

/* What is known of the way up to the silence, and what is not. */
void
verdict_rule_say_silence(const struct verdict_look *look, char *text, size_t size)
{
	const struct story *s = look->story;
	char waited[32], usual[32];

	snprintf(text, size, ": %s, %s, then nothing for %s%s%s%s",
	    story_has(s, STORY_FLAGS) ? "boot flags were read back as set"
				      : "no boot flags were read back",
	    story_has(s, STORY_ON) ? "the power was seen on"
				   : "the power was not seen on",
	    str_duration(story_waited(s, look->now), waited, sizeof(waited)),
	    look->usual->n > 0 ? " (usual here: " : "",
	    look->usual->n > 0 ? str_duration(look->usual->median, usual, sizeof(usual))
			       : "",
	    look->usual->n > 0 ? ")" : "");
	size_t n = strlen(text);

	if (!story_has(s, STORY_CONSOLE))
		snprintf(text + n, size - n, "; its console was not recorded");
	n = strlen(text);
	if (s->before.attempt > 0)
		snprintf(text + n, size - n, "; attempt %lld came as far as %s",
		    (long long)s->before.attempt, stage_name(s->before.stage));
}
