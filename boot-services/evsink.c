/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every event of bootd passes here once: completed from the host table, limited, written.
 *
 * evsink_emit() is called from the middle of packet handling, so it neither blocks nor
 * fails. Three limits keep a hostile network from flooding the agent: a rate per kind and
 * machine, a lower one for negative kinds (ignored, nak, error), and one rate for all
 * machines that are not in the table. What they stop is counted and told by the next
 * event that passes.
 *
 * Ownership: events are taken; outputs and table are borrowed. */
#include "boot-services/evsink.h"

#include <stdlib.h>
#include <string.h>

#include "boot-services/evsink_file.h"
#include "boot-services/evsink_io.h"
#include "boot-services/evsink_limit.h"
#include "boot-services/evsink_seen.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"

static const struct evsink_limit_rate rate_normal = {100, USEC_PER_SEC / 20};
static const struct evsink_limit_rate rate_negative = {10, USEC_PER_SEC};
static const struct evsink_limit_rate rate_unknown = {100, USEC_PER_SEC / 20};

/* No MAC, no address, and not "" either: that is what an event without both is under. */
static const char all_unknown[] = "unknown";

struct evsink {
	const struct log *log;
	struct hosttab *const *table;
	struct evsink_outputs out;
	struct evsink_limit *limit;
	struct evsink_seen *seen;
	int64_t dropped;
	bool file_failed; /* said so already */
};

struct evsink *
evsink_new(
    const struct log *log, struct hosttab *const *table, const struct evsink_outputs *out)
{
	struct evsink *s = str_alloc(sizeof(*s));

	s->log = log;
	s->table = table;
	s->out = *out;
	s->limit = evsink_limit_new();
	s->seen = evsink_seen_new();
	return s;
}

void
evsink_free(struct evsink *s)
{
	if (!s)
		return;
	evsink_limit_free(s->limit);
	evsink_seen_free(s->seen);
	free(s);
}

/* The NIC behind an address: by the table, else by what we acknowledged lately, else by the
 * address itself. */
static void
complete_mac(const struct evsink *s, struct event *ev, int64_t mono)
{
	const struct hosttab_entry *h;
	struct addr_mac mac;
	struct addr_ip ip;

	if (ev->mac[0] || !ev->ip[0] || addr_ip_parse(ev->ip, &ip) < 0)
		return;
	h = hosttab_by_ip(*s->table, &ip);
	for (size_t i = 0; h && i < h->host.n_nics; i++)
		if (addr_ip_eq(&h->host.nics[i].ip, &ip) ||
		    addr_ip_eq(&h->host.nics[i].ip6, &ip))
			addr_mac_text(&h->host.nics[i].mac, ev->mac, sizeof(ev->mac));
	if (h)
		return;
	/* Firmware and iPXE make their link-local and autoconfigured addresses of the MAC. */
	if (evsink_seen_find(s->seen, &ip, mono, &mac) ||
	    (addr_ip_eui64_mac(&ip, &mac) && hosttab_by_mac(*s->table, &mac)))
		addr_mac_text(&mac, ev->mac, sizeof(ev->mac));
}

/* A proxy is not told which address a machine gets: what it asks the other server for has to do. */
static bool
asks_another(const struct event *ev)
{
	return str_eq(ev->kind, "dhcp4.request") &&
	       str_eq(event_str(ev, "mode"), "proxy");
}

/* What an event of DHCP says about who has which address. */
static void
learn(struct evsink *s, const struct event *ev, int64_t mono)
{
	struct addr_mac mac, holder;
	struct addr_ip ip;

	if (!str_has_prefix(ev->kind, "dhcp") || addr_ip_parse(ev->ip, &ip) < 0 ||
	    addr_mac_parse(ev->mac, &mac) < 0)
		return;
	/* Not dhcp6.release: firmware has two leases of one address, and ends the first while it uses
	 * the second (boot.md 1.6). */
	if (str_eq(ev->kind, "dhcp4.ack") || str_eq(ev->kind, "dhcp6.reply") ||
	    asks_another(ev))
		evsink_seen_put(s->seen, &ip, &mac, mono);
	else if ((str_eq(ev->kind, "dhcp4.release") ||
		     str_eq(ev->kind, "dhcp4.decline") ||
		     str_eq(ev->kind, "dhcp6.decline")) &&
		 evsink_seen_find(s->seen, &ip, mono, &holder) &&
		 addr_mac_eq(&mac, &holder))
		evsink_seen_del(s->seen, &ip);
}

static const struct hosttab_entry *
find_host(const struct hosttab *t, const struct event *ev)
{
	struct addr_mac mac;

	if (ev->host[0])
		return hosttab_by_name(t, ev->host);
	if (addr_mac_parse(ev->mac, &mac) < 0)
		return NULL;
	return hosttab_by_mac(t, &mac);
}

static void
complete(struct evsink *s, struct event *ev, int64_t mono)
{
	const struct hosttab_entry *h;

	if (!ev->site[0])
		str_clip(ev->site, sizeof(ev->site), hosttab_site(*s->table)->name);
	complete_mac(s, ev, mono);
	h = find_host(*s->table, ev);
	if (!h)
		return;
	str_clip(ev->host, sizeof(ev->host), h->host.name);
	if (!ev->job[0])
		str_clip(ev->job, sizeof(ev->job), h->boot.job);
	if (!ev->boot[0])
		str_clip(ev->boot, sizeof(ev->boot), h->boot.boot);
}

static bool
ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), k = strlen(end);

	return n >= k && strcmp(s + n - k, end) == 0;
}

/* May it pass? bootd's own events always do: the network cannot cause them, or no more often than
 * once in some seconds. */
static bool
allowed(struct evsink *s, const struct event *ev, int64_t mono)
{
	bool negative = ends_with(ev->kind, ".ignored") || ends_with(ev->kind, ".nak") ||
			ends_with(ev->kind, ".error");

	if (str_has_prefix(ev->kind, "bootd."))
		return true;
	if (!evsink_limit_allow(s->limit, ev->kind, ev->mac[0] ? ev->mac : ev->ip,
		negative ? &rate_negative : &rate_normal, mono))
		return false;
	return ev->host[0] ||
	       evsink_limit_allow(s->limit, ev->kind, all_unknown, &rate_unknown, mono);
}

/* Returns false when some output could not take it. */
static bool
write_line(struct evsink *s, const struct event *ev)
{
	json_t *v = event_to_json(ev);
	char *text = json_text(v);
	size_t len = strlen(text);
	bool ok = true;
	int r;

	text = str_realloc(text, len + 2);
	text[len++] = '\n';
	text[len] = '\0';
	if (s->out.lines && !evsink_io_write(s->out.lines, text, len))
		ok = false;
	r = s->out.file ? evsink_file_write(s->out.file, text, len) : 0;
	if (r < 0) {
		ok = false;
		if (!s->file_failed)
			log_error(s->log,
			    "event log: %s: events are dropped from the file",
			    strerror(-r));
	}
	s->file_failed = r < 0;
	free(text);
	json_decref(v);
	return ok;
}

void
evsink_emit(struct evsink *s, struct event *ev)
{
	evsink_emit_at(s, ev, clock_mono());
}

void
evsink_emit_at(struct evsink *s, struct event *ev, int64_t mono)
{
	bool ok = true;

	learn(s, ev, mono);
	complete(s, ev, mono);
	if (!allowed(s, ev, mono)) {
		s->dropped++;
		event_done(ev);
		return;
	}
	if (s->dropped > 0)
		event_put_i64(ev, "dropped", s->dropped);
	if (s->out.lines || s->out.file)
		ok = write_line(s, ev);
	if (s->out.to_agent && !s->out.to_agent(s->out.arg, ev))
		ok = false;
	s->dropped = ok ? 0 : s->dropped + 1;
	event_done(ev);
}
