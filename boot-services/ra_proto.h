/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers of router discovery. */
#ifndef BOOT_SERVICES_RA_PROTO_H
#define BOOT_SERVICES_RA_PROTO_H

/* ICMPv6 types, RFC 4861 4.1, 4.2 */
enum ra_type {
	RA_TYPE_SOLICIT = 133,
	RA_TYPE_ADVERT = 134,
};

enum ra_flag {
	RA_FLAG_MANAGED = 0x80, /* RFC 4861 4.2 */
	RA_FLAG_OTHER = 0x40,	/* RFC 4861 4.2 */
};

enum ra_opt {
	RA_OPT_SOURCE_LLADDR = 1, /* RFC 4861 4.6.1 */
	RA_OPT_PREFIX = 3,	  /* RFC 4861 4.6.2 */
	RA_OPT_MTU = 5,		  /* RFC 4861 4.6.4 */
	RA_OPT_RDNSS = 25,	  /* RFC 8106 5.1 */
	RA_OPT_DNSSL = 31,	  /* RFC 8106 5.2 */
};

enum ra_prefix_flag {
	RA_PREFIX_ON_LINK = 0x80,    /* RFC 4861 4.6.2 */
	RA_PREFIX_AUTONOMOUS = 0x40, /* RFC 4861 4.6.2 */
};

enum {
	RA_HOP_LIMIT = 255,    /* RFC 4861 6.1: what came through a router is not heard */
	RA_SOLICIT_MIN = 8,    /* RFC 4861 6.1.1 */
	RA_ADVERT_MIN = 16,    /* RFC 4861 6.1.2 */
	RA_CUR_HOP_LIMIT = 64, /* RFC 4861 6.2.1 AdvCurHopLimit */
	RA_PACKET_MAX =
	    1232, /* RFC 8200 5: a link carries 1280 octets, 40 of them a header */
	RA_RECEIVE_MAX = 1500,
};

/* RFC 4861 6.2.1 and 10, in seconds */
enum {
	RA_INTERVAL_MAX_S = 600,    /* MaxRtrAdvInterval's default … */
	RA_INTERVAL_LEAST_S = 4,    /* … and its least value */
	RA_LIFETIME_INTERVALS = 3,  /* of these is AdvDefaultLifetime */
	RA_INITIAL_INTERVAL_S = 16, /* MAX_INITIAL_RTR_ADVERT_INTERVAL */
	RA_INITIAL_COUNT = 3,	    /* MAX_INITIAL_RTR_ADVERTISEMENTS */
	RA_MULTICAST_GAP_S = 3,	    /* MIN_DELAY_BETWEEN_RAS */
	RA_PREFIX_VALID_S = 2592000,
	RA_PREFIX_PREFERRED_S = 604800,
	RA_DNS_LIFETIME_S = 3 * RA_INTERVAL_MAX_S, /* RFC 8106 5.1 */
};

#endif
