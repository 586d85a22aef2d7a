// SPDX-License-Identifier: GPL-3.0-or-later
/* Findings about foreign DHCP servers and routers.
 *
 * The events *.foreign all have the same members (docs/boot-services.md): `server` is who it is, `server_mac` and what it
 * offered are told where they are known, `mode` says that bootd stands beside it on purpose, `competes` that
 * firmware could take it for the boot server. For each site and server the newest event counts; so a server that was
 * accepted meanwhile, by making bootd a proxy, is no longer warned of. dhcp4.alone is the opposite: a
 * proxy that nobody gives addresses beside, until somebody is heard again.
 *
 * Entry point: doctor_dhcp_scan(). Nothing is kept. At most ROWS_MAX events of a kind are read, by index,
 * and SERVERS_MAX servers told of. */
#include "orchestrator/doctor_dhcp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_event.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "orchestrator/latest.h"

enum { ROWS_MAX = 300, SERVERS_MAX = 20 };

static const struct foreign {
	const char *kind, *what, *next;
} foreigns[] = {
    {"dhcp4.foreign", "DHCP server",
	"switch it off, let it ignore this site's machines, or let bootd stand beside it "
	"(services.dhcp4: proxy); docs/operations.md, Beside another DHCP server"},
    {"dhcp6.foreign", "DHCPv6 server",
	"switch it off there, or let it ignore this site's machines; docs/operations.md, "
	"Beside another DHCP server"},
    {"ra.foreign", "router that announces itself",
	"if it is meant to be there, switch router advertisements of the subnet off; "
	"else "
	"find it, and let the switches drop what it sends (RA guard)"},
};

struct scan {
	const struct foreign *foreign; /* NULL: dhcp4.alone */
	int64_t since;
	void (*each)(void *arg, const char *level, const char *text, const char *next);
	void *arg;
	struct latest *heard;			      /* dhcp4.foreign; for dhcp4.alone */
	char seen[SERVERS_MAX][EVENT_SITE_SIZE + 64]; /* "site server" */
	size_t n_seen;
};

/* Who it is, by the best that the event has. */
static const char *
server_of(const struct event *ev)
{
	if (event_str(ev, "server")[0])
		return event_str(ev, "server");
	if (event_str(ev, "source")[0])
		return event_str(ev, "source");
	return ev->ip[0] ? ev->ip : ev->mac;
}

/* True the first time. */
static bool
is_new(struct scan *sc, const char *site, const char *server)
{
	char key[sizeof(sc->seen[0])];

	snprintf(key, sizeof(key), "%s %s", site, server);
	for (size_t i = 0; i < sc->n_seen; i++)
		if (str_eq(sc->seen[i], key))
			return false;
	str_clip(sc->seen[sc->n_seen++], sizeof(key), key);
	return true;
}

/* ", offering 10.0.0.9, boot file x, next server y": what of that there is. */
static void
append_offer(const struct event *ev, char text[DOCTOR_DHCP_TEXT])
{
	static const struct {
		const char *key, *word;
	} parts[] = {{"offered", "offering"}, {"bootfile", "boot file"},
	    {"next_server", "next server"}, {"vendor_class", "class"}};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const char *value = event_str(ev, parts[i].key);
		size_t n = strlen(text);

		if (value[0])
			snprintf(text + n, DOCTOR_DHCP_TEXT - n, ", %s %s", parts[i].word,
			    value);
	}
}

static void
tell_foreign(struct scan *sc, const struct event *ev)
{
	const char *mac = event_str(ev, "server_mac");
	bool beside = str_eq(event_str(ev, "mode"), "proxy");
	bool competes = event_str(ev, "competes")[0];
	char at[CLOCK_TEXT_SIZE], text[DOCTOR_DHCP_TEXT];

	snprintf(text, sizeof(text), "site %s, %s: %s%s %s%s%s%s%s", ev->site,
	    clock_text(ev->at, at, sizeof(at)), beside && !competes ? "" : "another ",
	    sc->foreign->what, server_of(ev), mac[0] ? " (" : "", mac, mac[0] ? ")" : "",
	    beside && !competes ? " gives the addresses beside our proxy" : "");
	append_offer(ev, text);
	if (beside && !competes) {
		sc->each(sc->arg, "ok", text, "");
		return;
	}
	size_t n = strlen(text);
	snprintf(text + n, sizeof(text) - n, "%s",
	    competes ? "; it gives boot information too, which firmware may take instead "
		       "of ours"
		     : "; machines may take it for theirs and boot past their ticket");
	sc->each(sc->arg, "warn", text,
	    beside ? "take boot file, next-server and option 60 out of that server"
		   : sc->foreign->next);
}

/* Has another server been heard there since? */
static bool
ended(const struct scan *sc, const struct event *alone)
{
	const struct event *ev = latest_at(sc->heard, alone->site);

	return ev && ev->at > alone->at;
}

static void
tell_alone(struct scan *sc, const struct event *ev)
{
	char at[CLOCK_TEXT_SIZE], text[DOCTOR_DHCP_TEXT];

	if (ended(sc, ev))
		return;
	snprintf(text, sizeof(text),
	    "site %s, %s: bootd is a proxy, %s asked for a network boot again and again, "
	    "and "
	    "no other DHCP server was heard to give it an address",
	    ev->site, clock_text(ev->at, at, sizeof(at)),
	    ev->host[0] ? ev->host : ev->mac);
	sc->each(sc->arg, "warn", text,
	    "look after the site's DHCP server, and the relay or VLAN between it and "
	    "these "
	    "machines; or let bootd give the addresses (services.dhcp4: true)");
}

static int
on_event(void *arg, int64_t seq UNUSED, const struct event *ev)
{
	struct scan *sc = arg;
	const char *who = sc->foreign ? server_of(ev) : "";

	if (sc->n_seen == SERVERS_MAX || ev->at < sc->since)
		return 1;
	if (!is_new(sc, ev->site, who))
		return 0;
	if (sc->foreign)
		tell_foreign(sc, ev);
	else
		tell_alone(sc, ev);
	return 0;
}

int
doctor_dhcp_scan(struct store *s, int64_t since,
    void (*each)(void *arg, const char *level, const char *text, const char *next),
    void *arg)
{
	struct scan *sc = str_alloc(sizeof(*sc));
	int rc = 0;

	sc->since = since;
	sc->each = each;
	sc->arg = arg;
	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(foreigns); i++) {
		sc->foreign = &foreigns[i];
		sc->n_seen = 0;
		rc = db_event_newest_of_kind(s, foreigns[i].kind, ROWS_MAX, on_event, sc);
	}
	sc->foreign = NULL;
	sc->n_seen = 0;
	if (rc == 0)
		rc = latest_read(s, "dhcp4.foreign", &sc->heard);
	if (rc == 0)
		rc = db_event_newest_of_kind(s, "dhcp4.alone", ROWS_MAX, on_event, sc);
	latest_free(sc->heard);
	free(sc);
	return rc;
}
