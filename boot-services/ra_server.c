/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When a link hears a router advertisement of ours.
 *
 * Entry points: ra_server_refresh() composes what the link is told (ra_compose.c) and starts anew when
 * that has changed; ra_server_on_packet() answers solicitations and notices other routers;
 * ra_server_on_time() sends what is due. Owns its links; borrows table and randomness.
 *
 * Unsolicited: three at most 16 s apart, then one every 200 to 600 s. Firmware and iPXE wait for an answer
 * to their solicitation, so that it leaves at once and not after RFC 4861's half second: to all, but
 * not within 3 s of the last one to all; then to the machine alone, or, when it has no address
 * yet, to all when the 3 s are over.
 *
 * Failure modes: nothing is sent while the link has no address to send from; solicitations beyond
 * UNICAST_RATE are not answered; what is not valid is dropped without a word, since anybody may send it. */
#include "boot-services/ra_server.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boot-services/bootd_config.h"
#include "boot-services/ra_compose.h"
#include "boot-services/ra_msg.h"
#include "lib/str.h"

enum { FOREIGN_SLOTS = 64, UNICAST_RATE = 50 };

#define SECOND USEC_PER_SEC
#define LONG_AGO (INT64_MIN / 2)
#define FOREIGN_TOLD_EVERY (3600 * SECOND)
/* A router that sends at the longest interval that RFC 4861 allows (1800 s) is not forgotten between two. */
#define FOREIGN_REMEMBERED (1800 * SECOND)
/* … nor before its lifetime is over, which bridges the loss of one; RFC 4861 6.2.1 allows 9000 s. */
#define FOREIGN_REMEMBERED_MAX (9000 * SECOND)
#define TOLD_EVERY (60 * SECOND)
/* Routers answer a solicitation within half a second. */
#define LISTEN_FIRST (2 * SECOND)

static const struct addr_ip all_nodes = {AF_INET6, {0xff, 0x02, [15] = 1}};
static const struct addr_ip all_routers = {AF_INET6, {0xff, 0x02, [15] = 2}};

struct link {
	char name[IFNAMSIZ];
	struct ra_server_addrs addrs;
	struct ra_compose said; /* what this link is told */
	uint8_t packet[RA_PACKET_MAX];
	size_t len;
	unsigned initial;	/* of the first three, still to come */
	int64_t next;		/* unsolicited */
	int64_t last_multicast; /* of ours */
	bool pending;		/* an answer to all waits for its gap */
	bool is_router;		/* the last one to all said so */
	int64_t foreign_until;
	/* Since the last event: to all, of those solicited, to one machine. */
	unsigned sent, solicited, unicast;
	int64_t told_at;
	unsigned unicast_left; /* of this second */
	int64_t unicast_since;
};

struct foreign {
	size_t link;
	struct addr_ip src;
	int64_t at;
};

struct ra_server {
	struct hosttab *const *table;
	bool serves_v4;
	struct rng *rng;
	struct link links[BOOTD_CONFIG_IFACES_MAX];
	size_t n_links;
	struct foreign foreign[FOREIGN_SLOTS];
};

struct ra_server *
ra_server_new(struct hosttab *const *table, bool serves_v4, struct rng *rng)
{
	struct ra_server *s = str_alloc(sizeof(*s));

	s->table = table;
	s->serves_v4 = serves_v4;
	s->rng = rng;
	for (size_t i = 0; i < FOREIGN_SLOTS; i++)
		s->foreign[i].at = LONG_AGO;
	return s;
}

void
ra_server_free(struct ra_server *s)
{
	free(s);
}

size_t
ra_server_add_link(struct ra_server *s, const char *name)
{
	struct link *l = &s->links[s->n_links];

	assert(s->n_links < BOOTD_CONFIG_IFACES_MAX);
	str_clip(l->name, sizeof(l->name), name);
	l->next = INT64_MAX;
	l->last_multicast = l->foreign_until = l->told_at = l->unicast_since = LONG_AGO;
	return s->n_links++;
}

/* ---- events ---- */

static struct event *
add_event(struct ra_server_out *out, const char *kind)
{
	struct event *ev = &out->events[out->n_events++];

	assert(out->n_events <= RA_SERVER_OUT_MAX);
	*ev = event_make(kind, 0);
	return ev;
}

static void
put_message(struct event *ev, const struct ra_msg *m)
{
	char text[RA_COMPOSE_PREFIXES_TEXT];

	event_put(
	    ev, "flags", m->managed ? (m->other ? "MO" : "M") : (m->other ? "O" : ""));
	event_put_i64(ev, "router_s", m->router_s);
	event_put(ev, "prefixes", ra_compose_prefixes_text(m, text, sizeof(text)));
}

/* At most one a minute for each link, with all that was sent since the one before. */
static void
tell_sent(struct link *l, int64_t now, struct ra_server_out *out)
{
	struct event *ev;

	if (l->sent + l->unicast == 0 || now - l->told_at < TOLD_EVERY)
		return;
	ev = add_event(out, "ra.sent");
	snprintf(ev->reason, sizeof(ev->reason), "%s", ra_compose_mode_why(l->said.mode));
	event_put(ev, "interface", l->name);
	put_message(ev, &l->said.msg);
	event_put_i64(ev, "count", l->sent + l->unicast);
	event_put_i64(ev, "solicited", l->solicited + l->unicast);
	if (l->said.left_out > 0)
		event_put_i64(ev, "left_out", (int64_t)l->said.left_out);
	l->sent = l->solicited = l->unicast = 0;
	l->told_at = now;
}

/* ---- sending ---- */

static struct ra_server_packet *
add_packet(struct ra_server_out *out, const struct addr_ip *to)
{
	struct ra_server_packet *p = &out->packets[out->n_packets++];

	assert(out->n_packets <= RA_SERVER_OUT_MAX);
	p->to = *to;
	return p;
}

static void
send_to(struct link *l, const struct addr_ip *to, struct ra_server_out *out)
{
	struct ra_server_packet *p = add_packet(out, to);

	memcpy(p->data, l->packet, l->len);
	p->len = l->len;
}

static void
send_solicit(const struct link *l, struct ra_server_out *out)
{
	struct ra_server_packet *p = add_packet(out, &all_routers);
	struct wbuf w = wbuf_init(p->data, sizeof(p->data));

	(void)ra_msg_build_solicit(&w, l->addrs.has_mac ? &l->addrs.mac : NULL);
	p->len = w.len;
}

/* RFC 4861 6.2.5: "SHOULD transmit … with a Router Lifetime field of zero." What follows in other modes need not say
 * so: nothing, or what a foreign router keeps us from. */
static void
take_back(struct link *l, struct ra_server_out *out)
{
	struct ra_msg last = l->said.msg;
	struct wbuf w;
	struct ra_server_packet *p;

	if (!l->is_router || !addr_ip_is_set(&l->addrs.link_local))
		return;
	last.router_s = 0;
	p = add_packet(out, &all_nodes);
	w = wbuf_init(p->data, sizeof(p->data));
	(void)ra_msg_build(&w, &last);
	p->len = w.len;
	l->is_router = false;
}

/* A router that dies without a word is one until its lifetime is over. A site that wants that to be soon says a short
 * one, and then we speak more often: AdvDefaultLifetime is 3 * MaxRtrAdvInterval (RFC 4861 6.2.1), and two of three
 * may be lost. */
static int64_t
interval_max(const struct link *l)
{
	int64_t s = l->said.msg.router_s / RA_LIFETIME_INTERVALS;

	if (s == 0 || s > RA_INTERVAL_MAX_S)
		s = RA_INTERVAL_MAX_S;
	return s < RA_INTERVAL_LEAST_S ? RA_INTERVAL_LEAST_S * SECOND : s * SECOND;
}

/* RFC 4861 6.2.4: "uniformly distributed … between MinRtrAdvInterval and MaxRtrAdvInterval", the first being a third of
 * the second, or three quarters when that is below 9 s (6.2.1); of the first three not above 16 s. */
static int64_t
interval(struct ra_server *s, const struct link *l)
{
	int64_t max = interval_max(l), min = max >= 9 * SECOND ? max / 3 : max * 3 / 4;
	int64_t i = min + (int64_t)rng_below(s->rng, (uint64_t)(max - min));

	return l->initial > 0 && i > RA_INITIAL_INTERVAL_S * SECOND
		   ? RA_INITIAL_INTERVAL_S * SECOND
		   : i;
}

static void
send_to_all(struct ra_server *s, struct link *l, bool solicited, int64_t now,
    struct ra_server_out *out)
{
	send_to(l, &all_nodes, out);
	l->last_multicast = now;
	l->pending = false;
	l->is_router = l->said.msg.router_s > 0;
	l->sent++;
	l->solicited += solicited;
	l->initial -= l->initial > 0;
	/* RFC 4861 6.2.6: a solicited one to all resets the interval too. */
	l->next = now + interval(s, l);
}

static bool
gap_is_over(const struct link *l, int64_t now)
{
	return now - l->last_multicast >= RA_MULTICAST_GAP_S * SECOND;
}

/* Nothing of ours is needed where a router keeps iPXE from waiting. */
static bool
is_silent(const struct link *l, int64_t now)
{
	return l->said.mode == RA_COMPOSE_NONE || !addr_ip_is_set(&l->addrs.link_local) ||
	       (l->said.mode == RA_COMPOSE_MINIMAL && now < l->foreign_until);
}

static bool
may_unicast(struct link *l, int64_t now)
{
	if (now - l->unicast_since >= SECOND) {
		l->unicast_since = now;
		l->unicast_left = UNICAST_RATE;
	}
	if (l->unicast_left == 0)
		return false;
	l->unicast_left--;
	return true;
}

/* ---- what comes in ---- */

static bool
is_own(const struct ra_server *s, const struct addr_ip *src)
{
	for (size_t i = 0; i < s->n_links; i++) {
		if (addr_ip_is_set(&s->links[i].addrs.link_local) &&
		    addr_ip_eq(&s->links[i].addrs.link_local, src))
			return true;
	}
	return false;
}

static bool
is_unspecified(const struct addr_ip *ip)
{
	static const struct addr_ip none = {.family = AF_INET6};

	return addr_ip_eq(ip, &none);
}

static void
on_solicit(struct ra_server *s, struct link *l, const struct ra_server_rx *rx,
    int64_t now, struct ra_server_out *out)
{
	bool nameless = is_unspecified(&rx->src);
	const char *why;

	if (is_silent(l, now) ||
	    ra_msg_parse_solicit(rx->data, rx->len, nameless, &why) < 0)
		return;
	if (gap_is_over(l, now)) {
		send_to_all(s, l, true, now, out);
	} else if (nameless) {
		l->pending = true;
	} else if (may_unicast(l, now)) {
		send_to(l, &rx->src, out);
		l->unicast++;
	}
	tell_sent(l, now, out);
}

/* True once an hour for each router. */
static bool
is_news(struct ra_server *s, size_t link, const struct addr_ip *src, int64_t now)
{
	struct foreign *f = &s->foreign[0];

	for (size_t i = 0; i < FOREIGN_SLOTS; i++) {
		struct foreign *x = &s->foreign[i];

		if (x->at != LONG_AGO && x->link == link && addr_ip_eq(&x->src, src)) {
			f = x;
			break;
		}
		if (x->at < f->at)
			f = x;
	}
	if (f->at != LONG_AGO && f->link == link && addr_ip_eq(&f->src, src) &&
	    now - f->at < FOREIGN_TOLD_EVERY)
		return false;
	*f = (struct foreign){link, *src, now};
	return true;
}

/* Two of us on one link must not silence each other: the one with the lower address goes on. */
static bool
silences(const struct link *l, const struct ra_msg *m, const struct addr_ip *src)
{
	if (m->router_s > 0 || m->n_prefixes > 0 || m->managed || m->other)
		return true;
	return memcmp(src->b, l->addrs.link_local.b, sizeof(src->b)) < 0;
}

static int64_t
remembered(const struct ra_msg *m)
{
	int64_t its = m->router_s * SECOND;

	if (its > FOREIGN_REMEMBERED_MAX)
		return FOREIGN_REMEMBERED_MAX;
	return its > FOREIGN_REMEMBERED ? its : FOREIGN_REMEMBERED;
}

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void
tell_foreign(const struct link *l, const struct ra_msg *m, const struct addr_ip *src,
    struct ra_server_out *out)
{
	bool ours = l->said.mode == RA_COMPOSE_FULL;
	struct event *ev = add_event(out, ours ? "ra.foreign" : "ra.heard");
	char mac[ADDR_MAC_TEXT];

	addr_ip_text(src, ev->ip, sizeof(ev->ip));
	snprintf(ev->reason, sizeof(ev->reason),
	    "router %s advertises itself on this link%s", ev->ip,
	    ours ? ", where we do so too" : "");
	event_put(ev, "interface", l->name);
	event_put(ev, "source", ev->ip);
	if (m->has_mac)
		event_put(ev, "lladdr", addr_mac_text(&m->mac, mac, sizeof(mac)));
	put_message(ev, m);
}

static void
on_advert(struct ra_server *s, size_t link, const struct ra_server_rx *rx, int64_t now,
    struct ra_server_out *out)
{
	struct link *l = &s->links[link];
	struct ra_msg m;
	const char *why;

	/* RFC 4861 6.1.2: "IP Source Address is a link-local address." */
	if (!addr_ip_is_link_local(&rx->src) || is_own(s, &rx->src) ||
	    ra_msg_parse(rx->data, rx->len, &m, &why) < 0)
		return;
	if (silences(l, &m, &rx->src))
		l->foreign_until = later(l->foreign_until, now + remembered(&m));
	if (is_news(s, link, &rx->src, now))
		tell_foreign(l, &m, &rx->src, out);
}

void
ra_server_on_packet(struct ra_server *s, size_t link, const struct ra_server_rx *rx,
    int64_t now, struct ra_server_out *out)
{
	if (rx->hop_limit != RA_HOP_LIMIT || rx->len == 0)
		return;
	if (rx->data[0] == RA_TYPE_SOLICIT)
		on_solicit(s, &s->links[link], rx, now, out);
	else if (rx->data[0] == RA_TYPE_ADVERT)
		on_advert(s, link, rx, now, out);
}

/* ---- time and change ---- */

/* Begins anew with what is said from now on. Where only a minimal one is needed, a router that answers
 * first makes it unneeded. */
static void
begin(struct link *l, int64_t now, struct ra_server_out *out)
{
	l->pending = false;
	l->initial = RA_INITIAL_COUNT;
	l->next = INT64_MAX;
	if (l->said.mode == RA_COMPOSE_NONE)
		return;
	l->next = now;
	if (l->said.mode == RA_COMPOSE_MINIMAL) {
		send_solicit(l, out);
		l->next = now + LISTEN_FIRST;
	}
}

void
ra_server_refresh(struct ra_server *s, size_t link, const struct ra_server_addrs *addrs,
    int64_t now, struct ra_server_out *out)
{
	struct link *l = &s->links[link];
	bool could = addr_ip_is_set(&l->addrs.link_local);
	uint8_t packet[RA_PACKET_MAX];
	struct wbuf w = wbuf_init(packet, sizeof(packet));
	struct ra_compose said;

	ra_compose(hosttab_site(*s->table), addrs, s->serves_v4, &said);
	(void)ra_msg_build(&w, &said.msg);
	if (could && said.mode != RA_COMPOSE_FULL)
		take_back(l, out);
	l->addrs = *addrs;
	if (!addr_ip_is_set(&addrs->link_local)) {
		l->next = INT64_MAX;
		return;
	}
	if (said.mode != RA_COMPOSE_FULL)
		take_back(l, out); /* which was not possible before */
	if (could && said.mode == l->said.mode && w.len == l->len &&
	    memcmp(packet, l->packet, w.len) == 0)
		return;
	l->said = said;
	memcpy(l->packet, packet, w.len);
	l->len = w.len;
	begin(l, now, out);
	ra_server_on_time(s, link, now, out);
}

void
ra_server_on_time(
    struct ra_server *s, size_t link, int64_t now, struct ra_server_out *out)
{
	struct link *l = &s->links[link];

	if (is_silent(l, now)) {
		l->pending = false;
		if (now >= l->next)
			l->next = now + interval(s, l);
	} else if ((l->pending || now >= l->next) && gap_is_over(l, now)) {
		send_to_all(s, l, l->pending, now, out);
	} else if (now >= l->next) {
		l->next = l->last_multicast + RA_MULTICAST_GAP_S * SECOND;
	}
	tell_sent(l, now, out);
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t
ra_server_next(const struct ra_server *s, size_t link)
{
	const struct link *l = &s->links[link];
	int64_t at = l->next;

	if (l->pending)
		at = earlier(at, l->last_multicast + RA_MULTICAST_GAP_S * SECOND);
	if (l->sent + l->unicast > 0)
		at = earlier(at, l->told_at + TOLD_EVERY);
	return at;
}

void
ra_server_stop(struct ra_server *s, size_t link, struct ra_server_out *out)
{
	take_back(&s->links[link], out);
}
