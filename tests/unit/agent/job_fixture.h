/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A bundle as the orchestrator would make it, for the tests of the agent's jobs. */
#ifndef TESTS_UNIT_AGENT_JOB_FIXTURE_H
#define TESTS_UNIT_AGENT_JOB_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/bundle.h"
#include "lib/str.h"

static inline void
job_fixture_file(struct bundle_file *f, const char *name, const char *path)
{
	str_clip(f->name, sizeof(f->name), name);
	str_clip(f->path, sizeof(f->path), path);
	memset(f->sha256, 'a', 64);
	f->size = 1000;
}

/* A reinstallation with one initrd that reports everything. free() it. */
static inline struct bundle *
job_fixture_bundle(void)
{
	struct bundle *b = str_alloc(sizeof(*b));

	str_clip(b->job, sizeof(b->job), "01m8186kad100000");
	b->kind = BUNDLE_REINSTALL;
	str_clip(b->host.name, sizeof(b->host.name), "edge01");
	assert_int_equal(addr_mac_parse("52:54:00:77:00:01", &b->host.nics[0].mac), 0);
	assert_int_equal(addr_ip_parse("10.77.0.11", &b->host.nics[0].ip), 0);
	b->host.n_nics = 1;
	str_clip(b->host.labels[0].key, sizeof(b->host.labels[0].key), "role");
	str_clip(b->host.labels[0].value, sizeof(b->host.labels[0].value), "cdn");
	b->host.n_labels = 1;
	str_clip(b->bmc.address, sizeof(b->bmc.address), "192.0.2.1");
	b->bmc.port = 623;
	str_clip(b->bmc.user, sizeof(b->bmc.user), "admin");
	str_clip(b->bmc.password, sizeof(b->bmc.password), "secret17");
	str_clip(b->bmc.privilege, sizeof(b->bmc.privilege), "operator");
	str_clip(b->bmc.boot_method, sizeof(b->bmc.boot_method), "pxe");
	str_clip(b->bmc.boot_verify, sizeof(b->bmc.boot_verify), "full");
	str_clip(b->image.name, sizeof(b->image.name), "debian");
	str_clip(b->image.kind, sizeof(b->image.kind), "reinstall");
	job_fixture_file(&b->image.kernel, "vmlinuz", "d/vmlinuz");
	job_fixture_file(&b->image.initrds[0], "initrd", "d/initrd");
	b->image.n_initrds = 1;
	b->image.reports_up = b->image.reports_installed = true;
	b->image.local_boot = b->image.reports_booted = true;
	return b;
}

#endif
