/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a line of a console is a sign of.
 *
 * Entry points: story_console_fact(), by the class that the agent's watch gave the line (agent/console_watch_table.c) and
 * by the line itself, where one class has several meanings.
 * Ownership: none. Failure modes: none; a line of an agent whose table has more, or other, patterns is no fact where
 * its class is not known, and where healthy machines print it. */
#include "lib/story_console.h"

#include <string.h>

#include "lib/compiler.h"
#include "lib/str.h"

static bool
says(const char *line, const char *words)
{
	return strcasestr(line, words) != NULL;
}

/* What healthy machines print: in the watch's table of an older agent, or of a device that nothing is installed to. */
static bool
says_nothing(const char *class, const char *line)
{
	static const struct {
		const char *class, *words;
	} harmless[] = {
	    /* Empty drives of a board or a BMC. */
	    {"disk", "I/O error, dev fd"},
	    {"disk", "I/O error, dev sr"},
	    {"disk", "I/O error, dev loop"},
	    /* What the hardware has put right, and what the firmware kept of the boot before. */
	    {"hardware", "[Hardware Error]: Corrected error"},
	    {"hardware", "event severity: corrected"},
	    {"hardware", "previous boot"},
	    /* Any unit without a time limit, an installer or a disk check among them. */
	    {"stuck", "A start job is running for"},
	    /* POST, and GRUB's menu: nobody waits for the key. */
	    {"prompt", "F1 to enter setup"},
	    {"prompt", "F1> to enter setup"},
	    {"prompt", "boot the selected"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++)
		if (str_eq(class, harmless[i].class) && says(line, harmless[i].words))
			return true;
	return false;
}

enum story_what
story_console_fact(const char *class, const char *line)
{
	static const struct {
		const char *class;
		enum story_what what;
	} classes[] = {{"firmware-pxe", STORY_SAID_PXE},
	    {"secure-boot", STORY_SAID_SECURE_BOOT}, {"no-boot", STORY_SAID_NO_BOOT},
	    {"ipxe", STORY_SAID_IPXE}, {"panic", STORY_SAID_PANIC},
	    {"memory", STORY_SAID_MEMORY}, {"watchdog", STORY_SAID_WATCHDOG},
	    {"hardware", STORY_SAID_HARDWARE}, {"disk", STORY_SAID_DISK},
	    {"stuck", STORY_SAID_STUCK}, {"installer", STORY_SAID_ASKS},
	    {"prompt", STORY_SAID_PROMPT}, {"login", STORY_SAID_LOGIN}};

	if (says_nothing(class, line))
		return STORY_FACTS;
	if (str_eq(class, "panic") && says(line, "Unable to mount root fs"))
		return STORY_SAID_NO_ROOT;
	/* A fault in one driver stops no kernel. */
	if (str_eq(class, "panic") && !says(line, "panic"))
		return STORY_SAID_FAULT;
	if (str_eq(class, "installer") && says(line, "Installation complete"))
		return STORY_SAID_INSTALLED;
	if (str_eq(class, "installer") &&
	    (says(line, "failed") || says(line, "Pane is dead")))
		return STORY_SAID_STEP_FAILED;
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
		if (str_eq(class, classes[i].class))
			return classes[i].what;
	return STORY_FACTS;
}
