/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Dates of HTTP (RFC 9110 5.6.7). Pure. */
#ifndef BOOT_SERVICES_HTTP_DATE_H
#define BOOT_SERVICES_HTTP_DATE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

enum { HTTP_DATE_SIZE = 32 };

/* "Sun, 06 Nov 1994 08:49:37 GMT"; returns buf. */
const char *
http_date_text(int64_t seconds, char *buf, size_t size);
/* All three forms that the specification names. 0 or -EINVAL. */
int
http_date_parse(const char *text, int64_t *ret_seconds) MUST_CHECK;

#endif
