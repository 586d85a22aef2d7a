/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a listing and the name of a family to what an image of it is made of.
 *
 * Entry points: import_recipes_plan(), import_recipes_guess(), import_recipes_families().
 * Ownership: a plan borrows from the listing, the options and the table.
 * Failure modes: -EINVAL. Who gives the wrong ISO is told what was looked for, what is
 * there and what it looks like; where several files would do, none is chosen by chance.
 */
#include "ctl/import_recipes.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "ctl/import_table.h"
#include "lib/compiler.h"
#include "lib/str.h"

static const struct import_entry *
find_next(const struct import_listing *l, const char *glob, const char *pick, size_t *pos)
{
	while (*pos < l->n) {
		const struct import_entry *e = &l->entries[(*pos)++];

		if (fnmatch(glob, e->path, FNM_CASEFOLD) == 0 &&
		    (pick == NULL || strstr(e->path, pick) != NULL))
			return e;
	}
	return NULL;
}

static bool
is_there(const struct import_listing *l, const char *glob)
{
	size_t pos = 0;

	return find_next(l, glob, NULL, &pos) != NULL;
}

/* The first mark that is missing, or that should be; NULL: it is this. */
static const char *
missing_mark(const struct import_table *t, const struct import_listing *l)
{
	for (size_t i = 0; i < ARRAY_SIZE(t->marks) && t->marks[i] != NULL; i++)
		if (!is_there(l, t->marks[i]))
			return t->marks[i];
	return t->not != NULL && is_there(l, t->not ) ? "" : NULL;
}

const char *
import_recipes_guess(const struct import_listing *l)
{
	for (size_t i = 0; i < import_table_n; i++)
		if (!import_table[i].vague && missing_mark(&import_table[i], l) == NULL)
			return import_table[i].family;
	return NULL;
}

const char *
import_recipes_families(char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < import_table_n; i++) {
		const char *name = import_table[i].family;
		int n;

		if (i > 0 && str_eq(name, import_table[i - 1].family))
			continue;
		n = snprintf(buf + len, size - len, "%s%s", len > 0 ? "|" : "", name);
		if (n < 0 || (size_t)n >= size - len)
			break;
		len += (size_t)n;
	}
	return buf;
}

/* Some of what is at the top of it, for people. */
static void
describe(const struct import_listing *l, char *buf, size_t size)
{
	char last[64] = "";
	size_t len = 0;

	str_clip(buf, size, "nothing");
	for (size_t i = 0; i < l->n; i++) {
		size_t k = strcspn(l->entries[i].path, "/");
		char top[64];

		snprintf(top, sizeof(top), "%.*s%s", (int)(k < 40 ? k : 40),
		    l->entries[i].path, l->entries[i].path[k] == '/' ? "/" : "");
		if (str_eq(top, last))
			continue;
		if (len + strlen(top) + sizeof(", ...") >= size || len > 200) {
			str_clip(buf + len, size - len, ", ...");
			return;
		}
		len += (size_t)snprintf(
		    buf + len, size - len, "%s%s", len > 0 ? ", " : "", top);
		str_clip(last, sizeof(last), top);
	}
}

static int
wrong(const struct import_listing *l, const struct import_table *t, const char *mark,
    struct error *err)
{
	const char *guess = import_recipes_guess(l);
	char there[320], next[200];

	describe(l, there, sizeof(there));
	if (guess != NULL && !str_eq(guess, t->family))
		snprintf(next, sizeof(next),
		    "it looks like %s: netboot-ctl image import %s ...", guess, guess);
	else if (str_eq(t->family, "debian-installer"))
		str_clip(next, sizeof(next),
		    "give netboot.tar.gz unpacked, mini.iso, or the folder of package "
		    "debian-installer-12-netboot-amd64; the initrd of a CD wants its CD");
	else
		str_clip(next, sizeof(next), "give its ISO, or a folder with all of it");
	return error_set(err, -EINVAL, "import-wrong", next,
	    "%s is not %s: there is no %s; there is %s", l->source, t->title, mark,
	    there);
}

/* The row of that family that fits, else NULL with *err. */
static const struct import_table *
find_row(const char *family, const struct import_listing *l,
    const struct import_opts *opts, struct error *err)
{
	const struct import_table *first = NULL;
	char all[200];

	for (size_t i = 0; i < import_table_n; i++) {
		const struct import_table *t = &import_table[i];

		if (!str_eq(t->family, family) ||
		    (t->firmware != 0 && (t->firmware == 'b') != opts->bios))
			continue;
		if (missing_mark(t, l) == NULL)
			return t;
		if (first == NULL)
			first = t;
	}
	if (first == NULL)
		error_set(err, -EINVAL, "import-family",
		    "give one of these; what is none of them: netboot-ctl image add",
		    "no images of a family %.60s are known, only of %s", family,
		    import_recipes_families(all, sizeof(all)));
	else if (missing_mark(first, l)[0] == '\0')
		error_set(err, -EINVAL, "import-wrong", "name the family that it is",
		    "%s is not %s: there is %s", l->source, first->title, first->not );
	else
		wrong(l, first, missing_mark(first, l), err);
	return NULL;
}

static int
find_one(const struct import_listing *l, const struct import_table *t, const char *glob,
    const struct import_opts *opts, const struct import_entry **ret, struct error *err)
{
	size_t pos = 0;
	const struct import_entry *e = find_next(l, glob, opts->pick, &pos);
	const struct import_entry *other =
	    e != NULL ? find_next(l, glob, opts->pick, &pos) : NULL;

	if (e == NULL && opts->pick != NULL)
		return error_set(err, -EINVAL, "import-wrong",
		    "leave --pick out, or take a word of the right path",
		    "%s: no %s has \"%.60s\" in its path", l->source, glob, opts->pick);
	if (e == NULL)
		return wrong(l, t, glob, err);
	if (other != NULL)
		return error_set(err, -EINVAL, "import-ambiguous",
		    "say which with --pick WORD: a word that only its path holds",
		    "%s has both %.200s and %.200s", l->source, e->path, other->path);
	if (e->size == 0)
		return error_set(err, -EINVAL, "import-wrong",
		    "take a copy that is whole", "%s: %.200s is empty", l->source,
		    e->path);
	*ret = e;
	return 0;
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static int
take_text(const struct import_table *t, const struct import_table_file *f,
    const struct import_opts *opts, struct import_file *to, struct error *err)
{
	to->template = true;
	to->text = f->source == IMPORT_TABLE_ANSWERS && opts->text != NULL ? opts->text
									   : f->text;
	if (to->text == NULL)
		return error_set(err, -EINVAL, "import-template",
		    "write one, with ${host.name} and the like where hosts differ: "
		    "netboot-inventory(5)",
		    "%s needs its %s: give --template FILE", t->title, f->name);
	return 0;
}

static int
take_whole(const struct import_listing *l, const struct import_table *t,
    struct import_file *to, struct error *err)
{
	to->whole = true;
	if (l->archive == NULL)
		return error_set(err, -EINVAL, "import-wrong", "give the ISO itself",
		    "%s needs the whole ISO, and %s is a folder", t->title, l->source);
	return 0;
}

static int
add_file(const struct import_listing *l, const struct import_table *t,
    const struct import_table_file *f, const struct import_opts *opts,
    struct import_plan *plan, struct error *err)
{
	struct import_file *to = &plan->files[plan->n++];
	const char *name = f->name;
	int r = 0;

	to->role = f->role;
	switch (f->source) {
	case IMPORT_TABLE_COPY: r = find_one(l, t, f->glob, opts, &to->from, err); break;
	case IMPORT_TABLE_ANSWERS:
	case IMPORT_TABLE_TEXT: r = take_text(t, f, opts, to, err); break;
	case IMPORT_TABLE_WHOLE: r = take_whole(l, t, to, err); break;
	}
	if (r < 0)
		return r;
	if (name == NULL)
		name = base_name(to->from->path);
	if (str_copy(to->name, sizeof(to->name), name) < 0 ||
	    str_copy(to->dest, sizeof(to->dest), f->dest != NULL ? f->dest : name) < 0)
		return error_set(err, -EINVAL, "import-wrong", "rename it",
		    "the name %.80s is longer than %d octets", name,
		    IMPORT_NAME_SIZE - 1);
	return 0;
}

static int
check_opts(
    const struct import_table *t, const struct import_opts *opts, struct error *err)
{
	bool answers = false;

	for (size_t i = 0; i < ARRAY_SIZE(t->files); i++)
		answers |= t->files[i].source == IMPORT_TABLE_ANSWERS;
	if (opts->nfs && t->nfs == NULL)
		return error_set(err, -EINVAL, "usage", "leave --nfs out",
		    "%s has no root over NFS", t->title);
	if (opts->text != NULL && !answers)
		return error_set(err, -EINVAL, "usage", "leave --template out",
		    "%s takes no template", t->title);
	return 0;
}

int
import_recipes_plan(const char *family, const struct import_listing *l,
    const struct import_opts *opts, struct import_plan *ret, struct error *err)
{
	const struct import_table *t = find_row(family, l, opts, err);
	struct import_plan plan = {.n = 0};
	const char *more = opts->append != NULL ? opts->append : "";
	int r;

	if (t == NULL)
		return -EINVAL;
	r = check_opts(t, opts, err);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(t->files); i++)
		if (t->files[i].glob != NULL || t->files[i].name != NULL)
			r = add_file(l, t, &t->files[i], opts, &plan, err);
	if (r < 0)
		return r;
	plan.family = t->family;
	plan.kind = t->kind;
	plan.nfs = opts->nfs;
	plan.installs = t->installs;
	r = str_format(plan.args, sizeof(plan.args), "%s%s%s",
	    opts->nfs ? t->nfs : t->args,
	    more[0] != '\0' && t->args[0] != '\0' ? " " : "", more);
	if (r < 0)
		return error_set(err, -EINVAL, "usage", "shorten --append",
		    "the arguments are longer than %d octets", IMPORT_ARGS_SIZE - 1);
	*ret = plan;
	return 0;
}
