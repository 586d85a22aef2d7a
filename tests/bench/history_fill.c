/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A database as an orchestrator would have it after a year: sites, hosts, jobs, and the events of their boots, which go the way
 * that agents' reports go (record_take()). For history.sh.
 *
 *	history_fill DATABASE HOSTS EVENTS
 *
 * Hosts are reinstalled and rebooted in turn, evenly over the year before now, one boot in fifty fails, and fifty jobs are under way
 * at the end. Prints what it made as JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "db/db_agent.h"
#include "db/db_event.h"
#include "db/db_host.h"
#include "db/db_image.h"
#include "db/db_job.h"
#include "db/db_site.h"
#include "db/store.h"
#include "lib/clock.h"
#include "lib/rng.h"
#include "lib/stage.h"
#include "lib/str.h"
#include "orchestrator/record.h"

#define YEAR_US (365LL * 24 * 3600 * USEC_PER_SEC)
enum { SITES = 20, REPORT = 1000, OPEN_JOBS = 50, FAIL_EVERY = 50, EVENTS_A_BOOT = 51 };

struct site {
	char name[64];
	char agent[ID_SIZE];
	struct agent_msg_report report;
	int64_t next; /* number of the report's first event */
};

struct fill {
	struct store *s;
	struct rng rng;
	int hosts;
	struct site sites[SITES];
	int64_t events, boots, jobs;
	/* The boot that is being told. */
	struct site *site;
	char host[64], mac[ADDR_MAC_TEXT], ip[ADDR_IP_TEXT], job[ID_SIZE], boot[ID_SIZE];
	int64_t at;
};

static void
must(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-rc));
	exit(1);
}

static void
send_report(struct fill *f, struct site *site)
{
	struct record_gap gap = {0};
	const struct record_ops ops = {.arg = NULL};
	int64_t held = 0;

	if (site->report.n_events == 0)
		return;
	str_clip(site->report.site, sizeof(site->report.site), site->name);
	str_clip(site->report.agent, sizeof(site->report.agent), site->agent);
	site->report.first = site->next;
	must(db_begin(store_db(f->s)), "begin");
	must(record_take(f->s, &site->report, &gap, (struct record_clock){f->at, f->at},
		 &ops, &held),
	    "record");
	must(db_commit(store_db(f->s)), "commit");
	site->next += (int64_t)site->report.n_events;
	for (size_t i = 0; i < site->report.n_events; i++)
		event_done(&site->report.events[i]);
	site->report.n_events = 0;
}

static struct event *
tell(struct fill *f, const char *kind, int64_t after_us)
{
	if (f->site->report.n_events == REPORT)
		send_report(f, f->site);
	struct event *ev = &f->site->report.events[f->site->report.n_events++];

	f->at += after_us;
	*ev = event_make(kind, f->at);
	str_clip(ev->site, sizeof(ev->site), f->site->name);
	str_clip(ev->host, sizeof(ev->host), f->host);
	str_clip(ev->job, sizeof(ev->job), f->job);
	str_clip(ev->boot, sizeof(ev->boot), f->boot);
	f->events++;
	return ev;
}

static struct event *
heard(struct fill *f, const char *kind, const char *class)
{
	struct event *ev = tell(f, kind, 20 * USEC_PER_MSEC);

	str_clip(ev->mac, sizeof(ev->mac), f->mac);
	str_clip(ev->ip, sizeof(ev->ip), f->ip);
	str_clip(ev->arch, sizeof(ev->arch), "x64-uefi");
	event_put(ev, "class", class);
	event_put(ev, "interface", "eth0");
	return ev;
}

static void
dhcp(struct fill *f, const char *class)
{
	static const char *const kinds[] = {
	    "dhcp4.discover", "dhcp4.offer", "dhcp4.request", "dhcp4.ack"};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct event *ev = heard(f, kinds[i], class);
		event_put(ev, "xid", "0a1b2c3d");
		event_put(ev, "vendor_class", "PXEClient:Arch:00007:UNDI:003016");
		event_put(ev, "uuid", "4c4c4544-0042-3510-8044-b3c04f503532");
	}
}

static void
transfer(
    struct fill *f, const char *source, const char *class, const char *file, int64_t size)
{
	static const char *const what[] = {"begin", "progress", "end"};
	char kind[EVENT_KIND_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(what); i++) {
		if (i == 1 && size < 1000 * 1000)
			continue;
		must(str_format(kind, sizeof(kind), "%s.%s", source, what[i]), "kind");
		struct event *ev = heard(f, kind, class);
		str_clip(ev->file, sizeof(ev->file), file);
		ev->bytes = i == 0 ? 0 : i == 1 ? size / 2 : size;
		ev->total = size;
		if (i == 2)
			event_put(ev, "result", "complete");
		event_put_i64(ev, "took_us", size / 100);
	}
}

static void
stage(struct fill *f, enum stage which, int64_t us, const char *evidence)
{
	struct event *ev = tell(f, "job.stage", 1000);

	event_put(ev, "stage", stage_name(which));
	event_put(ev, "state", "entered");
	event_put_i64(ev, "attempt", 1);
	event_put_i64(ev, "deadline_us", us * 4);
	ev = tell(f, "job.stage", us / 2 + (int64_t)rng_below(&f->rng, (uint64_t)us));
	event_put(ev, "stage", stage_name(which));
	event_put(ev, "state", "confirmed");
	event_put_i64(ev, "attempt", 1);
	event_put(ev, "evidence", evidence);
}

struct order {
	int host;
	int64_t at;
	char job[ID_SIZE], boot[ID_SIZE];
};

/* Whose boot is told from now on. */
static void
turn_to(struct fill *f, const struct order *o)
{
	int host = o->host;

	f->site = &f->sites[host % SITES];
	f->at = o->at;
	must(str_format(f->host, sizeof(f->host), "edge%05d.example", host), "name");
	must(str_format(f->mac, sizeof(f->mac), "3c:ec:ef:%02x:%02x:%02x", host >> 16,
		 host >> 8 & 255, host & 255),
	    "mac");
	must(str_format(f->ip, sizeof(f->ip), "10.%d.%d.%d", host % SITES,
		 host / SITES >> 8, host / SITES & 255),
	    "ip");
	str_clip(f->job, sizeof(f->job), o->job);
	str_clip(f->boot, sizeof(f->boot), o->boot);
}

static void
place(struct fill *f, struct order *o)
{
	struct db_job job = {.kind = "reinstall",
	    .image = "debian",
	    .reason = "INC-123 yearly",
	    .by = "root",
	    .created = o->at,
	    .stage = "queued"};

	id_make(o->at, &f->rng, o->job);
	id_make(o->at + USEC_PER_SEC, &f->rng, o->boot);
	turn_to(f, o);
	str_clip(job.id, sizeof(job.id), f->job);
	str_clip(job.host, sizeof(job.host), f->host);
	str_clip(job.site, sizeof(job.site), f->site->name);
	must(db_job_add(f->s, &job, "{\"v\":1}"), "job");
	must(db_job_sent(f->s, job.id, o->at), "sent");
	f->jobs++;
}

/* As a reinstall goes, to the end or, `until` given, to where it is now. */
static void
boot_once(struct fill *f, bool fails, bool open)
{
	struct event *ev;

	tell(f, "job.accepted", USEC_PER_SEC);
	event_put_i64(tell(f, "job.attempt", 1000), "attempt", 1);
	stage(f, STAGE_PREFLIGHT, USEC_PER_SEC, "files and BMC are there");
	stage(f, STAGE_ARMED, USEC_PER_SEC / 10, "bootd has the table");
	ev = tell(f, "boot.begin", 1000);
	ev->detail = json_pack(
	    "{s:b, s:i, s:s}", "planned", 1, "attempt", 1, "trigger", "reinstall");
	f->boots++;
	stage(f, STAGE_OVERRIDE, 2 * USEC_PER_SEC, "flags read back equal");
	stage(f, STAGE_POWER, 10 * USEC_PER_SEC, "seen off, then on");
	event_put(tell(f, "power.state", 1000), "power", "on");
	dhcp(f, "pxe");
	stage(f, STAGE_FIRMWARE_DHCP, 90 * USEC_PER_SEC, "PXEClient, x64-uefi");
	transfer(f, "tftp", "loader", "snponly.efi", 200 * 1000);
	stage(f, STAGE_LOADER, 2 * USEC_PER_SEC, "last block acknowledged");
	if (open)
		return;
	dhcp(f, "ipxe");
	stage(f, STAGE_IPXE_DHCP, 3 * USEC_PER_SEC, "iPXE");
	transfer(f, "http", "script", "script.ipxe", 900);
	stage(f, STAGE_SCRIPT, USEC_PER_SEC, "script delivered");
	transfer(f, "http", "kernel", "b/vmlinuz", 8 * 1000 * 1000);
	stage(f, STAGE_KERNEL, 2 * USEC_PER_SEC, "delivered");
	transfer(f, "http", "initrd", "b/initrd", 40 * 1000 * 1000);
	stage(f, STAGE_INITRD, 5 * USEC_PER_SEC, "delivered, ticket used");
	if (!fails) {
		stage(f, STAGE_OS_UP, 60 * USEC_PER_SEC, "report up");
		stage(f, STAGE_INSTALLED, 600 * USEC_PER_SEC, "report installed");
		stage(f, STAGE_LOCAL_BOOT, 120 * USEC_PER_SEC, "tcp:22");
	}
	ev = tell(f, "boot.end", 1000);
	event_put(ev, "outcome", fails ? "failed" : "ok");
	event_put(ev, "text", fails ? "os-silent" : "");
	ev = tell(f, fails ? "job.failed" : "job.done", 1000);
	if (fails) {
		event_put(ev, "code", "os-silent");
		event_put(ev, "text", "nothing was heard of the installer");
		event_put(ev, "next", "netboot-ctl console HOST --replay newest");
	}
}

static void
add_site(struct fill *f, int n)
{
	struct db_site *site = str_alloc(sizeof(*site));
	struct site *mine = &f->sites[n];

	must(str_format(mine->name, sizeof(mine->name), "site%02d", n), "site");
	id_make(clock_wall(), &f->rng, mine->agent);
	mine->next = 1;
	mine->report.events = str_alloc(REPORT * sizeof(struct event));
	str_clip(site->site.name, sizeof(site->site.name), mine->name);
	str_clip(site->site.timezone, sizeof(site->site.timezone), "UTC");
	must(db_site_put(f->s, site, clock_wall()), "site");
	must(db_agent_seen(f->s, mine->agent, mine->name, clock_wall(), 0), "agent");
	free(site);
}

static void
add_host(struct fill *f, int n)
{
	struct db_host *h = str_alloc(sizeof(*h));
	struct bundle_bmc *bmc = &h->bmc;

	must(str_format(h->host.name, sizeof(h->host.name), "edge%05d.example", n),
	    "name");
	str_clip(h->site, sizeof(h->site), f->sites[n % SITES].name);
	h->host.n_nics = 1;
	h->host.nics[0].mac = (struct addr_mac){
	    {0x3c, 0xec, 0xef, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}};
	must(str_format(bmc->address, sizeof(bmc->address), "10.200.%d.%d",
		 n / SITES >> 8, n / SITES & 255),
	    "bmc");
	bmc->port = 623;
	str_clip(bmc->privilege, sizeof(bmc->privilege), "operator");
	str_clip(bmc->boot_method, sizeof(bmc->boot_method), "pxe");
	str_clip(bmc->boot_verify, sizeof(bmc->boot_verify), "full");
	must(db_host_put(f->s, h, clock_wall()), "host");
	free(h);
}

static void
fill_inventory(struct fill *f)
{
	must(db_begin(store_db(f->s)), "begin");
	for (int i = 0; i < SITES; i++)
		add_site(f, i);
	for (int i = 0; i < f->hosts; i++)
		add_host(f, i);
	must(db_commit(store_db(f->s)), "commit");
}

static void
flush(struct fill *f)
{
	for (int i = 0; i < SITES; i++)
		send_report(f, &f->sites[i]);
}

/* Orders of a year, all of them in one transaction. */
static struct order *
place_all(struct fill *f, int64_t n, int64_t now)
{
	struct order *orders = str_alloc((size_t)n * sizeof(*orders));

	must(db_begin(store_db(f->s)), "begin");
	for (int64_t i = 0; i < n; i++) {
		orders[i].host = (int)(i % (f->hosts - OPEN_JOBS));
		orders[i].at = now - (YEAR_US - YEAR_US / n * i) - 3600 * USEC_PER_SEC;
		/* A host has one open job: an order is placed when the one before has ended. */
		if (i < f->hosts - OPEN_JOBS)
			place(f, &orders[i]);
	}
	must(db_commit(store_db(f->s)), "commit");
	return orders;
}

static void
tell_stranger(struct fill *f, int64_t n)
{
	struct addr_mac unknown = {{0x52, 0x54, 0, 0x99, 0, (uint8_t)n}};
	struct event *ev = heard(f, "dhcp4.ignored", "pxe");

	ev->host[0] = ev->job[0] = ev->boot[0] = '\0';
	addr_mac_text(&unknown, ev->mac, sizeof(ev->mac));
}

static void
fill_history(struct fill *f, int64_t events)
{
	int64_t now = clock_wall(), n = events / EVENTS_A_BOOT + 1;
	int64_t round = f->hosts - OPEN_JOBS;
	struct order *orders = place_all(f, n, now);

	for (int64_t i = 0; i < n; i++) {
		if (i >= round && i % round == 0) {
			flush(f);
			must(db_begin(store_db(f->s)), "begin");
			for (int64_t j = i; j < i + round && j < n; j++)
				place(f, &orders[j]);
			must(db_commit(store_db(f->s)), "commit");
		}
		turn_to(f, &orders[i]);
		boot_once(f, i % FAIL_EVERY == 7, false);
		if (i % 100 == 0)
			tell_stranger(f, i / 100);
	}
	for (int i = 0; i < OPEN_JOBS; i++) {
		struct order o = {f->hosts - 1 - i, now - i * USEC_PER_SEC, "", ""};
		place(f, &o);
		boot_once(f, false, true);
	}
	flush(f);
	free(orders);
}

static long long
size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (long long)st.st_size : 0;
}

int
main(int argc, char **argv)
{
	struct fill *f = str_alloc(sizeof(*f));
	struct error err = {.code = ""};
	int64_t hosts, events;

	if (argc != 4 || str_to_i64(argv[2], OPEN_JOBS, 1000000, &hosts) < 0 ||
	    str_to_i64(argv[3], 1, 1000000000, &events) < 0) {
		fprintf(stderr, "usage: history_fill DATABASE HOSTS EVENTS\n");
		return 1;
	}
	f->rng = rng_seeded(1);
	f->hosts = (int)hosts;
	if (store_open(argv[1], clock_wall(), &f->s, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	fill_inventory(f);
	store_close(f->s); /* what was written is in the file then, and not beside it */
	must(store_open(argv[1], clock_wall(), &f->s, &err), "open");
	long long before = size_of(argv[1]);
	int64_t began = clock_mono();
	fill_history(f, events);
	int64_t took = clock_mono() - began;
	store_close(f->s);
	printf(
	    "{\"hosts\":%d,\"events\":%lld,\"boots\":%lld,\"jobs\":%lld,\"fill_s\":%.1f,"
	    "\"inventory_octets\":%lld,\"octets\":%lld}\n",
	    f->hosts, (long long)f->events, (long long)f->boots, (long long)f->jobs,
	    (double)took / USEC_PER_SEC, before, size_of(argv[1]));
	for (int i = 0; i < SITES; i++)
		free(f->sites[i].report.events);
	free(f);
	return 0;
}
