/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an HTTP path means, by the same table and rules as policy_decide().
 *
 * policy_http() takes a path from a stranger, already decoded and normalised, and answers
 * with the file, generated script, payload or report it stands for. Whatever is not
 * certainly allowed is POLICY_PATH_NONE with a reason, which the server answers with 404:
 * a wrong token, a closed one and a missing file look alike from outside. Reasons never
 * contain a token.
 *
 * Pure: whether the file exists is the server's to find out. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "boot-services/fileroot.h"
#include "boot-services/policy_priv.h"
#include "lib/digest.h"
#include "lib/menu_script.h"
#include "lib/str.h"

static void PRINTF_LIKE(2, 3) none(struct policy_http *p, const char *fmt, ...)
{
	va_list args;

	p->what = POLICY_PATH_NONE;
	va_start(args, fmt);
	vsnprintf(p->reason, sizeof(p->reason), fmt, args);
	va_end(args);
}

/* How iPXE leaves to the disk: firmwares differ, so hosts say which (boot.md 1.10). */
static const char *
leave_command(const struct hosttab_host *h)
{
	if (!h)
		return "exit 1";
	return bundle_local_boot_command(h->local_boot, h->firmware);
}

static void
idle_script(struct policy_http *p, const char *why)
{
	p->what = POLICY_PATH_IDLE;
	snprintf(p->text, sizeof(p->text),
	    "#!ipxe\necho netboot: %s, booting from disk\n%s\n", why,
	    leave_command(p->host ? &p->host->host : NULL));
	str_clip(p->reason, sizeof(p->reason), why);
}

static void
script_path(const struct hosttab *t, const char *mac_text, struct policy_http *p)
{
	const struct bundle_site *site = hosttab_site(t);
	enum bundle_idle idle;
	struct addr_mac mac;
	const char *why;

	if (addr_mac_parse(mac_text, &mac) < 0) {
		none(p, "script name without a MAC address");
		return;
	}
	p->host = hosttab_by_mac(t, &mac);
	if (!p->host && !site->answer_unknown) {
		none(p, "unknown machine: not in the host table");
		return;
	}
	why = p->host ? policy_idle_why(p->host, &mac) : "unknown machine";
	idle = p->host ? p->host->host.idle : site->idle;
	if (why && idle == BUNDLE_IDLE_MENU && menu_script_exists(site)) {
		/* The menu asks for the machine's own script first, and goes on when there is none. */
		none(p, "%s, idle policy menu: no script of its own, the menu follows",
		    why);
	} else if (why) {
		idle_script(p, why);
	} else if (fileroot_clean(p->host->boot.script, p->file, sizeof(p->file)) < 0) {
		none(p, "the ticket's script has no usable file name");
	} else {
		p->what = POLICY_PATH_SCRIPT;
		str_clip(p->reason, sizeof(p->reason), "ticket armed");
	}
}

static void
payload_path(const struct hosttab *t, const char *rest, struct policy_http *p)
{
	const char *name = strchr(rest, '/');
	const struct hosttab_boot *b;

	if (!name || (size_t)(name - rest) != ID_TOKEN_SIZE - 1) {
		none(p, "not a ticket's path");
		return;
	}
	memcpy(p->token, rest, ID_TOKEN_SIZE - 1);
	name++;
	p->host = hosttab_by_token(t, p->token);
	if (!p->host) {
		none(p, "unknown or closed ticket");
		return;
	}
	b = &p->host->boot;
	for (size_t i = 0; i < b->n_payloads; i++) {
		if (!str_eq(b->payloads[i].name, name))
			continue;
		if (b->consumed && bootd_msg_payload_is_boot(b->payloads[i].kind)) {
			none(p, "ticket is consumed: its kernel and initrds are not "
				"served again");
			return;
		}
		p->what = POLICY_PATH_PAYLOAD;
		p->payload = i;
		str_clip(p->file, sizeof(p->file), b->payloads[i].path);
		str_clip(p->reason, sizeof(p->reason), "payload of the ticket");
		return;
	}
	none(p, "the ticket has no payload of this name");
}

static void
report_path(const struct hosttab *t, const char *rest, struct policy_http *p)
{
	static const char *const stages[] = {"up", "installed", "failed", "booted"};
	const char *stage = strchr(rest, '/');

	if (!stage || (size_t)(stage - rest) != ID_TOKEN_SIZE - 1) {
		none(p, "not a report's path");
		return;
	}
	memcpy(p->token, rest, ID_TOKEN_SIZE - 1);
	stage++;
	p->host = hosttab_by_token(t, p->token);
	if (!p->host) {
		none(p, "report for an unknown or closed ticket");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(stages); i++)
		if (str_eq(stage, stages[i])) {
			p->what = POLICY_PATH_REPORT;
			str_clip(p->stage, sizeof(p->stage), stage);
			str_clip(p->reason, sizeof(p->reason), "report");
			return;
		}
	none(p, "report of an unknown stage");
}

/* The rest of path after prefix, or NULL. */
static const char *
after(const char *path, const char *prefix)
{
	return str_has_prefix(path, prefix) ? path + strlen(prefix) : NULL;
}

/* "Boot from disk" of the menu. Of a stranger the menu itself knows as much as we do. */
static void
local_path(const struct hosttab *t, const char *mac_text, struct policy_http *p)
{
	struct addr_mac mac;

	if (addr_mac_parse(mac_text, &mac) < 0) {
		none(p, "script name without a MAC address");
		return;
	}
	p->host = hosttab_by_mac(t, &mac);
	p->leaves = p->host != NULL;
	if (p->host)
		idle_script(p, "chosen in the menu");
	else
		none(p, "unknown machine: not in the host table");
}

static void
menu_path(const struct hosttab *t, struct policy_http *p)
{
	if (!menu_script_exists(hosttab_site(t))) {
		none(p, "this site has no menu");
		return;
	}
	p->what = POLICY_PATH_MENU;
	str_clip(p->reason, sizeof(p->reason), "menu");
}

static bool
image_file(struct policy_http *p, const struct bundle_file *f, const char *name,
    enum bootd_msg_payload_kind kind)
{
	if (!str_eq(f->name, name) || f->template)
		return false;
	p->what = POLICY_PATH_IMAGE;
	p->kind = kind;
	p->size = f->size;
	str_clip(p->file, sizeof(p->file), f->path);
	str_clip(p->reason, sizeof(p->reason), "file of an image of the menu");
	return true;
}

/* IMAGE/NAME. Only what the menu shows, and of that only what the image lists. */
static void
image_path(const struct hosttab *t, const char *rest, struct policy_http *p)
{
	const char *name = strchr(rest, '/');
	const struct bundle_image *image = NULL;
	char of[BUNDLE_NAME_SIZE];

	if (name && (size_t)(name - rest) < sizeof(of)) {
		memcpy(of, rest, (size_t)(name - rest));
		of[name - rest] = '\0';
		image = menu_script_image(hosttab_site(t), of);
		name++;
	}
	if (!image) {
		none(p, "the site's menu has no image of this name");
		return;
	}
	if (image_file(p, &image->kernel, name, BOOTD_PAYLOAD_KERNEL))
		return;
	for (size_t i = 0; i < image->n_initrds; i++)
		if (image_file(p, &image->initrds[i], name, BOOTD_PAYLOAD_INITRD))
			return;
	for (size_t i = 0; i < image->n_files; i++)
		if (image_file(p, &image->files[i], name, BOOTD_PAYLOAD_FILE))
			return;
	none(p, "the image has no file of this name");
}

bool
policy_http_is_peer(const struct bootd_config *cfg, const struct addr_ip *client)
{
	for (size_t i = 0; i < cfg->n_peers; i++)
		if (addr_prefix_contains(&cfg->peers[i], client))
			return true;
	return false;
}

/* As agent/store_disk.h lays them out. */
static void
store_path(const char *sha256, struct policy_http *p)
{
	if (strlen(sha256) != DIGEST_TEXT - 1 ||
	    strspn(sha256, "0123456789abcdef") != DIGEST_TEXT - 1) {
		none(p, "not a SHA-256");
		return;
	}
	p->what = POLICY_PATH_STORE;
	snprintf(p->file, sizeof(p->file), ".store/sha256/%.2s/%s", sha256, sha256);
	str_clip(p->reason, sizeof(p->reason), "file of the site's store");
}

static bool
is_autoexec(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strcasecmp(slash ? slash + 1 : path, "autoexec.ipxe") == 0;
}

static void
loader_path(const char *rest, struct policy_http *p)
{
	if (fileroot_clean(rest, p->file, sizeof(p->file)) < 0 || !p->file[0]) {
		none(p, "not a loader's name");
		return;
	}
	p->what = is_autoexec(p->file) ? POLICY_PATH_AUTOEXEC : POLICY_PATH_LOADER;
	str_clip(p->reason, sizeof(p->reason), "loader");
}

void
policy_http(const struct hosttab *t, const struct bootd_config *cfg UNUSED,
    const char *path, struct policy_http *ret)
{
	const char *rest;

	*ret = (struct policy_http){.what = POLICY_PATH_NONE};
	if ((rest = after(path, "/loaders/")) != NULL)
		loader_path(rest, ret);
	else if ((rest = after(path, "/script.ipxe-")) != NULL ||
		 (rest = after(path, "/scripts/script.ipxe-")) != NULL)
		script_path(t, rest, ret);
	else if ((rest = after(path, "/b/")) != NULL)
		payload_path(t, rest, ret);
	else if ((rest = after(path, "/report/")) != NULL)
		report_path(t, rest, ret);
	else if ((rest = after(path, "/m/")) != NULL)
		image_path(t, rest, ret);
	else if ((rest = after(path, "/store/")) != NULL)
		store_path(rest, ret);
	else if ((rest = after(path, "/local.ipxe-")) != NULL)
		local_path(t, rest, ret);
	else if (str_eq(path, "/script.ipxe") || str_eq(path, "/scripts/script.ipxe"))
		menu_path(t, ret);
	else if (path[0] == '/' && strcasecmp(path + 1, "autoexec.ipxe") == 0)
		loader_path(path + 1, ret);
	else if (str_eq(path, "/" POLICY_LOCAL_FILE))
		none(ret, "local boot: not found on purpose");
	else
		none(ret, "no such path");
}
