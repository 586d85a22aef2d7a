/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the events of one job, or of one boot, say of a machine: times and numbers. Pure: events in, facts out. Of
 * several attempts the last one is told; lib/verdict.h judges it. */
#ifndef LIB_STORY_H
#define LIB_STORY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/bundle.h"
#include "lib/event.h"
#include "lib/stage.h"

enum { STORY_TEXT_SIZE = 200, STORY_ATTEMPTS_MAX = 100 };

enum story_what {
	STORY_NONE,
	STORY_ARMED,	   /* the ticket */
	STORY_FOUND_OFF,   /* the BMC said "off" before anything was switched */
	STORY_ORDERED_OFF, /* it was given the order, to shut down too */
	STORY_OFF,	   /* power seen off by the job */
	STORY_FLAGS,	   /* boot flags read back as set */
	STORY_FLAGS_LOST,  /* … and lost again before the power-on */
	STORY_ORDERED_ON,
	STORY_ON,
	STORY_BMC_ERROR,
	STORY_WHILE_OFF, /* the machine was heard while the BMC said that it was off */
	STORY_DHCP_FIRMWARE,
	STORY_DHCP_IPXE,
	STORY_DHCP_OS, /* an operating system asked for an address */
	STORY_OFFERED, /* our answer to a boot client, with something to boot */
	STORY_IGNORED,
	STORY_NO_LOADER,
	STORY_BOOT_NIC,	 /* a boot card asked, answered or not */
	STORY_WRONG_NIC, /* a NIC of the host asked that may not boot */
	STORY_STRANGER,	 /* a MAC address that no host has, with this host's UUID */
	STORY_FOREIGN,	 /* another DHCP server answered, or was chosen */
	STORY_LOADER_BEGAN,
	STORY_LOADER_DONE,
	STORY_LOADER_BROKE,
	STORY_SCRIPT_DONE,
	STORY_KERNEL_BEGAN,
	STORY_KERNEL_DONE,
	STORY_KERNEL_BROKE,
	STORY_INITRD_BEGAN,
	STORY_INITRD_DONE,
	STORY_INITRD_BROKE,
	STORY_FILE_BEGAN,
	STORY_FILE_DONE,
	STORY_FILE_BROKE,
	STORY_NOT_FOUND,    /* it asked for a file that is not there */
	STORY_SENT_TO_DISK, /* it asked without a ticket, and was sent on */
	STORY_CONSUMED,
	STORY_UP,
	STORY_INSTALLED,
	STORY_REPORTED_FAILED,
	STORY_BOOTED,
	STORY_AGAIN,   /* it netbooted again after the ticket was used */
	STORY_CONSOLE, /* it is recorded */
	STORY_CONSOLE_LOST,
	/* Lines of the console after the power-on, by their class. */
	STORY_SAID_PXE,
	STORY_SAID_SECURE_BOOT,
	STORY_SAID_NO_BOOT,
	STORY_SAID_IPXE,
	STORY_SAID_NO_ROOT,
	STORY_SAID_PANIC,
	STORY_SAID_FAULT, /* after which a kernel may go on */
	STORY_SAID_MEMORY,
	STORY_SAID_WATCHDOG,
	STORY_SAID_HARDWARE,
	STORY_SAID_DISK,
	STORY_SAID_STUCK,
	STORY_SAID_ASKS,
	STORY_SAID_STEP_FAILED,
	STORY_SAID_INSTALLED,
	STORY_SAID_PROMPT,
	STORY_SAID_LOGIN,
	STORY_FACTS,
};

/* Where a fact is told: the first time, and the last. */
struct story_fact {
	unsigned n;
	int64_t first, first_seq, last, last_seq;
	int64_t bytes, total; /* of the last one; < 0: not known */
	char kind[EVENT_KIND_SIZE];
	char text
	    [STORY_TEXT_SIZE]; /* of the first one for what a console said, else of the last */
};

struct story_stage {
	char state[12]; /* "": not reached */
	int64_t entered, left, deadline;
};

/* What is known of the host beforehand. Without boot cards that are named, each of its cards is one. */
struct story_host {
	char name[EVENT_NAME_SIZE];
	char uuid[ADDR_UUID_TEXT];
	char boot_macs[BUNDLE_MACS_MAX][ADDR_MAC_TEXT];
	size_t n_boot_macs;
};

/* How far the attempt got that got furthest, of those before this one. */
struct story_before {
	int64_t attempt; /* 0: there is none */
	enum stage stage;
	struct story_fact transfer; /* in which it stopped; n 0: in none */
};

struct story {
	struct story_host host;
	char site[EVENT_SITE_SIZE];
	char job[ID_SIZE], boot[ID_SIZE];
	char image[BUNDLE_NAME_SIZE]; /* the job's, as the caller knows it */
	struct story_fact fact[STORY_FACTS];
	struct story_stage stages[STAGE_COUNT];
	enum stage stage; /* where it stands, or where it ended */
	int64_t attempt, began, last;
	int64_t heard;	  /* when the machine was last heard on the wire, or 0 */
	int64_t said_off; /* when the BMC last said that the power is off, or 0 */
	bool power_read;  /* in this attempt */
	bool
	    foreign_boot; /* what another DHCP server was chosen or answered for is a network boot */
	int64_t was_on; /* when the attempt before this one saw it on, or 0 */
	struct story_before before;
	/* How it ended: "" open, "done", "failed", "cancelled", "refused". */
	char end[12];
	int64_t ended;
	struct error said; /* the agent's own verdict */
	unsigned events,
	    others; /* all that were taken; those of other hosts, which are not */
};

void
story_init(struct story *s, const struct story_host *host);
/* In order of seq. Whatever does not belong to the host, or makes no sense, is left out. */
void
story_take(struct story *s, int64_t seq, const struct event *ev);
/* A machine with this host's UUID and a MAC address of nobody asked at its site, of which no event is at hand. */
void
story_stranger(struct story *s, const char *mac, int64_t at);
bool
story_has(const struct story *s, enum story_what what);
/* Was `what` told at or after the last time of `than`? */
bool
story_after(const struct story *s, enum story_what what, enum story_what than);
/* How long the present stage took, or takes by `now`. */
int64_t
story_waited(const struct story *s, int64_t now);
/* The transfer that the stage is about, where it began and was not seen to end well; or NULL. */
const struct story_fact *
story_transfer(const struct story *s);
/* A UUID that boards have whose maker never set one: it names no machine. */
bool
story_is_nobodys(const char *uuid);
const char *
story_what_name(enum story_what what); /* "dhcp-firmware", … */

#endif
