/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands about who may ask and who is told: agents, tokens, webhooks; and the check of the whole.
 *
 * Entry point: commands_admin; as ctl/commands.c says, nothing here does anything.
 */
#include "ctl/commands_priv.h"

#include "ctl/cmd.h"
#include "lib/compiler.h"

static const struct args_option enroll_options[] = {
    {"expires", 0, ARGS_VALUE, "DURATION", "how long the secret is good (24h)"},
};

static const struct args_option revoke_options[] = {
    {"serial", 0, ARGS_VALUE, "SERIAL", "only this certificate (else all of the site)"},
};

static const struct args_option token_options[] = {
    {"role", 0, ARGS_VALUE, "viewer|operator|admin", "what it may do"},
    {"expires", 0, ARGS_VALUE, "DURATION",
	"it ends by itself after that, or `never` (90d)"},
    {"max-hosts", 0, ARGS_VALUE, "N",
	"one order by it names at most so many hosts, whatever --limit says"},
};

static const struct args_command rows[] = {
    {"agent", "list", "", 0, 0, {{0}}, cmd_status_agents, "List the sites' agents", NULL},
    {"agent", "show", "SITE", 1, 1, {{0}}, cmd_agent_show,
	"Show a site's agent, its certificates and secrets", NULL},
    {"agent", "enroll", "SITE", 1, 1, {GROUP(enroll_options), GROUP(commands_reason)},
	cmd_agent_enroll, "Make the secret by which a site's agent joins, and print it",
	"It works once, and is kept nowhere: give it to `netboot-agent enroll URL` at "
	"the\nsite, in a file of mode 0600 or on standard input."},
    {"agent", "revoke", "SITE", 1, 1, {GROUP(revoke_options), GROUP(commands_reason)},
	cmd_agent_revoke, "Shut a site's agent out at once",
	"Its certificates, its connections, and secrets that were not used. It goes on "
	"with\nthe jobs that it has, and joins again with a new secret."},
    {"token", "add", "NAME", 1, 1, {GROUP(token_options), GROUP(commands_reason)},
	cmd_token_add, "Make a token for the page or for a program, and print it",
	"It is printed once and kept nowhere: put it into a file of mode 0600, for\n"
	"--token-file, or into the page's login."},
    {"token", "list", "", 0, 0, {{0}}, cmd_token_list, "List the tokens", NULL},
    {"token", "rm", "TOKEN", 1, 1, {GROUP(commands_reason)}, cmd_token_rm,
	"Revoke a token: what it does ends at once", NULL},
    {"webhook", "list", "", 0, 0, {{0}}, cmd_webhook_list,
	"List the webhooks and how their deliveries go", NULL},
    {"webhook", "test", "WEBHOOK", 1, 1, {GROUP(commands_reason)}, cmd_webhook_test,
	"Send a webhook's receiver one message now",
	"It is signed and formed like all others, is not queued, and is sent once. Ends "
	"with\n2 when its receiver does not take it."},
    {"doctor", NULL, "", 0, 0, {{0}}, cmd_status_doctor, "Check the whole installation",
	"Ends with 2 when a check failed."},
};

const struct args_commands commands_admin = {rows, ARRAY_SIZE(rows)};
