/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One job as a self-contained document, and the names of its enums.
 *
 * Entry points: bundle_to_json()/bundle_from_json() for a whole job, the
 * pairs of a name and a parse function. Hosts, BMCs, images, subnets and sites have files of
 * their own. Ownership: a bundle owns image.deadlines; bundle_done() frees it and wipes
 * the password. Failure modes: -EINVAL with the path of the member in *err, the result
 * untouched. What is decoded has been checked: names are names, paths stay below their
 * root, arguments are one line.
 */
#include "lib/bundle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/secret.h"
#include "lib/str.h"

/* Added to deadlines: it must not carry them out of range. */
#define GRACEFUL_MAX (7 * 24 * 3600 * USEC_PER_SEC)

static const char *const kind_names[] = {
    "reinstall", "rescue", "live", "boot", "reboot", "power"};
static const char *const force_names[] = {"after-timeout", "never", "at-once"};
static const char *const idle_names[] = {"local", "menu", "silent"};
static const char *const firmware_names[] = {"uefi", "bios"};
static const char *const local_boot_names[] = {"exit1", "exit0", "sanboot"};
static const char *const ra_names[] = {"off", "managed", "stateless"};
static const char *const power_actions[] = {"on", "off", "soft", "cycle", "reset"};

/* Index of s in names, or -EINVAL. */
static int
name_index(const char *const *names, size_t n, const char *s)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], s) == 0)
			return (int)i;
	return -EINVAL;
}

const char *
bundle_kind_name(enum bundle_kind kind)
{
	return kind_names[kind];
}

int
bundle_kind_parse(const char *s, enum bundle_kind *ret)
{
	int i = name_index(kind_names, ARRAY_SIZE(kind_names), s);

	if (i < 0)
		return i;
	*ret = (enum bundle_kind)i;
	return 0;
}

const char *
bundle_force_name(enum bundle_force force)
{
	return force_names[force];
}

int
bundle_force_parse(const char *s, enum bundle_force *ret)
{
	int i = name_index(force_names, ARRAY_SIZE(force_names), s);

	if (i < 0)
		return i;
	*ret = (enum bundle_force)i;
	return 0;
}

int
bundle_force_from_json(
    const json_t *v, enum bundle_force *ret, bool *ret_set, struct error *err)
{
	enum bundle_force force = *ret;
	const char *word = NULL;
	bool hard = false;

	if (json_opt_bool(v, "hard", &hard, err) < 0 ||
	    json_opt_str(v, "force", &word, err) < 0)
		return -EINVAL;
	if (word != NULL && bundle_force_parse(word, &force) < 0)
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "force: not never, after-timeout or at-once");
	if (hard && word != NULL && force != BUNDLE_FORCE_AT_ONCE)
		return error_set(err, -EINVAL, "bad-value", "leave hard out",
		    "force: %s, and hard says at-once", word);
	*ret = hard ? BUNDLE_FORCE_AT_ONCE : force;
	*ret_set = hard || word != NULL;
	return 0;
}

bool
bundle_hook_valid(const char *hook)
{
	for (const char *c = hook; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return false;
	return strlen(hook) < BUNDLE_HOOK_SIZE;
}

const char *
bundle_idle_name(enum bundle_idle idle)
{
	return idle_names[idle];
}

int
bundle_idle_parse(const char *s, enum bundle_idle *ret)
{
	int i = name_index(idle_names, ARRAY_SIZE(idle_names), s);

	if (i < 0)
		return i;
	*ret = (enum bundle_idle)i;
	return 0;
}

const char *
bundle_firmware_name(enum bundle_firmware fw)
{
	return firmware_names[fw];
}

int
bundle_firmware_parse(const char *s, enum bundle_firmware *ret)
{
	int i = name_index(firmware_names, ARRAY_SIZE(firmware_names), s);

	if (i < 0)
		return i;
	*ret = (enum bundle_firmware)i;
	return 0;
}

const char *
bundle_local_boot_name(enum bundle_local_boot how)
{
	return local_boot_names[how];
}

int
bundle_local_boot_parse(const char *s, enum bundle_local_boot *ret)
{
	int i = name_index(local_boot_names, ARRAY_SIZE(local_boot_names), s);

	if (i < 0)
		return i;
	*ret = (enum bundle_local_boot)i;
	return 0;
}

const char *
bundle_local_boot_command(enum bundle_local_boot how, enum bundle_firmware firmware)
{
	switch (how) {
	case BUNDLE_LOCAL_EXIT1: return "exit 1";
	case BUNDLE_LOCAL_EXIT0: return "exit 0";
	case BUNDLE_LOCAL_SANBOOT:
		return firmware == BUNDLE_BIOS
			   ? "sanboot --no-describe --drive 0x80 || exit 1"
			   : "sanboot --no-describe --drive 0 || exit 1";
	}
	return "exit 1";
}

const char *
bundle_ra_name(enum bundle_ra ra)
{
	return ra_names[ra];
}

int
bundle_ra_parse(const char *s, enum bundle_ra *ret)
{
	int i = name_index(ra_names, ARRAY_SIZE(ra_names), s);

	if (i < 0)
		return i;
	*ret = (enum bundle_ra)i;
	return 0;
}

int
bundle_version(const struct bundle *b)
{
	bool careful = b->force == BUNDLE_FORCE_NEVER || b->hook[0] != '\0';

	return careful ? BUNDLE_VERSION_CAREFUL : BUNDLE_VERSION;
}

json_t *
bundle_to_json(const struct bundle *b)
{
	json_t *v = json_object();

	json_put_i64(v, "v", bundle_version(b));
	json_put_str(v, "job", b->job);
	json_put_str(v, "kind", bundle_kind_name(b->kind));
	json_put_str(v, "power_action", b->power_action);
	json_put_bool(v, "hard", b->force == BUNDLE_FORCE_AT_ONCE);
	if (b->force == BUNDLE_FORCE_NEVER)
		json_put_str(v, "force", bundle_force_name(b->force));
	json_put_i64(v, "graceful_us", b->graceful_us);
	json_put_str(v, "hook", b->hook);
	json_put_str(v, "reason", b->reason);
	json_put_str(v, "by", b->by);
	json_put_i64(v, "created", b->created);
	if (b->not_before > 0) {
		json_put_i64(v, "not_before", b->not_before);
		json_put_i64(v, "not_after", b->not_after);
	}
	json_put(v, "host", bundle_host_to_json(&b->host));
	json_put(v, "bmc", bundle_bmc_to_json(&b->bmc));
	json_put(v, "image", bundle_image_to_json(&b->image));
	return v;
}

static int
read_window(const json_t *v, struct bundle *b, struct error *err)
{
	if (json_opt_i64(v, "not_before", &b->not_before, err) < 0 ||
	    json_opt_i64(v, "not_after", &b->not_after, err) < 0)
		return -EINVAL;
	if (b->not_before < 0 || (b->not_before == 0 && b->not_after != 0) ||
	    (b->not_before > 0 && b->not_after <= b->not_before))
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "not_before, not_after: no window of time");
	return 0;
}

static int
read_head(const json_t *v, struct bundle *b, struct error *err)
{
	const char *kind = NULL;
	int64_t version = 0;
	bool forced = false;

	if (json_get_i64(v, "v", &version, err) < 0 ||
	    json_copy_str(v, "job", b->job, sizeof(b->job), err) < 0 ||
	    json_get_str(v, "kind", &kind, err) < 0 ||
	    json_copy_opt(
		v, "power_action", b->power_action, sizeof(b->power_action), err) < 0 ||
	    bundle_force_from_json(v, &b->force, &forced, err) < 0 ||
	    json_opt_i64(v, "graceful_us", &b->graceful_us, err) < 0 ||
	    json_copy_opt(v, "hook", b->hook, sizeof(b->hook), err) < 0 ||
	    json_copy_opt(v, "reason", b->reason, sizeof(b->reason), err) < 0 ||
	    json_copy_opt(v, "by", b->by, sizeof(b->by), err) < 0 ||
	    json_opt_i64(v, "created", &b->created, err) < 0)
		return -EINVAL;
	if (version != BUNDLE_VERSION && version != BUNDLE_VERSION_CAREFUL)
		return error_set(err, -EINVAL, "bad-version",
		    "install the same release everywhere",
		    "v: this program reads versions %d and %d", BUNDLE_VERSION,
		    BUNDLE_VERSION_CAREFUL);
	if (!id_valid(b->job))
		return error_set(err, -EINVAL, "bad-value", NULL, "job: not an id");
	if (bundle_kind_parse(kind, &b->kind) < 0)
		return error_set(err, -EINVAL, "bad-value", NULL, "kind: unknown");
	if (b->graceful_us < 0 || b->graceful_us > GRACEFUL_MAX)
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "graceful_us: not within a week");
	if (!bundle_hook_valid(b->hook) ||
	    (b->hook[0] != '\0' && b->kind != BUNDLE_REBOOT))
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "hook: not one line, or not of a reboot");
	if (b->kind == BUNDLE_POWER &&
	    name_index(power_actions, ARRAY_SIZE(power_actions), b->power_action) < 0)
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "power_action: not on, off, soft, cycle or reset");
	return read_window(v, b, err);
}

static bool
kind_boots_image(enum bundle_kind kind)
{
	return kind == BUNDLE_REINSTALL || kind == BUNDLE_RESCUE || kind == BUNDLE_LIVE ||
	       kind == BUNDLE_BOOT;
}

static int
read_parts(const json_t *v, struct bundle *b, struct error *err)
{
	if (bundle_host_from_json(json_object_get(v, "host"), &b->host, err) < 0) {
		error_prefix(err, "host");
		return -EINVAL;
	}
	if (bundle_bmc_from_json(json_object_get(v, "bmc"), &b->bmc, err) < 0) {
		error_prefix(err, "bmc");
		return -EINVAL;
	}
	if (bundle_image_from_json(json_object_get(v, "image"), &b->image, err) < 0) {
		error_prefix(err, "image");
		return -EINVAL;
	}
	if (kind_boots_image(b->kind) && b->image.name[0] == '\0')
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "image: a job of kind %s needs one", bundle_kind_name(b->kind));
	return 0;
}

int
bundle_from_json(const json_t *v, struct bundle *ret, struct error *err)
{
	struct bundle *b;
	int r;

	if (!json_is_object(v))
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "bundle: not an object");
	b = str_alloc(sizeof(*b));
	r = read_head(v, b, err);
	if (r == 0)
		r = read_parts(v, b, err);
	if (r == 0) {
		*ret = *b;
		b->image.deadlines = NULL; /* now ret's */
		b->bmc.manners = b->bmc.learned = NULL;
	}
	bundle_done(b);
	free(b);
	return r;
}

void
bundle_done(struct bundle *b)
{
	if (b == NULL)
		return;
	json_decref(b->image.deadlines);
	b->image.deadlines = NULL;
	bundle_bmc_wipe(&b->bmc);
}
