// SPDX-License-Identifier: GPL-3.0-or-later
/* orchestrator.yaml: schema, defaults and checks.
 *
 * Entry points: orch_config_load() for a file, orch_config_parse() for its text. libcyaml
 * checks the document against the schema; what a schema cannot say (absolute paths) is
 * checked here. The result owns its strings. Failure modes: -EINVAL with file, line and
 * key; nothing is kept then. */
#include "orchestrator/orch_config.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/rest_web.h"
#include "lib/str.h"
#include "lib/yaml_where.h"
#include "orchestrator/oui.h"

enum {
	FILE_MAX_SIZE = 64 * 1024,
	TEXT_MAX = 4000,
	DAYS_MAX = 36500,
	HOURS_MAX = 24 * 90,
	HOSTS_MAX = 100000,
	LEAD_MAX_H = 24 * 31,
	LISTEN_MAX = 16,
	NAMES_MAX = 64,
	MB_MAX = 100 * 1000 * 1000
};

#define TEXT(key)                                                              \
	CYAML_FIELD_STRING_PTR(#key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, \
	    struct orch_config, key, 1, TEXT_MAX)

#define WEB_TEXT(key)                                                          \
	CYAML_FIELD_STRING_PTR(#key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, \
	    struct orch_config_web, key, 1, TEXT_MAX)
#define WEB_LIST(key, max)                                                         \
	CYAML_FIELD_SEQUENCE_COUNT(#key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, \
	    struct orch_config_web, key, n_##key, &any_text, 0, max)

static const cyaml_schema_value_t any_text = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, TEXT_MAX)};

static const cyaml_schema_field_t web_fields[] = {
    WEB_LIST(listen, LISTEN_MAX),
    WEB_TEXT(tls_cert),
    WEB_TEXT(tls_key),
    WEB_LIST(names, NAMES_MAX),
    CYAML_FIELD_UINT(
	"session_hours", CYAML_FLAG_OPTIONAL, struct orch_config_web, session_hours),
    WEB_TEXT(assets),
    CYAML_FIELD_END,
};

#define DAYS(key) CYAML_FIELD_UINT(#key, CYAML_FLAG_OPTIONAL, struct retention_days, key)

static const cyaml_schema_field_t retention_fields[] = {
    DAYS(events_days),
    DAYS(progress_days),
    DAYS(boots_days),
    DAYS(jobs_days),
    DAYS(discovered_days),
    CYAML_FIELD_END,
};

#define CAP(key) CYAML_FIELD_UINT(#key, CYAML_FLAG_OPTIONAL, struct orders_cap_kinds, key)

/* There are no open jobs of kind drill: theirs are live and reboot. */
static const cyaml_schema_field_t caps_fields[] = {
    CAP(reinstall),
    CAP(rescue),
    CAP(live),
    CAP(boot),
    CAP(reboot),
    CAP(power),
    CAP(drill),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t in_flight_fields[] = {
    CAP(reinstall),
    CAP(rescue),
    CAP(live),
    CAP(boot),
    CAP(reboot),
    CAP(power),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t approval_fields[] = {
    CYAML_FIELD_UINT("hosts", CYAML_FLAG_OPTIONAL, struct orch_config_approval, hosts),
    CYAML_FIELD_UINT("lead_h", CYAML_FLAG_OPTIONAL, struct orch_config_approval, lead_h),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t unattended_fields[] = {
    CYAML_FIELD_UINT(
	"in_flight", CYAML_FLAG_OPTIONAL, struct orch_config_unattended, in_flight),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t fields[] = {
    TEXT(database),
    TEXT(socket),
    TEXT(group),
    TEXT(images_root),
    TEXT(key_file),
    CYAML_FIELD_UINT(
	"console_days", CYAML_FLAG_OPTIONAL, struct orch_config, console_days),
    CYAML_FIELD_UINT("console_mb", CYAML_FLAG_OPTIONAL, struct orch_config, console_mb),
    CYAML_FIELD_UINT(
	"console_host_mb", CYAML_FLAG_OPTIONAL, struct orch_config, console_host_mb),
    CYAML_FIELD_MAPPING("web", CYAML_FLAG_OPTIONAL, struct orch_config, web, web_fields),
    CYAML_FIELD_MAPPING("retention", CYAML_FLAG_OPTIONAL, struct orch_config, retention,
	retention_fields),
    CYAML_FIELD_MAPPING(
	"caps", CYAML_FLAG_OPTIONAL, struct orch_config, caps.hosts, caps_fields),
    CYAML_FIELD_MAPPING("caps_in_flight", CYAML_FLAG_OPTIONAL, struct orch_config,
	caps.in_flight, in_flight_fields),
    CYAML_FIELD_MAPPING(
	"approval", CYAML_FLAG_OPTIONAL, struct orch_config, approval, approval_fields),
    CYAML_FIELD_MAPPING("unattended", CYAML_FLAG_OPTIONAL, struct orch_config, unattended,
	unattended_fields),
    TEXT(oui_file),
    TEXT(page_url),
    CYAML_FIELD_SEQUENCE_COUNT("webhooks", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
	struct orch_config, webhooks, n_webhooks, &webhook_config_schema, 0,
	WEBHOOK_CONFIG_MAX),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct orch_config, fields)};

PRINTF_LIKE(3, 0)
static void
on_log(cyaml_log_t level, void *arg, const char *fmt, va_list args)
{
	if (level >= CYAML_LOG_ERROR)
		yaml_where_log(arg, fmt, args);
}

/* What libcyaml allocated is taken over: it uses malloc by default. */
static void
set_default(char **member, const char *value)
{
	if (!*member)
		*member = str_dup(value);
}

static int
check_web(
    const struct orch_config_web *w, const struct yaml_where *where, struct error *err)
{
	const struct {
		const char *key, *value;
	} paths[] = {
	    {"web.tls_cert", w->tls_cert},
	    {"web.tls_key", w->tls_key},
	    {"web.assets", w->assets},
	};
	char path[YAML_WHERE_PATH_SIZE];

	if (w->session_hours > HOURS_MAX)
		return yaml_where_bad(
		    where, "web.session_hours", err, "more than %u", (unsigned)HOURS_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (paths[i].value && paths[i].value[0] != '/')
			return yaml_where_bad(where, paths[i].key, err,
			    "must be an absolute path, not %s", paths[i].value);
	if (!w->tls_cert != !w->tls_key)
		return yaml_where_bad(where, "web", err,
		    "tls_cert and tls_key belong together: one of them is missing");
	for (unsigned i = 0; i < w->n_listen; i++) {
		struct sockaddr_storage sa;
		socklen_t len;
		bool loopback;

		yaml_where_path(path, "web.listen[%u]", i);
		if (rest_web_parse_address(w->listen[i], &sa, &len, &loopback) < 0)
			return yaml_where_bad(where, path, err,
			    "%s: write an address and a port, 127.0.0.1:8017 or "
			    "[::1]:8017",
			    w->listen[i]);
	}
	return 0;
}

/* 0 would be taken for "none at all" by one, and for "no cap" by another. */
static int
check_caps(const struct orch_config *c, const struct yaml_where *where, struct error *err)
{
	const struct {
		const char *key;
		const struct orders_cap_kinds *caps;
	} tables[] = {{"caps", &c->caps.hosts}, {"caps_in_flight", &c->caps.in_flight}};
	char path[YAML_WHERE_PATH_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		const struct orders_cap_kinds *k = tables[i].caps;
		const struct {
			const char *key;
			uint32_t value;
		} caps[] = {{"reinstall", k->reinstall}, {"rescue", k->rescue},
		    {"live", k->live}, {"boot", k->boot}, {"reboot", k->reboot},
		    {"power", k->power}, {"drill", k->drill}};

		for (size_t j = 0; j < ARRAY_SIZE(caps); j++) {
			yaml_where_path(path, "%s.%s", tables[i].key, caps[j].key);
			if (caps[j].value == 0 && yaml_where_there(where, path))
				return yaml_where_bad(where, path, err,
				    "at least 1; leave the key out for no cap");
		}
	}
	return 0;
}

static int
check(const struct orch_config *c, const struct yaml_where *where, struct error *err)
{
	const struct {
		const char *key, *value;
	} paths[] = {
	    {"database", c->database},
	    {"socket", c->socket},
	    {"images_root", c->images_root},
	    {"key_file", c->key_file},
	    {"oui_file", c->oui_file},
	};
	const struct {
		const char *key;
		uint32_t value, max;
	} numbers[] = {
	    {"console_days", c->console_days, DAYS_MAX},
	    {"console_mb", c->console_mb, MB_MAX},
	    {"events_days", c->retention.events_days, DAYS_MAX},
	    {"progress_days", c->retention.progress_days, DAYS_MAX},
	    {"boots_days", c->retention.boots_days, DAYS_MAX},
	    {"jobs_days", c->retention.jobs_days, DAYS_MAX},
	    {"discovered_days", c->retention.discovered_days, DAYS_MAX},
	    {"approval.hosts", c->approval.hosts, HOSTS_MAX},
	    {"approval.lead_h", c->approval.lead_h, LEAD_MAX_H},
	    {"unattended.in_flight", c->unattended.in_flight, HOSTS_MAX},
	};
	struct sockaddr_un sun;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (numbers[i].value > numbers[i].max)
			return yaml_where_bad(where, numbers[i].key, err, "more than %u",
			    (unsigned)numbers[i].max);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (paths[i].value[0] != '/')
			return yaml_where_bad(where, paths[i].key, err,
			    "must be an absolute path, not %s", paths[i].value);
	if (strlen(c->socket) >= sizeof(sun.sun_path))
		return yaml_where_bad(where, "socket", err,
		    "longer than the %zu octets of a socket path",
		    sizeof(sun.sun_path) - 1);
	if (c->page_url && !str_has_prefix(c->page_url, "https://") &&
	    !str_has_prefix(c->page_url, "http://"))
		return yaml_where_bad(
		    where, "page_url", err, "must begin with https:// or http://");
	/* Who ordered a boot, and why, is read from its job. */
	if (c->retention.jobs_days > 0 &&
	    (c->retention.boots_days == 0 ||
		c->retention.boots_days > c->retention.jobs_days))
		return yaml_where_bad(where, "jobs_days", err,
		    "boots would lose their jobs: boots_days must be given too, and not "
		    "be more");
	/* Webhooks promise that nothing of three days is missed. */
	if (c->n_webhooks > 0 && c->retention.events_days > 0 &&
	    c->retention.events_days < WEBHOOK_EVENTS_DAYS_MIN)
		return yaml_where_bad(where, "events_days", err,
		    "fewer than %d: webhooks could not tell of what has gone",
		    WEBHOOK_EVENTS_DAYS_MIN);
	int rc = check_web(&c->web, where, err);
	if (rc == 0)
		rc = check_caps(c, where, err);
	return rc < 0 ? rc : webhook_config_check(where, c->webhooks, c->n_webhooks, err);
}

/* An empty list is one that was written: libcyaml gives it no memory. */
static void
set_web_defaults(struct orch_config_web *w, const struct yaml_where *where)
{
	if (w->session_hours == 0)
		w->session_hours = 12;
	if (w->n_listen > 0 || yaml_where_there(where, "web.listen"))
		return;
	free(w->listen);
	w->listen = str_alloc(sizeof(w->listen[0]));
	w->listen[0] = str_dup(ORCH_CONFIG_WEB_LISTEN);
	w->n_listen = 1;
	w->listen_default = true;
}

/* No hosts at all need no approval, which is another thing than that nobody said how many. */
static void
set_unattended_defaults(struct orch_config *c, const struct yaml_where *where)
{
	if (!yaml_where_there(where, "approval.hosts"))
		c->approval.hosts = 10;
	if (c->approval.lead_h == 0)
		c->approval.lead_h = 24;
	if (c->unattended.in_flight == 0)
		c->unattended.in_flight = 50;
}

int
orch_config_parse(const char *name, const char *text, size_t len,
    struct orch_config **ret, struct error *err)
{
	const struct yaml_where where = {.name = name,
	    .text = text,
	    .len = len,
	    .next = "netboot-orchestrator.yaml(5) lists the keys; -n checks the file",
	    .schema = &schema};
	struct yaml_where_trace trace = {.message = ""};
	const cyaml_config_t cyaml = {
	    .log_fn = on_log,
	    .log_ctx = &trace,
	    .log_level = CYAML_LOG_ERROR,
	    .mem_fn = cyaml_mem,
	    .flags = CYAML_CFG_DEFAULT,
	};
	struct orch_config *c = NULL;
	cyaml_err_t e;

	if (yaml_where_only_one(&where, err) < 0 ||
	    yaml_where_whole_numbers(&where, err) < 0)
		return -EINVAL;
	e = cyaml_load_data(
	    (const uint8_t *)text, len, &cyaml, &schema, (cyaml_data_t **)&c, NULL);
	/* A file without a document is a file of defaults. */
	if (e != CYAML_OK && e != CYAML_ERR_UNEXPECTED_EVENT && len > 0)
		return yaml_where_failed(&where, &trace, cyaml_strerror(e), err);
	if (e != CYAML_OK && strspn(text, " \t\r\n") < len && trace.message[0])
		return yaml_where_failed(&where, &trace, cyaml_strerror(e), err);
	if (!c)
		c = str_alloc(sizeof(*c));
	if (c->console_days == 0)
		c->console_days = 90;
	if (c->console_mb == 0)
		c->console_mb = 4096;
	if (c->console_host_mb == 0)
		c->console_host_mb = 64;
	set_web_defaults(&c->web, &where);
	set_unattended_defaults(c, &where);
	/* These tell of nothing that is not told by other events; all else is kept until somebody says how long. */
	if (c->retention.progress_days == 0)
		c->retention.progress_days = 30;
	if (c->retention.discovered_days == 0)
		c->retention.discovered_days = 30;
	set_default(&c->oui_file, OUI_PATH);
	set_default(&c->database, "/var/lib/netboot/orchestrator.db");
	set_default(&c->socket, "/run/netboot/orchestrator.sock");
	set_default(&c->group, "netboot");
	set_default(&c->images_root, "/srv/netboot/images");
	set_default(&c->key_file, "/var/lib/netboot/orchestrator.key");
	int rc = check(c, &where, err);
	if (rc < 0) {
		orch_config_free(c);
		return rc;
	}
	*ret = c;
	return 0;
}

int
orch_config_load(const char *path, struct orch_config **ret, struct error *err)
{
	char *text = str_alloc(FILE_MAX_SIZE + 1);
	size_t len = 0;
	ssize_t n = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc = fd < 0 ? -errno : 0;

	while (rc == 0 && len <= FILE_MAX_SIZE &&
	       (n = read(fd, text + len, FILE_MAX_SIZE + 1 - len)) > 0)
		len += (size_t)n;
	if (rc == 0 && n < 0)
		rc = -errno;
	if (fd >= 0)
		close(fd);
	if (rc < 0)
		error_set(err, rc, "config", "create it, or give its path with -c",
		    "cannot read %s: %s", path, strerror(-rc));
	else if (len > FILE_MAX_SIZE)
		rc = error_set(err, -EFBIG, "config", NULL, "%s: larger than %d octets",
		    path, FILE_MAX_SIZE);
	else
		rc = orch_config_parse(path, text, len, ret, err);
	for (unsigned i = 0; rc == 0 && i < (*ret)->n_webhooks; i++) {
		rc = webhook_config_open(&(*ret)->webhooks[i], err);
		if (rc < 0) {
			orch_config_free(*ret);
			*ret = NULL;
			break;
		}
	}
	free(text);
	return rc;
}

static void
free_list(char **v, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		free(v[i]);
	free(v);
}

void
orch_config_free(struct orch_config *c)
{
	if (!c)
		return;
	free(c->database);
	free(c->socket);
	free(c->group);
	free(c->images_root);
	free(c->key_file);
	free_list(c->web.listen, c->web.n_listen);
	free_list(c->web.names, c->web.n_names);
	free(c->web.tls_cert);
	free(c->web.tls_key);
	free(c->web.assets);
	free(c->oui_file);
	free(c->page_url);
	for (unsigned i = 0; i < c->n_webhooks; i++)
		webhook_config_done(&c->webhooks[i]);
	free(c->webhooks);
	free(c);
}
