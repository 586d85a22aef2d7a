/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rows that import_recipes.c decides by. */
#ifndef CTL_IMPORT_TABLE_H
#define CTL_IMPORT_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "ctl/import_recipes.h"

enum import_table_source {
	IMPORT_TABLE_COPY,    /* a file of the source, by its pattern */
	IMPORT_TABLE_ANSWERS, /* a template: the operator's, else the row's text */
	IMPORT_TABLE_TEXT,    /* a template: the row's text */
	IMPORT_TABLE_WHOLE,   /* the ISO itself */
};

struct import_table_file {
	enum import_role role;
	const char *glob;
	const char *name; /* in URLs; NULL: its own */
	const char *dest; /* below the image's folder; NULL: as name */
	enum import_table_source source;
	const char *text;
};

struct import_table {
	const char *family, *title, *kind;
	const char *marks[3]; /* patterns that all are there: then it is this */
	const char * not ;    /* and this one is not, or NULL */
	char firmware;	      /* 'u' UEFI only, 'b' BIOS only, 0: either */
	bool vague;	      /* its marks say little: never guessed */
	bool installs;
	struct import_table_file
	    files[8]; /* an entry without a name and pattern ends it */
	const char *args;
	const char *nfs; /* instead of args with --nfs; NULL: cannot */
};

extern const struct import_table import_table[];
extern const size_t import_table_n;

#endif
