/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line, driven by const tables: a command is a row with its options, its help
 * text and its handler. Parsing is pure; the table of this program is in ctl/commands.c.
 */
#ifndef CTL_ARGS_H
#define CTL_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/compiler.h"
#include "lib/error.h"

struct ctl;
struct args;

enum args_kind {
	ARGS_FLAG,
	ARGS_VALUE,    /* never empty */
	ARGS_TEXT,     /* a value that may be empty */
	ARGS_OPTIONAL, /* --wait or --wait=DUR; never takes the next word */
	ARGS_LIST,     /* may be given several times */
};

struct args_option {
	const char *name; /* without the dashes */
	char letter;	  /* or 0 */
	enum args_kind kind;
	const char *metavar; /* "FILE"; "a|b|c" restricts the value to these words */
	const char *help;
};

enum { ARGS_GROUPS_MAX = 4, ARGS_VALUES_MAX = 256, ARGS_OPERANDS_MAX = 256 };

struct args_group {
	const struct args_option *options;
	size_t n;
};

struct args_command {
	const char *noun;
	const char *verb;     /* NULL: the noun is the whole command */
	const char *operands; /* for the usage line: "HOSTS", "[HOSTS]", "" */
	int min, max;	      /* of operands; max -1: any number */
	struct args_group groups[ARGS_GROUPS_MAX]; /* an empty one ends the list */
	int (*run)(struct ctl *ctl, const struct args *args); /* returns the exit code */
	const char *summary;				      /* one line */
	const char *details;				      /* further lines, or NULL */
};

/* Rows of one subject. */
struct args_commands {
	const struct args_command *rows;
	size_t n;
};

/* An operand that is one of a few words. */
struct args_operand {
	const char *name;	       /* as in `operands` */
	const char *(*word)(size_t i); /* the i-th; NULL: there are no more */
};

struct args_table {
	const char *program;
	const struct args_commands *const *parts;
	size_t n_parts;
	struct args_group globals; /* accepted anywhere */
	const struct args_operand *operands;
	size_t n_operands;
};

struct args_value {
	const struct args_option *option;
	const char *value; /* borrowed from argv; NULL for flags and a bare optional */
};

struct args {
	const struct args_table *table;
	const struct args_command *command; /* NULL when only a global option was given */
	struct args_value values[ARGS_VALUES_MAX];
	size_t n_values;
	const char *operands[ARGS_OPERANDS_MAX];
	int n_operands;
	bool help;
	const char *help_noun; /* `NOUN --help`, where the noun has several verbs */
};

/* The i-th command of all parts; NULL: there are no more. */
const struct args_command *
args_row(const struct args_table *table, size_t i);
/* 0, or -EINVAL with *err (code "usage") naming the word and, for a near miss, the likely
 * one. */
int
args_parse(const struct args_table *table, int argc, char *const *argv, struct args *ret,
    struct error *err) MUST_CHECK;
/* The option must be in the command's or the global tables (asserted). */
bool
args_has(const struct args *a, const char *name);
const char *
args_get(const struct args *a, const char *name); /* NULL when absent */
/* Values of a list option one by one: start with *pos = 0; NULL at the end. */
const char *
args_next(const struct args *a, const char *name, size_t *pos);
#endif
