/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A host as agents and bootd know it: JSON <-> struct, and the checks of its parts.
 *
 * Entry points: bundle_host_to_json(), bundle_host_from_json(), bundle_host_of_table().
 * Ownership: struct bundle_host is a value.
 * Failure modes: -EINVAL with the member's path in *err, the result untouched.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/bundle.h"
#include "lib/json.h"
#include "lib/str.h"
#include "lib/table_sum.h"
#include "lib/table_words.h"

static json_t *
nic_to_json(const struct bundle_nic *nic)
{
	json_t *v = json_object();
	char mac[ADDR_MAC_TEXT], ip[ADDR_IP_TEXT], ip6[ADDR_IP_TEXT];

	json_put_str(v, "mac", addr_mac_text(&nic->mac, mac, sizeof(mac)));
	json_put_str(v, "ip", addr_ip_text(&nic->ip, ip, sizeof(ip)));
	json_put_str(v, "ip6", addr_ip_text(&nic->ip6, ip6, sizeof(ip6)));
	if (nic->boot)
		json_put_bool(v, "boot", true);
	return v;
}

/* A label without a value is still a label; json_put_str() would leave it out. */
static void
put_label(json_t *labels, const struct bundle_label *label)
{
	if (label->value[0] == '\0')
		json_put(labels, label->key, json_string(""));
	else
		json_put_str(labels, label->key, label->value);
}

json_t *
bundle_host_to_json(const struct bundle_host *h)
{
	json_t *v = json_object(), *nics = json_array(), *labels = json_object();

	for (size_t i = 0; i < h->n_nics; i++)
		json_array_append_new(nics, nic_to_json(&h->nics[i]));
	for (size_t i = 0; i < h->n_labels; i++)
		put_label(labels, &h->labels[i]);
	json_put_str(v, "name", h->name);
	json_put(v, "nics", nics);
	json_put_str(v, "uuid", h->uuid);
	json_put_str(v, "serial", h->serial);
	json_put_str(v, "firmware", bundle_firmware_name(h->firmware));
	json_put_str(v, "idle", bundle_idle_name(h->idle));
	json_put_str(v, "local_boot", bundle_local_boot_name(h->local_boot));
	json_put_str(v, "probe", h->probe);
	bundle_loaders_put(v, h->loaders, h->n_loaders);
	json_put(v, "labels", labels);
	table_sum_put(v, "digest", h->digest);
	return v;
}

static int
read_nic(const json_t *v, struct bundle_nic *nic, struct error *err)
{
	const char *mac = NULL, *ip = "", *ip6 = "";

	if (!json_is_object(v))
		return error_set(err, -EINVAL, "bad-value", NULL, "not an object");
	if (json_get_str(v, "mac", &mac, err) < 0 ||
	    json_opt_str(v, "ip", &ip, err) < 0 ||
	    json_opt_str(v, "ip6", &ip6, err) < 0 ||
	    json_opt_bool(v, "boot", &nic->boot, err) < 0)
		return -EINVAL;
	if (addr_mac_parse(mac, &nic->mac) < 0)
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "mac: not the address of one network card");
	if (ip[0] != '\0' &&
	    (addr_ip_parse(ip, &nic->ip) < 0 || nic->ip.family != AF_INET))
		return error_set(err, -EINVAL, "bad-value",
		    "an IPv6 address goes into ip6", "ip: not an IPv4 address");
	if (ip6[0] != '\0' &&
	    (addr_ip_parse(ip6, &nic->ip6) < 0 || nic->ip6.family != AF_INET6))
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "ip6: not an IPv6 address");
	return 0;
}

static int
read_nics(const json_t *v, struct bundle_host *h, struct error *err)
{
	json_t *nics = NULL;

	if (json_opt_arr(v, "nics", &nics, err) < 0)
		return -EINVAL;
	if (json_array_size(nics) > BUNDLE_MACS_MAX)
		return error_set(err, -EINVAL, "bad-value", NULL, "nics: more than %d",
		    BUNDLE_MACS_MAX);
	for (size_t i = 0; i < json_array_size(nics); i++) {
		if (read_nic(json_array_get(nics, i), &h->nics[i], err) < 0) {
			error_prefix(err, "nics[%zu]", i);
			return -EINVAL;
		}
	}
	h->n_nics = json_array_size(nics);
	return 0;
}

static int
read_labels(const json_t *v, struct bundle_host *h, struct error *err)
{
	json_t *labels = NULL, *value;
	const char *key;

	if (json_opt_obj(v, "labels", &labels, err) < 0)
		return -EINVAL;
	if (json_object_size(labels) > BUNDLE_LABELS_MAX)
		return error_set(err, -EINVAL, "bad-value", NULL, "labels: more than %d",
		    BUNDLE_LABELS_MAX);
	json_object_foreach (labels, key, value) {
		struct bundle_label *label = &h->labels[h->n_labels];

		if (!str_name_valid(key) ||
		    str_copy(label->key, sizeof(label->key), key) < 0)
			return error_set(err, -EINVAL, "bad-value", NULL,
			    "labels: a key is not a name of at most %zu characters",
			    sizeof(label->key) - 1);
		if (json_copy_opt(labels, key, label->value, sizeof(label->value), err) <
		    0) {
			error_prefix(err, "labels");
			return -EINVAL;
		}
		h->n_labels++;
	}
	return 0;
}

bool
bundle_probe_valid(const char *probe)
{
	int64_t port;

	if (probe[0] == '\0' || strcmp(probe, "icmp") == 0)
		return true;
	return str_has_prefix(probe, "tcp:") &&
	       str_to_i64(probe + 4, 1, UINT16_MAX, &port) == 0;
}

/* The three enums, each optional with the first value as default. */
static int
read_choices(const json_t *v, struct bundle_host *h, struct error *err)
{
	const char *firmware = NULL, *idle = NULL, *local_boot = NULL;

	if (json_opt_str(v, "firmware", &firmware, err) < 0 ||
	    json_opt_str(v, "idle", &idle, err) < 0 ||
	    json_opt_str(v, "local_boot", &local_boot, err) < 0)
		return -EINVAL;
	if (firmware != NULL && bundle_firmware_parse(firmware, &h->firmware) < 0)
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "firmware: not uefi or bios");
	if (idle != NULL && bundle_idle_parse(idle, &h->idle) < 0)
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "idle: not local, menu or silent");
	if (local_boot != NULL && bundle_local_boot_parse(local_boot, &h->local_boot) < 0)
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "local_boot: not exit1, exit0 or sanboot");
	return 0;
}

static int
read_host(const json_t *v, struct bundle_host *h, struct error *err)
{
	struct addr_uuid uuid;

	if (json_copy_str(v, "name", h->name, sizeof(h->name), err) < 0)
		return -EINVAL;
	if (!str_name_valid(h->name))
		return error_set(err, -EINVAL, "bad-value",
		    "use letters, digits, '-', '_' and inner dots, at most 63",
		    "name: not a host name");
	if (read_nics(v, h, err) < 0 || read_labels(v, h, err) < 0 ||
	    read_choices(v, h, err) < 0 ||
	    bundle_loaders_from_json(v, h->loaders, &h->n_loaders, err) < 0 ||
	    json_copy_opt(v, "uuid", h->uuid, sizeof(h->uuid), err) < 0 ||
	    json_copy_opt(v, "serial", h->serial, sizeof(h->serial), err) < 0 ||
	    json_copy_opt(v, "probe", h->probe, sizeof(h->probe), err) < 0)
		return -EINVAL;
	if (h->uuid[0] != '\0') {
		if (addr_uuid_parse(h->uuid, &uuid) < 0)
			return error_set(
			    err, -EINVAL, "bad-value", NULL, "uuid: not a UUID");
		addr_uuid_text(&uuid, h->uuid, sizeof(h->uuid));
	}
	if (!bundle_probe_valid(h->probe))
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "probe: not icmp or tcp:PORT");
	return 0;
}

int
bundle_host_from_json(const json_t *v, struct bundle_host *ret, struct error *err)
{
	struct bundle_host h = {.n_nics = 0};

	if (!json_is_object(v))
		return error_set(err, -EINVAL, "bad-value", NULL, "not an object");
	if (read_host(v, &h, err) < 0 || table_sum_get(v, "digest", &h.digest, err) < 0)
		return -EINVAL;
	*ret = h;
	return 0;
}

int
bundle_host_of_table(
    const json_t *v, struct bundle_host *ret, size_t *ret_strange, struct error *err)
{
	json_t *known;
	int r;

	if (!json_is_object(v))
		return error_set(err, -EINVAL, "bad-value", NULL, "not an object");
	known = table_words_host(v, ret_strange);
	r = bundle_host_from_json(known, ret, err);
	json_decref(known);
	return r;
}
