/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /etc/netboot/orchestrator.yaml. */
#ifndef ORCHESTRATOR_ORCH_CONFIG_H
#define ORCHESTRATOR_ORCH_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/error.h"
#include "orchestrator/orders_cap.h"
#include "orchestrator/retention.h"
#include "orchestrator/webhook_config.h"

#define ORCH_CONFIG_PATH "/etc/netboot/orchestrator.yaml"
#define ORCH_CONFIG_WEB_LISTEN "127.0.0.1:8017"

/* The page, and the interface by TCP. */
struct orch_config_web {
	char **listen; /* 127.0.0.1:8017; an empty list: off */
	uint32_t n_listen;
	bool listen_default;	  /* nobody wrote it */
	char *tls_cert, *tls_key; /* or NULL, both: web_is_own() */
	char **names;		  /* by which people call this server */
	uint32_t n_names;
	uint32_t session_hours; /* until one has to log in again (12) */
	char *assets;		/* the page's files are read from there; NULL: built in */
};

/* When destructive work needs a second person. */
struct orch_config_approval {
	uint32_t hosts;	 /* on more than so many (10) */
	uint32_t lead_h; /* a schedule's run is planned so long ahead for it (24) */
};

/* What is carried out bit by bit. */
struct orch_config_unattended {
	uint32_t in_flight; /* hosts at a time, of all rollouts together (50) */
};

/* All owned; absent keys have their defaults. */
struct orch_config {
	char *database;	   /* /var/lib/netboot/orchestrator.db */
	char *socket;	   /* /run/netboot/orchestrator.sock */
	char *group;	   /* netboot: its members may use the interface */
	char *images_root; /* /srv/netboot/images */
	char *key_file; /* /var/lib/netboot/orchestrator.key: seals the BMCs' passwords */
	uint32_t console_days;	  /* recordings of consoles are kept that long (90) */
	uint32_t console_mb;	  /* and no more of them than this (4096) */
	uint32_t console_host_mb; /* of one host's between jobs (64) */
	struct orch_config_web web;
	struct orders_caps caps;
	struct retention_days retention; /* of everything else; see retention.h */
	char *
	    oui_file; /* /usr/share/ieee-data/oui.txt: who made network cards; it need not be there */
	char *
	    page_url; /* by which people reach the page, for links in notifications; or NULL */
	struct orch_config_approval approval;
	struct orch_config_unattended unattended;
	struct webhook_config
	    *webhooks; /* their secrets are read by orch_config_load() */
	unsigned n_webhooks;
};

/* 0, or -EINVAL with code "config" and file, line and key in the text. `name` is the
 * file's. */
int
orch_config_parse(const char *name, const char *text, size_t len,
    struct orch_config **ret, struct error *err) MUST_CHECK;
int
orch_config_load(
    const char *path, struct orch_config **ret, struct error *err) MUST_CHECK;
void
orch_config_free(struct orch_config *c);

#endif
