/* SPDX-License-Identifier: GPL-3.0-or-later */
/* agent.yaml: any octets are refused with a message, or give a whole configuration. */
#include "agent/agent_config.h"

#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct agent_config c;
	struct error err = {.code = ""};

	if (agent_config_parse("f", (const char *)data, size, &c, &err) < 0) {
		if (err.text[0] == '\0' || err.code[0] == '\0')
			abort();
		return 0;
	}
	/* bootd's section begins and ends inside the text. */
	if (c.own_servers ? c.boot_services != NULL || c.n_logs < 1
			  : c.boot_services == NULL || strlen(c.boot_services) > size)
		abort();
	if (c.site[0] == '\0' || c.max_jobs < 1)
		abort();
	agent_config_done(&c);
	return 0;
}
