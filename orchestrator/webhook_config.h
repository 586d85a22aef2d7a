/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An entry of `webhooks` in orchestrator.yaml. */
#ifndef ORCHESTRATOR_WEBHOOK_CONFIG_H
#define ORCHESTRATOR_WEBHOOK_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"

enum { WEBHOOK_CONFIG_MAX = 32, WEBHOOK_CONFIG_ON_MAX = 64, WEBHOOK_EVENTS_DAYS_MIN = 7 };

enum webhook_format {
	WEBHOOK_JSON, /* everything that is known, as one object */
	WEBHOOK_SLACK, /* {"text": …}, as Slack, Mattermost and Matrix' bridges take it */
	WEBHOOK_TEXT, /* a few plain lines, as gateways to e-mail take them */
};

struct webhook_config {
	char *name;
	char *url;
	char *secret_file; /* or NULL: not signed */
	char *ca_file;	   /* or NULL: who the system trusts */
	char **on;	   /* what it is told of, webhook_body_match() */
	unsigned n_on;
	enum webhook_format format;
	char *body_template; /* `template`: instead of a format; or NULL */
	uint32_t timeout_s;
	char *secret; /* what is in the file, once webhook_config_open() has read it */
};

struct cyaml_schema_value;
struct yaml_where;

/* For the schema of the whole file. */
extern const struct cyaml_schema_value webhook_config_schema;

/* What a schema cannot say, and defaults. -EINVAL with file, line and key in *err. */
int
webhook_config_check(const struct yaml_where *where, struct webhook_config *list,
    unsigned n, struct error *err) MUST_CHECK;
/* Reads the secret, if there is one; refused where others than the owner can read it. */
int
webhook_config_open(struct webhook_config *c, struct error *err) MUST_CHECK;
/* What it owns; not c itself. */
void
webhook_config_done(struct webhook_config *c);
/* "https://hook.example": a URL as far as it may be shown. What follows is often a secret. */
void
webhook_config_origin(const char *url, char *buf, size_t size);

#endif
