// SPDX-License-Identifier: GPL-3.0-or-later
/* netboot-orchestrator: options, signals, and the event loop.
 *
 * Entry point: main(). The program object (orch.c) owns everything that is served; here are what belongs
 * to the process: its umask, its signals, and telling systemd when it is ready.
 * Exit codes: 0 ended by SIGTERM or SIGINT, 1 for wrong usage, a bad configuration or anything that keeps it
 * from serving. */
#include <event2/event.h>
#include <event2/thread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "lib/json.h"
#include "lib/log.h"
#include "lib/secret.h"
#include "orchestrator/orch.h"
#include "orchestrator/orch_config.h"

struct options {
	const char *config;
	bool check, verbose;
};

static void
usage(FILE *to)
{
	fputs("usage: netboot-orchestrator [-c FILE] [-n] [-v]\n"
	      "  -c FILE  configuration, " ORCH_CONFIG_PATH " by default\n"
	      "  -n       check the configuration and exit\n"
	      "  -v       log more\n",
	    to);
}

static int
parse_options(int argc, char **argv, struct options *ret)
{
	int c;

	while ((c = getopt(argc, argv, "c:nvh")) != -1) {
		switch (c) {
		case 'c': ret->config = optarg; break;
		case 'n': ret->check = true; break;
		case 'v': ret->verbose = true; break;
		case 'h': usage(stdout); exit(0);
		default: usage(stderr); return -1;
		}
	}
	if (optind < argc) {
		usage(stderr);
		return -1;
	}
	return 0;
}

static void
on_signal(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	event_base_loopbreak(arg);
}

static void
on_hangup(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	orch_reload(arg);
}

static int
serve(const struct orch_config *config, const struct log *log)
{
	char line[ERROR_CODE_SIZE + ERROR_TEXT_SIZE + ERROR_NEXT_SIZE + 8];
	struct error err = {.code = ""};
	struct event_base *base = event_base_new();
	struct event *term = evsignal_new(base, SIGTERM, on_signal, base);
	struct event *intr = evsignal_new(base, SIGINT, on_signal, base);
	struct orch *o = orch_new(base, log, config, &err);
	struct event *hangup = evsignal_new(base, SIGHUP, on_hangup, o);

	if (o) {
		event_add(hangup, NULL);
		event_add(term, NULL);
		event_add(intr, NULL);
		log_info(
		    log, "serving on %s, database %s", config->socket, config->database);
		sd_notify(0, "READY=1");
		event_base_dispatch(base);
		sd_notify(0, "STOPPING=1");
		log_info(log, "ending");
	} else {
		log_error(log, "%s", error_line(&err, line, sizeof(line)));
	}
	int status = o ? 0 : 1;
	orch_free(o);
	event_free(term);
	event_free(intr);
	event_free(hangup);
	event_base_free(base);
	libevent_global_shutdown();
	return status;
}

int
main(int argc, char **argv)
{
	char line[ERROR_CODE_SIZE + ERROR_TEXT_SIZE + ERROR_NEXT_SIZE + 8];
	struct options opt = {.config = ORCH_CONFIG_PATH};
	struct orch_config *config = NULL;
	struct error err = {.code = ""};

	secret_hide_memory();
	json_wipe_freed();
	if (parse_options(argc, argv, &opt) < 0)
		return 1;
	struct log log = log_init(
	    "netboot-orchestrator", opt.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	if (orch_config_load(opt.config, &config, &err) < 0) {
		log_error(&log, "%s", error_line(&err, line, sizeof(line)));
		return 1;
	}
	/* Nobody but us reads the database and the key; a full disk and a closed socket are errors to
	 * handle and not signals to die of. */
	umask(0077);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	evthread_use_pthreads();
	int status = 0;
	if (opt.check)
		printf("%s: ok\n", opt.config);
	else
		status = serve(config, &log);
	orch_config_free(config);
	return status;
}
