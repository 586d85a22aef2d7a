/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules that go by lines of the console (agent/console_watch_table.c has the patterns).
 *
 * Entry points: verdict_rule_console_*(), named in the tables. A line is what a program printed: that it was said is
 * certain, and where the line itself is the cause (a panic, a question) so is the verdict; where it may be by the way
 * (one disk of many, one try of several) it is likely. So is what was said before the image was let go: some BMCs play
 * the last lines of the old system again to whoever connects.
 * Ownership: none. Failure modes: none. */
#include "lib/verdict_rule_console.h"

#include <string.h>

/* A transfer may be under way beside what is said. */
static const int64_t UNDER_WAY = 2 * USEC_PER_SEC;

static enum verdict_sure
said(const struct verdict_look *look, enum story_what what, enum verdict_sure sure)
{
	return story_has(look->story, what) ? sure : VERDICT_NO;
}

/* What the image's own system says counts only once it was let go. */
static enum verdict_sure
said_by_image(
    const struct verdict_look *look, enum story_what what, enum verdict_sure sure)
{
	const struct story *s = look->story;

	if (story_has(s, STORY_CONSUMED) &&
	    s->fact[what].last < s->fact[STORY_CONSUMED].last)
		return VERDICT_NO;
	return said(look, what, sure);
}

/* The machine came further than what was said. */
static bool
went_on(const struct story *s, enum story_what said_what)
{
	static const enum story_what further[] = {
	    STORY_DHCP_IPXE, STORY_SCRIPT_DONE, STORY_KERNEL_BEGAN, STORY_INITRD_BEGAN};

	for (size_t i = 0; i < ARRAY_SIZE(further); i++)
		if (s->fact[further[i]].last > s->fact[said_what].last)
			return true;
	return false;
}

/* The system, or its installer, got on after it had said that: a question that was answered, a message by the way. */
static bool
lived_on(const struct story *s, enum story_what said_what)
{
	static const enum story_what lines[] = {STORY_SAID_LOGIN, STORY_SAID_INSTALLED};
	static const enum story_what signs[] = {
	    STORY_FILE_BEGAN, STORY_FILE_DONE, STORY_UP, STORY_INSTALLED, STORY_BOOTED};
	const struct story_fact *f = &s->fact[said_what];

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		if (s->fact[lines[i]].last_seq > f->last_seq)
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
		if (s->fact[signs[i]].last > f->last + UNDER_WAY)
			return true;
	return false;
}

enum verdict_sure
verdict_rule_console_secure_boot(const struct verdict_look *look)
{
	const struct story *s = look->story;
	bool now = story_has(s, STORY_LOADER_DONE) &&
		   story_after(s, STORY_SAID_SECURE_BOOT, STORY_LOADER_DONE);

	/* The firmware says so of an entry of the disk, too, on its way to the network. */
	if (went_on(s, STORY_SAID_SECURE_BOOT))
		return VERDICT_NO;
	return said(look, STORY_SAID_SECURE_BOOT, now ? VERDICT_CERTAIN : VERDICT_LIKELY);
}

enum verdict_sure
verdict_rule_console_pxe(const struct verdict_look *look)
{
	/* What failed over IPv6 may have gone on over IPv4. */
	if (story_has(look->story, STORY_LOADER_BEGAN) &&
	    !story_after(look->story, STORY_SAID_PXE, STORY_LOADER_BEGAN))
		return VERDICT_NO;
	return said(look, STORY_SAID_PXE, VERDICT_LIKELY);
}

enum verdict_sure
verdict_rule_console_no_boot(const struct verdict_look *look)
{
	bool now = story_has(look->story, STORY_CONSUMED);

	/* The end of the boot order follows from what the network boot met before it. */
	if (!now && story_has(look->story, STORY_SAID_PXE))
		return VERDICT_NO;
	if (lived_on(look->story, STORY_SAID_NO_BOOT))
		return VERDICT_NO;
	return said_by_image(
	    look, STORY_SAID_NO_BOOT, now ? VERDICT_CERTAIN : VERDICT_LIKELY);
}

enum verdict_sure
verdict_rule_console_ipxe(const struct verdict_look *look)
{
	/* One port without a link, or a file that is only looked for, stops no iPXE. */
	if (went_on(look->story, STORY_SAID_IPXE))
		return VERDICT_NO;
	return said(look, STORY_SAID_IPXE, VERDICT_LIKELY);
}

/* unknown-block(0,0): there was neither an initrd nor a root that was named (init/do_mounts.c). */
enum verdict_sure
verdict_rule_console_no_root(const struct verdict_look *look)
{
	const char *line = look->story->fact[STORY_SAID_NO_ROOT].text;

	return said_by_image(look, STORY_SAID_NO_ROOT,
	    strstr(line, "unknown-block(0,0)") != NULL ? VERDICT_CERTAIN
						       : VERDICT_LIKELY);
}

enum verdict_sure
verdict_rule_console_panic(const struct verdict_look *look)
{
	return said_by_image(look, STORY_SAID_PANIC, VERDICT_CERTAIN);
}

enum verdict_sure
verdict_rule_console_fault(const struct verdict_look *look)
{
	return said_by_image(look, STORY_SAID_FAULT, VERDICT_LIKELY);
}

enum verdict_sure
verdict_rule_console_memory(const struct verdict_look *look)
{
	return said_by_image(look, STORY_SAID_MEMORY, VERDICT_LIKELY);
}

enum verdict_sure
verdict_rule_console_watchdog(const struct verdict_look *look)
{
	return said_by_image(look, STORY_SAID_WATCHDOG, VERDICT_LIKELY);
}

enum verdict_sure
verdict_rule_console_hardware(const struct verdict_look *look)
{
	return said_by_image(look, STORY_SAID_HARDWARE, VERDICT_LIKELY);
}

enum verdict_sure
verdict_rule_console_disk(const struct verdict_look *look)
{
	return said_by_image(look, STORY_SAID_DISK, VERDICT_LIKELY);
}

enum verdict_sure
verdict_rule_console_stuck(const struct verdict_look *look)
{
	if (lived_on(look->story, STORY_SAID_STUCK))
		return VERDICT_NO;
	return said_by_image(look, STORY_SAID_STUCK, VERDICT_CERTAIN);
}

/* An installer that is through has no question any more. */
enum verdict_sure
verdict_rule_console_asks(const struct verdict_look *look)
{
	if (story_has(look->story, STORY_SAID_INSTALLED) ||
	    lived_on(look->story, STORY_SAID_ASKS))
		return VERDICT_NO;
	return said_by_image(look, STORY_SAID_ASKS, VERDICT_CERTAIN);
}

enum verdict_sure
verdict_rule_console_step_failed(const struct verdict_look *look)
{
	const struct story *s = look->story;
	bool pane =
	    strcasestr(s->fact[STORY_SAID_STEP_FAILED].text, "Pane is dead") != NULL;

	/* anaconda's tmux keeps the panes of what has come to its end, well or not. */
	if (story_has(s, STORY_SAID_INSTALLED))
		return VERDICT_NO;
	return said_by_image(look, STORY_SAID_STEP_FAILED,
	    pane || lived_on(s, STORY_SAID_STEP_FAILED) ? VERDICT_LIKELY
							: VERDICT_CERTAIN);
}

enum verdict_sure
verdict_rule_console_installed(const struct verdict_look *look)
{
	return said_by_image(look, STORY_SAID_INSTALLED, VERDICT_LIKELY);
}

/* Every firmware and boot loader prints such a line and goes on: it waits only where that is the last of it, on the
 * console and on the wire. */
enum verdict_sure
verdict_rule_console_prompt(const struct verdict_look *look)
{
	const struct story *s = look->story;
	int64_t asked = s->fact[STORY_SAID_PROMPT].last;

	if (s->heard > asked)
		return VERDICT_NO;
	for (int i = STORY_SAID_PXE; i < STORY_FACTS; i++)
		if (s->fact[i].last > asked)
			return VERDICT_NO;
	return said_by_image(look, STORY_SAID_PROMPT, VERDICT_LIKELY);
}
