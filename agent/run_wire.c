/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From bootd's events (docs/boot-services.md) to signs of a boot.
 *
 * Entry points: run_wire_read(), run_wire_is_netboot(), run_wire_names_address(), run_wire_is_heard().
 * Ownership: nothing is kept.
 * Failure modes: an event that is not understood proves nothing. "Complete" is only what
 * the peer has acknowledged; a size probe and a HEAD prove nothing.
 */
#include "agent/run_wire.h"

#include <stdio.h>
#include <string.h>

#include "lib/str.h"

static bool
from_firmware(const struct event *ev)
{
	return str_eq(event_str(ev, "class"), "pxe") ||
	       str_eq(event_str(ev, "class"), "http");
}

/* Detail "log": it was read in the log of one of the site's own servers. */
static bool
from_log(const struct event *ev)
{
	return event_str(ev, "log")[0] != '\0';
}

static bool
from_client(const struct event *ev)
{
	/* A stateless iPXE asks by dhcp6.inform alone. */
	static const char *const kinds[] = {"dhcp4.discover", "dhcp4.request",
	    "dhcp6.solicit", "dhcp6.request", "dhcp6.inform"};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (str_eq(ev->kind, kinds[i]))
			return true;
	}
	return false;
}

static bool
from_proxy(const struct event *ev)
{
	return str_eq(event_str(ev, "mode"), "proxy");
}

/* Kea logs what it answers, not what it is asked: there an answer shows the question. */
static bool
answered(const struct event *ev)
{
	static const char *const kinds[] = {
	    "dhcp4.offer", "dhcp4.ack", "dhcp6.advertise", "dhcp6.reply"};

	for (size_t i = 0; from_log(ev) && i < ARRAY_SIZE(kinds); i++) {
		if (str_eq(ev->kind, kinds[i]))
			return true;
	}
	return false;
}

static bool
from_boot_client(const struct event *ev)
{
	return from_firmware(ev) || str_eq(event_str(ev, "class"), "ipxe");
}

bool
run_wire_is_netboot(const struct event *ev)
{
	return (from_client(ev) || answered(ev)) && from_boot_client(ev);
}

bool
run_wire_names_address(const struct event *ev)
{
	return ev->ip[0] != '\0' &&
	       (str_eq(ev->kind, "dhcp4.ack") || str_eq(ev->kind, "dhcp6.reply") ||
		   (str_eq(ev->kind, "dhcp4.request") && from_proxy(ev)));
}

bool
run_wire_is_heard(const struct event *ev)
{
	static const char *const sources[] = {
	    "dhcp4.", "dhcp6.", "ra.", "tftp.", "http.", "bootd.", "menu."};

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		if (str_has_prefix(ev->kind, sources[i]))
			return true;
	}
	return false;
}

static bool
read_dhcp(const struct event *ev, struct run_wire *ret)
{
	bool rom = event_str(ev, "chain")[0] != '\0'; /* it gets a loader first */
	bool ipxe = str_eq(event_str(ev, "class"), "ipxe") && !rom;

	/* A proxy is there because of another server; one that gives boot information is too many. */
	if (str_eq(ev->kind, "dhcp4.foreign") && from_proxy(ev) &&
	    event_str(ev, "competes")[0] == '\0')
		return false;
	if (str_eq(ev->kind, "dhcp4.foreign") || str_eq(ev->kind, "dhcp6.foreign")) {
		ret->sign = RUN_SIGN_OTHER_DHCP;
		return true;
	}
	if ((str_eq(ev->kind, "dhcp4.ignored") || str_eq(ev->kind, "dhcp6.ignored")) &&
	    from_boot_client(ev)) {
		ret->sign = RUN_SIGN_UNANSWERED;
		return true;
	}
	if (from_boot_client(ev) && event_str(ev, "lacks")[0] != '\0') {
		ret->sign = RUN_SIGN_NO_LOADER;
		return true;
	}
	if (!run_wire_is_netboot(ev))
		return false;
	ret->sign = ipxe ? RUN_SIGN_IPXE_DHCP : RUN_SIGN_FIRMWARE_DHCP;
	ret->proxied = from_proxy(ev);
	ret->took = str_eq(ev->kind, "dhcp4.request");
	snprintf(ret->evidence, sizeof(ret->evidence), "%s from %s, %s, %s", ev->kind,
	    ev->mac,
	    ipxe  ? "iPXE"
	    : rom ? "iPXE in ROM"
		  : "firmware",
	    ev->arch[0] != '\0' ? ev->arch : "no architecture");
	if (event_str(ev, "inferred")[0] != '\0')
		snprintf(ret->evidence, sizeof(ret->evidence),
		    "%s from %s, taken for %s: the log of %s does not say who asks",
		    ev->kind, ev->mac, ipxe ? "iPXE" : "the firmware",
		    event_str(ev, "log"));
	return true;
}

static bool
complete(const struct event *ev)
{
	const char *result = event_str(ev, "result");

	if (result[0] != '\0')
		return str_has_prefix(result, "complete");
	return ev->total >= 0 && ev->bytes >= ev->total;
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

/* Payloads: 0 kernel, then initrds, then files (from `first_file`). */
static bool
find_payload(
    const struct bundle_image *image, const char *name, unsigned *ret, bool *ret_file)
{
	*ret_file = false;
	*ret = 0;
	if (str_eq(image->kernel.name, name))
		return true;
	for (size_t i = 0; i < image->n_initrds; i++) {
		*ret = (unsigned)i + 1;
		if (str_eq(image->initrds[i].name, name))
			return true;
	}
	*ret_file = true;
	for (size_t i = 0; i < image->n_files; i++) {
		*ret = (unsigned)i;
		if (str_eq(image->files[i].name, name))
			return true;
	}
	return false;
}

static void
describe(const struct event *ev, const char *proto, struct run_wire *ret)
{
	char size[32], name[60], text[320];

	str_clip(name, sizeof(name), base_name(ev->file));
	if (ev->bytes < 0 && from_log(ev))
		str_clip(size, sizeof(size), "size not logged");
	else
		str_bytes(ev->bytes < 0 ? 0 : ev->bytes, size, sizeof(size));
	snprintf(text, sizeof(text), "%.8s %s, %s, to %s%s%s%.16s", proto, name, size,
	    ev->ip[0] != '\0' ? ev->ip : ev->mac,
	    str_eq(event_str(ev, "result"), "complete-unacked")
		? ", the last octets unacknowledged"
		: "",
	    from_log(ev) ? ", by the log of " : "", event_str(ev, "log"));
	str_clip(ret->evidence, sizeof(ret->evidence), text);
}

static bool
read_tftp(const struct event *ev, struct run_wire *ret)
{
	const char *name = base_name(ev->file);
	size_t n = strlen(name);

	/* autoexec.ipxe and the like are looked for beside the loader. */
	if (n >= 5 && strcmp(name + n - 5, ".ipxe") == 0)
		return false;
	if (str_eq(ev->kind, "tftp.begin")) {
		ret->sign = RUN_SIGN_LOADER_BEGIN;
		if (from_log(ev))
			snprintf(ret->evidence, sizeof(ret->evidence),
			    "%.40s requested, its end is not logged by %.20s", name,
			    event_str(ev, "log"));
		return true;
	}
	if (!str_eq(ev->kind, "tftp.end") || !complete(ev))
		return false;
	ret->sign = RUN_SIGN_LOADER;
	describe(ev, "TFTP", ret);
	return true;
}

/* detail.class says what bootd took the path for. A script that only leaves to the disk
 * is "idle" and proves nothing. */
static bool
read_http(const struct event *ev, const struct bundle_image *image, struct run_wire *ret)
{
	bool begin = str_eq(ev->kind, "http.begin");
	const char *class = event_str(ev, "class");
	bool file;

	if (!begin && (!str_eq(ev->kind, "http.end") || !complete(ev)))
		return false;
	if (!str_eq(event_str(ev, "method"), "GET"))
		return false;
	describe(ev, "HTTP", ret);
	if (str_eq(class, "script")) {
		ret->sign = RUN_SIGN_SCRIPT;
		return !begin;
	}
	if (str_eq(class, "loader")) {
		ret->sign = begin ? RUN_SIGN_LOADER_BEGIN : RUN_SIGN_LOADER;
		return true;
	}
	if (!str_eq(class, "kernel") && !str_eq(class, "initrd") &&
	    !str_eq(class, "file"))
		return false;
	if (!find_payload(image, ev->file, &ret->index, &file))
		return false;
	if (file)
		ret->sign = begin ? RUN_SIGN_FILE_BEGIN : RUN_SIGN_FILE;
	else
		ret->sign = begin ? RUN_SIGN_LOAD_BEGIN : RUN_SIGN_LOAD;
	return true;
}

bool
run_wire_read(
    const struct event *ev, const struct bundle_image *image, struct run_wire *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (str_has_prefix(ev->kind, "dhcp4.") || str_has_prefix(ev->kind, "dhcp6."))
		return read_dhcp(ev, ret);
	if (str_has_prefix(ev->kind, "tftp."))
		return read_tftp(ev, ret);
	if (str_has_prefix(ev->kind, "http."))
		return read_http(ev, image, ret);
	return false;
}
