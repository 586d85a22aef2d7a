/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of a log, the first octet says of which server: every text is bounded and ended, an event is one that bootd
 * could make, and no line but a fetch or a report with the ticket's token says that the ticket was used. */
#include "agent/logwatch.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

#define TOKEN "0123456789abcdefghjkmnpqrs"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct logwatch *
make_table(void)
{
	struct logwatch *w = logwatch_new();
	struct bundle_host *h = str_alloc(sizeof(*h));
	struct bootd_msg_boot *b = str_alloc(sizeof(*b));

	str_clip(h->name, sizeof(h->name), "edge01");
	h->n_nics = 1;
	if (addr_mac_parse("52:54:00:77:00:01", &h->nics[0].mac) < 0 ||
	    addr_ip_parse("10.77.0.100", &h->nics[0].ip) < 0)
		abort();
	str_clip(b->ticket, sizeof(b->ticket), "01m8186kgj3sd2xm");
	str_clip(b->token, sizeof(b->token), TOKEN);
	b->n_payloads = 1;
	str_clip(b->payloads[0].name, sizeof(b->payloads[0].name), "linux");
	b->payloads[0].size = 1000;
	logwatch_put_host(w, h, b);
	free(h);
	free(b);
	return w;
}

static void
check_line(const struct logline *l)
{
	if (l->what == LOGLINE_NOTHING ||
	    strnlen(l->file, sizeof(l->file)) == sizeof(l->file) ||
	    strnlen(l->kind, sizeof(l->kind)) == sizeof(l->kind) ||
	    strnlen(l->xid, sizeof(l->xid)) == sizeof(l->xid) ||
	    strnlen(l->method, sizeof(l->method)) == sizeof(l->method) ||
	    strnlen(l->agent, sizeof(l->agent)) == sizeof(l->agent) ||
	    strnlen(l->reason, sizeof(l->reason)) == sizeof(l->reason) || l->bytes < -1 ||
	    l->total < -1)
		abort();
}

static void
check_out(const struct logline *l, struct logwatch_out *out)
{
	char path[EVENT_FILE_SIZE];

	if ((out->consume || out->report) &&
	    (l->what != LOGLINE_HTTP ||
		!logwatch_clean_path(l->file, path, sizeof(path)) ||
		strstr(path, TOKEN) == NULL))
		abort();
	if (!out->has_event)
		return;
	/* Names are told, and folders are not: one of them is the token. */
	if (strchr(out->ev.kind, '.') == NULL ||
	    (l->what == LOGLINE_HTTP && strchr(out->ev.file, '/') != NULL))
		abort();
	event_done(&out->ev);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct logwatch *w;
	const char *at, *end;
	enum logline_format f;

	if (size < 2)
		return 0;
	f = (enum logline_format)(data[0] % LOGLINE_FORMATS);
	at = (const char *)data + 1;
	end = (const char *)data + size;
	w = make_table();
	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t n = (size_t)((stop == NULL ? end : stop) - at);
		struct logwatch_out out;
		struct logline l;

		if (logline_parse(f, at, n, &l)) {
			check_line(&l);
			logwatch_line(w, f, &l, 1, &out);
			check_out(&l, &out);
		}
		at += n + 1;
	}
	logwatch_free(w);
	return 0;
}
