/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The audit as a file, to be kept elsewhere. */
#ifndef CTL_AUDIT_FILE_H
#define CTL_AUDIT_FILE_H

#include <jansson.h>
#include <stdint.h>

#include "ctl/ctl.h"

/* Checks an exported file ("-": standard input) as GET /audit/verify does the table, and answers in its form; seq 0: no
 * head was kept. Owned by the caller. NULL with *err: code "audit-file" for what is no whole export, else the
 * file cannot be read. */
json_t *
audit_file_verify(const char *path, int64_t seq, const char *hash, struct error *err);
/* Writes the export to a file, whole or not at all, or to standard output (NULL). The exit code; 2, with the file written,
 * when the chain does not hold. */
int
audit_file_export(const struct ctl *ctl, const char *path);

#endif
