/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an implementation of consumer.h provides; for agent_link.c, standalone.c and
 * consumer.c. */
#ifndef BOOT_SERVICES_CONSUMER_PRIV_H
#define BOOT_SERVICES_CONSUMER_PRIV_H

#include "boot-services/consumer.h"

/* First member of each implementation's struct. */
struct consumer {
	uint64_t (*ask)(struct consumer *c, const struct hosttab_entry *host,
	    const char *mac, const char *ip, const char *file, consumer_answer *answer,
	    void *arg);
	uint64_t (*report)(struct consumer *c, const char *token, const char *stage,
	    const char *note, const char *ip, consumer_answer *answer, void *arg);
	void (*cancel)(struct consumer *c, uint64_t req);
};

#endif
