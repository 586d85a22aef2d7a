/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Exported audits: any lines, fed to the check. What was read as a row is written as one that reads the same, and
 * a chain that is said to hold does so again. */
#include "lib/audit_chain.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_again(const struct audit_chain_row *r)
{
	json_t *v = audit_chain_json(r);
	char *text = json_text(v);
	struct audit_chain_line again;
	struct error err;

	if (strlen(text) <= AUDIT_CHAIN_LINE_MAX) {
		assert(audit_chain_line_parse(text, strlen(text), &again, &err) == 0);
		assert(again.row.seq == r->seq && again.row.version == r->version);
		for (size_t i = 0; i < AUDIT_CHAIN_TEXTS; i++) {
			assert(again.row.text[i].n == r->text[i].n);
			assert(
			    memcmp(again.row.text[i].v, r->text[i].v, r->text[i].n) == 0);
		}
		audit_chain_line_done(&again);
	}
	free(text);
	json_decref(v);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct audit_chain *c = audit_chain_new();
	struct audit_chain_result r;
	const char *p = (const char *)data, *end = p + size;
	bool more = true;

	while (p < end) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((eol ? eol : end) - p);
		struct audit_chain_line line;
		struct error err;

		if (audit_chain_line_parse(p, n, &line, &err) == 0) {
			if (line.head) {
				audit_chain_expect(c, line.row.seq, "");
			} else {
				check_again(&line.row);
				json_decref(audit_chain_shown(&line.row.hash));
				more = more && audit_chain_feed(c, &line.row);
			}
			audit_chain_line_done(&line);
		}
		p += n + 1;
	}
	audit_chain_end(c, &r);
	assert(more || r.why != AUDIT_CHAIN_OK);
	assert(r.why == AUDIT_CHAIN_OK || r.text[0]);
	audit_chain_free(c);
	return 0;
}
