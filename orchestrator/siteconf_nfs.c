// SPDX-License-Identifier: GPL-3.0-or-later
/* Exports of images' NFS roots: for the kernel's server (exports(5)) and for nfs-ganesha.
 *
 * Entry points: siteconf_nfs_write(), siteconf_nfs_write_ganesha(). Read-only, to the site's subnets alone, and
 * without squashing root: a root file system is read by root. The numbers that NFS identifies an export by
 * (fsid, Export_Id) come from the path, so that they stay what they are when other images come and go; two
 * paths with one number are told apart in the order of the images.
 *
 * Pure; no failure modes. */
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"
#include "orchestrator/siteconf_priv.h"

enum { EXPORT_ID_MAX = 65535 }; /* of ganesha; the kernel takes 32 bits */

/* FNV-1a of the path, folded to 1..EXPORT_ID_MAX. */
static uint32_t
number_of(const char *path)
{
	uint32_t h = 2166136261u;

	for (; *path; path++)
		h = (h ^ (uint8_t)*path) * 16777619u;
	return (h ^ h >> 16) % EXPORT_ID_MAX + 1;
}

/* The first image with this root. */
static bool
is_first(const struct siteconf *c, size_t i)
{
	if (!c->images[i].nfs_root[0])
		return false;
	for (size_t k = 0; k < i; k++)
		if (str_eq(c->images[k].nfs_root, c->images[i].nfs_root))
			return false;
	return true;
}

static bool
is_taken(const uint32_t *ids, size_t n, uint32_t id)
{
	for (size_t i = 0; i < n; i++)
		if (ids[i] == id)
			return true;
	return false;
}

/* The number of each image's root, 0 where it has none or is another image's too. The caller's to free. */
static uint32_t *
number_exports(const struct siteconf *c)
{
	uint32_t *ids = str_alloc((c->n_images + 1) * sizeof(*ids));

	for (size_t i = 0; i < c->n_images; i++) {
		if (!is_first(c, i))
			continue;
		ids[i] = number_of(c->images[i].nfs_root);
		while (is_taken(ids, i, ids[i]))
			ids[i] = ids[i] % EXPORT_ID_MAX + 1;
	}
	return ids;
}

void
siteconf_nfs_write(const struct siteconf *c, struct siteconf_text *t)
{
	uint32_t *ids = number_exports(c);
	char prefix[ADDR_PREFIX_TEXT];

	siteconf_boot_opening(c, t, "#", "/etc/exports.d/netboot.exports");
	siteconf_text_add(t, "# Read it in with exportfs -ra.\n");
	for (size_t i = 0; i < c->n_images; i++) {
		if (ids[i] == 0)
			continue;
		siteconf_text_add(t, "\"%s/%s\"", c->images_root, c->images[i].nfs_root);
		for (size_t k = 0; k < c->site->n_subnets; k++)
			siteconf_text_add(t,
			    " %s(ro,no_root_squash,no_subtree_check,async,insecure,fsid=%"
			    "u)",
			    addr_prefix_text(
				&c->site->subnets[k].prefix, prefix, sizeof(prefix)),
			    ids[i]);
		siteconf_text_add(t, "\n");
	}
	free(ids);
}

static void
write_export(const struct siteconf *c, size_t i, uint32_t id, struct siteconf_text *t)
{
	char prefix[ADDR_PREFIX_TEXT];

	siteconf_text_add(t,
	    "\nEXPORT {\n"
	    "    Export_Id = %u;\n"
	    "    Path = \"%s/%s\";\n"
	    "    Pseudo = \"%s/%s\";\n"
	    "    Protocols = 3, 4;\n"
	    "    Transports = TCP;\n"
	    "    SecType = sys;\n"
	    "    Access_Type = NONE;\n"
	    "    FSAL { Name = VFS; }\n"
	    "    CLIENT {\n"
	    "        Clients = ",
	    id, c->images_root, c->images[i].nfs_root, c->images_root,
	    c->images[i].nfs_root);
	for (size_t k = 0; k < c->site->n_subnets; k++)
		siteconf_text_add(t, "%s%s", k > 0 ? ", " : "",
		    addr_prefix_text(
			&c->site->subnets[k].prefix, prefix, sizeof(prefix)));
	siteconf_text_add(t, ";\n"
			     "        Access_Type = RO;\n"
			     "        Squash = No_Root_Squash;\n"
			     "    }\n"
			     "}\n");
}

void
siteconf_nfs_write_ganesha(const struct siteconf *c, struct siteconf_text *t)
{
	uint32_t *ids = number_exports(c);

	siteconf_boot_opening(c, t, "#", "/etc/ganesha/ganesha.conf");
	for (size_t i = 0; i < c->n_images; i++)
		if (ids[i] != 0)
			write_export(c, i, ids[i], t);
	free(ids);
}
