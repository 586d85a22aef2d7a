/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The two implementations of consumer.h behind one set of names.
 *
 * Each call goes straight to the implementation that bootd.c chose: agent_link.c under an
 * agent, standalone.c alone. Nothing is kept here and nothing can fail. */
#include "boot-services/consumer.h"

#include "boot-services/consumer_priv.h"

uint64_t
consumer_ask(struct consumer *c, const struct hosttab_entry *host, const char *mac,
    const char *ip, const char *file, consumer_answer *answer, void *arg)
{
	return c->ask(c, host, mac, ip, file, answer, arg);
}

uint64_t
consumer_report(struct consumer *c, const char *token, const char *stage,
    const char *note, const char *ip, consumer_answer *answer, void *arg)
{
	return c->report(c, token, stage, note, ip, answer, arg);
}

void
consumer_cancel(struct consumer *c, uint64_t req)
{
	c->cancel(c, req);
}
