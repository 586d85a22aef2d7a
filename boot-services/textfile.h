/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A text as an open file, for the services that send files: it is in memory only. */
#ifndef BOOT_SERVICES_TEXTFILE_H
#define BOOT_SERVICES_TEXTFILE_H

#include "boot-services/fileroot.h"

/* 0 with an open file in *ret, to be closed by the caller, or -errno. */
int
textfile_make(const char *text, struct fileroot_file *ret) MUST_CHECK;
/* The same file once more. */
int
textfile_again(const struct fileroot_file *file, struct fileroot_file *ret) MUST_CHECK;

#endif
