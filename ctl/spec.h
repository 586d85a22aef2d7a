/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Option values of several parts: "52:54:00:77:00:01,ip=10.77.0.11,boot". Pure. */
#ifndef CTL_SPEC_H
#define CTL_SPEC_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/error.h"

/* Each returns a JSON object (owned by the caller), or NULL with *err (code "usage"). */
json_t *
spec_nic(const char *s, struct error *err); /* MAC[,ip=IP][,ip6=IP][,boot] */
json_t *
spec_subnet(
    const char *s, struct error *err); /* PREFIX[,gateway=][,dns=]…[,pool=A-B]…[,ra=]… */
json_t *
spec_file(const char *s, struct error *err); /* PATH[,name=NAME][,template] */
/* "key=value" into obj; "key=" sets null, which removes it (RFC 7396). 0 or -EINVAL. */
int
spec_label(const char *s, json_t *obj, struct error *err) MUST_CHECK;
/* "ARCH=FILE" into obj, by the architecture's own name; "ARCH=" sets null. */
int
spec_loader(const char *s, json_t *obj, struct error *err) MUST_CHECK;
/* KEY=VALUE of docs/bmc-manners.md into obj; KEY= is null. */
int
spec_manner(const char *s, json_t *obj, struct error *err) MUST_CHECK;
/* A value as it is written, of the type that its key has: "once,bare" is a list. */
json_t *
spec_manner_value(const char *key, const char *text);
/* Is it one whose values are lists? */
bool
spec_manner_is_list(const char *key);
/* "stage=10m" into obj, in seconds. */
int
spec_deadline(const char *s, json_t *obj, struct error *err) MUST_CHECK;
/* "ADDRESS[:PORT]" ("[2001:db8::1]:623") into obj's address and port. */
int
spec_bmc(const char *s, json_t *obj, struct error *err) MUST_CHECK;

#endif
