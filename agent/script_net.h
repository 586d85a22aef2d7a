/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an image's arguments have to do with the family of addresses that it is fetched over. Pure. */
#ifndef AGENT_SCRIPT_NET_H
#define AGENT_SCRIPT_NET_H

#include <stdbool.h>

#include "lib/compiler.h"
#include "lib/error.h"

/* Does the URL name an IPv6 address? What comes from there comes over IPv6 alone. */
bool
script_net_is_v6(const char *url);
/* The value of net.dhcp, net.ip or net.ip6 for what is fetched from that URL; NULL: another name. */
const char *
script_net_value(const char *url, const char *name);
/* For a site without IPv4 whose URL that is: -EINVAL with code image-ipv4 where the arguments, as the kernel will
 * see them, are those of a system that gets an IPv4 address or stops. */
int
script_net_check(
    const char *image, const char *url, const char *args, struct error *err) MUST_CHECK;

#endif
