/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The audit's chain: what of a row is hashed, how an exported row is written, and a check that names the
 * first row at which a chain does not hold. Shared by the database and by netboot-ctl, which checks an
 * exported file without any server. */
#ifndef LIB_AUDIT_CHAIN_H
#define LIB_AUDIT_CHAIN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/digest.h"
#include "lib/error.h"

enum {
	AUDIT_CHAIN_VERSION = 2,	    /* of the rows that are written today */
	AUDIT_CHAIN_LINE_MAX = 1024 * 1024, /* of an exported row */
};

/* The members that are text, in the order in which they are hashed. */
enum audit_chain_member {
	AUDIT_CHAIN_WHO,
	AUDIT_CHAIN_ROLE,
	AUDIT_CHAIN_FROM,
	AUDIT_CHAIN_WHAT,
	AUDIT_CHAIN_OBJECT,
	AUDIT_CHAIN_REASON,
	AUDIT_CHAIN_RESULT,
	AUDIT_CHAIN_BEFORE,
	AUDIT_CHAIN_AFTER,
	AUDIT_CHAIN_DETAIL,
	AUDIT_CHAIN_TEXTS,
};
const char *
audit_chain_member_name(enum audit_chain_member m); /* "who" */

/* Any octets, NULs too: borrowed. */
struct audit_chain_text {
	const char *v;
	size_t n;
};

struct audit_chain_row {
	int64_t
	    version; /* of what is hashed; one that is not known makes the row a broken one */
	int64_t seq, at, uid;
	struct audit_chain_text text[AUDIT_CHAIN_TEXTS];
	struct audit_chain_text hash; /* as it is stored */
};

/* The hash of a row after the one whose hash is `before` ("" for the first). Different rows have different
 * texts hashed, whatever octets they hold. -EINVAL: no row of that version is like that. */
int
audit_chain_hash(const char *before, const struct audit_chain_row *row,
    char ret[DIGEST_TEXT]) MUST_CHECK;

/* ---- exported rows: a JSON object a line, and at last {"head":{"seq","at_us","hash"}} ---- */

json_t *
audit_chain_json(const struct audit_chain_row *row);
json_t *
audit_chain_head_json(int64_t seq, int64_t at, const char *hash);
/* A member as people and JSON can have it: octets that are no text are escaped. */
json_t *
audit_chain_shown(const struct audit_chain_text *text);

struct audit_chain_line {
	bool head; /* the last line: seq, at and hash of the row say which */
	struct audit_chain_row row; /* borrows from the rest */
	json_t *doc;
	char *octets;
};
/* One line of an export. -EINVAL with *err: it is none, *ret untouched. */
int
audit_chain_line_parse(const char *text, size_t len, struct audit_chain_line *ret,
    struct error *err) MUST_CHECK;
void
audit_chain_line_done(struct audit_chain_line *line);

/* ---- the check ---- */

enum audit_chain_why {
	AUDIT_CHAIN_OK,
	AUDIT_CHAIN_CHANGED,
	AUDIT_CHAIN_REMOVED,
	AUDIT_CHAIN_INSERTED,
	AUDIT_CHAIN_REORDERED,
};
const char *
audit_chain_why_name(enum audit_chain_why why); /* "changed" */

struct audit_chain_result {
	enum audit_chain_why why;
	int64_t seq; /* the first broken row; of removed rows the first that is missing */
	char text[256]; /* what was found, in words */
	int64_t rows;	/* that were looked at */
	/* The last row that holds. */
	int64_t head_seq, head_at;
	char head_hash[DIGEST_TEXT];
};

struct audit_chain; /* a check under way */

struct audit_chain *
audit_chain_new(void);
void
audit_chain_free(struct audit_chain *c); /* NULL allowed */
/* A row that is known to have been there, from a head that was kept elsewhere. */
void
audit_chain_expect(struct audit_chain *c, int64_t seq, const char *hash);
/* The next row, in the order of the table or file. False: what is wrong is known, no more rows are needed. */
bool
audit_chain_feed(struct audit_chain *c, const struct audit_chain_row *row);
void
audit_chain_end(const struct audit_chain *c, struct audit_chain_result *ret);

#endif
