/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a story to a verdict.
 *
 * Entry points: verdict_judge() for what failed, verdict_provisional() for what is open, verdict_state().
 * What the agent said stands, unless a row that may take its place has its rule fulfilled: then that one says more.
 * The first such row of the tables wins, a certain one before a likely one; the others that hold are told as well.
 * Ownership: rows are constants; a verdict holds pointers to them and copies of texts.
 * Failure modes: none. A code without a row keeps the agent's text and next step. */
#include "lib/verdict.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

static_assert((int)STORY_FACTS <= 64, "facts are bits of a 64-bit word");

enum {
	SAY_SIZE = 320,
	SLOW_ENOUGH =
	    3, /* boots of the past, from which on one may be slower than usual */
};

const struct verdict_row *
verdict_find(const char *code)
{
	for (size_t t = 0; t < VERDICT_TABLES; t++)
		for (const struct verdict_row *row = verdict_table_all[t]; row->code;
		     row++)
			if (str_eq(row->code, code))
				return row;
	return NULL;
}

static bool
refines(const struct verdict_row *row, const char *code)
{
	for (size_t i = 0; row->refines != NULL && row->refines[i] != NULL; i++)
		if (str_eq(row->refines[i], code))
			return true;
	return false;
}

bool
verdict_refinable(const char *code)
{
	for (size_t t = 0; t < VERDICT_TABLES; t++)
		for (const struct verdict_row *row = verdict_table_all[t]; row->code;
		     row++)
			if (refines(row, code))
				return true;
	/* It says more of the way to the silence. */
	return verdict_find(code) != NULL && verdict_find(code)->say != NULL;
}

/* ---- words ---- */

static const char *
word_value(const struct verdict_names *names, const char *word, size_t n)
{
	const struct {
		const char *word, *value;
	} words[] = {{"HOST", names->host}, {"SITE", names->site}, {"JOB", names->job},
	    {"BOOT", names->boot}, {"IMAGE", names->image}};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i].word) == n && strncmp(words[i].word, word, n) == 0 &&
		    words[i].value != NULL && words[i].value[0] != '\0')
			return words[i].value;
	return NULL;
}

static bool
upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

bool
verdict_fill_names(
    const struct verdict_names *names, const char *src, char *dst, size_t size)
{
	size_t n = 0;
	bool filled = false;

	assert(size > 0);
	while (*src != '\0' && n + 1 < size) {
		size_t word = 0;

		while (upper(src[word]))
			word++;
		const char *value = word > 0 ? word_value(names, src, word) : NULL;
		size_t room = size - n;
		int len = snprintf(dst + n, room, "%.*s",
		    (int)(value	 ? strlen(value)
			  : word ? word
				 : 1),
		    value ? value : src);

		n += len < 0 ? 0 : (size_t)len < room ? (size_t)len : room - 1;
		src += word ? word : 1;
		filled |= value != NULL;
	}
	dst[n] = '\0';
	/* A cut one may have ceased to be UTF-8. */
	char *copy = str_dup(dst);

	str_escape(dst, size, copy, strlen(copy));
	free(copy);
	return filled;
}

void
verdict_fill(const struct story *story, const char *src, char *dst, size_t size)
{
	const struct verdict_names names = {.host = story->host.name,
	    .site = story->site,
	    .job = story->job,
	    .boot = story->boot,
	    .image = story->image};

	verdict_fill_names(&names, src, dst, size);
}

/* What the row says of this machine: ": the panic's line". */
static void
say(const struct verdict_row *row, const struct verdict_look *look, char *ret,
    size_t size)
{
	const struct story_fact *f = &look->story->fact[row->quote];

	ret[0] = '\0';
	if (row->say != NULL)
		row->say(look, ret, size);
	else if (row->quote != STORY_NONE && f->n > 0)
		snprintf(ret, size, ": %.*s", STORY_TEXT_SIZE - 1, f->text);
}

static void
where(const struct verdict_look *look, char *ret, size_t size)
{
	const struct story *s = look->story;
	int64_t waited = story_waited(s, look->now);
	char took[32];

	ret[0] = '\0';
	if (s->stage > STAGE_QUEUED && s->stage < STAGE_DONE && waited > 0)
		snprintf(ret, size, " (stage %s, %s)", stage_name(s->stage),
		    str_duration(waited, took, sizeof(took)));
}

/* The row's own words, and what it says of this machine. That it is not proven goes with the text, wherever that is
 * told. */
static void
tell(const struct verdict_row *row, const struct verdict_look *look, bool certain,
    struct error *ret)
{
	char said[SAY_SIZE], at[64], text[ERROR_TEXT_SIZE];

	say(row, look, said, sizeof(said));
	where(look, at, sizeof(at));
	const char *head = certain ? "" : VERDICT_PROBABLY;
	size_t rest = strlen(head) + strlen(row->text) + strlen(at);

	snprintf(text, sizeof(text), "%s%s%.*s%s", head, row->text,
	    rest < sizeof(text) ? (int)(sizeof(text) - 1 - rest) : 0, said, at);
	str_clip(ret->code, sizeof(ret->code), row->code);
	str_escape(ret->text, sizeof(ret->text), text, strlen(text));
	verdict_fill(look->story, row->next, ret->next, sizeof(ret->next));
}

/* ---- choice ---- */

/* What a stage that was missed is called where nobody gave it a name. */
static const char *
code_of_stage(const struct story *s)
{
	bool used = story_has(s, STORY_CONSUMED);

	switch ((int)s->stage) {
	case STAGE_PREFLIGHT: return "preflight-timeout";
	case STAGE_ARMED: return "boot-services-down";
	case STAGE_OVERRIDE:
		return story_has(s, STORY_OFF) ? "bmc-unreachable" : "power-not-off";
	case STAGE_POWER: return "power-not-on";
	case STAGE_FIRMWARE_DHCP:
		return story_has(s, STORY_FOREIGN)   ? "other-dhcp-answered"
		       : story_has(s, STORY_IGNORED) ? "dhcp-not-answered"
						     : "no-dhcp-after-power-on";
	case STAGE_LOADER:
		return story_has(s, STORY_LOADER_BEGAN) ? "loader-stalled"
		       : story_has(s, STORY_FOREIGN)	? "other-dhcp-answered"
		       : story_has(s, STORY_IGNORED)	? "dhcp-not-answered"
		       : story_has(s, STORY_NO_LOADER)	? "loader-missing"
							: "loader-not-fetched";
	case STAGE_IPXE_DHCP:
		return story_has(s, STORY_IGNORED) ? "dhcp-not-answered" : "ipxe-silent";
	case STAGE_SCRIPT: return "script-not-fetched";
	case STAGE_KERNEL:
		return used				  ? "ticket-consumed-undelivered"
		       : story_has(s, STORY_KERNEL_BEGAN) ? "kernel-stalled"
							  : "script-fetched-kernel-not";
	case STAGE_INITRD: return used ? "ticket-consumed-undelivered" : "initrd-stalled";
	case STAGE_ROOTFS: return "rootfs-stalled";
	case STAGE_OS_UP: return "os-silent";
	case STAGE_INSTALLED: return "installer-silent";
	case STAGE_LOCAL_BOOT:
		return story_has(s, STORY_AGAIN) ? "booted-again-after-install"
						 : "disk-boot-not-seen";
	default: return "";
	}
}

static void
add_also(struct verdict *v, const struct verdict_row *row)
{
	if (v->n_also < VERDICT_ALSO_MAX)
		v->also[v->n_also++] = row;
}

/* The best row that may take the place of `code`; the others that hold go to `also`. */
static const struct verdict_row *
refine(const struct verdict_look *look, const char *code, bool early, struct verdict *v,
    enum verdict_sure *ret_sure)
{
	const struct verdict_row *best = NULL;

	*ret_sure = VERDICT_NO;
	for (size_t t = 0; t < VERDICT_TABLES; t++) {
		for (const struct verdict_row *row = verdict_table_all[t]; row->code;
		     row++) {
			enum verdict_sure sure;

			if (row->rule == NULL || !refines(row, code) ||
			    (early && !row->early))
				continue;
			sure = row->rule(look);
			if (sure == VERDICT_NO)
				continue;
			if (best == NULL || (best->vague && !row->vague) ||
			    (sure > *ret_sure && !row->vague)) {
				if (best != NULL)
					add_also(v, best);
				best = row;
				*ret_sure = sure;
			} else {
				add_also(v, row);
			}
		}
	}
	return best;
}

/* The agent's words, with the names in its next step filled in. */
static void
keep(const struct verdict_look *look, const struct verdict_row *row, struct error *ret)
{
	const struct error *said = &look->story->said;

	*ret = *said;
	if (row != NULL && said->text[0] == '\0')
		str_clip(ret->text, sizeof(ret->text), row->text);
	verdict_fill(look->story,
	    said->next[0] != '\0' || row == NULL ? said->next : row->next, ret->next,
	    sizeof(ret->next));
}

static void
say_probably(struct error *ret)
{
	char text[ERROR_TEXT_SIZE];

	str_clip(text, sizeof(text), ret->text);
	snprintf(ret->text, sizeof(ret->text), VERDICT_PROBABLY "%.490s", text);
	str_clip(text, sizeof(text), ret->text);
	str_escape(ret->text, sizeof(ret->text), text, strlen(text));
}

/* Who another server was there for is not in each of its packets. */
static bool
agent_knows(const struct story *s, const char *code)
{
	return !str_eq(code, "other-dhcp-answered") || s->foreign_boot;
}

bool
verdict_judge(const struct verdict_look *look, struct verdict *ret)
{
	const struct story *s = look->story;
	const char *code = s->said.code;
	enum verdict_sure sure;

	memset(ret, 0, sizeof(*ret));
	if (str_eq(s->end, "done") || (s->end[0] == '\0' && code[0] == '\0' &&
					  !str_eq(s->stages[s->stage].state, "missed")))
		return false;
	if (code[0] == '\0' && !str_eq(s->end, "cancelled"))
		code = code_of_stage(s);
	if (code[0] == '\0')
		return false;
	const struct verdict_row *row = refine(look, code, false, ret, &sure);
	if (row != NULL && !str_eq(row->code, code)) {
		ret->row = row;
		ret->certain = sure == VERDICT_CERTAIN;
		tell(row, look, ret->certain, &ret->is);
		return true;
	}
	ret->row = verdict_find(code);
	ret->certain = ret->row != NULL && agent_knows(s, code);
	keep(look, ret->row, &ret->is);
	if (ret->row != NULL && !ret->certain)
		say_probably(&ret->is);
	str_clip(ret->is.code, sizeof(ret->is.code), code);
	/* A machine's own silence: the way up to it says more than the agent does. */
	if (ret->row != NULL && ret->row->say != NULL)
		tell(ret->row, look, true, &ret->is);
	return true;
}

void
verdict_state(const char *code, const struct story *story, struct verdict *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->row = verdict_find(code);
	assert(ret->row != NULL);
	ret->certain = true;
	str_clip(ret->is.code, sizeof(ret->is.code), ret->row->code);
	str_clip(ret->is.text, sizeof(ret->is.text), ret->row->text);
	verdict_fill(story, ret->row->next, ret->is.next, sizeof(ret->is.next));
}

void
verdict_provisional(const struct verdict_look *look, struct verdict *ret)
{
	const struct story *s = look->story;
	int64_t waited = story_waited(s, look->now);
	int64_t deadline = s->stages[s->stage].deadline;
	enum verdict_sure sure;
	char took[32], usual[32];

	memset(ret, 0, sizeof(*ret));
	const struct verdict_row *row = refine(look, code_of_stage(s), true, ret, &sure);
	if (row != NULL) {
		ret->row = row;
		/* It may go on all the same. */
		ret->certain = false;
		tell(row, look, ret->certain, &ret->is);
		return;
	}
	bool late = deadline > 0 && waited > deadline;
	bool slow =
	    look->usual->n >= SLOW_ENOUGH && waited > look->usual->p90 + USEC_PER_SEC;
	verdict_state(late   ? "deadline-passed"
		      : slow ? "slower-than-usual"
			     : "under-way",
	    s, ret);
	str_duration(waited, took, sizeof(took));
	if (look->usual->n > 0)
		snprintf(ret->is.text, sizeof(ret->is.text),
		    "waits in stage %s for %s, usually %s (%u boot%s)",
		    stage_name(s->stage), took,
		    str_duration(look->usual->median, usual, sizeof(usual)),
		    look->usual->n, look->usual->n == 1 ? "" : "s");
	else
		snprintf(ret->is.text, sizeof(ret->is.text),
		    "waits in stage %s for %s; what is usual here is not known yet",
		    stage_name(s->stage), took);
}
