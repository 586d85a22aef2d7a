/* SPDX-License-Identifier: GPL-3.0-or-later */
/* netboot-agent: runs the jobs of one site.
 *
 * Entry point: main().
 * Ownership: main owns configuration and event loop, struct agent the rest.
 * Failure modes: a wrong command line, bad configuration or storage: a message with the
 * next step, exit 1. SIGTERM and SIGINT end it; jobs go on at the next start.
 */
#include <event2/event.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/agent_config.h"
#include "agent/bootd_check.h"
#include "agent/enroll.h"
#include "lib/compiler.h"
#include "lib/json.h"
#include "lib/secret.h"
#include "lib/str.h"

#define DEFAULT_CONFIG "/etc/netboot/agent.yaml"

struct options {
	const char *config;
	bool check, debug;
};

static void
usage(FILE *to)
{
	fputs("usage: netboot-agent [-c FILE] [-n] [-d]\n"
	      "       netboot-agent enroll [-c FILE] [--secret-file FILE] URL\n"
	      "  -c FILE  configuration (" DEFAULT_CONFIG ")\n"
	      "  -n       check the configuration and exit\n"
	      "  -d       log more\n",
	    to);
}

/* 1: go on; 0: done; -1: wrong usage, told already. */
static int
read_options(int argc, char **argv, struct options *ret)
{
	int c;

	while ((c = getopt(argc, argv, "c:ndh")) != -1) {
		switch (c) {
		case 'c': ret->config = optarg; break;
		case 'n': ret->check = true; break;
		case 'd': ret->debug = true; break;
		case 'h': usage(stdout); return 0;
		default: usage(stderr); return -1;
		}
	}
	if (optind != argc) {
		usage(stderr);
		return -1;
	}
	return 1;
}

static void
on_signal(evutil_socket_t sig UNUSED, short what UNUSED, void *arg)
{
	event_base_loopexit(arg, NULL);
}

/* bootd is installed beside the agent; the configuration may name another one. */
static void
find_bootd(struct agent_config *cfg)
{
	char self[AGENT_CONFIG_PATH_SIZE] = {0};
	char *slash;

	if (cfg->bootd[0] != '\0')
		return;
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0 ||
	    (slash = strrchr(self, '/')) == NULL)
		str_clip(self, sizeof(self), "/usr/sbin");
	else
		*slash = '\0';
	if (str_format(cfg->bootd, sizeof(cfg->bootd), "%s/netboot-bootd", self) < 0)
		str_clip(cfg->bootd, sizeof(cfg->bootd), "/usr/sbin/netboot-bootd");
}

static int
serve(const struct agent_config *cfg, const struct log *log)
{
	struct event_base *base = event_base_new();
	struct event *term = evsignal_new(base, SIGTERM, on_signal, base);
	struct event *intr = evsignal_new(base, SIGINT, on_signal, base);
	struct error err = {0};
	struct agent *a = agent_new(base, log, cfg, &err);
	char line[1024];

	if (a == NULL) {
		log_error(log, "%s", error_line(&err, line, sizeof(line)));
	} else {
		event_add(term, NULL);
		event_add(intr, NULL);
		sd_notify(0, "READY=1");
		event_base_dispatch(base);
		sd_notify(0, "STOPPING=1");
		log_info(log, "ending; jobs under way go on at the next start");
	}
	agent_free(a);
	event_free(term);
	event_free(intr);
	event_base_free(base);
	return a == NULL ? 1 : 0;
}

int
main(int argc, char **argv)
{
	struct options o = {.config = DEFAULT_CONFIG};
	struct agent_config cfg;
	struct error err = {0};
	struct log log;
	char line[1024];
	int r;

	secret_hide_memory();
	json_wipe_freed();
	if (argc > 1 && str_eq(argv[1], "enroll"))
		return enroll_main(argc - 1, argv + 1, DEFAULT_CONFIG);
	r = read_options(argc, argv, &o);
	if (r <= 0)
		return r < 0 ? 1 : 0;
	log = log_init("netboot-agent", o.debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	if (agent_config_load(o.config, &cfg, &err) < 0) {
		fprintf(
		    stderr, "netboot-agent: %s\n", error_line(&err, line, sizeof(line)));
		return 1;
	}
	find_bootd(&cfg);
	if (o.check) {
		r = cfg.own_servers || bootd_check(&cfg, o.config) == 0 ? 0 : 1;
		if (r == 0)
			printf("%s: ok\n", o.config);
	} else {
		signal(SIGPIPE, SIG_IGN);
		signal(SIGXFSZ, SIG_IGN);
		r = secret_lock_memory();
		if (r < 0)
			log_warn(&log,
			    "passwords of BMCs may get to swap: memory cannot be locked "
			    "(%s); "
			    "with LimitMEMLOCK=infinity it can",
			    strerror(-r));
		r = serve(&cfg, &log);
	}
	agent_config_done(&cfg);
	return r;
}
