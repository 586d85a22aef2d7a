/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bootd.yaml: defaults, ranges and names; the site's part is in bootd_config_site.c.
 *
 * Entry point: bootd_config_check(). Works on a copy of the defaults and hands it over
 * whole, so a refused document changes nothing. Each refusal names the key, through
 * lib/yaml_where. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "boot-services/bootd_config_priv.h"
#include "boot-services/bootd_config_site.h"
#include "boot-services/fileroot.h"
#include "lib/arch.h"
#include "lib/str.h"

static void
set_defaults(struct bootd_config *c)
{
	*c = (struct bootd_config){
	    .images_root = "/srv/netboot/images",
	    .loaders_root = "/srv/netboot/loaders",
	    .scripts_root = "/srv/netboot/scripts",
	    .state_dir = "/var/lib/netboot/bootd",
	    .event_log_max = 64 * 1024 * 1024,
	    .events_stdout = true,
	    .user = "netboot-bootd",
	    .dhcp4_port = 67,
	    .dhcp4_client_port = 68,
	    .pxe_port = 4011,
	    .dhcp6_port = 547,
	    .dhcp6_client_port = 546,
	    .tftp_port = 69,
	    .http_port = 80,
	    .dhcp4 = true,
	    .dhcp6 = true,
	    .ra = true,
	    .tftp = true,
	    .http = true,
	    .authoritative = true,
	    .tftp_max_blksize = 1468,
	    .tftp_max_windowsize = 64,
	    .tftp_max_transfers = 1024,
	    .tftp_max_per_client = 8,
	    .http_max_conns = 4096,
	    .http_max_per_client = 16,
	    .http_header_timeout_us = 10 * USEC_PER_SEC,
	    .http_idle_timeout_us = 60 * USEC_PER_SEC,
	    .http_stall_timeout_us = 30 * USEC_PER_SEC,
	    .http_min_rate = 1024,
	    .http_slow_timeout_us = 300 * USEC_PER_SEC,
	    .site = {.name = "local", .timezone = "UTC", .idle = BUNDLE_IDLE_LOCAL},
	};
	for (size_t i = 0; i < ARCH_LOADERS; i++) {
		c->loaders[i] = (struct bootd_config_loader){
		    .arch = arch_loaders[i].arch, .is_default = true};
		str_clip(
		    c->loaders[i].file, sizeof(c->loaders[i].file), arch_loaders[i].file);
	}
	c->n_loaders = ARCH_LOADERS;
}

static int
check_interfaces(const struct yaml_where *w, const struct bootd_config_raw *raw,
    struct bootd_config *c, struct error *err)
{
	char path[YAML_WHERE_PATH_SIZE];

	for (uint32_t i = 0; i < raw->interfaces_count; i++) {
		const char *name = raw->interfaces[i];

		yaml_where_path(path, "interfaces[%u]", i);
		if (str_copy(c->ifaces[i], sizeof(c->ifaces[i]), name) < 0 ||
		    strpbrk(name, "/ \t") != NULL)
			return yaml_where_bad(w, path, err, "not an interface name");
		for (uint32_t k = 0; k < i; k++)
			if (str_eq(c->ifaces[k], name))
				return yaml_where_bad(w, path, err, "named twice");
	}
	c->n_ifaces = raw->interfaces_count;
	if (c->n_ifaces == 0 && (c->dhcp4 || c->dhcp6 || c->ra))
		return yaml_where_bad(w, "interfaces", err,
		    "at least one interface is needed for dhcp4, dhcp6 and ra (services: "
		    "switches them off)");
	return 0;
}

static int
check_dir(const struct yaml_where *w, const char *key, const char *value, char *dst,
    size_t size, struct error *err)
{
	if (!value)
		return 0;
	if (value[0] != '/')
		return yaml_where_bad(w, key, err, "must be an absolute path");
	if (str_copy(dst, size, value) < 0)
		return yaml_where_bad(w, key, err, "too long");
	return 0;
}

/* Does `path` lead into `dir`, or to it? Links are followed where they exist yet. */
static bool
lies_in(const char *path, const char *dir)
{
	char inner[PATH_MAX], outer[PATH_MAX];
	size_t n;

	if (!realpath(path, inner))
		str_clip(inner, sizeof(inner), path);
	if (!realpath(dir, outer))
		str_clip(outer, sizeof(outer), dir);
	n = strlen(outer);
	while (n > 0 && outer[n - 1] == '/')
		n--;
	return strncmp(inner, outer, n) == 0 && (inner[n] == '/' || inner[n] == '\0');
}

static int
check_dirs(const struct yaml_where *w, const struct bootd_config_raw *raw,
    struct bootd_config *c, struct error *err)
{
	const struct {
		const char *key, *value;
		char *dst;
	} dirs[] = {
	    {"dirs.images", raw->dirs.images, c->images_root},
	    {"dirs.loaders", raw->dirs.loaders, c->loaders_root},
	    {"dirs.scripts", raw->dirs.scripts, c->scripts_root},
	    {"dirs.state", raw->dirs.state, c->state_dir},
	    {"events.file",
		raw->events.file && raw->events.file[0] ? raw->events.file : NULL,
		c->event_log},
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(dirs) && r == 0; i++)
		r = check_dir(w, dirs[i].key, dirs[i].value, dirs[i].dst,
		    sizeof(c->images_root), err);
	/* Loaders go to whoever asks, by TFTP too: a kernel there would get around its
	 * ticket, and a script tell the token. */
	for (size_t i = 0; i < ARRAY_SIZE(dirs) && r == 0; i++)
		if (dirs[i].dst != c->loaders_root && dirs[i].dst[0] &&
		    lies_in(dirs[i].dst, c->loaders_root))
			r = yaml_where_bad(w,
			    dirs[i].value ? dirs[i].key : "dirs.loaders", err,
			    "%s lies in dirs.loaders (%s), which is served to anyone who "
			    "asks: name directories apart",
			    dirs[i].dst, c->loaders_root);
	return r;
}

static int
check_peers(const struct yaml_where *w, const struct bootd_config_raw *raw,
    struct bootd_config *c, struct error *err)
{
	char path[YAML_WHERE_PATH_SIZE];

	for (uint32_t i = 0; i < raw->peers_count; i++) {
		yaml_where_path(path, "peers[%u]", i);
		if (addr_prefix_parse(raw->peers[i], &c->peers[i]) < 0)
			return yaml_where_bad(
			    w, path, err, "not a network such as 10.40.0.0/24");
	}
	c->n_peers = raw->peers_count;
	return 0;
}

struct number {
	const char *key;
	const uint32_t *value; /* NULL: keep the default */
	uint16_t min, max;
	uint16_t *dst;
};

static int
check_number(const struct yaml_where *w, const struct number *n, struct error *err)
{
	if (!n->value)
		return 0;
	if (*n->value < n->min || *n->value > n->max)
		return yaml_where_bad(w, n->key, err, "%u is not between %u and %u",
		    *n->value, n->min, n->max);
	*n->dst = (uint16_t)*n->value;
	return 0;
}

static int
check_numbers(const struct yaml_where *w, const struct bootd_config_raw *raw,
    struct bootd_config *c, struct error *err)
{
	const struct bootd_config_raw_ports *p = &raw->ports;
	const struct bootd_config_raw_limits *l = &raw->limits;
	const struct number numbers[] = {
	    {"ports.dhcp4", p->dhcp4, 1, 65535, &c->dhcp4_port},
	    {"ports.dhcp4_client", p->dhcp4_client, 1, 65535, &c->dhcp4_client_port},
	    {"ports.pxe", p->pxe, 1, 65535, &c->pxe_port},
	    {"ports.dhcp6", p->dhcp6, 1, 65535, &c->dhcp6_port},
	    {"ports.dhcp6_client", p->dhcp6_client, 1, 65535, &c->dhcp6_client_port},
	    {"ports.tftp", p->tftp, 1, 65535, &c->tftp_port},
	    {"ports.http", p->http, 1, 65535, &c->http_port},
	    /* RFC 2348: 8 to 65464 octets. */
	    {"limits.tftp_blksize", l->tftp_blksize, 512, 65464, &c->tftp_max_blksize},
	    {"limits.tftp_windowsize", l->tftp_windowsize, 1, 64,
		&c->tftp_max_windowsize},
	    {"limits.tftp_transfers", l->tftp_transfers, 1, 16384,
		&c->tftp_max_transfers},
	    {"limits.tftp_per_client", l->tftp_per_client, 1, 16384,
		&c->tftp_max_per_client},
	    {"limits.http_connections", l->http_connections, 1, 32768,
		&c->http_max_conns},
	    {"limits.http_per_client", l->http_per_client, 1, 32768,
		&c->http_max_per_client},
	    {"limits.http_min_rate", l->http_min_rate, 0, 65535, &c->http_min_rate},
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(numbers) && r == 0; i++)
		r = check_number(w, &numbers[i], err);
	return r;
}

static int
check_timeouts(const struct yaml_where *w, const struct bootd_config_raw *raw,
    struct bootd_config *c, struct error *err)
{
	const struct {
		const char *key, *value;
		int64_t *dst;
	} times[] = {
	    {"limits.http_header_timeout", raw->limits.http_header_timeout,
		&c->http_header_timeout_us},
	    {"limits.http_idle_timeout", raw->limits.http_idle_timeout,
		&c->http_idle_timeout_us},
	    {"limits.http_stall_timeout", raw->limits.http_stall_timeout,
		&c->http_stall_timeout_us},
	    {"limits.http_slow_timeout", raw->limits.http_slow_timeout,
		&c->http_slow_timeout_us},
	};

	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		int64_t us;

		if (!times[i].value)
			continue;
		if (str_to_duration(times[i].value, &us) < 0 || us < USEC_PER_SEC ||
		    us > 3600 * USEC_PER_SEC)
			return yaml_where_bad(
			    w, times[i].key, err, "not a duration between 1s and 1h");
		*times[i].dst = us;
	}
	return 0;
}

static int
check_loaders(const struct yaml_where *w, const struct bootd_config_raw *raw,
    struct bootd_config *c, struct error *err)
{
	for (uint32_t i = 0; i < raw->loaders_count; i++) {
		const struct bootd_config_raw_loader *l = &raw->loaders[i];
		struct bootd_config_loader new = {.arch = (uint16_t)l->arch};
		char path[YAML_WHERE_PATH_SIZE];
		size_t k = 0;

		yaml_where_path(path, "loaders[%u].arch", i);
		if (l->arch >= 0xffff)
			return yaml_where_bad(w, path, err, "not an architecture number");
		yaml_where_path(path, "loaders[%u].file", i);
		if (l->file[0] && fileroot_clean(l->file, new.file, sizeof(new.file)) < 0)
			return yaml_where_bad(
			    w, path, err, "must be a path below the loaders directory");
		while (k < c->n_loaders && c->loaders[k].arch != new.arch)
			k++;
		if (k == BOOTD_CONFIG_LOADERS_MAX)
			return yaml_where_bad(w, path, err, "more than %d loaders",
			    (int)BOOTD_CONFIG_LOADERS_MAX);
		c->loaders[k] = new;
		if (k == c->n_loaders)
			c->n_loaders++;
	}
	return 0;
}

static int
check_switches(const struct yaml_where *w, const struct bootd_config_raw *raw,
    struct bootd_config *c, struct error *err)
{
	const struct {
		const bool *value;
		bool *dst;
	} switches[] = {
	    {raw->events.to_stdout, &c->events_stdout},
	    {raw->services.dhcp6, &c->dhcp6},
	    {raw->services.ra, &c->ra},
	    {raw->services.tftp, &c->tftp},
	    {raw->services.http, &c->http},
	    {raw->authoritative, &c->authoritative},
	    {raw->dhcp6_rapid_commit, &c->dhcp6_rapid_commit},
	};

	for (size_t i = 0; i < ARRAY_SIZE(switches); i++)
		if (switches[i].value)
			*switches[i].dst = *switches[i].value;
	if (raw->services.dhcp4) {
		c->dhcp4 = *raw->services.dhcp4 != BOOTD_DHCP4_OFF;
		c->dhcp4_proxy = *raw->services.dhcp4 == BOOTD_DHCP4_PROXY;
	}
	if (raw->user &&
	    (raw->user[0] == '\0' || str_copy(c->user, sizeof(c->user), raw->user)))
		return yaml_where_bad(w, "user", err, "not a user name");
	if (str_eq(c->user, "root") || str_eq(c->user, "0"))
		return yaml_where_bad(w, "user", err, "must not be root");
	if (raw->events.max_mb) {
		if (*raw->events.max_mb < 1 || *raw->events.max_mb > 65536)
			return yaml_where_bad(w, "events.max_mb", err,
			    "%u is not between 1 and 65536", *raw->events.max_mb);
		c->event_log_max = (int64_t)*raw->events.max_mb * 1024 * 1024;
	}
	return 0;
}

int
bootd_config_check(const struct yaml_where *where, const struct bootd_config_raw *raw,
    struct bootd_config *ret, struct error *err)
{
	static int (*const checks[])(const struct yaml_where *,
	    const struct bootd_config_raw *, struct bootd_config *, struct error *) = {
	    check_switches,
	    check_interfaces,
	    check_dirs,
	    check_numbers,
	    check_timeouts,
	    check_loaders,
	    check_peers,
	    bootd_config_site_check,
	};
	struct bootd_config *c = str_alloc(sizeof(*c));
	int r = 0;

	set_defaults(c);
	for (size_t i = 0; i < ARRAY_SIZE(checks) && r == 0; i++)
		r = checks[i](where, raw, c, err);
	if (r == 0)
		*ret = *c;
	else
		bootd_config_done(c);
	free(c);
	return r;
}
