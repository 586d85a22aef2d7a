/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hosts, tickets and tables for the unit tests of boot-services. */
#ifndef TESTS_UNIT_BOOT_SERVICES_FIXTURE_H
#define TESTS_UNIT_BOOT_SERVICES_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boot-services/bootd_config.h"
#include "boot-services/hosttab.h"
#include "lib/str.h"

#define FIXTURE_TOKEN "0123456789abcdefghjkmnpqrs"

static inline struct addr_mac
fixture_mac(unsigned n)
{
	return (struct addr_mac){
	    {0x52, 0x54, 0, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}};
}

/* A host with one NIC of MAC 52:54:00:00:00:n and address 10.77.0.n (n > 0). */
static inline struct bundle_host
fixture_host(const char *name, unsigned n)
{
	struct bundle_host h = {.n_nics = 1, .firmware = BUNDLE_UEFI};

	str_clip(h.name, sizeof(h.name), name);
	h.nics[0].mac = fixture_mac(n);
	h.nics[0].ip = addr_ip_make_v4(0x0a4d0000 + n);
	return h;
}

/* An armed ticket of a kernel, an initrd and a root file system; owned by the caller. */
static inline struct bootd_msg_boot *
fixture_boot(const char *ticket)
{
	struct bootd_msg_boot *b = str_alloc(sizeof(*b));

	str_clip(b->ticket, sizeof(b->ticket), ticket);
	str_clip(b->token, sizeof(b->token), FIXTURE_TOKEN);
	str_clip(b->job, sizeof(b->job), "job0000000000000");
	str_clip(b->boot, sizeof(b->boot), "boot000000000000");
	str_clip(b->script, sizeof(b->script), "script.ipxe-52:54:00:00:00:01");
	b->n_payloads = 3;
	b->payloads[0] = (struct bootd_msg_payload){.name = "vmlinuz",
	    .path = "d/vmlinuz",
	    .size = 10,
	    .kind = BOOTD_PAYLOAD_KERNEL};
	b->payloads[1] = (struct bootd_msg_payload){.name = "initrd",
	    .path = "d/initrd",
	    .size = 20,
	    .kind = BOOTD_PAYLOAD_INITRD};
	b->payloads[2] = (struct bootd_msg_payload){.name = "root.sqfs",
	    .path = "d/root",
	    .size = 30,
	    .kind = BOOTD_PAYLOAD_FILE};
	return b;
}

#endif
