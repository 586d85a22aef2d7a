/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rollouts for the eye.
 *
 * Entry points: rollout_view_plan_rows() for --dry-run, rollout_view_show() for `rollout show`, the others for what is
 * followed. Ownership: documents are borrowed, text is appended to the caller's. No clock: `now` comes in. Failure modes: none;
 * members that a document lacks are left out. Who reads this was woken by it: what happened and what to do next come
 * first, hosts with the same reason are one line, and hosts that do well are counted only.
 */
#include "ctl/rollout_view.h"

#include <stdlib.h>
#include <string.h>

#include "ctl/cmd_util.h"
#include "ctl/ctl.h"
#include "ctl/output.h"
#include "ctl/policy_view.h"
#include "ctl/record.h"
#include "ctl/zone.h"
#include "lib/hostlist.h"
#include "lib/str.h"

enum { VIEW_WIDTH = 80, VIEW_NAMED = 20 };

const char *const rollout_view_states[] = {"failed", "lost", "gate-before", "job",
    "gate-after", "soak", "waiting", "deferred", "skipped", NULL};

static int64_t
count_of(const json_t *rollout, const char *name)
{
	return json_integer_value(
	    json_object_get(json_object_get(rollout, "counts"), name));
}

static bool
is_state(const json_t *doc, const char *state)
{
	return str_eq(cmd_util_str(doc, "state"), state);
}

/* "CODE: text: next", without what is not there. */
static void
add_why(const json_t *why, bool next, struct text *out)
{
	static const char *const parts[] = {"code", "text", "next"};
	size_t from = out->len;

	for (size_t i = 0; i < (next ? 3 : 2); i++) {
		const char *s = cmd_util_str(why, parts[i]);

		if (s[0] == '\0')
			continue;
		text_add(out, out->len > from ? ": " : "");
		text_add_escaped(out, s);
	}
}

/* ---- the plan ---- */

json_t *
rollout_view_plan_rows(const json_t *plan)
{
	json_t *rows = json_array(), *batch, *host;
	size_t i, k;

	json_array_foreach (json_object_get(plan, "batches"), i, batch)
		json_array_foreach (json_object_get(batch, "hosts"), k, host) {
			json_object_set(host, "_batch", json_object_get(batch, "n"));
			json_object_set(
			    host, "_canary", json_object_get(batch, "canary"));
			json_array_append(rows, host);
		}
	return rows;
}

/* ---- pieces ---- */

void
rollout_view_counts(const json_t *rollout, struct text *out)
{
	static const struct {
		const char *member, *word;
	} parts[] = {{"ok", "ok"}, {"failed", "failed"}, {"lost", "lost"},
	    {"in_flight", "under way"}, {"waiting", "waiting"}, {"deferred", "deferred"},
	    {"skipped", "skipped"}};
	int64_t total = count_of(rollout, "total");
	const char *sep = ": ";

	text_addf(out, "%lld host%s", (long long)total, total == 1 ? "" : "s");
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		int64_t n = count_of(rollout, parts[i].member);

		if (n == 0)
			continue;
		text_addf(out, "%s%lld %s", sep, (long long)n, parts[i].word);
		sep = ", ";
	}
}

void
rollout_view_work(const json_t *doc, struct text *out)
{
	const char *image = cmd_util_str(doc, "image"),
		   *action = cmd_util_str(doc, "action"),
		   *force = cmd_util_str(doc, "force");

	text_add_escaped(out, cmd_util_str(doc, "kind"));
	if (action[0] != '\0') {
		text_add(out, " ");
		text_add_escaped(out, action);
	}
	if (image[0] != '\0') {
		text_add(out, " with ");
		text_add_escaped(out, image);
	}
	if (json_is_true(json_object_get(doc, "hard")) || str_eq(force, "at-once"))
		text_add(out, " --hard");
}

void
rollout_view_host(const json_t *host, struct text *out)
{
	text_add_escaped(out, cmd_util_str(host, "host"));
	text_add(out, ": ");
	text_add_escaped(out, cmd_util_str(host, "state"));
	if (json_is_object(json_object_get(host, "why"))) {
		text_add(out, ": ");
		add_why(json_object_get(host, "why"), true, out);
	}
	text_add(out, "\n");
}

/* ---- the whole of one ---- */

/* Words up to the width, each line indented. */
static void
add_wrapped(struct text *out, size_t indent, const char *s)
{
	size_t column = 0;

	for (; *s != '\0'; s += strspn(s, " ")) {
		size_t len = strcspn(s, " ");

		if (column > 0 && column + 1 + len > VIEW_WIDTH) {
			text_add(out, "\n");
			column = 0;
		}
		if (column == 0)
			text_addf(out, "%*s", (int)indent, "");
		else
			text_add(out, " ");
		column += column == 0 ? indent : 1;
		text_add_bytes(out, s, len);
		column += len;
		s += len;
	}
	text_add(out, "\n");
}

static void
add_why_wrapped(const json_t *why, struct text *out)
{
	struct text t = {0};

	add_why(why, true, &t);
	add_wrapped(out, 4, text_str(&t));
	text_done(&t);
}

/* A state's own command, where the server has none to say. */
static void
add_next(const json_t *r, struct text *out)
{
	const char *next = cmd_util_str(json_object_get(r, "why"), "next"),
		   *id = cmd_util_str(r, "id");
	struct text t = {0};

	if (next[0] != '\0')
		text_add(&t, next);
	else if (is_state(r, "waiting-approval"))
		text_addf(
		    &t, "somebody else: netboot-ctl rollout approve %s --reason ...", id);
	else if (is_state(r, "paused") || is_state(r, "halted"))
		text_addf(&t, "netboot-ctl rollout resume %s --reason ...", id);
	else if (count_of(r, "failed") + count_of(r, "lost") > 0)
		text_addf(&t, "netboot-ctl rollout retry-failed %s --reason ...", id);
	else if (!rollout_view_over(r))
		text_addf(&t, "netboot-ctl rollout watch %s", id);
	record_add_line(out, "next", text_str(&t));
	text_done(&t);
}

static void
add_head(const json_t *r, struct text *out)
{
	const json_t *approved = json_object_get(r, "approved"),
		     *why = json_object_get(r, "why");
	struct text t = {0};

	text_addf(&t, "%s: %s", cmd_util_str(r, "id"), cmd_util_str(r, "state"));
	record_add_line(out, "rollout", text_str(&t));
	text_clear(&t);
	if (json_is_object(why))
		text_addf(
		    &t, "%s: %s", cmd_util_str(why, "code"), cmd_util_str(why, "text"));
	record_add_line(out, "why", text_str(&t));
	add_next(r, out);
	text_clear(&t);
	rollout_view_work(r, &t);
	record_add_line(out, "what", text_str(&t));
	record_add_line(out, "hosts", cmd_util_str(r, "hosts"));
	text_clear(&t);
	policy_view(json_object_get(r, "policy"), &t);
	record_add_line(out, "policy", text_str(&t));
	record_add_line(out, "reason", cmd_util_str(r, "reason"));
	record_add_line(out, "by", cmd_util_str(r, "by"));
	text_clear(&t);
	text_add(&t, cmd_util_str(r, "schedule"));
	if (cmd_util_str(r, "nominal")[0] != '\0')
		text_addf(&t, ", its run of %s", cmd_util_str(r, "nominal"));
	record_add_line(out, "schedule", text_str(&t));
	record_add_line(out, "approved", cmd_util_str(approved, "by"));
	text_done(&t);
}

static void
add_when(const json_t *r, int64_t now, struct text *out)
{
	int64_t changed = output_wall(json_object_get(r, "changed"));
	char at[ZONE_TEXT_SIZE], ago[32];
	struct text t = {0};

	if (changed > 0) {
		text_add(&t, zone_text(changed, NULL, at, sizeof(at)));
		if (now > changed)
			text_addf(&t, ", %s ago",
			    str_duration(now - changed, ago, sizeof(ago)));
		if (cmd_util_str(r, "changed_by")[0] != '\0')
			text_addf(&t, ", by %s", cmd_util_str(r, "changed_by"));
	}
	record_add_line(out, "since", text_str(&t));
	record_add_time(out, "created", r, "created");
	record_add_time(out, "opens", r, "opens");
	record_add_time(out, "closes", r, "closes");
	record_add_time(out, "started", r, "started");
	record_add_time(out, "ended", r, "ended");
	text_done(&t);
}

/* "batch 2 of 5" */
static void
add_batch(const json_t *r, const char *title, struct text *out)
{
	const json_t *batch = json_object_get(r, "batch");

	if (json_integer_value(json_object_get(batch, "of")) > 0)
		text_addf(out, "%s%lld of %lld", title,
		    (long long)json_integer_value(json_object_get(batch, "n")),
		    (long long)json_integer_value(json_object_get(batch, "of")));
}

static void
add_numbers(const json_t *r, struct text *out)
{
	struct text t = {0};

	rollout_view_counts(r, &t);
	record_add_line(out, "counts", text_str(&t));
	text_clear(&t);
	add_batch(r, "", &t);
	record_add_line(out, "batch", text_str(&t));
	text_done(&t);
}

/* "  edge01  job 01k9..., for 3m10s", and its reason below it. */
static void
add_one(const json_t *h, int64_t now, struct text *out)
{
	int64_t since = output_wall(json_object_get(h, "since"));
	char buf[32];

	text_add(out, "  ");
	text_add_escaped(out, cmd_util_str(h, "host"));
	text_add(out, ": ");
	text_add_escaped(out, cmd_util_str(h, "state"));
	if (now > since && since > 0)
		text_addf(out, " since %s", str_duration(now - since, buf, sizeof(buf)));
	if (cmd_util_str(h, "job")[0] != '\0')
		text_addf(out, ", job %s", cmd_util_str(h, "job"));
	text_add(out, "\n");
	if (json_is_object(json_object_get(h, "why")))
		add_why_wrapped(json_object_get(h, "why"), out);
}

static void
add_singly(const char *title, const json_t *hosts, const char *const *states, size_t n,
    int64_t now, struct text *out)
{
	const json_t *h;
	size_t i, shown = 0, found = 0;

	json_array_foreach (hosts, i, h)
		for (size_t k = 0; k < n; k++) {
			if (!is_state(h, states[k]))
				continue;
			if (found++ == 0)
				text_addf(out, "\n%s:\n", title);
			if (shown < VIEW_NAMED) {
				add_one(h, now, out);
				shown++;
			}
		}
	if (found > shown)
		text_addf(
		    out, "  ... and %zu more: rollout hosts shows them\n", found - shown);
}

/* Of hosts in that state: those with the same reason are put together. */
static json_t *
group(const json_t *hosts, const char *state)
{
	json_t *groups = json_object(), *h, *g, *why;
	struct text key = {0};
	size_t i;

	json_array_foreach (hosts, i, h) {
		if (!is_state(h, state))
			continue;
		why = json_object_get(h, "why");
		text_clear(&key);
		add_why(why, true, &key);
		g = json_object_get(groups, text_str(&key));
		if (g == NULL) {
			g = json_object();
			json_object_set(g, "why", why);
			json_object_set_new(g, "hosts", json_array());
			json_object_set_new(groups, text_str(&key), g);
		}
		json_array_append(
		    json_object_get(g, "hosts"), json_object_get(h, "host"));
	}
	text_done(&key);
	return groups;
}

static void
add_group(const json_t *g, const char *otherwise, struct text *out)
{
	const json_t *list = json_object_get(g, "hosts"), *name;
	size_t n = json_array_size(list), i;
	const char **names = str_alloc((n + 1) * sizeof(*names));
	char *folded;

	json_array_foreach (list, i, name)
		names[i] = json_string_value(name);
	folded = hostlist_fold(names, n);
	text_add(out, "  ");
	text_add_escaped(out, folded);
	text_addf(out, n > 1 ? " (%zu)\n" : "\n", n);
	if (json_is_object(json_object_get(g, "why")))
		add_why_wrapped(json_object_get(g, "why"), out);
	else if (otherwise != NULL)
		text_addf(out, "    %s\n", otherwise);
	free(folded);
	free(names);
}

static void
add_folded(const char *title, const json_t *hosts, const char *state,
    const char *otherwise, struct text *out)
{
	json_t *groups = group(hosts, state), *g;
	const char *key;

	if (json_object_size(groups) > 0)
		text_addf(out, "\n%s:\n", title);
	json_object_foreach (groups, key, g)
		add_group(g, otherwise, out);
	json_decref(groups);
}

void
rollout_view_show(
    const json_t *rollout, const json_t *hosts, int64_t now, struct text *out)
{
	static const char *const bad[] = {"failed", "lost"}, *const under_way[] = {
								 "gate-before", "job",
								 "gate-after", "soak"};

	add_head(rollout, out);
	add_when(rollout, now, out);
	add_numbers(rollout, out);
	add_singly("failed", hosts, bad, ARRAY_SIZE(bad), now, out);
	add_singly("under way", hosts, under_way, ARRAY_SIZE(under_way), now, out);
	add_folded("waiting, and what for", hosts, "waiting", "their turn", out);
	add_folded("deferred", hosts, "deferred", NULL, out);
	add_folded("skipped", hosts, "skipped", NULL, out);
}

/* ---- following ---- */

static void
add_state(const json_t *rollout, struct text *out)
{
	text_add(out, "rollout ");
	text_add_escaped(out, cmd_util_str(rollout, "state"));
	if (json_is_object(json_object_get(rollout, "why"))) {
		text_add(out, ": ");
		add_why(json_object_get(rollout, "why"), true, out);
	}
}

void
rollout_view_change(const json_t *old, const json_t *rollout, struct text *out)
{
	const json_t *batch = json_object_get(rollout, "batch");

	if (!json_equal(
		json_object_get(old, "state"), json_object_get(rollout, "state"))) {
		add_state(rollout, out);
		text_add(out, "\n");
	}
	if (is_state(rollout, "running") && json_is_object(batch) &&
	    !json_equal(json_object_get(old, "batch"), (json_t *)(uintptr_t)batch)) {
		add_batch(rollout, "batch ", out);
		text_add(out, "; ");
		rollout_view_counts(rollout, out);
		text_add(out, "\n");
	}
}

void
rollout_view_line(const json_t *rollout, struct text *out)
{
	text_add_escaped(out, cmd_util_str(rollout, "state"));
	text_add(out, "  ");
	add_batch(rollout, "batch ", out);
	text_add(out, "  ");
	rollout_view_counts(rollout, out);
}

bool
rollout_view_over(const json_t *rollout)
{
	return is_state(rollout, "done") || is_state(rollout, "aborted") ||
	       (is_state(rollout, "halted") && count_of(rollout, "in_flight") == 0);
}

void
rollout_view_result(const json_t *rollout, struct text *out)
{
	text_addf(out, "rollout %s: ", cmd_util_str(rollout, "id"));
	if (!rollout_view_over(rollout))
		text_add(out, "still ");
	text_add_escaped(
	    out, is_state(rollout, "halted") ? "HALTED" : cmd_util_str(rollout, "state"));
	text_add(out, ": ");
	rollout_view_counts(rollout, out);
	if (json_is_object(json_object_get(rollout, "why"))) {
		text_add(out, ": ");
		add_why(json_object_get(rollout, "why"), true, out);
	}
	text_add(out, "\n");
}

int
rollout_view_exit(const json_t *rollout)
{
	if (!rollout_view_over(rollout))
		return CTL_TIMEOUT;
	if (!is_state(rollout, "done"))
		return CTL_FAILED;
	return count_of(rollout, "failed") + count_of(rollout, "lost") +
			   count_of(rollout, "deferred") >
		       0
		   ? CTL_FAILED
		   : CTL_OK;
}
