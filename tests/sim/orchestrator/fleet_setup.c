// SPDX-License-Identifier: GPL-3.0-or-later
/* The orchestrator's inventory of a simulated fleet, and its schedules.
 *
 * Entry points: fleet_setup_inventory() before the orchestrator starts, fleet_setup_schedule() for each rule, as POST /schedules would. Labels
 * are what selectors and caps go by: wave, rack (of a site) and pair (of two sites). A mutant is told something else than the
 * judge is (fleet_oracle.h): a cap that is too large, another zone, a host that is left out. */
#include "tests/sim/orchestrator/fleet_setup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_agent.h"
#include "db/db_host.h"
#include "db/db_image.h"
#include "db/db_site.h"
#include "lib/json.h"
#include "lib/str.h"

#define FLEET_IMAGE "debian"

/* ---- the inventory ---- */

static void
put_label(struct db_host *h, const char *key, const char *prefix, int value)
{
	struct bundle_label *l = &h->host.labels[h->host.n_labels++];

	str_clip(l->key, sizeof(l->key), key);
	assert_int_equal(
	    str_format(l->value, sizeof(l->value), "%s%d", prefix, value), 0);
}

static void
put_host(struct fleet *f, struct store *s, int i)
{
	const struct fleet_host *of = &f->hosts[i];
	struct db_host *h = str_alloc(sizeof(*h));

	str_clip(h->host.name, sizeof(h->host.name), of->name);
	str_clip(h->site, sizeof(h->site), f->sites[of->site].name);
	h->host.n_nics = 1;
	h->host.nics[0].mac = (struct addr_mac){
	    {0x52, 0x54, 0, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};
	h->host.nics[0].boot = true;
	assert_int_equal(str_format(h->bmc.address, sizeof(h->bmc.address), "10.9.%d.%d",
			     i >> 8, i & 255),
	    0);
	h->bmc.port = 623;
	str_clip(h->bmc.privilege, sizeof(h->bmc.privilege), "operator");
	str_clip(h->bmc.boot_method, sizeof(h->bmc.boot_method), "pxe");
	str_clip(h->bmc.boot_verify, sizeof(h->bmc.boot_verify), "full");
	str_clip(h->host.probe, sizeof(h->host.probe), "tcp:22");
	put_label(h, "wave", "w", of->wave);
	put_label(h, "rack", f->sites[of->site].name, of->rack);
	put_label(h, "pair", "p", of->pair);
	assert_int_equal(db_host_put(s, h, FLEET_BEGIN), 0);
	free(h);
}

/* What is installed, with a kernel that is a file of four octets. */
static void
put_image(struct fleet *f, struct store *s)
{
	struct bundle_image *image = str_alloc(sizeof(*image));
	char path[96];
	FILE *file;

	assert_int_equal(str_format(path, sizeof(path), "%s.kernel", f->orch->path), 0);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs("boot", file) >= 0 && fclose(file) == 0);
	str_clip(image->name, sizeof(image->name), FLEET_IMAGE);
	str_clip(image->kind, sizeof(image->kind), "reinstall");
	str_clip(image->kernel.name, sizeof(image->kernel.name), "kernel");
	str_clip(image->kernel.path, sizeof(image->kernel.path), strrchr(path, '/') + 1);
	memset(image->kernel.sha256, 'a', 64);
	image->kernel.size = 4;
	image->reports_installed = image->local_boot = true;
	assert_int_equal(db_image_put(s, image, FLEET_BEGIN), 0);
	free(image);
}

void
fleet_setup_inventory(struct fleet *f, struct store *s, enum fleet_mutant mutant)
{
	struct db_site *site = str_alloc(sizeof(*site));

	assert_int_equal(db_begin(store_db(s)), 0);
	for (size_t i = 0; i < f->n_sites; i++) {
		memset(site, 0, sizeof(*site));
		str_clip(site->site.name, sizeof(site->site.name), f->sites[i].name);
		str_clip(site->site.timezone, sizeof(site->site.timezone),
		    mutant == FLEET_OTHER_ZONE ? "Asia/Tokyo"
					       : fleet_world_zone(f->sites[i].zone));
		str_clip(site->console, sizeof(site->console), "off");
		assert_int_equal(db_site_put(s, site, FLEET_BEGIN), 0);
		assert_int_equal(
		    db_agent_seen(s, f->sites[i].agent, f->sites[i].name, FLEET_BEGIN, 1),
		    0);
	}
	for (size_t i = 0; i < f->n_hosts; i++)
		put_host(f, s, (int)i);
	put_image(f, s);
	assert_int_equal(db_commit(store_db(s)), 0);
	free(site);
}

/* ---- schedules ---- */

json_t *
fleet_setup_policy(const struct fleet_rule *k, enum fleet_mutant mutant)
{
	json_t *v = json_object(), *labels = json_object();
	char batch[16];

	json_put_i64(v, "canary", mutant == FLEET_NO_BATCHES ? 0 : k->canary);
	json_put_i64(
	    v, "max_in_flight", k->in_flight * (mutant == FLEET_FORGETS_TOTAL ? 2 : 1));
	json_put_i64(v, "per_site", k->per_site * (mutant == FLEET_FORGETS_SITE ? 2 : 1));
	if (k->per_rack)
		json_put_i64(
		    labels, "rack", k->per_rack * (mutant == FLEET_FORGETS_RACK ? 2 : 1));
	if (k->per_pair)
		json_put_i64(
		    labels, "pair", k->per_pair * (mutant == FLEET_FORGETS_RACK ? 2 : 1));
	json_put(v, "per_label", labels);
	json_put_i64(v, "max_fail", mutant == FLEET_FORGETS_BUDGET ? 1000 : k->max_fail);
	json_put_i64(v, "soak_s", mutant == FLEET_NO_SOAK ? 0 : k->soak / S);
	if (k->gates) {
		json_put(v, "gates", json_pack("[s, s]", "tcp:22", "icmp"));
		json_put_i64(v, "gate_timeout_s", 120);
	}
	if (k->batch_percent && mutant != FLEET_NO_BATCHES) {
		assert_int_equal(
		    str_format(batch, sizeof(batch), "%u%%", k->batch_percent), 0);
		json_put_str(v, "batch", batch);
	}
	return v;
}

static json_t *
schedule_json(struct fleet *f, const struct fleet_rule *k)
{
	enum fleet_mutant mutant = f->orch->mutant;
	char cron[32], hosts[64];
	json_t *v;

	assert_int_equal(str_format(cron, sizeof(cron), "%d %d * * SUN", k->minute % 60,
			     k->minute / 60 - (mutant == FLEET_OTHER_HOUR)),
	    0);
	assert_int_equal(
	    str_format(hosts, sizeof(hosts), "@wave=w%d%s%s", k->wave,
		mutant == FLEET_LOSES_HOST ? ",-" : "",
		mutant == FLEET_LOSES_HOST ? f->hosts[f->sites[k->wave].first].name : ""),
	    0);
	v = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "name", k->name, "kind",
	    k->wipes ? "reinstall" : "reboot", "hosts", hosts, "reason", k->name, "cron",
	    cron, "tz", "site", "window_s", (json_int_t)(k->window / S), "limit",
	    (json_int_t)10000);
	assert_non_null(v);
	if (k->jitter)
		json_put_i64(v, "jitter_s", k->jitter / S);
	if (k->wipes)
		json_put_str(v, "image", FLEET_IMAGE);
	if (k->younger > 0 && mutant != FLEET_DISTURBS)
		json_put_i64(v, "skip_if_younger_s", k->younger / S);
	json_put_str(v, "missed", k->run_once ? "run-once" : "skip");
	json_put(v, "policy", fleet_setup_policy(k, mutant));
	return v;
}

void
fleet_setup_schedule(struct fleet *f, const struct fleet_rule *k)
{
	struct fleet_orch *o = f->orch;
	struct db_schedule row = {.created_by = "ada", .changed_by = "ada"};
	struct schedule_doc *doc;
	struct error err;
	json_t *v = schedule_json(f, k), *kept;
	int64_t wall = fleet_orch_wall(f);

	if (schedule_doc_parse(v, wall, &doc, &err) < 0)
		fail_msg("%s", err.text);
	kept = schedule_doc_json(doc);
	row.doc = json_text(kept);
	row.created = row.changed = wall;
	str_clip(row.name, sizeof(row.name), k->name);
	assert_int_equal(scheduler_plan(o->scheduler, doc, wall, &row), 0);
	assert_int_equal(db_begin(store_db(o->store)), 0);
	assert_int_equal(db_schedule_add(o->store, &row), 0);
	assert_int_equal(db_commit(store_db(o->store)), 0);
	db_schedule_done(&row);
	schedule_doc_free(doc);
	json_decref(kept);
	json_decref(v);
	fleet_orch_soon(f);
}
