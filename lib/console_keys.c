/* SPDX-License-Identifier: GPL-3.0-or-later */
/* {"watcher", "data": base64, "break": bool} -> struct.
 *
 * Entry points: console_keys_parse(), console_keys_done(). Pure; nothing is owned.
 * Failure modes: -EINVAL for what is no such document, or has more octets than are typed at once.
 */
#include "lib/console_keys.h"

#include <errno.h>
#include <string.h>

#include "lib/base64.h"
#include "lib/json.h"

int
console_keys_parse(const json_t *v, struct console_keys *ret, struct error *err)
{
	const char *text = "";

	*ret = (struct console_keys){.watcher = ""};
	if (json_get_str(v, "watcher", &ret->watcher, err) < 0 ||
	    json_opt_str(v, "data", &text, err) < 0 ||
	    json_opt_bool(v, "break", &ret->send_break, err) < 0)
		return -EINVAL;
	if (base64_get(text, ret->data, sizeof(ret->data), &ret->len) < 0)
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "data: not base64 of at most %d octets", CONSOLE_KEYS_MAX);
	return 0;
}

void
console_keys_done(struct console_keys *k)
{
	explicit_bzero(k->data, sizeof(k->data));
}
