/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands: words, options, help and handler, a row each; by subject in ctl/commands_*.c, and put together here.
 *
 * Entry point: commands_table. Nothing here does anything; ctl/args.c parses by it,
 * ctl/args_help.c prints it, and the shells' completions ask for it through
 * `netboot-ctl __complete`.
 */
#include "ctl/commands.h"

#include "ctl/commands_priv.h"
#include "ctl/import_table.h"
#include "lib/compiler.h"
#include "lib/str.h"

static const struct args_option globals[] = {
    {"server", 0, ARGS_VALUE, "ADDRESS",
	"unix:PATH or https://HOST:PORT, where the orchestrator listens "
	"(NETBOOT_SERVER)"},
    {"token-file", 0, ARGS_VALUE, "FILE",
	"the token for a server by TCP (NETBOOT_TOKEN_FILE)"},
    {"ca-file", 0, ARGS_VALUE, "FILE",
	"trust these certificates, in PEM, and no others (NETBOOT_CA_FILE)"},
    {"output", 'o', ARGS_VALUE, "table|wide|json|ndjson", "how to print results"},
    {"no-headers", 0, ARGS_FLAG, NULL, "leave out the tables' titles"},
    {"quiet", 'q', ARGS_FLAG, NULL, "no progress and remarks, only results and errors"},
    {"help", 'h', ARGS_FLAG, NULL, "explain the command"},
    {"version", 0, ARGS_FLAG, NULL, "print the version"},
};

const struct args_option commands_reason[1] = {
    {"reason", 0, ARGS_TEXT, "TEXT", "why; kept in the history"},
};

const struct args_option commands_policy[COMMANDS_POLICY_N] = {
    {"canary", 0, ARGS_VALUE, "N",
	"first these many hosts alone; when one fails it halts (0)"},
    {"batch", 0, ARGS_VALUE, "N[%]",
	"then so many at a time, a batch when the one before is back and healthy (all)"},
    {"max-in-flight", 0, ARGS_VALUE, "N", "never more than so many at once (5)"},
    {"per-site", 0, ARGS_VALUE, "N", "... of one site (1)"},
    {"per-label", 0, ARGS_LIST, "LABEL=N",
	"... of those whose label has the same value, such as rack=1"},
    {"max-fail", 0, ARGS_VALUE, "N",
	"it halts at the N-th failure: nothing new is begun, what runs is finished (1)"},
    {"gate", 0, ARGS_LIST, "CHECK",
	"before and after each host: tcp:PORT, icmp, http://${ip}/PATH=STATUS, "
	"exec:NAME"},
    {"gate-timeout", 0, ARGS_VALUE, "DURATION", "how long until a check passes (2m)"},
    {"soak", 0, ARGS_VALUE, "DURATION",
	"a host counts as done only after so long, healthy still (0)"},
    {"skip-if-younger", 0, ARGS_VALUE, "DURATION",
	"leave out hosts that booted within that time"},
};

/* Rows of one family follow each other. */
static const char *
family_word(size_t n)
{
	for (size_t i = 0; i < import_table_n; i++) {
		if (i > 0 && str_eq(import_table[i].family, import_table[i - 1].family))
			continue;
		if (n-- == 0)
			return import_table[i].family;
	}
	return NULL;
}

static const struct args_operand operands[] = {{"FAMILY", family_word}};

static const struct args_commands *const parts[] = {
    &commands_inventory,
    &commands_order,
    &commands_rollout,
    &commands_look,
    &commands_admin,
};

const struct args_table commands_table = {
    .program = "netboot-ctl",
    .parts = parts,
    .n_parts = ARRAY_SIZE(parts),
    .globals = GROUP(globals),
    .operands = operands,
    .n_operands = ARRAY_SIZE(operands),
};
