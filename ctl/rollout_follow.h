/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Following a rollout to its end, with what becomes of its hosts shown meanwhile. */
#ifndef CTL_ROLLOUT_FOLLOW_H
#define CTL_ROLLOUT_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "ctl/ctl.h"

struct rollout_follow_how {
	int64_t timeout_us; /* 0: to its end, however long that is */
	FILE *screen;	    /* where what happens goes; NULL: nowhere */
	bool live; /* screen is a terminal: its last line is drawn again and again */
};

/* Until it is over (a halted one: until what ran has ended), or the time is; then prints the last word on ctl->out, or the
 * document where the format is JSON. The server may go away and come back meanwhile. The exit code. */
int
rollout_follow_run(
    const struct ctl *ctl, const char *id, const struct rollout_follow_how *how);

#endif
