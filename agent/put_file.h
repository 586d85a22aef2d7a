/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Replaces a file by an atomic rename. */
#ifndef AGENT_PUT_FILE_H
#define AGENT_PUT_FILE_H

#include "lib/compiler.h"

/* The text, readable by everybody. 0 or -errno. */
int
put_file(const char *path, const char *text) MUST_CHECK;

#endif
