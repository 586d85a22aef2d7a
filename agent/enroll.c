/* SPDX-License-Identifier: GPL-3.0-or-later */
/* netboot-agent enroll URL [--secret-file FILE|-]: a site joins.
 *
 * Entry point: enroll_main(). First the server's authority is asked for, of whoever answers, and told nothing; when it is
 * the one that the secret names, the secret goes to it and to nobody else. The secret comes from a file that only its
 * owner may read, or from standard input, never from the command line, which others see.
 * Ownership: everything here ends with the process. The files are agent_tls.c's, written at the end and all at once.
 * Failure modes: each step has its error with what to do next; nothing is left that a second try would stumble over. */
#include "agent/enroll.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "agent/agent_config.h"
#include "agent/agent_proxy.h"
#include "agent/agent_tls.h"
#include "lib/clock.h"
#include "lib/compiler.h"
#include "lib/http_client.h"
#include "lib/json.h"
#include "lib/secret.h"
#include "lib/str.h"

enum { SECRET_MAX = 256, TIMEOUT_S = 60, ATTEMPTS = 4 };

#define PREFIX "nbj_"
#define SECRET_NEXT "netboot-ctl agent enroll SITE, at the orchestrator, prints one"

struct options {
	const char *config, *secret_file, *url;
};

static void
usage(FILE *to, const char *config)
{
	fprintf(to,
	    "usage: netboot-agent enroll [-c FILE] [--secret-file FILE] URL\n"
	    "  URL                 the orchestrator: https://HOST:PORT\n"
	    "  --secret-file FILE  what netboot-ctl agent enroll SITE printed; - (or "
	    "without "
	    "it):\n"
	    "                      from standard input\n"
	    "  -c FILE             configuration (%s)\n",
	    config);
}

/* 1: go on; 0: done; -1: wrong usage. */
static int
read_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
	    {"secret-file", required_argument, NULL, 's'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	const char *config = o->config;
	int c;

	while ((c = getopt_long(argc, argv, "c:h", longs, NULL)) != -1) {
		switch (c) {
		case 'c': o->config = optarg; break;
		case 's': o->secret_file = optarg; break;
		case 'h': usage(stdout, config); return 0;
		default: usage(stderr, config); return -1;
		}
	}
	if (optind + 1 != argc) {
		usage(stderr, config);
		return -1;
	}
	o->url = argv[optind];
	return 1;
}

/* ---- the secret ---- */

static int
ask_secret(char *buf, struct error *err)
{
	struct termios was, quiet;
	bool terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &was) == 0;
	char *got;

	if (terminal) {
		quiet = was;
		quiet.c_lflag &= (tcflag_t)~ECHO;
		fputs("the secret: ", stderr);
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	got = fgets(buf, SECRET_MAX, stdin);
	if (terminal) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
		fputc('\n', stderr);
	}
	if (got == NULL)
		return error_set(err, -EINVAL, "secret-file", SECRET_NEXT,
		    "no secret came on standard input");
	buf[strcspn(buf, "\r\n")] = '\0';
	return 0;
}

/* *ret is the caller's; *ret_fingerprint is within it. */
static int
read_secret(const char *file, char **ret, const char **ret_fingerprint, struct error *err)
{
	char *text = str_alloc(SECRET_MAX);
	const char *dot;
	int r;

	if (file == NULL || str_eq(file, "-")) {
		r = ask_secret(text, err);
	} else {
		secret_free(text);
		text = NULL;
		r = secret_file_read(file, 1, &text, err);
	}
	if (r < 0) {
		secret_free(text);
		return r;
	}
	dot = strchr(text, '.');
	if (!str_has_prefix(text, PREFIX) || dot == NULL ||
	    strlen(dot + 1) != PKI_FINGERPRINT_SIZE - 1 ||
	    strspn(dot + 1, "0123456789abcdef") != PKI_FINGERPRINT_SIZE - 1) {
		secret_free(text);
		return error_set(err, -EINVAL, "secret-file", SECRET_NEXT,
		    "what was given is no whole secret (" PREFIX "RANDOM.FINGERPRINT)");
	}
	*ret = text;
	*ret_fingerprint = dot + 1;
	return 0;
}

/* ---- the orchestrator ---- */

static int
read_answer(const struct options *o, const struct http_client_reply *reply, json_t **ret,
    struct error *err)
{
	json_t *v = json_parse(reply->body, reply->body_len, err);
	const char *code = "", *detail = "", *next = "";
	char text[ERROR_TEXT_SIZE], todo[ERROR_NEXT_SIZE];

	if (v != NULL && reply->status == 200) {
		*ret = v;
		return 0;
	}
	if (json_is_object(v) && json_opt_str(v, "code", &code, NULL) == 0 &&
	    json_opt_str(v, "detail", &detail, NULL) == 0 &&
	    json_opt_str(v, "next", &next, NULL) == 0 && code[0] != '\0' &&
	    !str_eq(code, "not-found") && !str_eq(code, "wrong-host"))
		error_set(err, -EPROTO, code,
		    str_escape(todo, sizeof(todo), next, strlen(next)), "%s",
		    str_escape(text, sizeof(text), detail, strlen(detail)));
	else
		error_set(err, -EPROTO, "no-orchestrator",
		    "say the address of web.listen of the orchestrator, which needs "
		    "web.tls_cert",
		    "%s: no orchestrator that takes agents answers there (HTTP status "
		    "%d)",
		    o->url, reply->status);
	json_decref(v);
	return -EPROTO;
}

static int
call(const struct options *o, const struct http_client_self *self, const char *path,
    const json_t *body, json_t **ret, struct error *err)
{
	char *text = body != NULL ? json_text(body) : NULL;
	const struct http_client_request rq = {.method = body != NULL ? "POST" : "GET",
	    .path = path,
	    .body = text,
	    .body_max = 256 * 1024,
	    .timeout_us = TIMEOUT_S * USEC_PER_SEC,
	    .self = self};
	struct http_client_reply reply;
	int r = http_client_once(o->url, NULL, &rq, &reply);

	secret_free(text);
	if (r < 0)
		*err = reply.err;
	else
		r = read_answer(o, &reply, ret, err);
	http_client_reply_done(&reply);
	return r;
}

/* The authority's certificate, when it is the one that the secret names. Told nothing so far. */
static int
find_authority(const struct options *o, const struct http_client_proxy *proxy,
    const char *fingerprint, char **ret, struct error *err)
{
	const struct http_client_self self = {
	    .name = AGENT_TLS_SERVER, .proxy = *proxy, .unknown = true};
	char found[PKI_FINGERPRINT_SIZE], here[CLOCK_TEXT_SIZE];
	char from[CLOCK_TEXT_SIZE], until[CLOCK_TEXT_SIZE];
	const char *pem = "";
	struct pki_cert about;
	json_t *answer = NULL;
	int r = call(o, &self, "/agent/v1/authority", NULL, &answer, err);

	if (r == 0)
		r = json_get_str(answer, "authority", &pem, err);
	if (r == 0 && (pki_fingerprint(pem, found) < 0 || !str_eq(found, fingerprint)))
		r = error_set(err, -EPERM, "wrong-authority",
		    "say the URL of the orchestrator that made the secret; if it is that "
		    "one, something between opens TLS",
		    "%s does not have the authority that the secret names: the secret "
		    "was "
		    "not told to it",
		    o->url);
	if (r == 0 && pki_cert_read(pem, &about, err) < 0)
		r = -EINVAL;
	if (r == 0 && (clock_wall() < about.begins || clock_wall() >= about.ends))
		r = error_set(err, -EINVAL, "clock-wrong",
		    "set the clock of this machine",
		    "by the clock here it is %s, and the orchestrator's authority is "
		    "good from %s until %s",
		    clock_text(clock_wall(), here, sizeof(here)),
		    clock_text(about.begins, from, sizeof(from)),
		    clock_text(about.ends, until, sizeof(until)));
	if (r == 0)
		*ret = str_dup(pem);
	json_decref(answer);
	return r;
}

/* Nobody has answered: the line, and no word of the orchestrator. */
static bool
is_silence(int r, const struct error *err)
{
	return r < 0 &&
	       (str_eq(err->code, "timeout") || str_eq(err->code, "server-unreachable"));
}

static int
join(const struct options *o, const struct agent_config *cfg,
    const struct http_client_proxy *proxy, struct agent_tls *tls, const char *secret,
    const char *authority, struct error *err)
{
	const struct http_client_self self = {
	    .name = AGENT_TLS_SERVER, .authority = authority, .proxy = *proxy};
	json_t *body = NULL, *answer = NULL;
	char *key = NULL;
	int r = agent_tls_ask(tls, cfg->site, &key, &body, err);

	if (r < 0)
		return r;
	json_object_set_new(body, "secret", json_string(secret));
	for (unsigned i = 0; i < ATTEMPTS; i++) {
		/* A lost answer cost nothing: the same request is answered again. */
		r = call(o, &self, "/agent/v1/enroll", body, &answer, err);
		if (!is_silence(r, err))
			break;
		fprintf(stderr, "netboot-agent: %s; trying again\n", err->text);
	}
	if (r == 0)
		r = agent_tls_take(tls, answer, key, cfg->site, authority, err);
	secret_free(key);
	json_decref(body);
	json_decref(answer);
	return r;
}

static void
say_done(
    const struct options *o, const struct agent_config *cfg, const struct agent_tls *tls)
{
	char ends[CLOCK_TEXT_SIZE];

	printf("site %s has joined %s; the certificate ends at %s, and is renewed by "
	       "itself before\n",
	    cfg->site, o->url, clock_text(agent_tls_cert(tls)->ends, ends, sizeof(ends)));
	if (!str_eq(cfg->orchestrator, o->url))
		printf("now say `orchestrator: %s` in %s, and start netboot-agent\n",
		    o->url, o->config);
}

static int
run(const struct options *o, const struct agent_config *cfg, struct error *err)
{
	char *secret = NULL, *authority = NULL;
	const char *fingerprint = "";
	struct http_client_proxy proxy;
	struct agent_tls *tls = NULL;
	int r = 0;

	if (!str_has_prefix(o->url, "https://") || strchr(o->url + 8, '/') != NULL)
		return error_set(err, -EINVAL, "bad-server", "write https://HOST:PORT",
		    "%s is not an orchestrator's address", o->url);
	if (mkdir(cfg->state_dir, 0700) < 0 && errno != EEXIST)
		return error_set(err, -errno, "config",
		    "run it as the agent's user, root as a rule", "cannot create %s: %s",
		    cfg->state_dir, strerror(errno));
	r = agent_proxy_open(cfg, &proxy, err);
	if (r < 0)
		return r;
	tls = agent_tls_open(cfg->state_dir, &proxy, err);
	if (tls == NULL)
		r = -EINVAL;
	if (r == 0)
		r = read_secret(o->secret_file, &secret, &fingerprint, err);
	if (r == 0)
		r = find_authority(o, &proxy, fingerprint, &authority, err);
	if (r == 0)
		r = join(o, cfg, &proxy, tls, secret, authority, err);
	if (r == 0)
		say_done(o, cfg, tls);
	agent_tls_free(tls);
	agent_proxy_done(&proxy);
	secret_free(secret);
	free(authority);
	return r;
}

int
enroll_main(int argc, char **argv, const char *default_config)
{
	struct options o = {.config = default_config};
	struct agent_config cfg;
	struct error err = {0};
	char line[1024];
	int r = read_options(argc, argv, &o);

	if (r <= 0)
		return r < 0 ? 1 : 0;
	if (agent_config_load(o.config, &cfg, &err) == 0) {
		r = run(&o, &cfg, &err);
		agent_config_done(&cfg);
	} else {
		r = -EINVAL;
	}
	if (r == 0)
		return 0;
	fprintf(stderr, "netboot-agent: %s\n", error_line(&err, line, sizeof(line)));
	return 1;
}
