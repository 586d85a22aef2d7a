/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Findings, a row each: what was seen, in words, and what to do about it.
 *
 * Entry point: bmc_audit_findings(). The evidence is the document `learned`; what it does not have is
 * not guessed. Ownership: the list is the caller's. Failure modes: none. Nothing is tried here, and no
 * password anywhere; whether suite 0 is accepted was asked by an Open Session without credentials.
 */
#include "agent/bmc_audit.h"

#include <stdio.h>
#include <string.h>

#include "lib/compiler.h"
#include "lib/json.h"
#include "lib/str.h"

enum level { FAIL, WARN, INFO };

static const char *const level_names[] = {"fail", "warn", "info"};

/* Users that machines are delivered with. Tried passwords count at the BMC, so only names are
 * compared: whose name is the factory's may have its password too. */
static const struct {
	const char *name, *whose; /* … as their manuals say */
} factory_users[] = {
    {"ADMIN", "Supermicro"},
    {"root", "Dell iDRAC and OpenBMC"},
    {"Administrator", "HPE iLO"},
    {"USERID", "Lenovo XCC and IBM IMM"},
    {"admin", "AMI MegaRAC, Cisco CIMC, Quanta and Intel"},
    {"sysadmin", "Gigabyte and Huawei"},
    {"", "every BMC that has a null user"},
};

static void
add(json_t *list, enum level level, const char *code, const char *text, const char *next)
{
	json_array_append_new(
	    list, json_pack("{s:s, s:s, s:s, s:s}", "code", code, "level",
		      level_names[level], "text", text, "next", next));
}

/* ---- cipher suites ---- */

/* IPMI 2.0 table 22-20: 0 authenticates nobody, 1 and 2 have no encryption or integrity, 6 to 12 are
 * MD5, 4, 5, 9, 10, 13 and 14 encrypt with xRC4, 15, 16, 18 and 19 lack encryption by AES. */
static bool
is_weak(int64_t id)
{
	return id != 3 && id != 17 && id > 0 && id < 20;
}

static bool
lists_none(const json_t *learned)
{
	const json_t *ids = json_object_get(
			 json_object_get(learned, "cipher_suites"), "value"),
		     *item;
	size_t i;

	json_array_foreach (ids, i, item)
		if (json_is_integer(item) && json_integer_value(item) == 0)
			return true;
	return false;
}

/* What it did when it was offered suite 0 counts for more than its list. */
static void
suite_none(json_t *list, const json_t *learned)
{
	const char *said = json_string_value(
	    json_object_get(json_object_get(learned, "suite_0"), "value"));

	if (str_eq(said, "accepted"))
		add(list, FAIL, "cipher-0",
		    "the BMC accepted an Open Session with cipher suite 0: whoever "
		    "reaches it "
		    "opens a session with any password",
		    "disable suite 0 in the BMC's settings at once");
	else if (str_eq(said, "refused") && lists_none(learned))
		add(list, WARN, "cipher-0-listed",
		    "the BMC lists cipher suite 0, and refused it when it was offered",
		    "disable suite 0 in the BMC's settings");
	else if (lists_none(learned))
		add(list, FAIL, "cipher-0",
		    "the BMC offers cipher suite 0: whoever reaches it opens a session "
		    "with any password",
		    "disable suite 0 in the BMC's settings at once");
}

static void
suites(json_t *list, const json_t *learned)
{
	const json_t *ids = json_object_get(
			 json_object_get(learned, "cipher_suites"), "value"),
		     *item;
	bool best = false;
	char weak[120] = "", text[200];
	size_t i, n = 0;

	if (json_array_size(ids) == 0) {
		add(list, WARN, "suites-unknown",
		    "the BMC does not tell which cipher suites it offers",
		    "look in its own settings whether suite 0 is off");
		return;
	}
	json_array_foreach (ids, i, item) {
		int64_t id = json_integer_value(item);

		if (!json_is_integer(item))
			continue;
		best = best || id == 17;
		if (is_weak(id) && n < sizeof(weak) - 8)
			n += (size_t)snprintf(weak + n, sizeof(weak) - n, "%s%lld",
			    n > 0 ? ", " : "", (long long)id);
	}
	if (n > 0) {
		snprintf(
		    text, sizeof(text), "the BMC offers weak cipher suites: %s", weak);
		add(list, WARN, "weak-suites", text,
		    "leave only suites 17 and 3 enabled on the BMC");
	}
	if (!best)
		add(list, WARN, "no-suite-17",
		    "the BMC does not offer cipher suite 17, so sessions use SHA-1",
		    "update its firmware, or enable suite 17");
}

/* ---- what it says of itself ---- */

static bool
says(const json_t *learned, const char *what)
{
	return json_is_true(
	    json_object_get(json_object_get(learned, "capabilities"), what));
}

static void
capabilities(json_t *list, const json_t *learned)
{
	const json_t *kg =
	    json_object_get(json_object_get(learned, "capabilities"), "kg_set");

	if (says(learned, "anonymous_login"))
		add(list, FAIL, "anonymous-login",
		    "the BMC has a user without a name and without a password",
		    "disable or delete that user on the BMC");
	if (says(learned, "null_user_names"))
		add(list, WARN, "null-user", "the BMC has a user without a name",
		    "disable or delete that user on the BMC");
	if (json_is_false(kg))
		add(list, WARN, "kg-missing",
		    "the BMC has no key K_g: whoever cracks a password from a recorded "
		    "handshake can open sessions",
		    "set K_g on the BMC, and here for the host; keep BMCs in a network "
		    "of "
		    "their own");
	if (says(learned, "ipmi_1_5"))
		add(list, WARN, "ipmi-1.5",
		    "the BMC takes IPMI 1.5, which encrypts nothing; it is never used "
		    "here",
		    "disable the authentication types of IPMI 1.5 on the BMC");
}

/* ---- how it is configured here ---- */

static void
user(json_t *list, const struct bundle_bmc *bmc)
{
	char text[200];

	for (size_t i = 0; i < ARRAY_SIZE(factory_users); i++) {
		if (!str_eq(bmc->user, factory_users[i].name))
			continue;
		snprintf(text, sizeof(text),
		    "the user \"%s\" is the one that %s has from "
		    "the factory",
		    bmc->user, factory_users[i].whose);
		add(list, WARN, "factory-user", text,
		    "make a user of another name with operator privilege, and disable "
		    "this one");
	}
	if (str_eq(bmc->privilege, "administrator"))
		add(list, INFO, "administrator",
		    "sessions are opened with administrator privilege; power, boot "
		    "flags, "
		    "identify and consoles need operator only",
		    "netboot-ctl host set HOST --bmc-privilege operator");
}

/* Whoever has a factory's name may have its password too. */
static void
other_users(json_t *list, const json_t *learned, const struct bundle_bmc *bmc)
{
	const json_t *u;
	char text[200];
	size_t i;

	json_array_foreach (json_object_get(learned, "users"), i, u) {
		const char *name = json_string_value(json_object_get(u, "name"));

		if (name == NULL || name[0] == '\0' || str_eq(name, bmc->user) ||
		    json_is_false(json_object_get(u, "enabled")))
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(factory_users); k++) {
			if (!str_eq(name, factory_users[k].name))
				continue;
			snprintf(text, sizeof(text),
			    "user %lld is \"%s\", which %s has from the factory, and %s",
			    (long long)json_integer_value(json_object_get(u, "id")), name,
			    factory_users[k].whose,
			    json_is_true(json_object_get(u, "enabled"))
				? "is enabled"
				: "whether it is enabled is not told");
			add(list, WARN, "factory-user", text,
			    "disable it, or set another password");
		}
	}
}

static void
prefixes(json_t *list, const struct bundle_bmc *bmc, bool outside)
{
	if (outside)
		add(list, FAIL, "outside-prefixes",
		    "its address is in none of the site's management prefixes; it was "
		    "not asked, since no credentials are sent there",
		    "correct the address, or add its network: netboot-ctl site set SITE "
		    "--bmc-prefix PREFIX");
	else if (bmc->n_only_in == 0)
		add(list, INFO, "no-prefixes",
		    "credentials may go to any address: the site's management prefixes "
		    "are "
		    "not known, or the host is excepted",
		    "netboot-ctl site set SITE --bmc-prefix PREFIX");
}

static int
compare(const json_t *a)
{
	const char *level = json_string_value(json_object_get(a, "level"));

	for (size_t i = 0; i < ARRAY_SIZE(level_names); i++)
		if (str_eq(level, level_names[i]))
			return (int)i;
	return INFO;
}

json_t *
bmc_audit_findings(const json_t *learned, const struct bundle_bmc *bmc, bool outside)
{
	json_t *all = json_array(), *sorted = json_array(), *item;
	size_t i;

	prefixes(all, bmc, outside);
	if (!outside) {
		suite_none(all, learned);
		suites(all, learned);
	}
	capabilities(all, learned);
	user(all, bmc);
	other_users(all, learned, bmc);
	for (int level = FAIL; level <= INFO; level++)
		json_array_foreach (all, i, item)
			if (compare(item) == level)
				json_array_append(sorted, item);
	json_decref(all);
	return sorted;
}
