/* SPDX-License-Identifier: GPL-3.0-or-later */
/* discovered list|show|adopt|forget: machines that asked the network and are no host's.
 *
 * `adopt` sends what the options of `host add` say; the server adds what was seen. Ownership: documents are freed here.
 * Failure modes: exit codes of DESIGN section 8.
 */
#include <stdlib.h>
#include <string.h>

#include "ctl/cmd.h"
#include "ctl/cmd_util.h"
#include "ctl/output.h"
#include "lib/json.h"
#include "lib/str.h"

static const struct output_column columns[] = {
    {.title = "MAC", .key = "mac"},
    {.title = "SITE", .key = "site"},
    {.title = "VENDOR", .key = "vendor"},
    {.title = "ARCH", .key = "arch"},
    {.title = "IP", .key = "ip"},
    {.title = "LAST", .key = "last_seen", .kind = OUTPUT_TIME},
    {.title = "FIRST", .key = "first_seen", .kind = OUTPUT_TIME, .wide = true},
    {.title = "SEEN", .key = "seen"},
    {.title = "PORT", .key = "circuit_id"},
    {.title = "RELAY", .key = "relay", .wide = true},
    {.title = "REMOTE", .key = "remote_id", .wide = true},
    {.title = "INTERFACE", .key = "interface", .wide = true},
    {.title = "HOSTNAME", .key = "hostname", .wide = true},
    {.title = "CLASS", .key = "vendor_class", .wide = true},
    {.title = "UUID", .key = "uuid", .wide = true},
    {.title = "DUID", .key = "duid", .wide = true},
    {.title = "NIC OF", .key = "suggest.host"},
};

struct dated {
	int64_t last;
	json_t *row; /* borrowed */
};

static int
newest_first(const void *a, const void *b)
{
	const struct dated *x = a, *y = b;

	return (x->last < y->last) - (x->last > y->last);
}

/* Who was heard last is what one looks for. */
static json_t *
sorted(const json_t *rows)
{
	size_t n = json_array_size(rows);
	struct dated *list = str_alloc((n + 1) * sizeof(*list));
	json_t *ret = json_array();

	for (size_t i = 0; i < n; i++) {
		list[i].row = json_array_get(rows, i);
		list[i].last = output_wall(json_object_get(list[i].row, "last_seen"));
	}
	if (n > 0)
		qsort(list, n, sizeof(*list), newest_first);
	for (size_t i = 0; i < n; i++)
		json_array_append(ret, list[i].row);
	free(list);
	return ret;
}

int
cmd_discovered_list(struct ctl *ctl, const struct args *args)
{
	struct text path = {0};
	json_t *rows = NULL, *list;
	int r;

	text_add(&path, "/api/v1/discovered");
	text_add_query(&path, "site", args_get(args, "site"));
	r = client_list(ctl, text_str(&path), 0, &rows);
	if (r == CTL_OK) {
		list = sorted(rows);
		if (!ctl_is_json(ctl))
			cmd_util_add_zones(ctl, list);
		output_list(ctl, list, columns, ARRAY_SIZE(columns));
		json_decref(list);
	}
	json_decref(rows);
	text_done(&path);
	return r;
}

/* One request about the machine that the first operand names. */
static int
call(const struct ctl *ctl, const struct args *args, const char *action,
    struct client_request *rq, json_t **ret)
{
	char *base = client_path("discovered", args->operands[0], action);
	struct text path = {0};
	int r;

	text_add(&path, base);
	text_add_query(&path, "site", args_get(args, "site"));
	if (str_eq(rq->method, "DELETE"))
		text_add_query(&path, "reason", args_get(args, "reason"));
	rq->path = text_str(&path);
	r = client_call(ctl, rq, ret);
	text_done(&path);
	free(base);
	return r;
}

int
cmd_discovered_show(struct ctl *ctl, const struct args *args)
{
	struct client_request rq = {.method = "GET", .subject = args->operands[0]};
	json_t *found = NULL;
	int r = call(ctl, args, NULL, &rq, &found);

	if (r == CTL_OK)
		output_object(ctl, found);
	json_decref(found);
	return r;
}

int
cmd_discovered_forget(struct ctl *ctl, const struct args *args)
{
	struct client_request rq = {.method = "DELETE", .subject = args->operands[0]};
	int r = call(ctl, args, NULL, &rq, NULL);

	if (r == CTL_OK)
		ctl_say(ctl, "%s: forgotten", args->operands[0]);
	return r;
}

/* Which host: the second operand a new one, --to one that is there. */
static int
adopt_body(const struct args *args, json_t *body, struct error *err)
{
	const char *to = args_get(args, "to");
	json_t *host = json_object();
	int r = 0;

	json_object_set_new(body, "host", host);
	if ((to != NULL) == (args->n_operands == 2))
		return error_set(err, -1, "usage", "netboot-ctl help discovered adopt",
		    "name a new host, or one that is there by --to");
	json_put_str(host, "name", to != NULL ? to : args->operands[1]);
	json_put_str(body, "reason", args_get(args, "reason"));
	if (to == NULL)
		return cmd_host_body(args, NULL, host, err);
	json_put_bool(body, "to", true);
	/* The server refuses what does not belong there, and so it is asked with it; --site says where it was seen. */
	r = cmd_host_body(args, NULL, host, err);
	json_object_del(host, "site");
	return r;
}

int
cmd_discovered_adopt(struct ctl *ctl, const struct args *args)
{
	json_t *body = json_object(), *made = NULL;
	char key[32];
	struct error err;
	struct client_request rq = {.method = "POST",
	    .body = body,
	    .subject = args->operands[args->n_operands - 1],
	    .idempotency_key = key};
	int r;

	client_make_key(key, sizeof(key));
	if (adopt_body(args, body, &err) < 0)
		r = ctl_fail(ctl, CTL_USAGE, args->operands[0], &err);
	else
		r = call(ctl, args, "adopt", &rq, &made);
	if (r == CTL_OK && ctl_is_json(ctl))
		output_json(ctl, made);
	else if (r == CTL_OK && args_has(args, "to"))
		ctl_say(
		    ctl, "%s: has the NIC %s", args_get(args, "to"), args->operands[0]);
	else if (r == CTL_OK)
		ctl_say(ctl, "%s: added", args->operands[1]);
	json_decref(made);
	json_decref(body);
	return r;
}
