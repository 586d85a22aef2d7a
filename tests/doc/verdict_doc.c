/* SPDX-License-Identifier: GPL-3.0-or-later */
/* docs/verdicts.md out of the table of verdicts; with files, what the table says of each: traces, one event a line.
 *
 *     verdict_doc > docs/verdicts.md
 *     verdict_doc tests/data/traces/bmc-auth.ndjson */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "lib/str.h"
#include "lib/verdict.h"

static const char intro[] =
    "# Verdicts\n\n"
    "<!-- Made by `make docs` from lib/verdict_table*.c: change those. -->\n\n"
    "How a job or a boot ended, in one word that scripts may rely on. `netboot-ctl why "
    "HOST|JOB|BOOT` tells it with its "
    "evidence and\n"
    "what is usual for the machine; `--wait`, `status --stuck`, `job show`, "
    "notifications and metrics have the same "
    "code.\n\n"
    "The site's agent ends a job with one of the codes under [Failed](#failed). The "
    "orchestrator then looks at all that was "
    "recorded of\n"
    "the boot: where the rule of a verdict under [Found in the "
    "events](#found-in-the-events) holds, that one takes the "
    "agent's place; what the\n"
    "agent said stays with the job as `agent_code`. A rule that points to a cause "
    "without proving it is told as "
    "*likely* and its text begins with \"probably:\"; what could\n"
    "not be seen is never told as certain. HOST, SITE, JOB, BOOT and IMAGE in a next "
    "step are "
    "filled in; what else is in "
    "capitals is for you.\n";

static void
print_codes(const char *const *codes)
{
	for (size_t i = 0; codes[i] != NULL; i++)
		printf("%s[`%s`](#%s)", i > 0 ? ", " : "", codes[i], codes[i]);
}

static void
print_facts(uint64_t shows)
{
	const char *sep = "";

	for (int i = STORY_NONE + 1; i < STORY_FACTS; i++) {
		if ((shows & VERDICT_FACT(i)) == 0)
			continue;
		printf("%s%s", sep, story_what_name((enum story_what)i));
		sep = ", ";
	}
}

static void
print_row(const struct verdict_row *row)
{
	printf("\n### %s\n\n**%s.** %c%s.\n", row->code, row->title,
	    row->text[0] >= 'a' && row->text[0] <= 'z' ? row->text[0] - 32 : row->text[0],
	    row->text + 1);
	if (row->refines != NULL) {
		printf("\nTakes the place of ");
		print_codes(row->refines);
		printf(
		    ".%s\n", row->early ? " Told while the job still waits, too." : "");
	}
	if (row->shows != 0) {
		printf("\nEvidence: ");
		print_facts(row->shows);
		printf(".\n");
	}
	if (row->next[0] != '\0')
		printf("\nNext: %s%s\n", row->next,
		    row->next[strlen(row->next) - 1] == '?' ? "" : ".");
}

static void
print_table(const char *title, const char *text, int table, enum verdict_kind kind)
{
	printf("\n## %s\n\n%s\n", title, text);
	for (const struct verdict_row *row = verdict_table_all[table]; row->code; row++)
		if (row->kind == kind)
			print_row(row);
}

static void
print_doc(void)
{
	fputs(intro, stdout);
	print_table("Found in the events", "In order of preference.", 0, VERDICT_FAILED);
	print_table("Failed", "As the agent, or the orchestrator, says it itself.", 1,
	    VERDICT_FAILED);
	print_table("Cancelled", "What had been done to the machine by then.", 2,
	    VERDICT_CANCELLED);
	print_table("Not failed",
	    "What `why` says of a job that is open, of a boot that nobody ordered, and "
	    "of a "
	    "machine without either. They are no verdicts of ended jobs.",
	    2, VERDICT_STATE);
}

/* {"name","uuid","boot":[MAC]} */
static void
take_host(struct story_host *host, const json_t *v)
{
	const char *name = json_string_value(json_object_get(v, "name"));
	const char *uuid = json_string_value(json_object_get(v, "uuid"));
	const json_t *boot = json_object_get(v, "boot");

	str_clip(host->name, sizeof(host->name), name != NULL ? name : "");
	str_clip(host->uuid, sizeof(host->uuid), uuid != NULL ? uuid : "");
	for (size_t i = 0; i < json_array_size(boot) && i < BUNDLE_MACS_MAX; i++)
		str_clip(host->boot_macs[host->n_boot_macs++], ADDR_MAC_TEXT,
		    json_string_value(json_array_get(boot, i)));
}

/* The first event that names a host says whose trace it is; a first line {"host":{…}} says its UUID. */
static int
take_line(struct story *s, int64_t seq, const char *line)
{
	struct event ev;
	struct error err;
	json_t *v = json_parse(line, strlen(line), &err);
	const json_t *host = json_object_get(v, "host");
	int rc = -EINVAL;

	if (json_is_object(host)) {
		take_host(&s->host, host);
		rc = 0;
	} else if (v != NULL && (rc = event_from_json(v, &ev, &err)) == 0) {
		if (s->host.name[0] == '\0')
			str_clip(s->host.name, sizeof(s->host.name), ev.host);
		story_take(s, seq, &ev);
		event_done(&ev);
	}
	if (rc < 0)
		fprintf(stderr, "line %lld: %s\n", (long long)seq, err.text);
	json_decref(v);
	return rc;
}

static int
judge_file(const char *path)
{
	static const struct story_host nobody;
	struct verdict_usual usual = {0};
	struct story *s = str_alloc(sizeof(*s));
	struct verdict v;
	char *line = NULL;
	size_t size = 0;
	int64_t seq = 0;
	int rc = 0;
	FILE *f = fopen(path, "r");

	story_init(s, &nobody);
	while (f != NULL && rc == 0 && getline(&line, &size, f) > 0)
		rc = take_line(s, ++seq, line);
	const struct verdict_look look = {s, &usual, s->last};
	if (f == NULL || rc < 0)
		fprintf(stderr, "%s: cannot be read\n", path);
	else if (!verdict_judge(&look, &v))
		printf("%s: none\n", path);
	else
		printf("%s: %s%s: %s: %s\n", path, v.is.code,
		    v.certain ? "" : " (likely)", v.is.text, v.is.next);
	if (f != NULL)
		fclose(f);
	free(line);
	free(s);
	return f == NULL || rc < 0;
}

int
main(int argc, char **argv)
{
	int status = 0;

	if (argc < 2)
		print_doc();
	for (int i = 1; i < argc; i++)
		status |= judge_file(argv[i]);
	return status;
}
