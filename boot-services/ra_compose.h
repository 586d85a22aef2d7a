/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the machines of a link are told by our router advertisement. Pure. */
#ifndef BOOT_SERVICES_RA_COMPOSE_H
#define BOOT_SERVICES_RA_COMPOSE_H

#include <stdbool.h>
#include <stddef.h>

#include "boot-services/ra_msg.h"
#include "boot-services/ra_server.h"
#include "lib/bundle.h"

enum ra_compose_mode {
	RA_COMPOSE_NONE,    /* nothing is sent */
	RA_COMPOSE_MINIMAL, /* no IPv6 here: only so that nobody waits for an answer */
	RA_COMPOSE_FULL,    /* the link's subnets */
};

struct ra_compose {
	enum ra_compose_mode mode;
	struct ra_msg msg;
	size_t left_out; /* prefixes, servers and domains for which there was no room */
};

enum { RA_COMPOSE_PREFIXES_TEXT = RA_MSG_PREFIXES * (ADDR_PREFIX_TEXT + 1) };

/* A subnet is on the link when one of the interface's addresses is in its prefix. */
void
ra_compose(const struct bundle_site *site, const struct ra_server_addrs *addrs,
    bool serves_v4, struct ra_compose *ret);
/* "fd77::/64 fd78::/64" */
const char *
ra_compose_prefixes_text(const struct ra_msg *m, char *buf, size_t size);
/* A sentence for the event. */
const char *
ra_compose_mode_why(enum ra_compose_mode mode);

#endif
