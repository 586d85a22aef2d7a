/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who serves the site's machines, as the rest of the agent sees it: netboot-bootd (bootd_proc.h) or the
 * site's own servers (own_servers_io.h). Both tell what happens through struct bootd_proc_ops: up, the table's
 * next host, the table sent, messages (ack, event, consume, report), down. */
#ifndef AGENT_WIRE_H
#define AGENT_WIRE_H

#include <stdint.h>

#include "lib/bootd_msg.h"
#include "lib/bundle.h"
#include "lib/error.h"

/* What each does is told in bootd_proc.h. */
struct wire_ops {
	void (*send_table)(void *self, const struct bundle_site *site);
	void (*update_table)(void *self, const struct bundle_site *site);
	int64_t (*put_host)(
	    void *self, const struct bundle_host *h, const struct bootd_msg_boot *b);
	void (*del_host)(void *self, const char *name);
	void (*answer)(
	    void *self, enum bootd_msg_type type, uint64_t req, const char *reason);
	/* What was told up to now is durable. */
	void (*committed)(void *self);
	uint16_t (*http_port)(const void *self);
	void (*hold)(void *self, const struct error *why);
	void (*release)(void *self);
	void (*free)(void *self);
};

struct wire {
	const struct wire_ops *ops;
	void *self;
};

#endif
