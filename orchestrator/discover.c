// SPDX-License-Identifier: GPL-3.0-or-later
/* Unknown machines: what events tell of them, and what may become of them.
 *
 * Entry points: discover_note() while events are recorded; discover_suggest(), discover_json() and
 * discover_complete() for the REST interface. bootd tells of unknown machines whether or not their site
 * answers them, and bounds how often; what it says of them is what they claim themselves, escaped, and believed by
 * nobody: it is shown, and made into a host by a person.
 *
 * A request counts, an answer of ours only says which address was given. Requests for files are of a machine when its
 * MAC address is known to bootd; what cannot be told apart is not noted.
 * Failure modes: those of db.h; an event that tells of no machine changes nothing. */
#include "orchestrator/discover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_event.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/job_json.h"

#define LATE_US (24LL * 3600 * USEC_PER_SEC)

static bool
one_of(const char *kind, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(kind, list[i]))
			return true;
	return false;
}

/* Whose words the event has: the machine's (`seen` 1), or ours to it (0). */
static bool
is_of_machine(const char *kind, int64_t *ret_seen)
{
	static const char *const asked[] = {"dhcp4.discover", "dhcp4.request",
	    "dhcp4.inform", "dhcp4.ignored", "dhcp6.solicit", "dhcp6.request",
	    "dhcp6.renew", "dhcp6.rebind", "dhcp6.confirm", "dhcp6.inform",
	    "dhcp6.ignored", "tftp.begin", "tftp.error", "http.begin", "http.error"};
	static const char *const answered[] = {"dhcp4.ack", "dhcp6.reply"};

	*ret_seen = one_of(kind, asked, ARRAY_SIZE(asked)) ? 1 : 0;
	return *ret_seen == 1 || one_of(kind, answered, ARRAY_SIZE(answered));
}

/* When it came, where the agent's clock cannot be right: these times decide who stays in the list. */
static int64_t
when(int64_t at, int64_t wall)
{
	return at > wall || at < wall - LATE_US ? wall : at;
}

static void
read_uuid(const struct event *ev, struct db_discovered *ret)
{
	struct addr_uuid uuid;

	if (addr_uuid_parse(event_str(ev, "uuid"), &uuid) == 0)
		addr_uuid_text(&uuid, ret->uuid, sizeof(ret->uuid));
}

bool
discover_read(const struct event *ev, int64_t wall, struct db_discovered *ret)
{
	struct addr_mac mac;
	struct addr_ip ip;
	int64_t at = when(ev->at, wall);

	*ret = (struct db_discovered){.last_seen = at, .first_seen = at};
	if (ev->host[0] || !ev->site[0] || !is_of_machine(ev->kind, &ret->seen) ||
	    addr_mac_parse(ev->mac, &mac) < 0)
		return false;
	/* A group address is nobody's, and no host could have it. */
	if (mac.b[0] & 1)
		return false;
	addr_mac_text(&mac, ret->mac, sizeof(ret->mac));
	str_clip(ret->site, sizeof(ret->site), ev->site);
	str_clip(ret->arch, sizeof(ret->arch), ev->arch);
	read_uuid(ev, ret);
	str_clip(
	    ret->vendor_class, sizeof(ret->vendor_class), event_str(ev, "vendor_class"));
	str_clip(ret->hostname, sizeof(ret->hostname), event_str(ev, "hostname"));
	str_clip(ret->relay, sizeof(ret->relay), event_str(ev, "relay"));
	str_clip(ret->circuit_id, sizeof(ret->circuit_id), event_str(ev, "circuit_id"));
	if (!ret->circuit_id[0]) /* DHCPv6's name of the same, RFC 8415 21.18 */
		str_clip(ret->circuit_id, sizeof(ret->circuit_id),
		    event_str(ev, "interface_id"));
	str_clip(ret->remote_id, sizeof(ret->remote_id), event_str(ev, "remote_id"));
	str_clip(ret->interface, sizeof(ret->interface), event_str(ev, "interface"));
	str_clip(ret->duid, sizeof(ret->duid), event_str(ev, "duid"));
	if (addr_ip_parse(ev->ip, &ip) == 0)
		addr_ip_text(&ip, ret->ip, sizeof(ret->ip));
	return true;
}

/* As the first request told it. A site whose list is full tells of no newcomers: whoever makes up MAC addresses does not
 * fill the record with them. */
static int
tell_new(struct store *s, const struct event *of)
{
	struct event ev = event_make("discovered.new", of->at);
	char text[128];

	str_clip(ev.site, sizeof(ev.site), of->site);
	memcpy(ev.mac, of->mac, sizeof(ev.mac));
	str_clip(ev.arch, sizeof(ev.arch), of->arch);
	event_put(&ev, "uuid", event_str(of, "uuid"));
	event_put(&ev, "circuit_id", event_str(of, "circuit_id"));
	if (str_format(
		text, sizeof(text), "%s asks the network and is no host's", of->mac) == 0)
		event_put(&ev, "text", text);
	if (str_format(text, sizeof(text),
		"netboot-ctl discovered show %s, then adopt or forget it", of->mac) == 0)
		event_put(&ev, "next", text);
	int rc = db_event_add(s, &ev, NULL, 0, NULL);
	event_done(&ev);
	return rc;
}

int
discover_note(struct store *s, const struct event *ev, int64_t wall)
{
	struct db_discovered d;

	if (!discover_read(ev, wall, &d))
		return 0;
	int rc = db_discovered_note(s, &d);
	return rc == 1 ? tell_new(s, ev) : rc;
}

/* The hosts with the UUID in either byte order: two at most. */
static int
hosts_of_uuid(struct store *s, const char *text, struct store_names *ret)
{
	struct addr_uuid uuid, other;
	char swapped[ADDR_UUID_TEXT];

	if (addr_uuid_parse(text, &uuid) < 0)
		return 0;
	int rc = db_discovered_hosts_of_uuid(s, text, ret);
	other = addr_uuid_swap(&uuid);
	addr_uuid_text(&other, swapped, sizeof(swapped));
	if (rc == 0 && ret->n == 0 && !str_eq(swapped, text))
		rc = db_discovered_hosts_of_uuid(s, swapped, ret);
	return rc;
}

static int
suggest_host(struct store *s, const struct db_discovered *d, const char *name,
    struct discover_suggestion *ret)
{
	struct db_host *h = str_alloc(sizeof(*h));
	int rc = db_host_get(s, name, h);

	if (rc == 0 && str_eq(h->site, d->site)) {
		str_clip(ret->host, sizeof(ret->host), name);
		rc = str_format(ret->why, sizeof(ret->why),
		    "it has the SMBIOS UUID of host %s: another NIC of that machine",
		    name);
	} else if (rc == 0) {
		rc = str_format(ret->why, sizeof(ret->why),
		    "it has the SMBIOS UUID of host %s, which is at site %s", name,
		    h->site);
	}
	free(h);
	return rc == -ENOENT ? 0 : rc;
}

int
discover_suggest(
    struct store *s, const struct db_discovered *d, struct discover_suggestion *ret)
{
	struct store_names hosts = {0};
	int rc = hosts_of_uuid(s, d->uuid, &hosts);

	*ret = (struct discover_suggestion){.host = ""};
	if (rc == 0 && hosts.n == 1)
		rc = suggest_host(s, d, hosts.v[0], ret);
	else if (rc == 0 && hosts.n > 1)
		str_clip(ret->why, sizeof(ret->why),
		    "several hosts have its SMBIOS UUID, which so tells nothing");
	store_names_done(&hosts);
	return rc;
}

static void
put_text(json_t *v, const char *key, const char *s)
{
	json_put(v, key, s[0] ? json_string(s) : json_null());
}

/* The line that makes it known, ready but for the name of a new host. */
static json_t *
suggest_json(const struct db_discovered *d, const struct discover_suggestion *g)
{
	char command[BUNDLE_NAME_SIZE + 200];
	json_t *v = json_object();
	int rc;

	put_text(v, "host", g->host);
	put_text(v, "why", g->why);
	if (g->host[0])
		rc = str_format(command, sizeof(command),
		    "netboot-ctl discovered adopt %s --to %s --site %s", d->mac, g->host,
		    d->site);
	else
		rc = str_format(command, sizeof(command),
		    "netboot-ctl discovered adopt %s HOST --site %s", d->mac, d->site);
	put_text(v, "command", rc < 0 ? "" : command);
	return v;
}

json_t *
discover_json(const struct db_discovered *d, const struct discover_suggestion *suggest,
    const struct oui *vendors)
{
	json_t *v = json_object();
	struct addr_mac mac = {{0}};

	/* Nobody's in a database that was edited or damaged. */
	bool valid = addr_mac_parse(d->mac, &mac) == 0;
	json_put_str(v, "mac", d->mac);
	json_put_str(v, "site", d->site);
	put_text(v, "vendor", valid ? oui_find(vendors, &mac) : "");
	put_text(v, "uuid", d->uuid);
	put_text(v, "arch", d->arch);
	put_text(v, "vendor_class", d->vendor_class);
	put_text(v, "hostname", d->hostname);
	put_text(v, "ip", d->ip);
	put_text(v, "relay", d->relay);
	put_text(v, "circuit_id", d->circuit_id);
	put_text(v, "remote_id", d->remote_id);
	put_text(v, "interface", d->interface);
	job_json_time(v, "first_seen", d->first_seen);
	job_json_time(v, "last_seen", d->last_seen);
	json_put_i64(v, "seen", d->seen);
	put_text(v, "duid", d->duid);
	json_put(v, "suggest", suggest_json(d, suggest));
	return v;
}

static bool
has_mac(const json_t *nics, const char *mac)
{
	const json_t *nic;
	size_t i;
	struct addr_mac want, have;

	if (addr_mac_parse(mac, &want) < 0)
		return false;
	json_array_foreach ((json_t *)nics, i, nic) {
		const char *s = json_string_value(json_object_get(nic, "mac"));
		if (s && addr_mac_parse(s, &have) == 0 && addr_mac_eq(&want, &have))
			return true;
	}
	return false;
}

void
discover_complete(const struct db_discovered *d, json_t *host)
{
	json_t *nics = json_object_get(host, "nics");

	if (!json_object_get(host, "site"))
		json_put_str(host, "site", d->site);
	if (!nics) {
		json_put(host, "nics", json_array());
		nics = json_object_get(host, "nics");
	}
	/* Without one that says so, the first NIC is the one that netboots. */
	if (json_is_array(nics) && !has_mac(nics, d->mac))
		json_array_insert_new(nics, 0, json_pack("{s:s}", "mac", d->mac));
	if (!json_object_get(host, "uuid") && d->uuid[0])
		json_put_str(host, "uuid", d->uuid);
	if (!json_object_get(host, "firmware") && d->arch[0])
		json_put_str(
		    host, "firmware", str_eq(d->arch, "x86-bios") ? "bios" : "uefi");
}
