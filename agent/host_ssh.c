/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The client's arguments, and nothing of anybody's own configuration: no other keys than the configured one, no question asked, host
 * keys from the configured file alone and under the host's name, since addresses change hands.
 *
 * Entry points: host_ssh_new(), host_ssh_start(). There is no shell on this side; the host's own reads the command.
 * Ownership: runs belong to the set of gate_exec.h. Failure modes: a host that does not answer is given up after CONNECT_S;
 * a connection that hangs is noticed by the client's own questions, and a command that does not end is ended by its time.
 */
#include "agent/host_ssh.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

enum { AT_ONCE = 32, CONNECT_S = 5 };

struct host_ssh {
	const struct agent_config_ssh *cfg;
	struct gate_exec_set *set;
	char root[AGENT_CONFIG_PATH_SIZE], program[AGENT_CONFIG_PATH_SIZE];
	char known_hosts[AGENT_CONFIG_PATH_SIZE + 32], port[8];
};

struct host_ssh *
host_ssh_new(struct event_base *base, const struct agent_config *cfg)
{
	char path[AGENT_CONFIG_PATH_SIZE];
	struct host_ssh *s;

	if (cfg->ssh.user[0] == '\0')
		return NULL;
	s = str_alloc(sizeof(*s));
	s->cfg = &cfg->ssh;
	str_clip(path, sizeof(path), cfg->ssh.command);
	str_clip(s->root, sizeof(s->root), dirname(path));
	str_clip(path, sizeof(path), cfg->ssh.command);
	str_clip(s->program, sizeof(s->program), basename(path));
	snprintf(s->known_hosts, sizeof(s->known_hosts), "-oUserKnownHostsFile=%s",
	    cfg->ssh.known_hosts);
	snprintf(s->port, sizeof(s->port), "%u", (unsigned)cfg->ssh.port);
	s->set = gate_exec_set_new(&(struct gate_exec_opts){.base = base,
	    .root = s->root,
	    .user = cfg->ssh.run_as,
	    .setting = "ssh.run_as",
	    .at_once = AT_ONCE});
	return s;
}

void
host_ssh_free(struct host_ssh *s)
{
	if (s == NULL)
		return;
	gate_exec_set_free(s->set);
	free(s);
}

struct gate_exec *
host_ssh_start(struct host_ssh *s, const char *name, const struct addr_ip *ip,
    const char *command, int64_t timeout, gate_exec_done *done, void *arg,
    struct error *err)
{
	static const char *const env[] = {"PATH=/usr/bin:/bin", "LC_ALL=C", NULL};
	char alias[300], address[ADDR_IP_TEXT], connect[40];
	struct error why;
	struct gate_exec *x;

	if (!addr_ip_is_set(ip)) {
		error_set(err, 0, "ssh-not-usable",
		    "give the host's boot card an address: netboot-ctl host set",
		    "no address of %s is known", name);
		return NULL;
	}
	snprintf(alias, sizeof(alias), "-oHostKeyAlias=%s", name);
	snprintf(connect, sizeof(connect), "-oConnectTimeout=%d", CONNECT_S);
	addr_ip_text(ip, address, sizeof(address));
	x = gate_exec_start(s->set,
	    (char *const[]){s->program, "-F", "/dev/null", "-T", "-l",
		(char *)s->cfg->user, "-i", (char *)s->cfg->key, "-p", s->port,
		"-oBatchMode=yes", "-oStrictHostKeyChecking=yes", s->known_hosts,
		"-oGlobalKnownHostsFile=/dev/null", alias, "-oCheckHostIP=no",
		"-oIdentitiesOnly=yes", "-oControlPath=none", "-oClearAllForwardings=yes",
		"-oServerAliveInterval=5", "-oLogLevel=ERROR", connect, "--", address,
		(char *)command, NULL},
	    env, timeout, done, arg, &why);
	if (x == NULL)
		error_set(err, 0, "ssh-not-usable", why.next, "%s", why.text);
	return x;
}
