/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A host's BMC as a document: address, credentials, and how it is to be treated.
 *
 * Entry points: bundle_bmc_to_json()/bundle_bmc_from_json(), bundle_bmc_copy().
 * Ownership: manners and learned are references of the struct's own; bundle_bmc_wipe() drops
 * them and wipes password and K_g. Failure modes: -EINVAL with the member in *err, the result
 * untouched. What manners and learned say is agent/bmc_manners.c's to judge: an agent may be newer
 * than the orchestrator that hands them on.
 */
#include "lib/bundle.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "lib/json.h"
#include "lib/secret.h"
#include "lib/str.h"

static void
put_kg(json_t *v, const struct bundle_bmc *bmc)
{
	char hex[BUNDLE_KG_TEXT];

	if (!bmc->kg_set)
		return;
	bundle_bmc_kg_text(bmc, hex);
	json_put_str(v, "kg", hex);
	secret_wipe(hex, sizeof(hex));
}

void
bundle_bmc_kg_text(const struct bundle_bmc *bmc, char ret_hex[BUNDLE_KG_TEXT])
{
	for (size_t i = 0; i < sizeof(bmc->kg); i++) {
		ret_hex[2 * i] = "0123456789abcdef"[bmc->kg[i] >> 4];
		ret_hex[2 * i + 1] = "0123456789abcdef"[bmc->kg[i] & 15];
	}
	ret_hex[2 * sizeof(bmc->kg)] = '\0';
}

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int
read_hex(const char *hex, uint8_t *kg, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		kg[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

/* No text of at most 20 octets has 40 digits: which of both it is is never in doubt. */
int
bundle_bmc_set_kg(struct bundle_bmc *bmc, const char *text)
{
	uint8_t kg[sizeof(bmc->kg)] = {0}, any = 0;
	size_t len = strlen(text);
	int r = 0;

	if (len == 2 * sizeof(kg))
		r = read_hex(text, kg, sizeof(kg));
	else if (len <= sizeof(kg))
		memcpy(kg, text, len);
	else
		r = -EINVAL;
	for (size_t i = 0; i < sizeof(kg); i++)
		any |= kg[i];
	if (any == 0) /* what a BMC takes for "none" (IPMI 2.0 22.25) */
		r = -EINVAL;
	if (r == 0) {
		memcpy(bmc->kg, kg, sizeof(kg));
		bmc->kg_set = true;
	}
	secret_wipe(kg, sizeof(kg));
	return r;
}

json_t *
bundle_bmc_to_json(const struct bundle_bmc *bmc)
{
	json_t *v;

	if (bmc->address[0] == '\0')
		return json_null();
	v = json_object();
	json_put_str(v, "address", bmc->address);
	json_put_i64(v, "port", bmc->port);
	json_put_str(v, "user", bmc->user);
	json_put_str(v, "password", bmc->password);
	if (bmc->password_next[0] != '\0') {
		json_put_str(v, "password_next", bmc->password_next);
		json_put_i64(v, "next_runs", bmc->next_runs);
	}
	json_put_str(v, "privilege", bmc->privilege);
	json_put_i64(v, "cipher", bmc->cipher);
	json_put_str(v, "boot_method", bmc->boot_method);
	json_put_str(v, "boot_verify", bmc->boot_verify);
	/* Told where it is another one. */
	if (bmc->console[0] != '\0' && !str_eq(bmc->console, "job"))
		json_put_str(v, "console", bmc->console);
	if (bmc->require_cipher != 0)
		json_put_i64(v, "require_cipher", bmc->require_cipher);
	put_kg(v, bmc);
	bundle_bmc_prefixes_put(v, "only_in", bmc->only_in, bmc->n_only_in);
	if (bmc->manners != NULL)
		json_object_set(v, "manners", bmc->manners);
	if (bmc->learned != NULL)
		json_object_set(v, "learned", bmc->learned);
	return v;
}

bool
bundle_bmc_console_valid(const char *s)
{
	return str_eq(s, "off") || str_eq(s, "job") || str_eq(s, "always");
}

static int
check_bmc(const struct bundle_bmc *bmc, int64_t port, int64_t cipher, int64_t require,
    struct error *err)
{
	if (bmc->address[0] == '\0')
		return error_set(err, -EINVAL, "bad-value", NULL, "address: empty");
	if (port < 1 || port > UINT16_MAX)
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "port: not in 1..65535");
	/* The suites with SHA: every other one is unsafe or rare (reference:
	 * IPMI 2.0 22.15.2). */
	if (cipher != 0 && cipher != 3 && cipher != 17)
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "cipher: not 0, 3 or 17");
	if (require != 0 && require != 17)
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "require_cipher: not 0 or 17");
	if (!str_eq(bmc->privilege, "operator") &&
	    !str_eq(bmc->privilege, "administrator"))
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "privilege: not operator or administrator");
	if (!str_eq(bmc->boot_method, "pxe") && !str_eq(bmc->boot_method, "none"))
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "boot_method: not pxe or none");
	if (!str_eq(bmc->boot_verify, "full") && !str_eq(bmc->boot_verify, "device"))
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "boot_verify: not full or device");
	if (!bundle_bmc_console_valid(bmc->console))
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "console: not off, job or always");
	return 0;
}

static int
read_kg(const json_t *v, struct bundle_bmc *bmc, struct error *err)
{
	const char *hex = NULL;

	if (json_opt_str(v, "kg", &hex, err) < 0)
		return -EINVAL;
	if (hex != NULL && hex[0] != '\0' && bundle_bmc_set_kg(bmc, hex) < 0)
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "kg: neither 40 hexadecimal digits, of which one at least is not 0, "
		    "nor a "
		    "text of at most 20 octets");
	return 0;
}

/* Bounded, since they are kept with each job and host. */
int
bundle_bmc_prefixes_from_json(const json_t *v, const char *key,
    struct addr_prefix ret[BUNDLE_BMC_PREFIXES_MAX], size_t *ret_n, struct error *err)
{
	json_t *list = NULL;
	size_t n;

	if (json_opt_arr(v, key, &list, err) < 0)
		return -EINVAL;
	n = json_array_size(list);
	if (n > BUNDLE_BMC_PREFIXES_MAX)
		return error_set(err, -EINVAL, "bad-value", NULL, "%s: more than %d", key,
		    BUNDLE_BMC_PREFIXES_MAX);
	for (size_t i = 0; i < n; i++) {
		const char *s = json_string_value(json_array_get(list, i));

		if (s == NULL || addr_prefix_parse(s, &ret[i]) < 0)
			return error_set(err, -EINVAL, "bad-value",
			    "write it as 10.9.0.0/24", "%s[%zu]: not a prefix", key, i);
	}
	*ret_n = n;
	return 0;
}

void
bundle_bmc_prefixes_put(
    json_t *v, const char *key, const struct addr_prefix *prefixes, size_t n)
{
	json_t *list;
	char text[ADDR_PREFIX_TEXT];

	if (n == 0)
		return;
	list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list,
		    json_string(addr_prefix_text(&prefixes[i], text, sizeof(text))));
	json_put(v, key, list);
}

bool
bundle_bmc_may_reach(const struct bundle_bmc *bmc, const struct addr_ip *ip)
{
	for (size_t i = 0; i < bmc->n_only_in; i++)
		if (addr_prefix_contains(&bmc->only_in[i], ip))
			return true;
	return bmc->n_only_in == 0;
}

static int
read_doc(const json_t *v, const char *key, json_t **ret, struct error *err)
{
	json_t *doc = NULL;

	if (json_opt_obj(v, key, &doc, err) < 0)
		return -EINVAL;
	if (doc == NULL)
		return 0;
	if (json_dumpb(doc, NULL, 0, JSON_COMPACT) > BUNDLE_BMC_DOC_MAX)
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "%s: longer than %d octets", key, BUNDLE_BMC_DOC_MAX);
	*ret = json_incref(doc);
	return 0;
}

static int
read_docs(const json_t *v, struct bundle_bmc *bmc, struct error *err)
{
	if (read_doc(v, "manners", &bmc->manners, err) < 0)
		return -EINVAL;
	return read_doc(v, "learned", &bmc->learned, err);
}

static int
read_bmc(const json_t *v, struct bundle_bmc *bmc, struct error *err)
{
	const struct {
		const char *key;
		char *dst;
		size_t size;
	} texts[] = {
	    {"address", bmc->address, sizeof(bmc->address)},
	    {"user", bmc->user, sizeof(bmc->user)},
	    {"password", bmc->password, sizeof(bmc->password)},
	    {"password_next", bmc->password_next, sizeof(bmc->password_next)},
	    {"privilege", bmc->privilege, sizeof(bmc->privilege)},
	    {"boot_method", bmc->boot_method, sizeof(bmc->boot_method)},
	    {"boot_verify", bmc->boot_verify, sizeof(bmc->boot_verify)},
	    {"console", bmc->console, sizeof(bmc->console)},
	};
	int64_t port = 623, cipher = 0, require = 0, runs = 0;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (json_copy_opt(v, texts[i].key, texts[i].dst, texts[i].size, err) < 0)
			return -EINVAL;
	if (json_opt_i64(v, "port", &port, err) < 0 ||
	    json_opt_i64(v, "cipher", &cipher, err) < 0 ||
	    json_opt_i64(v, "require_cipher", &require, err) < 0 ||
	    json_opt_i64(v, "next_runs", &runs, err) < 0)
		return -EINVAL;
	if (bmc->privilege[0] == '\0')
		str_clip(bmc->privilege, sizeof(bmc->privilege), "operator");
	if (bmc->boot_method[0] == '\0')
		str_clip(bmc->boot_method, sizeof(bmc->boot_method), "pxe");
	if (bmc->boot_verify[0] == '\0')
		str_clip(bmc->boot_verify, sizeof(bmc->boot_verify), "full");
	if (bmc->console[0] == '\0')
		str_clip(bmc->console, sizeof(bmc->console), "job");
	if (check_bmc(bmc, port, cipher, require, err) < 0 || read_kg(v, bmc, err) < 0 ||
	    bundle_bmc_prefixes_from_json(
		v, "only_in", bmc->only_in, &bmc->n_only_in, err) < 0 ||
	    read_docs(v, bmc, err) < 0)
		return -EINVAL;
	bmc->port = (uint16_t)port;
	bmc->cipher = (int)cipher;
	bmc->require_cipher = (int)require;
	bmc->next_runs = runs > 0 && runs < INT_MAX ? (int)runs : 0;
	return 0;
}

int
bundle_bmc_from_json(const json_t *v, struct bundle_bmc *ret, struct error *err)
{
	struct bundle_bmc bmc = {.port = 0};
	int r = 0;

	if (v != NULL && !json_is_null(v)) {
		if (!json_is_object(v))
			return error_set(
			    err, -EINVAL, "bad-value", NULL, "not an object");
		r = read_bmc(v, &bmc, err);
	}
	if (r == 0)
		*ret = bmc; /* with what it owns */
	else
		bundle_bmc_wipe(&bmc);
	secret_wipe(&bmc, sizeof(bmc));
	return r;
}

void
bundle_bmc_copy(struct bundle_bmc *dst, const struct bundle_bmc *src)
{
	*dst = *src;
	json_incref(dst->manners);
	json_incref(dst->learned);
}

void
bundle_bmc_wipe(struct bundle_bmc *bmc)
{
	if (bmc == NULL)
		return;
	json_decref(bmc->manners);
	json_decref(bmc->learned);
	secret_wipe(bmc, sizeof(*bmc));
}
