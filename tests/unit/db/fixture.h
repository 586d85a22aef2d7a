/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A store in memory, and rows to put into it. */
#ifndef TESTS_UNIT_DB_FIXTURE_H
#define TESTS_UNIT_DB_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "db/db_host.h"
#include "db/db_image.h"
#include "db/db_job.h"
#include "db/db_site.h"
#include "db/store.h"
#include "lib/str.h"

#define FIXTURE_NOW 1769851800000000LL

static inline int
fixture_open(void **state)
{
	struct error err = {.code = ""};
	struct store *s = NULL;

	if (store_open(":memory:", FIXTURE_NOW, &s, &err) < 0)
		fail_msg("%s", err.text);
	*state = s;
	return 0;
}

static inline int
fixture_close(void **state)
{
	store_close(*state);
	return 0;
}

#define FIXTURE_TEST(f) cmocka_unit_test_setup_teardown(f, fixture_open, fixture_close)

static inline void
fixture_begin(struct store *s)
{
	assert_int_equal(db_begin(store_db(s)), 0);
}

static inline void
fixture_commit(struct store *s)
{
	assert_int_equal(db_commit(store_db(s)), 0);
}

static inline void
fixture_site(struct store *s, const char *name)
{
	struct db_site site = {
	    .site = {.timezone = "Africa/Lagos", .idle = BUNDLE_IDLE_MENU}};

	str_clip(site.site.name, sizeof(site.site.name), name);
	fixture_begin(s);
	assert_int_equal(db_site_put(s, &site, FIXTURE_NOW), 0);
	fixture_commit(s);
}

static inline struct db_host *
fixture_make_host(const char *name, const char *site, uint8_t n)
{
	struct db_host *h = str_alloc(sizeof(*h));

	str_clip(h->host.name, sizeof(h->host.name), name);
	str_clip(h->site, sizeof(h->site), site);
	h->host.n_nics = 1;
	h->host.nics[0].mac = (struct addr_mac){{0x52, 0x54, 0, 0x77, 0, n}};
	h->host.nics[0].ip = addr_ip_make_v4(0x0a4d0000U + n);
	str_clip(h->bmc.address, sizeof(h->bmc.address), "10.9.0.1");
	h->bmc.port = (uint16_t)(600 + n);
	str_clip(h->bmc.privilege, sizeof(h->bmc.privilege), "operator");
	str_clip(h->bmc.boot_method, sizeof(h->bmc.boot_method), "pxe");
	str_clip(h->bmc.boot_verify, sizeof(h->bmc.boot_verify), "full");
	str_clip(h->bmc.console, sizeof(h->bmc.console), "job");
	return h;
}

/* Puts and frees it; returns what the put said. */
static inline int
fixture_put_host(struct store *s, struct db_host *h)
{
	fixture_begin(s);
	int rc = db_host_put(s, h, FIXTURE_NOW);
	if (rc == 0)
		fixture_commit(s);
	else
		db_rollback(store_db(s));
	free(h);
	return rc;
}

static inline struct db_job
fixture_make_job(const char *id, const char *host)
{
	struct db_job job = {.kind = "reinstall",
	    .site = "los",
	    .image = "debian",
	    .reason = "INC-1",
	    .by = "root",
	    .created = FIXTURE_NOW,
	    .stage = "queued"};

	str_clip(job.id, sizeof(job.id), id);
	str_clip(job.host, sizeof(job.host), host);
	return job;
}

#endif
