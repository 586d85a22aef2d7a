/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bootd.yaml: schema and loading.
 *
 * bootd_config_parse() lets libcyaml check the document against the schema below into
 * plain "raw" structs (absent keys are NULL), then bootd_config_check() turns those into
 * struct bootd_config, applies the defaults and checks what a schema cannot: addresses,
 * ranges, duplicates. The agent sends the same document as JSON, which is YAML. On any
 * error nothing is kept and *err names the file, the line and the key.
 *
 * Ownership: the raw tree lives only inside bootd_config_parse(); *ret owns site.hosts
 * and boots. */
#include "boot-services/bootd_config.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot-services/bootd_config_priv.h"
#include "lib/str.h"

#define OPT CYAML_FLAG_OPTIONAL
#define STRING(key, type, member, max) \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | OPT, type, member, 0, max)
#define NEEDED(key, type, member, max) \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER, type, member, 1, max)
#define NUMBER(key, type, member) \
	CYAML_FIELD_UINT_PTR(key, CYAML_FLAG_POINTER | OPT, type, member)
#define SWITCH(key, type, member) \
	CYAML_FIELD_BOOL_PTR(key, CYAML_FLAG_POINTER | OPT, type, member)
#define CHOICE(key, type, member, names)                                              \
	CYAML_FIELD_ENUM_PTR(key, CYAML_FLAG_POINTER | OPT | CYAML_FLAG_STRICT, type, \
	    member, names, ARRAY_SIZE(names))
#define LIST(key, type, member, entry, max) \
	CYAML_FIELD_SEQUENCE(key, CYAML_FLAG_POINTER | OPT, type, member, entry, 0, max)
#define GROUP(key, type, member, fields) \
	CYAML_FIELD_MAPPING(key, OPT, type, member, fields)

static const cyaml_schema_value_t any_string = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, BUNDLE_PATH_SIZE - 1)};

static const cyaml_strval_t idle_names[] = {
    {"local", BUNDLE_IDLE_LOCAL},
    {"menu", BUNDLE_IDLE_MENU},
    {"silent", BUNDLE_IDLE_SILENT},
};
/* As YAML 1.1 writes a switch, and the third possibility. */
static const cyaml_strval_t dhcp4_names[] = {
    {"on", BOOTD_DHCP4_ON},
    {"true", BOOTD_DHCP4_ON},
    {"yes", BOOTD_DHCP4_ON},
    {"off", BOOTD_DHCP4_OFF},
    {"false", BOOTD_DHCP4_OFF},
    {"no", BOOTD_DHCP4_OFF},
    {"proxy", BOOTD_DHCP4_PROXY},
};
static const cyaml_strval_t ra_names[] = {
    {"off", BUNDLE_RA_OFF},
    {"managed", BUNDLE_RA_MANAGED},
    {"stateless", BUNDLE_RA_STATELESS},
};
static const cyaml_strval_t unknown_names[] = {{"ignore", 0}, {"lease", 1}};
static const cyaml_strval_t firmware_names[] = {
    {"uefi", BUNDLE_UEFI}, {"bios", BUNDLE_BIOS}};
static const cyaml_strval_t local_boot_names[] = {
    {"exit1", BUNDLE_LOCAL_EXIT1},
    {"exit0", BUNDLE_LOCAL_EXIT0},
    {"sanboot", BUNDLE_LOCAL_SANBOOT},
};

static const cyaml_schema_field_t dirs_fields[] = {
    STRING("images", struct bootd_config_raw_dirs, images, 255),
    STRING("loaders", struct bootd_config_raw_dirs, loaders, 255),
    STRING("scripts", struct bootd_config_raw_dirs, scripts, 255),
    STRING("state", struct bootd_config_raw_dirs, state, 255),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t events_fields[] = {
    SWITCH("stdout", struct bootd_config_raw_events, to_stdout),
    STRING("file", struct bootd_config_raw_events, file, 255),
    NUMBER("max_mb", struct bootd_config_raw_events, max_mb),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t services_fields[] = {
    CHOICE("dhcp4", struct bootd_config_raw_services, dhcp4, dhcp4_names),
    SWITCH("dhcp6", struct bootd_config_raw_services, dhcp6),
    SWITCH("ra", struct bootd_config_raw_services, ra),
    SWITCH("tftp", struct bootd_config_raw_services, tftp),
    SWITCH("http", struct bootd_config_raw_services, http),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t ports_fields[] = {
    NUMBER("dhcp4", struct bootd_config_raw_ports, dhcp4),
    NUMBER("dhcp4_client", struct bootd_config_raw_ports, dhcp4_client),
    NUMBER("pxe", struct bootd_config_raw_ports, pxe),
    NUMBER("dhcp6", struct bootd_config_raw_ports, dhcp6),
    NUMBER("dhcp6_client", struct bootd_config_raw_ports, dhcp6_client),
    NUMBER("tftp", struct bootd_config_raw_ports, tftp),
    NUMBER("http", struct bootd_config_raw_ports, http),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t limits_fields[] = {
    NUMBER("tftp_blksize", struct bootd_config_raw_limits, tftp_blksize),
    NUMBER("tftp_windowsize", struct bootd_config_raw_limits, tftp_windowsize),
    NUMBER("tftp_transfers", struct bootd_config_raw_limits, tftp_transfers),
    NUMBER("tftp_per_client", struct bootd_config_raw_limits, tftp_per_client),
    NUMBER("http_connections", struct bootd_config_raw_limits, http_connections),
    NUMBER("http_per_client", struct bootd_config_raw_limits, http_per_client),
    STRING(
	"http_header_timeout", struct bootd_config_raw_limits, http_header_timeout, 16),
    STRING("http_idle_timeout", struct bootd_config_raw_limits, http_idle_timeout, 16),
    STRING("http_stall_timeout", struct bootd_config_raw_limits, http_stall_timeout, 16),
    NUMBER("http_min_rate", struct bootd_config_raw_limits, http_min_rate),
    STRING("http_slow_timeout", struct bootd_config_raw_limits, http_slow_timeout, 16),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t site_fields[] = {
    STRING("name", struct bootd_config_raw_site, name, 63),
    STRING("timezone", struct bootd_config_raw_site, timezone, 63),
    CHOICE("unknown", struct bootd_config_raw_site, unknown, unknown_names),
    CHOICE("idle", struct bootd_config_raw_site, idle, idle_names),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t loader_fields[] = {
    CYAML_FIELD_UINT("arch", CYAML_FLAG_DEFAULT, struct bootd_config_raw_loader, arch),
    CYAML_FIELD_STRING_PTR(
	"file", CYAML_FLAG_POINTER, struct bootd_config_raw_loader, file, 0, 127),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t loader_value = {CYAML_VALUE_MAPPING(
    CYAML_FLAG_DEFAULT, struct bootd_config_raw_loader, loader_fields)};

static const cyaml_schema_field_t subnet_fields[] = {
    NEEDED("prefix", struct bootd_config_raw_subnet, prefix, 49),
    STRING("gateway", struct bootd_config_raw_subnet, gateway, 45),
    LIST("dns", struct bootd_config_raw_subnet, dns, &any_string, 4),
    LIST("pool", struct bootd_config_raw_subnet, pool, &any_string, 2),
    STRING("lease", struct bootd_config_raw_subnet, lease, 16),
    STRING("domain", struct bootd_config_raw_subnet, domain, 127),
    STRING("relay", struct bootd_config_raw_subnet, relay, 45),
    CHOICE("ra", struct bootd_config_raw_subnet, ra, ra_names),
    STRING("router_lifetime", struct bootd_config_raw_subnet, router_lifetime, 16),
    NUMBER("mtu", struct bootd_config_raw_subnet, mtu),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t subnet_value = {CYAML_VALUE_MAPPING(
    CYAML_FLAG_DEFAULT, struct bootd_config_raw_subnet, subnet_fields)};

static const cyaml_schema_field_t nic_fields[] = {
    NEEDED("mac", struct bootd_config_raw_nic, mac, 32),
    STRING("ip", struct bootd_config_raw_nic, ip, 45),
    STRING("ip6", struct bootd_config_raw_nic, ip6, 45),
    CYAML_FIELD_BOOL("boot", OPT, struct bootd_config_raw_nic, boot),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t nic_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct bootd_config_raw_nic, nic_fields)};

static const cyaml_schema_field_t boot_fields[] = {
    NEEDED("kernel", struct bootd_config_raw_boot, kernel, BUNDLE_PATH_SIZE - 1),
    LIST("initrds", struct bootd_config_raw_boot, initrds, &any_string,
	BOOTD_CONFIG_INITRDS_MAX),
    STRING("args", struct bootd_config_raw_boot, args, BUNDLE_ARGS_MAX - 1),
    STRING("order", struct bootd_config_raw_boot, order, 63),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t host_fields[] = {
    NEEDED("name", struct bootd_config_raw_host, name, BUNDLE_NAME_SIZE - 1),
    LIST("macs", struct bootd_config_raw_host, macs, &any_string, BUNDLE_MACS_MAX),
    LIST("nics", struct bootd_config_raw_host, nics, &nic_value, BUNDLE_MACS_MAX),
    STRING("ip", struct bootd_config_raw_host, ip, 45),
    STRING("ip6", struct bootd_config_raw_host, ip6, 45),
    STRING("uuid", struct bootd_config_raw_host, uuid, 36),
    CHOICE("firmware", struct bootd_config_raw_host, firmware, firmware_names),
    CHOICE("idle", struct bootd_config_raw_host, idle, idle_names),
    CHOICE("local_boot", struct bootd_config_raw_host, local_boot, local_boot_names),
    CYAML_FIELD_MAPPING_PTR("boot", CYAML_FLAG_POINTER | OPT,
	struct bootd_config_raw_host, boot, boot_fields),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t host_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct bootd_config_raw_host, host_fields)};

static const cyaml_schema_field_t top_fields[] = {
    LIST("interfaces", struct bootd_config_raw, interfaces, &any_string,
	BOOTD_CONFIG_IFACES_MAX),
    STRING("user", struct bootd_config_raw, user, 63),
    GROUP("dirs", struct bootd_config_raw, dirs, dirs_fields),
    GROUP("events", struct bootd_config_raw, events, events_fields),
    GROUP("services", struct bootd_config_raw, services, services_fields),
    GROUP("ports", struct bootd_config_raw, ports, ports_fields),
    GROUP("limits", struct bootd_config_raw, limits, limits_fields),
    SWITCH("authoritative", struct bootd_config_raw, authoritative),
    SWITCH("dhcp6_rapid_commit", struct bootd_config_raw, dhcp6_rapid_commit),
    LIST("peers", struct bootd_config_raw, peers, &any_string, BOOTD_CONFIG_PEERS_MAX),
    LIST("loaders", struct bootd_config_raw, loaders, &loader_value,
	BOOTD_CONFIG_LOADERS_MAX),
    GROUP("site", struct bootd_config_raw, site, site_fields),
    LIST("subnets", struct bootd_config_raw, subnets, &subnet_value, BUNDLE_SUBNETS_MAX),
    LIST("hosts", struct bootd_config_raw, hosts, &host_value, BOOTD_CONFIG_HOSTS_MAX),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t top_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct bootd_config_raw, top_fields)};

static void
on_log(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
	if (level >= CYAML_LOG_ERROR)
		yaml_where_log(ctx, fmt, args);
}

int
bootd_config_parse(const char *name, const char *text, size_t len,
    struct bootd_config *ret, struct error *err)
{
	const struct yaml_where where = {.name = name,
	    .text = text,
	    .len = len,
	    .next = "netboot-bootd.yaml(5) lists the keys; -n checks the file",
	    .schema = &top_value};
	struct yaml_where_trace trace = {0};
	const cyaml_config_t cyaml = {
	    .log_fn = on_log,
	    .log_ctx = &trace,
	    .mem_fn = cyaml_mem,
	    .log_level = CYAML_LOG_ERROR,
	    .flags = CYAML_CFG_NO_ALIAS,
	};
	struct bootd_config_raw *raw = NULL;
	cyaml_err_t status;
	int r;

	if (len > BOOTD_CONFIG_SIZE_MAX)
		return error_set(err, -EMSGSIZE, "config",
		    "split the hosts over several sites", "%s: larger than %d octets",
		    name, (int)BOOTD_CONFIG_SIZE_MAX);
	if (yaml_where_only_one(&where, err) < 0 ||
	    yaml_where_whole_numbers(&where, err) < 0)
		return -EINVAL;
	status = cyaml_load_data(
	    (const uint8_t *)text, len, &cyaml, &top_value, (cyaml_data_t **)&raw, NULL);
	if (status != CYAML_OK)
		return yaml_where_failed(&where, &trace, cyaml_strerror(status), err);
	if (!raw)
		return error_set(err, -EINVAL, "config",
		    "docs/boot-services.md has an example", "%s:1: the document is empty",
		    name);
	r = bootd_config_check(&where, raw, ret, err);
	cyaml_free(&cyaml, &top_value, raw, 0);
	return r;
}

/* The whole file, which must be a regular one. */
static int
read_file(const char *path, char **ret_text, size_t *ret_len)
{
	char *text = NULL;
	struct stat st;
	size_t len = 0;
	int fd, r = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (!S_ISREG(st.st_mode))
		r = -EINVAL;
	else if (st.st_size > BOOTD_CONFIG_SIZE_MAX)
		r = -EFBIG;
	if (r < 0)
		goto out;
	text = str_alloc((size_t)st.st_size + 1);
	while (len < (size_t)st.st_size) {
		ssize_t n = read(fd, text + len, (size_t)st.st_size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	*ret_text = text;
	*ret_len = len;
out:
	close(fd);
	return r;
}

int
bootd_config_load(
    const char *path, const char *name, struct bootd_config *ret, struct error *err)
{
	char *text = NULL;
	size_t len = 0;
	int r;

	r = read_file(path, &text, &len);
	if (r < 0)
		return error_set(err, r, "config", "name a readable file with -c",
		    "%s: %s", path, r == -EINVAL ? "not a regular file" : strerror(-r));
	r = bootd_config_parse(name, text, len, ret, err);
	free(text);
	return r;
}

void
bootd_config_done(struct bootd_config *cfg)
{
	bundle_site_done(&cfg->site);
	free(cfg->boots);
	cfg->boots = NULL;
	cfg->n_boots = 0;
}
