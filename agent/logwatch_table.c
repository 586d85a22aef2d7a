/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hosts that log lines may speak of, by MAC address, IP address, UUID and token.
 *
 * Entry points: logwatch_put_host() and its like; logwatch_find_*() for logwatch.c.
 * Ownership: copies of what is asked for of each host, and of its boot.
 * Failure modes: none. Two hosts with one address are the inventory's fault: the later one has it; a UUID of several says none of them. An address that was
 * given by DHCP is never one that another host has fixed.
 */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "agent/logwatch_priv.h"
#include "lib/arch.h"
#include "lib/str.h"

struct logwatch *
logwatch_new(void)
{
	return str_alloc(sizeof(struct logwatch));
}

static struct logwatch_host *
find(const struct logwatch *w, const char *name)
{
	struct logwatch_host *h;

	HASH_FIND_STR(w->hosts, name, h);
	return h;
}

struct logwatch_host *
logwatch_find_mac(const struct logwatch *w, const struct addr_mac *mac)
{
	struct logwatch_by_mac *m;

	HASH_FIND(hh, w->macs, mac, sizeof(*mac), m);
	return m == NULL ? NULL : m->host;
}

struct logwatch_host *
logwatch_find_ip(const struct logwatch *w, const struct addr_ip *ip)
{
	struct logwatch_by_ip *i;

	HASH_FIND(hh, w->ips, ip, sizeof(*ip), i);
	return i == NULL ? NULL : i->host;
}

static struct logwatch_by_uuid *
find_uuid(const struct logwatch *w, const struct addr_uuid *uuid)
{
	struct logwatch_by_uuid *u;

	HASH_FIND(hh, w->uuids, uuid, sizeof(*uuid), u);
	return u;
}

static struct logwatch_host *
only_host(const struct logwatch *w, const struct addr_uuid *uuid)
{
	const struct logwatch_by_uuid *u = find_uuid(w, uuid);

	return u != NULL && u->first->next == NULL ? u->first : NULL;
}

/* SMBIOS stores the first fields the other way round; both forms are on the wire. As bootd decides (its
 * dhcp6_server.c): where each form is that of another host, nobody knows which of them it is. */
struct logwatch_host *
logwatch_find_uuid(const struct logwatch *w, const struct addr_uuid *uuid)
{
	struct addr_uuid swapped = addr_uuid_swap(uuid);
	struct logwatch_host *h = only_host(w, uuid), *other = only_host(w, &swapped);

	if (h != NULL && other != NULL && h != other)
		return NULL;
	return h != NULL ? h : other;
}

static void
put_uuid(struct logwatch *w, struct logwatch_host *h)
{
	struct logwatch_by_uuid *u = find_uuid(w, &h->uuid);

	if (u == NULL) {
		u = str_alloc(sizeof(*u));
		u->uuid = h->uuid;
		HASH_ADD(hh, w->uuids, uuid, sizeof(u->uuid), u);
	}
	DL_APPEND(u->first, h);
	h->has_uuid = true;
}

static void
drop_uuid(struct logwatch *w, struct logwatch_host *h)
{
	struct logwatch_by_uuid *u = h->has_uuid ? find_uuid(w, &h->uuid) : NULL;

	h->has_uuid = false;
	if (u == NULL)
		return;
	DL_DELETE(u->first, h);
	if (u->first != NULL)
		return;
	HASH_DEL(w->uuids, u);
	free(u);
}

/* False also of one that is all zero: not known. */
static bool
read_uuid(const struct bundle_host *b, struct addr_uuid *ret)
{
	static const struct addr_uuid none;

	return b->uuid[0] != '\0' && addr_uuid_parse(b->uuid, ret) == 0 &&
	       memcmp(ret, &none, sizeof(none)) != 0;
}

struct logwatch_host *
logwatch_find_token(const struct logwatch *w, const char *token)
{
	struct logwatch_host *h;

	HASH_FIND(hh_token, w->tokens, token, strlen(token), h);
	return h;
}

static void
drop_ip(struct logwatch *w, const struct logwatch_host *h, const struct addr_ip *ip,
    bool fixed)
{
	struct logwatch_by_ip *i;

	HASH_FIND(hh, w->ips, ip, sizeof(*ip), i);
	if (i == NULL || i->host != h || i->fixed != fixed)
		return;
	HASH_DELETE(hh, w->ips, i);
	free(i);
}

static void
drop_addresses(struct logwatch *w, struct logwatch_host *h)
{
	for (size_t n = 0; n < h->n_nics; n++) {
		struct logwatch_by_mac *m;

		drop_ip(w, h, &h->nics[n].ip, true);
		drop_ip(w, h, &h->nics[n].ip6, true);
		HASH_FIND(hh, w->macs, &h->nics[n].mac, sizeof(m->mac), m);
		if (m != NULL && m->host == h) {
			HASH_DELETE(hh, w->macs, m);
			free(m);
		}
	}
	for (size_t n = 0; n < LOGWATCH_SEEN_MAX; n++)
		drop_ip(w, h, &h->given[n], false);
	memset(h->given, 0, sizeof(h->given));
	free(h->nics);
	h->nics = NULL;
	h->n_nics = 0;
	drop_uuid(w, h);
}

/* A later claim goes before an earlier one: addresses wander. */
static void
put_ip(struct logwatch *w, struct logwatch_host *h, const struct addr_ip *ip, bool fixed)
{
	struct logwatch_by_ip *i;

	if (!addr_ip_is_set(ip))
		return;
	HASH_FIND(hh, w->ips, ip, sizeof(*ip), i);
	if (i == NULL) {
		i = str_alloc(sizeof(*i));
		i->ip = *ip;
		HASH_ADD(hh, w->ips, ip, sizeof(i->ip), i);
	} else if (i->fixed && !fixed) {
		return;
	}
	i->host = h;
	i->fixed = fixed;
}

/* So many at once, of either family; older ones are forgotten. */
void
logwatch_given(struct logwatch *w, struct logwatch_host *h, const struct addr_ip *ip)
{
	unsigned slot = h->n_given++ % LOGWATCH_SEEN_MAX;

	drop_ip(w, h, &h->given[slot], false);
	h->given[slot] = *ip;
	put_ip(w, h, ip, false);
}

static void
put_mac(struct logwatch *w, struct logwatch_host *h, const struct addr_mac *mac)
{
	struct logwatch_by_mac *m;

	HASH_FIND(hh, w->macs, mac, sizeof(*mac), m);
	if (m == NULL) {
		m = str_alloc(sizeof(*m));
		m->mac = *mac;
		HASH_ADD(hh, w->macs, mac, sizeof(m->mac), m);
	}
	m->host = h;
}

static void
drop_boot(struct logwatch *w, struct logwatch_host *h)
{
	if (h->boot == NULL)
		return;
	HASH_DELETE(hh_token, w->tokens, h);
	free(h->boot);
	h->boot = NULL;
}

static void
put_boot(struct logwatch *w, struct logwatch_host *h, const struct bootd_msg_boot *b)
{
	/* The table may be sent in the middle of a boot: what was seen of it stays. */
	bool same = h->boot != NULL && b != NULL &&
		    str_eq(h->boot->b.ticket, b->ticket) &&
		    str_eq(h->boot->b.boot, b->boot);
	struct logwatch_host *other;

	if (same) {
		h->boot->b = *b;
		return;
	}
	drop_boot(w, h);
	h->hinted = false;
	h->class = LOGLINE_CLASS_UNKNOWN;
	if (b == NULL || b->ticket[0] == '\0' || b->token[0] == '\0')
		return;
	other = logwatch_find_token(w, b->token);
	if (other != NULL) /* the host has got another name */
		drop_boot(w, other);
	h->boot = str_alloc(sizeof(*h->boot));
	h->boot->b = *b;
	HASH_ADD_KEYPTR(
	    hh_token, w->tokens, h->boot->b.token, strlen(h->boot->b.token), h);
}

static bool
same_addresses(const struct logwatch_host *h, const struct bundle_host *b)
{
	struct addr_uuid uuid;
	bool has_uuid = read_uuid(b, &uuid);

	if (has_uuid != h->has_uuid ||
	    (has_uuid && memcmp(&uuid, &h->uuid, sizeof(uuid)) != 0) ||
	    h->n_nics != b->n_nics)
		return false;
	for (size_t i = 0; i < h->n_nics; i++) {
		if (!addr_mac_eq(&h->nics[i].mac, &b->nics[i].mac) ||
		    !addr_ip_eq(&h->nics[i].ip, &b->nics[i].ip) ||
		    !addr_ip_eq(&h->nics[i].ip6, &b->nics[i].ip6))
			return false;
	}
	return true;
}

static void
put_addresses(struct logwatch *w, struct logwatch_host *h, const struct bundle_host *b)
{
	drop_addresses(w, h);
	h->nics = str_alloc((b->n_nics + 1) * sizeof(*h->nics));
	h->n_nics = b->n_nics;
	for (size_t i = 0; i < b->n_nics; i++) {
		h->nics[i] = b->nics[i];
		put_mac(w, h, &b->nics[i].mac);
		put_ip(w, h, &b->nics[i].ip, true);
		put_ip(w, h, &b->nics[i].ip6, true);
	}
	if (read_uuid(b, &h->uuid))
		put_uuid(w, h);
}

void
logwatch_put_host(
    struct logwatch *w, const struct bundle_host *host, const struct bootd_msg_boot *boot)
{
	struct logwatch_host *h = find(w, host->name);

	if (h == NULL) {
		h = str_alloc(sizeof(*h));
		h->arch = ARCH_NONE;
		str_clip(h->name, sizeof(h->name), host->name);
		HASH_ADD_STR(w->hosts, name, h);
		put_addresses(w, h, host);
	} else if (!same_addresses(h, host)) {
		put_addresses(w, h, host);
	}
	h->listed = true;
	put_boot(w, h, boot);
}

static void
free_host(struct logwatch *w, struct logwatch_host *h)
{
	drop_boot(w, h);
	drop_addresses(w, h);
	HASH_DELETE(hh, w->hosts, h);
	free(h->nics);
	free(h);
}

void
logwatch_del_host(struct logwatch *w, const char *name)
{
	struct logwatch_host *h = find(w, name);

	if (h != NULL)
		free_host(w, h);
}

void
logwatch_begin_table(struct logwatch *w)
{
	for (struct logwatch_host *h = w->hosts; h != NULL; h = h->hh.next)
		h->listed = false;
}

void
logwatch_end_table(struct logwatch *w)
{
	struct logwatch_host *h, *tmp;

	HASH_ITER (hh, w->hosts, h, tmp) {
		/* A job may be at a host that the table does not have any more. */
		if (!h->listed && h->boot == NULL)
			free_host(w, h);
	}
}

void
logwatch_free(struct logwatch *w)
{
	struct logwatch_host *h, *tmp;

	if (w == NULL)
		return;
	HASH_ITER (hh, w->hosts, h, tmp)
		free_host(w, h);
	free(w);
}

bool
logwatch_has_mac(const struct logwatch *w, const struct addr_mac *mac)
{
	return logwatch_find_mac(w, mac) != NULL;
}

bool
logwatch_has_token(const struct logwatch *w, const char *token)
{
	return logwatch_find_token(w, token) != NULL;
}

const struct bootd_msg_boot *
logwatch_boot(const struct logwatch *w, const char *host)
{
	const struct logwatch_host *h = find(w, host);

	return h == NULL || h->boot == NULL ? NULL : &h->boot->b;
}

bool
logwatch_has_come(const struct logwatch *w, const char *host, size_t i)
{
	const struct logwatch_host *h = find(w, host);

	return h != NULL && h->boot != NULL && i < h->boot->b.n_payloads &&
	       h->boot->came[i];
}

void
logwatch_consumed(struct logwatch *w, const char *host)
{
	struct logwatch_host *h = find(w, host);

	if (h != NULL && h->boot != NULL)
		h->boot->b.consumed = true;
}
