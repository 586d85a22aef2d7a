// SPDX-License-Identifier: GPL-3.0-or-later
/* A file for nginx' conf.d: the paths of boot-services/policy_http.c.
 *
 * Entry point: siteconf_nginx_write(). The agent lays out SCRIPTS_ROOT/script.ipxe-MAC and SCRIPTS_ROOT/b/TOKEN/NAME,
 * links to a ticket's payload, and takes them away again: what is there is served, by nginx as by bootd, and a
 * file that is not there is 404. Hosts without a script get one that leaves to the disk in the host's way; with the
 * idle policy menu they get none, and the menu that asked for it goes on. It lies in SCRIPTS_ROOT/script.ipxe.
 * Directories are never served: nginx would redirect to the name with a slash, and OVMF gives up on a redirect
 * (boot.md 0.1 rule 12).
 *
 * The listening sockets are bound to the boot server's addresses, so that whatever else nginx serves on port 80
 * stays as it is. The access log's format is read by the agent (docs/operations.md). Pure; no failure modes. */
#include <string.h>

#include "lib/id.h"
#include "lib/str.h"
#include "orchestrator/siteconf_priv.h"

/* One row a NIC of the hosts that `wanted` is true of; NULL: of all. */
static void
write_rows(const struct siteconf *c, struct siteconf_text *t,
    bool (*wanted)(const struct bundle_host *h), bool leave)
{
	for (size_t i = 0; i < c->site->n_hosts; i++) {
		const struct bundle_host *h = &c->site->hosts[i];
		char mac[ADDR_MAC_TEXT];

		for (size_t k = 0; (!wanted || wanted(h)) && k < h->n_nics; k++)
			siteconf_text_add(t, "    \"%s\" \"%s\";\n",
			    addr_mac_text(&h->nics[k].mac, mac, sizeof(mac)),
			    leave ? bundle_local_boot_command(h->local_boot, h->firmware)
				  : "");
	}
}

static bool
has_menu(const struct bundle_host *h)
{
	return h->idle == BUNDLE_IDLE_MENU;
}

static bool
has_no_menu(const struct bundle_host *h)
{
	return !has_menu(h);
}

/* By MAC: what a machine without a script of its own is told. Others are not found. */
static void
write_idle(const struct siteconf *c, struct siteconf_text *t)
{
	bool unknown = c->site->answer_unknown;
	bool menu = unknown && c->site->idle == BUNDLE_IDLE_MENU;

	siteconf_text_add(t,
	    "# How iPXE of a known machine leaves to the disk; \"\": not found\n"
	    "map $netboot_mac $netboot_leave {\n"
	    "    default \"\";\n");
	write_rows(c, t, NULL, true);
	siteconf_text_add(t,
	    "}\n"
	    "# The same of every machine that is answered\n"
	    "map $netboot_leave $netboot_disk {\n"
	    "    default $netboot_leave;\n"
	    "    \"\" \"%s\";\n"
	    "}\n"
	    "# What it does where the agent has laid out no script; \"\": not found, and "
	    "the "
	    "menu follows\n"
	    "map $netboot_mac $netboot_idle {\n"
	    "    default %s;\n",
	    unknown ? "exit 1" : "", menu ? "\"\"" : "$netboot_disk");
	write_rows(c, t, menu ? has_no_menu : has_menu, menu);
	siteconf_text_add(t,
	    "}\n"
	    "map $uri $netboot_mac {\n"
	    "    default \"\";\n"
	    "    \"~^/(scripts/)?(script|local)\\.ipxe-(?<netboot_hw>[0-9a-f:]{17})$\" "
	    "$netboot_hw;\n"
	    /* As the menu writes it: a colon would end an URL's scheme. */
	    "    \"~^/local\\.ipxe-(?<netboot_1>[0-9a-f]{2})-(?<netboot_2>[0-9a-f]{2})-"
	    "(?<netboot_3>[0-9a-f]{2})-(?<netboot_4>[0-9a-f]{2})-"
	    "(?<netboot_5>[0-9a-f]{2})-(?<netboot_6>[0-9a-f]{2})$\"\n"
	    "        "
	    "\"$netboot_1:$netboot_2:$netboot_3:$netboot_4:$netboot_5:$netboot_6\";\n"
	    "}\n\n");
}

static void
write_listen(const struct siteconf *c, struct siteconf_text *t)
{
	char text[ADDR_IP_TEXT];

	if (addr_ip_is_set(&c->server4))
		siteconf_text_add(t, "    listen %s:%u;\n",
		    addr_ip_text(&c->server4, text, sizeof(text)), c->http_port);
	if (addr_ip_is_set(&c->server6))
		siteconf_text_add(t, "    listen [%s]:%u ipv6only=on;\n",
		    addr_ip_text(&c->server6, text, sizeof(text)), c->http_port);
}

static void
write_image_file(const struct siteconf *c, const struct bundle_image *image,
    const struct bundle_file *f, struct siteconf_text *t)
{
	const char *base = strrchr(f->path, '/');
	const char *name = f->name[0] ? f->name : base ? base + 1 : f->path;

	if (f->path[0] == '\0' || f->template || !siteconf_text_plain(name))
		return;
	siteconf_text_add(t, "    location = \"/m/%s/%s\" { alias \"%s/%s\"; }\n",
	    image->name, name, c->images_root, f->path);
}

static void
write_image(
    const struct siteconf *c, const struct bundle_image *image, struct siteconf_text *t)
{
	write_image_file(c, image, &image->kernel, t);
	for (size_t k = 0; k < image->n_initrds; k++)
		write_image_file(c, image, &image->initrds[k], t);
	for (size_t k = 0; k < image->n_files; k++)
		write_image_file(c, image, &image->files[k], t);
}

/* Only what the menu shows, which is never anything that installs: that only a ticket may hand out. A menu that names
 * nothing shows the first images that fit, as dispatch_table.c chooses them. */
static void
write_images(const struct siteconf *c, struct siteconf_text *t)
{
	const struct bundle_menu *m = &c->site->menu;
	bool named = m->set && m->n_items > 0;
	size_t n = 0;

	siteconf_text_add(t, "\n    # Files of the menu's images\n");
	if (!siteconf_boot_has_menu(c))
		return;
	for (size_t i = 0; i < c->n_images && (named || n < BUNDLE_MENU_ITEMS_MAX); i++) {
		const struct bundle_image *image = &c->images[i];

		if (bundle_menu_fits(image, NULL) < 0 ||
		    (named && !bundle_menu_has(m, image->name)))
			continue;
		write_image(c, image, t);
		n++;
	}
}

static void
write_locations(const struct siteconf *c, struct siteconf_text *t)
{
	siteconf_text_add(t,
	    "\n"
	    "    location / { return 404; }\n"
	    "    location ~ \"^/loaders/(?<netboot_file>.+)$\" {\n"
	    "        root \"%s\";\n"
	    "        try_files \"/$netboot_file\" =404;\n"
	    "    }\n"
	    "    location ~ \"^/(scripts/)?script\\.ipxe-[0-9a-f:]{17}$\" {\n"
	    "        root \"%s\";\n"
	    "        default_type text/plain;\n"
	    "        add_header Cache-Control no-store;\n"
	    "        try_files \"/script.ipxe-$netboot_mac\" @netboot_idle;\n"
	    "    }\n"
	    "    location @netboot_idle {\n"
	    "        default_type text/plain;\n"
	    "        if ($netboot_idle = \"\") { return 404; }\n"
	    "        return 200 \"#!ipxe\\necho netboot: no ticket, booting from disk\\n"
	    "$netboot_idle\\n\";\n"
	    "    }\n"
	    "    location ~ \"^/local\\.ipxe-[0-9a-f:-]{17}$\" {\n"
	    "        default_type text/plain;\n"
	    "        if ($netboot_leave = \"\") { return 404; }\n"
	    "        return 200 \"#!ipxe\\necho netboot: chosen in the menu, booting "
	    "from disk\\n"
	    "$netboot_leave\\n\";\n"
	    "    }\n"
	    "    location ~ \"^/(scripts/)?script\\.ipxe$\" {\n"
	    "        root \"%s\";\n"
	    "        default_type text/plain;\n"
	    "        add_header Cache-Control no-store;\n"
	    "        try_files /script.ipxe =404;\n"
	    "    }\n"
	    "    location ~ \"^/b/[0-9a-z]{%d}/.+$\" {\n"
	    "        root \"%s\";\n"
	    "        try_files $uri =404;\n"
	    "    }\n"
	    "    location ~ \"^/report/[0-9a-z]{%d}/(up|installed|failed|booted)$\" {\n"
	    "        if ($request_method != POST) { return 404; }\n"
	    "        return 204;\n"
	    "    }\n",
	    c->loaders_root, c->scripts_root, c->scripts_root, ID_TOKEN_SIZE - 1,
	    c->scripts_root, ID_TOKEN_SIZE - 1);
}

void
siteconf_nginx_write(const struct siteconf *c, struct siteconf_text *t)
{
	siteconf_boot_opening(c, t, "#", "/etc/nginx/conf.d/netboot.conf");
	siteconf_text_add(t,
	    "# Check it with nginx -t. nginx must be able to read the three roots, and "
	    "its "
	    "addresses be there when it starts.\n"
	    "# What it cannot do: hold back the last chunk of a kernel until the agent "
	    "has "
	    "recorded it.\n\n"
	    "# Read by netboot-agent: leave it as it is\n"
	    "log_format netboot '$msec $remote_addr $request_method \"$request_uri\" "
	    "$status "
	    "$body_bytes_sent '\n"
	    "                   '$sent_http_content_length $request_completion "
	    "\"$http_user_agent\"';\n\n");
	write_idle(c, t);
	siteconf_text_add(t, "server {\n");
	write_listen(c, t);
	siteconf_text_add(t,
	    "    access_log /var/log/nginx/netboot.log netboot;\n"
	    "    server_tokens off;\n"
	    "    sendfile on;\n"
	    "    tcp_nopush on;\n"
	    "    gzip off;\n"
	    "    autoindex off;\n"
	    "    max_ranges 1;\n"
	    "    client_max_body_size 64k;\n"
	    "    types { application/efi efi; application/vnd.efi-iso iso; "
	    "application/vnd.efi-img img; }\n"
	    "    default_type application/octet-stream;\n");
	write_locations(c, t);
	write_images(c, t);
	siteconf_text_add(t, "}\n");
}
