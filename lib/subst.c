/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ${name} substitution for kernel arguments, iPXE scripts and templates.
 *
 * Entry points: subst_expand().
 * Ownership: the result is the caller's; looked-up values are borrowed.
 * Failure modes: an unknown name, an open "${", and a value that would end the argument
 * or the command it stands in are refused: nothing is ever quoted, because kernels, iPXE
 * and installers do not agree on quoting. JSON does (RFC 8259 7): there values are escaped.
 */
#include "lib/subst.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/printable.h"
#include "lib/str.h"

enum { SUBST_NAME_SIZE = 128 };

struct output {
	char *text;
	size_t len, max;
};

static int
append(struct output *out, const char *s, size_t n, struct error *err)
{
	if (n > out->max - out->len)
		return error_set(err, -EMSGSIZE, "too-long",
		    out->max == SUBST_TEXT_MAX ? "shorten the text"
					       : "shorten the arguments",
		    "the text is longer than %zu octets after substitution", out->max);
	memcpy(out->text + out->len, s, n);
	out->len += n;
	return 0;
}

/* What a value may not contain, or NULL when it may stand there. */
static const char *
forbidden_part(const char *value, enum subst_escape how)
{
	for (const unsigned char *p = (const unsigned char *)value; *p != '\0'; p++) {
		if (how == SUBST_TEXT) {
			if (*p < ' ' || *p == 0x7f)
				return "a control character";
			continue;
		}
		if (*p <= ' ' || *p >= 0x7f)
			return "a blank, control or non-ASCII character";
		if (*p == '"' || *p == '\'')
			return "a quote";
	}
	if (how != SUBST_IPXE)
		return NULL;
	if (strstr(value, "${") != NULL)
		return "\"${\", which iPXE would expand";
	if (*value != '\0' && value[strlen(value) - 1] == '$')
		return "a dollar at its end, which could become \"${\"";
	if (strchr(value, '\\') != NULL)
		return "a backslash";
	if (strstr(value, "&&") != NULL || strstr(value, "||") != NULL)
		return "\"&&\" or \"||\", which would begin another iPXE command";
	return NULL;
}

static bool
name_char(char c)
{
	return isalnum((unsigned char)c) || c == '.' || c == '_' || c == '-';
}

/* Reads the name of "${name}" whose "${" lies before *s, and moves *s behind the "}". */
static int
take_name(const char **s, char name[SUBST_NAME_SIZE], struct error *err)
{
	size_t n = 0;

	while (name_char((*s)[n]))
		n++;
	if (n == 0 || n >= SUBST_NAME_SIZE || (*s)[n] != '}')
		return error_set(err, -EINVAL, "bad-substitution",
		    "write ${name}, or $$ for a dollar",
		    "a \"${\" is not followed by a name and \"}\"");
	memcpy(name, *s, n);
	name[n] = '\0';
	*s += n + 1;
	return 0;
}

static int
append_json(struct output *out, const char *value, struct error *err)
{
	char *copy = str_dup(value), *text;
	json_t *v;
	int rc;

	printable_clean(copy); /* what is no UTF-8 cannot be JSON either */
	v = json_string(copy);
	text = json_dumps(v, JSON_ENCODE_ANY);
	if (text == NULL)
		abort();
	rc = append(out, text + 1, strlen(text) - 2, err); /* without its quotes */
	free(text);
	json_decref(v);
	free(copy);
	return rc;
}

static int
append_value(struct output *out, const char *name, const char *value,
    enum subst_escape how, struct error *err)
{
	const char *bad;

	if (value == NULL)
		return error_set(err, -ENOENT, "unknown-name",
		    "give the host that label, or correct the name",
		    "${%s} has no value for this host", name);
	if (how == SUBST_JSON)
		return append_json(out, value, err);
	bad = forbidden_part(value, how);
	if (bad == NULL && how == SUBST_IPXE && value[0] == '{' && out->len > 0 &&
	    out->text[out->len - 1] == '$')
		bad = "\"{\" behind a dollar, which iPXE would expand";
	if (bad != NULL)
		return error_set(err, -EINVAL, "bad-value", "change the value",
		    "the value of ${%s} contains %s", name, bad);
	return append(out, value, strlen(value), err);
}

/* Expands what begins with the dollar at *s. */
static int
expand_dollar(const char **s, struct output *out, enum subst_escape how,
    subst_lookup *lookup, void *arg, struct error *err)
{
	char name[SUBST_NAME_SIZE];
	int r;

	if ((*s)[1] == '$') {
		*s += 2;
		return append(out, "$", 1, err);
	}
	if ((*s)[1] != '{') {
		*s += 1;
		return append(out, "$", 1, err);
	}
	*s += 2;
	r = take_name(s, name, err);
	if (r < 0)
		return r;
	return append_value(out, name, lookup(arg, name), how, err);
}

/* The line of `text` that `at` lies in, from 1. */
static size_t
line_of(const char *text, const char *at)
{
	size_t n = 1;

	for (; text < at; text++)
		n += *text == '\n';
	return n;
}

int
subst_expand(const char *tmpl, enum subst_escape how, subst_lookup *lookup, void *arg,
    char **ret, struct error *err)
{
	bool lines = how == SUBST_TEXT || how == SUBST_JSON;
	struct output out = {.max = lines ? SUBST_TEXT_MAX : SUBST_ARGS_MAX};
	const char *begin = tmpl;
	int r = 0;

	out.text = str_alloc(out.max + 1);

	while (r == 0 && *tmpl != '\0') {
		if (*tmpl == '$') {
			r = expand_dollar(&tmpl, &out, how, lookup, arg, err);
		} else {
			size_t n = strcspn(tmpl, "$");

			r = append(&out, tmpl, n, err);
			tmpl += n;
		}
	}
	if (r < 0) {
		if (lines)
			error_prefix(err, "line %zu", line_of(begin, tmpl));
		free(out.text);
		return r;
	}
	out.text[out.len] = '\0';
	*ret = out.text;
	return 0;
}
