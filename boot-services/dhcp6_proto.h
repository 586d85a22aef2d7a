/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DHCPv6 numbers with the names of their specifications. Constants only. */
#ifndef BOOT_SERVICES_DHCP6_PROTO_H
#define BOOT_SERVICES_DHCP6_PROTO_H

enum {
	DHCP6_RECEIVE_MAX = 2048, /* longer packets are dropped */
	DHCP6_PACKET_MAX = 1452,  /* Ethernet MTU less IPv6 and UDP */
	DHCP6_HEADER_SIZE = 4,	  /* RFC 8415 8 */
	DHCP6_RELAY_SIZE = 34,	  /* RFC 8415 9 */
	DHCP6_RELAYS_MAX = 8,	  /* RFC 8415 7.6: HOP_COUNT_LIMIT */
	DHCP6_DUID_MIN = 3,	  /* RFC 8415 11.1: a type and at least one octet … */
	DHCP6_DUID_MAX = 130,	  /* … at most 128 */
	DHCP6_OPTIONS_MAX = 128,  /* in one message; real ones have a dozen */
	DHCP6_IAS_MAX = 8,	  /* OVMF sends one, operating systems one or two */
	DHCP6_ADDRS_MAX = 8,	  /* in one IA */
};

#define DHCP6_INFINITE 0xffffffffu

/* RFC 8415 7.3 */
enum dhcp6_type {
	DHCP6_SOLICIT = 1,
	DHCP6_ADVERTISE = 2,
	DHCP6_REQUEST = 3,
	DHCP6_CONFIRM = 4,
	DHCP6_RENEW = 5,
	DHCP6_REBIND = 6,
	DHCP6_REPLY = 7,
	DHCP6_RELEASE = 8,
	DHCP6_DECLINE = 9,
	DHCP6_RECONFIGURE = 10,
	DHCP6_INFORMATION_REQUEST = 11,
	DHCP6_RELAY_FORW = 12,
	DHCP6_RELAY_REPL = 13,
};

enum dhcp6_opt {
	DHCP6_OPT_CLIENTID = 1,		 /* RFC 8415 21.2 */
	DHCP6_OPT_SERVERID = 2,		 /* 21.3 */
	DHCP6_OPT_IA_NA = 3,		 /* 21.4 */
	DHCP6_OPT_IA_TA = 4,		 /* 21.5 */
	DHCP6_OPT_IAADDR = 5,		 /* 21.6 */
	DHCP6_OPT_ORO = 6,		 /* 21.7 */
	DHCP6_OPT_PREFERENCE = 7,	 /* 21.8 */
	DHCP6_OPT_ELAPSED_TIME = 8,	 /* 21.9 */
	DHCP6_OPT_RELAY_MSG = 9,	 /* 21.10 */
	DHCP6_OPT_STATUS_CODE = 13,	 /* 21.13 */
	DHCP6_OPT_RAPID_COMMIT = 14,	 /* 21.14 */
	DHCP6_OPT_USER_CLASS = 15,	 /* 21.15 */
	DHCP6_OPT_VENDOR_CLASS = 16,	 /* 21.16 */
	DHCP6_OPT_INTERFACE_ID = 18,	 /* 21.18 */
	DHCP6_OPT_DNS_SERVERS = 23,	 /* RFC 3646 3 */
	DHCP6_OPT_DOMAIN_LIST = 24,	 /* RFC 3646 4 */
	DHCP6_OPT_IA_PD = 25,		 /* RFC 8415 21.21 */
	DHCP6_OPT_REFRESH_TIME = 32,	 /* 21.23 */
	DHCP6_OPT_REMOTE_ID = 37,	 /* RFC 4649 */
	DHCP6_OPT_SUBSCRIBER_ID = 38,	 /* RFC 4580 */
	DHCP6_OPT_BOOTFILE_URL = 59,	 /* RFC 5970 3.1 */
	DHCP6_OPT_BOOTFILE_PARAM = 60,	 /* RFC 5970 3.2; never sent (boot.md rule 4) */
	DHCP6_OPT_CLIENT_ARCH = 61,	 /* RFC 5970 3.3 */
	DHCP6_OPT_NII = 62,		 /* RFC 5970 3.4 */
	DHCP6_OPT_CLIENT_LINKLAYER = 79, /* RFC 6939 4 */
};

/* RFC 8415 21.13 */
enum dhcp6_status {
	DHCP6_STATUS_SUCCESS = 0,
	DHCP6_STATUS_NO_ADDRS = 2,
	DHCP6_STATUS_NO_BINDING = 3,
	DHCP6_STATUS_NOT_ON_LINK = 4,
	DHCP6_STATUS_USE_MULTICAST = 5,
	DHCP6_STATUS_NO_PREFIX = 6,
};

/* RFC 8415 11 */
enum dhcp6_duid_type {
	DHCP6_DUID_LLT = 1,
	DHCP6_DUID_EN = 2,
	DHCP6_DUID_LL = 3,
	DHCP6_DUID_UUID = 4, /* RFC 6355 */
};

enum { DHCP6_HW_ETHERNET = 1, DHCP6_ENTERPRISE_INTEL = 343 };

#endif
