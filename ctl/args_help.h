/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Help texts and completion words, made from the tables of ctl/args.h. */
#ifndef CTL_ARGS_HELP_H
#define CTL_ARGS_HELP_H

#include "ctl/args.h"
#include "ctl/text.h"

/* On a command, else on a noun's commands, else (both NULL) on the program. */
void
args_help_text(const struct args_table *table, const struct args_command *command,
    const char *noun, struct text *out);
/* What may follow these words, one a line, for shell completion: nouns, then verbs, then
 * options
 * ("--reason="; '=' where a value follows) and the next operand: its words, or its kind ("@HOSTS"). */
void
args_help_words(
    const struct args_table *table, const char *const *words, size_t n, struct text *out);

#endif
