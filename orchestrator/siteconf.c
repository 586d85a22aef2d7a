// SPDX-License-Identifier: GPL-3.0-or-later
/* Which configurations there are, what each needs, and that nothing gets into one that does not belong there.
 *
 * Entry points: siteconf_init(), siteconf_set(), siteconf_make(). Pure: text from structs. Ownership: struct
 * siteconf borrows site and images; the text made belongs to the caller. Failure modes: "config-incomplete" names
 * the option that says what is missing; "bad-value" a text of the inventory that could be read as configuration.
 * All texts are checked before the first one is written, whichever server is asked for. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"
#include "orchestrator/siteconf_priv.h"

enum needs {
	NEED_4 = 1,
	NEED_6 = 2,
	NEED_ANY = 4,
	NEED_IF = 8,
	NEED_RA = 16,
	NEED_NFS = 32
};

static const struct {
	const char *name;
	unsigned needs;
	siteconf_writer *write;
} servers[] = {
    {"isc-dhcp", NEED_4, siteconf_isc_write},
    {"isc-dhcp6", NEED_6, siteconf_isc6_write},
    {"kea", NEED_4 | NEED_IF, siteconf_kea_write},
    {"kea6", NEED_6 | NEED_IF, siteconf_kea_write_6},
    {"dnsmasq", NEED_ANY | NEED_IF, siteconf_dnsmasq_write},
    {"radvd", NEED_RA | NEED_IF, siteconf_radvd_write},
    {"tftpd-hpa", 0, siteconf_tftpd_write},
    {"nginx", NEED_ANY, siteconf_nginx_write},
    {"nfs", NEED_NFS, siteconf_nfs_write},
    {"ganesha", NEED_NFS, siteconf_nfs_write_ganesha},
};
const char *const siteconf_names[] = {"isc-dhcp", "isc-dhcp6", "kea", "kea6", "dnsmasq",
    "radvd", "tftpd-hpa", "nginx", "nfs", "ganesha", NULL};

static void
set_server(struct siteconf *c, const struct addr_ip *ip)
{
	if (ip->family == AF_INET)
		c->server4 = *ip;
	else
		c->server6 = *ip;
}

/* "http://10.77.0.1:8080/": a name says no address, but its port counts. */
static void
read_url(struct siteconf *c, const char *url)
{
	const char *host = str_has_prefix(url, "http://") ? url + 7 : "";
	bool v6 = host[0] == '[';
	char text[ADDR_IP_TEXT] = "", port[8] = "";
	struct addr_ip ip;
	int64_t n;
	size_t len;

	host += v6;
	len = strcspn(host, v6 ? "]" : ":/");
	if (len < sizeof(text))
		memcpy(text, host, len);
	if (addr_ip_parse(text, &ip) == 0)
		set_server(c, &ip);
	host += len;
	host += v6 && host[0] == ']';
	len = strcspn(host, "/");
	if (host[0] == ':' && len <= sizeof(port))
		memcpy(port, host + 1, len - 1);
	if (str_to_i64(port, 1, 65535, &n) == 0)
		c->http_port = (uint16_t)n;
}

void
siteconf_init(struct siteconf *c, const struct bundle_site *site, const char *url)
{
	*c = (struct siteconf){.site = site, .http_port = 80};
	read_url(c, url);
	str_clip(c->loaders_root, sizeof(c->loaders_root), "/srv/netboot/loaders");
	str_clip(c->images_root, sizeof(c->images_root), "/srv/netboot/images");
	str_clip(c->scripts_root, sizeof(c->scripts_root), "/srv/netboot/scripts");
}

static int
set_servers(struct siteconf *c, const char *value, struct error *err)
{
	struct siteconf new = *c;
	bool seen[2] = {false};

	for (const char *p = value; p;) {
		size_t len = strcspn(p, ",");
		char text[ADDR_IP_TEXT] = "";
		struct addr_ip ip;

		if (len < sizeof(text))
			memcpy(text, p, len);
		if (addr_ip_parse(text, &ip) < 0)
			return error_set(err, -EINVAL, "bad-value",
			    "give the boot server's address, as its clients see it",
			    "server: not an IP address");
		if (seen[ip.family == AF_INET6])
			return error_set(err, -EINVAL, "bad-value", NULL,
			    "server: two addresses of one family");
		seen[ip.family == AF_INET6] = true;
		set_server(&new, &ip);
		p = p[len] == ',' ? p + len + 1 : NULL;
	}
	*c = new;
	return 0;
}

static int
set_root(const char *name, const char *value, char *root, struct error *err)
{
	if (value[0] != '/' || !siteconf_text_plain(value) ||
	    str_copy(root, SITECONF_ROOT_SIZE, value) < 0)
		return error_set(err, -EINVAL, "bad-value",
		    "use letters, digits and ._-/+=@~ in it",
		    "%s: not an absolute path that every configuration can carry", name);
	while (strlen(root) > 1 && root[strlen(root) - 1] == '/')
		root[strlen(root) - 1] = '\0';
	return 0;
}

int
siteconf_set(struct siteconf *c, const char *name, const char *value, struct error *err)
{
	if (str_eq(name, "server"))
		return set_servers(c, value, err);
	if (str_eq(name, "loaders_root"))
		return set_root(name, value, c->loaders_root, err);
	if (str_eq(name, "images_root"))
		return set_root(name, value, c->images_root, err);
	if (str_eq(name, "scripts_root"))
		return set_root(name, value, c->scripts_root, err);
	if (!str_eq(name, "interface"))
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "no such option of a configuration");
	if (!value[0] || strchr(value, '/') || !siteconf_text_plain(value) ||
	    str_copy(c->interface, sizeof(c->interface), value) < 0)
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "interface: not an interface's name");
	return 0;
}

/* ---- nothing that could be read as configuration ---- */

static int
check_text(const char *what, const char *whose, const char *text, struct error *err)
{
	char shown[80], owner[80];

	if (siteconf_text_plain(text))
		return 0;
	return error_set(err, -EINVAL, "bad-value",
	    "use letters, digits and ._-/+=@~ in it",
	    "%s of %s: \"%s\" has a character that no configuration may carry", what,
	    str_escape(owner, sizeof(owner), whose, strlen(whose)),
	    str_escape(shown, sizeof(shown), text, strlen(text)));
}

static int
check_loaders(
    const char *whose, const struct bundle_loader *loaders, size_t n, struct error *err)
{
	for (size_t i = 0; i < n; i++)
		if (check_text("a loader", whose, loaders[i].file, err) < 0)
			return -EINVAL;
	return 0;
}

static int
check_image(const struct bundle_image *image, struct error *err)
{
	int r = check_text("the name", "an image", image->name, err);

	if (r == 0)
		r = check_text("nfs_root", image->name, image->nfs_root, err);
	if (r == 0)
		r = check_text("the kernel", image->name, image->kernel.path, err);
	for (size_t i = 0; r == 0 && i < image->n_initrds; i++)
		r = check_text("an initrd", image->name, image->initrds[i].path, err);
	for (size_t i = 0; r == 0 && i < image->n_files; i++)
		r = check_text("a file", image->name, image->files[i].path, err);
	return r;
}

static int
check_texts(const struct siteconf *c, struct error *err)
{
	const struct bundle_site *s = c->site;
	int r = check_text("the name", "the site", s->name, err);

	if (r == 0)
		r = check_loaders(s->name, s->loaders, s->n_loaders, err);
	for (size_t i = 0; r == 0 && i < s->n_subnets; i++) {
		r = check_text("a domain", s->name, s->subnets[i].domain, err);
		if (r == 0 && s->subnets[i].relay[0]) {
			struct addr_ip ip;
			r = addr_ip_parse(s->subnets[i].relay, &ip);
			if (r < 0)
				error_set(err, r, "bad-value", NULL,
				    "a relay of the site: not an IP address");
		}
	}
	for (size_t i = 0; r == 0 && i < s->n_hosts; i++) {
		const struct bundle_host *h = &s->hosts[i];
		r = check_text("the name", "a host", h->name, err);
		if (r == 0)
			r = check_loaders(h->name, h->loaders, h->n_loaders, err);
	}
	for (size_t i = 0; r == 0 && i < c->n_images; i++)
		r = check_image(&c->images[i], err);
	return r;
}

/* ---- what a server needs ---- */

static bool
has_subnet(const struct siteconf *c, int family, bool ra)
{
	for (size_t i = 0; i < c->site->n_subnets; i++) {
		const struct bundle_subnet *s = &c->site->subnets[i];
		if (s->prefix.ip.family == family && (!ra || s->ra != BUNDLE_RA_OFF))
			return true;
	}
	return false;
}

static int
check_family(const struct siteconf *c, const char *name, int family, struct error *err)
{
	const struct addr_ip *server = family == AF_INET ? &c->server4 : &c->server6;
	const char *v = family == AF_INET ? "IPv4" : "IPv6";

	if (!has_subnet(c, family, false))
		return error_set(err, -EINVAL, "config-incomplete",
		    "add one: netboot-ctl site set SITE --subnet PREFIX,...",
		    "the site %s has no %s subnet, and %s would have nothing to serve",
		    c->site->name, v, name);
	if (!addr_ip_is_set(server))
		return error_set(err, -EINVAL, "config-incomplete",
		    "say it with --address ADDRESS",
		    "the boot server's %s address is not known: the site's url does not "
		    "name "
		    "it",
		    v);
	return 0;
}

static bool
has_nfs(const struct siteconf *c)
{
	for (size_t i = 0; i < c->n_images; i++)
		if (c->images[i].nfs_root[0])
			return true;
	return false;
}

/* Either family will do, but one for which there is a subnet must also have an address. */
static int
check_any(const struct siteconf *c, const char *name, struct error *err)
{
	bool v6 = has_subnet(c, AF_INET6, false);
	int r = 0;

	if (has_subnet(c, AF_INET, false) || !v6)
		r = check_family(c, name, AF_INET, err);
	if (r == 0 && v6)
		r = check_family(c, name, AF_INET6, err);
	return r;
}

static int
check_needs(const struct siteconf *c, const char *name, unsigned needs, struct error *err)
{
	int r = 0;

	if (needs & NEED_4)
		r = check_family(c, name, AF_INET, err);
	if (needs & NEED_6)
		r = check_family(c, name, AF_INET6, err);
	if (needs & NEED_ANY)
		r = check_any(c, name, err);
	if (r < 0)
		return r;
	if ((needs & NEED_RA) && !has_subnet(c, AF_INET6, true))
		return error_set(err, -EINVAL, "config-incomplete",
		    "a router does it, or set ra of an IPv6 subnet to managed or "
		    "stateless",
		    "no IPv6 subnet of the site %s wants router advertisements",
		    c->site->name);
	if ((needs & NEED_IF) && !c->interface[0])
		return error_set(err, -EINVAL, "config-incomplete",
		    "say it with --interface NAME",
		    "%s must be told which interface is on the boot network", name);
	if ((needs & NEED_NFS) && !has_nfs(c))
		return error_set(err, -EINVAL, "config-incomplete",
		    "set nfs_root of the images that want it",
		    "no image has an nfs_root, so there is nothing to export");
	if ((needs & NEED_NFS) && c->site->n_subnets == 0)
		return error_set(err, -EINVAL, "config-incomplete",
		    "add one: netboot-ctl site set SITE --subnet PREFIX,...",
		    "the site %s has no subnet to export to", c->site->name);
	return 0;
}

int
siteconf_make(const struct siteconf *c, const char *server, char **ret, struct error *err)
{
	struct siteconf_text t = {.s = NULL};
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(servers); i++) {
		if (!str_eq(servers[i].name, server))
			continue;
		r = check_texts(c, err);
		if (r == 0)
			r = check_needs(c, server, servers[i].needs, err);
		if (r < 0)
			return r;
		servers[i].write(c, &t);
		*ret = siteconf_text_take(&t);
		return 0;
	}
	return error_set(err, -EINVAL, "bad-value",
	    "isc-dhcp, isc-dhcp6, kea, kea6, dnsmasq, radvd, tftpd-hpa, nginx, nfs, "
	    "ganesha",
	    "for: no configuration is made for such a server");
}
