/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rules for orders of the site: those of the orchestrator, as far as they can be followed there.
 *
 * A reinstall is not among them: it erases a disk, its image may be another one by now than the inventory of the site has,
 * and it is what nobody needs in an hour of need as much as a rescue system. Orders for later are the orchestrator's too.
 *
 * Entry points: local_order_parse(), local_order_amount(), local_order_check(). Pure.
 * Failure modes: refusals carry the codes of docs/api.md.
 */
#include "agent/local_order.h"

#include <errno.h>
#include <string.h>

#include "lib/json.h"
#include "lib/str.h"

enum {
	LIMIT_DEFAULT = 20,
	LIMIT_MAX = 10000,
	GRACEFUL_DEFAULT_S = 300,
	GRACEFUL_MAX_S = 3600
};

bool
local_order_boots(const struct local_order *o)
{
	return o->kind == BUNDLE_RESCUE || o->kind == BUNDLE_LIVE ||
	       o->kind == BUNDLE_BOOT;
}

static bool
is_power(const char *s)
{
	static const char *const actions[] = {"on", "off", "soft", "cycle", "reset"};

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (str_eq(s, actions[i]))
			return true;
	return false;
}

static int
needs_orchestrator(struct error *err, const char *what)
{
	return error_set(err, -EINVAL, "needs-orchestrator",
	    "order it there when it can be reached again; a site alone gives rescue, "
	    "live, "
	    "boot, reboot and power",
	    "%s", what);
}

static int
check(const json_t *v, const struct local_order *o, struct error *err)
{
	static const char *const later[] = {"at", "window_s", "when_ready_s"};

	for (size_t i = 0; i < ARRAY_SIZE(later); i++) {
		const json_t *m = json_object_get(v, later[i]);

		if (m != NULL && !json_is_null(m) && !json_is_false(m))
			return needs_orchestrator(
			    err, "orders for later are its to keep");
	}
	if (json_object_get(v, "hook") != NULL)
		return needs_orchestrator(
		    err, "commands on hosts are not given at a site");
	if (o->kind == BUNDLE_REINSTALL)
		return needs_orchestrator(
		    err, "a reinstall erases a disk, and is not given at a site alone");
	if (o->hosts[0] == '\0')
		return error_set(
		    err, -EINVAL, "bad-value", "name at least one host", "hosts: empty");
	if (strspn(o->reason, " \t\r\n") == strlen(o->reason))
		return error_set(err, -EINVAL, "reason-missing",
		    "say why, for instance --reason INC-123", "no reason was given");
	if (strlen(o->reason) >= BUNDLE_REASON_SIZE)
		return error_set(err, -EINVAL, "bad-value", "shorten it",
		    "reason: longer than %d octets", BUNDLE_REASON_SIZE - 1);
	if (o->graceful_s < 0 || o->graceful_s > GRACEFUL_MAX_S)
		return error_set(err, -EINVAL, "bad-value", NULL, "graceful_s: not 0..%d",
		    GRACEFUL_MAX_S);
	if (o->force == BUNDLE_FORCE_NEVER &&
	    (o->kind == BUNDLE_POWER || o->graceful_s == 0))
		return error_set(err, -EINVAL, "bad-value",
		    "leave it out, or give the system time: graceful_s",
		    "force: never, and nothing that asks the system to stop");
	if (o->limit < 1 || o->limit > LIMIT_MAX)
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "limit: not 1..%d", LIMIT_MAX);
	if (o->kind == BUNDLE_POWER && !is_power(o->action))
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "action: not on, off, soft, cycle or reset");
	if (o->image[0] != '\0' && !local_order_boots(o))
		return error_set(err, -EINVAL, "bad-value", "leave the image out",
		    "image: a %s boots none", bundle_kind_name(o->kind));
	if (o->kind == BUNDLE_BOOT && o->image[0] == '\0')
		return error_set(err, -EINVAL, "bad-value", "name one with --image",
		    "image: boot needs one");
	return 0;
}

int
local_order_parse(const json_t *v, struct local_order *ret, struct error *err)
{
	struct local_order o = {.hosts = "",
	    .image = "",
	    .reason = "",
	    .action = "",
	    .limit = LIMIT_DEFAULT,
	    .graceful_s = GRACEFUL_DEFAULT_S};
	const char *kind = NULL;
	bool forced = false;

	if (json_get_str(v, "kind", &kind, err) < 0 ||
	    json_get_str(v, "hosts", &o.hosts, err) < 0 ||
	    json_opt_str(v, "image", &o.image, err) < 0 ||
	    json_opt_str(v, "reason", &o.reason, err) < 0 ||
	    json_opt_str(v, "action", &o.action, err) < 0 ||
	    bundle_force_from_json(v, &o.force, &forced, err) < 0 ||
	    json_opt_bool(v, "yes", &o.yes, err) < 0 ||
	    json_opt_bool(v, "dry_run", &o.dry_run, err) < 0 ||
	    json_opt_i64(v, "graceful_s", &o.graceful_s, err) < 0 ||
	    json_opt_i64(v, "limit", &o.limit, err) < 0)
		return -EINVAL;
	if (bundle_kind_parse(kind, &o.kind) < 0)
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "kind: not rescue, live, boot, reboot or power");
	*ret = o;
	return check(v, &o, err);
}

int
local_order_amount(const struct local_order *o, size_t n, struct error *err)
{
	bool harmless = o->kind == BUNDLE_POWER && str_eq(o->action, "on");

	if (n == 0)
		return error_set(err, -EPERM, "host-unknown",
		    "netboot-ctl host list shows them", "no host of this site matches");
	if (n > (size_t)o->limit)
		return error_set(err, -EPERM, "too-many-hosts",
		    "name fewer, or raise the limit with --limit",
		    "%zu hosts match, the limit is %lld", n, (long long)o->limit);
	if (n > 1 && !o->yes && !o->dry_run && !harmless)
		return error_set(err, -EPERM, "confirmation-needed",
		    "look at them with --dry-run, then repeat with --yes",
		    "%s of %zu hosts was not confirmed", bundle_kind_name(o->kind), n);
	return 0;
}

int
local_order_check(const struct local_order *o, const struct bundle_host *h,
    const struct local_msg_host *more, struct error *err)
{
	if (more->locked_at > 0)
		return error_set(err, -EPERM, "host-locked",
		    "unlock it at the orchestrator first", "locked by %s: %s",
		    more->locked_by, more->locked_reason);
	if (more->bmc.address[0] == '\0')
		return error_set(err, -EPERM, "no-bmc",
		    "add the BMC to the host at the orchestrator",
		    "the host has no BMC, so nothing can switch its power");
	if (more->withheld[0] != '\0')
		return error_set(err, -EPERM, more->withheld,
		    "ask the orchestrator, or use the BMC's own interface",
		    "the orchestrator has not handed down how to log in to its BMC");
	if (local_order_boots(o) && h->n_nics == 0)
		return error_set(err, -EPERM, "no-boot-mac",
		    "add its network card to the host",
		    "the host has no MAC address to boot from");
	return 0;
}

bool
local_order_means(const struct local_order *o, const struct bundle_image *image)
{
	if (!local_msg_image_fits(image->kind))
		return false;
	return o->image[0] != '\0' ? str_eq(o->image, image->name)
				   : str_eq(image->kind, bundle_kind_name(o->kind));
}

json_t *
local_order_detail(const struct local_order *o)
{
	json_t *v = json_object();
	char asked[201];

	str_clip(asked, sizeof(asked), o->hosts);
	json_put_str(v, "kind", bundle_kind_name(o->kind));
	json_put_str(v, "asked", asked);
	json_put_str(v, "image", o->image);
	json_put_str(v, "action", o->action);
	return v;
}
