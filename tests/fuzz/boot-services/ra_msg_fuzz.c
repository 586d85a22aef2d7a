/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Router discovery: any octets, as a message and as what the server is given. What is accepted can be built
 * again and reads the same. */
#include <stdint.h>
#include <stdlib.h>

#include "boot-services/ra_msg.h"
#include "boot-services/ra_server.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
round_trip(const struct ra_msg *m)
{
	uint8_t out[2048];
	struct wbuf w = wbuf_init(out, sizeof(out));
	struct ra_msg again;
	const char *why;

	if (!ra_msg_build(&w, m) || ra_msg_parse(out, w.len, &again, &why) < 0 ||
	    again.managed != m->managed || again.other != m->other ||
	    again.router_s != m->router_s || again.mtu != m->mtu ||
	    again.n_prefixes != m->n_prefixes || again.n_dns != m->n_dns ||
	    again.has_mac != m->has_mac)
		abort();
	for (size_t i = 0; i < m->n_prefixes; i++) {
		const struct ra_msg_prefix *a = &again.prefixes[i], *b = &m->prefixes[i];

		if (!addr_ip_eq(&a->prefix.ip, &b->prefix.ip) ||
		    a->prefix.len != b->prefix.len || a->on_link != b->on_link ||
		    a->autonomous != b->autonomous || a->valid_s != b->valid_s ||
		    a->preferred_s != b->preferred_s)
			abort();
	}
}

static void
serve(const uint8_t *data, size_t size)
{
	struct hosttab *table = hosttab_new();
	struct rng rng = rng_seeded(1);
	struct ra_server *s = ra_server_new(&table, true, &rng);
	struct ra_server_addrs addrs = {.link_local = {AF_INET6, {0xfe, 0x80, [15] = 1}}};
	struct ra_server_rx rx = {.src = {AF_INET6, {0xfe, 0x80, [15] = 2}},
	    .hop_limit = 255,
	    .data = data,
	    .len = size};

	(void)ra_server_add_link(s, "eth0");
	for (int i = 0; i < 3; i++) {
		struct ra_server_out out = {.n_packets = 0};

		if (i == 0)
			ra_server_refresh(s, 0, &addrs, 0, &out);
		else
			ra_server_on_packet(s, 0, &rx, i, &out);
		if (out.n_packets > 1 || out.n_events > 1)
			abort();
		for (size_t k = 0; k < out.n_events; k++)
			event_done(&out.events[k]);
	}
	ra_server_free(s);
	hosttab_free(table);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ra_msg m;
	const char *why = NULL;

	if (ra_msg_parse(data, size, &m, &why) == 0)
		round_trip(&m);
	else if (why == NULL)
		abort();
	why = NULL;
	if (ra_msg_parse_solicit(data, size, true, &why) < 0 && why == NULL)
		abort();
	serve(data, size);
	return 0;
}
