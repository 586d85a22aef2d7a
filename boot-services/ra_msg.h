/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Router solicitations and advertisements (RFC 4861 4.1, 4.2; RFC 8106 5): bytes <-> struct.
 * Pure. The checksum is the kernel's. */
#ifndef BOOT_SERVICES_RA_MSG_H
#define BOOT_SERVICES_RA_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/buf.h"
#include "lib/compiler.h"

enum {
	RA_MSG_PREFIXES = 16,
	RA_MSG_DNS = 8,
	RA_MSG_DOMAINS = 4,
	RA_MSG_DOMAIN_SIZE = 128
};

struct ra_msg_prefix {
	struct addr_prefix prefix;
	bool on_link, autonomous;
	uint32_t valid_s, preferred_s;
};

struct ra_msg {
	uint8_t hop_limit;
	bool managed, other;
	uint16_t router_s; /* 0: not a default router */
	bool has_mac;
	struct addr_mac mac; /* of the sender */
	uint32_t mtu;	     /* 0: not told */
	struct ra_msg_prefix prefixes[RA_MSG_PREFIXES];
	size_t n_prefixes;
	struct addr_ip dns[RA_MSG_DNS];
	size_t n_dns;
	char domains[RA_MSG_DOMAINS][RA_MSG_DOMAIN_SIZE];
	size_t n_domains;
};

/* Writes a whole advertisement; its octets are w's. False when it did not fit. */
bool
ra_msg_build(struct wbuf *w, const struct ra_msg *m);
/* A solicitation; `mac` may be NULL. */
bool
ra_msg_build_solicit(struct wbuf *w, const struct addr_mac *mac);
/* 0, or -EBADMSG with *why. Prefixes, servers and domains beyond what the struct holds are left out; names
 * of domains are not read. */
int
ra_msg_parse(
    const uint8_t *data, size_t len, struct ra_msg *ret, const char **why) MUST_CHECK;
/* `unspecified`: it came from "::". 0, or -EBADMSG with *why. */
int
ra_msg_parse_solicit(
    const uint8_t *data, size_t len, bool unspecified, const char **why) MUST_CHECK;

#endif
