/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the options of both DHCPs say alike about who asks: user class and vendor class. */
#ifndef BOOT_SERVICES_DHCP_CLASS_H
#define BOOT_SERVICES_DHCP_CLASS_H

#include <stdbool.h>
#include <stdint.h>

#include "boot-services/policy.h"
#include "lib/buf.h"

/* Is "iPXE" the user class: raw, or in a list of classes whose lengths take `width` octets? */
bool
dhcp_class_is_ipxe(struct rbuf user_class, size_t width);
/* Firmware by "PXEClient" or "HTTPClient" at the beginning of the vendor class, else POLICY_CLASS_OS. */
enum policy_class
dhcp_class_of_vendor(struct rbuf vendor_class);
/* The architecture in "PXEClient:Arch:00007:UNDI:003000", or ARCH_NONE: for firmware that leaves out the option
 * that is meant for it. */
uint16_t
dhcp_class_arch(struct rbuf vendor_class);
/* As events have it. */
const char *dhcp_class_name(enum policy_class class);

#endif
