// SPDX-License-Identifier: GPL-3.0-or-later
/* The schema of a webhook in orchestrator.yaml, and the checks that a schema cannot make.
 *
 * Entry points: webhook_config_schema within the schema of the file, webhook_config_check() on what was loaded,
 * webhook_config_open() for the secrets. Ownership: a list is the configuration's; its strings are libcyaml's, which
 * uses malloc. Failure modes: -EINVAL with file, line and key. No message shows more of a URL than its host. */
#include "orchestrator/webhook_config.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/secret.h"
#include "lib/str.h"
#include "lib/yaml_where.h"
#include "orchestrator/webhook_body.h"

enum {
	TEXT_MAX = 2000,
	TEMPLATE_MAX = 8000,
	NAME_MAX_LEN = 63,
	TIMEOUT_DEFAULT_S = 10,
	TIMEOUT_MAX_S = 60,
	SECRET_MIN = 16,
};

static const cyaml_schema_value_t on_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, EVENT_KIND_SIZE - 1)};

static const cyaml_strval_t formats[] = {
    {"json", WEBHOOK_JSON}, {"slack", WEBHOOK_SLACK}, {"text", WEBHOOK_TEXT}};

#define OPT (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)

static const cyaml_schema_field_t fields[] = {
    CYAML_FIELD_STRING_PTR(
	"name", CYAML_FLAG_POINTER, struct webhook_config, name, 1, NAME_MAX_LEN),
    CYAML_FIELD_STRING_PTR(
	"url", CYAML_FLAG_POINTER, struct webhook_config, url, 1, TEXT_MAX),
    CYAML_FIELD_STRING_PTR(
	"secret_file", OPT, struct webhook_config, secret_file, 1, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("ca_file", OPT, struct webhook_config, ca_file, 1, TEXT_MAX),
    CYAML_FIELD_SEQUENCE_COUNT("on", CYAML_FLAG_POINTER, struct webhook_config, on, n_on,
	&on_value, 1, WEBHOOK_CONFIG_ON_MAX),
    CYAML_FIELD_ENUM("format", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT,
	struct webhook_config, format, formats, CYAML_ARRAY_LEN(formats)),
    CYAML_FIELD_STRING_PTR(
	"template", OPT, struct webhook_config, body_template, 1, TEMPLATE_MAX),
    CYAML_FIELD_UINT("timeout_s", CYAML_FLAG_OPTIONAL, struct webhook_config, timeout_s),
    CYAML_FIELD_END,
};

const cyaml_schema_value_t webhook_config_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct webhook_config, fields)};

void
webhook_config_origin(const char *url, char *buf, size_t size)
{
	const char *host = strstr(url, "://");
	size_t n = 0;

	if (host)
		n = (size_t)(host - url) + 3 + strcspn(host + 3, "/?#");
	if (str_format(buf, size, "%.*s", (int)n, url) < 0)
		str_clip(buf, size, "(a long URL)");
}

/* NULL, or what is wrong with it. */
static const char *
url_fault(const char *url)
{
	const char *host = url;

	for (const char *p = url; *p; p++)
		if (*p <= ' ' || *p >= 0x7f)
			return "has a blank or a character that is not ASCII: encode it "
			       "as %XX";
	if (str_has_prefix(url, "https://"))
		host += sizeof("https://") - 1;
	else if (str_has_prefix(url, "http://"))
		host += sizeof("http://") - 1;
	else
		return "must begin with https:// or http://";
	size_t n = strcspn(host, "/?#");
	if (n == 0)
		return "has no host";
	if (memchr(host, '@', n))
		return "has a user or password in it, which would be logged by others";
	if (strchr(host, '#'))
		return "has a fragment, which is never sent";
	return NULL;
}

/* "job.failed", "job.*", "discovered". */
static bool
on_valid(const char *on)
{
	size_t n = strspn(on, "abcdefghijklmnopqrstuvwxyz0123456789-.");

	if (on[0] == '.' || strstr(on, ".."))
		return false;
	if (on[n] == '*')
		return n > 0 && on[n - 1] == '.' && on[n + 1] == '\0';
	return on[n] == '\0' && n > 0 && on[n - 1] != '.';
}

static int
check_one(const struct yaml_where *where, struct webhook_config *list, unsigned i,
    struct error *err)
{
	struct webhook_config *c = &list[i];
	char path[YAML_WHERE_PATH_SIZE];
	struct error why = {.code = ""};
	const char *fault = url_fault(c->url);

	yaml_where_path(path, "webhooks[%u].name", i);
	if (!str_name_valid(c->name))
		return yaml_where_bad(
		    where, path, err, "letters, digits, dots, '-' and '_' make a name");
	for (unsigned j = 0; j < i; j++)
		if (str_eq(list[j].name, c->name))
			return yaml_where_bad(
			    where, path, err, "there is another %s", c->name);
	yaml_where_path(path, "webhooks[%u].url", i);
	if (fault)
		return yaml_where_bad(where, path, err, "%s", fault);
	yaml_where_path(path, "webhooks[%u].secret_file", i);
	if (c->secret_file && c->secret_file[0] != '/')
		return yaml_where_bad(
		    where, path, err, "must be an absolute path, not %s", c->secret_file);
	yaml_where_path(path, "webhooks[%u].ca_file", i);
	if (c->ca_file && (c->ca_file[0] != '/' || !str_has_prefix(c->url, "https://")))
		return yaml_where_bad(where, path, err,
		    "must be an absolute path, of a webhook with https://");
	for (unsigned k = 0; k < c->n_on; k++) {
		yaml_where_path(path, "webhooks[%u].on[%u]", i, k);
		if (!on_valid(c->on[k]))
			return yaml_where_bad(where, path, err,
			    "no kind of event: write job.failed, or job.* for all of "
			    "job");
	}
	yaml_where_path(path, "webhooks[%u].template", i);
	if (c->body_template && c->format != WEBHOOK_JSON)
		return yaml_where_bad(
		    where, path, err, "either a format or a template, not both");
	if (c->body_template && webhook_body_check(c->body_template, &why) < 0)
		return yaml_where_bad(where, path, err, "%s", why.text);
	yaml_where_path(path, "webhooks[%u].timeout_s", i);
	if (c->timeout_s > TIMEOUT_MAX_S)
		return yaml_where_bad(where, path, err, "more than %d", TIMEOUT_MAX_S);
	if (c->timeout_s == 0)
		c->timeout_s = TIMEOUT_DEFAULT_S;
	return 0;
}

int
webhook_config_check(const struct yaml_where *where, struct webhook_config *list,
    unsigned n, struct error *err)
{
	for (unsigned i = 0; i < n; i++) {
		int rc = check_one(where, list, i, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int
webhook_config_open(struct webhook_config *c, struct error *err)
{
	int rc = 0;

	if (c->secret_file && !c->secret)
		rc = secret_file_read(c->secret_file, SECRET_MIN, &c->secret, err);
	if (rc < 0)
		error_prefix(err, "webhook %s", c->name);
	return rc;
}

void
webhook_config_done(struct webhook_config *c)
{
	free(c->name);
	free(c->url);
	free(c->secret_file);
	free(c->ca_file);
	for (unsigned i = 0; i < c->n_on; i++)
		free(c->on[i]);
	free(c->on);
	free(c->body_template);
	secret_free(c->secret);
}
