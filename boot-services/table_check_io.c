/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the table names and this machine lacks, told once when it begins and once when it is over.
 *
 * table_check_io_open() looks at once, then every LOOK_S seconds, and SOON_MS after each change of the table, so that
 * a site's worth of changes is looked at once. A look that takes long, for the table is large or a disk slow, holds up
 * everything else, so that the next one comes the later: it takes one part in SHARE of the time at most. What is
 * found is one set of problems; when it differs from the last one, each is logged and the whole set goes out as one
 * event `bootd.check`, whose `problems` doctor shows until an event without any. Nothing is refused: other subnets
 * and loaders are served all the same.
 *
 * Addresses come from SIOCGIFCONF and /proc/net/if_inet6: the sandbox has no netlink. Loaders are opened as they
 * would be for a client. Failure modes: what cannot be looked at now is not told of, and looked at again later. */
#include "boot-services/table_check_io.h"

#include <errno.h>
#include <event2/event.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "boot-services/fileroot.h"
#include "boot-services/table_check.h"
#include "lib/arch.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"

enum {
	LOOK_S = 10,
	SOON_MS = 500,
	SHARE = 20,
	IFREQS_MAX = 256,
	/* More of either is a table gone wrong: the first ones show it. */
	PROBLEMS_MAX = 16,
	FILES_MAX = 64,
};

struct table_check_io {
	const struct bootd_deps *deps;
	struct event *timer;
	bool soon;
	int64_t took; /* the last look, in microseconds */
	json_t *last; /* the problems that were told of; owned */
};

/* One look. */
struct look {
	const struct bootd_deps *deps;
	json_t *problems;
	const char *files[FILES_MAX]; /* loaders looked at; borrowed from the table */
	size_t n_files;
};

static void
add_problem(void *arg, const struct error *err)
{
	struct look *l = arg;

	if (json_array_size(l->problems) < PROBLEMS_MAX)
		json_array_append_new(
		    l->problems, json_pack("{s:s, s:s, s:s}", "code", err->code, "text",
				     err->text, "next", err->next));
}

static void
take_ipv4(struct table_check_iface *ifaces, size_t n)
{
	struct ifreq reqs[IFREQS_MAX] = {0};
	struct ifconf conf = {.ifc_len = sizeof(reqs), .ifc_req = reqs};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCGIFCONF, &conf) < 0)
		conf.ifc_len = 0;
	for (size_t i = 0; i < (size_t)conf.ifc_len / sizeof(reqs[0]); i++) {
		/* Labels of further addresses: "eth0:1". */
		size_t len = strcspn(reqs[i].ifr_name, ":");

		for (size_t k = 0; k < n; k++)
			if (strlen(ifaces[k].name) == len &&
			    memcmp(ifaces[k].name, reqs[i].ifr_name, len) == 0 &&
			    ifaces[k].n_addrs < TABLE_CHECK_ADDRS_MAX)
				ifaces[k].addrs[ifaces[k].n_addrs++] =
				    addr_ip_from_sockaddr(&reqs[i].ifr_addr);
	}
	if (fd >= 0)
		close(fd);
}

/* Without the file there is no IPv6 here. */
static void
take_ipv6(struct table_check_iface *ifaces, size_t n)
{
	FILE *f = fopen("/proc/net/if_inet6", "re");
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		(void)table_check_take_inet6(line, ifaces, n);
	if (f)
		fclose(f);
}

static void
check_subnets(struct look *l)
{
	const struct bootd_config *cfg = l->deps->cfg;
	struct table_check_iface *ifaces;

	if (cfg->n_ifaces == 0)
		return;
	ifaces = str_alloc(cfg->n_ifaces * sizeof(*ifaces));
	for (size_t i = 0; i < cfg->n_ifaces; i++)
		ifaces[i].name = cfg->ifaces[i];
	take_ipv4(ifaces, cfg->n_ifaces);
	take_ipv6(ifaces, cfg->n_ifaces);
	table_check_subnets(hosttab_site(*l->deps->table), ifaces, cfg->n_ifaces,
	    cfg->dhcp4, cfg->dhcp6 || cfg->ra, add_problem, l);
	if (cfg->ra && !cfg->dhcp6)
		table_check_managed(
		    hosttab_site(*l->deps->table), ifaces, cfg->n_ifaces, add_problem, l);
	free(ifaces);
}

static bool
seen(const struct look *l, const char *file)
{
	for (size_t i = 0; i < l->n_files; i++)
		if (str_eq(l->files[i], file))
			return true;
	return false;
}

/* `whose` is "site" or "host". */
static void
check_loader(struct look *l, const char *whose, const char *name,
    const struct bundle_loader *loader)
{
	struct fileroot_file file;
	char arch[ARCH_NAME_SIZE];
	struct error err;
	int r;

	if (l->n_files == FILES_MAX || seen(l, loader->file))
		return;
	l->files[l->n_files++] = loader->file;
	r = fileroot_open(l->deps->loaders_fd, loader->file, &file);
	if (r == 0)
		close(file.fd);
	if (r == 0 || fileroot_is_trouble(r))
		return;
	error_set(&err, r, "loader-missing",
	    "put the file there, or change the loaders (netboot-ctl site set, host set)",
	    "loader of %s %s for %s: %s/%s: %s", whose, name,
	    arch_name(loader->arch, arch, sizeof(arch)), l->deps->cfg->loaders_root,
	    loader->file, fileroot_why(r));
	add_problem(l, &err);
}

static void
check_host(void *arg, const struct hosttab_host *h)
{
	for (size_t i = 0; i < h->n_loaders; i++)
		check_loader(arg, "host", h->name, &h->loaders[i]);
}

static void
check_loaders(struct look *l)
{
	const struct bundle_site *site = hosttab_site(*l->deps->table);

	if (l->deps->loaders_fd < 0)
		return;
	for (size_t i = 0; i < site->n_loaders; i++)
		check_loader(l, "site", site->name, &site->loaders[i]);
	hosttab_each(*l->deps->table, check_host, l);
}

static void
tell(struct table_check_io *io, const json_t *problems)
{
	struct event ev = event_make("bootd.check", clock_wall());
	size_t i, n = json_array_size(problems);
	json_t *p;

	json_array_foreach (problems, i, p)
		log_warn(io->deps->log, "%s: %s",
		    json_string_value(json_object_get(p, "text")),
		    json_string_value(json_object_get(p, "next")));
	if (n == 0) {
		log_info(io->deps->log, "the table fits this machine again");
		str_clip(ev.reason, sizeof(ev.reason), "the table fits this machine");
	} else {
		str_clip(ev.reason, sizeof(ev.reason),
		    json_string_value(
			json_object_get(json_array_get(problems, 0), "text")));
	}
	event_put_i64(&ev, "count", (int64_t)n);
	json_object_set_new(ev.detail, "problems", json_deep_copy(problems));
	evsink_emit(io->deps->events, &ev);
}

static void
look(struct table_check_io *io)
{
	struct look l = {.deps = io->deps, .problems = json_array()};
	int64_t began = clock_mono();

	check_subnets(&l);
	check_loaders(&l);
	if (!json_equal(l.problems, io->last)) {
		tell(io, l.problems);
		json_decref(io->last);
		io->last = json_incref(l.problems);
	}
	json_decref(l.problems);
	io->took = clock_mono() - began;
}

static void
arm(struct table_check_io *io)
{
	int64_t wait = io->soon ? SOON_MS * 1000 : LOOK_S * USEC_PER_SEC;
	struct timeval tv;

	if (wait < SHARE * io->took)
		wait = SHARE * io->took;
	tv = (struct timeval){wait / USEC_PER_SEC, wait % USEC_PER_SEC};
	if (event_add(io->timer, &tv) < 0)
		abort();
}

static void
on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct table_check_io *io = arg;

	io->soon = false;
	look(io);
	arm(io);
}

struct table_check_io *
table_check_io_open(const struct bootd_deps *deps)
{
	struct table_check_io *io = str_alloc(sizeof(*io));

	io->deps = deps;
	io->last = json_array();
	io->timer = event_new(deps->base, -1, 0, on_timer, io);
	if (!io->timer)
		abort();
	look(io);
	arm(io);
	return io;
}

void
table_check_io_on_table_change(struct table_check_io *io)
{
	if (io->soon)
		return;
	io->soon = true;
	arm(io);
}

void
table_check_io_close(struct table_check_io *io)
{
	if (!io)
		return;
	event_free(io->timer);
	json_decref(io->last);
	free(io);
}
