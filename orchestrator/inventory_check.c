// SPDX-License-Identifier: GPL-3.0-or-later
/* Validation of inventory documents: every object by itself, against the rest of the
 * document, and against what the database has that the document does not replace.
 *
 * Entry points: inventory_check_names() once, then inventory_check_{site,image,host}()
 * per object. Errors are collected, not thrown: a person with forty hosts to correct
 * wants to see all forty. Failure modes: a database that cannot be read is kept in c->rc
 * and ends the plan. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db/db_job.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/inventory_address.h"
#include "orchestrator/inventory_codec.h"
#include "orchestrator/inventory_priv.h"
#include "orchestrator/orders.h"

static const char zoneinfo[] = "/usr/share/zoneinfo";

void
inventory_check_done(struct inventory_check *c)
{
	strset_done(&c->sites);
	strset_done(&c->images);
	strset_done(&c->hosts);
	strset_done(&c->taken);
	free(c->site);
	c->site = NULL;
	json_decref(c->in_menus);
	c->in_menus = NULL;
	json_decref(c->errors);
	c->errors = NULL;
}

static const json_t *
object(const struct inventory_check *c, const char *list, size_t i)
{
	return json_array_get(json_object_get(c->rq->document, list), i);
}

static void
add_at(struct inventory_check *c, const char *pointer, const char *host,
    const struct error *err)
{
	if (c->n_errors++ >= INVENTORY_ERRORS_MAX)
		return;
	json_t *e = json_object();
	if (host)
		json_put_str(e, "host", host);
	json_put(e, "pointer", json_string(pointer));
	json_put_str(e, "code", err->code);
	json_put_str(e, "text", err->text);
	json_put_str(e, "next", err->next[0] ? err->next : "correct it, then repeat");
	json_array_append_new(c->errors, e);
}

void
inventory_check_add(
    struct inventory_check *c, const char *list, size_t i, const struct error *err)
{
	char base[64], pointer[INVENTORY_POINTER_SIZE];
	const char *name = json_string_value(json_object_get(object(c, list, i), "name"));

	if (str_format(base, sizeof(base), "/%s/%zu", list, i) < 0)
		base[0] = '\0';
	inventory_codec_pointer(
	    c->rq->pointer ? c->rq->pointer : base, err, pointer, sizeof(pointer));
	add_at(c, pointer, str_eq(list, "hosts") ? name : NULL, err);
}

static void
db_failed(struct inventory_check *c, int rc)
{
	if (c->rc == 0)
		c->rc = rc;
}

static void
register_names(struct inventory_check *c, const char *list, struct strset *set)
{
	const json_t *objects = json_object_get(c->rq->document, list);
	struct error err;
	size_t before;

	if (objects && !json_is_null(objects) && !json_is_array(objects)) {
		char pointer[64];
		error_set(&err, 0, "bad-value", NULL, "%s: not a list", list);
		inventory_codec_pointer("", &err, pointer, sizeof(pointer));
		add_at(c, pointer, NULL, &err);
		return;
	}
	for (size_t i = 0; i < json_array_size(objects); i++) {
		const char *name = json_string_value(
		    json_object_get(json_array_get(objects, i), "name"));
		/* A missing name is the codec's to report. */
		if (!name || strset_add(set, name, i, &before))
			continue;
		error_set(&err, 0, "name-duplicate", "remove one of them",
		    "name: %s is also %s[%zu]", name, list, before);
		inventory_check_add(c, list, i, &err);
	}
}

void
inventory_check_names(struct inventory_check *c)
{
	static const char *const known[] = {"sites", "images", "hosts"};
	const char *key;
	json_t *v;

	json_object_foreach ((json_t *)c->rq->document, key, v) {
		bool found = false;
		char shown[64];
		struct error err;
		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			found = found || str_eq(key, known[i]);
		if (found)
			continue;
		error_set(&err, 0, "key-unknown",
		    "a document has sites, images and hosts", "unknown key \"%s\"",
		    str_escape(shown, sizeof(shown), key, strlen(key)));
		add_at(c, "", NULL, &err);
	}
	register_names(c, "sites", &c->sites);
	register_names(c, "images", &c->images);
	register_names(c, "hosts", &c->hosts);
}

static bool
timezone_known(const char *name)
{
	char path[sizeof(zoneinfo) + 80];

	/* A machine without the time zone data base cannot say. */
	if (access(zoneinfo, R_OK) < 0)
		return true;
	return str_format(path, sizeof(path), "%s/%s", zoneinfo, name) == 0 &&
	       access(path, R_OK) == 0;
}

/* The site as the document has it, else the database; NULL: neither, or not fit to be read. */
static const struct db_site *
site_to_be(struct inventory_check *c, const char *name)
{
	size_t i;
	int rc;

	if (!c->site)
		c->site = str_alloc(sizeof(*c->site));
	if (str_eq(c->site->site.name, name))
		return c->site;
	c->site->site.name[0] = '\0';
	if (strset_find(&c->sites, name, &i))
		rc = inventory_codec_site(object(c, "sites", i), c->site, NULL);
	else
		rc = db_site_get(c->store, name, c->site);
	if (rc < 0 && rc != -ENOENT && rc != -EINVAL)
		db_failed(c, rc);
	return rc < 0 ? NULL : c->site;
}

/* Others, which are there and have an address. One that is in the document and not fit to be read is refused itself. */
static int
check_peers(struct inventory_check *c, const struct db_site *s, struct error *err)
{
	for (size_t i = 0; i < s->n_peers; i++) {
		const char *name = s->peers[i];
		const struct db_site *peer;

		if (str_eq(name, s->site.name))
			return error_set(err, -EINVAL, "bad-value",
			    "name other sites, or none", "peers[%zu]: the site itself",
			    i);
		peer = site_to_be(c, name);
		if (!peer && strset_find(&c->sites, name, NULL))
			continue;
		if (!peer)
			return error_set(err, -EINVAL, "site-unknown",
			    "netboot-ctl site list shows them", "peers[%zu]: no site %s",
			    i, name);
		if (peer->url[0] == '\0')
			return error_set(err, -EINVAL, "bad-value",
			    "netboot-ctl site set SITE --url http://ADDRESS gives it one",
			    "peers[%zu]: site %s has no url to fetch from", i, name);
	}
	return 0;
}

/* A site from which others fetch keeps an address. Those in the document are judged by what they are to be. */
static int
check_peer_of(struct inventory_check *c, const struct db_site *s, struct error *err)
{
	struct store_names of = {0};
	int rc = 0;

	if (s->url[0] != '\0')
		return 0;
	rc = db_site_peer_of(c->store, s->site.name, &of);
	if (rc < 0)
		db_failed(c, rc);
	for (size_t i = 0; rc == 0 && i < of.n; i++)
		if (!strset_find(&c->sites, of.v[i], NULL))
			rc = error_set(err, -EINVAL, "bad-value",
			    "keep it, or name other peers there first",
			    "url: site %s fetches image files from here", of.v[i]);
	store_names_done(&of);
	return rc;
}

bool
inventory_check_site(struct inventory_check *c, size_t i, struct db_site *ret)
{
	struct error err = {.code = ""};
	int rc = inventory_codec_site(object(c, "sites", i), ret, &err);

	if (rc == 0 && !timezone_known(ret->site.timezone))
		rc = error_set(&err, -EINVAL, "bad-value",
		    "give an IANA name such as Africa/Lagos", "timezone: no time zone %s",
		    ret->site.timezone);
	if (rc == 0)
		rc = check_peers(c, ret, &err);
	if (rc == 0)
		rc = check_peer_of(c, ret, &err);
	if (rc == 0)
		rc = inventory_menu_check_site(c, &ret->site, &err);
	if (rc < 0)
		inventory_check_add(c, "sites", i, &err);
	return rc == 0;
}

static int
complete_file(const struct images_hashes *hashes, json_t *file, struct error *err)
{
	const char *path = NULL, *name = NULL, *claimed = NULL;

	if (!json_is_object(file))
		return error_set(err, -EINVAL, "bad-value", NULL, "not an object");
	if (json_get_str(file, "path", &path, err) < 0 ||
	    json_opt_str(file, "name", &name, err) < 0 ||
	    json_opt_str(file, "sha256", &claimed, err) < 0)
		return -EINVAL;
	const struct images_file *f = images_find(hashes, path);
	if (!f)
		return error_set(
		    err, -EINVAL, "image-missing", NULL, "path: %s was not read", path);
	if (f->err.code[0]) {
		*err = f->err;
		error_prefix(err, "path");
		return -EINVAL;
	}
	if (claimed && claimed[0] && !str_eq(claimed, f->sha256))
		return error_set(err, -EINVAL, "image-altered",
		    "restore the file, or leave sha256 out if the change is meant",
		    "sha256: %s has another digest, %s", path, f->sha256);
	if (!name || !name[0]) {
		const char *slash = strrchr(path, '/');
		json_object_set_new(file, "name", json_string(slash ? slash + 1 : path));
	}
	json_object_set_new(file, "sha256", json_string(f->sha256));
	json_object_set_new(file, "size", json_integer(f->size));
	return 0;
}

static int
complete_list(const struct images_hashes *hashes, json_t *image, const char *list,
    struct error *err)
{
	const json_t *files = json_object_get(image, list);

	for (size_t i = 0; i < json_array_size(files); i++) {
		if (complete_file(hashes, json_array_get(files, i), err) < 0) {
			error_prefix(err, "%s[%zu]", list, i);
			return -EINVAL;
		}
	}
	return 0;
}

json_t *
inventory_check_complete_image(
    const struct images_hashes *hashes, const json_t *image, struct error *err)
{
	json_t *v = NULL;

	if (inventory_codec_image_shape(image, err) < 0)
		return NULL;
	v = json_deep_copy(image);
	if (complete_file(hashes, json_object_get(v, "kernel"), err) < 0) {
		error_prefix(err, "kernel");
		goto fail;
	}
	if (complete_list(hashes, v, "initrds", err) == 0 &&
	    complete_list(hashes, v, "files", err) == 0)
		return v;
fail:
	json_decref(v);
	return NULL;
}

/* /images/status is how far all of them are at sites. What was added under that name before stays, and can be changed. */
static int
check_image_name(struct inventory_check *c, const char *name, struct error *err)
{
	struct db_image *image;
	int rc;

	if (!str_eq(name, "status"))
		return 0;
	image = str_alloc(sizeof(*image));
	rc = db_image_get(c->store, name, image);
	if (rc == 0)
		db_image_done(image);
	else if (rc != -ENOENT)
		db_failed(c, rc);
	free(image);
	if (rc != -ENOENT)
		return 0;
	return error_set(err, -EINVAL, "bad-value", "give it another name",
	    "name: no image can be called status, since /images/status is how far all "
	    "images are at sites");
}

bool
inventory_check_image(struct inventory_check *c, size_t i, struct db_image *ret)
{
	struct error err = {.code = ""};
	json_t *v =
	    inventory_check_complete_image(c->rq->hashes, object(c, "images", i), &err);
	int rc = v ? inventory_codec_image(v, ret, &err) : -EINVAL;

	json_decref(v);
	if (rc == 0 && (check_image_name(c, ret->image.name, &err) < 0 ||
			   inventory_menu_check_image(c, &ret->image, &err) < 0)) {
		db_image_done(ret);
		*ret = (struct db_image){.rev = 0};
		rc = -EINVAL;
	}
	if (rc < 0)
		inventory_check_add(c, "images", i, &err);
	return rc == 0;
}

/* Is an identity of host i another host's? `owner_rc` is the answer of the database. */
static int
check_taken(struct inventory_check *c, size_t i, const char *name, const char *key,
    int owner_rc, const char *owner, struct error *err, const char *code)
{
	size_t before;

	if (!strset_add(&c->taken, key, i, &before) && before != i)
		return error_set(err, -EINVAL, code, "give each host its own",
		    "%s is also that of hosts[%zu]", strrchr(key, ' ') + 1, before);
	if (owner_rc < 0 && owner_rc != -ENOENT)
		db_failed(c, owner_rc);
	/* What the document moves away from its owner is free: the document says so
	 * itself. */
	if (owner_rc == 0 && !str_eq(owner, name) && !strset_find(&c->hosts, owner, NULL))
		return error_set(err, -EINVAL, code,
		    "change or remove the other host first", "%s belongs to host %s",
		    strrchr(key, ' ') + 1, owner);
	return 0;
}

static int
check_ip(struct inventory_check *c, size_t i, const struct db_host *h,
    const struct addr_ip *ip, struct error *err)
{
	char text[ADDR_IP_TEXT], key[ADDR_IP_TEXT + 80], owner[BUNDLE_NAME_SIZE] = "";

	if (!addr_ip_is_set(ip))
		return 0;
	addr_ip_text(ip, text, sizeof(text));
	if (str_format(key, sizeof(key), "ip %s %s", h->site, text) < 0)
		return -EINVAL;
	int rc = db_host_ip_owner(c->store, h->site, text, owner, sizeof(owner));
	return check_taken(c, i, h->host.name, key, rc, owner, err, "ip-duplicate");
}

static int
check_nic(struct inventory_check *c, size_t i, const struct db_host *h, size_t n,
    struct error *err)
{
	const struct bundle_nic *nic = &h->host.nics[n];
	char text[ADDR_IP_TEXT], key[ADDR_IP_TEXT + 80], owner[BUNDLE_NAME_SIZE] = "";
	int rc;

	addr_mac_text(&nic->mac, text, sizeof(text));
	if (str_format(key, sizeof(key), "mac %s", text) < 0)
		return -EINVAL;
	rc = db_host_mac_owner(c->store, text, owner, sizeof(owner));
	if (check_taken(c, i, h->host.name, key, rc, owner, err, "mac-duplicate") < 0) {
		error_prefix(err, "nics[%zu]: mac", n);
		return -EINVAL;
	}
	if (check_ip(c, i, h, &nic->ip, err) < 0) {
		error_prefix(err, "nics[%zu]: ip", n);
		return -EINVAL;
	}
	if (check_ip(c, i, h, &nic->ip6, err) < 0) {
		error_prefix(err, "nics[%zu]: ip6", n);
		return -EINVAL;
	}
	return 0;
}

/* Did a card have this address, and did it not fit, before the document? Then it is doctor's to tell, and
 * does not hold up other changes. */
static bool
misfit_before(
    struct inventory_check *c, const struct db_host *h, const struct addr_ip *ip)
{
	struct db_host *old = str_alloc(sizeof(*old));
	struct db_site *site = str_alloc(sizeof(*site));
	bool found = false;
	int rc = db_host_get(c->store, h->host.name, old);

	if (rc == 0)
		rc = db_site_get(c->store, old->site, site);
	if (rc < 0 && rc != -ENOENT)
		db_failed(c, rc);
	for (size_t n = 0; rc == 0 && str_eq(old->site, h->site) && n < old->host.n_nics;
	     n++)
		found =
		    found ||
		    (addr_ip_eq(inventory_address_of(&old->host, n, ip->family), ip) &&
			inventory_address_check(
			    &site->site, &old->host, n, ip->family, NULL) < 0);
	free(old);
	free(site);
	return found;
}

static int
check_address(struct inventory_check *c, const struct db_host *h, size_t n, int family,
    struct error *err)
{
	const struct db_site *found = site_to_be(c, h->site);
	const struct bundle_site *site = found ? &found->site : NULL;

	if (!site || inventory_address_check(site, &h->host, n, family, err) == 0 ||
	    misfit_before(c, h, inventory_address_of(&h->host, n, family)))
		return 0;
	return -EINVAL;
}

static int
check_bmc(struct inventory_check *c, size_t i, const struct db_host *h, struct error *err)
{
	char key[BUNDLE_NAME_SIZE + 96], owner[BUNDLE_NAME_SIZE] = "";

	if (h->bmc.address[0] == '\0')
		return 0;
	if (str_format(key, sizeof(key), "bmc %s %s:%u", h->site, h->bmc.address,
		h->bmc.port) < 0)
		return -EINVAL;
	int rc = db_host_bmc_owner(
	    c->store, h->site, h->bmc.address, h->bmc.port, owner, sizeof(owner));
	if (check_taken(c, i, h->host.name, key, rc, owner, err, "bmc-duplicate") < 0) {
		error_prefix(err, "bmc: address");
		return -EINVAL;
	}
	return 0;
}

static int
check_site_of(struct inventory_check *c, const struct db_host *h, struct error *err)
{
	int64_t version;
	int rc = strset_find(&c->sites, h->site, NULL)
		     ? 0
		     : db_site_version(c->store, h->site, &version);

	if (rc < 0 && rc != -ENOENT)
		db_failed(c, rc);
	if (rc == -ENOENT)
		return error_set(err, -EINVAL, "site-unknown", "add the site first",
		    "site: no site %s", h->site);
	return 0;
}

/* The kind of an image of the document or the database in buf; -ENOENT: no such image. */
static int
image_kind(struct inventory_check *c, const char *name, char *buf, size_t size)
{
	size_t i;
	struct db_image image;

	if (strset_find(&c->images, name, &i)) {
		const char *kind =
		    json_string_value(json_object_get(object(c, "images", i), "kind"));
		str_clip(buf, size, kind ? kind : "");
		return 0;
	}
	int rc = db_image_get(c->store, name, &image);
	if (rc < 0)
		return rc;
	str_clip(buf, size, image.image.kind);
	db_image_done(&image);
	return 0;
}

/* A host's own image is what `reinstall` takes without being told. */
static int
check_image_of(struct inventory_check *c, const struct db_host *h, struct error *err)
{
	char kind[16];

	if (h->image[0] == '\0')
		return 0;
	int rc = image_kind(c, h->image, kind, sizeof(kind));
	if (rc == -ENOENT)
		return error_set(err, -EINVAL, "image-unknown", "add the image first",
		    "image: no image %s", h->image);
	if (rc < 0)
		db_failed(c, rc);
	/* A kind that is none is the image's error, told once and not at each of its hosts. */
	else if (str_eq(kind, "rescue") || str_eq(kind, "live") || str_eq(kind, "tool"))
		return error_set(err, -EINVAL, "image-kind",
		    "give an image of kind reinstall",
		    "image: %s is of kind %s, not reinstall", h->image, kind);
	return 0;
}

static bool
same_nics(const struct bundle_host *a, const struct bundle_host *b)
{
	bool same = a->n_nics == b->n_nics;

	for (size_t i = 0; same && i < a->n_nics; i++)
		same = addr_mac_eq(&a->nics[i].mac, &b->nics[i].mac) &&
		       addr_ip_eq(&a->nics[i].ip, &b->nics[i].ip) &&
		       addr_ip_eq(&a->nics[i].ip6, &b->nics[i].ip6) &&
		       a->nics[i].boot == b->nics[i].boot;
	return same;
}

static bool
same_bmc(const struct bundle_bmc *a, const struct bundle_bmc *b)
{
	return str_eq(a->address, b->address) && a->port == b->port;
}

/* While a job runs, its host's identity stands still: the agent acts on the MACs and the BMC
 * that it was given. */
static int
check_busy(struct inventory_check *c, const struct db_host *h, struct error *err)
{
	char job[ID_SIZE];
	struct db_host *old = str_alloc(sizeof(*old));
	int rc = db_job_any_of_host(c->store, h->host.name, job);

	if (rc == 0)
		rc = db_host_get(c->store, h->host.name, old);
	if (rc == 0 && (!str_eq(old->site, h->site) || !same_nics(&old->host, &h->host) ||
			   !same_bmc(&old->bmc, &h->bmc)))
		rc = error_set(err, -EINVAL, "host-busy", ORDERS_BUSY_NEXT,
		    "job %s is under way, or waits for its time: site, nics and the "
		    "BMC's "
		    "address cannot change now",
		    job);
	else if (rc < 0 && rc != -ENOENT)
		db_failed(c, rc);
	free(old);
	return rc == -EINVAL ? rc : 0;
}

/* Two passwords are kept for one user of one BMC: neither means anything for another. */
static int
check_rotation(struct inventory_check *c, const struct db_host *h, struct error *err)
{
	struct db_host *old = str_alloc(sizeof(*old));
	int rc = db_host_get(c->store, h->host.name, old);

	if (rc == 0 && old->sealed_next[0] && !h->bmc.password[0] &&
	    !h->forget_password &&
	    (!str_eq(old->site, h->site) || !same_bmc(&old->bmc, &h->bmc) ||
		!str_eq(old->bmc.user, h->bmc.user)))
		rc = error_set(err, -EINVAL, "rotation-open", ORDERS_ROTATION_NEXT,
		    "bmc: its password is being changed: site, address, port and user "
		    "cannot change now, unless a password is given too");
	else if (rc < 0 && rc != -ENOENT)
		db_failed(c, rc);
	free(old);
	return rc == -EINVAL ? rc : 0;
}

bool
inventory_check_host(struct inventory_check *c, size_t i, struct db_host *ret)
{
	struct error err = {.code = ""};
	int rc = inventory_codec_host(object(c, "hosts", i), ret, &err);

	if (rc == 0)
		rc = check_site_of(c, ret, &err);
	if (rc == 0)
		rc = check_image_of(c, ret, &err);
	for (size_t n = 0; rc == 0 && n < ret->host.n_nics; n++)
		rc = check_nic(c, i, ret, n, &err);
	for (size_t n = 0; rc == 0 && n < 2 * ret->host.n_nics; n++)
		rc = check_address(c, ret, n / 2, n % 2 ? AF_INET6 : AF_INET, &err);
	if (rc == 0)
		rc = check_bmc(c, i, ret, &err);
	if (rc == 0)
		rc = check_busy(c, ret, &err);
	if (rc == 0)
		rc = check_rotation(c, ret, &err);
	if (rc < 0)
		inventory_check_add(c, "hosts", i, &err);
	return rc == 0;
}
