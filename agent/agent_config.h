/* SPDX-License-Identifier: GPL-3.0-or-later */
/* agent.yaml: read with libcyaml, checked as a whole.
 *
 *	site: local                       # name, as the orchestrator knows it
 *	orchestrator: unix:/run/netboot/orchestrator.sock
 *	token_file: /etc/netboot/agent.token     # for https:// orchestrators
 *	proxy: http://10.0.0.1:3128       # by which an https:// orchestrator is reached
 *	proxy_user: los                   # who this agent is there
 *	proxy_password_file: /etc/netboot/proxy.password
 *	state_dir: /var/lib/netboot       # spool agent.db, key agent.key
 *	bootd: /usr/sbin/netboot-bootd    # else the one beside netboot-agent
 *	site_url: http://10.77.0.1        # else the site's, else found per host
 *	max_jobs: 1000
 *	max_events: 200000                # unsent ones kept in the spool
 *	console_boot_mb: 4                # of one recording of a console
 *	console_site_mb: 512              # of all that are kept here
 *	image_store: { max_kbit: 4000, max_gb: 40, min_free_mb: 512 }   # what it may take of line and disk
 *	local_socket: /run/netboot/agent.sock    # for people at the site; "" : none
 *	local_group: netboot              # who may use it beside root
 *	gates_root: /etc/netboot/gates    # programs that check hosts
 *	gates_user: nobody                # who they run as
 *	ssh: { user: netboot, key: /etc/netboot/ssh/id_ed25519, known_hosts: /etc/netboot/ssh/known_hosts }   # log in on hosts
 *	deadlines: { firmware-dhcp: 300s, kernel: 10m }  # replace image's and defaults
 *	boot_services: { … }              # bootd.yaml without subnets and hosts
 * or, where the site keeps its own DHCP, TFTP and HTTP servers:
 *	own_servers:
 *	  dirs: { images: /srv/netboot/images, scripts: /srv/netboot/scripts }
 *	  logs:
 *	  - { format: isc-dhcp, journal: isc-dhcp-server.service }
 *	  - { format: nginx, file: /var/log/nginx/netboot.log }
 */
#ifndef AGENT_AGENT_CONFIG_H
#define AGENT_AGENT_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "agent/bmc.h"
#include "agent/logline.h"
#include "agent/run.h"
#include "lib/compiler.h"
#include "lib/error.h"

enum {
	AGENT_CONFIG_PATH_SIZE = 256,
	AGENT_CONFIG_SIZE_MAX = 1 << 20,
	AGENT_CONFIG_LOGS_MAX = 16
};

/* A log of one of the site's own servers; of file and journal one is set. */
struct agent_config_log {
	enum logline_format format;
	char file[AGENT_CONFIG_PATH_SIZE];
	char journal[AGENT_CONFIG_PATH_SIZE]; /* unit */
};

/* How the agent logs in on hosts, for hooks and boot ids; user "": it does not. */
struct agent_config_ssh {
	char user[64]; /* there */
	char key[AGENT_CONFIG_PATH_SIZE], known_hosts[AGENT_CONFIG_PATH_SIZE];
	char command[AGENT_CONFIG_PATH_SIZE]; /* the client */
	char run_as[64];		      /* whose process it is, where we are root */
	int64_t port;
};

struct agent_config {
	char site[64];
	char orchestrator[AGENT_CONFIG_PATH_SIZE];
	char token_file[AGENT_CONFIG_PATH_SIZE];
	char proxy[AGENT_CONFIG_PATH_SIZE]; /* "" : none */
	char proxy_user[128];		    /* "" : it is told none */
	char proxy_password_file[AGENT_CONFIG_PATH_SIZE];
	char state_dir[AGENT_CONFIG_PATH_SIZE];
	char spool[AGENT_CONFIG_PATH_SIZE];
	char seal_key[AGENT_CONFIG_PATH_SIZE];
	char bootd[AGENT_CONFIG_PATH_SIZE];	   /* "" : the one beside this program */
	char site_url[AGENT_CONFIG_PATH_SIZE];	   /* "" : found per host */
	char images_root[AGENT_CONFIG_PATH_SIZE];  /* dirs.images of boot_services or */
	char scripts_root[AGENT_CONFIG_PATH_SIZE]; /* own_servers, dirs.scripts, */
	char loaders_root[AGENT_CONFIG_PATH_SIZE]; /* dirs.loaders */
	char bootd_user
	    [64]; /* who reads templates: user of boot_services or own_servers */
	int64_t max_jobs;
	int64_t max_events, max_octets;		   /* of events that wait */
	char console_dir[AGENT_CONFIG_PATH_SIZE];  /* state_dir/console */
	char local_socket[AGENT_CONFIG_PATH_SIZE]; /* "": none */
	bool local_named; /* it is in the file; else nobody misses it */
	char local_group[64];
	char gates_root[AGENT_CONFIG_PATH_SIZE], gates_user[64];
	struct agent_config_ssh ssh;
	int64_t console_boot_limit, console_site_limit; /* octets */
	int64_t store_kbit, store_max,
	    store_floor; /* kbit/s, octets, octets; 0: no limit */
	struct run_limits limits;
	struct bmc_opts bmc; /* how BMCs are treated; the rest of it is unset */
	/* The boot_services section on the same lines as in the file, so that bootd's
	 * messages name the right ones. Owned. */
	char *boot_services; /* NULL: own_servers */
	bool own_servers;    /* the site keeps its own: */
	struct agent_config_log logs[AGENT_CONFIG_LOGS_MAX];
	size_t n_logs;
};

/* `name` is for messages. 0, or -EINVAL with file, line and key in *err. The caller runs
 * agent_config_done(). */
int
agent_config_parse(const char *name, const char *text, size_t len,
    struct agent_config *ret, struct error *err) MUST_CHECK;
int
agent_config_load(
    const char *path, struct agent_config *ret, struct error *err) MUST_CHECK;
void
agent_config_done(struct agent_config *cfg);

#endif
