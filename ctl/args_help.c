/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Help texts and completion words from the command tables, so that they cannot differ
 * from what is accepted.
 *
 * Entry points: args_help_text() for people, args_help_words() for the shells'
 * completions. Ownership: appends to the caller's text. Failure modes: none.
 */
#include "ctl/args_help.h"

#include <string.h>

#include "lib/str.h"

enum { HELP_COLUMN = 28, HELP_INDENT = 2 };

static void
add_option(const struct args_option *o, struct text *out)
{
	size_t from = out->len;

	text_pad(out, from, HELP_INDENT, 0);
	if (o->letter != '\0')
		text_addf(out, "-%c, ", o->letter);
	text_addf(out, "--%s", o->name);
	if (o->kind == ARGS_OPTIONAL)
		text_addf(out, "[=%s]", o->metavar);
	else if (o->kind != ARGS_FLAG)
		text_addf(out, " %s", o->metavar);
	text_pad(out, from, HELP_COLUMN, 2);
	text_addf(
	    out, "%s%s\n", o->help, o->kind == ARGS_LIST ? " (may be repeated)" : "");
}

static void
add_group(const struct args_group *g, struct text *out)
{
	for (size_t i = 0; i < g->n; i++)
		add_option(&g->options[i], out);
}

static void
add_command_line(const struct args_command *c, struct text *out)
{
	size_t from = out->len;

	text_addf(out, "  %s%s%s %s", c->noun, c->verb ? " " : "", c->verb ? c->verb : "",
	    c->operands);
	text_pad(out, from, HELP_COLUMN, 2);
	text_addf(out, "%s\n", c->summary);
}

static void
help_command(const struct args_table *t, const struct args_command *c, struct text *out)
{
	bool options = c->groups[0].n > 0;

	text_addf(out, "usage: %s %s%s%s%s%s%s\n\n%s.\n", t->program, c->noun,
	    c->verb ? " " : "", c->verb ? c->verb : "", c->operands[0] != '\0' ? " " : "",
	    c->operands, options ? " [OPTIONS]" : "", c->summary);
	if (c->details != NULL)
		text_addf(out, "\n%s\n", c->details);
	if (options)
		text_add(out, "\nOptions:\n");
	for (size_t i = 0; i < ARGS_GROUPS_MAX; i++)
		add_group(&c->groups[i], out);
	text_add(out, "\nGlobal options:\n");
	add_group(&t->globals, out);
}

void
args_help_text(const struct args_table *table, const struct args_command *command,
    const char *noun, struct text *out)
{
	const struct args_command *row;

	if (command != NULL) {
		help_command(table, command, out);
		return;
	}
	text_addf(out, "usage: %s [OPTIONS] %s\n\n", table->program,
	    noun != NULL ? noun : "COMMAND ...");
	for (size_t i = 0; (row = args_row(table, i)) != NULL; i++)
		if (noun == NULL || str_eq(row->noun, noun))
			add_command_line(row, out);
	text_add(out, "\nGlobal options:\n");
	add_group(&table->globals, out);
	text_addf(out,
	    "\n`%s COMMAND --help` explains one of them; see also netboot-ctl(1).\n",
	    table->program);
}

static void
words_of_group(const struct args_group *g, struct text *out)
{
	for (size_t i = 0; i < g->n; i++)
		text_addf(out, "--%s%s\n", g->options[i].name,
		    g->options[i].kind == ARGS_FLAG || g->options[i].kind == ARGS_OPTIONAL
			? ""
			: "=");
}

/* A value option's restricted words ("table|wide"), one a line. */
static void
words_of_value(const struct args_group *g, const char *name, struct text *out)
{
	for (size_t i = 0; i < g->n; i++) {
		const char *s = g->options[i].metavar;

		if (!str_eq(g->options[i].name, name) || s == NULL)
			continue;
		for (; *s != '\0'; s++)
			text_add_bytes(out, *s == '|' ? "\n" : s, 1);
		text_add(out, "\n");
	}
}

/* "FAMILY SOURCE": the one that stands after `before` others, or the last. */
static void
words_of_operand(const struct args_table *t, const struct args_command *c, size_t before,
    struct text *out)
{
	const char *name = c->operands, *next, *word;
	size_t len;

	while (before-- > 0 && (next = strchr(name, ' ')) != NULL)
		name = next + 1;
	len = strcspn(name, " ");
	for (size_t i = 0; i < t->n_operands; i++) {
		const struct args_operand *o = &t->operands[i];

		if (strlen(o->name) != len || strncmp(o->name, name, len) != 0)
			continue;
		for (size_t k = 0; (word = o->word(k)) != NULL; k++)
			text_addf(out, "%s\n", word);
		return;
	}
	text_addf(out, "@%.*s\n", (int)len, name);
}

static const struct args_command *
command_of_words(
    const struct args_table *t, const char *const *words, size_t n, size_t *ret_used)
{
	const struct args_command *c;

	for (size_t i = 0; (c = args_row(t, i)) != NULL; i++) {
		size_t need = c->verb != NULL ? 2 : 1;

		if (n >= need && str_eq(words[0], c->noun) &&
		    (c->verb == NULL || str_eq(words[1], c->verb))) {
			*ret_used = need;
			return c;
		}
	}
	return NULL;
}

void
args_help_words(
    const struct args_table *table, const char *const *words, size_t n, struct text *out)
{
	size_t used = 0;
	const struct args_command *c = command_of_words(table, words, n, &used), *k,
				  *before = NULL;
	const char *last = NULL;

	if (c != NULL && n > used && str_has_prefix(words[n - 1], "--"))
		last = words[n - 1] + 2;
	if (c != NULL && last != NULL) {
		for (size_t i = 0; i < ARGS_GROUPS_MAX; i++)
			words_of_value(&c->groups[i], last, out);
		words_of_value(&table->globals, last, out);
		return;
	}
	if (c != NULL) {
		for (size_t i = 0; i < ARGS_GROUPS_MAX; i++)
			words_of_group(&c->groups[i], out);
		if (c->max != 0)
			words_of_operand(table, c, n - used, out);
	}
	for (size_t i = 0; c == NULL && (k = args_row(table, i)) != NULL; i++) {
		if (n > 0 && str_eq(words[0], k->noun) && k->verb != NULL)
			text_addf(out, "%s\n", k->verb);
		else if (n == 0 && (i == 0 || !str_eq(k->noun, before->noun)))
			text_addf(out, "%s\n", k->noun);
		before = k;
	}
	words_of_group(&table->globals, out);
}
