/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of the table of commands, and the options that several of them take. */
#ifndef CTL_COMMANDS_PRIV_H
#define CTL_COMMANDS_PRIV_H

#include "ctl/args.h"

#define GROUP(options)                       \
	{                                    \
		options, ARRAY_SIZE(options) \
	}

extern const struct args_commands commands_inventory, commands_order, commands_rollout,
    commands_look, commands_admin;

enum { COMMANDS_POLICY_N = 10 };

extern const struct args_option commands_reason[1];
/* How work goes over many hosts: ctl/rollout_opts.h. */
extern const struct args_option commands_policy[COMMANDS_POLICY_N];

#endif
