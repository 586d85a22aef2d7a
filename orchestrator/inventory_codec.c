// SPDX-License-Identifier: GPL-3.0-or-later
/* The inventory's objects as people write them, and as rows.
 *
 * Entry points: inventory_codec_{site,host,image}() and their _json() counterparts. The
 * parts that agents see too (NICs, BMC, subnets, files) are lib/bundle's; what only the
 * orchestrator knows (site, default image, URL, lock) is added here. Pure: no I/O, no
 * clock.
 *
 * Failure modes: -EINVAL with the member's path in front of the text. A name that is too
 * long for its column is refused, never clipped. */
#include "orchestrator/inventory_codec.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arch.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/secret.h"
#include "lib/str.h"
#include "orchestrator/inventory_subnet.h"

static const char *const site_keys[] = {"name", "timezone", "url", "answer_unknown",
    "idle", "loaders", "subnets", "menu", "bmc_prefixes", "console", "require_cipher",
    "caps", "peers", /* as GET shows it, and without effect: */ "frozen", NULL};
static const char *const menu_keys[] = {
    "title", "keymap", "timeout_s", "default", "items", NULL};
static const char *const subnet_keys[] = {"prefix", "gateway", "dns", "pool", "lease_s",
    "domain", "relay", "ra", "router_s", "mtu", NULL};
static const char *const host_keys[] = {"name", "site", "nics", "uuid", "serial",
    "firmware", "idle", "local_boot", "probe", "loaders", "labels", "bmc", "image",
    "locked", NULL};
static const char *const nic_keys[] = {"mac", "ip", "ip6", "boot", NULL};
static const char *const bmc_keys[] = {"address", "port", "user", "password", "privilege",
    "cipher", "boot_method", "boot_verify", "console", "manners", "outside", "kg",
    "require_cipher", /* as GET shows them, and without effect: */ "kg_set",
    "rotation_since", NULL};
static const char *const image_keys[] = {"name", "kind", "kernel", "initrds", "files",
    "args", "nfs_root", "reports", "local_boot", "deadlines", NULL};
static const char *const file_keys[] = {
    "name", "path", "sha256", "size", "url", "template", NULL};

static bool
listed(const char *const *keys, const char *key)
{
	for (; *keys; keys++)
		if (str_eq(*keys, key))
			return true;
	return false;
}

static int
check_keys(const json_t *v, const char *const *keys, struct error *err)
{
	const char *key;
	json_t *member;

	if (!json_is_object(v))
		return error_set(err, -EINVAL, "bad-value", NULL, "not an object");
	json_object_foreach ((json_t *)v, key, member) {
		char shown[64];
		if (!listed(keys, key))
			return error_set(err, -EINVAL, "key-unknown",
			    "remove it, or correct its spelling", "unknown key \"%s\"",
			    str_escape(shown, sizeof(shown), key, strlen(key)));
	}
	return 0;
}

/* The same for every entry of a list member. */
static int
check_list_keys(
    const json_t *v, const char *name, const char *const *keys, struct error *err)
{
	json_t *list = NULL;

	if (json_opt_arr(v, name, &list, err) < 0)
		return -EINVAL;
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (check_keys(json_array_get(list, i), keys, err) < 0) {
			error_prefix(err, "%s[%zu]", name, i);
			return -EINVAL;
		}
	}
	return 0;
}

static int
bad(struct error *err, const char *next, const char *text)
{
	return error_set(err, -EINVAL, "bad-value", next, "%s", text);
}

/* IANA names are words of letters, digits, '_', '+' and '-' with '/' between them. */
static bool
timezone_valid(const char *s)
{
	if (!bundle_path_valid(s))
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("/_+-", *s))
			return false;
	return true;
}

static bool
url_valid(const char *s)
{
	if (!str_has_prefix(s, "http://") && !str_has_prefix(s, "https://"))
		return false;
	for (const char *p = s; *p; p++)
		if (*p <= ' ' || *p > '~' || strchr("\"'\\${}&|", *p))
			return false;
	return s[strlen(s) - 1] != '/';
}

static int
read_subnets(const json_t *v, struct bundle_site *b, struct error *err)
{
	json_t *list = NULL;

	if (json_opt_arr(v, "subnets", &list, err) < 0)
		return -EINVAL;
	if (json_array_size(list) > BUNDLE_SUBNETS_MAX)
		return error_set(err, -EINVAL, "bad-value", NULL, "subnets: more than %d",
		    BUNDLE_SUBNETS_MAX);
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct bundle_subnet *n = &b->subnets[i];
		if (bundle_subnet_from_json(json_array_get(list, i), n, err) < 0) {
			error_prefix(err, "subnets[%zu]", i);
			return -EINVAL;
		}
	}
	b->n_subnets = json_array_size(list);
	return inventory_subnet_check(b, err);
}

static int
read_menu(const json_t *v, struct bundle_site *b, struct error *err)
{
	const json_t *menu = json_object_get(v, "menu");

	if (json_is_object(menu) && check_keys(menu, menu_keys, err) < 0) {
		error_prefix(err, "menu");
		return -EINVAL;
	}
	return bundle_menu_from_json(v, &b->menu, err);
}

/* Of sites and hosts. Only here, where a person can correct it: an agent must still be able to read what was
 * accepted before. */
static int
read_loaders(
    const json_t *v, struct bundle_loader *loaders, size_t *ret_n, struct error *err)
{
	char arch[ARCH_NAME_SIZE];

	if (bundle_loaders_from_json(v, loaders, ret_n, err) < 0)
		return -EINVAL;
	for (size_t i = 0; i < *ret_n; i++)
		if (str_eq(loaders[i].file, BUNDLE_LOCAL_FILE))
			return error_set(err, -EINVAL, "bad-value",
			    "give the file another name below the loaders root",
			    "loaders: %s: " BUNDLE_LOCAL_FILE " is the name that boot "
			    "services never find, by which machines leave for their disk",
			    arch_name(loaders[i].arch, arch, sizeof(arch)));
	return 0;
}

static int
read_caps(const json_t *v, struct db_site *s, struct error *err)
{
	json_t *list = NULL;

	if (json_opt_arr(v, "caps", &list, err) < 0)
		return -EINVAL;
	if (json_array_size(list) > LINE_CAP_MAX)
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "caps: more than %d", LINE_CAP_MAX);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));
		int rc = text ? line_cap_parse(text, &s->caps[i], err)
			      : bad(err, NULL, "not a text");

		if (rc < 0) {
			error_prefix(err, "caps[%zu]", i);
			return -EINVAL;
		}
	}
	s->n_caps = json_array_size(list);
	return 0;
}

static int
read_peers(const json_t *v, struct db_site *s, struct error *err)
{
	json_t *list = NULL;

	if (json_opt_arr(v, "peers", &list, err) < 0)
		return -EINVAL;
	if (json_array_size(list) > DB_SITE_PEERS_MAX)
		return error_set(err, -EINVAL, "bad-value", NULL, "peers: more than %d",
		    DB_SITE_PEERS_MAX);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));

		if (!name || !str_name_valid(name) ||
		    str_copy(s->peers[i], sizeof(s->peers[i]), name) < 0)
			return error_set(err, -EINVAL, "bad-value",
			    "name sites, such as los", "peers[%zu]: not a site name", i);
		for (size_t k = 0; k < i; k++)
			if (str_eq(s->peers[k], name))
				return error_set(err, -EINVAL, "bad-value",
				    "name each once", "peers[%zu]: %s is named twice", i,
				    name);
	}
	s->n_peers = json_array_size(list);
	return 0;
}

static int
read_site(const json_t *v, struct db_site *s, struct error *err)
{
	struct bundle_site *b = &s->site;
	const char *idle = "local";
	int64_t require = 0;

	if (check_keys(v, site_keys, err) < 0 ||
	    check_list_keys(v, "subnets", subnet_keys, err) < 0 ||
	    json_copy_str(v, "name", b->name, sizeof(b->name), err) < 0 ||
	    json_copy_opt(v, "timezone", b->timezone, sizeof(b->timezone), err) < 0 ||
	    json_copy_opt(v, "url", s->url, sizeof(s->url), err) < 0 ||
	    json_opt_bool(v, "answer_unknown", &b->answer_unknown, err) < 0 ||
	    json_opt_str(v, "idle", &idle, err) < 0 ||
	    read_loaders(v, b->loaders, &b->n_loaders, err) < 0 ||
	    read_subnets(v, b, err) < 0 || read_menu(v, b, err) < 0 ||
	    bundle_bmc_prefixes_from_json(
		v, "bmc_prefixes", s->bmc_prefixes, &s->n_bmc_prefixes, err) < 0 ||
	    json_copy_opt(v, "console", s->console, sizeof(s->console), err) < 0 ||
	    json_opt_i64(v, "require_cipher", &require, err) < 0 ||
	    read_caps(v, s, err) < 0 || read_peers(v, s, err) < 0)
		return -EINVAL;
	if (s->console[0] == '\0')
		str_clip(s->console, sizeof(s->console), "job");
	if (!bundle_bmc_console_valid(s->console))
		return bad(err, NULL, "console: not off, job or always");
	if (require != 0 && require != 17)
		return bad(err, NULL, "require_cipher: not 0 or 17");
	s->require_cipher = (int)require;
	if (!str_name_valid(b->name))
		return bad(err,
		    "use letters, digits, '-', '_' and inner dots, at most 63",
		    "name: not a site name");
	if (b->timezone[0] == '\0')
		str_clip(b->timezone, sizeof(b->timezone), "UTC");
	if (!timezone_valid(b->timezone))
		return bad(err, "give an IANA name such as Africa/Lagos",
		    "timezone: not the name of a time zone");
	if (s->url[0] != '\0' && !url_valid(s->url))
		return bad(err, "give it as servers see it, such as http://10.0.0.1",
		    "url: not an HTTP address without a final slash");
	if (bundle_idle_parse(idle, &b->idle) < 0)
		return bad(err, NULL, "idle: not local, menu or silent");
	return 0;
}

int
inventory_codec_site(const json_t *v, struct db_site *ret, struct error *err)
{
	struct db_site *s = str_alloc(sizeof(*s));
	int rc = read_site(v, s, err);

	if (rc == 0)
		*ret = *s;
	free(s);
	return rc;
}

static int
compare_labels(const void *a, const void *b)
{
	return strcmp(
	    ((const struct bundle_label *)a)->key, ((const struct bundle_label *)b)->key);
}

/* What they say is the agents' to judge, which may be newer; how much is said is limited here. */
static int
take_manners(struct db_host *h, struct error *err)
{
	int rc = 0;

	if (json_object_size(h->bmc.manners) > 0) {
		char *text = json_dumps(h->bmc.manners, JSON_COMPACT | JSON_SORT_KEYS);

		if (!text)
			abort();
		if (strlen(text) < sizeof(h->manners))
			str_clip(h->manners, sizeof(h->manners), text);
		else
			rc = bad(err, "name fewer", "bmc: manners: too much");
		free(text);
	}
	json_decref(h->bmc.manners);
	h->bmc.manners = NULL;
	return rc;
}

static bool
says_none(const json_t *bmc, const char *secret)
{
	return str_eq(json_string_value(json_object_get(bmc, secret)), "");
}

/* What the document says of secrets: one that is not named stays, an empty one goes. */
static int
take_secrets(const json_t *bmc, struct db_host *h, struct error *err)
{
	h->forget_password = says_none(bmc, "password");
	h->forget_kg = says_none(bmc, "kg");
	for (const char *p = h->bmc.password; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7F)
			return bad(
			    err, NULL, "bmc: password: a control character is in it");
	h->require_cipher = json_object_get(bmc, "require_cipher") != NULL
				? h->bmc.require_cipher
				: DB_HOST_SITES;
	h->bmc.require_cipher = 0;
	if (h->require_cipher > 0 && h->bmc.cipher != 0 &&
	    h->bmc.cipher != h->require_cipher)
		return bad(err, "leave cipher out",
		    "bmc: cipher: another one than require_cipher allows");
	return 0;
}

static int
read_bmc(const json_t *v, struct db_host *h, struct error *err)
{
	const json_t *bmc = json_object_get(v, "bmc");
	const char *outside = "refuse";

	if (!bmc || json_is_null(bmc))
		return 0;
	if (check_keys(bmc, bmc_keys, err) < 0 ||
	    bundle_bmc_from_json(bmc, &h->bmc, err) < 0) {
		error_prefix(err, "bmc");
		return -EINVAL;
	}
	if (!json_string_length(json_object_get(bmc, "console")))
		h->bmc.console[0] = '\0'; /* as the site has it */
	for (const char *p = h->bmc.address; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr(".:-_", *p))
			return bad(
			    err, NULL, "bmc: address: not an address or a host name");
	if (take_secrets(bmc, h, err) < 0)
		return -EINVAL;
	if (json_opt_str(bmc, "outside", &outside, err) < 0) {
		error_prefix(err, "bmc");
		return -EINVAL;
	}
	h->bmc_outside = str_eq(outside, "allow");
	if (!h->bmc_outside && !str_eq(outside, "refuse"))
		return bad(err, NULL, "bmc: outside: not allow or refuse");
	return take_manners(h, err);
}

/* Is it an address of a machine, and of no card before? */
static int
check_ip(const struct bundle_host *b, size_t i, bool v6, struct error *err)
{
	const struct addr_ip *ip = v6 ? &b->nics[i].ip6 : &b->nics[i].ip;
	const char *member = v6 ? "ip6" : "ip", *what = addr_ip_special(ip);
	char text[ADDR_IP_TEXT];

	if (what)
		return error_set(err, -EINVAL, "bad-value",
		    "give it an address that a machine may have",
		    "nics[%zu]: %s: %s is %s", i, member,
		    addr_ip_text(ip, text, sizeof(text)), what);
	for (size_t k = 0; addr_ip_is_set(ip) && k < i; k++)
		if (addr_ip_eq(ip, v6 ? &b->nics[k].ip6 : &b->nics[k].ip))
			return error_set(err, -EINVAL, "ip-duplicate",
			    "remove one of them", "nics[%zu]: %s: same as nics[%zu]", i,
			    member, k);
	return 0;
}

static int
check_nics(const struct bundle_host *b, struct error *err)
{
	for (size_t i = 0; i < b->n_nics; i++) {
		if (check_ip(b, i, false, err) < 0 || check_ip(b, i, true, err) < 0)
			return -EINVAL;
		for (size_t k = 0; k < i; k++) {
			if (addr_mac_eq(&b->nics[i].mac, &b->nics[k].mac))
				return error_set(err, -EINVAL, "mac-duplicate",
				    "remove one of them",
				    "nics[%zu]: mac: same as nics[%zu]", i, k);
		}
	}
	return 0;
}

static int
read_host(const json_t *v, struct db_host *h, struct error *err)
{
	const json_t *idle = json_object_get(v, "idle");

	h->require_cipher = DB_HOST_SITES;
	if (check_keys(v, host_keys, err) < 0 ||
	    check_list_keys(v, "nics", nic_keys, err) < 0 ||
	    bundle_host_from_json(v, &h->host, err) < 0 ||
	    read_loaders(v, h->host.loaders, &h->host.n_loaders, err) < 0 ||
	    json_copy_str(v, "site", h->site, sizeof(h->site), err) < 0 ||
	    json_copy_opt(v, "image", h->image, sizeof(h->image), err) < 0 ||
	    read_bmc(v, h, err) < 0)
		return -EINVAL;
	h->idle_set = idle && !json_is_null(idle);
	/* In a host set the word means every host. */
	if (str_eq(h->host.name, "all"))
		return bad(err, "choose another name",
		    "name: all stands for every host in a host set");
	if (!str_name_valid(h->site))
		return bad(err, NULL, "site: not a site name");
	if (h->image[0] != '\0' && !str_name_valid(h->image))
		return bad(err, NULL, "image: not an image name");
	qsort(
	    h->host.labels, h->host.n_labels, sizeof(h->host.labels[0]), compare_labels);
	return check_nics(&h->host, err);
}

int
inventory_codec_host(const json_t *v, struct db_host *ret, struct error *err)
{
	struct db_host *h = str_alloc(sizeof(*h));
	int rc = read_host(v, h, err);

	if (rc == 0)
		*ret = *h;
	bundle_bmc_wipe(&h->bmc);
	free(h);
	return rc;
}

int
inventory_codec_image_shape(const json_t *v, struct error *err)
{
	const char *name;

	if (check_keys(v, image_keys, err) < 0 || json_get_str(v, "name", &name, err) < 0)
		return -EINVAL;
	if (check_keys(json_object_get(v, "kernel"), file_keys, err) < 0) {
		error_prefix(err, "kernel");
		return -EINVAL;
	}
	if (check_list_keys(v, "initrds", file_keys, err) < 0 ||
	    check_list_keys(v, "files", file_keys, err) < 0)
		return -EINVAL;
	return 0;
}

/* URL names are one name space: /b/TOKEN/NAME. */
static int
check_file_names(const struct bundle_image *b, struct error *err)
{
	size_t n = 1 + b->n_initrds + b->n_files;
	const struct bundle_file *all[1 + ARRAY_SIZE(b->initrds) + ARRAY_SIZE(b->files)];

	all[0] = &b->kernel;
	for (size_t i = 0; i < b->n_initrds; i++)
		all[1 + i] = &b->initrds[i];
	for (size_t i = 0; i < b->n_files; i++)
		all[1 + b->n_initrds + i] = &b->files[i];
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++)
			if (str_eq(all[i]->name, all[k]->name))
				return error_set(err, -EINVAL, "file-duplicate",
				    "give one of them another \"name\"",
				    "two files of the image have the name %s",
				    all[i]->name);
	return 0;
}

/* What the boot script itself fetches is served as it is. */
static int
check_templates(const struct bundle_image *b, struct error *err)
{
	static const char next[] = "a template is one of the image's files";

	if (b->kernel.template)
		return bad(err, next, "kernel: template: a kernel is not a text");
	for (size_t i = 0; i < b->n_initrds; i++)
		if (b->initrds[i].template)
			return error_set(err, -EINVAL, "bad-value", next,
			    "initrds[%zu]: template: an initrd is not a text", i);
	/* Here, and not when the first job that needs it stands in preflight. */
	for (size_t i = 0; i < b->n_files; i++)
		if (b->files[i].template && b->files[i].size > BUNDLE_TEMPLATE_MAX)
			return error_set(err, -EINVAL, "image-template",
			    "shorten it, or move what is the same for all hosts into "
			    "another file of the image, which it fetches",
			    "files[%zu]: template: %s has %lld octets, and one that is "
			    "filled in for each job at most %d",
			    i, b->files[i].path, (long long)b->files[i].size,
			    BUNDLE_TEMPLATE_MAX);
	return 0;
}

int
inventory_codec_image(const json_t *v, struct db_image *ret, struct error *err)
{
	struct db_image *image = str_alloc(sizeof(*image));
	int rc = inventory_codec_image_shape(v, err);

	if (rc == 0)
		rc = bundle_image_from_json(v, &image->image, err);
	if (rc == 0)
		rc = check_file_names(&image->image, err);
	if (rc == 0)
		rc = check_templates(&image->image, err);
	if (rc == 0)
		rc = bundle_image_args_check(&image->image, err);
	if (rc == 0 && json_object_size(image->image.deadlines) == 0) {
		json_decref(image->image.deadlines);
		image->image.deadlines = NULL;
	}
	if (rc == 0) {
		*ret = *image;
		image->image.deadlines = NULL;
	}
	db_image_done(image);
	free(image);
	return rc;
}

static void
put_caps(json_t *v, const struct db_site *site)
{
	json_t *list = json_array();
	char text[LINE_CAP_TEXT];

	for (size_t i = 0; i < site->n_caps; i++)
		json_array_append_new(
		    list, json_string(line_cap_text(&site->caps[i], text)));
	if (site->n_caps > 0)
		json_put(v, "caps", list);
	else
		json_decref(list);
}

static void
put_peers(json_t *v, const struct db_site *site)
{
	json_t *list = json_array();

	for (size_t i = 0; i < site->n_peers; i++)
		json_array_append_new(list, json_string(site->peers[i]));
	if (site->n_peers > 0)
		json_put(v, "peers", list);
	else
		json_decref(list);
}

json_t *
inventory_codec_site_json(const struct db_site *site)
{
	json_t *v = bundle_site_to_json(&site->site);

	json_object_del(v, "hosts");
	json_object_del(v, "version");
	json_put_str(v, "url", site->url);
	bundle_bmc_prefixes_put(
	    v, "bmc_prefixes", site->bmc_prefixes, site->n_bmc_prefixes);
	if (!str_eq(site->console, "job")) /* told where it is another one */
		json_put_str(v, "console", site->console);
	if (site->require_cipher != 0)
		json_put_i64(v, "require_cipher", site->require_cipher);
	put_caps(v, site);
	put_peers(v, site);
	return v;
}

json_t *
inventory_codec_host_json(const struct db_host *h)
{
	json_t *v = bundle_host_to_json(&h->host);
	struct bundle_bmc bmc = h->bmc;
	char at[CLOCK_TEXT_SIZE];

	secret_wipe(bmc.password, sizeof(bmc.password));
	secret_wipe(bmc.kg, sizeof(bmc.kg));
	bmc.kg_set = false;
	if (!h->idle_set)
		json_object_del(v, "idle");
	json_put_str(v, "site", h->site);
	json_put_str(v, "image", h->image);
	if (h->manners[0])
		bmc.manners = json_parse(h->manners, strlen(h->manners), NULL);
	if (bmc.address[0]) {
		json_t *b = bundle_bmc_to_json(&bmc);
		if (h->bmc_outside)
			json_put_str(b, "outside", "allow");
		json_put_str(b, "console", h->bmc.console);
		if (h->require_cipher != DB_HOST_SITES)
			json_put_i64(b, "require_cipher", h->require_cipher);
		if (h->sealed_kg[0])
			json_put_bool(b, "kg_set", true);
		if (h->sealed_next[0])
			json_put_str(
			    b, "rotation_since", clock_text(h->next_at, at, sizeof(at)));
		json_put(v, "bmc", b);
	}
	json_decref(bmc.manners);
	if (h->locked_at)
		json_put(v, "locked",
		    json_pack("{s:s, s:s, s:s}", "by", h->locked_by, "reason",
			h->locked_reason, "at",
			clock_text(h->locked_at, at, sizeof(at))));
	return v;
}

void
inventory_codec_strip(json_t *host)
{
	json_t *bmc = json_object_get(host, "bmc");

	json_object_del(host, "locked");
	json_object_del(bmc, "kg_set");
	json_object_del(bmc, "rotation_since");
}

json_t *
inventory_codec_image_json(const struct db_image *image)
{
	return bundle_image_to_json(&image->image);
}

/* One step of a path: NAME or NAME[N] before ": ". Returns what follows, or NULL. */
static const char *
take_step(const char *p, char *ret, size_t size)
{
	size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789_-");
	int index = -1, used = 0;

	if (n == 0)
		return NULL;
	if (p[n] == '[' && sscanf(p + n, "[%d]%n", &index, &used) == 1 && used > 0 &&
	    index >= 0) {
		if (p[n + (size_t)used] != ':' ||
		    str_format(ret, size, "/%.*s/%d", (int)n, p, index) < 0)
			return NULL;
	} else if (p[n] != ':' || str_format(ret, size, "/%.*s", (int)n, p) < 0) {
		return NULL;
	}
	p = strchr(p + n, ':') + 1;
	return *p == ' ' ? p + 1 : NULL;
}

void
inventory_codec_pointer(const char *base, const struct error *err, char *buf, size_t size)
{
	const char *p = err->text;
	char step[64];

	str_clip(buf, size, base);
	while ((p = take_step(p, step, sizeof(step))) != NULL) {
		size_t len = strlen(buf);
		str_clip(buf + len, size - len, step);
	}
}
