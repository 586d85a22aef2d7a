/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands on hosts, over ssh: OpenSSH's client as a child, as an unprivileged user, bounded in time and output (gate_exec.h). */
#ifndef AGENT_HOST_SSH_H
#define AGENT_HOST_SSH_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/agent_config.h"
#include "agent/gate_exec.h"
#include "lib/addr.h"

struct host_ssh;

/* What the client ends with when the connection was refused, or broke off: whether the command was carried out is not known. */
enum { HOST_SSH_BROKEN = 255 };

/* NULL when agent.yaml has no section ssh. `cfg` is borrowed. */
struct host_ssh *
host_ssh_new(struct event_base *base, const struct agent_config *cfg);
void
host_ssh_free(struct host_ssh *s); /* NULL allowed; kills what runs */

/* Runs the command on the host, which its known_hosts knows by `name`, wherever it is. As gate_exec_start(): `done` once, with
 * the last line that was printed; ended by gate_exec_stop(). NULL with *err, "ssh-not-usable". */
struct gate_exec *
host_ssh_start(struct host_ssh *s, const char *name, const struct addr_ip *ip,
    const char *command, int64_t timeout, gate_exec_done *done, void *arg,
    struct error *err);

#endif
