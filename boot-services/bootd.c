/* SPDX-License-Identifier: GPL-3.0-or-later */
/* netboot-bootd from start to shutdown.
 *
 * bootd_run() opens the event loop. Alone, the configuration is a file and start() runs
 * at once; under an agent it runs when the first frame has brought the configuration.
 * start() goes through the steps below in order, each of which may refuse with a reason
 * for people: as root it opens directories, files and sockets; then it gives up its
 * privileges; only then does it read a first packet.
 *
 * A refusal goes to stderr and, as `fatal`, to the agent; the exit status is then 1.
 * SIGTERM and SIGINT end the loop and everything is closed in reverse order. When the
 * agent's end of the socket closes the loop is left at once: without an agent no ticket
 * may be served.
 *
 * Ownership: struct bootd owns all; services borrow from it through struct bootd_deps. */
#include "boot-services/bootd.h"

#include <errno.h>
#include <event2/event.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "boot-services/agent_link.h"
#include "boot-services/bootd_config.h"
#include "boot-services/bootd_deps.h"
#include "boot-services/bootd_dirs.h"
#include "boot-services/dhcp4_io.h"
#include "boot-services/dhcp6_io.h"
#include "boot-services/evsink_file.h"
#include "boot-services/evsink_io.h"
#include "boot-services/http_io.h"
#include "boot-services/ifwatch_io.h"
#include "boot-services/privs.h"
#include "boot-services/ra_io.h"
#include "boot-services/standalone.h"
#include "boot-services/table_check_io.h"
#include "boot-services/tftp_io.h"
#include "lib/clock.h"
#include "lib/str.h"
#include "lib/workq.h"

/* Freed on the loop in a few milliseconds. */
enum { SMALL_TABLE = 1000 };

struct bootd {
	const struct bootd_options *opt;
	const struct log *log;
	struct event_base *base;
	struct event *on_term, *on_int, *on_wake;
	struct bootd_config cfg;
	bool configured; /* cfg is valid */
	struct privs_user user;
	struct rng rng;
	struct hosttab *table;
	struct evsink_io *lines;
	struct evsink_file *event_log;
	struct evsink *events;
	struct agent_link *link;
	struct standalone *alone;
	struct bootd_deps deps;
	struct ifwatch_io *ifwatch;
	struct dhcp4_io *dhcp4;
	struct dhcp6_io *dhcp6;
	struct ra_io *ra;
	struct tftp_io *tftp;
	struct http_io *http;
	struct table_check_io *check;
	struct workq *worker; /* or NULL */
	int status;
};

static int
check_interfaces(struct bootd *b, struct error *err)
{
	for (size_t i = 0; i < b->cfg.n_ifaces; i++)
		if (if_nametoindex(b->cfg.ifaces[i]) == 0)
			return error_set(err, -ENODEV, "interface-missing",
			    "correct 'interfaces' (ip -br link shows what there is)",
			    "there is no network interface '%s'", b->cfg.ifaces[i]);
	return 0;
}

static int
open_dirs(struct bootd *b, struct error *err)
{
	int r = bootd_dirs_open(&b->cfg, &b->user, &b->deps, err);

	if (r == 0)
		bootd_dirs_drop_missing_loaders(&b->cfg, b->deps.loaders_fd, b->log);
	return r;
}

static bool
event_to_agent(void *arg, const struct event *ev)
{
	struct bootd *b = arg;

	return agent_link_event(b->link, ev);
}

static int
open_events(struct bootd *b, struct error *err)
{
	struct evsink_outputs out = {0};

	if (b->cfg.event_log[0]) {
		b->event_log = evsink_file_open(b->cfg.event_log, b->cfg.event_log_max,
		    b->user.uid, b->user.gid, err);
		if (!b->event_log)
			return -EIO;
	}
	if (b->link) {
		out.to_agent = event_to_agent;
		out.arg = b;
	} else if (b->cfg.events_stdout) {
		b->lines = evsink_io_open(b->base, STDOUT_FILENO);
	}
	out.lines = b->lines;
	out.file = b->event_log;
	b->events = evsink_new(b->log, &b->table, &out);
	return 0;
}

static void
on_wake(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct bootd *b = arg;

	standalone_run(b->alone, clock_wall());
}

static void
wake(void *arg)
{
	struct bootd *b = arg;

	event_active(b->on_wake, EV_TIMEOUT, 0);
}

static int
open_consumer(struct bootd *b, struct error *err)
{
	const struct standalone_deps deps = {
	    .log = b->log,
	    .cfg = &b->cfg,
	    .table = b->table,
	    .events = &b->events,
	    .rng = &b->rng,
	    .images_fd = b->deps.images_fd,
	    .scripts_fd = b->deps.scripts_fd,
	    .state_fd = b->deps.state_fd,
	    .uid = b->user.uid,
	    .gid = b->user.gid,
	    .wake = wake,
	    .arg = b,
	};

	if (b->link) {
		b->deps.consumer = agent_link_consumer(b->link);
		return 0;
	}
	b->on_wake = event_new(b->base, -1, 0, on_wake, b);
	b->alone = standalone_open(&deps, clock_wall(), err);
	if (!b->alone)
		return -EINVAL;
	b->deps.consumer = standalone_consumer(b->alone);
	return 0;
}

/* For all transfers and connections at once, each with its file. */
static void
raise_files(const struct bootd *b)
{
	long want = 256 + b->cfg.tftp_max_transfers * 2L + b->cfg.http_max_conns * 2L;
	long got = privs_raise_files(want);

	if (got < want)
		log_warn(b->log,
		    "at most %ld open files are allowed, and the limits of transfers and "
		    "connections need %ld: raise it (LimitNOFILE=, ulimit -n) or lower "
		    "them",
		    got, want);
}

/* A machine without IPv6 serves the rest. */
static int
open_dhcp6(struct bootd *b, struct error *err)
{
	if (!b->cfg.dhcp6)
		return 0;
	if (!dhcp6_io_possible()) {
		log_warn(b->log, "dhcp6: this machine has no IPv6: off "
				 "(services: {dhcp6: false} says so)");
		return 0;
	}
	b->dhcp6 = dhcp6_io_open(&b->deps, err);
	return b->dhcp6 ? 0 : -EIO;
}

static int
open_services(struct bootd *b, struct error *err)
{
	b->deps.base = b->base;
	b->deps.log = b->log;
	b->deps.cfg = &b->cfg;
	b->deps.table = &b->table;
	b->deps.events = b->events;
	b->deps.rng = &b->rng;
	b->deps.uid = b->user.uid;
	b->deps.gid = b->user.gid;
	raise_files(b);
	if (b->cfg.dhcp4 && !(b->dhcp4 = dhcp4_io_open(&b->deps, err)))
		return -EIO;
	if (open_dhcp6(b, err) < 0)
		return -EIO;
	if (b->cfg.ra && !(b->ra = ra_io_open(&b->deps, err)))
		return -EIO;
	if (b->cfg.tftp && !(b->tftp = tftp_io_open(&b->deps, err)))
		return -EIO;
	if (b->cfg.http && !(b->http = http_io_open(&b->deps, err)))
		return -EIO;
	return 0;
}

static int
find_user(struct bootd *b, struct error *err)
{
	return privs_find_user(b->cfg.user, &b->user, err);
}

static int
drop_privileges(struct bootd *b, struct error *err)
{
	if (b->user.uid == (uid_t)-1)
		log_warn(b->log, "not started as root: going on as user %u",
		    (unsigned)geteuid());
	return privs_drop(&b->user, err);
}

static void
announce(struct bootd *b)
{
	struct event ev = event_make("bootd.ready", clock_wall());
	uint16_t http = b->cfg.http ? b->cfg.http_port : 0;
	uint16_t tftp = b->cfg.tftp ? b->cfg.tftp_port : 0;

	event_put_i64(&ev, "pid", getpid());
	event_put_i64(&ev, "http_port", http);
	event_put_i64(&ev, "tftp_port", tftp);
	event_put_i64(&ev, "hosts", (int64_t)hosttab_count(b->table));
	evsink_emit(b->events, &ev);
	if (b->link)
		agent_link_ready(b->link, http, tftp);
	log_info(b->log, "serving%s%s%s%s%s on %zu interface(s)",
	    !b->dhcp4		 ? ""
	    : b->cfg.dhcp4_proxy ? " dhcp4 (proxy)"
				 : " dhcp4",
	    b->dhcp6 ? " dhcp6" : "", b->ra ? " ra" : "", b->tftp ? " tftp" : "",
	    b->http ? " http" : "", b->cfg.n_ifaces);
}

static void
give_up(struct bootd *b, const struct error *err)
{
	char line[ERROR_TEXT_SIZE + ERROR_NEXT_SIZE + ERROR_CODE_SIZE + 8];

	log_error(b->log, "%s", error_line(err, line, sizeof(line)));
	if (b->link)
		agent_link_fatal(b->link, err);
	b->status = 1;
	event_base_loopbreak(b->base);
}

static void
on_interface_gone(void *arg, const char *iface)
{
	struct bootd *b = arg;
	struct event ev = event_make("bootd.interface", clock_wall());

	snprintf(ev.reason, sizeof(ev.reason),
	    "there is no network interface %s any more: nothing is heard there", iface);
	event_put(&ev, "interface", iface);
	log_error(b->log, "%s", ev.reason);
	evsink_emit(b->events, &ev);
}

static void
on_interface_replaced(void *arg, const char *iface)
{
	struct error err = {0};

	error_set(&err, -ENODEV, "interface-replaced",
	    "start netboot-bootd again (an agent does)",
	    "network interface %s was removed and made anew; what listened on the old "
	    "one hears nothing",
	    iface);
	give_up(arg, &err);
}

static int
watch_interfaces(struct bootd *b, struct error *err UNUSED)
{
	static const struct ifwatch_io_ops ops = {
	    .on_gone = on_interface_gone, .on_replaced = on_interface_replaced};

	b->ifwatch = ifwatch_io_open(b->base, &b->cfg, &ops, b);
	return 0;
}

static int
start(struct bootd *b, struct error *err)
{
	static int (*const steps[])(struct bootd *, struct error *) = {
	    find_user,
	    check_interfaces,
	    watch_interfaces,
	    open_dirs,
	    open_events,
	    open_consumer,
	    open_services,
	    drop_privileges,
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(steps) && r == 0; i++)
		r = steps[i](b, err);
	if (r < 0)
		return r;
	announce(b);
	b->check = table_check_io_open(&b->deps);
	return r;
}

static void
on_config(void *arg, const char *text)
{
	struct bootd *b = arg;
	struct error err = {0};

	if (bootd_config_parse("agent.yaml", text, strlen(text), &b->cfg, &err) < 0) {
		give_up(b, &err);
		return;
	}
	b->configured = true;
	if (start(b, &err) < 0)
		give_up(b, &err);
}

static void
on_table(void *arg)
{
	struct bootd *b = arg;

	if (b->dhcp4)
		dhcp4_io_on_table_change(b->dhcp4);
	if (b->dhcp6)
		dhcp6_io_on_table_change(b->dhcp6);
	if (b->ra)
		ra_io_on_table_change(b->ra);
	if (b->tftp)
		tftp_io_on_table_change(b->tftp);
	if (b->http)
		http_io_on_table_change(b->http);
	if (b->check)
		table_check_io_on_table_change(b->check);
}

/* In a thread: nobody else sees the table any more. */
static void
free_table(void *arg)
{
	struct hosttab **table = arg;

	hosttab_free(*table);
	*table = NULL;
}

/* On the loop; frees it here when the thread never came to it. */
static void
free_table_done(void *arg)
{
	free_table(arg);
	free(arg);
}

static void
on_retired(void *arg, struct hosttab *old)
{
	struct bootd *b = arg;
	struct hosttab **table = str_alloc(sizeof(struct hosttab *));

	*table = old;
	/* The thread starts here, not earlier: threads come after the privileges are gone. */
	if (hosttab_count(old) > SMALL_TABLE && !b->worker)
		b->worker = workq_new(b->base, 1);
	if (hosttab_count(old) <= SMALL_TABLE ||
	    workq_submit(b->worker, free_table, free_table_done, table) < 0)
		free_table_done(table);
}

static void
on_refused(void *arg, const char *host, const struct error *why)
{
	struct bootd *b = arg;
	struct event ev = event_make("bootd.refused", clock_wall());

	str_clip(ev.reason, sizeof(ev.reason), why->text);
	event_put(&ev, "code", why->code);
	event_put(&ev, "name", host);
	evsink_emit(b->events, &ev);
}

static void
on_agent_close(void *arg, const struct error *why)
{
	struct bootd *b = arg;

	log_info(b->log, "agent: %s: exiting", why->text);
	event_base_loopbreak(b->base);
}

static void
on_signal(evutil_socket_t sig, short what UNUSED, void *arg)
{
	struct bootd *b = arg;

	log_info(b->log, "%s: shutting down", sig == SIGTERM ? "SIGTERM" : "SIGINT");
	event_base_loopbreak(b->base);
}

static void
open_loop(struct bootd *b)
{
	signal(SIGPIPE, SIG_IGN);
	b->base = event_base_new();
	if (!b->base)
		abort();
	b->on_term = evsignal_new(b->base, SIGTERM, on_signal, b);
	b->on_int = evsignal_new(b->base, SIGINT, on_signal, b);
	event_add(b->on_term, NULL);
	event_add(b->on_int, NULL);
}

static void
open_link(struct bootd *b)
{
	static const struct agent_link_ops ops = {
	    .on_config = on_config,
	    .on_table = on_table,
	    .on_retired = on_retired,
	    .on_refused = on_refused,
	    .on_close = on_agent_close,
	};

	b->link = agent_link_open(b->base, b->opt->agent_fd, b->log, &b->table, &ops, b);
}

static void
free_event(struct event *ev)
{
	if (ev)
		event_free(ev);
}

static void
close_all(struct bootd *b)
{
	table_check_io_close(b->check);
	ifwatch_io_close(b->ifwatch);
	http_io_close(b->http);
	tftp_io_close(b->tftp);
	ra_io_close(b->ra);
	dhcp6_io_close(b->dhcp6);
	dhcp4_io_close(b->dhcp4);
	standalone_close(b->alone);
	evsink_free(b->events);
	agent_link_close(b->link);
	workq_free(b->worker);
	evsink_io_close(b->lines);
	evsink_file_close(b->event_log);
	hosttab_free(b->table);
	bootd_dirs_close(&b->deps);
	if (b->configured)
		bootd_config_done(&b->cfg);
	free_event(b->on_wake);
	free_event(b->on_term);
	free_event(b->on_int);
	event_base_free(b->base);
}

int
bootd_run(const struct bootd_options *opt, const struct log *log)
{
	struct bootd *b = str_alloc(sizeof(*b));
	struct error err = {0};
	int status;

	b->opt = opt;
	b->log = log;
	b->rng = rng_system();
	b->table = hosttab_new();
	b->deps.images_fd = b->deps.loaders_fd = b->deps.scripts_fd = b->deps.state_fd =
	    -1;
	open_loop(b);
	if (opt->agent_fd >= 0) {
		open_link(b);
	} else if (bootd_config_load(opt->config, opt->config, &b->cfg, &err) < 0) {
		give_up(b, &err);
	} else {
		b->configured = true;
		if (start(b, &err) < 0)
			give_up(b, &err);
	}
	if (b->status == 0)
		event_base_dispatch(b->base);
	status = b->status;
	close_all(b);
	free(b);
	return status;
}
