/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All commands of netboot-ctl, as one const table. */
#ifndef CTL_COMMANDS_H
#define CTL_COMMANDS_H

#include "ctl/args.h"

extern const struct args_table commands_table;

#endif
