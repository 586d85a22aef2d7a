/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text of this machine's IPv6 addresses, from a descriptor that was opened before privileges were dropped; its lines
 * are lib/if_inet6.h's. */
#ifndef BOOT_SERVICES_INET6_LIST_IO_H
#define BOOT_SERVICES_INET6_LIST_IO_H

#include <stdbool.h>

#include "lib/compiler.h"

enum { INET6_LIST_IO_MAX = 1 << 20 }; /* octets that are read: some 19,000 addresses */

/* The file's lines (if_inet6_path) as they are now; it is made anew when it is read from its begin. The caller frees the
 * text, which is "" when the file cannot be read. *ret_cut: there are more lines than INET6_LIST_IO_MAX octets,
 * and those beyond are missing. */
char *
inet6_list_io_read(int fd, bool *ret_cut) MUST_CHECK;
#endif
