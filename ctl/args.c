/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parsing of the command line against const tables.
 *
 * Entry points: args_parse(), then args_has(), args_get(), args_next() by option name.
 * Ownership: everything is borrowed from argv and the tables.
 * Failure modes: -EINVAL with code "usage"; nothing is guessed: a near miss is only named
 * in the message ("did you mean --reason?"), never taken, since one letter may be the
 * difference between showing a host and wiping it. Abbreviated options are refused for
 * the same reason.
 */
#include "ctl/args.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/text.h"
#include "lib/str.h"

enum { ARGS_NEAR_MAX = 2, ARGS_WORD_MAX = 40 };

/* Levenshtein distance; ARGS_WORD_MAX and more for words too long to matter. */
static size_t
word_distance(const char *a, const char *b)
{
	size_t row[ARGS_WORD_MAX + 1], la = strlen(a), lb = strlen(b);

	if (la > ARGS_WORD_MAX || lb > ARGS_WORD_MAX)
		return ARGS_WORD_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t above = row[j], best = diagonal + (a[i - 1] != b[j - 1]);

			if (above + 1 < best)
				best = above + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = above;
			row[j] = best;
		}
	}
	return row[lb];
}

/* The best of the candidates seen so far. */
struct nearest {
	const char *word; /* what was typed */
	const char *found;
	size_t distance;
};

static void
nearest_offer(struct nearest *n, const char *candidate)
{
	size_t d = candidate != NULL ? word_distance(n->word, candidate) : ARGS_WORD_MAX;

	if (d <= ARGS_NEAR_MAX && d < strlen(n->word) &&
	    (n->found == NULL || d < n->distance)) {
		n->found = candidate;
		n->distance = d;
	}
}

/* ---- tables ---- */

static const struct args_option *
group_find(const struct args_group *g, const char *name, size_t len)
{
	for (size_t i = 0; i < g->n; i++)
		if (strlen(g->options[i].name) == len &&
		    memcmp(g->options[i].name, name, len) == 0)
			return &g->options[i];
	return NULL;
}

static const struct args_option *
group_find_letter(const struct args_group *g, char letter)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->options[i].letter == letter)
			return &g->options[i];
	return NULL;
}

static const struct args_option *
find_option(const struct args_table *t, const struct args_command *c, const char *name,
    size_t len)
{
	const struct args_option *o;

	for (size_t i = 0; c != NULL && i < ARGS_GROUPS_MAX; i++)
		if ((o = group_find(&c->groups[i], name, len)) != NULL)
			return o;
	return group_find(&t->globals, name, len);
}

static const struct args_option *
find_letter(const struct args_table *t, const struct args_command *c, char letter)
{
	const struct args_option *o;

	for (size_t i = 0; c != NULL && i < ARGS_GROUPS_MAX; i++)
		if ((o = group_find_letter(&c->groups[i], letter)) != NULL)
			return o;
	return group_find_letter(&t->globals, letter);
}

static const char *
nearest_option(const struct args_table *t, const struct args_command *c, const char *name)
{
	struct nearest n = {.word = name};

	for (size_t i = 0; c != NULL && i < ARGS_GROUPS_MAX; i++)
		for (size_t j = 0; j < c->groups[i].n; j++)
			nearest_offer(&n, c->groups[i].options[j].name);
	for (size_t j = 0; j < t->globals.n; j++)
		nearest_offer(&n, t->globals.options[j].name);
	return n.found;
}

/* ---- the command's words ---- */

const struct args_command *
args_row(const struct args_table *table, size_t i)
{
	for (size_t k = 0; k < table->n_parts; k++) {
		if (i < table->parts[k]->n)
			return &table->parts[k]->rows[i];
		i -= table->parts[k]->n;
	}
	return NULL;
}

static bool
has_verbs(const struct args_table *t, const char *noun)
{
	const struct args_command *c;

	for (size_t i = 0; (c = args_row(t, i)) != NULL; i++)
		if (str_eq(c->noun, noun) && c->verb != NULL)
			return true;
	return false;
}

static const struct args_command *
find_command(const struct args_table *t, const char *noun, const char *verb)
{
	const struct args_command *c;

	for (size_t i = 0; (c = args_row(t, i)) != NULL; i++)
		if (str_eq(c->noun, noun) && str_eq(c->verb, verb))
			return c;
	return NULL;
}

static int
unknown_noun(const struct args_table *t, const char *word, struct error *err)
{
	struct nearest n = {.word = word};
	const struct args_command *c;

	for (size_t i = 0; (c = args_row(t, i)) != NULL; i++)
		nearest_offer(&n, c->noun);
	error_set(err, 0, "usage", "netboot-ctl --help lists the commands",
	    "unknown command '%s'", word);
	if (n.found != NULL)
		snprintf(err->next, sizeof(err->next), "did you mean '%s'?", n.found);
	return -EINVAL;
}

static int
unknown_verb(
    const struct args_table *t, const char *noun, const char *word, struct error *err)
{
	struct nearest n = {.word = word};
	struct text verbs = {0};
	const struct args_command *c;

	for (size_t i = 0; (c = args_row(t, i)) != NULL; i++) {
		if (!str_eq(c->noun, noun))
			continue;
		nearest_offer(&n, c->verb);
		text_addf(&verbs, "%s%s", verbs.len > 0 ? ", " : "", c->verb);
	}
	error_set(err, 0, "usage", NULL, "%s: unknown action '%s'", noun, word);
	if (n.found != NULL)
		snprintf(
		    err->next, sizeof(err->next), "did you mean '%s %s'?", noun, n.found);
	else
		snprintf(
		    err->next, sizeof(err->next), "it is one of: %s", text_str(&verbs));
	text_done(&verbs);
	return -EINVAL;
}

/* ---- parsing ---- */

struct parser {
	const struct args_table *table;
	struct args *args;
	const char *noun; /* seen, its verb not yet */
	int argc;
	char *const *argv;
	int at;
	bool only_operands; /* after "--" */
	struct error *err;
};

/* How messages name the command: "host add: ", or nothing before it is known. */
static const char *
where(const struct parser *p, char *buf, size_t size)
{
	const struct args_command *c = p->args->command;

	if (c == NULL)
		buf[0] = '\0';
	else
		snprintf(buf, size, "%s%s%s: ", c->noun, c->verb ? " " : "",
		    c->verb ? c->verb : "");
	return buf;
}

static bool
choice_allowed(const char *choices, const char *value)
{
	size_t len = strlen(value);

	for (const char *c = choices; c != NULL; c = strchr(c, '|')) {
		c += *c == '|';
		if (strncmp(c, value, len) == 0 && (c[len] == '|' || c[len] == '\0'))
			return len > 0;
	}
	return false;
}

static int
take_value(struct parser *p, const struct args_option *o, const char *value)
{
	bool empty = value != NULL && value[0] == '\0';
	struct args *a = p->args;
	char cmd[80];

	if (o->kind != ARGS_LIST && args_has(a, o->name))
		return error_set(p->err, -EINVAL, "usage", "give it once",
		    "%s--%s is given twice", where(p, cmd, sizeof(cmd)), o->name);
	if (value != NULL && !(empty && o->kind == ARGS_TEXT) && o->metavar != NULL &&
	    strchr(o->metavar, '|') != NULL && !choice_allowed(o->metavar, value))
		return error_set(p->err, -EINVAL, "usage", NULL,
		    "%s--%s takes %s, not '%s'", where(p, cmd, sizeof(cmd)), o->name,
		    o->metavar, value);
	/* A variable of the shell that was never set is no wish for the default. */
	if (empty && o->kind != ARGS_TEXT)
		return error_set(p->err, -EINVAL, "usage", "give a value or leave it out",
		    "%s--%s is empty", where(p, cmd, sizeof(cmd)), o->name);
	if (a->n_values == ARGS_VALUES_MAX)
		return error_set(p->err, -EINVAL, "usage", "use apply with a file",
		    "more than %d options", (int)ARGS_VALUES_MAX);
	a->values[a->n_values++] = (struct args_value){.option = o, .value = value};
	if (str_eq(o->name, "help"))
		a->help = true;
	return 0;
}

/* The option was found; `inline_value` is what stood behind '=' or the letter, or NULL.
 */
static int
take_option(struct parser *p, const struct args_option *o, const char *inline_value)
{
	char cmd[80];

	switch (o->kind) {
	case ARGS_FLAG:
		if (inline_value != NULL)
			return error_set(p->err, -EINVAL, "usage", NULL,
			    "%s--%s takes no value", where(p, cmd, sizeof(cmd)), o->name);
		return take_value(p, o, NULL);
	case ARGS_OPTIONAL: return take_value(p, o, inline_value);
	case ARGS_VALUE:
	case ARGS_TEXT:
	case ARGS_LIST:
		if (inline_value != NULL)
			return take_value(p, o, inline_value);
		if (p->at + 1 >= p->argc)
			return error_set(p->err, -EINVAL, "usage", NULL,
			    "%s--%s needs a value (%s)", where(p, cmd, sizeof(cmd)),
			    o->name, o->metavar);
		return take_value(p, o, p->argv[++p->at]);
	}
	return -EINVAL;
}

static int
take_long(struct parser *p, const char *word)
{
	const char *name = word + 2, *eq = strchr(name, '=');
	size_t len = eq != NULL ? (size_t)(eq - name) : strlen(name);
	const struct args_option *o = find_option(p->table, p->args->command, name, len);
	char cmd[80], bare[ARGS_WORD_MAX + 1];
	const char *near;

	if (o != NULL)
		return take_option(p, o, eq != NULL ? eq + 1 : NULL);
	snprintf(bare, sizeof(bare), "%.*s",
	    (int)(len < ARGS_WORD_MAX ? len : ARGS_WORD_MAX), name);
	error_set(p->err, 0, "usage", "--help lists the options",
	    "%sunknown option '--%s'", where(p, cmd, sizeof(cmd)), bare);
	near = nearest_option(p->table, p->args->command, bare);
	if (near != NULL)
		snprintf(p->err->next, sizeof(p->err->next), "did you mean --%s?", near);
	return -EINVAL;
}

/* "-edge03" where hosts are named: meant to leave one out. */
static bool
means_host(const struct parser *p, const char *word)
{
	return strlen(word) > 2 && p->args->command != NULL &&
	       strstr(p->args->command->operands, "HOSTS") != NULL;
}

/* One letter an option; a value follows at once (-otable) or in the next word. */
static int
take_short(struct parser *p, const char *word)
{
	char cmd[80];
	int r;

	for (const char *s = word + 1; *s != '\0'; s++) {
		const struct args_option *o = find_letter(p->table, p->args->command, *s);

		if (o == NULL)
			return error_set(p->err, -EINVAL, "usage",
			    means_host(p, word) ? "to leave a host out, write it behind "
						  "a comma: edge[01-10],-edge03"
						: "--help lists the options",
			    "%sunknown option '-%c'", where(p, cmd, sizeof(cmd)), *s);
		if (o->kind != ARGS_FLAG)
			return take_option(p, o, s[1] != '\0' ? s + 1 : NULL);
		r = take_value(p, o, NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

static int
take_word(struct parser *p, const char *word)
{
	struct args *a = p->args;

	if (a->command != NULL) {
		if (a->n_operands == ARGS_OPERANDS_MAX)
			return error_set(p->err, -E2BIG, "usage",
			    "use a host set such as edge[01-99]", "more than %d operands",
			    (int)ARGS_OPERANDS_MAX);
		a->operands[a->n_operands++] = word;
		return 0;
	}
	if (p->noun != NULL) {
		a->command = find_command(p->table, p->noun, word);
		return a->command != NULL ? 0
					  : unknown_verb(p->table, p->noun, word, p->err);
	}
	if (has_verbs(p->table, word)) {
		p->noun = word;
		return 0;
	}
	a->command = find_command(p->table, word, NULL);
	return a->command != NULL ? 0 : unknown_noun(p->table, word, p->err);
}

static int
check_operands(struct parser *p)
{
	const struct args *a = p->args;
	const struct args_command *c = a->command;
	char cmd[80];

	if (c == NULL && p->noun != NULL)
		return error_set(p->err, -EINVAL, "usage", "--help lists them",
		    "%s: which action?", p->noun);
	if (c == NULL)
		return 0;
	if (a->n_operands < c->min)
		return error_set(p->err, -EINVAL, "usage", "--help shows how",
		    "%s%s is missing", where(p, cmd, sizeof(cmd)), c->operands);
	if (c->max >= 0 && a->n_operands > c->max)
		return error_set(p->err, -EINVAL, "usage", "--help shows how",
		    "%s'%s' is one word too many", where(p, cmd, sizeof(cmd)),
		    a->operands[c->max]);
	/* A variable of the shell that was never set must not mean "all". */
	for (int i = 0; i < a->n_operands; i++)
		if (a->operands[i][0] == '\0')
			return error_set(p->err, -EINVAL, "usage", "--help shows how",
			    "%s%s is empty", where(p, cmd, sizeof(cmd)), c->operands);
	return 0;
}

int
args_parse(const struct args_table *table, int argc, char *const *argv, struct args *ret,
    struct error *err)
{
	struct parser p = {
	    .table = table, .args = ret, .argc = argc, .argv = argv, .err = err};
	int r = 0;

	*ret = (struct args){.table = table};
	for (p.at = 1; p.at < argc && r == 0; p.at++) {
		const char *word = argv[p.at];

		if (p.only_operands || word[0] != '-' || word[1] == '\0')
			r = take_word(&p, word);
		else if (str_eq(word, "--"))
			p.only_operands = true;
		else if (word[1] == '-')
			r = take_long(&p, word);
		else
			r = take_short(&p, word);
	}
	if (ret->help)
		ret->help_noun = p.noun;
	return r != 0 || ret->help ? r : check_operands(&p);
}

static const struct args_value *
find_value(const struct args *a, const char *name, size_t *pos)
{
	for (size_t i = *pos; i < a->n_values; i++)
		if (str_eq(a->values[i].option->name, name)) {
			*pos = i + 1;
			return &a->values[i];
		}
	return NULL;
}

bool
args_has(const struct args *a, const char *name)
{
	size_t pos = 0;

	assert(find_option(a->table, a->command, name, strlen(name)) != NULL);
	return find_value(a, name, &pos) != NULL;
}

const char *
args_get(const struct args *a, const char *name)
{
	size_t pos = 0;

	return args_next(a, name, &pos);
}

const char *
args_next(const struct args *a, const char *name, size_t *pos)
{
	const struct args_value *v;

	assert(find_option(a->table, a->command, name, strlen(name)) != NULL);
	v = find_value(a, name, pos);
	return v != NULL ? v->value : NULL;
}
