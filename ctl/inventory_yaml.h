/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inventory file (netboot-inventory(5)): YAML to the JSON document of POST /apply. No
 * I/O. */
#ifndef CTL_INVENTORY_YAML_H
#define CTL_INVENTORY_YAML_H

#include <jansson.h>
#include <stddef.h>

#include "ctl/yaml_lines.h"
#include "lib/error.h"

enum { INVENTORY_YAML_MAX = 12 * 1024 * 1024 };

struct inventory_yaml {
	json_t *
	    document; /* {"sites","images","hosts","schedules"}, those that the file has; owned */
	struct yaml_node *tree; /* for lines; owned */
};

/* 0; or -EINVAL with *err (code "bad-yaml"), whose text names file, line and key; `name`
 * is the file's. A host's bmc.password_file stays as it is: the caller reads it. */
int
inventory_yaml_parse(const char *name, const char *text, size_t len,
    struct inventory_yaml *ret, struct error *err) MUST_CHECK;
/* The line of a JSON pointer into `document`; 0 when not known. */
size_t
inventory_yaml_line(const struct inventory_yaml *inv, const char *pointer);
void
inventory_yaml_done(struct inventory_yaml *inv);

#endif
