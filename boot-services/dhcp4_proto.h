/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DHCPv4, PXE and iPXE numbers with the names of their specifications. Constants only. */
#ifndef BOOT_SERVICES_DHCP4_PROTO_H
#define BOOT_SERVICES_DHCP4_PROTO_H

enum {
	DHCP4_HEADER_SIZE = 236, /* RFC 2131 2, up to and without the cookie */
	DHCP4_CHADDR_SIZE = 16,
	DHCP4_SNAME_SIZE = 64,
	DHCP4_FILE_SIZE = 128,
	DHCP4_PACKET_MAX = 1472,  /* Ethernet MTU less IP and UDP; EDK2 ignores more */
	DHCP4_RECEIVE_MAX = 2048, /* longer packets are dropped */
	DHCP4_REPLY_MIN =
	    300, /* BOOTP's size: OpenBSD's dhcrelay drops shorter replies */
	DHCP4_MAX_SIZE_MIN = 576, /* RFC 2132 9.10 */
	DHCP4_UDP_IP_SIZE = 28,
	DHCP4_HOPS_MAX = 16, /* RFC 1542 4.1.1 */
};

#define DHCP4_COOKIE 0x63825363u /* RFC 2131 3 */
#define DHCP4_FLAG_BROADCAST 0x8000u
#define DHCP4_INFINITE 0xffffffffu

enum dhcp4_op { DHCP4_BOOTREQUEST = 1, DHCP4_BOOTREPLY = 2 };

enum dhcp4_htype { DHCP4_HTYPE_ETHERNET = 1, DHCP4_HTYPE_INFINIBAND = 32 /* RFC 4390 */ };

/* RFC 2132 9.6 */
enum dhcp4_type {
	DHCP4_DISCOVER = 1,
	DHCP4_OFFER = 2,
	DHCP4_REQUEST = 3,
	DHCP4_DECLINE = 4,
	DHCP4_ACK = 5,
	DHCP4_NAK = 6,
	DHCP4_RELEASE = 7,
	DHCP4_INFORM = 8,
};

enum dhcp4_opt {
	DHCP4_OPT_PAD = 0,
	DHCP4_OPT_SUBNET_MASK = 1,	/* RFC 2132 3.3 */
	DHCP4_OPT_ROUTER = 3,		/* 3.5 */
	DHCP4_OPT_DNS = 6,		/* 3.8 */
	DHCP4_OPT_HOSTNAME = 12,	/* 3.14 */
	DHCP4_OPT_DOMAIN = 15,		/* 3.17 */
	DHCP4_OPT_BROADCAST = 28,	/* 5.3 */
	DHCP4_OPT_VENDOR_INFO = 43,	/* 8.4; PXE 2.1 table 2-1 */
	DHCP4_OPT_REQUESTED_IP = 50,	/* 9.1 */
	DHCP4_OPT_LEASE_TIME = 51,	/* 9.2 */
	DHCP4_OPT_OVERLOAD = 52,	/* 9.3 */
	DHCP4_OPT_MESSAGE_TYPE = 53,	/* 9.6 */
	DHCP4_OPT_SERVER_ID = 54,	/* 9.7 */
	DHCP4_OPT_PARAMETERS = 55,	/* 9.8 */
	DHCP4_OPT_MESSAGE = 56,		/* 9.9 */
	DHCP4_OPT_MAX_SIZE = 57,	/* 9.10 */
	DHCP4_OPT_RENEWAL_TIME = 58,	/* 9.11 */
	DHCP4_OPT_REBINDING_TIME = 59,	/* 9.12 */
	DHCP4_OPT_VENDOR_CLASS = 60,	/* 9.13 */
	DHCP4_OPT_CLIENT_ID = 61,	/* 9.14; RFC 6842 */
	DHCP4_OPT_TFTP_SERVER = 66,	/* 9.4 */
	DHCP4_OPT_BOOTFILE = 67,	/* 9.5 */
	DHCP4_OPT_USER_CLASS = 77,	/* RFC 3004 */
	DHCP4_OPT_RELAY_INFO = 82,	/* RFC 3046 */
	DHCP4_OPT_CLIENT_ARCH = 93,	/* RFC 4578 2.1 */
	DHCP4_OPT_CLIENT_NDI = 94,	/* RFC 4578 2.2 */
	DHCP4_OPT_CLIENT_UUID = 97,	/* RFC 4578 2.3 */
	DHCP4_OPT_SUBNET_SELECT = 118,	/* RFC 3011 */
	DHCP4_OPT_TFTP_ADDRESSES = 150, /* RFC 5859 */
	DHCP4_OPT_IPXE = 175,		/* ipxe.org "Etherboot encapsulated options" */
	DHCP4_OPT_END = 255,
};

/* RFC 2132 9.3 */
enum { DHCP4_OVERLOAD_FILE = 1, DHCP4_OVERLOAD_SNAME = 2 };

enum dhcp4_relay_opt {
	DHCP4_RELAY_CIRCUIT_ID = 1,	  /* RFC 3046 3.1 */
	DHCP4_RELAY_REMOTE_ID = 2,	  /* RFC 3046 3.2 */
	DHCP4_RELAY_LINK_SELECTION = 5,	  /* RFC 3527 */
	DHCP4_RELAY_SERVER_OVERRIDE = 11, /* RFC 5107 */
};

/* Sub-options of 43 for PXE clients (PXE 2.1 table 2-1). */
enum dhcp4_pxe_opt {
	DHCP4_PXE_DISCOVERY_CONTROL = 6,
	DHCP4_PXE_BOOT_SERVERS = 8,
	DHCP4_PXE_BOOT_MENU = 9,
	DHCP4_PXE_MENU_PROMPT = 10,
	DHCP4_PXE_END = 255,
};

enum {
	DHCP4_PXE_NO_BROADCAST = 1, /* discovery control bits */
	DHCP4_PXE_NO_MULTICAST = 2,
	DHCP4_PXE_USE_FILE = 8, /* boot the file of this offer; no menu, no discovery */
	DHCP4_PXE_TYPE_LOCAL = 0,
};

/* Sub-options of 175: features are 0x10 and up (boot.md 1.2.1). */
enum dhcp4_ipxe_opt {
	DHCP4_IPXE_FEATURE_FIRST = 0x10,
	DHCP4_IPXE_FEATURE_HTTP = 0x13,
	DHCP4_IPXE_FEATURE_BZIMAGE = 0x18,
	DHCP4_IPXE_FEATURE_LAST = 0x2f,
	DHCP4_IPXE_NO_PXEDHCP = 0xb0,
	DHCP4_IPXE_VERSION = 0xeb,
};

#endif
