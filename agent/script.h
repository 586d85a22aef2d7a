/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text of a host's iPXE script (boot.md 1.10). Pure; run_exec.c puts it on disk. */
#ifndef AGENT_SCRIPT_H
#define AGENT_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/ticket.h"
#include "lib/addr.h"
#include "lib/bundle.h"
#include "lib/compiler.h"
#include "lib/error.h"

enum {
	SCRIPT_NAME_SIZE = 64,
	SCRIPT_URL_SIZE = 256,
	/* The kernel's own limit on x86 (COMMAND_LINE_SIZE). */
	SCRIPT_ARGS_MAX = 2047,
};

struct script_params {
	const struct bundle *bundle;
	const struct ticket *ticket;
	const char *site; /* name */
	const char
	    *url; /* the site's HTTP base, "http://10.77.0.1:8080", no slash at the end */
	const char *
	    images; /* the images root, absolute, as an NFS server exports it; may be NULL */
	bool v6_only;	    /* the site has no IPv4 */
	const char *keymap; /* of the site's menu; NULL: "us" */
};

/* The NIC that netboots: the one marked `boot`, else the first. NULL: the host has none.
 */
const struct bundle_nic *
script_boot_nic(const struct bundle_host *host);
/* "script.ipxe-52:54:00:77:00:01": bootd finds it by the MAC address. */
int
script_name(const struct bundle_host *host, char ret[SCRIPT_NAME_SIZE]) MUST_CHECK;
/* 0 with *ret owned by the caller; -EINVAL, -ENOENT, -EMSGSIZE with code image-args,
 * image-ipv4, no-site-url or no-boot-mac. */
int
script_build(const struct script_params *p, char **ret, struct error *err) MUST_CHECK;
/* The arguments of an image in the site's menu, in which no job and no host is known; url: NULL when it is not
 * known; images: the images root. 0 with *ret owned by the caller; -EINVAL, -ENOENT, -EMSGSIZE with code menu-image, image-args, image-ipv4 or no-site-url. */
int
script_menu_args(const struct bundle_image *image, const struct bundle_site *site,
    const char *url, const char *images, char **ret, struct error *err) MUST_CHECK;
/* "10.77.0.1", "fd77::1" or a name: who serves the site. -ENAMETOOLONG. */
int
script_server(const char *url, char *buf, size_t size) MUST_CHECK;
/* A template's text with the values of this job, which are those of the kernel's arguments. 0 with *ret owned
 * by the caller; -ENOENT, -EINVAL, -EMSGSIZE with line and name in *err, as subst_expand(). */
int
script_expand(const struct script_params *p, const char *text, char **ret,
    struct error *err) MUST_CHECK;

#endif
