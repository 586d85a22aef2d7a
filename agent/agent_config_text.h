/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A part of a YAML text, on the lines that it had in the whole. */
#ifndef AGENT_AGENT_CONFIG_TEXT_H
#define AGENT_AGENT_CONFIG_TEXT_H

#include <stddef.h>

/* The text up to character `to`, in which all before `from` but its line breaks is blank: lines and columns stay where they were.
 * Owned by the caller. */
char *
agent_config_text_only(const char *text, size_t len, size_t from, size_t to);

#endif
