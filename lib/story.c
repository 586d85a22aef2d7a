/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Events folded into facts.
 *
 * Entry points: story_init(), story_take() for each event in order, then the questions.
 * Ownership: plain data; events are borrowed. Nothing is allocated.
 * Failure modes: none. A member that is missing or of another type is not known; an event of another host is no fact
 * of this one. A console's line counts only once the machine was switched on: what the old system said before that is
 * no sign of this boot. */
#include "lib/story.h"

#include <stdio.h>
#include <string.h>

#include "lib/json.h"
#include "lib/story_console.h"
#include "lib/str.h"

/* A packet may be on its way, or be told late, when the power goes. */
static const int64_t OFF_GRACE = 3 * USEC_PER_SEC;

static const char *const names[STORY_FACTS] = {
    [STORY_NONE] = "none",
    [STORY_ARMED] = "armed",
    [STORY_FOUND_OFF] = "found-off",
    [STORY_ORDERED_OFF] = "ordered-off",
    [STORY_OFF] = "off",
    [STORY_FLAGS] = "flags",
    [STORY_FLAGS_LOST] = "flags-lost",
    [STORY_ORDERED_ON] = "ordered-on",
    [STORY_ON] = "on",
    [STORY_BMC_ERROR] = "bmc-error",
    [STORY_WHILE_OFF] = "while-off",
    [STORY_DHCP_FIRMWARE] = "dhcp-firmware",
    [STORY_DHCP_IPXE] = "dhcp-ipxe",
    [STORY_DHCP_OS] = "dhcp-os",
    [STORY_OFFERED] = "offered",
    [STORY_IGNORED] = "ignored",
    [STORY_NO_LOADER] = "no-loader",
    [STORY_BOOT_NIC] = "boot-nic",
    [STORY_WRONG_NIC] = "wrong-nic",
    [STORY_STRANGER] = "stranger",
    [STORY_FOREIGN] = "foreign",
    [STORY_LOADER_BEGAN] = "loader-began",
    [STORY_LOADER_DONE] = "loader-done",
    [STORY_LOADER_BROKE] = "loader-broke",
    [STORY_SCRIPT_DONE] = "script-done",
    [STORY_KERNEL_BEGAN] = "kernel-began",
    [STORY_KERNEL_DONE] = "kernel-done",
    [STORY_KERNEL_BROKE] = "kernel-broke",
    [STORY_INITRD_BEGAN] = "initrd-began",
    [STORY_INITRD_DONE] = "initrd-done",
    [STORY_INITRD_BROKE] = "initrd-broke",
    [STORY_FILE_BEGAN] = "file-began",
    [STORY_FILE_DONE] = "file-done",
    [STORY_FILE_BROKE] = "file-broke",
    [STORY_NOT_FOUND] = "not-found",
    [STORY_SENT_TO_DISK] = "sent-to-disk",
    [STORY_CONSUMED] = "consumed",
    [STORY_UP] = "up",
    [STORY_INSTALLED] = "installed",
    [STORY_REPORTED_FAILED] = "reported-failed",
    [STORY_BOOTED] = "booted",
    [STORY_AGAIN] = "again",
    [STORY_CONSOLE] = "console",
    [STORY_CONSOLE_LOST] = "console-lost",
    [STORY_SAID_PXE] = "said-pxe",
    [STORY_SAID_SECURE_BOOT] = "said-secure-boot",
    [STORY_SAID_NO_BOOT] = "said-no-boot",
    [STORY_SAID_IPXE] = "said-ipxe",
    [STORY_SAID_NO_ROOT] = "said-no-root",
    [STORY_SAID_PANIC] = "said-panic",
    [STORY_SAID_FAULT] = "said-fault",
    [STORY_SAID_MEMORY] = "said-memory",
    [STORY_SAID_WATCHDOG] = "said-watchdog",
    [STORY_SAID_HARDWARE] = "said-hardware",
    [STORY_SAID_DISK] = "said-disk",
    [STORY_SAID_STUCK] = "said-stuck",
    [STORY_SAID_ASKS] = "said-asks",
    [STORY_SAID_STEP_FAILED] = "said-step-failed",
    [STORY_SAID_INSTALLED] = "said-installed",
    [STORY_SAID_PROMPT] = "said-prompt",
    [STORY_SAID_LOGIN] = "said-login",
};

const char *
story_what_name(enum story_what what)
{
	return names[what];
}

static const char *
detail(const struct event *ev, const char *key)
{
	const char *s = json_string_value(json_object_get(ev->detail, key));

	return s == NULL ? "" : s;
}

static int64_t
detail_i64(const struct event *ev, const char *key, int64_t otherwise)
{
	const json_t *v = json_object_get(ev->detail, key);

	return json_is_integer(v) ? (int64_t)json_integer_value(v) : otherwise;
}

void
story_init(struct story *s, const struct story_host *host)
{
	memset(s, 0, sizeof(*s));
	s->host = *host;
	s->stage = STAGE_QUEUED;
}

bool
story_has(const struct story *s, enum story_what what)
{
	return s->fact[what].n > 0;
}

bool
story_after(const struct story *s, enum story_what what, enum story_what than)
{
	return story_has(s, what) && s->fact[what].last >= s->fact[than].last;
}

int64_t
story_waited(const struct story *s, int64_t now)
{
	const struct story_stage *g = &s->stages[s->stage];
	int64_t until = g->left != 0 ? g->left : s->ended != 0 ? s->ended : now;

	return g->entered != 0 && until > g->entered ? until - g->entered : 0;
}

const struct story_fact *
story_transfer(const struct story *s)
{
	enum story_what began, done;

	switch ((int)s->stage) {
	case STAGE_LOADER:
		began = STORY_LOADER_BEGAN;
		done = STORY_LOADER_DONE;
		break;
	case STAGE_INITRD: /* either may be late */
		began = STORY_INITRD_BEGAN;
		done = STORY_INITRD_DONE;
		if (story_has(s, began))
			break;
		/* fall through */
	case STAGE_KERNEL:
		began = STORY_KERNEL_BEGAN;
		done = STORY_KERNEL_DONE;
		break;
	case STAGE_ROOTFS:
		began = STORY_FILE_BEGAN;
		done = STORY_FILE_DONE;
		break;
	default: return NULL;
	}
	return story_has(s, began) && !story_after(s, done, began) ? &s->fact[began]
								   : NULL;
}

/* What a console said first leads to all that it says later; of anything else the last state counts. */
static bool
keeps_first(enum story_what what)
{
	return what >= STORY_SAID_PXE && what <= STORY_SAID_LOGIN;
}

static void
note(struct story *s, enum story_what what, int64_t seq, const struct event *ev,
    const char *text)
{
	struct story_fact *f = &s->fact[what];

	if (f->n == 0) {
		f->first = ev->at;
		f->first_seq = seq;
		str_clip(f->kind, sizeof(f->kind), ev->kind);
	}
	if (f->n == 0 || !keeps_first(what))
		/* A text that was cut may have ceased to be UTF-8. */
		str_escape(f->text, sizeof(f->text), text, strlen(text));
	f->last = ev->at;
	f->last_seq = seq;
	f->bytes = ev->bytes;
	f->total = ev->total;
	if (f->n < UINT32_MAX)
		f->n++;
}

/* ---- the job ---- */

static void
keep_furthest(struct story *s)
{
	const struct story_fact *t = story_transfer(s);

	if (s->stage <= STAGE_FIRMWARE_DHCP || s->stage <= s->before.stage)
		return;
	s->before = (struct story_before){.attempt = s->attempt, .stage = s->stage};
	if (t != NULL)
		s->before.transfer = *t;
}

static void
on_attempt(struct story *s, const struct event *ev)
{
	int64_t n = detail_i64(ev, "attempt", 0);

	if (n < 1 || n > STORY_ATTEMPTS_MAX || n <= s->attempt)
		return;
	if (s->attempt > 0) {
		struct story_fact armed = s->fact[STORY_ARMED];
		struct story_fact console = s->fact[STORY_CONSOLE];

		keep_furthest(s);
		s->was_on = s->fact[STORY_ON].last;
		memset(s->fact, 0, sizeof(s->fact));
		/* The ticket goes on, and so does a recording; what was checked is not checked anew. */
		s->fact[STORY_ARMED] = armed;
		s->fact[STORY_CONSOLE] = console;
		for (int i = STAGE_OVERRIDE; i < STAGE_COUNT; i++)
			s->stages[i] = (struct story_stage){.state = ""};
		s->heard = 0;
		s->power_read = false;
		s->foreign_boot = false;
	}
	s->attempt = n;
}

static void
on_stage(struct story *s, int64_t seq, const struct event *ev)
{
	const char *state = detail(ev, "state");
	enum stage stage;

	if (stage_parse(detail(ev, "stage"), &stage) < 0)
		return;
	struct story_stage *g = &s->stages[stage];
	str_clip(g->state, sizeof(g->state), state);
	if (str_eq(state, "entered")) {
		g->entered = ev->at;
		g->left = 0;
		g->deadline = detail_i64(ev, "deadline_us", 0);
		s->stage = stage;
	} else {
		g->left = ev->at;
		/* Some BMCs take them and cannot be asked for them. */
		if (stage == STAGE_OVERRIDE && str_eq(state, "confirmed") &&
		    str_has_prefix(detail(ev, "evidence"), "boot flags read back"))
			note(s, STORY_FLAGS, seq, ev, detail(ev, "evidence"));
	}
}

static void
on_ticket(struct story *s, int64_t seq, const struct event *ev)
{
	char text[STORY_TEXT_SIZE];

	if (str_eq(detail(ev, "state"), "armed"))
		note(s, STORY_ARMED, seq, ev, "the ticket was armed");
	if (!str_eq(detail(ev, "state"), "consumed"))
		return;
	snprintf(text, sizeof(text), "the ticket was used up: %.60s let go to %.48s",
	    ev->file[0] != '\0' ? ev->file : "the image",
	    ev->mac[0] != '\0' ? ev->mac : ev->ip);
	/* What a console said before that is no word of the image. */
	for (int i = STORY_SAID_NO_ROOT;
	     !story_has(s, STORY_CONSUMED) && i <= STORY_SAID_LOGIN; i++)
		s->fact[i] = (struct story_fact){.n = 0};
	note(s, STORY_CONSUMED, seq, ev, text);
}

static void
on_end(struct story *s, const struct event *ev, const char *end)
{
	enum stage stage;

	if (s->end[0] != '\0')
		return;
	str_clip(s->end, sizeof(s->end), end);
	s->ended = ev->at;
	str_clip(s->said.code, sizeof(s->said.code), detail(ev, "code"));
	str_clip(s->said.text, sizeof(s->said.text), detail(ev, "text"));
	str_clip(s->said.next, sizeof(s->said.next), detail(ev, "next"));
	if (stage_parse(detail(ev, "stage"), &stage) == 0 && stage < STAGE_DONE)
		s->stage = stage;
}

static void
on_job(struct story *s, int64_t seq, const struct event *ev)
{
	const char *what = ev->kind + strlen("job.");

	if (str_eq(what, "attempt"))
		on_attempt(s, ev);
	else if (str_eq(what, "stage"))
		on_stage(s, seq, ev);
	else if (str_eq(what, "ticket"))
		on_ticket(s, seq, ev);
	else if (str_eq(what, "done") || str_eq(what, "failed") ||
		 str_eq(what, "cancelled") || str_eq(what, "refused"))
		on_end(s, ev, what);
	else if (str_eq(what, "note") &&
		 str_eq(detail(ev, "code"), "booted-again-after-install"))
		note(s, STORY_AGAIN, seq, ev, ev->reason);
}

/* ---- the BMC ---- */

/* What was seen belongs to the boot that ends here: a fresh machine asks the network by all its cards in turn. */
static void
forget_wire(struct story *s)
{
	for (int i = STORY_DHCP_FIRMWARE; i <= STORY_SENT_TO_DISK; i++)
		s->fact[i] = (struct story_fact){.n = 0};
	s->heard = 0;
	s->foreign_boot = false;
}

static void
on_power(struct story *s, int64_t seq, const struct event *ev)
{
	bool on = str_eq(detail(ev, "power"), "on");

	/* The checks before the job find the old system's power. */
	if (str_eq(detail(ev, "look"), "preflight"))
		return;
	if (!on && s->stage == STAGE_OVERRIDE && !story_has(s, STORY_CONSUMED))
		forget_wire(s);
	if (on)
		note(s, STORY_ON, seq, ev, "the power was seen on");
	else if (str_eq(detail(ev, "power"), "off"))
		note(s, STORY_OFF, seq, ev, "the power was seen off");
}

static void
on_ipmi(struct story *s, int64_t seq, const struct event *ev)
{
	const char *what = ev->kind + strlen("ipmi.");
	bool ordered = story_has(s, STORY_ORDERED_OFF) || story_has(s, STORY_ORDERED_ON);

	if (str_eq(what, "error")) {
		note(s, STORY_BMC_ERROR, seq, ev, ev->reason);
	} else if (str_eq(what, "bootflags")) {
		if (strstr(ev->reason, "lost before the power-on") != NULL)
			note(s, STORY_FLAGS_LOST, seq, ev, ev->reason);
	} else if (str_eq(what, "power") && s->stage >= STAGE_OVERRIDE) {
		if (str_eq(ev->reason, "power is off"))
			s->said_off = ev->at;
		/* Only the first look of an attempt tells of what nobody ordered. */
		if (!s->power_read && !ordered && str_eq(ev->reason, "power is off"))
			note(s, STORY_FOUND_OFF, seq, ev,
			    "the BMC said: the power is off");
		s->power_read = true;
	} else if (str_eq(what, "control")) {
		if (str_has_prefix(ev->reason, "power on"))
			note(s, STORY_ORDERED_ON, seq, ev, ev->reason);
		else
			note(s, STORY_ORDERED_OFF, seq, ev, ev->reason);
	}
}

/* ---- the wire ---- */

static bool
from_machine(const struct event *ev)
{
	static const char *const kinds[] = {"dhcp4.discover", "dhcp4.request",
	    "dhcp4.inform", "dhcp6.solicit", "dhcp6.request", "dhcp6.inform"};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (str_eq(ev->kind, kinds[i]))
			return true;
	return false;
}

static bool
from_answer(const struct event *ev)
{
	return str_eq(ev->kind, "dhcp4.offer") || str_eq(ev->kind, "dhcp4.ack") ||
	       str_eq(ev->kind, "dhcp6.advertise") || str_eq(ev->kind, "dhcp6.reply");
}

/* It speaks on the wire although the BMC says that it is off, and it was not ordered on since. */
static void
hear(struct story *s, int64_t seq, const struct event *ev)
{
	char text[STORY_TEXT_SIZE];
	const struct story_fact *off = &s->fact[STORY_OFF];

	s->heard = ev->at;
	if (off->n == 0 || ev->at < off->last + OFF_GRACE ||
	    story_after(s, STORY_ORDERED_ON, STORY_OFF) ||
	    story_after(s, STORY_ON, STORY_OFF))
		return;
	snprintf(text, sizeof(text), "%.40s from %.20s while the BMC said off", ev->kind,
	    ev->mac);
	note(s, STORY_WHILE_OFF, seq, ev, text);
}

/* A card of the host that is not one of those which boot. */
static bool
wrong_card(const struct story *s, const char *mac)
{
	for (size_t i = 0; i < s->host.n_boot_macs; i++)
		if (str_eq(s->host.boot_macs[i], mac))
			return false;
	return s->host.n_boot_macs > 0 && mac[0] != '\0';
}

static void
note_request(struct story *s, int64_t seq, const struct event *ev)
{
	const char *class = detail(ev, "class");
	bool rom = detail(ev, "chain")[0] != '\0';
	enum story_what what = STORY_DHCP_OS;
	char text[STORY_TEXT_SIZE];

	if (str_eq(class, "pxe") || str_eq(class, "http") ||
	    (str_eq(class, "ipxe") && rom))
		what = STORY_DHCP_FIRMWARE;
	else if (str_eq(class, "ipxe"))
		what = STORY_DHCP_IPXE;
	snprintf(text, sizeof(text), "%.40s from %.20s, %s, %.24s", ev->kind, ev->mac,
	    what == STORY_DHCP_OS     ? "an operating system"
	    : what == STORY_DHCP_IPXE ? "iPXE"
				      : "firmware",
	    ev->arch[0] != '\0' ? ev->arch : "no architecture");
	hear(s, seq, ev);
	note(s, what, seq, ev, text);
	if (what == STORY_DHCP_OS)
		return;
	if (wrong_card(s, ev->mac))
		note(s, STORY_WRONG_NIC, seq, ev, text);
	else if (s->host.n_boot_macs > 0)
		note(s, STORY_BOOT_NIC, seq, ev, text);
}

/* Servers of the site's own log what they answer, Kea nothing else: there an answer shows the question
 * (agent/run_wire.c), and their reasons are not ours. */
static void
note_logged(struct story *s, int64_t seq, const struct event *ev)
{
	const char *class = detail(ev, "class");

	note_request(s, seq, ev);
	if (str_eq(class, "pxe") || str_eq(class, "http") || str_eq(class, "ipxe"))
		note(s, STORY_OFFERED, seq, ev, "the site's own DHCP server answered");
}

static bool
sends_to_disk(const char *reason)
{
	static const char *const why[] = {
	    "no ticket", "ticket is consumed", "unknown machine"};

	for (size_t i = 0; i < ARRAY_SIZE(why); i++)
		if (str_has_prefix(reason, why[i]))
			return true;
	return false;
}

static void
note_answer(struct story *s, int64_t seq, const struct event *ev)
{
	char text[STORY_TEXT_SIZE];

	if (detail(ev, "log")[0] != '\0') {
		note_logged(s, seq, ev);
		return;
	}
	if (str_eq(detail(ev, "class"), "os"))
		return;
	snprintf(
	    text, sizeof(text), "%.40s to %.20s: %.120s", ev->kind, ev->mac, ev->reason);
	if (detail(ev, "lacks")[0] != '\0')
		note(s, STORY_NO_LOADER, seq, ev, text);
	else if (str_has_prefix(ev->reason, "ticket is not for this NIC"))
		note(s, STORY_WRONG_NIC, seq, ev, text);
	else if (str_has_prefix(ev->reason, "ticket armed"))
		note(s, STORY_OFFERED, seq, ev, text);
	else if (sends_to_disk(ev->reason))
		note(s, STORY_SENT_TO_DISK, seq, ev, text);
}

/* Another server was chosen, or answered. The client's own packet says who chose it: an operating system that did shows
 * only that one runs. A reply does not tell. */
static void
note_foreign(struct story *s, int64_t seq, const struct event *ev)
{
	const char *class = detail(ev, "class");
	char text[STORY_TEXT_SIZE];

	/* Beside a proxy there is another server; one that gives boot information is too many. */
	if (str_eq(detail(ev, "mode"), "proxy") && detail(ev, "competes")[0] == '\0')
		return;
	snprintf(text, sizeof(text), "DHCP server %.46s%s%.20s: %.100s",
	    detail(ev, "server"), detail(ev, "server_mac")[0] != '\0' ? " at " : "",
	    detail(ev, "server_mac"), ev->reason);
	note(s, STORY_FOREIGN, seq, ev, text);
	if (str_eq(class, "pxe") || str_eq(class, "http") || str_eq(class, "ipxe"))
		s->foreign_boot = true;
	if (!str_eq(detail(ev, "type"), "request") || !str_eq(class, "os"))
		return;
	snprintf(text, sizeof(text),
	    "an operating system at %.20s chose DHCP server %.46s", ev->mac,
	    detail(ev, "server"));
	hear(s, seq, ev);
	note(s, STORY_DHCP_OS, seq, ev, text);
}

static void
on_dhcp(struct story *s, int64_t seq, const struct event *ev)
{
	char text[STORY_TEXT_SIZE];

	if (str_eq(ev->kind, "dhcp4.foreign") || str_eq(ev->kind, "dhcp6.foreign")) {
		note_foreign(s, seq, ev);
	} else if (str_eq(ev->kind, "dhcp4.ignored") ||
		   str_eq(ev->kind, "dhcp6.ignored")) {
		if (str_eq(detail(ev, "class"), "os"))
			return;
		snprintf(text, sizeof(text), "%.20s not answered: %.150s", ev->mac,
		    ev->reason);
		note(s, wrong_card(s, ev->mac) ? STORY_WRONG_NIC : STORY_IGNORED, seq, ev,
		    text);
		if (!wrong_card(s, ev->mac))
			note(s, STORY_BOOT_NIC, seq, ev, text);
	} else if (from_machine(ev)) {
		note_request(s, seq, ev);
	} else if (from_answer(ev)) {
		note_answer(s, seq, ev);
	}
}

/* DHCPv4 and the firmware's DUID have the SMBIOS order, iPXE's DUID the other; inventories have either. */
static bool
same_uuid(const char *a, const char *b)
{
	struct addr_uuid x, y;

	if (addr_uuid_parse(a, &x) < 0 || addr_uuid_parse(b, &y) < 0)
		return false;
	const struct addr_uuid swapped = addr_uuid_swap(&y);
	return memcmp(x.b, y.b, sizeof(x.b)) == 0 ||
	       memcmp(x.b, swapped.b, sizeof(x.b)) == 0;
}

/* What boards say whose maker never set a UUID: dmidecode's "Not Settable" and "Not Present", and AMI's example. */
bool
story_is_nobodys(const char *uuid)
{
	static const char *const shared[] = {"00000000-0000-0000-0000-000000000000",
	    "ffffffff-ffff-ffff-ffff-ffffffffffff",
	    "03000200-0400-0500-0006-000700080009"};

	for (size_t i = 0; i < ARRAY_SIZE(shared); i++)
		if (same_uuid(uuid, shared[i]))
			return true;
	return false;
}

/* A machine that no host's MAC address is of, with this host's UUID, at this host's site. */
static void
on_stranger(struct story *s, int64_t seq, const struct event *ev)
{
	char text[STORY_TEXT_SIZE];
	bool asks = from_machine(ev) || str_eq(ev->kind, "dhcp4.ignored") ||
		    str_eq(ev->kind, "dhcp6.ignored");

	if (!asks || s->host.uuid[0] == '\0' || str_eq(detail(ev, "class"), "os") ||
	    !same_uuid(detail(ev, "uuid"), s->host.uuid) ||
	    story_is_nobodys(s->host.uuid) ||
	    (ev->site[0] != '\0' && s->site[0] != '\0' && !str_eq(ev->site, s->site)))
		return;
	snprintf(text, sizeof(text),
	    "%.40s from %.20s, which is no MAC address of the host, with its UUID",
	    ev->kind, ev->mac);
	note(s, STORY_STRANGER, seq, ev, text);
}

void
story_stranger(struct story *s, const char *mac, int64_t at)
{
	const struct event ev = event_make("discovered", at);
	char text[STORY_TEXT_SIZE];

	snprintf(text, sizeof(text),
	    "%.20s asked, which is no MAC address of the host, with its UUID", mac);
	note(s, STORY_STRANGER, 0, &ev, text);
}

/* ---- transfers ---- */

enum { PART_LOADER, PART_KERNEL, PART_INITRD, PART_FILE, PARTS };
static const struct {
	const char *class;
	enum story_what began, done, broke;
} parts[PARTS] = {
    [PART_LOADER] = {"loader", STORY_LOADER_BEGAN, STORY_LOADER_DONE, STORY_LOADER_BROKE},
    [PART_KERNEL] = {"kernel", STORY_KERNEL_BEGAN, STORY_KERNEL_DONE, STORY_KERNEL_BROKE},
    [PART_INITRD] = {"initrd", STORY_INITRD_BEGAN, STORY_INITRD_DONE, STORY_INITRD_BROKE},
    [PART_FILE] = {"file", STORY_FILE_BEGAN, STORY_FILE_DONE, STORY_FILE_BROKE},
};

static void
say_transfer(const struct event *ev, char *text, size_t size)
{
	char got[32] = "", all[32] = "";
	const char *result = detail(ev, "result");

	if (ev->bytes >= 0)
		str_bytes(ev->bytes, got, sizeof(got));
	if (ev->total >= 0)
		str_bytes(ev->total, all, sizeof(all));
	snprintf(text, size, "%.14s %.80s%s%s%s%s%s%.20s", ev->kind, ev->file,
	    got[0] != '\0' ? ", " : "", got, all[0] != '\0' ? " of " : "", all,
	    result[0] != '\0' ? ", " : "", result);
}

static void
note_transfer(struct story *s, int64_t seq, const struct event *ev, int part)
{
	const char *what = strchr(ev->kind, '.') + 1, *result = detail(ev, "result");
	char text[STORY_TEXT_SIZE];

	say_transfer(ev, text, sizeof(text));
	if (str_eq(what, "begin") || str_eq(what, "progress"))
		note(s, parts[part].began, seq, ev, text);
	else if (str_has_prefix(result, "complete"))
		note(s, parts[part].done, seq, ev, text);
	else if (str_eq(result, "aborted") || str_eq(result, "timeout"))
		note(s, parts[part].broke, seq, ev, text);
}

static bool
ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

/* A transfer may end without a word of the machine: the server's patience ran out, the ticket was revoked, the server was
 * stopped. That may be long after it fell silent. */
static bool
ends_by_server(const struct event *ev)
{
	static const char *const results[] = {
	    "timeout", "superseded", "complete-unacked"};
	/* Records from before bootd said whose doing it was. */
	static const char *const aborts[] = {"the server is being stopped",
	    "idle, and others need", "the file shrank", "fetched in pieces",
	    "cannot read the file"};
	const char *result = detail(ev, "result");

	if (str_eq(detail(ev, EVENT_ENDED_BY), EVENT_BY_SERVER))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(results); i++)
		if (str_eq(result, results[i]))
			return true;
	for (size_t i = 0; str_eq(result, "aborted") && i < ARRAY_SIZE(aborts); i++)
		if (str_has_prefix(ev->reason, aborts[i]))
			return true;
	return false;
}

static void
on_transfer(struct story *s, int64_t seq, const struct event *ev)
{
	const char *class = detail(ev, "class");
	char text[STORY_TEXT_SIZE];

	if (!ends_by_server(ev))
		s->heard = ev->at;
	if (str_eq(detail(ev, "result"), "not-found")) {
		/* What a ticket no longer gives is not missing. */
		if (strstr(ev->reason, "closed ticket") != NULL ||
		    strstr(ev->reason, "ticket is consumed") != NULL)
			return;
		/* Every iPXE looks for autoexec.ipxe and its kind; "local-boot" is not there on purpose. */
		if (strstr(ev->file, ".ipxe") != NULL ||
		    ends_in(ev->file, BUNDLE_LOCAL_FILE))
			return;
		say_transfer(ev, text, sizeof(text));
		note(s, STORY_NOT_FOUND, seq, ev, text);
		return;
	}
	if (str_has_prefix(ev->kind, "tftp.")) {
		if (!ends_in(ev->file, ".ipxe"))
			note_transfer(s, seq, ev, PART_LOADER);
		return;
	}
	say_transfer(ev, text, sizeof(text));
	if (str_eq(class, "script") && str_eq(ev->kind, "http.end"))
		note(s, STORY_SCRIPT_DONE, seq, ev, text);
	else if (str_eq(class, "idle") && str_eq(ev->kind, "http.end"))
		note(s, STORY_SENT_TO_DISK, seq, ev,
		    "it asked for a script and was sent to its disk");
	for (int i = 0; i < PARTS; i++)
		if (str_eq(class, parts[i].class))
			note_transfer(s, seq, ev, i);
}

/* ---- reports and the console ---- */

static void
on_report(struct story *s, int64_t seq, const struct event *ev)
{
	static const struct {
		const char *stage;
		enum story_what what;
	} reports[] = {{"up", STORY_UP}, {"installed", STORY_INSTALLED},
	    {"failed", STORY_REPORTED_FAILED}, {"booted", STORY_BOOTED}};
	char text[STORY_TEXT_SIZE], safe[150];
	const char *said = detail(ev, "note");

	for (size_t i = 0; i < ARRAY_SIZE(reports); i++) {
		if (!str_eq(ev->kind + strlen("report."), reports[i].stage))
			continue;
		snprintf(text, sizeof(text), "the machine reported %s%s%s",
		    reports[i].stage, said[0] != '\0' ? ": " : "",
		    str_escape(safe, sizeof(safe), said, strlen(said)));
		s->heard = ev->at;
		note(s, reports[i].what, seq, ev, text);
	}
}

static void
on_console(struct story *s, int64_t seq, const struct event *ev)
{
	const char *what = ev->kind + strlen("sol."), *line = detail(ev, "line");
	char safe[STORY_TEXT_SIZE];

	if (str_eq(what, "connected") || str_eq(what, "resumed")) {
		note(s, STORY_CONSOLE, seq, ev, "the console is recorded");
	} else if (str_eq(what, "lost") || str_eq(what, "refused") ||
		   str_eq(what, "stolen") || str_eq(what, "yielded")) {
		note(s, STORY_CONSOLE_LOST, seq, ev, ev->reason);
	} else if (str_eq(what, "line") &&
		   (story_has(s, STORY_ORDERED_ON) || story_has(s, STORY_ON) ||
		       s->job[0] == '\0')) {
		enum story_what fact = story_console_fact(detail(ev, "class"), line);

		if (fact != STORY_FACTS)
			note(s, fact, seq, ev,
			    str_escape(safe, sizeof(safe), line, strlen(line)));
	}
}

void
story_take(struct story *s, int64_t seq, const struct event *ev)
{
	bool job = str_has_prefix(ev->kind, "job.");

	if (ev->host[0] == '\0' && ev->job[0] == '\0') {
		on_stranger(s, seq, ev);
		return;
	}
	if (ev->host[0] != '\0' && s->host.name[0] != '\0' &&
	    !str_eq(ev->host, s->host.name)) {
		s->others++;
		return;
	}
	s->events++;
	if (s->began == 0)
		s->began = ev->at;
	s->last = ev->at;
	if (ev->job[0] != '\0')
		str_clip(s->job, sizeof(s->job), ev->job);
	if (ev->boot[0] != '\0')
		str_clip(s->boot, sizeof(s->boot), ev->boot);
	if (ev->site[0] != '\0')
		str_clip(s->site, sizeof(s->site), ev->site);
	if (job)
		on_job(s, seq, ev);
	else if (str_eq(ev->kind, "power.state"))
		on_power(s, seq, ev);
	else if (str_has_prefix(ev->kind, "ipmi."))
		on_ipmi(s, seq, ev);
	else if (str_has_prefix(ev->kind, "dhcp4.") || str_has_prefix(ev->kind, "dhcp6."))
		on_dhcp(s, seq, ev);
	else if (str_has_prefix(ev->kind, "tftp.") || str_has_prefix(ev->kind, "http."))
		on_transfer(s, seq, ev);
	else if (str_has_prefix(ev->kind, "report."))
		on_report(s, seq, ev);
	else if (str_has_prefix(ev->kind, "sol."))
		on_console(s, seq, ev);
}
