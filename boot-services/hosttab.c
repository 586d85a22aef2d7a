/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The host table: one node per host, found through six uthash indexes (name, MAC, UUID, fixed
 * address, token, ticket).
 *
 * hosttab_put() checks the new contents against the indexes before it takes the old ones
 * out, so that a refused host leaves the table as it was.
 *
 * What was released under a ticket, and that it was consumed, belongs to the ticket's id and
 * to nothing else: not to its host, whose name may change, nor to a table. While the ticket is
 * in the table that stands in its entry; when it leaves, for whatever reason, it is
 * remembered (struct gone), and given back when the ticket comes again. So a ticket
 * never goes back to armed, and nothing that has left is ever taken for not having left. What
 * is released is told by position, so the same ticket with other payloads is refused.
 *
 * Ownership: the table owns everything it points to; callers borrow entries until they
 * return to the event loop. Failure modes: -EEXIST and -ENOSPC as in the header; memory
 * exhaustion aborts. */
#include "boot-services/hosttab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "lib/menu_script.h"
#include "lib/str.h"

struct node;

/* A NIC in the indexes. */
struct nic_key {
	struct node *node;
	struct addr_mac mac;
	struct addr_ip ip, ip6;
	UT_hash_handle by_mac, by_ip, by_ip6;
};

/* The hosts of one UUID: more than one where a maker of boards was careless. */
struct uuid_key {
	struct addr_uuid uuid;
	struct node *first;
	UT_hash_handle hh;
};

struct node {
	struct hosttab_entry entry;
	struct nic_key *keys;	  /* one per NIC */
	struct node *prev, *next; /* of the same UUID */
	UT_hash_handle by_name, by_token, by_ticket;
};

/* The progress of a ticket that no host of the table has now. At most GONE_MAX are kept, more than
 * a table has hosts, and the first one goes first: a job has ended long before so many others
 * have. */
struct gone {
	char ticket[ID_SIZE];
	uint64_t payloads; /* hash_payloads() */
	uint64_t released[2];
	bool consumed;
	UT_hash_handle hh;
};

enum { GONE_MAX = 128 * 1024 };

struct hosttab {
	struct bundle_site site; /* hosts unused */
	uint64_t menu_version;
	struct gone *gone;
	struct node *by_name, *by_token, *by_ticket;
	struct nic_key *by_mac, *by_ip, *by_ip6;
	struct uuid_key *by_uuid;
};

struct hosttab *
hosttab_new(void)
{
	return str_alloc(sizeof(struct hosttab));
}

static void
contents_free(struct node *n)
{
	free(n->entry.host.name);
	free(n->entry.host.nics);
	free(n->entry.host.loaders);
	free(n->entry.boot.script);
	free(n->entry.boot.payloads);
	free(n->keys);
}

static bool
uuid_is_set(const struct addr_uuid *uuid)
{
	static const struct addr_uuid none;

	return memcmp(uuid, &none, sizeof(none)) != 0;
}

static struct uuid_key *
find_uuid(const struct hosttab *t, const struct addr_uuid *uuid)
{
	struct uuid_key *k = NULL;

	HASH_FIND(hh, t->by_uuid, uuid, sizeof(*uuid), k);
	return k;
}

static void
unlink_uuid(struct hosttab *t, struct node *n)
{
	struct uuid_key *k = find_uuid(t, &n->entry.host.uuid);

	if (!k)
		return;
	DL_DELETE(k->first, n);
	if (k->first)
		return;
	HASH_DEL(t->by_uuid, k);
	free(k);
}

static void
link_uuid(struct hosttab *t, struct node *n)
{
	struct uuid_key *k = find_uuid(t, &n->entry.host.uuid);

	if (!uuid_is_set(&n->entry.host.uuid))
		return;
	if (!k) {
		k = str_alloc(sizeof(*k));
		k->uuid = n->entry.host.uuid;
		HASH_ADD(hh, t->by_uuid, uuid, sizeof(k->uuid), k);
	}
	DL_APPEND(k->first, n);
}

static void
unlink_node(struct hosttab *t, struct node *n)
{
	unlink_uuid(t, n);
	for (size_t i = 0; i < n->entry.host.n_nics; i++) {
		HASH_DELETE(by_mac, t->by_mac, &n->keys[i]);
		if (addr_ip_is_set(&n->keys[i].ip))
			HASH_DELETE(by_ip, t->by_ip, &n->keys[i]);
		if (addr_ip_is_set(&n->keys[i].ip6))
			HASH_DELETE(by_ip6, t->by_ip6, &n->keys[i]);
	}
	if (n->entry.boot.token[0])
		HASH_DELETE(by_token, t->by_token, n);
	if (n->entry.boot.ticket[0])
		HASH_DELETE(by_ticket, t->by_ticket, n);
}

static void
link_node(struct hosttab *t, struct node *n)
{
	link_uuid(t, n);
	for (size_t i = 0; i < n->entry.host.n_nics; i++) {
		struct nic_key *k = &n->keys[i];

		k->node = n;
		HASH_ADD(by_mac, t->by_mac, mac, sizeof(k->mac), k);
		if (addr_ip_is_set(&k->ip))
			HASH_ADD(by_ip, t->by_ip, ip, sizeof(k->ip), k);
		if (addr_ip_is_set(&k->ip6))
			HASH_ADD(by_ip6, t->by_ip6, ip6, sizeof(k->ip6), k);
	}
	if (n->entry.boot.token[0])
		HASH_ADD_KEYPTR(by_token, t->by_token, n->entry.boot.token,
		    strlen(n->entry.boot.token), n);
	if (n->entry.boot.ticket[0])
		HASH_ADD_KEYPTR(by_ticket, t->by_ticket, n->entry.boot.ticket,
		    strlen(n->entry.boot.ticket), n);
}

void
hosttab_free(struct hosttab *t)
{
	struct node *n, *tmp;
	struct gone *g, *gtmp;
	struct uuid_key *k, *ktmp;

	if (!t)
		return;
	HASH_ITER (hh, t->by_uuid, k, ktmp) {
		HASH_DEL(t->by_uuid, k);
		free(k);
	}
	HASH_ITER (hh, t->gone, g, gtmp) {
		HASH_DEL(t->gone, g);
		free(g);
	}
	/* The indexes go as wholes, which is linear; then the nodes. */
	HASH_CLEAR(by_mac, t->by_mac);
	HASH_CLEAR(by_ip, t->by_ip);
	HASH_CLEAR(by_ip6, t->by_ip6);
	HASH_CLEAR(by_token, t->by_token);
	HASH_CLEAR(by_ticket, t->by_ticket);
	HASH_ITER (by_name, t->by_name, n, tmp) {
		HASH_DELETE(by_name, t->by_name, n);
		contents_free(n);
		free(n);
	}
	free(t->site.menu_images);
	free(t);
}

void
hosttab_set_site(struct hosttab *t, const struct bundle_site *site)
{
	free(t->site.menu_images);
	t->site = *site;
	t->site.hosts = NULL;
	t->site.n_hosts = 0;
	t->site.menu.set = false;
	t->site.menu_images = NULL;
	t->site.n_menu_images = 0;
}

void
hosttab_set_menu(struct hosttab *t, const struct bundle_menu *menu)
{
	t->site.menu = *menu;
}

int
hosttab_add_menu_image(
    struct hosttab *t, const struct bundle_image *image, struct error *err)
{
	struct bundle_image *mine;

	if (bundle_menu_allows(image, err) < 0)
		return -EINVAL;
	if (t->site.n_menu_images == BUNDLE_MENU_ITEMS_MAX)
		return error_set(err, -ENOSPC, "too-many-items", "name fewer items",
		    "a menu has at most %d items", (int)BUNDLE_MENU_ITEMS_MAX);
	if (t->site.menu_images == NULL)
		t->site.menu_images =
		    str_alloc(BUNDLE_MENU_ITEMS_MAX * sizeof(*t->site.menu_images));
	mine = &t->site.menu_images[t->site.n_menu_images++];
	*mine = *image;
	mine->deadlines = NULL;
	return 0;
}

uint64_t
hosttab_menu_version(const struct hosttab *t)
{
	return t->menu_version;
}

const struct bundle_site *
hosttab_site(const struct hosttab *t)
{
	return &t->site;
}

int
hosttab_add_subnet(struct hosttab *t, const struct bundle_subnet *s, struct error *err)
{
	if (t->site.n_subnets == BUNDLE_SUBNETS_MAX)
		return error_set(err, -ENOSPC, "too-many-subnets", "split the site",
		    "a site has at most %d subnets", (int)BUNDLE_SUBNETS_MAX);
	t->site.subnets[t->site.n_subnets++] = *s;
	return 0;
}

static struct nic_key *
find_mac(const struct hosttab *t, const struct addr_mac *mac)
{
	struct nic_key *k;

	HASH_FIND(by_mac, t->by_mac, mac, sizeof(*mac), k);
	return k;
}

static struct nic_key *
find_ip(const struct hosttab *t, const struct addr_ip *ip)
{
	struct nic_key *k;

	if (ip->family == AF_INET6)
		HASH_FIND(by_ip6, t->by_ip6, ip, sizeof(*ip), k);
	else
		HASH_FIND(by_ip, t->by_ip, ip, sizeof(*ip), k);
	return k;
}

static struct node *
find_name(const struct hosttab *t, const char *name)
{
	struct node *n;

	HASH_FIND(by_name, t->by_name, name, strlen(name), n);
	return n;
}

static struct node *
find_token(const struct hosttab *t, const char *token)
{
	struct node *n;

	HASH_FIND(by_token, t->by_token, token, strlen(token), n);
	return n;
}

static struct node *
find_ticket(const struct hosttab *t, const char *ticket)
{
	struct node *n;

	HASH_FIND(by_ticket, t->by_ticket, ticket, strlen(ticket), n);
	return n;
}

static struct gone *
find_gone(const struct hosttab *t, const char *ticket)
{
	struct gone *g;

	HASH_FIND_STR(t->gone, ticket, g);
	return g;
}

/* ---- what happened under a ticket ---- */

static uint64_t
hash_more(uint64_t h, const void *data, size_t n)
{
	const unsigned char *b = data;

	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 0x100000001b3u;
	return h;
}

/* FNV-1a over all that says which octets a payload's position stands for. */
static uint64_t
hash_payloads(const struct bootd_msg_payload *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++) {
		h = hash_more(h, p[i].name, strlen(p[i].name) + 1);
		h = hash_more(h, p[i].path, strlen(p[i].path) + 1);
		h = hash_more(h, &p[i].size, sizeof(p[i].size));
		h = hash_more(h, &p[i].kind, sizeof(p[i].kind));
	}
	return h;
}

static struct gone
progress_of(const struct hosttab_entry *e)
{
	struct gone g = {
	    .payloads = hash_payloads(e->boot.payloads, e->boot.n_payloads),
	    .released = {e->released[0], e->released[1]},
	    .consumed = e->boot.consumed,
	};

	str_clip(g.ticket, sizeof(g.ticket), e->boot.ticket);
	return g;
}

static void
remember(struct hosttab *t, const struct gone *what)
{
	struct gone *g = find_gone(t, what->ticket);

	if (g) {
		for (size_t i = 0; i < ARRAY_SIZE(g->released); i++)
			g->released[i] |= what->released[i];
		g->consumed |= what->consumed || g->payloads != what->payloads;
		return;
	}
	if (HASH_COUNT(t->gone) >= GONE_MAX) {
		g = t->gone;
		HASH_DEL(t->gone, g);
		free(g);
	}
	g = str_alloc(sizeof(*g));
	*g = *what;
	HASH_ADD_STR(t->gone, ticket, g);
}

/* A ticket that has other payloads now than when they were released must not be trusted
 * with any. */
static void
give_back(struct hosttab_entry *e, const struct gone *g)
{
	for (size_t i = 0; i < ARRAY_SIZE(e->released); i++)
		e->released[i] |= g->released[i];
	if (g->consumed ||
	    g->payloads != hash_payloads(e->boot.payloads, e->boot.n_payloads))
		e->boot.consumed = true;
}

static void
recall(struct hosttab *t, struct hosttab_entry *e)
{
	struct gone *g = find_gone(t, e->boot.ticket);

	if (!g)
		return;
	give_back(e, g);
	HASH_DEL(t->gone, g);
	free(g);
}

/* ---- hosts ---- */

/* An address as the index keys it: unused octets zero. */
static struct addr_ip
ip_key(const struct addr_ip *ip)
{
	struct addr_ip key;

	memset(&key, 0, sizeof(key));
	key.family = ip->family;
	if (ip->family != 0)
		memcpy(key.b, ip->b, ip->family == AF_INET ? 4 : 16);
	return key;
}

/* Two NICs of one host must differ as well. */
static int
check_within(const struct bundle_host *h, struct error *err)
{
	char mac[ADDR_MAC_TEXT], ip[ADDR_IP_TEXT];

	for (size_t i = 0; i < h->n_nics; i++)
		for (size_t k = 0; k < i; k++) {
			const struct bundle_nic *a = &h->nics[i], *b = &h->nics[k];

			if (addr_mac_eq(&a->mac, &b->mac))
				return error_set(err, -EEXIST, "mac-in-use",
				    "remove one of them",
				    "host %s has the MAC address %s twice", h->name,
				    addr_mac_text(&a->mac, mac, sizeof(mac)));
			for (int v6 = 0; v6 < 2; v6++) {
				const struct addr_ip *mine = v6 ? &a->ip6 : &a->ip;

				if (!addr_ip_is_set(mine) ||
				    !addr_ip_eq(mine, v6 ? &b->ip6 : &b->ip))
					continue;
				return error_set(err, -EEXIST, "ip-in-use",
				    "change one of them",
				    "host %s has the address %s twice", h->name,
				    addr_ip_text(mine, ip, sizeof(ip)));
			}
		}
	return 0;
}

/* The ticket may be with no other host, and is the same one only with the same payloads. */
static int
check_ticket(const struct hosttab *t, const struct node *self,
    const struct bundle_host *h, const struct bootd_msg_boot *boot, struct error *err)
{
	const struct node *n = find_ticket(t, boot->ticket);
	const struct gone *g = find_gone(t, boot->ticket);
	uint64_t now = hash_payloads(boot->payloads, boot->n_payloads), then = now;

	if (n && n != self)
		return error_set(err, -EEXIST, "ticket-in-use", NULL,
		    "host %s: its ticket belongs to host %s", h->name,
		    n->entry.host.name);
	if (n)
		then = hash_payloads(n->entry.boot.payloads, n->entry.boot.n_payloads);
	else if (g)
		then = g->payloads;
	if (now != then)
		return error_set(err, -EEXIST, "ticket-changed",
		    "order the job anew: it then gets a ticket of its own",
		    "host %s: its ticket was for other payloads before", h->name);
	return 0;
}

/* No other host may have this fixed address. */
static int
check_fixed(const struct hosttab *t, const struct node *self, const struct bundle_host *h,
    const struct addr_ip *fixed, struct error *err)
{
	struct addr_ip ip = ip_key(fixed);
	const struct nic_key *k = addr_ip_is_set(&ip) ? find_ip(t, &ip) : NULL;
	char text[ADDR_IP_TEXT];

	if (!k || k->node == self)
		return 0;
	return error_set(err, -EEXIST, "ip-in-use",
	    "correct the inventory: a fixed address belongs to one host",
	    "address %s of host %s belongs to host %s",
	    addr_ip_text(&ip, text, sizeof(text)), h->name, k->node->entry.host.name);
}

/* No other host than `self` (NULL: none of this name yet) may have the MACs, addresses,
 * token or ticket. */
static int
check_others(const struct hosttab *t, const struct node *self,
    const struct bundle_host *h, const struct bootd_msg_boot *boot, struct error *err)
{
	char text[ADDR_IP_TEXT];
	struct nic_key *k;
	struct node *n;

	for (size_t i = 0; i < h->n_nics; i++) {

		k = find_mac(t, &h->nics[i].mac);
		if (k && k->node != self)
			return error_set(err, -EEXIST, "mac-in-use",
			    "correct the inventory: a MAC address belongs to one host",
			    "MAC address %s of host %s belongs to host %s",
			    addr_mac_text(&h->nics[i].mac, text, sizeof(text)), h->name,
			    k->node->entry.host.name);
		if (check_fixed(t, self, h, &h->nics[i].ip, err) < 0 ||
		    check_fixed(t, self, h, &h->nics[i].ip6, err) < 0)
			return -EEXIST;
	}
	n = boot && boot->token[0] ? find_token(t, boot->token) : NULL;
	if (n && n != self)
		return error_set(err, -EEXIST, "token-in-use", NULL,
		    "host %s: its ticket's token belongs to host %s", h->name,
		    n->entry.host.name);
	return boot && boot->ticket[0] ? check_ticket(t, self, h, boot, err) : 0;
}

static struct hosttab_boot
boot_dup(const struct bootd_msg_boot *from)
{
	struct hosttab_boot b = {
	    .consumed = from->consumed, .n_payloads = from->n_payloads};

	str_clip(b.ticket, sizeof(b.ticket), from->ticket);
	str_clip(b.token, sizeof(b.token), from->token);
	str_clip(b.job, sizeof(b.job), from->job);
	str_clip(b.boot, sizeof(b.boot), from->boot);
	b.script = str_dup(from->script);
	b.payloads = str_alloc(b.n_payloads * sizeof(*b.payloads));
	memcpy(b.payloads, from->payloads, b.n_payloads * sizeof(*b.payloads));
	return b;
}

/* Contents for a node, linked into nothing yet. */
static void
contents_make(
    struct node *n, const struct bundle_host *h, const struct bootd_msg_boot *boot)
{
	struct hosttab_host *host = &n->entry.host;

	host->name = str_dup(h->name);
	host->n_nics = h->n_nics;
	host->nics = str_alloc(h->n_nics * sizeof(*host->nics));
	memcpy(host->nics, h->nics, h->n_nics * sizeof(*host->nics));
	if (h->uuid[0] && addr_uuid_parse(h->uuid, &host->uuid) < 0)
		host->uuid = (struct addr_uuid){0};
	host->n_loaders = h->n_loaders;
	host->loaders = str_alloc(h->n_loaders * sizeof(*host->loaders));
	memcpy(host->loaders, h->loaders, h->n_loaders * sizeof(*host->loaders));
	host->firmware = h->firmware;
	host->idle = h->idle;
	host->local_boot = h->local_boot;
	n->keys = str_alloc(h->n_nics * sizeof(*n->keys));
	for (size_t i = 0; i < h->n_nics; i++) {
		n->keys[i].mac = h->nics[i].mac;
		n->keys[i].ip = ip_key(&h->nics[i].ip);
		n->keys[i].ip6 = ip_key(&h->nics[i].ip6);
	}
	if (boot && boot->ticket[0])
		n->entry.boot = boot_dup(boot);
}

/* Takes the node's contents out of the table; what happened under its ticket stays. */
static void
take_out(struct hosttab *t, struct node *n)
{
	if (n->entry.boot.ticket[0]) {
		const struct gone g = progress_of(&n->entry);

		remember(t, &g);
	}
	unlink_node(t, n);
	/* The name index keys on the text that goes with the contents. */
	HASH_DELETE(by_name, t->by_name, n);
	contents_free(n);
}

int
hosttab_put(struct hosttab *t, const struct bundle_host *h,
    const struct bootd_msg_boot *boot, struct error *err)
{
	struct node *n = find_name(t, h->name);
	struct hosttab_way way = {0};
	int r;

	r = check_within(h, err);
	if (r == 0)
		r = check_others(t, n, h, boot, err);
	if (r < 0)
		return r;
	if (n) {
		way = n->entry.way;
		take_out(t, n);
	} else {
		n = str_alloc(sizeof(*n));
	}
	memset(n, 0, sizeof(*n));
	contents_make(n, h, boot);
	n->entry.way = way;
	recall(t, &n->entry);
	HASH_ADD_KEYPTR(
	    by_name, t->by_name, n->entry.host.name, strlen(n->entry.host.name), n);
	link_node(t, n);
	return 0;
}

void
hosttab_del(struct hosttab *t, const char *name)
{
	struct node *n = find_name(t, name);

	if (!n)
		return;
	take_out(t, n);
	free(n);
}

size_t
hosttab_count(const struct hosttab *t)
{
	return HASH_CNT(by_name, t->by_name);
}

void
hosttab_each(const struct hosttab *t,
    void (*each)(void *arg, const struct hosttab_host *h), void *arg)
{
	for (const struct node *n = t->by_name; n; n = n->by_name.next)
		each(arg, &n->entry.host);
}

/* Tens of thousands of remembered tickets change hands as a whole: copying them would hold up
 * the loop. */
void
hosttab_inherit(struct hosttab *t, struct hosttab *old)
{
	struct gone *own = t->gone, *g, *tmp;
	struct node *n;

	t->menu_version = old->menu_version + !menu_script_same(&t->site, &old->site);
	t->gone = old->gone;
	old->gone = NULL;
	HASH_ITER (hh, own, g, tmp) {
		remember(t, g);
		HASH_DEL(own, g);
		free(g);
	}
	for (n = old->by_ticket; n; n = n->by_ticket.next) {
		const struct gone now = progress_of(&n->entry);
		struct node *heir = find_ticket(t, now.ticket);

		if (heir)
			give_back(&heir->entry, &now);
		else
			remember(t, &now);
	}
	for (n = t->by_ticket; n; n = n->by_ticket.next)
		recall(t, &n->entry);
}

void
hosttab_consume(struct hosttab *t, const char *ticket)
{
	struct node *n = find_ticket(t, ticket);
	struct gone *g = find_gone(t, ticket);

	if (n)
		n->entry.boot.consumed = true;
	if (g)
		g->consumed = true;
}

struct hosttab_entry *
hosttab_by_mac(const struct hosttab *t, const struct addr_mac *mac)
{
	struct nic_key *k = find_mac(t, mac);

	return k ? &k->node->entry : NULL;
}

struct hosttab_entry *
hosttab_by_name(const struct hosttab *t, const char *name)
{
	struct node *n = find_name(t, name);

	return n ? &n->entry : NULL;
}

struct hosttab_entry *
hosttab_by_token(const struct hosttab *t, const char *token)
{
	struct node *n = find_token(t, token);

	return n ? &n->entry : NULL;
}

struct hosttab_entry *
hosttab_by_uuid(const struct hosttab *t, const struct addr_uuid *uuid)
{
	struct uuid_key *k = uuid_is_set(uuid) ? find_uuid(t, uuid) : NULL;

	return k && !k->first->next ? &k->first->entry : NULL;
}

struct hosttab_entry *
hosttab_by_ip(const struct hosttab *t, const struct addr_ip *ip)
{
	struct addr_ip key = ip_key(ip);
	struct nic_key *k = addr_ip_is_set(&key) ? find_ip(t, &key) : NULL;

	return k ? &k->node->entry : NULL;
}

const struct bundle_subnet *
hosttab_subnet(const struct hosttab *t, const struct addr_ip *ip)
{
	const struct bundle_subnet *best = NULL;

	for (size_t i = 0; i < t->site.n_subnets; i++) {
		const struct bundle_subnet *s = &t->site.subnets[i];

		if (addr_prefix_contains(&s->prefix, ip) &&
		    (!best || s->prefix.len > best->prefix.len))
			best = s;
	}
	return best;
}
