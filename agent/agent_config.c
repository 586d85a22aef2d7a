/* SPDX-License-Identifier: GPL-3.0-or-later */
/* agent.yaml: schema, defaults, checks, and the section that is bootd's.
 *
 * Entry points: agent_config_load(), agent_config_parse().
 * Ownership: libcyaml's tree lives inside agent_config_parse(); *ret owns boot_services.
 * Failure modes: every error names file, line and key, and nothing is kept. What is
 * inside boot_services is bootd's to judge; only its two folders that the agent itself
 * uses are read here, so that they stand in one place.
 */
#include "agent/agent_config.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "agent/agent_config_text.h"
#include "agent/agent_config_url.h"
#include "lib/str.h"
#include "lib/yaml_where.h"

#define OPT CYAML_FLAG_OPTIONAL
#define STATE_DIR "/var/lib/netboot"
#define TEXT(key, type, member, max) \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | OPT, type, member, 0, max)

struct raw_deadlines {
	char *by_stage[STAGE_COUNT];
};

struct raw_dirs {
	char *images, *scripts, *loaders;
};
struct raw_log {
	char *format, *file, *journal;
};
struct raw_own {
	char *user;
	struct raw_dirs dirs;
	struct raw_log *logs;
	uint32_t logs_count;
};

struct raw_bmc {
	char *command_gap, *session_gap, *breaker_rest, *breaker_rest_max,
	    *lockout_window;
	uint32_t *sessions_per_minute, *breaker_after, *lockout_bmcs, *lockout_percent;
	bool *jobs_wait;
	uint32_t *sessions_at_once;
	char *give_up_after;
};

struct raw_ssh {
	char *user, *key, *known_hosts, *command, *run_as, *timeout;
	uint32_t *port;
};

struct raw_store {
	uint32_t *max_kbit, *max_gb, *min_free_mb;
};

struct raw {
	char *site, *orchestrator, *proxy, *proxy_user, *proxy_password_file, *token_file,
	    *state_dir, *spool, *seal_key, *bootd, *site_url, *local_socket, *local_group,
	    *gates_root, *gates_user;
	uint32_t *max_jobs, *max_events, *spool_mb, *console_boot_mb, *console_site_mb;
	struct raw_deadlines deadlines;
	struct raw_bmc bmc;
	struct raw_store image_store;
	struct raw_ssh *ssh;
	struct raw_own *own_servers;
};

#define DEADLINE(name, stage) TEXT(name, struct raw_deadlines, by_stage[stage], 16)
static const cyaml_schema_field_t deadline_fields[] = {
    DEADLINE("preflight", STAGE_PREFLIGHT),
    DEADLINE("armed", STAGE_ARMED),
    DEADLINE("override", STAGE_OVERRIDE),
    DEADLINE("power", STAGE_POWER),
    DEADLINE("firmware-dhcp", STAGE_FIRMWARE_DHCP),
    DEADLINE("loader", STAGE_LOADER),
    DEADLINE("ipxe-dhcp", STAGE_IPXE_DHCP),
    DEADLINE("script", STAGE_SCRIPT),
    DEADLINE("kernel", STAGE_KERNEL),
    DEADLINE("initrd", STAGE_INITRD),
    DEADLINE("rootfs", STAGE_ROOTFS),
    DEADLINE("os-up", STAGE_OS_UP),
    DEADLINE("installed", STAGE_INSTALLED),
    DEADLINE("local-boot", STAGE_LOCAL_BOOT),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t dirs_fields[] = {
    TEXT("images", struct raw_dirs, images, 255),
    TEXT("scripts", struct raw_dirs, scripts, 255),
    TEXT("loaders", struct raw_dirs, loaders, 255),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t log_fields[] = {
    TEXT("format", struct raw_log, format, 32),
    TEXT("file", struct raw_log, file, 255),
    TEXT("journal", struct raw_log, journal, 255),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t log_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_log, log_fields)};
static const cyaml_schema_field_t own_fields[] = {
    TEXT("user", struct raw_own, user, 63),
    CYAML_FIELD_MAPPING("dirs", OPT, struct raw_own, dirs, dirs_fields),
    CYAML_FIELD_SEQUENCE("logs", CYAML_FLAG_POINTER | OPT, struct raw_own, logs,
	&log_value, 0, AGENT_CONFIG_LOGS_MAX),
    CYAML_FIELD_END,
};

#define COUNT(key, member) \
	CYAML_FIELD_UINT_PTR(key, CYAML_FLAG_POINTER | OPT, struct raw_bmc, member)
static const cyaml_schema_field_t bmc_fields[] = {
    TEXT("command_gap", struct raw_bmc, command_gap, 16),
    TEXT("session_gap", struct raw_bmc, session_gap, 16),
    COUNT("sessions_per_minute", sessions_per_minute),
    COUNT("breaker_after", breaker_after),
    TEXT("breaker_rest", struct raw_bmc, breaker_rest, 16),
    TEXT("breaker_rest_max", struct raw_bmc, breaker_rest_max, 16),
    CYAML_FIELD_BOOL_PTR(
	"jobs_wait", CYAML_FLAG_POINTER | OPT, struct raw_bmc, jobs_wait),
    COUNT("lockout_bmcs", lockout_bmcs),
    COUNT("lockout_percent", lockout_percent),
    TEXT("lockout_window", struct raw_bmc, lockout_window, 16),
    COUNT("sessions_at_once", sessions_at_once),
    TEXT("give_up_after", struct raw_bmc, give_up_after, 16),
    CYAML_FIELD_END,
};

#define LIMIT(key, member) \
	CYAML_FIELD_UINT_PTR(key, CYAML_FLAG_POINTER | OPT, struct raw_store, member)
static const cyaml_schema_field_t store_fields[] = {
    LIMIT("max_kbit", max_kbit),
    LIMIT("max_gb", max_gb),
    LIMIT("min_free_mb", min_free_mb),
    CYAML_FIELD_END,
};

#define SSH(key, max) TEXT(#key, struct raw_ssh, key, max)
static const cyaml_schema_field_t ssh_fields[] = {
    SSH(user, 63),
    SSH(key, 255),
    SSH(known_hosts, 255),
    SSH(command, 255),
    SSH(run_as, 63),
    SSH(timeout, 16),
    CYAML_FIELD_UINT_PTR("port", CYAML_FLAG_POINTER | OPT, struct raw_ssh, port),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t top_fields[] = {
    TEXT("site", struct raw, site, 63),
    TEXT("orchestrator", struct raw, orchestrator, 255),
    TEXT("token_file", struct raw, token_file, 255),
    TEXT("proxy", struct raw, proxy, 255),
    TEXT("proxy_user", struct raw, proxy_user, 127),
    TEXT("proxy_password_file", struct raw, proxy_password_file, 255),
    TEXT("state_dir", struct raw, state_dir, 200),
    TEXT("spool", struct raw, spool, 255),
    TEXT("seal_key", struct raw, seal_key, 255),
    TEXT("bootd", struct raw, bootd, 255),
    TEXT("site_url", struct raw, site_url, 200),
    TEXT("local_socket", struct raw, local_socket, 107),
    TEXT("local_group", struct raw, local_group, 63),
    TEXT("gates_root", struct raw, gates_root, 255),
    TEXT("gates_user", struct raw, gates_user, 63),
    CYAML_FIELD_UINT_PTR("max_jobs", CYAML_FLAG_POINTER | OPT, struct raw, max_jobs),
    CYAML_FIELD_UINT_PTR("max_events", CYAML_FLAG_POINTER | OPT, struct raw, max_events),
    CYAML_FIELD_UINT_PTR("spool_mb", CYAML_FLAG_POINTER | OPT, struct raw, spool_mb),
    CYAML_FIELD_UINT_PTR(
	"console_boot_mb", CYAML_FLAG_POINTER | OPT, struct raw, console_boot_mb),
    CYAML_FIELD_UINT_PTR(
	"console_site_mb", CYAML_FLAG_POINTER | OPT, struct raw, console_site_mb),
    CYAML_FIELD_MAPPING("deadlines", OPT, struct raw, deadlines, deadline_fields),
    CYAML_FIELD_MAPPING("bmc", OPT, struct raw, bmc, bmc_fields),
    CYAML_FIELD_MAPPING("image_store", OPT, struct raw, image_store, store_fields),
    CYAML_FIELD_MAPPING_PTR("ssh", CYAML_FLAG_POINTER | OPT, struct raw, ssh, ssh_fields),
    CYAML_FIELD_IGNORE("boot_services", OPT),
    CYAML_FIELD_MAPPING_PTR(
	"own_servers", CYAML_FLAG_POINTER | OPT, struct raw, own_servers, own_fields),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t top_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw, top_fields)};

struct raw_services {
	char *user;
	struct raw_dirs dirs;
};
struct raw_outer {
	struct raw_services boot_services;
};
static const cyaml_schema_field_t services_fields[] = {
    TEXT("user", struct raw_services, user, 63),
    CYAML_FIELD_MAPPING("dirs", OPT, struct raw_services, dirs, dirs_fields),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t outer_fields[] = {
    CYAML_FIELD_MAPPING(
	"boot_services", OPT, struct raw_outer, boot_services, services_fields),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t outer_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw_outer, outer_fields)};

static void
on_log(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
	if (level >= CYAML_LOG_ERROR)
		yaml_where_log(ctx, fmt, args);
}

static int
load(const struct yaml_where *w, const cyaml_schema_value_t *schema,
    cyaml_cfg_flags_t flags, void **ret, struct error *err)
{
	struct yaml_where_trace trace = {0};
	const cyaml_config_t cyaml = {
	    .log_fn = on_log,
	    .log_ctx = &trace,
	    .mem_fn = cyaml_mem,
	    .log_level = CYAML_LOG_ERROR,
	    .flags = CYAML_CFG_NO_ALIAS | flags,
	};
	cyaml_err_t status;

	if (yaml_where_only_one(w, err) < 0 || yaml_where_whole_numbers(w, err) < 0)
		return -EINVAL;
	status =
	    cyaml_load_data((const uint8_t *)w->text, w->len, &cyaml, schema, ret, NULL);
	if (status != CYAML_OK)
		return yaml_where_failed(w, &trace, cyaml_strerror(status), err);
	if (*ret == NULL)
		return error_set(err, -EINVAL, "config",
		    "it needs at least boot_services with the interfaces to serve",
		    "%s:1: the document is empty", w->name);
	return 0;
}

static void
unload(const cyaml_schema_value_t *schema, void *data)
{
	const cyaml_config_t cyaml = {.mem_fn = cyaml_mem, .log_level = CYAML_LOG_ERROR};

	if (data != NULL)
		cyaml_free(&cyaml, schema, data, 0);
}

static int
take_text(const struct yaml_where *w, const char *key, const char *value,
    const char *fallback, char *dst, size_t size, struct error *err)
{
	const char *s = value != NULL && value[0] != '\0' ? value : fallback;

	if (str_copy(dst, size, s) < 0)
		return yaml_where_bad(w, key, err, "longer than %zu octets", size - 1);
	return 0;
}

static int
take_path(const struct yaml_where *w, const char *key, const char *value,
    const char *fallback, char *dst, size_t size, struct error *err)
{
	int r = take_text(w, key, value, fallback, dst, size, err);

	if (r == 0 && dst[0] != '/' && dst[0] != '\0')
		return yaml_where_bad(w, key, err, "\"%s\" is not an absolute path", dst);
	return r;
}

static int
take_number(const struct yaml_where *w, const char *key, const uint32_t *value,
    int64_t fallback, int64_t min, int64_t max, int64_t *ret, struct error *err)
{
	*ret = value == NULL ? fallback : *value;
	if (*ret < min || *ret > max)
		return yaml_where_bad(w, key, err, "%lld is not between %lld and %lld",
		    (long long)*ret, (long long)min, (long long)max);
	return 0;
}

static int
take_deadlines(const struct yaml_where *w, const struct raw_deadlines *raw,
    struct run_limits *ret, struct error *err)
{
	for (int s = 0; s < STAGE_COUNT; s++) {
		char path[YAML_WHERE_PATH_SIZE];
		int64_t us;

		if (raw->by_stage[s] == NULL)
			continue;
		yaml_where_path(path, "deadlines.%s", stage_name((enum stage)s));
		if (str_to_duration(raw->by_stage[s], &us) < 0 || us <= 0)
			return yaml_where_bad(w, path, err,
			    "\"%s\" is not a duration such as 90s or 10m",
			    raw->by_stage[s]);
		ret->allow[s] = us;
	}
	return 0;
}

static int
take_span(const struct yaml_where *w, const char *key, const char *text, int64_t max,
    int64_t *ret, struct error *err)
{
	int64_t us;

	if (text == NULL)
		return 0;
	if (str_to_duration(text, &us) < 0 || us < 0 || us > max)
		return yaml_where_bad(w, key, err,
		    "\"%s\" is not a duration such as 90s or 10m, up to %lld s", text,
		    (long long)(max / USEC_PER_SEC));
	*ret = us;
	return 0;
}

/* 0 means "never" to people, and "the default" to the engine. */
static int
take_threshold(const struct yaml_where *w, const char *key, const uint32_t *value,
    int64_t max, unsigned *ret, struct error *err)
{
	int64_t n;

	if (value == NULL)
		return 0;
	if (take_number(w, key, value, 0, 0, max, &n, err) < 0)
		return -EINVAL;
	*ret = n == 0 ? UINT_MAX : (unsigned)n;
	return 0;
}

static int
take_bmc(const struct yaml_where *w, const struct raw_bmc *raw, struct bmc_opts *ret,
    struct error *err)
{
	const int64_t day = 86400 * USEC_PER_SEC;
	int64_t rate = 0, at_once = 0;
	int r;

	if ((r = take_span(w, "bmc.command_gap", raw->command_gap, 10 * USEC_PER_SEC,
		 &ret->command_gap, err)) < 0 ||
	    (r = take_span(w, "bmc.session_gap", raw->session_gap, 60 * USEC_PER_SEC,
		 &ret->session_gap, err)) < 0 ||
	    (r = take_span(w, "bmc.breaker_rest", raw->breaker_rest, day,
		 &ret->breaker_first, err)) < 0 ||
	    (r = take_span(w, "bmc.breaker_rest_max", raw->breaker_rest_max, day,
		 &ret->breaker_max, err)) < 0 ||
	    (r = take_span(w, "bmc.lockout_window", raw->lockout_window, day,
		 &ret->lockout_window, err)) < 0 ||
	    (r = take_number(w, "bmc.sessions_per_minute", raw->sessions_per_minute, 0, 0,
		 600, &rate, err)) < 0 ||
	    (r = take_threshold(w, "bmc.breaker_after", raw->breaker_after, 1000,
		 &ret->breaker_after, err)) < 0 ||
	    (r = take_threshold(w, "bmc.lockout_bmcs", raw->lockout_bmcs, 100000,
		 &ret->lockout_more_than, err)) < 0 ||
	    (r = take_threshold(w, "bmc.lockout_percent", raw->lockout_percent, 100,
		 &ret->lockout_percent, err)) < 0)
		return r;
	if ((r = take_number(w, "bmc.sessions_at_once", raw->sessions_at_once, 1024, 1,
		 4096, &at_once, err)) < 0 ||
	    (r = take_span(w, "bmc.give_up_after", raw->give_up_after, 20 * USEC_PER_SEC,
		 &ret->command_timeout, err)) < 0)
		return r;
	ret->in_flight = (unsigned)at_once;
	ret->sessions_per_minute = (unsigned)rate;
	ret->jobs_wait = raw->jobs_wait != NULL && *raw->jobs_wait;
	return 0;
}

static int
take_store(const struct yaml_where *w, const struct raw_store *raw,
    struct agent_config *c, struct error *err)
{
	const int64_t mb = 1024 * 1024;
	int r;

	if ((r = take_number(w, "image_store.max_kbit", raw->max_kbit, 0, 0, 1000000000,
		 &c->store_kbit, err)) < 0 ||
	    (r = take_number(w, "image_store.max_gb", raw->max_gb, 0, 0, 1000000,
		 &c->store_max, err)) < 0 ||
	    (r = take_number(w, "image_store.min_free_mb", raw->min_free_mb, 512, 0,
		 100000000, &c->store_floor, err)) < 0)
		return r;
	c->store_max *= 1024 * mb;
	c->store_floor *= mb;
	return 0;
}

static int
take_ssh(const struct yaml_where *w, const struct raw_ssh *raw, struct agent_config *c,
    struct error *err)
{
	struct agent_config_ssh *s = &c->ssh;
	int r = 0;

	c->limits.hook = 60 * USEC_PER_SEC;
	if (raw == NULL)
		return 0;
	if (raw->user == NULL || raw->user[0] == '\0' || raw->user[0] == '-')
		return yaml_where_bad(
		    w, "ssh.user", err, "who is to be logged in as on the hosts?");
	const struct {
		const char *key, *value, *fallback;
		char *dst;
	} paths[] = {
	    {"ssh.key", raw->key, "/etc/netboot/ssh/id_ed25519", s->key},
	    {"ssh.known_hosts", raw->known_hosts, "/etc/netboot/ssh/known_hosts",
		s->known_hosts},
	    {"ssh.command", raw->command, "/usr/bin/ssh", s->command},
	};
	str_clip(s->user, sizeof(s->user), raw->user);
	str_clip(s->run_as, sizeof(s->run_as),
	    raw->run_as != NULL ? raw->run_as : "netboot-ssh");
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(paths); i++)
		r = take_path(w, paths[i].key, paths[i].value, paths[i].fallback,
		    paths[i].dst, AGENT_CONFIG_PATH_SIZE, err);
	if (r == 0)
		r = take_span(w, "ssh.timeout", raw->timeout, 3600 * USEC_PER_SEC,
		    &c->limits.hook, err);
	return r < 0 ? r
		     : take_number(w, "ssh.port", raw->port, 22, 1, 65535, &s->port, err);
}

static int
take_limits(const struct yaml_where *w, const struct raw *raw, struct agent_config *c,
    struct error *err)
{
	enum { MB = 1024 * 1024 };
	int r;

	if ((r = take_number(
		 w, "max_jobs", raw->max_jobs, 1000, 1, 100000, &c->max_jobs, err)) < 0 ||
	    (r = take_number(w, "max_events", raw->max_events, 200000, 1000, 100000000,
		 &c->max_events, err)) < 0 ||
	    (r = take_number(w, "spool_mb", raw->spool_mb, 256, 1, 1000000,
		 &c->max_octets, err)) < 0 ||
	    (r = take_number(w, "console_boot_mb", raw->console_boot_mb, 4, 1, 64,
		 &c->console_boot_limit, err)) < 0 ||
	    (r = take_number(w, "console_site_mb", raw->console_site_mb, 512, 1, 1000000,
		 &c->console_site_limit, err)) < 0)
		return r;
	/* The orchestrator of the same machine keeps its own in `console` there. */
	if (str_format(c->console_dir, sizeof(c->console_dir), "%s/agent-console",
		c->state_dir) < 0)
		return yaml_where_bad(w, "state_dir", err, "too long");
	c->max_octets *= MB;
	c->console_boot_limit *= MB;
	c->console_site_limit *= MB;
	if ((r = take_bmc(w, &raw->bmc, &c->bmc, err)) < 0 ||
	    (r = take_store(w, &raw->image_store, c, err)) < 0 ||
	    (r = take_ssh(w, raw->ssh, c, err)) < 0)
		return r;
	return take_deadlines(w, &raw->deadlines, &c->limits, err);
}

/* One agent of a machine has the well-known socket; another, with a state_dir of its own, has its own there. */
static int
take_local(const struct yaml_where *w, const struct raw *raw, struct agent_config *c,
    struct error *err)
{
	char fallback[AGENT_CONFIG_PATH_SIZE];
	int r =
	    str_eq(c->state_dir, STATE_DIR)
		? str_copy(fallback, sizeof(fallback), "/run/netboot/agent.sock")
		: str_format(fallback, sizeof(fallback), "%s/agent.sock", c->state_dir);

	if (r < 0)
		return yaml_where_bad(w, "state_dir", err, "too long");
	c->local_named = raw->local_socket != NULL;
	if (!c->local_named || raw->local_socket[0] != '\0')
		r = take_path(w, "local_socket", raw->local_socket, fallback,
		    c->local_socket, sizeof(c->local_socket), err);
	return r < 0 ? r
		     : take_text(w, "local_group", raw->local_group, "netboot",
			   c->local_group, sizeof(c->local_group), err);
}

static int
take_top(const struct yaml_where *w, const struct raw *raw, struct agent_config *c,
    struct error *err)
{
	char fallback[AGENT_CONFIG_PATH_SIZE];
	int r;

	if ((r = take_text(
		 w, "site", raw->site, "local", c->site, sizeof(c->site), err)) < 0)
		return r;
	if (!str_name_valid(c->site))
		return yaml_where_bad(w, "site", err, "\"%s\" is not a name", c->site);
	if ((r = take_text(w, "orchestrator", raw->orchestrator,
		 "unix:/run/netboot/orchestrator.sock", c->orchestrator,
		 sizeof(c->orchestrator), err)) < 0 ||
	    (r = take_text(w, "site_url", raw->site_url, "", c->site_url,
		 sizeof(c->site_url), err)) < 0 ||
	    (r = take_text(w, "proxy", raw->proxy, "", c->proxy, sizeof(c->proxy), err)) <
		0 ||
	    (r = take_text(w, "proxy_user", raw->proxy_user, "", c->proxy_user,
		 sizeof(c->proxy_user), err)) < 0 ||
	    (r = take_path(w, "proxy_password_file", raw->proxy_password_file, "",
		 c->proxy_password_file, sizeof(c->proxy_password_file), err)) < 0 ||
	    (r = agent_config_url_check(w, c, err)) < 0 ||
	    (r = take_path(w, "token_file", raw->token_file, "", c->token_file,
		 sizeof(c->token_file), err)) < 0 ||
	    (r = take_path(w, "state_dir", raw->state_dir, STATE_DIR, c->state_dir,
		 sizeof(c->state_dir), err)) < 0 ||
	    (r = take_path(w, "bootd", raw->bootd, "", c->bootd, sizeof(c->bootd), err)) <
		0)
		return r;
	if (str_format(fallback, sizeof(fallback), "%s/agent.db", c->state_dir) < 0 ||
	    (r = take_path(w, "spool", raw->spool, fallback, c->spool, sizeof(c->spool),
		 err)) < 0 ||
	    str_format(fallback, sizeof(fallback), "%s/agent.key", c->state_dir) < 0 ||
	    (r = take_path(w, "seal_key", raw->seal_key, fallback, c->seal_key,
		 sizeof(c->seal_key), err)) < 0)
		return yaml_where_bad(
		    w, "state_dir", err, "unusable for the spool and its key");
	if ((r = take_local(w, raw, c, err)) < 0 ||
	    (r = take_path(w, "gates_root", raw->gates_root, "/etc/netboot/gates",
		 c->gates_root, sizeof(c->gates_root), err)) < 0 ||
	    (r = take_text(w, "gates_user", raw->gates_user, "nobody", c->gates_user,
		 sizeof(c->gates_user), err)) < 0)
		return r;
	return take_limits(w, raw, c, err);
}

/* The node of top-level key `key`, or NULL. */
static yaml_node_t *
top_node(yaml_document_t *doc, const char *key)
{
	yaml_node_t *root = yaml_document_get_root_node(doc);

	if (root == NULL || root->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *p = root->data.mapping.pairs.start;
	     p < root->data.mapping.pairs.top; p++) {
		yaml_node_t *k = yaml_document_get_node(doc, p->key);

		if (k != NULL && k->type == YAML_SCALAR_NODE &&
		    str_eq((const char *)k->data.scalar.value, key))
			return yaml_document_get_node(doc, p->value);
	}
	return NULL;
}

static int
take_boot_services(const struct yaml_where *w, struct agent_config *c, struct error *err)
{
	yaml_parser_t parser;
	yaml_document_t doc;
	yaml_node_t *node;
	int r = 0;

	if (!yaml_parser_initialize(&parser))
		return error_set(
		    err, -ENOMEM, "config", NULL, "%s: out of memory", w->name);
	yaml_parser_set_input_string(&parser, (const unsigned char *)w->text, w->len);
	if (!yaml_parser_load(&parser, &doc)) {
		yaml_parser_delete(&parser);
		return yaml_where_bad(w, "boot_services", err, "cannot be read");
	}
	node = top_node(&doc, "boot_services");
	if (node == NULL || node->type != YAML_MAPPING_NODE)
		r = yaml_where_bad(w, "boot_services", err,
		    "missing: give at least interfaces (docs/boot-services.md), or "
		    "own_servers "
		    "where the site keeps its own");
	else
		c->boot_services = agent_config_text_only(
		    w->text, w->len, node->start_mark.index, node->end_mark.index);
	yaml_document_delete(&doc);
	yaml_parser_delete(&parser);
	return r;
}

static bool
has_boot_services(const struct yaml_where *w)
{
	yaml_parser_t parser;
	yaml_document_t doc;
	bool there = false;

	if (!yaml_parser_initialize(&parser))
		return false;
	yaml_parser_set_input_string(&parser, (const unsigned char *)w->text, w->len);
	if (yaml_parser_load(&parser, &doc)) {
		there = top_node(&doc, "boot_services") != NULL;
		yaml_document_delete(&doc);
	}
	yaml_parser_delete(&parser);
	return there;
}

static int
take_roots(const struct yaml_where *w, const char *section, const struct raw_dirs *dirs,
    struct agent_config *c, struct error *err)
{
	char images[YAML_WHERE_PATH_SIZE], scripts[YAML_WHERE_PATH_SIZE];
	char loaders[YAML_WHERE_PATH_SIZE];
	int r;

	yaml_where_path(images, "%s.dirs.images", section);
	yaml_where_path(scripts, "%s.dirs.scripts", section);
	yaml_where_path(loaders, "%s.dirs.loaders", section);
	r = take_path(w, images, dirs->images, "/srv/netboot/images", c->images_root,
	    sizeof(c->images_root), err);
	if (r == 0)
		r = take_path(w, scripts, dirs->scripts, "/srv/netboot/scripts",
		    c->scripts_root, sizeof(c->scripts_root), err);
	if (r == 0)
		r = take_path(w, loaders, dirs->loaders, "/srv/netboot/loaders",
		    c->loaders_root, sizeof(c->loaders_root), err);
	return r;
}

static int
take_dirs(const struct yaml_where *w, struct agent_config *c, struct error *err)
{
	struct raw_outer *outer = NULL;
	int r;

	r = load(w, &outer_value, CYAML_CFG_IGNORE_UNKNOWN_KEYS, (void **)&outer, err);
	if (r < 0)
		return r;
	str_clip(c->bootd_user, sizeof(c->bootd_user),
	    outer->boot_services.user != NULL ? outer->boot_services.user
					      : "netboot-bootd");
	r = take_roots(w, "boot_services", &outer->boot_services.dirs, c, err);
	unload(&outer_value, outer);
	return r;
}

static int
take_log(const struct yaml_where *w, unsigned i, const struct raw_log *raw,
    struct agent_config_log *ret, struct error *err)
{
	const char *unit = raw->journal == NULL ? "" : raw->journal;
	char path[YAML_WHERE_PATH_SIZE];
	int r;

	yaml_where_path(path, "own_servers.logs[%u].format", i);
	if (raw->format == NULL || logline_format_parse(raw->format, &ret->format) < 0)
		return yaml_where_bad(w, path, err,
		    "\"%s\" is not isc-dhcp, kea, dnsmasq, tftpd-hpa or nginx",
		    raw->format == NULL ? "" : raw->format);
	yaml_where_path(path, "own_servers.logs[%u]", i);
	if ((raw->file == NULL || raw->file[0] == '\0') == (unit[0] == '\0'))
		return yaml_where_bad(
		    w, path, err, "give either file or journal, where this log is");
	yaml_where_path(path, "own_servers.logs[%u].file", i);
	r = take_path(w, path, raw->file, "", ret->file, sizeof(ret->file), err);
	if (r < 0 || unit[0] == '\0')
		return r;
	yaml_where_path(path, "own_servers.logs[%u].journal", i);
	if (strpbrk(unit, " /\t\n") != NULL || strchr(unit, '.') == NULL)
		return yaml_where_bad(w, path, err,
		    "\"%s\" is not the name of a unit, such as tftpd-hpa.service", unit);
	return take_text(w, path, unit, "", ret->journal, sizeof(ret->journal), err);
}

static int
check_twice(const struct yaml_where *w, const struct agent_config *c, struct error *err)
{
	char path[YAML_WHERE_PATH_SIZE];

	for (unsigned i = 0; i < c->n_logs; i++) {
		for (unsigned k = 0; k < i; k++) {
			if (!str_eq(c->logs[i].file, c->logs[k].file) ||
			    !str_eq(c->logs[i].journal, c->logs[k].journal) ||
			    c->logs[i].format != c->logs[k].format)
				continue;
			yaml_where_path(path, "own_servers.logs[%u]", i);
			return yaml_where_bad(
			    w, path, err, "this log is in the list already");
		}
	}
	return 0;
}

static int
take_own_servers(const struct yaml_where *w, const struct raw_own *raw,
    struct agent_config *c, struct error *err)
{
	int r = take_roots(w, "own_servers", &raw->dirs, c, err);
	bool http = false;

	if (r < 0)
		return r;
	if (has_boot_services(w))
		return yaml_where_bad(w, "own_servers", err,
		    "boot_services is there too: either netboot-bootd serves the site, "
		    "or "
		    "its own servers do");
	c->own_servers = c->limits.by_logs = true;
	str_clip(c->bootd_user, sizeof(c->bootd_user),
	    raw->user != NULL ? raw->user : "www-data");
	for (unsigned i = 0; i < raw->logs_count; i++) {
		r = take_log(w, i, &raw->logs[i], &c->logs[c->n_logs++], err);
		if (r < 0)
			return r;
		http |= c->logs[i].format == LOGLINE_NGINX;
	}
	if (!http)
		return yaml_where_bad(w, "own_servers.logs", err,
		    "without the log of the HTTP server (format nginx) the use of a "
		    "ticket "
		    "is never seen, and an image could be had twice");
	return check_twice(w, c, err);
}

int
agent_config_parse(const char *name, const char *text, size_t len,
    struct agent_config *ret, struct error *err)
{
	const struct yaml_where where = {.name = name,
	    .text = text,
	    .len = len,
	    .next = "netboot-agent.yaml(5) lists the keys; -n checks the file",
	    .schema = &top_value};
	struct agent_config c = {0};
	struct raw *raw = NULL;
	int r;

	r = load(&where, &top_value, 0, (void **)&raw, err);
	if (r < 0)
		return r;
	r = take_top(&where, raw, &c, err);
	if (r == 0 && raw->own_servers != NULL)
		r = take_own_servers(&where, raw->own_servers, &c, err);
	else if (r == 0 && (r = take_boot_services(&where, &c, err)) == 0)
		r = take_dirs(&where, &c, err);
	unload(&top_value, raw);
	if (r < 0) {
		agent_config_done(&c);
		return r;
	}
	*ret = c;
	return 0;
}

static int
unreadable(const char *path, int e, struct error *err)
{
	return error_set(err, -e, "config", "write it as docs/operations.md shows",
	    "cannot read %s: %s", path, strerror(e));
}

int
agent_config_load(const char *path, struct agent_config *ret, struct error *err)
{
	FILE *f = fopen(path, "re");
	char *text;
	size_t n;
	int r;

	if (f == NULL)
		return unreadable(path, errno, err);
	text = str_alloc(AGENT_CONFIG_SIZE_MAX + 1);
	n = fread(text, 1, AGENT_CONFIG_SIZE_MAX + 1, f);
	if (ferror(f))
		r = unreadable(path, EIO, err);
	else if (n > AGENT_CONFIG_SIZE_MAX)
		r = error_set(err, -EMSGSIZE, "config", NULL, "%s: larger than %d octets",
		    path, AGENT_CONFIG_SIZE_MAX);
	else
		r = agent_config_parse(path, text, n, ret, err);
	fclose(f);
	free(text);
	return r;
}

void
agent_config_done(struct agent_config *cfg)
{
	free(cfg->boot_services);
	memset(cfg, 0, sizeof(*cfg));
}
