/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The netboot-bootd process: started, fed with configuration and table, started again
 * when it dies. docs/protocol.md has the messages. */
#ifndef AGENT_BOOTD_PROC_H
#define AGENT_BOOTD_PROC_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/wire.h"
#include "lib/bootd_msg.h"
#include "lib/bundle.h"
#include "lib/error.h"
#include "lib/log.h"

struct bootd_proc;

struct bootd_proc_ops {
	/* The process serves, but has no table: bootd_proc_send_table() is expected. */
	void (*on_up)(void *arg, uint16_t http_port);
	/* The next host of the table after `after` ("" first): 1 with *ret_host and
	 * *ret_boot (ticket "" for none) filled, 0 at the end. */
	int (*next_host)(void *arg, const char *after, struct bundle_host *ret_host,
	    struct bootd_msg_boot *ret_boot);
	void (*on_table_sent)(void *arg, int64_t gen);
	/* ack, event, consume, report. */
	void (*on_message)(void *arg, const struct bootd_msg *m);
	/* It ended; why->code is bootd's own reason when it gave one. */
	void (*on_down)(void *arg, const struct error *why);
};

struct bootd_proc_opts {
	struct event_base *base;
	const struct log *log;
	const char *program;
	const char *config; /* text of the configuration */
	int64_t answer_us;  /* no acknowledgement for so long: it hangs; 0: 10 s */
	const struct bootd_proc_ops *ops;
	void *arg;
};

/* Everything in opts is borrowed. Starts at once, unless held. */
struct bootd_proc *
bootd_proc_new(const struct bootd_proc_opts *opts, bool held);
/* Ends the process, if it runs, and starts none until bootd_proc_release(). on_down is
 * told `why`. */
void
bootd_proc_hold(struct bootd_proc *p, const struct error *why);
void
bootd_proc_release(struct bootd_proc *p);
/* Ends the process. NULL allowed. */
void
bootd_proc_free(struct bootd_proc *p);

/* Sends site and hosts; once more from the beginning when one is under way. */
void
bootd_proc_send_table(struct bootd_proc *p, const struct bundle_site *site);
/* The table has changed. Before the first one of this process nothing is sent: that one is
 * begun by bootd_proc_send_table(), when every ticket has been replaced. */
void
bootd_proc_update_table(struct bootd_proc *p, const struct bundle_site *site);
/* One host's entry; returns the number that will be acknowledged, 0 while no table is in
 * force. */
int64_t
bootd_proc_put_host(
    struct bootd_proc *p, const struct bundle_host *h, const struct bootd_msg_boot *b);
void
bootd_proc_del_host(struct bootd_proc *p, const char *name);
/* consume_ok|no, report_ok|no. */
void
bootd_proc_answer(
    struct bootd_proc *p, enum bootd_msg_type type, uint64_t req, const char *reason);
uint16_t
bootd_proc_http_port(const struct bootd_proc *p);
/* The same functions as an interface; bootd_proc_free() is among them. */
struct wire
bootd_proc_wire(struct bootd_proc *p);

#endif
