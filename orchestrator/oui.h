/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who made a network card: IEEE's list of address blocks, as Debian's ieee-data has it. */
#ifndef ORCHESTRATOR_OUI_H
#define ORCHESTRATOR_OUI_H

#include <stddef.h>

#include "lib/addr.h"

#define OUI_PATH "/usr/share/ieee-data/oui.txt"

struct oui;

/* Reads PATH, oui.txt or oui.csv. A file that cannot be read is no error: then no maker is known. *ret is for
 * oui_free() either way. 0, or the errno of opening or reading. */
int
oui_open(const char *path, struct oui **ret) MUST_CHECK;
/* Of its text, which is not kept. */
struct oui *
oui_parse(const char *text, size_t len);
void
oui_free(struct oui *o); /* NULL allowed */
size_t
oui_count(const struct oui *o);
/* "" : not known, or the address is not the maker's (locally administered). Valid UTF-8. Borrowed. */
const char *
oui_find(const struct oui *o, const struct addr_mac *mac);

#endif
