/* SPDX-License-Identifier: GPL-3.0-or-later */
/* netboot-bootd: the command line.
 *
 * Exit status: 0 after a shutdown that was asked for (or a good file with -n), 1 for
 * wrong usage, a bad configuration or anything that keeps it from serving. */
#include <getopt.h>
#include <stdio.h>

#include "boot-services/bootd.h"
#include "boot-services/bootd_config.h"
#include "lib/str.h"

static const char usage_text[] =
    "usage: netboot-bootd -c FILE [-n] [-v]\n"
    "       netboot-bootd --agent-fd N [-v]\n"
    "\n"
    "DHCPv4, DHCPv6, TFTP and HTTP for network boot. Alone it serves the hosts of FILE "
    "(bootd.yaml) and\n"
    "prints its events as JSON lines; under netboot-agent both come over descriptor N.\n"
    "\n"
    "  -c, --config FILE   configuration\n"
    "  -n, --check         check the configuration and exit\n"
    "      --name NAME     with -n: what messages call the file\n"
    "      --agent-fd N    socket to the agent\n"
    "  -v, --verbose       log more\n"
    "  -h, --help          this text\n";

struct arguments {
	struct bootd_options opt;
	const char *name; /* of the file to check; NULL: its path */
	bool check, verbose, help;
};

static int
parse_arguments(int argc, char **argv, struct arguments *a)
{
	enum { AGENT_FD = 256, NAME };
	static const struct option longs[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"check", no_argument, NULL, 'n'},
	    {"verbose", no_argument, NULL, 'v'},
	    {"help", no_argument, NULL, 'h'},
	    {"agent-fd", required_argument, NULL, AGENT_FD},
	    {"name", required_argument, NULL, NAME},
	    {NULL, 0, NULL, 0},
	};
	int64_t fd;
	int c;

	*a = (struct arguments){.opt = {.agent_fd = -1}};
	while ((c = getopt_long(argc, argv, "c:nvh", longs, NULL)) != -1) {
		switch (c) {
		case 'c': a->opt.config = optarg; break;
		case 'n': a->check = true; break;
		case 'v': a->verbose = true; break;
		case NAME: a->name = optarg; break;
		case 'h': a->help = true; return 0;
		case AGENT_FD:
			if (str_to_i64(optarg, 3, 1 << 20, &fd) < 0) {
				fprintf(stderr,
				    "netboot-bootd: --agent-fd wants a descriptor\n");
				return -1;
			}
			a->opt.agent_fd = (int)fd;
			break;
		default: fputs(usage_text, stderr); return -1;
		}
	}
	if (optind != argc || (a->opt.config != NULL) == (a->opt.agent_fd >= 0) ||
	    (a->check && !a->opt.config) || (a->name && !a->check)) {
		fputs(usage_text, stderr);
		return -1;
	}
	return 0;
}

static int
check(const char *path, const char *name)
{
	char line[ERROR_TEXT_SIZE + ERROR_NEXT_SIZE + ERROR_CODE_SIZE + 8];
	struct bootd_config cfg = {0};
	struct error err = {0};

	if (bootd_config_load(path, name ? name : path, &cfg, &err) < 0) {
		fprintf(
		    stderr, "netboot-bootd: %s\n", error_line(&err, line, sizeof(line)));
		return 1;
	}
	/* netboot-agent says so itself. */
	if (!name)
		fprintf(stderr, "%s: good: %zu subnets, %zu hosts, %zu orders\n", path,
		    cfg.site.n_subnets, cfg.site.n_hosts, cfg.n_boots);
	bootd_config_done(&cfg);
	return 0;
}

int
main(int argc, char **argv)
{
	struct arguments args;
	struct log log;

	if (parse_arguments(argc, argv, &args) < 0)
		return 1;
	if (args.help) {
		fputs(usage_text, stdout);
		return 0;
	}
	if (args.check)
		return check(args.opt.config, args.name);
	log = log_init("netboot-bootd", args.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	return bootd_run(&args.opt, &log);
}
