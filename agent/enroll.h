/* SPDX-License-Identifier: GPL-3.0-or-later */
/* netboot-agent enroll URL: a site joins an orchestrator that is far away. */
#ifndef AGENT_ENROLL_H
#define AGENT_ENROLL_H

/* The command; argv[0] is its name. The exit status. */
int
enroll_main(int argc, char **argv, const char *default_config);

#endif
