/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How booted systems come to an address, as far as their kernel arguments say it.
 *
 * Entry points: script_net_is_v6(), script_net_value(), script_net_check().
 * Ownership: constants.
 * Failure modes: -EINVAL for an image that could only stop at a site without IPv4. Such a machine has been taken off
 * its disk by then, and nobody stands before it: so it is refused in preflight.
 *
 * Not here is live-boot (Debian live, Grml, GParted): it asks for DHCPv4 in vain and goes on, and fetches over the link
 * with what the router advertisement said (tests/lab/test_debian.py::test_live_system_ipv6_only).
 */
#include "agent/script_net.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "agent/script.h"
#include "lib/str.h"

/* The beginning of a word, or with `whole` all of it. */
static const struct {
	const char *word;
	bool whole;
	const char *what, *next;
} ipv4_only[] = {
    /* hooks/archiso_pxe_common of archlinux/mkinitcpio-archiso: `if ! ipconfig …` ends at a prompt. */
    {"archiso_http_srv=", false, "SystemRescue stops at a prompt without an IPv4 address",
	"give the site an IPv4 subnet, or take another image there: debian-live, grml "
	"and "
	"gparted need none"},
    {"archiso_nfs_srv=", false, "SystemRescue stops at a prompt without an IPv4 address",
	"give the site an IPv4 subnet, or take another image there: debian-live, grml "
	"and "
	"gparted need none"},
    /* dracut.cmdline(7) and NetworkManager's nm-initrd-generator, to which the family that was asked for is a
     * must; initramfs-tools' ipconfig. */
    {"ip=dhcp", true, "ip=dhcp asks for an IPv4 address, and for no other",
	"write ip=${net.dhcp} (Anaconda, Fedora: dracut) or ip=${net.ip} ip6=${net.ip6} "
	"(Ubuntu) into its args, or import it again"},
};

bool
script_net_is_v6(const char *url)
{
	char server[SCRIPT_URL_SIZE];

	return script_server(url, server, sizeof(server)) == 0 &&
	       strchr(server, ':') != NULL;
}

const char *
script_net_value(const char *url, const char *name)
{
	bool v6 = script_net_is_v6(url);

	if (str_eq(name, "net.dhcp"))
		return v6 ? "dhcp6" : "dhcp";
	if (str_eq(name, "net.ip"))
		return v6 ? "off" : "dhcp";
	if (str_eq(name, "net.ip6"))
		return v6 ? "dhcp" : "off";
	return NULL;
}

static bool
has_word(const char *args, const char *word, bool whole)
{
	size_t n = strlen(word);

	for (const char *p = args; (p = strstr(p, word)) != NULL; p += n) {
		if ((p == args || p[-1] == ' ') &&
		    (!whole || p[n] == ' ' || p[n] == '\0'))
			return true;
	}
	return false;
}

int
script_net_check(const char *image, const char *url, const char *args, struct error *err)
{
	if (!script_net_is_v6(url))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(ipv4_only); i++) {
		if (has_word(args, ipv4_only[i].word, ipv4_only[i].whole))
			return error_set(err, -EINVAL, "image-ipv4", ipv4_only[i].next,
			    "image %s cannot boot at a site without IPv4: %s", image,
			    ipv4_only[i].what);
	}
	return 0;
}
