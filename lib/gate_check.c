/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Health gates as they are written.
 *
 *     check  = "icmp" | "tcp:" PORT | ["http:"] URL ["=" status] | "exec:" NAME *(blank ARGUMENT)
 *     status = 200..599 | "2xx".."5xx"
 *
 * Entry points: gate_check_parse() and its inverse gate_check_text(); gate_check_url() and gate_check_argv() fill in a host.
 * Ownership: what those two return is the caller's.
 * Failure modes: -EINVAL with words. What could be read in two ways is refused, not guessed: "?id=200" may be a parameter or a status. A
 * URL has no user, password or fragment, since it is shown to everybody; a program is a name within the agent's own folder of gates,
 * never a path, and its arguments pass no shell.
 */
#include "lib/gate_check.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/addr.h"
#include "lib/str.h"
#include "lib/subst.h"

enum { STATUS_OK = 200, NAME_MAX_LEN = 64, SHOWN = 80 };

#define NEXT                                                                     \
	"write tcp:PORT, icmp, http://${ip}:PORT/PATH[=STATUS] (https too), or " \
	"exec:NAME, a program in the folder of gates at the site's agent"

static int PRINTF_LIKE(3, 4)
    bad(const char *text, struct error *err, const char *fmt, ...)
{
	char shown[4 * SHOWN + 1], why[200];
	size_t len = strlen(text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	str_escape(shown, sizeof(shown), text, len < SHOWN ? len : SHOWN);
	return error_set(err, -EINVAL, "bad-gate", NEXT, "the check \"%s%s\" %s", shown,
	    len < SHOWN ? "" : "...", why);
}

/* ---- names ---- */

struct lookup {
	const struct gate_check_names *names;
	bool brackets; /* an IPv6 address needs them */
	char ip[ADDR_IP_TEXT + 2];
};

static const char *
look_up(void *arg, const char *name)
{
	struct lookup *l = arg;

	if (str_eq(name, "host"))
		return l->names->host;
	if (!str_eq(name, "ip") || l->names->ip[0] == '\0')
		return NULL;
	if (!l->brackets || strchr(l->names->ip, ':') == NULL)
		return l->names->ip;
	return str_format(l->ip, sizeof(l->ip), "[%s]", l->names->ip) < 0 ? NULL : l->ip;
}

static int
fill(const char *text, const struct gate_check_names *names, bool brackets, char **ret,
    struct error *err)
{
	struct lookup l = {.names = names, .brackets = brackets};

	return subst_expand(text, SUBST_KERNEL_ARGS, look_up, &l, ret, err);
}

bool
gate_check_needs_ip(const struct gate_check *c)
{
	switch (c->kind) {
	case GATE_CHECK_TCP:
	case GATE_CHECK_ICMP: return true;
	case GATE_CHECK_HTTP:
	case GATE_CHECK_EXEC: break;
	}
	return strstr(c->what, "${ip}") != NULL;
}

static int
check_names(
    const struct gate_check *c, const struct gate_check_names *names, struct error *err)
{
	char text[GATE_CHECK_TEXT];

	if (names->ip[0] != '\0' || !gate_check_needs_ip(c))
		return 0;
	return error_set(err, -EINVAL, "no-address",
	    "give the host's boot interface an address with netboot-ctl host set",
	    "%s: the host's address is not known", gate_check_text(c, text));
}

/* ---- URLs ---- */

/* Octets of "http://" or "https://" at its beginning; 0: neither. */
static size_t
scheme_len(const char *url)
{
	if (str_has_prefix(url, "http://"))
		return sizeof("http://") - 1;
	return str_has_prefix(url, "https://") ? sizeof("https://") - 1 : 0;
}

/* Where the server ends, and the path, if any, begins. */
static size_t
server_end(const char *url)
{
	size_t n = scheme_len(url);

	return n + strcspn(url + n, "/?");
}

int
gate_check_url(const struct gate_check *c, const struct gate_check_names *names,
    char **ret, struct error *err)
{
	char server[GATE_CHECK_TEXT], *front = NULL, *rest = NULL;
	size_t n = server_end(c->what), size;
	int r = check_names(c, names, err);

	if (r == 0)
		r = str_format(server, sizeof(server), "%.*s", (int)n, c->what);
	if (r == 0)
		r = fill(server, names, true, &front, err);
	if (r == 0)
		r = fill(c->what + n, names, false, &rest, err);
	if (r == 0) {
		size = strlen(front) + strlen(rest) + 1;
		*ret = str_alloc(size);
		r = str_format(*ret, size, "%s%s", front, rest);
	}
	free(front);
	free(rest);
	return r;
}

/* "name", "10.0.0.1", "[2001:db8::1]", each with or without ":8080"; NULL, or what is wrong with it. */
static const char *
server_fault(char *server)
{
	char *port = strrchr(server, ':'), *end = strrchr(server, ']');
	struct addr_ip ip;
	int64_t n;

	if (strchr(server, '@') != NULL)
		return "has a user or password in it, which everybody would see";
	if (port != NULL && (end == NULL || port > end)) {
		if (str_to_i64(port + 1, 1, 65535, &n) < 0)
			return "has a port that is none of 1-65535";
		*port = '\0';
	}
	if (server[0] != '[')
		return str_name_valid(server) ? NULL : "names no server";
	if (str_has_prefix(server, "[["))
		return "has brackets around ${ip}: they are added where they are needed";
	if (end == NULL || end[1] != '\0')
		return "has brackets that do not match";
	*end = '\0';
	if (addr_ip_parse(server + 1, &ip) < 0 || ip.family != AF_INET6)
		return str_eq(server + 1, "192.0.2.1")
			   ? "has brackets around ${ip}: they are added where they are "
			     "needed"
			   : "has brackets around what is no IPv6 address";
	return NULL;
}

static const char *
url_fault(const char *url)
{
	static const struct gate_check_names any = {.host = "host", .ip = "192.0.2.1"};
	char server[GATE_CHECK_TEXT], *out = NULL;
	size_t from = scheme_len(url), n = server_end(url);
	const char *why;
	struct error err;

	if (from == 0)
		return "must begin with http:// or https://";
	for (const char *p = url; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f || strchr("\"'\\<>`#", *p) != NULL)
			return "has a blank, a quote, a \"#\" or another character that "
			       "no URL has: write it as %XX";
	if (str_format(server, sizeof(server), "%.*s", (int)(n - from), url + from) < 0)
		return "is too long";
	if (fill(url + n, &any, false, &out, &err) < 0)
		return "has a ${...} that is neither ${ip} nor ${host}";
	free(out);
	if (fill(server, &any, true, &out, &err) < 0)
		return "has a ${...} that is neither ${ip} nor ${host}";
	why = server_fault(out);
	free(out);
	return why;
}

/* ---- the status behind a URL ---- */

/* "204" or "2xx". */
static bool
read_status(const char *text, struct gate_check *c)
{
	int64_t n;

	if (text[0] >= '2' && text[0] <= '5' && str_eq(text + 1, "xx")) {
		c->min = (text[0] - '0') * 100;
		c->max = c->min + 99;
		return true;
	}
	if (strlen(text) != 3 || str_to_i64(text, 200, 599, &n) < 0)
		return false;
	c->min = c->max = (int)n;
	return true;
}

/* Is that '=' the one between a parameter's name and its value? */
static bool
is_own(const char *url, const char *equals)
{
	const char *query = strchr(url, '?'), *from = equals;

	if (query == NULL || query > equals)
		return false;
	while (from > query + 1 && from[-1] != '&')
		from--;
	return from < equals && memchr(from, '=', (size_t)(equals - from)) == NULL;
}

/* Cuts the status off c->what. */
static int
take_status(const char *text, struct gate_check *c, struct error *err)
{
	char *equals = strrchr(c->what, '=');
	struct gate_check seen = {0};
	bool status;

	c->min = c->max = STATUS_OK;
	if (equals == NULL)
		return 0;
	status = read_status(equals + 1, &seen);
	if (is_own(c->what, equals)) {
		if (!status)
			return 0;
		return bad(text, err,
		    "may mean a parameter or a status: write the status behind it, "
		    "as in %s=200",
		    strchr(c->what, '?'));
	}
	if (!status)
		return bad(text, err,
		    "has no status of 200-599, or 2xx, behind its last \"=\" (one that "
		    "is "
		    "part of the URL is written %%3D)");
	c->min = seen.min;
	c->max = seen.max;
	*equals = '\0';
	return 0;
}

static int
parse_http(const char *text, const char *url, struct gate_check *c, struct error *err)
{
	const char *why;

	c->kind = GATE_CHECK_HTTP;
	if (str_copy(c->what, sizeof(c->what), url) < 0)
		return bad(text, err, "is longer than %d octets", GATE_CHECK_TEXT - 1);
	if (take_status(text, c, err) < 0)
		return -EINVAL;
	why = url_fault(c->what);
	return why == NULL ? 0 : bad(text, err, "%s", why);
}

/* ---- programs ---- */

static bool
program_valid(const char *name, size_t n)
{
	if (n == 0 || n > NAME_MAX_LEN || !isalnum((unsigned char)name[0]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) && strchr("._-", name[i]) == NULL)
			return false;
	return true;
}

static int
append(char *dst, size_t size, const char *word, size_t n)
{
	size_t len = strlen(dst);

	return str_format(
	    dst + len, size - len, "%s%.*s", len > 0 ? " " : "", (int)n, word);
}

static int
parse_exec(const char *text, const char *line, struct gate_check *c, struct error *err)
{
	static const struct gate_check_names any = {.host = "host", .ip = "192.0.2.1"};
	char *argv[GATE_CHECK_ARGS + 2];
	struct error why;
	int words = 0;

	c->kind = GATE_CHECK_EXEC;
	for (const char *p = line; *p != '\0'; p++)
		if ((*p < ' ' && *p != '\t') || *p >= 0x7f)
			return bad(text, err, "has a character that is not plain ASCII");
	for (const char *p = line + strspn(line, " \t"); *p != '\0';
	     p += strspn(p, " \t")) {
		size_t n = strcspn(p, " \t");

		if (words == 0 && !program_valid(p, n))
			return bad(text, err,
			    "names no program: letters, digits, dots, '-' and '_', and "
			    "no folders");
		if (++words > GATE_CHECK_ARGS + 1)
			return bad(
			    text, err, "has more than %d arguments", GATE_CHECK_ARGS);
		if (append(c->what, sizeof(c->what), p, n) < 0)
			return bad(
			    text, err, "is longer than %d octets", GATE_CHECK_TEXT - 1);
		p += n;
	}
	if (words == 0)
		return bad(text, err, "names no program");
	if (gate_check_argv(c, &any, argv, &why) < 0)
		return bad(text, err, "has a ${...} that is neither ${ip} nor ${host}");
	gate_check_argv_done(argv);
	return 0;
}

int
gate_check_argv(const struct gate_check *c, const struct gate_check_names *names,
    char *ret[GATE_CHECK_ARGS + 2], struct error *err)
{
	char *argv[GATE_CHECK_ARGS + 2] = {NULL};
	char word[GATE_CHECK_TEXT];
	size_t n = 0;
	int r = check_names(c, names, err);

	for (const char *p = c->what; r == 0 && *p != '\0'; p += *p == ' ') {
		size_t len = strcspn(p, " ");

		r = n > GATE_CHECK_ARGS
			? -EINVAL
			: str_format(word, sizeof(word), "%.*s", (int)len, p);
		if (r == 0)
			r = fill(word, names, false, &argv[n], err);
		n += r == 0;
		p += len;
	}
	if (r < 0) {
		gate_check_argv_done(argv);
		return r;
	}
	memcpy(ret, argv, sizeof(argv));
	return 0;
}

void
gate_check_argv_done(char *argv[GATE_CHECK_ARGS + 2])
{
	for (size_t i = 0; i < GATE_CHECK_ARGS + 2; i++) {
		free(argv[i]);
		argv[i] = NULL;
	}
}

/* ---- one check ---- */

int
gate_check_parse(const char *text, struct gate_check *ret, struct error *err)
{
	struct gate_check c = {.kind = GATE_CHECK_ICMP};
	int64_t port;
	int r = 0;

	if (strlen(text) >= GATE_CHECK_TEXT)
		return bad(text, err, "is longer than %d octets", GATE_CHECK_TEXT - 1);
	if (str_has_prefix(text, "tcp:")) {
		c.kind = GATE_CHECK_TCP;
		if (str_to_i64(text + 4, 1, 65535, &port) < 0)
			return bad(text, err, "has a port that is none of 1-65535");
		c.port = (int)port;
	} else if (scheme_len(text) > 0) {
		r = parse_http(text, text, &c, err);
	} else if (str_has_prefix(text, "http:")) {
		r = parse_http(text, text + 5, &c, err);
	} else if (str_has_prefix(text, "exec:")) {
		r = parse_exec(text, text + 5, &c, err);
	} else if (!str_eq(text, "icmp")) {
		r = bad(text, err, "is of no kind that there is");
	}
	if (r < 0)
		return r;
	*ret = c;
	return 0;
}

/* Would the URL alone be read as one that is to answer with 200? */
static bool
is_plain(const char *url)
{
	const char *equals = strrchr(url, '=');
	struct gate_check seen;

	return equals == NULL || (is_own(url, equals) && !read_status(equals + 1, &seen));
}

static int
http_text(const struct gate_check *c, char *buf, size_t size)
{
	if (c->min != c->max)
		return str_format(buf, size, "%s=%dxx", c->what, c->min / 100);
	if (c->min != STATUS_OK || !is_plain(c->what))
		return str_format(buf, size, "%s=%d", c->what, c->min);
	return str_copy(buf, size, c->what);
}

const char *
gate_check_text(const struct gate_check *c, char buf[GATE_CHECK_TEXT])
{
	int r = 0;

	switch (c->kind) {
	case GATE_CHECK_TCP:
		r = str_format(buf, GATE_CHECK_TEXT, "tcp:%d", c->port);
		break;
	case GATE_CHECK_ICMP: r = str_copy(buf, GATE_CHECK_TEXT, "icmp"); break;
	case GATE_CHECK_HTTP: r = http_text(c, buf, GATE_CHECK_TEXT); break;
	case GATE_CHECK_EXEC:
		r = str_format(buf, GATE_CHECK_TEXT, "exec:%s", c->what);
		break;
	}
	if (r < 0)
		buf[0] = '\0';
	return buf;
}

/* ---- lists ---- */

int
gate_check_list_parse(
    const json_t *v, const char *key, struct gate_check_list *ret, struct error *err)
{
	size_t n = json_array_size(v);

	ret->n = 0;
	if (v == NULL || json_is_null(v))
		return 0;
	if (!json_is_array(v))
		return error_set(
		    err, -EINVAL, "bad-gate", NEXT, "%s: not a list of texts", key);
	if (n > GATE_CHECK_MAX)
		return error_set(err, -EINVAL, "bad-gate",
		    "put several checks into one program, exec:NAME",
		    "%s: %zu checks, at most %d are taken", key, n, GATE_CHECK_MAX);
	for (size_t i = 0; i < n; i++) {
		const char *text = json_string_value(json_array_get(v, i));

		if (text == NULL)
			return error_set(
			    err, -EINVAL, "bad-gate", NEXT, "%s[%zu]: no text", key, i);
		if (gate_check_parse(text, &ret->v[i], err) < 0) {
			error_prefix(err, "%s[%zu]", key, i);
			return -EINVAL;
		}
	}
	ret->n = n;
	return 0;
}

json_t *
gate_check_list_json(const struct gate_check_list *list)
{
	json_t *v = json_array();
	char text[GATE_CHECK_TEXT];

	for (size_t i = 0; i < list->n; i++)
		json_array_append_new(v, json_string(gate_check_text(&list->v[i], text)));
	return v;
}
