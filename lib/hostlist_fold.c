/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names back into the form that hostlist_parse() reads: "edge[01-10,12].los,gw.los".
 *
 * Entry point: hostlist_fold(). The numbers that vary are the last digits before the first dot. Each
 * group of names that are alike but for them becomes one term, or several when its bracket would hold
 * more spans than are read. Ownership: the text is the caller's; the names are only looked at. Failure
 * modes: none; a name that cannot be folded stands by itself.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/hostlist.h"
#include "lib/str.h"

enum {
	DIGITS_MAX = 9, /* as hostlist_parse() reads them */
	SPANS_MAX = 64,
};

/* A name in its parts: text[0..from), digits, rest. */
struct part {
	const char *name;
	size_t from, digits;
	long number;
};

struct out {
	char *text;
	size_t len, room;
};

static void
put(struct out *o, const char *s, size_t len)
{
	if (o->len + len + 1 > o->room) {
		o->room = 2 * (o->len + len + 1);
		o->text = str_realloc(o->text, o->room);
	}
	memcpy(o->text + o->len, s, len);
	o->len += len;
	o->text[o->len] = '\0';
}

static void
take_apart(const char *name, struct part *p)
{
	size_t end = strcspn(name, "."), from;

	*p = (struct part){.name = name, .from = strlen(name)};
	while (end > 0 && (name[end - 1] < '0' || name[end - 1] > '9'))
		end--;
	from = end;
	while (from > 0 && name[from - 1] >= '0' && name[from - 1] <= '9')
		from--;
	if (end == from || end - from > DIGITS_MAX)
		return;
	p->from = from;
	p->digits = end - from;
	p->number = strtol(name + from, NULL, 10);
}

static const char *
rest(const struct part *p)
{
	return p->name + p->from + p->digits;
}

static bool
padded(const struct part *p)
{
	return p->digits > 1 && p->name[p->from] == '0';
}

/* By what is alike, then by number; of one number the shorter text first. */
static int
compare(const void *a, const void *b)
{
	const struct part *x = a, *y = b;
	size_t len = x->from < y->from ? x->from : y->from;
	int r = strncmp(x->name, y->name, len);

	if (r == 0 && x->from != y->from)
		return x->from < y->from ? -1 : 1;
	if (r == 0)
		r = strcmp(rest(x), rest(y));
	if (r != 0)
		return r;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return (x->digits > y->digits) - (x->digits < y->digits);
}

static bool
alike(const struct part *x, const struct part *y)
{
	return x->digits > 0 && y->digits > 0 && x->from == y->from &&
	       strncmp(x->name, y->name, x->from) == 0 && str_eq(rest(x), rest(y));
}

/* Does y come after x in a span that begins with `first`, as hostlist_parse() writes its numbers? */
static bool
goes_on(const struct part *first, const struct part *x, const struct part *y)
{
	if (y->number != x->number + 1)
		return false;
	return padded(first) ? y->digits == first->digits : !padded(y);
}

/* One span, and where the next one begins. */
static size_t
put_span(struct out *o, const struct part *v, size_t i, size_t end)
{
	size_t last = i;

	while (last + 1 < end && goes_on(&v[i], &v[last], &v[last + 1]))
		last++;
	put(o, v[i].name + v[i].from, v[i].digits);
	if (last > i) {
		put(o, "-", 1);
		put(o, v[last].name + v[last].from, v[last].digits);
	}
	return last + 1;
}

static void
put_group(struct out *o, const struct part *v, size_t i, size_t end)
{
	while (i < end) {
		const struct part *p = &v[i];
		int spans = 0;

		if (o->len > 0)
			put(o, ",", 1);
		if (end - i == 1) {
			put(o, p->name, strlen(p->name));
			return;
		}
		put(o, p->name, p->from);
		put(o, "[", 1);
		do {
			if (spans++ > 0)
				put(o, ",", 1);
			i = put_span(o, v, i, end);
		} while (i < end && spans < SPANS_MAX);
		put(o, "]", 1);
		put(o, rest(p), strlen(rest(p)));
	}
}

char *
hostlist_fold(const char *const *names, size_t n)
{
	struct part *v = str_alloc((n + 1) * sizeof(*v));
	struct out o = {.text = str_dup("")};
	size_t kept = 0, end;

	for (size_t i = 0; i < n; i++)
		take_apart(names[i], &v[i]);
	qsort(v, n, sizeof(*v), compare);
	for (size_t i = 0; i < n; i++) /* each once */
		if (kept == 0 || !str_eq(v[kept - 1].name, v[i].name))
			v[kept++] = v[i];
	for (size_t i = 0; i < kept; i = end) {
		for (end = i + 1; end < kept && alike(&v[i], &v[end]);)
			end++;
		put_group(&o, v, i, end);
	}
	free(v);
	return o.text;
}
