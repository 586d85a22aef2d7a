/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bootd.yaml: any octets are either refused with a reason that can be printed, or give a
 * configuration within its bounds. */
#include <assert.h>
#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "boot-services/bootd_config.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bootd_config *cfg = calloc(1, sizeof(*cfg));
	struct error err = {0};

	if (!cfg)
		abort();
	if (bootd_config_parse("fuzz", (const char *)data, size, cfg, &err) < 0) {
		assert(strncmp(err.text, "fuzz:", 5) == 0);
		for (const char *c = err.text; *c; c++)
			assert(isprint((unsigned char)*c));
	} else {
		assert(cfg->n_ifaces <= BOOTD_CONFIG_IFACES_MAX);
		assert(cfg->n_loaders <= BOOTD_CONFIG_LOADERS_MAX);
		assert(cfg->site.n_hosts <= BOOTD_CONFIG_HOSTS_MAX);
		assert(cfg->n_boots <= cfg->site.n_hosts);
		bootd_config_done(cfg);
	}
	free(cfg);
	return 0;
}
