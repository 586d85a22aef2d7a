// SPDX-License-Identifier: GPL-3.0-or-later
/* Caps of orders.
 *
 * Entry points: orders_cap_check() for how many hosts an order names, orders_cap_fits() and orders_cap_room() for how many jobs of its kind are
 * open. A cap is not a limit that whoever orders sets for themselves (--limit): it stands in orchestrator.yaml, or in the
 * token, and says whose it is when it refuses. Ownership: nothing. Failure modes: `over-cap`, and those of the database. */
#include "orchestrator/orders_cap.h"

#include <errno.h>
#include <stdlib.h>

#include "db/db_image.h"
#include "db/db_job.h"
#include "lib/str.h"

#define REINSTALL "reinstall"

const char *
orders_cap_kind(
    struct store *s, enum bundle_kind kind, const char *action, const char *image)
{
	struct db_image *row;
	bool installs;

	if (kind == BUNDLE_POWER)
		return str_eq(action, "on") ? NULL : "power";
	if (kind != BUNDLE_BOOT)
		return bundle_kind_name(kind);
	row = str_alloc(sizeof(*row));
	installs = image[0] && db_image_get(s, image, row) == 0 &&
		   str_eq(row->image.kind, REINSTALL);
	db_image_done(row);
	free(row);
	return installs ? REINSTALL : bundle_kind_name(kind);
}

static uint32_t
cap_of(const struct orders_cap_kinds *c, const char *kind)
{
	const struct {
		const char *kind;
		uint32_t cap;
	} table[] = {
	    {REINSTALL, c->reinstall},
	    {"rescue", c->rescue},
	    {"live", c->live},
	    {"boot", c->boot},
	    {"reboot", c->reboot},
	    {"power", c->power},
	    {"drill", c->drill},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (str_eq(kind, table[i].kind))
			return table[i].cap;
	return 0;
}

int
orders_cap_token(const struct audit_who *who, size_t n, struct error *err)
{
	if (who->max_hosts <= 0 || n <= (size_t)who->max_hosts)
		return 0;
	return error_set(err, -EPERM, "over-cap",
	    "name fewer, or have an admin make a token for more: netboot-ctl token add "
	    "--max-hosts",
	    "%zu hosts match, and %s may order at most %lld at once (max_hosts of the "
	    "token)",
	    n, who->name, (long long)who->max_hosts);
}

int
orders_cap_check(const struct orders_context *ctx, const struct audit_who *who,
    const char *kind, size_t n, struct error *err)
{
	char next[ERROR_NEXT_SIZE];

	if (!kind)
		return 0;
	if (orders_cap_token(who, n, err) < 0)
		return -EPERM;
	uint32_t cap = ctx->caps ? cap_of(&ctx->caps->hosts, kind) : 0;
	if (cap == 0 || n <= cap)
		return 0;
	if (str_format(next, sizeof(next),
		"name fewer; who answers for this server may raise caps.%s in "
		"orchestrator.yaml",
		kind) < 0)
		next[0] = '\0';
	return error_set(err, -EPERM, "over-cap", next,
	    "%zu hosts match, and no order of kind %s may name more than %u (caps.%s of "
	    "orchestrator.yaml)",
	    n, kind, (unsigned)cap, kind);
}

static int
count_open(struct store *s, const char *kind, int64_t *ret)
{
	int64_t boots = 0;
	int rc = db_job_open_of_kind(s, kind, ret);

	if (rc == 0 && str_eq(kind, REINSTALL))
		rc = db_job_open_boots_of(s, kind, &boots);
	*ret += boots;
	return rc;
}

int
orders_cap_room(const struct orders_context *ctx, const char *kind, int64_t *ret)
{
	uint32_t cap = kind && ctx->caps ? cap_of(&ctx->caps->in_flight, kind) : 0;
	int64_t open = 0;

	*ret = INT64_MAX;
	if (cap == 0)
		return 0;
	int rc = count_open(ctx->store, kind, &open);
	if (rc == 0)
		*ret = open < cap ? cap - open : 0;
	return rc;
}

int
orders_cap_fits(
    const struct orders_context *ctx, const char *kind, size_t n, struct error *err)
{
	int64_t room = INT64_MAX;
	int rc = orders_cap_room(ctx, kind, &room);

	if (rc < 0)
		return db_error(store_db(ctx->store), rc, err, "count the open jobs");
	if (n == 0 || (uint64_t)room >= n)
		return 0;
	return error_set(err, -EPERM, "over-cap",
	    "wait for those under way: netboot-ctl job list --state open; or order "
	    "fewer",
	    "%zu jobs of kind %s would be more than may be open at once: there is room "
	    "for "
	    "%lld (caps_in_flight.%s of orchestrator.yaml)",
	    n, kind, (long long)room, kind);
}
