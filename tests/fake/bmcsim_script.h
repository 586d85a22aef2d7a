/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A machine behind a simulated BMC, reached by a script with ipmi_sim's interface: "get
 * power" prints "power:0|1"; "set power 0|1", "set reset 1", "set shutdown 1", "set boot
 * pxe|default …" change it, several pairs in one call. "set boot" comes together with the
 * start that uses it, and BMCSIM_EFI=0|1 and BMCSIM_PERSISTENT=0|1 are in the
 * environment. Never blocks. */
#ifndef TESTS_FAKE_BMCSIM_SCRIPT_H
#define TESTS_FAKE_BMCSIM_SCRIPT_H

#include <event2/event.h>

#include "tests/fake/bmcsim_core.h"

struct bmcsim_script;

/* `command` is a shell command line, to which the words are appended. Hooks itself into
 * `b`. */
struct bmcsim_script *
bmcsim_script_new(struct event_base *base, struct bmcsim_bmc *b, const char *command);
/* Kills a script that still runs. */
void
bmcsim_script_free(struct bmcsim_script *s);

#endif
