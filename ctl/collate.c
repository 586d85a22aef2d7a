/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers grouped by what they say.
 *
 * Entry points: collate_new(), collate_add(), collate_print(). Ownership: names and answers are
 * copied. Failure modes: none.
 */
#include "ctl/collate.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "lib/hostlist.h"
#include "lib/str.h"

struct group {
	UT_hash_handle hh;
	char *answer;
	char **hosts;
	size_t n, room;
};

struct collate {
	struct group *groups;
};

struct collate *
collate_new(void)
{
	return str_alloc(sizeof(struct collate));
}

void
collate_free(struct collate *c)
{
	struct group *g, *next;

	if (c == NULL)
		return;
	HASH_ITER (hh, c->groups, g, next) {
		HASH_DEL(c->groups, g);
		for (size_t i = 0; i < g->n; i++)
			free(g->hosts[i]);
		free(g->hosts);
		free(g->answer);
		free(g);
	}
	free(c);
}

void
collate_add(struct collate *c, const char *host, const char *answer)
{
	struct group *g;

	HASH_FIND_STR(c->groups, answer, g);
	if (g == NULL) {
		g = str_alloc(sizeof(*g));
		g->answer = str_dup(answer);
		HASH_ADD_KEYPTR(hh, c->groups, g->answer, strlen(g->answer), g);
	}
	if (g->n == g->room) {
		g->room = g->room > 0 ? 2 * g->room : 16;
		g->hosts = str_realloc(g->hosts, g->room * sizeof(*g->hosts));
	}
	g->hosts[g->n++] = str_dup(host);
}

static int
larger(const struct group *a, const struct group *b)
{
	if (a->n != b->n)
		return a->n > b->n ? -1 : 1;
	return strcmp(a->answer, b->answer);
}

static void
add_answer(const char *answer, struct text *out)
{
	if (strchr(answer, '\n') == NULL) {
		text_addf(out, " %s\n", answer);
		return;
	}
	text_add(out, "\n");
	while (*answer != '\0') {
		size_t len = strcspn(answer, "\n");

		text_add(out, "  ");
		text_add_bytes(out, answer, len);
		text_add(out, "\n");
		answer += len + (answer[len] == '\n');
	}
}

void
collate_print(struct collate *c, struct text *out)
{
	struct group *g, *next;

	HASH_SORT(c->groups, larger);
	HASH_ITER (hh, c->groups, g, next) {
		char *hosts = hostlist_fold((const char *const *)g->hosts, g->n);

		text_addf(out, "%s:", hosts);
		add_answer(g->answer, out);
		free(hosts);
	}
}
