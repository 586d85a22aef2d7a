// SPDX-License-Identifier: GPL-3.0-or-later
/* Resolves "edge[01-10].los,-edge03.los", "@site=los,role=cdn" and "all" to hosts.
 *
 * Entry point: selector_resolve(). Names and labels add; what a leading '-' names is left
 * out, wherever it stands: "-edge03,all" spares edge03 as "all,-edge03" does. A name must
 * be a host's whole name: "edge01" never means "edge01.los" by itself, since what follows
 * may wipe a disk; the refusal names what may have been meant. For the same reason a
 * '-@label=value' that no host has is refused: a slip of the pen there spares nobody.
 *
 * Failure modes: -EINVAL for text that cannot be read; unknown names are collected, not
 * thrown. */
#include "orchestrator/selector.h"

#include <errno.h>
#include <string.h>

#include "db/db_host.h"
#include "lib/hostlist.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/refusals.h"
#include "orchestrator/strset.h"

enum { CANDIDATES_MAX = 4 };

struct selection {
	struct store *s;
	struct strset set;
	json_t *errors;
	struct strset bad; /* names reported already */
};

static int
report_unknown(struct selection *sel, const char *name)
{
	struct store_names like = {0};
	struct error err;
	char list[600] = "";

	if (!strset_add(&sel->bad, name, 0, NULL))
		return 0;
	int rc = db_host_by_stem(sel->s, name, CANDIDATES_MAX, &like);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < like.n; i++) {
		size_t len = strlen(list);
		if (str_format(list + len, sizeof(list) - len, "%s%s", i ? ", " : "",
			like.v[i]) < 0)
			break;
	}
	if (like.n > 1)
		error_set(&err, 0, "host-ambiguous", "write the whole name",
		    "%s could be %s%s", name, list,
		    like.n == CANDIDATES_MAX ? ", ..." : "");
	else if (like.n == 1)
		error_set(&err, 0, "host-unknown", "write the whole name",
		    "no host %s; there is %s", name, list);
	else
		error_set(&err, 0, "host-unknown", "netboot-ctl host list shows them",
		    "no host %s", name);
	store_names_done(&like);
	refusals_add(sel->errors, name, &err);
	return 0;
}

/* "-@role=db,rack=1" spares nobody when no host has these labels. */
static int
report_idle_exclusion(
    struct selection *sel, const struct hostlist *list, size_t first, size_t end)
{
	char term[300];
	struct error err;

	str_clip(term, sizeof(term), "-@");
	for (size_t i = first; i < end; i++) {
		const struct hostlist_term *t = &list->terms[i];
		size_t len = strlen(term);
		if (str_format(term + len, sizeof(term) - len, "%s%s=%s",
			i > first ? "," : "", t->label, t->value) < 0)
			break;
	}
	error_set(&err, 0, "host-unknown", "correct it, or leave it out",
	    "no host has the labels of %s: it would spare none", term);
	refusals_add(sel->errors, term, &err);
	return 0;
}

static void
put(struct selection *sel, bool exclude, const char *name)
{
	if (exclude)
		strset_remove(&sel->set, name);
	else
		strset_add(&sel->set, name, 0, NULL);
}

static void
put_all(struct selection *sel, bool exclude, const struct store_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		put(sel, exclude, names->v[i]);
}

/* `site` is every host's label without being written at each. */
static int
label_hosts(struct selection *sel, const struct hostlist_term *t, struct store_names *ret)
{
	if (str_eq(t->label, "site"))
		return db_host_names(sel->s, t->value, NULL, INT64_MAX, ret);
	return db_host_by_label(sel->s, t->label, t->value, ret);
}

/* All pairs of one @ term hold together: the hosts of the first that are in every other.
 */
static int
put_labels(struct selection *sel, const struct hostlist *list, size_t first, size_t end)
{
	struct store_names hosts = {0};
	int rc = label_hosts(sel, &list->terms[first], &hosts);

	for (size_t i = first + 1; rc == 0 && i < end; i++) {
		struct store_names more = {0}, both = {0};
		struct strset in = {0};
		rc = label_hosts(sel, &list->terms[i], &more);
		for (size_t k = 0; k < more.n; k++)
			strset_add(&in, more.v[k], 0, NULL);
		for (size_t k = 0; k < hosts.n; k++)
			if (strset_find(&in, hosts.v[k], NULL))
				store_names_add(&both, hosts.v[k]);
		strset_done(&in);
		store_names_done(&more);
		store_names_done(&hosts);
		hosts = both;
	}
	if (rc == 0 && hosts.n == 0 && list->terms[first].exclude)
		rc = report_idle_exclusion(sel, list, first, end);
	if (rc == 0)
		put_all(sel, list->terms[first].exclude, &hosts);
	store_names_done(&hosts);
	return rc;
}

static int
put_name(struct selection *sel, const struct hostlist_term *t)
{
	int rc = db_host_exists(sel->s, t->name);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return report_unknown(sel, t->name);
	put(sel, t->exclude, t->name);
	return 0;
}

static int
put_everything(struct selection *sel, bool exclude)
{
	struct store_names all = {0};
	int rc = db_host_names(sel->s, NULL, NULL, INT64_MAX, &all);

	if (rc == 0)
		put_all(sel, exclude, &all);
	store_names_done(&all);
	return rc;
}

/* The terms that add, or those that leave out. */
static int
resolve(struct selection *sel, const struct hostlist *list, bool exclude)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < list->count;) {
		const struct hostlist_term *t = &list->terms[i];
		size_t end = i + 1;
		while (t->label && end < list->count && list->terms[end].label &&
		       list->terms[end].group == t->group)
			end++;
		if (t->exclude != exclude)
			rc = 0;
		else if (t->all)
			rc = put_everything(sel, exclude);
		else if (t->label)
			rc = put_labels(sel, list, i, end);
		else
			rc = put_name(sel, t);
		i = end;
	}
	return rc;
}

static int
collect(void *arg, const char *name)
{
	store_names_add(arg, name);
	return 0;
}

int
selector_resolve(struct store *s, const char *text, struct store_names *ret,
    json_t **ret_errors, struct error *err)
{
	struct hostlist list = {0};
	struct selection sel = {.s = s, .errors = json_array()};
	int rc = hostlist_parse(text, &list, err);

	if (rc < 0)
		goto out;
	rc = resolve(&sel, &list, false);
	if (rc == 0)
		rc = resolve(&sel, &list, true);
	if (rc < 0) {
		db_error(store_db(s), rc, err, "read the hosts");
		goto out;
	}
	strset_each(&sel.set, collect, ret);
	*ret_errors = NULL;
	if (json_array_size(sel.errors) > 0)
		*ret_errors = json_incref(sel.errors);
out:
	hostlist_done(&list);
	strset_done(&sel.set);
	strset_done(&sel.bad);
	json_decref(sel.errors);
	return rc;
}
