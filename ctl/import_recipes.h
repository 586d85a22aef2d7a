/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How images of known families are made out of what their makers publish: which files say what it is, which are
 * copied, with which arguments they boot (boot.md 1.12). Pure: a listing in, a plan out. */
#ifndef CTL_IMPORT_RECIPES_H
#define CTL_IMPORT_RECIPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/error.h"

/* What there is: regular files, and links that end at one, sorted by path. */
struct import_entry {
	char *path; /* relative */
	char *data; /* where its octets lie: the path itself, or what it is a link to */
	int64_t size;
};

struct import_listing {
	struct import_entry *entries; /* owned array */
	size_t n;
	const char *source;  /* as the operator wrote it, for messages; borrowed */
	const char *archive; /* file name of the ISO, or NULL: not from one; borrowed */
};

enum import_role { IMPORT_KERNEL, IMPORT_INITRD, IMPORT_FILE };

enum { IMPORT_FILES_MAX = 12, IMPORT_NAME_SIZE = 64, IMPORT_ARGS_SIZE = 1024 };

struct import_file {
	enum import_role role;
	const struct import_entry *from; /* borrowed; NULL: `text`, or the ISO itself */
	bool whole;			 /* the ISO itself */
	const char *text;		 /* of a template; borrowed */
	char name[IMPORT_NAME_SIZE];	 /* in URLs */
	char dest[IMPORT_NAME_SIZE];	 /* below the image's folder */
	bool template;
};

struct import_plan {
	const char *family, *kind; /* borrowed from the table */
	struct import_file files[IMPORT_FILES_MAX];
	size_t n;
	char args[IMPORT_ARGS_SIZE];
	bool nfs;      /* its folder is its NFS root */
	bool installs; /* reports `installed`, then boots its disk */
};

struct import_opts {
	const char *
	    pick; /* of several files that would do, the one whose path holds this; or NULL */
	const char *append; /* further arguments, or NULL */
	const char *text;   /* the operator's template, or NULL: the family's own */
	bool nfs, bios;
};

/* 0, or -EINVAL with *err: code import-family (no such one), import-wrong (it is something else, or not whole),
 * import-ambiguous, import-template, usage. */
int
import_recipes_plan(const char *family, const struct import_listing *l,
    const struct import_opts *opts, struct import_plan *ret,
    struct error *err) MUST_CHECK;
/* The family that it looks like, or NULL. */
const char *
import_recipes_guess(const struct import_listing *l);
/* Names of all families, "a|b|c", for messages. */
const char *
import_recipes_families(char *buf, size_t size);

#endif
