/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The event record and its JSON form.
 *
 * Entry points: event_make() and event_put() where a fact is seen; event_to_json() and
 * event_from_json() at every border between programs.
 * Ownership: an event owns its detail; event_done() frees it. event_to_json() copies.
 * Failure modes: event_from_json() refuses what does not fit a field, since a clipped
 * host name would be another host's event.
 */
#include "lib/event.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"

struct event
event_make(const char *kind, int64_t at)
{
	struct event ev = {.at = at, .bytes = -1, .total = -1};

	if (str_copy(ev.kind, sizeof(ev.kind), kind) < 0)
		abort(); /* kinds are constants of the program */
	return ev;
}

void
event_done(struct event *ev)
{
	if (ev == NULL)
		return;
	json_decref(ev->detail);
	memset(ev, 0, sizeof(*ev));
}

json_t *
event_to_json(const struct event *ev)
{
	json_t *v = json_object();
	char at[CLOCK_TEXT_SIZE];

	json_put_str(v, "at", clock_text(ev->at, at, sizeof(at)));
	if (ev->said_at != 0)
		json_put_str(v, "said_at", clock_text(ev->said_at, at, sizeof(at)));
	json_put_str(v, "kind", ev->kind);
	json_put_str(v, "site", ev->site);
	json_put_str(v, "host", ev->host);
	json_put_str(v, "mac", ev->mac);
	json_put_str(v, "ip", ev->ip);
	json_put_str(v, "arch", ev->arch);
	json_put_str(v, "boot", ev->boot);
	json_put_str(v, "job", ev->job);
	json_put_str(v, "file", ev->file);
	if (ev->bytes >= 0)
		json_put_i64(v, "bytes", ev->bytes);
	if (ev->total >= 0)
		json_put_i64(v, "total", ev->total);
	json_put_str(v, "reason", ev->reason);
	if (ev->detail != NULL)
		json_put(v, "detail", json_deep_copy(ev->detail));
	return v;
}

static int
strings_from_json(const json_t *v, struct event *ev, struct error *err)
{
	const struct {
		const char *key;
		char *dst;
		size_t size;
	} fields[] = {
	    {"site", ev->site, sizeof(ev->site)},
	    {"host", ev->host, sizeof(ev->host)},
	    {"mac", ev->mac, sizeof(ev->mac)},
	    {"ip", ev->ip, sizeof(ev->ip)},
	    {"arch", ev->arch, sizeof(ev->arch)},
	    {"boot", ev->boot, sizeof(ev->boot)},
	    {"job", ev->job, sizeof(ev->job)},
	    {"file", ev->file, sizeof(ev->file)},
	    {"reason", ev->reason, sizeof(ev->reason)},
	};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		int r =
		    json_copy_opt(v, fields[i].key, fields[i].dst, fields[i].size, err);

		if (r < 0)
			return r;
	}
	return 0;
}

int
event_from_json(const json_t *v, struct event *ret, struct error *err)
{
	struct event ev = event_make("", 0);
	const char *at = NULL;
	json_t *detail = NULL;

	if (!json_is_object(v))
		return error_set(err, -EINVAL, "bad-value", NULL, "event: not an object");
	if (json_get_str(v, "at", &at, err) < 0 ||
	    json_copy_str(v, "kind", ev.kind, sizeof(ev.kind), err) < 0 ||
	    strings_from_json(v, &ev, err) < 0 ||
	    json_opt_i64(v, "bytes", &ev.bytes, err) < 0 ||
	    json_opt_i64(v, "total", &ev.total, err) < 0 ||
	    json_opt_obj(v, "detail", &detail, err) < 0)
		return -EINVAL;
	if (clock_parse(at, &ev.at) < 0)
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "at: not an RFC 3339 time");
	/* Kinds are words of the programs: they stand in filters, labels and headers. */
	if (ev.kind[0] == '\0' ||
	    ev.kind[strspn(ev.kind, "abcdefghijklmnopqrstuvwxyz0123456789.-")] != '\0')
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "kind: not of small letters, digits, dots and hyphens");
	if (detail != NULL)
		ev.detail = json_deep_copy(detail);
	*ret = ev;
	return 0;
}

static json_t *
detail_of(struct event *ev)
{
	if (ev->detail == NULL)
		ev->detail = json_object();
	return ev->detail;
}

void
event_put(struct event *ev, const char *key, const char *value)
{
	json_put_str(detail_of(ev), key, value);
}

void
event_put_i64(struct event *ev, const char *key, int64_t value)
{
	json_put_i64(detail_of(ev), key, value);
}

const char *
event_str(const struct event *ev, const char *key)
{
	const char *s = json_string_value(json_object_get(ev->detail, key));

	return s ? s : "";
}

int64_t
event_i64(const struct event *ev, const char *key, int64_t otherwise)
{
	const json_t *v = json_object_get(ev->detail, key);

	return json_is_integer(v) ? (int64_t)json_integer_value(v) : otherwise;
}
