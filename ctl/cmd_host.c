/* SPDX-License-Identifier: GPL-3.0-or-later */
/* host add|set|list|show|rm|lock|unlock.
 *
 * `set` sends whole members: labels and bmc are made from what the host has now, under
 * its ETag, so that a change made meanwhile is not undone. Ownership: documents are freed
 * here. Failure modes: exit codes of DESIGN section 8. BMCs' passwords and keys come from a file,
 * from standard input or from the terminal, never from argv, where `ps` shows them.
 */
#include <stdlib.h>

#include "ctl/cmd.h"
#include "ctl/cmd_util.h"
#include "ctl/input.h"
#include "ctl/output.h"
#include "ctl/spec.h"
#include "lib/json.h"
#include "lib/secret.h"
#include "lib/str.h"

static int
put_nics(const struct args *args, json_t *body, struct error *err)
{
	json_t *nics = json_array(), *nic;
	size_t pos = 0;
	const char *s;
	int r = 0;

	while (r == 0 && (s = args_next(args, "nic", &pos)) != NULL) {
		nic = spec_nic(s, err);
		r = nic != NULL ? json_array_append_new(nics, nic) : -1;
	}
	if (r == 0 && json_array_size(nics) > 0)
		json_object_set(body, "nics", nics);
	json_decref(nics);
	return r;
}

/* Each from a file, from the terminal, or taken away; at most one of these. */
static int
put_secret(const struct args *args, const struct input_secret *secret, const char *option,
    bool wanted, json_t *bmc, struct error *err)
{
	char file[40], none[40], prompt[300], *plain = NULL;
	int r;

	snprintf(file, sizeof(file), "bmc-%s-file", option);
	snprintf(none, sizeof(none), "no-bmc-%s", option);
	if (args_has(args, none))
		return args_has(args, file) || wanted
			   ? error_set(err, -1, "usage", NULL,
				 "--%s: not together with one that is given", none)
			   : json_object_set_new(bmc, option, json_string(""));
	if (!args_has(args, file) && !wanted)
		return 0;
	snprintf(prompt, sizeof(prompt), "%s of %s's BMC",
	    str_eq(option, "kg") ? "K_g" : "Password",
	    args->operands[args->n_operands - 1]);
	r = input_secret(secret, args_get(args, file), prompt, &plain, err);
	if (r == 0)
		json_object_set_new(bmc, option, json_string(plain));
	secret_free(plain);
	return r;
}

/* In a change an empty value removes the member (RFC 7396). */
static void
put_plain(const struct args *args, const char *option, const char *member, bool change,
    json_t *body)
{
	const char *s = args_get(args, option);

	if (change && s != NULL && s[0] == '\0')
		json_put(body, member, json_null());
	else
		json_put_str(body, member, s);
}

/* A password is asked for, too, when a BMC is given a user for the first time and no file was named. */
static int
put_secrets(
    const struct args *args, const json_t *old_bmc, json_t *bmc, struct error *err)
{
	bool first = !json_is_object(old_bmc) && args_has(args, "bmc-user") &&
		     !args_has(args, "no-bmc-password");
	int r = put_secret(args, &input_password, "password",
	    args_has(args, "bmc-password") || first, bmc, err);

	return r < 0 ? r
		     : put_secret(
			   args, &input_kg, "kg", args_has(args, "bmc-kg"), bmc, err);
}

/* "site": the host has no rule of its own any more (RFC 7396). */
static int
put_require_cipher(
    const struct args *args, const json_t *old_bmc, json_t *bmc, struct error *err)
{
	const char *s = args_get(args, "bmc-require-cipher");

	if (s == NULL)
		return 0;
	if (str_eq(s, "17") || str_eq(s, "0"))
		json_put_i64(bmc, "require_cipher", str_eq(s, "17") ? 17 : 0);
	else if (!str_eq(s, "site"))
		return error_set(
		    err, -1, "usage", NULL, "--bmc-require-cipher: not 17, 0 or site");
	else if (json_object_get(old_bmc, "require_cipher") != NULL)
		json_put(bmc, "require_cipher", json_null());
	return 0;
}

static int
put_bmc(const struct args *args, const json_t *old, json_t *body, struct error *err)
{
	static const struct {
		const char *option, *member;
	} plain[] = {{"bmc-user", "user"}, {"bmc-privilege", "privilege"},
	    {"bmc-boot-method", "boot_method"}, {"bmc-boot-verify", "boot_verify"},
	    {"bmc-outside", "outside"}, {"bmc-console", "console"}};
	const json_t *old_bmc = json_object_get(old, "bmc");
	const char *address = args_get(args, "bmc"),
		   *cipher = args_get(args, "bmc-cipher");
	json_t *bmc = json_object();
	int64_t n;
	int r = 0;

	if (address != NULL)
		r = spec_bmc(address, bmc, err);
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		put_plain(args, plain[i].option, plain[i].member, old != NULL, bmc);
	if (r == 0 && cipher != NULL && str_to_i64(cipher, 0, 17, &n) == 0)
		json_put_i64(bmc, "cipher", n);
	if (r == 0)
		r = cmd_util_put_map(
		    args, "bmc-manners", "manners", spec_manner, bmc, err);
	if (r == 0)
		r = put_require_cipher(args, old_bmc, bmc, err);
	if (r == 0)
		r = put_secrets(args, old_bmc, bmc, err);
	if (r == 0 && json_object_size(bmc) > 0)
		json_object_set(body, "bmc", bmc);
	json_decref(bmc);
	return r;
}

int
cmd_host_body(const struct args *args, const json_t *old, json_t *body, struct error *err)
{
	static const struct {
		const char *option, *member;
	} plain[] = {{"site", "site"}, {"uuid", "uuid"}, {"serial", "serial"},
	    {"firmware", "firmware"}, {"idle", "idle"}, {"local-boot", "local_boot"},
	    {"probe", "probe"}, {"image", "image"}};
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		put_plain(args, plain[i].option, plain[i].member, old != NULL, body);
	r = put_nics(args, body, err);
	if (r == 0)
		r = cmd_util_put_map(args, "label", "labels", spec_label, body, err);
	if (r == 0)
		r = cmd_util_put_map(args, "loader", "loaders", spec_loader, body, err);
	return r < 0 ? r : put_bmc(args, old, body, err);
}

int
cmd_host_add(struct ctl *ctl, const struct args *args)
{
	json_t *body = json_object();
	struct error err;

	json_put_str(body, "name", args->operands[0]);
	if (!args_has(args, "site")) {
		json_decref(body);
		error_set(
		    &err, 0, "usage", "site list shows them", "host add needs --site");
		return ctl_fail(ctl, CTL_USAGE, args->operands[0], &err);
	}
	if (cmd_host_body(args, NULL, body, &err) < 0) {
		json_decref(body);
		return ctl_fail(ctl, CTL_USAGE, args->operands[0], &err);
	}
	return cmd_util_create(ctl, "hosts", args->operands[0], body);
}

int
cmd_host_set(struct ctl *ctl, const struct args *args)
{
	json_t *body = json_object(), *old = NULL;
	char etag[80] = "";
	struct error err;
	int r = cmd_util_fetch(ctl, "hosts", args->operands[0], etag, &old);

	if (r == CTL_OK && cmd_host_body(args, old, body, &err) < 0)
		r = ctl_fail(ctl, CTL_USAGE, args->operands[0], &err);
	json_decref(old);
	if (r == CTL_OK)
		return cmd_util_change(ctl, "hosts", args->operands[0], etag, body);
	json_decref(body);
	return r;
}

/* The NIC that netboots: the first one unless another says so. */
static const json_t *
boot_nic(const json_t *host)
{
	const json_t *nics = json_object_get(host, "nics"), *nic;
	size_t i;

	json_array_foreach (nics, i, nic)
		if (json_is_true(json_object_get(nic, "boot")))
			return nic;
	return json_array_get(nics, 0);
}

static void
cell_mac(const json_t *host, struct text *out)
{
	text_add_escaped(out, cmd_util_str(boot_nic(host), "mac"));
}

static void
cell_ip(const json_t *host, struct text *out)
{
	const char *ip = cmd_util_str(boot_nic(host), "ip");
	const char *ip6 = cmd_util_str(boot_nic(host), "ip6");

	text_add_escaped(out, ip);
	text_add(out, ip[0] != '\0' && ip6[0] != '\0' ? "," : "");
	text_add_escaped(out, ip6);
}

static void
cell_locked(const json_t *host, struct text *out)
{
	const json_t *lock = json_object_get(host, "locked");

	if (!json_is_object(lock))
		return;
	text_add_escaped(out, cmd_util_str(lock, "by"));
	text_add(out, ": ");
	text_add_escaped(out, cmd_util_str(lock, "reason"));
}

static const struct output_column host_columns[] = {
    {.title = "HOST", .key = "name"},
    {.title = "SITE", .key = "site"},
    {.title = "MAC", .cell = cell_mac},
    {.title = "IP", .cell = cell_ip},
    {.title = "BMC", .key = "bmc.address"},
    {.title = "FIRMWARE", .key = "firmware", .wide = true},
    {.title = "IDLE", .key = "idle", .wide = true},
    {.title = "UUID", .key = "uuid", .wide = true},
    {.title = "SERIAL", .key = "serial", .wide = true},
    {.title = "IMAGE", .key = "image"},
    {.title = "LABELS", .key = "labels", .kind = OUTPUT_PAIRS},
    {.title = "LOCKED", .cell = cell_locked},
};

int
cmd_host_list(struct ctl *ctl, const struct args *args)
{
	char *hosts = cmd_util_selector(args);
	const char *site = args_get(args, "site");
	struct text path = {0};
	json_t *rows = NULL, *known = NULL;
	int r;

	text_add(&path, "/api/v1/hosts");
	text_add_query(&path, "hosts", hosts[0] != '\0' ? hosts : NULL);
	text_add_query(&path, "site", site);
	r = client_list(ctl, text_str(&path), 0, &rows);
	/* A site without hosts is not a site that nobody knows. */
	if (r == CTL_OK && json_array_size(rows) == 0 && site != NULL)
		r = cmd_util_fetch(ctl, "sites", site, NULL, &known);
	if (r == CTL_OK)
		output_list(ctl, rows, host_columns, ARRAY_SIZE(host_columns));
	json_decref(known);
	json_decref(rows);
	text_done(&path);
	free(hosts);
	return r;
}

/* What is no part of the inventory: as seen last, and when. */
static const char *const seen_members[] = {"power", "power_at", "power_why", "last_seen"};

int
cmd_host_show(struct ctl *ctl, const struct args *args)
{
	struct client_request rq = {.method = "GET", .may_be_absent = true};
	json_t *host = NULL, *answer = NULL, *seen;
	const json_t *status;
	struct text path = {0};
	int r = cmd_util_fetch(ctl, "hosts", args->operands[0], NULL, &host);

	if (r != CTL_OK)
		return r;
	text_add(&path, "/api/v1/status");
	text_add_query(&path, "hosts", cmd_util_str(host, "name"));
	rq.path = text_str(&path);
	r = client_call(ctl, &rq, &answer);
	text_done(&path);
	status = json_array_get(json_object_get(answer, "items"), 0);
	seen = json_object();
	for (size_t i = 0; i < ARRAY_SIZE(seen_members); i++)
		json_object_set(
		    seen, seen_members[i], json_object_get(status, seen_members[i]));
	if (json_object_size(seen) > 0)
		json_object_set(host, "seen", seen);
	if (r == CTL_OK)
		output_object(ctl, host);
	json_decref(seen);
	json_decref(answer);
	json_decref(host);
	return r;
}

int
cmd_host_rm(struct ctl *ctl, const struct args *args)
{
	return cmd_util_remove(ctl, "hosts", args->operands[0]);
}

static int
set_lock(struct ctl *ctl, const struct args *args, const char *action, const char *said)
{
	const char *host = args->operands[0];
	char *path = client_path("hosts", host, action);
	json_t *body = json_object(), *now = NULL;
	int r;

	json_put_str(body, "reason", args_get(args, "reason"));
	r = client_call(ctl,
	    &(struct client_request){
		.method = "POST", .path = path, .body = body, .subject = host},
	    &now);
	if (r == CTL_OK && ctl_is_json(ctl))
		output_json(ctl, now);
	else if (r == CTL_OK)
		ctl_say(ctl, "%s: %s", host, said);
	json_decref(now);
	json_decref(body);
	free(path);
	return r;
}

int
cmd_host_lock(struct ctl *ctl, const struct args *args)
{
	struct error err;

	if (args_get(args, "reason") != NULL)
		return set_lock(ctl, args, "lock", "locked");
	error_set(&err, 0, "reason-missing", "add --reason T", "a lock must say why");
	return ctl_fail(ctl, CTL_USAGE, args->operands[0], &err);
}

int
cmd_host_unlock(struct ctl *ctl, const struct args *args)
{
	return set_lock(ctl, args, "unlock", "unlocked");
}
