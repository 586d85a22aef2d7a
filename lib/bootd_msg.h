/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages between netboot-agent and netboot-bootd (docs/protocol.md): JSON <-> struct, no I/O. */
#ifndef LIB_BOOTD_MSG_H
#define LIB_BOOTD_MSG_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/bundle.h"
#include "lib/error.h"
#include "lib/event.h"
#include "lib/id.h"

enum bootd_msg_type {
	BOOTD_MSG_CONFIG,
	BOOTD_MSG_READY,
	BOOTD_MSG_FATAL,
	BOOTD_MSG_TABLE_BEGIN,
	BOOTD_MSG_SUBNET,
	BOOTD_MSG_HOST,
	BOOTD_MSG_HOST_DEL,
	BOOTD_MSG_TABLE_END,
	BOOTD_MSG_ACK,
	BOOTD_MSG_EVENT,
	BOOTD_MSG_CONSUME,
	BOOTD_MSG_CONSUME_OK,
	BOOTD_MSG_CONSUME_NO,
	BOOTD_MSG_REPORT,
	BOOTD_MSG_REPORT_OK,
	BOOTD_MSG_REPORT_NO,
	BOOTD_MSG_MENU,
	BOOTD_MSG_MENU_IMAGE,
};

enum {
	BOOTD_MSG_PAYLOADS_MAX = 80,
	BOOTD_MSG_NOTE_MAX = 65536,
	BOOTD_MSG_STAGE_SIZE = 16
};

enum bootd_msg_payload_kind {
	BOOTD_PAYLOAD_KERNEL,
	BOOTD_PAYLOAD_INITRD,
	BOOTD_PAYLOAD_FILE,
	/* A text that the agent has made for this ticket: its path is below the scripts root, and its
	 * size is not told. */
	BOOTD_PAYLOAD_TEMPLATE
};

/* Is the machine's boot made of it (kernel, initrd), so that it is held back and served once? */
bool
bootd_msg_payload_is_boot(enum bootd_msg_payload_kind kind);

struct bootd_msg_payload {
	char name[64]; /* URL: /b/TOKEN/NAME; of a file it may hold '/' */
	char path
	    [BUNDLE_PATH_SIZE]; /* below the images root; of a template, the scripts root */
	int64_t size;
	enum bootd_msg_payload_kind kind;
};

/* The ticket part of a host entry; ticket[0] == 0: none. */
struct bootd_msg_boot {
	char ticket[ID_SIZE];
	char token[ID_TOKEN_SIZE];
	char job[ID_SIZE];
	char boot[ID_SIZE];
	bool consumed;
	char script[64]; /* file name below the scripts root */
	struct bootd_msg_payload payloads[BOOTD_MSG_PAYLOADS_MAX];
	size_t n_payloads;
};

/* One tagged message; which members count follows from `type` (docs/protocol.md). Pointers are owned. */
struct bootd_msg {
	enum bootd_msg_type type;
	int64_t gen;
	uint64_t req;
	char *text;    /* config: document; fatal: text; report: note; *_no: reason */
	char code[40]; /* fatal */
	char *next;    /* fatal */
	int64_t pid;   /* ready */
	uint16_t http_port, tftp_port; /* ready */
	struct bundle_site
	    *site; /* table_begin: name, timezone, answer_unknown, idle, loaders only */
	/* menu: its menu only */
	struct bundle_image *image; /* menu_image */
	struct bundle_subnet *subnet;
	struct bundle_host *host;
	struct bootd_msg_boot *boot; /* with host; NULL: no ticket */
	struct event *event;
	char name[BUNDLE_NAME_SIZE];	  /* host_del, consume: host name */
	char ticket[ID_SIZE];		  /* consume */
	char token[ID_TOKEN_SIZE];	  /* report */
	char stage[BOOTD_MSG_STAGE_SIZE]; /* report: up|installed|failed|booted */
	char mac[ADDR_MAC_TEXT], ip[ADDR_IP_TEXT], file[EVENT_FILE_SIZE];
};

json_t *
bootd_msg_to_json(const struct bootd_msg *m);
/* 0 or -EINVAL with *ret untouched; the caller runs bootd_msg_done(). */
int
bootd_msg_from_json(const json_t *v, struct bootd_msg *ret, struct error *err) MUST_CHECK;
void
bootd_msg_done(struct bootd_msg *m);

#endif
