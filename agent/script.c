/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The per-host iPXE script: kernel, initrds, arguments, and what to do when a transfer
 * fails.
 *
 * Entry points: script_build(), script_name(); script_menu_args() for images of the site's menu; script_expand() for
 * texts beside the script.
 * Ownership: the text belongs to the caller.
 * Failure modes: arguments that name an unknown value, that would not stay one command in
 * iPXE, or that the kernel would cut off are refused before anything is switched off.
 *
 * On a failed transfer the script does not repeat the transfer alone. It fetches itself
 * anew, so that everything comes from one ticket (ticket.pml shows why), drops what it
 * had, and gives up after some rounds with an error, which lets the firmware go on to its
 * next boot option. Each command that may be missing from an old iPXE ends in "||", for
 * an unknown command would end the script.
 */
#include "agent/script.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/script_net.h"
#include "lib/str.h"
#include "lib/subst.h"

enum { ROUNDS = 10, PAUSE_S = 3, VALUE_SIZE = 1024 };

struct names {
	const struct script_params *p;
	const struct bundle_nic *nic;
	char value[VALUE_SIZE]; /* of the last name looked up */
};

const struct bundle_nic *
script_boot_nic(const struct bundle_host *host)
{
	for (size_t i = 0; i < host->n_nics; i++) {
		if (host->nics[i].boot)
			return &host->nics[i];
	}
	return host->n_nics > 0 ? &host->nics[0] : NULL;
}

static int
no_nic(const struct bundle_host *host, struct error *err)
{
	return error_set(err, -EINVAL, "no-boot-mac",
	    "give the host the MAC address of its boot port: netboot-ctl host set",
	    "%s has no network card to boot from", host->name);
}

int
script_name(const struct bundle_host *host, char ret[SCRIPT_NAME_SIZE])
{
	const struct bundle_nic *nic = script_boot_nic(host);
	char mac[ADDR_MAC_TEXT];

	if (nic == NULL)
		return -EINVAL;
	return str_format(ret, SCRIPT_NAME_SIZE, "script.ipxe-%s",
	    addr_mac_text(&nic->mac, mac, sizeof(mac)));
}

/* "http://[fd77::1]:80" to "fd77::1": installers want an address alone. */
int
script_server(const char *url, char *buf, size_t size)
{
	const char *at = strstr(url, "://");
	size_t n;

	at = at == NULL ? url : at + 3;
	if (*at == '[') {
		at++;
		n = strcspn(at, "]");
	} else {
		n = strcspn(at, ":/");
	}
	return str_format(buf, size, "%.*s", (int)n, at);
}

static const char *
label_of(const struct bundle_host *host, const char *key)
{
	for (size_t i = 0; i < host->n_labels; i++) {
		if (str_eq(host->labels[i].key, key))
			return host->labels[i].value;
	}
	return NULL;
}

static const char *
file_url(struct names *n, const char *name)
{
	const struct bundle_image *image = &n->p->bundle->image;

	for (size_t i = 0; i < image->n_files; i++) {
		if (!str_eq(image->files[i].name, name))
			continue;
		if (str_format(n->value, sizeof(n->value), "%s/b/%s/%s", n->p->url,
			n->p->ticket->token, name) < 0)
			return NULL;
		return n->value;
	}
	return NULL;
}

static const char *
files_url(struct names *n)
{
	return str_format(n->value, sizeof(n->value), "%s/b/%s", n->p->url,
		   n->p->ticket->token) < 0
		   ? NULL
		   : n->value;
}

static const char *
mac_hexhyp(struct names *n)
{
	char mac[ADDR_MAC_TEXT];

	addr_mac_text(&n->nic->mac, mac, sizeof(mac));
	for (char *p = mac; *p != '\0'; p++) {
		if (*p == ':')
			*p = '-';
	}
	return str_copy(n->value, sizeof(n->value), mac) < 0 ? NULL : n->value;
}

static const char *
report_url(struct names *n)
{
	return str_format(n->value, sizeof(n->value), "%s/report/%s", n->p->url,
		   n->p->ticket->token) < 0
		   ? NULL
		   : n->value;
}

/* "10.77.0.1:/srv/netboot/images/grml"; an IPv6 address stands in brackets, as mount.nfs(8) wants it. */
static const char *
nfs_root(const char *url, const char *images, const char *dir, char value[VALUE_SIZE])
{
	char server[SCRIPT_URL_SIZE];
	bool v6;

	if (dir[0] == '\0' || images == NULL || url == NULL ||
	    script_server(url, server, sizeof(server)) < 0)
		return NULL;
	v6 = strchr(server, ':') != NULL;
	return str_format(value, VALUE_SIZE, "%s%s%s:%s/%s", v6 ? "[" : "", server,
		   v6 ? "]" : "", images, dir) < 0
		   ? NULL
		   : value;
}

static const char *
lookup(void *arg, const char *name)
{
	struct names *n = arg;
	const struct bundle *b = n->p->bundle;

	if (str_has_prefix(name, "host.label."))
		return label_of(&b->host, name + strlen("host.label."));
	if (str_has_prefix(name, "file."))
		return file_url(n, name + strlen("file."));
	if (str_eq(name, "host.name"))
		return b->host.name;
	if (str_eq(name, "image.name"))
		return b->image.name;
	if (str_eq(name, "site.name"))
		return n->p->site;
	if (str_eq(name, "site.url"))
		return n->p->url;
	if (str_eq(name, "site.server"))
		return script_server(n->p->url, n->value, sizeof(n->value)) < 0
			   ? NULL
			   : n->value;
	if (str_eq(name, "report"))
		return report_url(n);
	if (str_eq(name, "token"))
		return n->p->ticket->token;
	if (str_eq(name, "files"))
		return files_url(n);
	if (str_eq(name, "mac"))
		return addr_mac_text(&n->nic->mac, n->value, sizeof(n->value));
	if (str_eq(name, "nfs"))
		return nfs_root(n->p->url, n->p->images, b->image.nfs_root, n->value);
	if (str_eq(name, "mac.hexhyp"))
		return mac_hexhyp(n);
	if (str_eq(name, "ip"))
		return addr_ip_text(&n->nic->ip, n->value, sizeof(n->value));
	if (str_eq(name, "ip6"))
		return addr_ip_text(&n->nic->ip6, n->value, sizeof(n->value));
	return script_net_value(n->p->url, name);
}

/* iPXE splits a line at blanks first: the words "||", "&&" and ";" end a command, and a word
 * that begins with '#' a line. Settings are expanded afterwards and cannot do either. */
static const char *
find_end_of_command(const char *args)
{
	if (strstr(args, "&&") != NULL || strstr(args, "||") != NULL)
		return "\"&&\" or \"||\"";
	for (const char *p = args; *p != '\0';) {
		size_t n = strcspn(p, " ");

		if (*p == '#')
			return "a word that begins with '#'";
		if (n == 1 && *p == ';')
			return "a ';' alone";
		p += n + strspn(p + n, " ");
	}
	return NULL;
}

/* What the author of an image wrote between the values must stay one iPXE command too. */
static int
check_args(const char *image, const char *whom, const char *args, struct error *err)
{
	const char *next = "correct the image's args: netboot-ctl image add";
	const char *bad = find_end_of_command(args);

	for (const unsigned char *p = (const unsigned char *)args; *p != '\0'; p++) {
		if (*p < ' ' || *p >= 0x7f)
			return error_set(err, -EINVAL, "image-args", next,
			    "image %s: the arguments hold a control or non-ASCII "
			    "character",
			    image);
		if (*p == '\\' || *p == '"' || *p == '\'')
			return error_set(err, -EINVAL, "image-args", next,
			    "image %s: the arguments hold a '%c', which iPXE versions "
			    "treat differently",
			    image, *p);
	}
	if (bad != NULL)
		return error_set(err, -EINVAL, "image-args", next,
		    "image %s for %s: the arguments hold %s, which would end the "
		    "iPXE command",
		    image, whom, bad);
	return 0;
}

/* A file's name is a word of its command and the end of a URL. */
static bool
name_is_plain(const char *name)
{
	for (const char *p = name; *p != '\0'; p++) {
		if (!isalnum((unsigned char)*p) && strchr("._+~@:=,-", *p) == NULL)
			return false;
	}
	return *name != '\0';
}

static int
check_names(const struct bundle_image *image, struct error *err)
{
	const char *bad = name_is_plain(image->kernel.name) ? NULL : image->kernel.name;

	for (size_t i = 0; bad == NULL && i < image->n_initrds; i++) {
		if (!name_is_plain(image->initrds[i].name))
			bad = image->initrds[i].name;
	}
	if (bad == NULL)
		return 0;
	return error_set(err, -EINVAL, "image-args",
	    "rename the file to letters, digits and ._+~@:=,- and add the image again: "
	    "netboot-ctl image add",
	    "image %s: the file name %.64s cannot stand in an iPXE script", image->name,
	    bad);
}

static int
check_url(const char *url, struct error *err)
{
	bool good = str_has_prefix(url, "http://") || str_has_prefix(url, "https://");

	for (const char *p = url; *p != '\0'; p++) {
		if (*p <= ' ' || *p > '~' || strchr("\"'\\${}&|#", *p) != NULL)
			good = false;
	}
	if (good)
		return 0;
	return error_set(err, -EINVAL, "no-site-url",
	    "correct site_url in agent.yaml, or the site's url: netboot-ctl site set",
	    "the site's address is not a plain HTTP address");
}

static int
expand_args(struct names *n, char **ret, struct error *err)
{
	const struct bundle *b = n->p->bundle;
	char whom[BUNDLE_NAME_SIZE + 8];
	struct error why;
	int rc;

	rc = subst_expand(b->image.args, SUBST_IPXE, lookup, n, ret, &why);
	if (rc < 0)
		return error_set(err, rc, "image-args",
		    "correct the image's args, or give the host what they name",
		    "image %s for host %s: %.300s", b->image.name, b->host.name,
		    why.text);
	snprintf(whom, sizeof(whom), "host %s", b->host.name);
	rc = check_args(b->image.name, whom, *ret, err);
	if (rc == 0 && n->p->v6_only)
		rc = script_net_check(b->image.name, n->p->url, *ret, err);
	if (rc < 0) {
		free(*ret);
		*ret = NULL;
	}
	return rc;
}

/* ---- the menu's images, which have neither ticket nor host ---- */

struct menu_names {
	const struct bundle_image *image;
	const char *site, *url, *images; /* url: NULL when it is not known */
	char value[VALUE_SIZE];
};

static const char *
menu_file_url(struct menu_names *n, const char *name)
{
	for (size_t i = 0; n->url != NULL && i < n->image->n_files; i++)
		if (str_eq(n->image->files[i].name, name))
			return str_format(n->value, sizeof(n->value), "%s/m/%s/%s",
				   n->url, n->image->name, name) < 0
				   ? NULL
				   : n->value;
	return NULL;
}

/* What a job knows of its host's card, iPXE knows of the one that it booted from. */
static const char *
menu_lookup(void *arg, const char *name)
{
	struct menu_names *n = arg;

	if (str_has_prefix(name, "file."))
		return menu_file_url(n, name + strlen("file."));
	if (str_eq(name, "image.name"))
		return n->image->name;
	if (str_eq(name, "site.name"))
		return n->site;
	if (str_eq(name, "site.url"))
		return n->url;
	if (str_eq(name, "site.server"))
		return n->url == NULL ||
			       script_server(n->url, n->value, sizeof(n->value)) < 0
			   ? NULL
			   : n->value;
	if (str_eq(name, "files"))
		return n->url == NULL || str_format(n->value, sizeof(n->value), "%s/m/%s",
					     n->url, n->image->name) < 0
			   ? NULL
			   : n->value;
	if (str_eq(name, "nfs"))
		return nfs_root(n->url, n->images, n->image->nfs_root, n->value);
	if (str_eq(name, "mac"))
		return "${netX/mac}";
	if (str_eq(name, "mac.hexhyp"))
		return "${netX/mac:hexhyp}";
	return n->url == NULL ? NULL : script_net_value(n->url, name);
}

int
script_menu_args(const struct bundle_image *image, const struct bundle_site *site,
    const char *url, const char *images, char **ret, struct error *err)
{
	struct menu_names names = {
	    .image = image, .site = site->name, .url = url, .images = images};
	struct error why;
	char *args = NULL;
	int rc = bundle_menu_fits(image, err);

	if (rc < 0 || (url != NULL && (rc = check_url(url, err)) < 0))
		return rc;
	/* The values are ours, or names that were checked; only iPXE's settings hold "${". */
	rc = subst_expand(
	    image->args, SUBST_KERNEL_ARGS, menu_lookup, &names, &args, &why);
	if (rc < 0)
		return error_set(err, rc, "image-args", "correct the image's args",
		    "image %s for the menu: %.300s", image->name, why.text);
	rc = check_args(image->name, "the menu", args, err);
	if (rc == 0 && url != NULL && bundle_site_is_v6_only(site))
		rc = script_net_check(image->name, url, args, err);
	if (rc == 0 && strlen(args) > SCRIPT_ARGS_MAX - 256)
		rc = error_set(err, -EMSGSIZE, "image-args", "shorten the image's args",
		    "image %s for the menu: more arguments than a kernel takes (%d "
		    "octets)",
		    image->name, SCRIPT_ARGS_MAX);
	if (rc == 0)
		*ret = args;
	else
		free(args);
	return rc;
}

struct text {
	char *at;
	size_t size, len;
	bool full;
};

static void
add(struct text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void
add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->at + t->len, t->size - t->len, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= t->size - t->len)
		t->full = true;
	else
		t->len += (size_t)n;
}

static bool
has_arg(const char *args, const char *key)
{
	size_t n = strlen(key);

	for (const char *p = args; (p = strstr(p, key)) != NULL; p += n) {
		if (p == args || p[-1] == ' ')
			return true;
	}
	return false;
}

/* The NIC that really booted is iPXE's netX (boot.md 1.10), which need not be the one
 * that the inventory expects. */
static void
add_kernel(struct text *t, const struct script_params *p, const char *args)
{
	const struct bundle_image *image = &p->bundle->image;

	add(t, "kernel %s/b/%s/%s", p->url, p->ticket->token, image->kernel.name);
	for (size_t i = 0; i < image->n_initrds; i++)
		add(t, " initrd=%s", image->initrds[i].name);
	if (args[0] != '\0')
		add(t, " %s", args);
	if (!has_arg(args, "netboot.report="))
		add(t, " netboot.report=%s/report/%s", p->url, p->ticket->token);
	if (!has_arg(args, "BOOTIF="))
		add(t, " BOOTIF=01-${netX/mac:hexhyp}");
	add(t, " || goto failed\n");
	for (size_t i = 0; i < image->n_initrds; i++)
		add(t, "initrd --name %s %s/b/%s/%s || goto failed\n",
		    image->initrds[i].name, p->url, p->ticket->token,
		    image->initrds[i].name);
}

/* What a menu's script sets, for an image that serves both. */
static void
add_settings(struct text *t, const struct script_params *p, const char *args)
{
	if (strstr(args, "${kbmap}") != NULL)
		add(t, "isset ${kbmap} || set kbmap %s\n",
		    p->keymap != NULL ? p->keymap : "us");
	if (strstr(args, "${bitn}") != NULL)
		add(t, "cpuid --ext 29 && set bitn 64 || set bitn 32\n"
		       "iseq ${buildarch} arm64 && set bitn 64 ||\n");
}

static void
add_script(
    struct text *t, const struct script_params *p, const char *name, const char *args)
{
	const struct bundle *b = p->bundle;

	add(t, "#!ipxe\n# ticket %s job %s host %s image %s\n", p->ticket->id, b->job,
	    b->host.name, b->image.name);
	add(t, "isset ${nbround} || set nbround:int32 0\n");
	add_settings(t, p, args);
	add(t, "imgfree ||\n");
	add_kernel(t, p, args);
	add(t, "boot || goto failed\n");
	add(t, ":failed\nimgfree ||\ninc nbround ||\n");
	add(t, "iseq ${nbround} %d && goto give_up ||\n", ROUNDS);
	add(t, "echo netboot: round ${nbround} failed, fetching the script anew\n");
	add(t, "sleep %d ||\n", PAUSE_S);
	add(t, "chain --replace --autofree %s/%s || goto failed\n", p->url, name);
	add(t, ":give_up\necho netboot: giving up after %d rounds\nexit 1\n", ROUNDS);
}

int
script_build(const struct script_params *p, char **ret, struct error *err)
{
	struct names names = {.p = p, .nic = script_boot_nic(&p->bundle->host)};
	struct text t = {.size = SCRIPT_ARGS_MAX + 4096};
	char name[SCRIPT_NAME_SIZE];
	char *args = NULL;
	int rc;

	if (names.nic == NULL || script_name(&p->bundle->host, name) < 0)
		return no_nic(&p->bundle->host, err);
	if ((rc = check_url(p->url, err)) < 0 ||
	    (rc = check_names(&p->bundle->image, err)) < 0)
		return rc;
	rc = expand_args(&names, &args, err);
	if (rc < 0)
		return rc;
	t.at = str_alloc(t.size);
	if (strlen(args) <= SCRIPT_ARGS_MAX - 256)
		add_script(&t, p, name, args);
	else
		t.full = true;
	free(args);
	if (t.full) {
		free(t.at);
		return error_set(err, -EMSGSIZE, "image-args", "shorten the image's args",
		    "image %s for host %s: more arguments than a kernel takes (%d "
		    "octets)",
		    p->bundle->image.name, p->bundle->host.name, SCRIPT_ARGS_MAX);
	}
	*ret = t.at;
	return 0;
}

int
script_expand(
    const struct script_params *p, const char *text, char **ret, struct error *err)
{
	struct names names = {.p = p, .nic = script_boot_nic(&p->bundle->host)};

	if (names.nic == NULL)
		return no_nic(&p->bundle->host, err);
	return subst_expand(text, SUBST_TEXT, lookup, &names, ret, err);
}
