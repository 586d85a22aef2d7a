/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages between netboot-agent and netboot-bootd: JSON <-> struct (docs/protocol.md).
 *
 * Entry points: bootd_msg_to_json() and bootd_msg_from_json(); both walk one table that
 * has a writer and a reader for each `t`. Ownership: a decoded message owns its pointers
 * until bootd_msg_done(). An encoded one is a copy. Failure modes: -EINVAL with the
 * member in *err, the result untouched; code "unknown-message" for a `t` that this
 * release does not know, which the caller skips.
 */
#include "lib/bootd_msg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "lib/str.h"

enum { BOOTD_MSG_CONFIG_MAX = 128 * 1024, BOOTD_MSG_VERSION = 1 };

static int
bad(struct error *err, const char *what)
{
	return error_set(err, -EINVAL, "bad-value", NULL, "%s", what);
}

/* ---- pieces that several messages share ---- */

static int
read_gen(const json_t *v, struct bootd_msg *m, struct error *err)
{
	return json_get_i64(v, "gen", &m->gen, err);
}

static void
write_gen(const struct bootd_msg *m, json_t *v)
{
	json_put_i64(v, "gen", m->gen);
}

static int
read_req(const json_t *v, struct bootd_msg *m, struct error *err)
{
	int64_t req = 0;

	if (json_get_i64(v, "req", &req, err) < 0)
		return -EINVAL;
	if (req < 0)
		return bad(err, "req: negative");
	m->req = (uint64_t)req;
	return 0;
}

static void
write_req(const struct bootd_msg *m, json_t *v)
{
	json_put_i64(v, "req", (int64_t)m->req);
}

/* A string of at most max octets into an owned copy; "" when absent. */
static int
read_text(const json_t *v, const char *key, size_t max, char **ret, struct error *err)
{
	const char *s = "";

	if (json_opt_str(v, key, &s, err) < 0)
		return -EINVAL;
	if (strlen(s) > max)
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "%s: longer than %zu octets", key, max);
	*ret = str_dup(s);
	return 0;
}

static int
read_name(const json_t *v, const char *key, struct bootd_msg *m, struct error *err)
{
	if (json_copy_str(v, key, m->name, sizeof(m->name), err) < 0)
		return -EINVAL;
	return str_name_valid(m->name) ? 0 : bad(err, "not a host name");
}

/* ---- the ticket part of a host ---- */

static const char *const payload_kinds[] = {"kernel", "initrd", "file", "template"};

bool
bootd_msg_payload_is_boot(enum bootd_msg_payload_kind kind)
{
	return kind != BOOTD_PAYLOAD_FILE && kind != BOOTD_PAYLOAD_TEMPLATE;
}

static json_t *
boot_to_json(const struct bootd_msg_boot *b)
{
	json_t *v = json_object(), *payloads = json_array();

	for (size_t i = 0; i < b->n_payloads; i++) {
		const struct bootd_msg_payload *p = &b->payloads[i];
		json_t *item = json_object();

		json_put_str(item, "name", p->name);
		json_put_str(item, "path", p->path);
		json_put_i64(item, "size", p->size);
		json_put_str(item, "kind", payload_kinds[p->kind]);
		json_array_append_new(payloads, item);
	}
	json_put_str(v, "ticket", b->ticket);
	json_put_str(v, "token", b->token);
	json_put_str(v, "job", b->job);
	json_put_str(v, "boot", b->boot);
	json_put_str(v, "state", b->consumed ? "consumed" : "armed");
	json_put_str(v, "script", b->script);
	json_put(v, "payloads", payloads);
	return v;
}

static int
read_payload(const json_t *v, struct bootd_msg_payload *p, struct error *err)
{
	const char *kind = NULL;
	size_t i = 0;

	if (!json_is_object(v))
		return bad(err, "not an object");
	if (json_copy_str(v, "name", p->name, sizeof(p->name), err) < 0 ||
	    json_copy_str(v, "path", p->path, sizeof(p->path), err) < 0 ||
	    json_get_i64(v, "size", &p->size, err) < 0 ||
	    json_get_str(v, "kind", &kind, err) < 0)
		return -EINVAL;
	if (p->size < 0)
		return bad(err, "size: negative");
	while (i < ARRAY_SIZE(payload_kinds) && !str_eq(kind, payload_kinds[i]))
		i++;
	if (i == ARRAY_SIZE(payload_kinds))
		return bad(err, "kind: not kernel, initrd, file or template");
	p->kind = (enum bootd_msg_payload_kind)i;
	if (!bundle_path_valid(p->name) ||
	    (bootd_msg_payload_is_boot(p->kind) && strchr(p->name, '/') != NULL))
		return bad(err, "name: not a plain file name");
	if (!bundle_path_valid(p->path))
		return bad(err, "path: leaves its root");
	return 0;
}

static int
read_payloads(const json_t *v, struct bootd_msg_boot *b, struct error *err)
{
	json_t *list = NULL;

	if (json_opt_arr(v, "payloads", &list, err) < 0)
		return -EINVAL;
	if (json_array_size(list) > BOOTD_MSG_PAYLOADS_MAX)
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "payloads: more than %d", BOOTD_MSG_PAYLOADS_MAX);
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (read_payload(json_array_get(list, i), &b->payloads[i], err) < 0) {
			error_prefix(err, "payloads[%zu]", i);
			return -EINVAL;
		}
	}
	b->n_payloads = json_array_size(list);
	return 0;
}

static int
read_boot(const json_t *v, struct bootd_msg_boot *b, struct error *err)
{
	const char *state = NULL;

	if (json_copy_str(v, "ticket", b->ticket, sizeof(b->ticket), err) < 0 ||
	    json_copy_str(v, "token", b->token, sizeof(b->token), err) < 0 ||
	    json_copy_str(v, "job", b->job, sizeof(b->job), err) < 0 ||
	    json_copy_opt(v, "boot", b->boot, sizeof(b->boot), err) < 0 ||
	    json_get_str(v, "state", &state, err) < 0 ||
	    json_copy_opt(v, "script", b->script, sizeof(b->script), err) < 0)
		return -EINVAL;
	if (!id_valid(b->ticket) || !id_valid(b->job))
		return bad(err, "ticket or job: not an id");
	if (!id_token_valid(b->token))
		return bad(err, "token: not a token");
	if (!str_eq(state, "armed") && !str_eq(state, "consumed"))
		return bad(err, "state: not armed or consumed");
	b->consumed = str_eq(state, "consumed");
	if (b->script[0] != '\0' &&
	    (!bundle_path_valid(b->script) || strchr(b->script, '/') != NULL))
		return bad(err, "script: not a plain file name");
	return read_payloads(v, b, err);
}

/* ---- one writer and one reader for each message ---- */

static void
write_config(const struct bootd_msg *m, json_t *v)
{
	json_put_i64(v, "v", BOOTD_MSG_VERSION);
	json_put_str(v, "text", m->text);
}

static int
read_config(const json_t *v, struct bootd_msg *m, struct error *err)
{
	int64_t version = 0;

	if (json_get_i64(v, "v", &version, err) < 0)
		return -EINVAL;
	if (version != BOOTD_MSG_VERSION)
		return error_set(err, -EINVAL, "bad-version",
		    "install the same release of netboot-agent and netboot-bootd",
		    "v: this program reads version %d", BOOTD_MSG_VERSION);
	return read_text(v, "text", BOOTD_MSG_CONFIG_MAX, &m->text, err);
}

static void
write_ready(const struct bootd_msg *m, json_t *v)
{
	json_put_i64(v, "v", BOOTD_MSG_VERSION);
	json_put_i64(v, "pid", m->pid);
	json_put_i64(v, "http_port", m->http_port);
	json_put_i64(v, "tftp_port", m->tftp_port);
}

static int
read_ready(const json_t *v, struct bootd_msg *m, struct error *err)
{
	int64_t http = 0, tftp = 0;

	if (json_get_i64(v, "pid", &m->pid, err) < 0 ||
	    json_opt_i64(v, "http_port", &http, err) < 0 ||
	    json_opt_i64(v, "tftp_port", &tftp, err) < 0)
		return -EINVAL;
	if (http < 0 || http > UINT16_MAX || tftp < 0 || tftp > UINT16_MAX)
		return bad(err, "http_port or tftp_port: not a port");
	m->http_port = (uint16_t)http;
	m->tftp_port = (uint16_t)tftp;
	return 0;
}

static void
write_fatal(const struct bootd_msg *m, json_t *v)
{
	json_put_str(v, "code", m->code);
	json_put_str(v, "text", m->text);
	json_put_str(v, "next", m->next);
}

static int
read_fatal(const json_t *v, struct bootd_msg *m, struct error *err)
{
	if (json_copy_str(v, "code", m->code, sizeof(m->code), err) < 0 ||
	    read_text(v, "text", ERROR_TEXT_SIZE, &m->text, err) < 0)
		return -EINVAL;
	return read_text(v, "next", ERROR_NEXT_SIZE, &m->next, err);
}

static void
write_table_begin(const struct bootd_msg *m, json_t *v)
{
	write_gen(m, v);
	json_put_str(v, "site", m->site->name);
	json_put_str(v, "timezone", m->site->timezone);
	json_put_bool(v, "answer_unknown", m->site->answer_unknown);
	json_put_str(v, "idle", bundle_idle_name(m->site->idle));
	bundle_loaders_put(v, m->site->loaders, m->site->n_loaders);
}

static int
read_table_begin(const json_t *v, struct bootd_msg *m, struct error *err)
{
	const char *idle = "local";

	m->site = str_alloc(sizeof(*m->site));
	if (read_gen(v, m, err) < 0 ||
	    json_copy_str(v, "site", m->site->name, sizeof(m->site->name), err) < 0 ||
	    json_copy_opt(
		v, "timezone", m->site->timezone, sizeof(m->site->timezone), err) < 0 ||
	    json_opt_bool(v, "answer_unknown", &m->site->answer_unknown, err) < 0 ||
	    json_opt_str(v, "idle", &idle, err) < 0 ||
	    bundle_loaders_from_json(v, m->site->loaders, &m->site->n_loaders, err) < 0)
		return -EINVAL;
	if (!str_name_valid(m->site->name))
		return bad(err, "site: not a site name");
	if (bundle_idle_parse(idle, &m->site->idle) < 0)
		return bad(err, "idle: not local, menu or silent");
	return 0;
}

static void
write_subnet(const struct bootd_msg *m, json_t *v)
{
	json_put(v, "subnet", bundle_subnet_to_json(m->subnet));
}

static int
read_subnet(const json_t *v, struct bootd_msg *m, struct error *err)
{
	m->subnet = str_alloc(sizeof(*m->subnet));
	return bundle_subnet_from_json(json_object_get(v, "subnet"), m->subnet, err);
}

static void
write_host(const struct bootd_msg *m, json_t *v)
{
	write_gen(m, v);
	json_put(v, "host", bundle_host_to_json(m->host));
	if (m->boot != NULL && m->boot->ticket[0] != '\0')
		json_put(v, "boot", boot_to_json(m->boot));
}

static int
read_host(const json_t *v, struct bootd_msg *m, struct error *err)
{
	json_t *boot = NULL;

	m->host = str_alloc(sizeof(*m->host));
	if (read_gen(v, m, err) < 0 ||
	    bundle_host_from_json(json_object_get(v, "host"), m->host, err) < 0 ||
	    json_opt_obj(v, "boot", &boot, err) < 0)
		return -EINVAL;
	if (boot == NULL)
		return 0;
	m->boot = str_alloc(sizeof(*m->boot));
	if (read_boot(boot, m->boot, err) < 0) {
		error_prefix(err, "boot");
		return -EINVAL;
	}
	return 0;
}

static void
write_host_del(const struct bootd_msg *m, json_t *v)
{
	write_gen(m, v);
	json_put_str(v, "name", m->name);
}

static int
read_host_del(const json_t *v, struct bootd_msg *m, struct error *err)
{
	if (read_gen(v, m, err) < 0)
		return -EINVAL;
	return read_name(v, "name", m, err);
}

static void
write_event(const struct bootd_msg *m, json_t *v)
{
	json_put(v, "event", event_to_json(m->event));
}

static int
read_event(const json_t *v, struct bootd_msg *m, struct error *err)
{
	m->event = str_alloc(sizeof(*m->event));
	return event_from_json(json_object_get(v, "event"), m->event, err);
}

static void
write_consume(const struct bootd_msg *m, json_t *v)
{
	write_req(m, v);
	json_put_str(v, "ticket", m->ticket);
	json_put_str(v, "host", m->name);
	json_put_str(v, "mac", m->mac);
	json_put_str(v, "ip", m->ip);
	json_put_str(v, "file", m->file);
}

static int
read_consume(const json_t *v, struct bootd_msg *m, struct error *err)
{
	if (read_req(v, m, err) < 0 ||
	    json_copy_str(v, "ticket", m->ticket, sizeof(m->ticket), err) < 0 ||
	    read_name(v, "host", m, err) < 0 ||
	    json_copy_opt(v, "mac", m->mac, sizeof(m->mac), err) < 0 ||
	    json_copy_opt(v, "ip", m->ip, sizeof(m->ip), err) < 0 ||
	    json_copy_opt(v, "file", m->file, sizeof(m->file), err) < 0)
		return -EINVAL;
	return id_valid(m->ticket) ? 0 : bad(err, "ticket: not an id");
}

static void
write_no(const struct bootd_msg *m, json_t *v)
{
	write_req(m, v);
	json_put_str(v, "reason", m->text);
}

static int
read_no(const json_t *v, struct bootd_msg *m, struct error *err)
{
	if (read_req(v, m, err) < 0)
		return -EINVAL;
	return read_text(v, "reason", ERROR_TEXT_SIZE, &m->text, err);
}

static void
write_report(const struct bootd_msg *m, json_t *v)
{
	write_req(m, v);
	json_put_str(v, "token", m->token);
	json_put_str(v, "stage", m->stage);
	json_put_str(v, "note", m->text);
	json_put_str(v, "ip", m->ip);
}

static int
read_report(const json_t *v, struct bootd_msg *m, struct error *err)
{
	if (read_req(v, m, err) < 0 ||
	    json_copy_str(v, "token", m->token, sizeof(m->token), err) < 0 ||
	    json_copy_str(v, "stage", m->stage, sizeof(m->stage), err) < 0 ||
	    json_copy_opt(v, "ip", m->ip, sizeof(m->ip), err) < 0)
		return -EINVAL;
	if (!id_token_valid(m->token))
		return bad(err, "token: not a token");
	if (!str_eq(m->stage, "up") && !str_eq(m->stage, "installed") &&
	    !str_eq(m->stage, "failed") && !str_eq(m->stage, "booted"))
		return bad(err, "stage: not up, installed, failed or booted");
	/* Four octets a character: a binary note arrives escaped (json_put_str). */
	return read_text(v, "note", 4 * BOOTD_MSG_NOTE_MAX, &m->text, err);
}

static void
write_menu(const struct bootd_msg *m, json_t *v)
{
	bundle_menu_put(v, &m->site->menu);
}

static int
read_menu(const json_t *v, struct bootd_msg *m, struct error *err)
{
	m->site = str_alloc(sizeof(*m->site));
	return bundle_menu_from_json(v, &m->site->menu, err);
}

static void
write_menu_image(const struct bootd_msg *m, json_t *v)
{
	json_put(v, "image", bundle_image_to_json(m->image));
}

/* What may not be in a menu is no message at all. */
static int
read_menu_image(const json_t *v, struct bootd_msg *m, struct error *err)
{
	m->image = str_alloc(sizeof(*m->image));
	if (bundle_image_from_json(json_object_get(v, "image"), m->image, err) < 0)
		return -EINVAL;
	return bundle_menu_allows(m->image, err);
}

static const struct codec {
	const char *name;
	void (*write)(const struct bootd_msg *m, json_t *v);
	int (*read)(const json_t *v, struct bootd_msg *m, struct error *err);
} codecs[] = {
    [BOOTD_MSG_CONFIG] = {"config", write_config, read_config},
    [BOOTD_MSG_READY] = {"ready", write_ready, read_ready},
    [BOOTD_MSG_FATAL] = {"fatal", write_fatal, read_fatal},
    [BOOTD_MSG_TABLE_BEGIN] = {"table_begin", write_table_begin, read_table_begin},
    [BOOTD_MSG_SUBNET] = {"subnet", write_subnet, read_subnet},
    [BOOTD_MSG_HOST] = {"host", write_host, read_host},
    [BOOTD_MSG_HOST_DEL] = {"host_del", write_host_del, read_host_del},
    [BOOTD_MSG_TABLE_END] = {"table_end", write_gen, read_gen},
    [BOOTD_MSG_ACK] = {"ack", write_gen, read_gen},
    [BOOTD_MSG_EVENT] = {"event", write_event, read_event},
    [BOOTD_MSG_CONSUME] = {"consume", write_consume, read_consume},
    [BOOTD_MSG_CONSUME_OK] = {"consume_ok", write_req, read_req},
    [BOOTD_MSG_CONSUME_NO] = {"consume_no", write_no, read_no},
    [BOOTD_MSG_REPORT] = {"report", write_report, read_report},
    [BOOTD_MSG_REPORT_OK] = {"report_ok", write_req, read_req},
    [BOOTD_MSG_REPORT_NO] = {"report_no", write_no, read_no},
    [BOOTD_MSG_MENU] = {"menu", write_menu, read_menu},
    [BOOTD_MSG_MENU_IMAGE] = {"menu_image", write_menu_image, read_menu_image},
};

json_t *
bootd_msg_to_json(const struct bootd_msg *m)
{
	const struct codec *codec = &codecs[m->type];
	json_t *v = json_object();

	json_put_str(v, "t", codec->name);
	codec->write(m, v);
	return v;
}

static int
find_codec(const json_t *v, enum bootd_msg_type *ret, struct error *err)
{
	const char *t = NULL;

	if (!json_is_object(v))
		return bad(err, "message: not an object");
	if (json_get_str(v, "t", &t, err) < 0)
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++) {
		if (str_eq(codecs[i].name, t)) {
			*ret = (enum bootd_msg_type)i;
			return 0;
		}
	}
	return error_set(
	    err, -EINVAL, "unknown-message", NULL, "t: a message of a newer release");
}

int
bootd_msg_from_json(const json_t *v, struct bootd_msg *ret, struct error *err)
{
	struct bootd_msg m = {.gen = 0};

	if (find_codec(v, &m.type, err) < 0)
		return -EINVAL;
	if (codecs[m.type].read(v, &m, err) < 0) {
		error_prefix(err, "%s", codecs[m.type].name);
		bootd_msg_done(&m);
		return -EINVAL;
	}
	*ret = m;
	return 0;
}

void
bootd_msg_done(struct bootd_msg *m)
{
	if (m == NULL)
		return;
	free(m->text);
	free(m->next);
	bundle_site_done(m->site);
	free(m->site);
	if (m->image != NULL)
		json_decref(m->image->deadlines);
	free(m->image);
	free(m->subnet);
	free(m->host);
	free(m->boot);
	event_done(m->event);
	free(m->event);
	memset(m, 0, sizeof(*m));
}
