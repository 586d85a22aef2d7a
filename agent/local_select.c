/* SPDX-License-Identifier: GPL-3.0-or-later */
/* "edge[01-03],-edge02", "@role=cdn" and "all" of the site's table.
 *
 * As at the orchestrator: names and labels add, what a leading '-' names is left out wherever it stands, a name is a host's
 * whole name, and a '-@label=value' that no host has is refused, since it would spare none.
 *
 * Entry point: local_select(). Ownership: names are the caller's. Failure modes: unknown names are collected, not thrown.
 */
#include "agent/local_select.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hostlist.h"
#include "lib/json.h"
#include "lib/str.h"

void
local_select_refuse(json_t **list, const char *host, const struct error *err)
{
	json_t *e = json_object();

	if (*list == NULL)
		*list = json_array();
	json_put_str(e, "host", host);
	json_put_str(e, "code", err->code);
	json_put_str(e, "text", err->text);
	json_put_str(e, "next", err->next);
	json_array_append_new(*list, e);
}

void
local_select_done(struct local_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->v[i]);
	free(names->v);
	*names = (struct local_names){NULL, 0};
}

static bool
has_label(const struct bundle_host *h, const char *site, const struct hostlist_term *t)
{
	if (str_eq(t->label, "site"))
		return str_eq(t->value, site);
	for (size_t i = 0; i < h->n_labels; i++)
		if (str_eq(h->labels[i].key, t->label) &&
		    str_eq(h->labels[i].value, t->value))
			return true;
	return false;
}

/* Does the term at `i` (with its fellows of one @) name the host? *ret_end: the one after. */
static bool
names_host(const struct hostlist *list, size_t i, const struct bundle_host *h,
    const char *site, size_t *ret_end)
{
	const struct hostlist_term *t = &list->terms[i];
	bool all = true;

	*ret_end = i + 1;
	if (t->label == NULL)
		return t->all || str_eq(t->name, h->name);
	for (; i < list->count && list->terms[i].label != NULL &&
	       list->terms[i].group == t->group;
	     i++)
		all = all && has_label(h, site, &list->terms[i]);
	*ret_end = i;
	return all;
}

static void
judge(const struct hostlist *list, bool *met, const struct bundle_host *h,
    const char *site, bool *in, bool *out)
{
	size_t end;

	for (size_t i = 0; i < list->count; i = end) {
		if (!names_host(list, i, h, site, &end))
			continue;
		met[i] = true;
		if (list->terms[i].exclude)
			*out = true;
		else
			*in = true;
	}
}

static void
add(struct local_names *names, size_t *room, const char *name)
{
	if (names->n == *room) {
		*room = *room > 0 ? 2 * *room : 32;
		names->v = str_realloc(names->v, *room * sizeof(names->v[0]));
	}
	names->v[names->n++] = str_dup(name);
}

/* What met no host at all. */
static void
tell_unmet(const struct hostlist *list, const bool *met, json_t **errors)
{
	struct error err;

	for (size_t i = 0; i < list->count; i++) {
		const struct hostlist_term *t = &list->terms[i];
		char shown[300];

		if (met[i] || t->all || (t->label != NULL && !t->exclude))
			continue;
		if (t->label != NULL && i > 0 && list->terms[i - 1].label != NULL &&
		    list->terms[i - 1].group == t->group)
			continue;
		if (t->label != NULL) {
			str_clip(shown, sizeof(shown), t->label);
			error_set(&err, 0, "host-unknown", "correct it, or leave it out",
			    "no host of this site has the labels of -@%s=…: it would "
			    "spare none",
			    shown);
		} else {
			str_clip(shown, sizeof(shown), t->name);
			error_set(&err, 0, "host-unknown",
			    "netboot-ctl host list shows them; others are the "
			    "orchestrator's to know",
			    "no host %s at this site", shown);
		}
		local_select_refuse(errors, shown, &err);
	}
}

static int
walk(struct spool *s, const struct hostlist *list, bool *met, const char *site,
    struct local_names *ret)
{
	struct bundle_host *h = str_alloc(sizeof(*h));
	size_t room = 0;
	int rc;

	while ((rc = spool_next_host(s, h->name, h, NULL)) == 1) {
		bool in = false, out = false;

		judge(list, met, h, site, &in, &out);
		if (in && !out)
			add(ret, &room, h->name);
	}
	free(h);
	return rc;
}

int
local_select(struct spool *s, const char *site, const char *text, struct local_names *ret,
    json_t **ret_errors, struct error *err)
{
	struct hostlist list = {NULL, 0};
	int rc = hostlist_parse(text, &list, err);
	bool *met;

	*ret = (struct local_names){NULL, 0};
	*ret_errors = NULL;
	if (rc < 0)
		return rc;
	met = str_alloc((list.count + 1) * sizeof(*met));
	rc = walk(s, &list, met, site, ret);
	if (rc == 0)
		tell_unmet(&list, met, ret_errors);
	free(met);
	hostlist_done(&list);
	return rc;
}
