/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pages of the list of consoles that are always recorded, as an orchestrator might send them. */
#include "agent/console_always.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_hosts(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct bundle_bmc bmc = {.port = 0};
		struct error err;

		if (bundle_bmc_from_json(
			json_object_get(json_array_get(list, i), "bmc"), &bmc, &err) < 0)
			continue;
		if (bmc.address[0] != '\0' && !bundle_bmc_console_valid(bmc.console))
			abort();
		bundle_bmc_wipe(&bmc);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *page = json_parse((const char *)data, size, NULL), *list = json_array();
	const char *after = NULL;
	int64_t version = 0;
	struct error err;

	if (console_always_page(page, list, &version, &after, &err) == 0) {
		/* One that asks for the next page has brought something: no end of pages without hosts. */
		if (after == NULL || (after[0] != '\0' && json_array_size(list) == 0))
			abort();
		read_hosts(list);
	} else if (json_array_size(list) > 0) {
		abort();
	}
	json_decref(list);
	json_decref(page);
	return 0;
}
