// SPDX-License-Identifier: GPL-3.0-or-later
/* Events to changes of records of boots: their beginning and end, who asked, what was answered, what went over the wire.
 *
 * Entry point: lifecycle_boot_apply(). Pure. An event of the wire that no boot is named in changes no boot; which boot it
 * belongs to is the agent's word, for only it knows which was open.
 * Failure modes: an event that is broken is named in `ignored`. */
#include "orchestrator/lifecycle_boot.h"

#include <string.h>

#include "lib/json.h"
#include "lib/str.h"

static void
begin_boot(const struct event *ev, const struct db_job *job, struct lifecycle_change *ch)
{
	struct db_boot *b = &ch->boot;

	if (!id_valid(ev->boot) || ev->host[0] == '\0') {
		ch->ignored = "boot or host is missing";
		return;
	}
	str_clip(b->id, sizeof(b->id), ev->boot);
	str_clip(b->host, sizeof(b->host), ev->host);
	str_clip(b->site, sizeof(b->site), ev->site);
	str_clip(b->job, sizeof(b->job), ev->job);
	str_clip(b->arch, sizeof(b->arch), ev->arch);
	str_clip(b->mac, sizeof(b->mac), ev->mac);
	str_clip(b->trigger, sizeof(b->trigger), event_str(ev, "trigger"));
	b->attempt = event_i64(ev, "attempt", 0);
	b->planned = json_is_true(json_object_get(ev->detail, "planned"));
	b->began = ev->at;
	if (!b->planned && str_eq(b->trigger, "netboot"))
		b->flags |= DB_BOOT_UNORDERED;
	if (job && b->planned)
		str_clip(b->image, sizeof(b->image), job->image);
	ch->begin_boot = true;
	if (job && !lifecycle_ended(job->state)) {
		ch->job = *job;
		str_clip(ch->job.boot, sizeof(ch->job.boot), ev->boot);
		ch->set_job = true;
	}
}

static void
set_verdict(const struct event *ev, struct lifecycle_change *ch)
{
	const char *code = event_str(ev, "code");

	if (!code[0])
		return;
	ch->set_verdict = true;
	str_clip(ch->boot_of, sizeof(ch->boot_of), ev->boot);
	str_clip(ch->verdict_code, sizeof(ch->verdict_code), code);
	str_clip(ch->verdict_text, sizeof(ch->verdict_text), ch->boot.text);
	str_clip(ch->verdict_next, sizeof(ch->verdict_next), event_str(ev, "next"));
}

static void
end_boot(const struct event *ev, struct lifecycle_change *ch)
{
	static const char *const outcomes[] = {"ok", "failed", "unknown", "superseded"};
	const char *outcome = event_str(ev, "outcome");
	const char *text = event_str(ev, "text");

	for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++) {
		if (!str_eq(outcome, outcomes[i]))
			continue;
		str_clip(ch->boot.id, sizeof(ch->boot.id), ev->boot);
		str_clip(ch->boot.outcome, sizeof(ch->boot.outcome), outcome);
		str_clip(
		    ch->boot.text, sizeof(ch->boot.text), text[0] ? text : ev->reason);
		ch->boot.ended = ev->at;
		ch->end_boot = true;
		set_verdict(ev, ch);
		return;
	}
	ch->ignored = "outcome is unknown";
}

/* ---- who asked, and what it was given ---- */

static bool
asks_to_boot(const struct event *ev)
{
	const char *class = event_str(ev, "class");

	return str_eq(class, "pxe") || str_eq(class, "http") || str_eq(class, "ipxe");
}

/* A proxy is there because of another server: one that gives boot information is too many. */
static bool
is_other_dhcp(const struct event *ev)
{
	if (!str_eq(ev->kind, "dhcp4.foreign") && !str_eq(ev->kind, "dhcp6.foreign"))
		return false;
	return !str_eq(event_str(ev, "mode"), "proxy") || event_str(ev, "competes")[0];
}

static bool
is_set(const struct db_boot_note *n)
{
	return n->mac[0] || n->ip[0] || n->ip6[0] || n->arch[0] || n->vendor_class[0] ||
	       n->loader[0];
}

static void
note_dhcp(const struct event *ev, struct db_boot_note *n)
{
	if (asks_to_boot(ev)) {
		str_clip(n->mac, sizeof(n->mac), ev->mac);
		str_clip(n->vendor_class, sizeof(n->vendor_class),
		    event_str(ev, "vendor_class"));
	}
	if (str_eq(ev->kind, "dhcp4.ack"))
		str_clip(n->ip, sizeof(n->ip), ev->ip);
	else if (str_eq(ev->kind, "dhcp6.reply"))
		str_clip(n->ip6, sizeof(n->ip6), ev->ip);
}

/* ---- transfers ---- */

static bool
ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), k = strlen(end);

	return n >= k && str_eq(s + n - k, end);
}

/* TFTP has no classes: it carries loaders, and what iPXE looks for beside itself. */
static const char *
class_of(const struct event *ev)
{
	const char *class = event_str(ev, "class");

	if (class[0] || !str_has_prefix(ev->kind, "tftp."))
		return class;
	return ends_in(ev->file, ".ipxe") ? "script" : "loader";
}

static bool
step_of(const char *kind, enum db_transfer_step *ret, bool *ret_failed)
{
	static const struct {
		const char *what;
		enum db_transfer_step step;
		bool failed;
	} steps[] = {
	    {"begin", DB_TRANSFER_BEGIN, false},
	    {"progress", DB_TRANSFER_PROGRESS, false},
	    {"end", DB_TRANSFER_END, false},
	    {"error", DB_TRANSFER_END, true},
	};

	if (!str_has_prefix(kind, "tftp.") && !str_has_prefix(kind, "http."))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		if (!str_eq(kind + strlen("tftp."), steps[i].what))
			continue;
		*ret = steps[i].step;
		*ret_failed = steps[i].failed;
		return true;
	}
	return false;
}

static void
set_transfer(const struct event *ev, struct lifecycle_change *ch)
{
	struct db_transfer *t = &ch->transfer;
	int64_t took = event_i64(ev, "took_us", -1);
	int64_t waited = event_i64(ev, "waited_us", 0);

	if (!step_of(ev->kind, &ch->step, &t->failed))
		return;
	ch->set_transfer = true;
	str_clip(t->boot, sizeof(t->boot), ev->boot);
	t->protocol = str_has_prefix(ev->kind, "tftp.") ? "tftp" : "http";
	str_clip(t->class, sizeof(t->class), class_of(ev));
	str_clip(t->file, sizeof(t->file), ev->file);
	str_clip(t->ip, sizeof(t->ip), ev->ip);
	t->octets = ev->bytes > 0 ? ev->bytes : 0;
	t->total = ev->total;
	if (ch->step == DB_TRANSFER_BEGIN)
		t->began = ev->at;
	if (ch->step != DB_TRANSFER_END)
		return;
	/* What ended without a word had its end before it was told. */
	t->ended = ev->at - (waited > 0 && waited < ev->at ? waited : 0);
	if (took >= 0 && took < t->ended)
		t->began = t->ended - took;
	str_clip(t->result, sizeof(t->result), event_str(ev, "result"));
	str_clip(t->reason, sizeof(t->reason), ev->reason);
}

static bool
arrived(const struct lifecycle_change *ch)
{
	return ch->set_transfer && ch->step == DB_TRANSFER_END &&
	       str_has_prefix(ch->transfer.result, "complete");
}

/* The kernel of an image of the site's menu: m/IMAGE/NAME. */
static void
set_menu(const struct event *ev, struct lifecycle_change *ch)
{
	const char *image = ev->file + strlen("m/");

	if (!str_eq(ch->transfer.class, "menu-kernel") || !str_has_prefix(ev->file, "m/"))
		return;
	if (str_format(ch->image, sizeof(ch->image), "%.*s", (int)strcspn(image, "/"),
		image) == 0 &&
	    str_name_valid(ch->image))
		ch->files = LIFECYCLE_FILES_MENU;
}

static void
on_wire(const struct event *ev, struct lifecycle_change *ch)
{
	if (!ev->boot[0])
		return;
	str_clip(ch->boot_of, sizeof(ch->boot_of), ev->boot);
	str_clip(ch->note.arch, sizeof(ch->note.arch), ev->arch);
	if (is_other_dhcp(ev))
		ch->flags |= DB_BOOT_OTHER_DHCP;
	else if (str_has_prefix(ev->kind, "dhcp"))
		note_dhcp(ev, &ch->note);
	set_transfer(ev, ch);
	if (arrived(ch)) {
		if (str_eq(ch->transfer.class, "loader"))
			str_clip(ch->note.loader, sizeof(ch->note.loader), ev->file);
		set_menu(ev, ch);
	}
	ch->set_note = is_set(&ch->note);
}

bool
lifecycle_boot_apply(
    const struct event *ev, const struct db_job *job, struct lifecycle_change *ch)
{
	if (str_eq(ev->kind, "boot.begin"))
		begin_boot(ev, job, ch);
	else if (str_eq(ev->kind, "boot.end"))
		end_boot(ev, ch);
	else if (str_has_prefix(ev->kind, "dhcp") || str_has_prefix(ev->kind, "tftp.") ||
		 str_has_prefix(ev->kind, "http."))
		on_wire(ev, ch);
	else
		return false;
	return true;
}
