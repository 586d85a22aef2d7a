/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a story means: named verdicts, from a table of all codes that a job or boot can end with (verdict_table*.c),
 * each with its rule (verdict_rule*.c), its text and the next step. Pure. docs/verdicts.md is made from the table. */
#ifndef LIB_VERDICT_H
#define LIB_VERDICT_H

#include "lib/story.h"

enum {
	VERDICT_ALSO_MAX = 4,
};

enum verdict_kind {
	VERDICT_FAILED,
	VERDICT_CANCELLED,
	VERDICT_STATE, /* of what has not failed */
};

/* How sure a rule is that the row holds. */
enum verdict_sure {
	VERDICT_NO,
	VERDICT_LIKELY, /* the evidence points to it, and does not prove it */
	VERDICT_CERTAIN,
};

/* What is usual for this machine in the stage in question; n 0: not known. */
struct verdict_usual {
	unsigned n;
	int64_t median, p90, max;
};

/* The text of a likely one begins so: it is all that a job, a notification or a line of --wait has. */
#define VERDICT_PROBABLY "probably: "

struct verdict_look {
	const struct story *story;
	const struct verdict_usual *usual;
	int64_t now;
};

struct verdict_row {
	const char *code, *title;
	const char
	    *text; /* a sentence; where the agent says one itself, that one is kept */
	const char *next; /* HOST, SITE, JOB, BOOT and IMAGE are filled in */
	enum verdict_kind kind;
	/* For codes of its own: which verdicts of an agent it may take the place of, NULL at the end. */
	const char *const *refines;
	enum verdict_sure (*rule)(const struct verdict_look *look);
	/* Adds what is to be said of this machine; NULL: the fact `quote`, as it was told. */
	void (*say)(const struct verdict_look *look, char *text, size_t size);
	enum story_what quote;
	uint64_t shows; /* facts that are its evidence: VERDICT_FACT() of each; 0: all */
	bool vague; /* true, and says little: any other row that holds is told instead */
	bool early; /* holds before the stage has ended, too */
};
#define VERDICT_FACT(what) (UINT64_C(1) << (what))

/* In order of preference; each ends with a row without a code. */
enum { VERDICT_TABLES = 3 };
extern const struct verdict_row *const verdict_table_all[VERDICT_TABLES];

struct verdict {
	const struct verdict_row *row;
	struct error is; /* code, text, next */
	bool certain;
	const struct verdict_row *also[VERDICT_ALSO_MAX];
	size_t n_also;
};

/* The row of a code, or NULL. */
const struct verdict_row *
verdict_find(const char *code);
/* Does any row take the place of that code when its rule holds? */
bool
verdict_refinable(const char *code);
/* The verdict of what failed, or was cancelled: the agent's own, or one that says more. Of a boot that failed
 * without a word of the agent: from the stage that was missed. False for what went well or is not over. */
bool
verdict_judge(const struct verdict_look *look, struct verdict *ret);
/* Of what is not over: what is known to be wrong already; else whether it takes as long as usual, longer, or too long. */
void
verdict_provisional(const struct verdict_look *look, struct verdict *ret);
/* A row of kind VERDICT_STATE as it stands. */
void
verdict_state(const char *code, const struct story *story, struct verdict *ret);
/* What the words in capitals stand for; NULL or "" leaves the word as it is. */
struct verdict_names {
	const char *host, *site, *job, *boot, *image;
};

/* HOST, SITE, JOB, BOOT and IMAGE in src by their names; whether there was one of them. dst may not be src. */
bool
verdict_fill_names(
    const struct verdict_names *names, const char *src, char *dst, size_t size);
/* The same, by the names that the story has. */
void
verdict_fill(const struct story *story, const char *src, char *dst, size_t size);

#endif
