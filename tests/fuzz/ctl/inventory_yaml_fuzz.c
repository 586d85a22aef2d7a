/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inventory files: any octets give a document or an error, and what was read survives
 * being printed and read again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/inventory_yaml.h"
#include "ctl/yaml_emit.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Empty lists and texts are not printed, so that two printed forms are compared. */
static void
check_round_trip(const struct inventory_yaml *first)
{
	struct inventory_yaml second;
	struct error err;
	char *once = yaml_emit_text(first->document), *twice;

	if (inventory_yaml_parse("again", once, strlen(once), &second, &err) == 0) {
		twice = yaml_emit_text(second.document);
		if (strcmp(once, twice) != 0)
			abort();
		free(twice);
		inventory_yaml_done(&second);
	}
	free(once);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct inventory_yaml inv;
	struct error err;

	if (inventory_yaml_parse("fuzz", (const char *)data, size, &inv, &err) < 0)
		return 0;
	inventory_yaml_line(&inv, "/hosts/0/nics/0/mac");
	check_round_trip(&inv);
	inventory_yaml_done(&inv);
	return 0;
}
