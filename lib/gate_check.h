/* SPDX-License-Identifier: GPL-3.0-or-later */
/* "tcp:22", "http://${ip}:8080/healthz=200", "exec:check-edge": what is asked of a host before and after it is worked on, as
 * text. Pure; the site's agent does the asking. */
#ifndef LIB_GATE_CHECK_H
#define LIB_GATE_CHECK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/compiler.h"
#include "lib/error.h"

enum {
	GATE_CHECK_TEXT = 512, /* of one, with its NUL */
	GATE_CHECK_MAX = 16,   /* of one host */
	GATE_CHECK_ARGS = 8,   /* of a program */
	GATE_CHECK_TIMEOUT_S = 120,
	GATE_CHECK_TIMEOUT_MAX_S = 3600,
};

enum gate_check_kind {
	GATE_CHECK_TCP,	 /* the port takes a connection */
	GATE_CHECK_ICMP, /* an echo is answered */
	GATE_CHECK_HTTP, /* GET is answered with the status; redirects are not followed */
	GATE_CHECK_EXEC, /* a program at the agent ends with 0 */
};

struct gate_check {
	enum gate_check_kind kind;
	int port;     /* tcp */
	int min, max; /* http: the status */
	/* http: the URL; exec: the program's name and its arguments, a blank between two. ${ip} and ${host} are not filled in. */
	char what[GATE_CHECK_TEXT];
};

/* 0, or -EINVAL with *err ("bad-gate"), which quotes the check, says what is wrong with it and how it is written. */
int
gate_check_parse(const char *text, struct gate_check *ret, struct error *err) MUST_CHECK;
/* As it is written; parses to the same. Returns buf, of GATE_CHECK_TEXT. */
const char *
gate_check_text(const struct gate_check *c, char buf[GATE_CHECK_TEXT]);
/* Cannot be asked without the host's address. */
bool
gate_check_needs_ip(const struct gate_check *c);

/* Of whom it is asked. */
struct gate_check_names {
	const char *host, *ip; /* ip "": not known */
};
/* The URL with the names filled in (an IPv6 address in brackets where it is the server); owned by the caller. -EINVAL with *err. */
int
gate_check_url(const struct gate_check *c, const struct gate_check_names *names,
    char **ret, struct error *err) MUST_CHECK;
/* The program's name and its arguments, up to a NULL, the names filled in. -EINVAL with *err. The caller runs gate_check_argv_done(). */
int
gate_check_argv(const struct gate_check *c, const struct gate_check_names *names,
    char *ret[GATE_CHECK_ARGS + 2], struct error *err) MUST_CHECK;
void
gate_check_argv_done(char *argv[GATE_CHECK_ARGS + 2]);

struct gate_check_list {
	struct gate_check v[GATE_CHECK_MAX];
	size_t n;
};

/* A JSON list of texts; NULL and null: none. -EINVAL with *err, which begins with `key` and the place ("gates[1]: …"). */
int
gate_check_list_parse(const json_t *v, const char *key, struct gate_check_list *ret,
    struct error *err) MUST_CHECK;
json_t *
gate_check_list_json(const struct gate_check_list *list);

#endif
