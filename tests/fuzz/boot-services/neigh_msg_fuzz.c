/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any octets as the kernel's answer of the neighbour cache: an error, or the address of one port. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "boot-services/neigh_msg.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct addr_ip ip = {AF_INET6, {0xfe, 0x80, [15] = 0x99}};
	const struct addr_mac nobody = {{0}};
	struct addr_mac mac = nobody;
	int r = neigh_msg_parse(data, size, 7, 2, &ip, &mac);

	if (r > 0 || (r == 0) == addr_mac_eq(&mac, &nobody) || (mac.b[0] & 1))
		abort();
	return 0;
}
