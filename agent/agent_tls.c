/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an agent from afar is known by.
 *
 * Entry points: agent_tls_open(), agent_tls_ask(), agent_tls_take(). Files of mode 0600 in STATE/agent-tls: key.pem,
 * cert.pem, authority.pem, orders.pub, seal.key. Key and certificate belong together and are two files: both are first
 * written as one, next.pem, which is what holds when a crash left two that do not fit.
 * Ownership: texts are the object's; they are wiped when others take their place.
 * Failure modes: files that cannot be read, or do not fit, are an error of the configuration. An answer that is not what
 * was asked for changes nothing. */
#include "agent/agent_tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent_keys.h"
#include "lib/json.h"
#include "lib/keepfile.h"
#include "lib/secret.h"
#include "lib/secret_box.h"
#include "lib/str.h"

#define AGAIN "netboot-agent enroll URL, with a secret of netboot-ctl agent enroll SITE"

enum { PATH_SIZE = 300 };

struct agent_tls {
	char dir[PATH_SIZE];
	char *key, *cert, *authority, *orders;
	struct pki_cert about;
	struct http_client_self self;
};

static void
path_of(const struct agent_tls *t, const char *name, char ret[PATH_SIZE])
{
	if (str_format(ret, PATH_SIZE, "%s/%s", t->dir, name) < 0)
		abort(); /* agent_tls_open() has left room */
}

static int
trouble(struct error *err, int r, const char *path)
{
	return error_set(err, r, "config",
	    r == -EPERM ? "chmod 600 it" : "look at the folder and its permissions",
	    "%s: %s", path,
	    r == -EPERM ? "others than its owner may read it" : strerror(-r));
}

/* NULL where there is none. */
static int
read_file(const struct agent_tls *t, const char *name, char **ret, struct error *err)
{
	char path[PATH_SIZE];
	int r;

	path_of(t, name, path);
	r = keepfile_read(path, ret);
	if (r == -ENOENT) {
		*ret = NULL;
		return 0;
	}
	return r < 0 ? trouble(err, r, path) : 0;
}

static int
write_file(
    const struct agent_tls *t, const char *name, const char *text, struct error *err)
{
	char path[PATH_SIZE];
	int r;

	path_of(t, name, path);
	r = keepfile_write(path, text);
	return r < 0 ? trouble(err, r, path) : 0;
}

static void
use(struct agent_tls *t)
{
	t->self.name = AGENT_TLS_SERVER;
	t->self.authority = t->authority;
	t->self.cert = t->cert;
	t->self.key = t->key;
}

static void
drop_texts(struct agent_tls *t)
{
	secret_free(t->key);
	free(t->cert);
	free(t->authority);
	free(t->orders);
	t->key = t->cert = t->authority = t->orders = NULL;
}

/* ---- at the start ---- */

/* A crash came between the two files: the one that has both is whole. */
static int
take_next(struct agent_tls *t, struct error *err)
{
	char *both = NULL;
	int r = read_file(t, "next.pem", &both, err);

	if (r < 0)
		return r;
	if (both == NULL || pki_fits(both, both) < 0) {
		secret_free(both);
		return error_set(err, -EINVAL, "config", AGAIN,
		    "%s: cert.pem is not the certificate of key.pem", t->dir);
	}
	secret_free(t->key);
	free(t->cert);
	t->key = both;
	t->cert = str_dup(both);
	return 0;
}

static int
read_all(struct agent_tls *t, struct error *err)
{
	int r;

	if ((r = read_file(t, "key.pem", &t->key, err)) < 0 ||
	    (r = read_file(t, "cert.pem", &t->cert, err)) < 0 ||
	    (r = read_file(t, "authority.pem", &t->authority, err)) < 0 ||
	    (r = read_file(t, "orders.pub", &t->orders, err)) < 0)
		return r;
	if (t->cert == NULL && t->key == NULL)
		return 0;
	if (t->authority == NULL)
		return error_set(err, -EINVAL, "config", AGAIN,
		    "%s/authority.pem is not there", t->dir);
	if (t->cert == NULL || t->key == NULL || pki_fits(t->cert, t->key) < 0)
		r = take_next(t, err);
	if (r == 0)
		r = pki_cert_read(t->cert, &t->about, err);
	if (r == 0)
		use(t);
	return r;
}

struct agent_tls *
agent_tls_open(
    const char *state_dir, const struct http_client_proxy *proxy, struct error *err)
{
	struct agent_tls *t = str_alloc(sizeof(*t));
	int r = str_format(t->dir, sizeof(t->dir) - 20, "%s/agent-tls", state_dir);

	if (r < 0)
		error_set(err, r, "config", NULL, "state_dir: too long");
	else
		r = read_all(t, err);
	t->self.proxy = *proxy;
	if (r < 0) {
		agent_tls_free(t);
		return NULL;
	}
	return t;
}

void
agent_tls_free(struct agent_tls *t)
{
	if (t == NULL)
		return;
	drop_texts(t);
	free(t);
}

bool
agent_tls_joined(const struct agent_tls *t)
{
	return t->cert != NULL;
}

const struct http_client_self *
agent_tls_self(const struct agent_tls *t)
{
	return agent_tls_joined(t) ? &t->self : NULL;
}

const struct pki_cert *
agent_tls_cert(const struct agent_tls *t)
{
	return &t->about;
}

const char *
agent_tls_orders(const struct agent_tls *t)
{
	return t->orders;
}

static int
make_dir(const struct agent_tls *t, struct error *err)
{
	if (mkdir(t->dir, 0700) == 0 || errno == EEXIST)
		return 0;
	return trouble(err, -errno, t->dir);
}

int
agent_tls_box(const struct agent_tls *t, struct secret_box **ret, struct error *err)
{
	char path[PATH_SIZE];
	int r = make_dir(t, err);

	path_of(t, "seal.key", path);
	return r < 0 ? r : secret_box_open(path, 1, ret, err);
}

/* ---- certificates ---- */

int
agent_tls_ask(const struct agent_tls *t, const char *site, char **ret_key, json_t **ret,
    struct error *err)
{
	struct secret_box *box = NULL;
	char *key = pki_key_new(), *csr = NULL;
	int r = agent_tls_box(t, &box, err);

	if (r == 0)
		r = pki_request(key, site, &csr, err);
	if (r == 0) {
		*ret = json_pack("{s:i, s:s, s:s, s:s}", "v", 1, "site", site, "csr", csr,
		    "seal_key", secret_box_public(box));
		*ret_key = key;
	} else {
		secret_free(key);
	}
	secret_box_free(box);
	free(csr);
	return r;
}

static char *
orders_text(const json_t *answer)
{
	const json_t *list = json_object_get(answer, "orders_keys"), *v;
	size_t size = 1, i, at = 0;
	char *text;

	json_array_foreach (list, i, v)
		size += json_is_string(v) ? json_string_length(v) + 1 : 0;
	text = str_alloc(size);
	json_array_foreach (list, i, v) {
		if (!json_is_string(v))
			continue;
		memcpy(text + at, json_string_value(v), json_string_length(v));
		at += json_string_length(v);
		text[at++] = '\n';
	}
	return text;
}

/* One file first, of which a crash may make two that do not fit. */
static int
write_pair(
    const struct agent_tls *t, const char *key, const char *cert, struct error *err)
{
	size_t size = strlen(key) + strlen(cert) + 1;
	char *both = str_alloc(size), path[PATH_SIZE];
	int r = str_format(both, size, "%s%s", key, cert);

	if (r == 0)
		r = write_file(t, "next.pem", both, err);
	secret_free(both);
	if (r == 0)
		r = write_file(t, "key.pem", key, err);
	if (r == 0)
		r = write_file(t, "cert.pem", cert, err);
	if (r == 0) {
		path_of(t, "next.pem", path);
		unlink(path);
	}
	return r;
}

static int
check_answer(const char *cert, const char *key, const char *site, const char *their,
    const char *authority, struct pki_cert *ret, struct error *err)
{
	char a[PKI_FINGERPRINT_SIZE], b[PKI_FINGERPRINT_SIZE];

	if (pki_cert_read(cert, ret, err) < 0 || pki_fits(cert, key) < 0)
		return error_set(err, -EPROTO, "protocol", NULL,
		    "the certificate is none for the key that it was asked for");
	if (!str_eq(ret->site, site))
		return error_set(err, -EPROTO, "protocol", NULL,
		    "the certificate is for another site than %s", site);
	if (pki_fingerprint(their, a) < 0 || pki_fingerprint(authority, b) < 0 ||
	    !str_eq(a, b))
		return error_set(err, -EPROTO, "protocol", AGAIN,
		    "the answer names another authority than the pinned one");
	return 0;
}

int
agent_tls_take(struct agent_tls *t, const json_t *answer, const char *key,
    const char *site, const char *authority, struct error *err)
{
	struct agent_order_trust trust = {.n_keys = 0};
	const char *cert = "", *their = "";
	char *orders;
	int r;

	if (json_get_str(answer, "certificate", &cert, err) < 0 ||
	    json_get_str(answer, "authority", &their, err) < 0)
		return -EPROTO;
	struct pki_cert about;
	r = check_answer(cert, key, site, their, authority, &about, err);
	if (r < 0 || (r = make_dir(t, err)) < 0)
		return r;
	orders = orders_text(answer);
	/* With others the agent would not start again. */
	if ((r = agent_keys_parse(orders, &trust, err)) < 0) {
		error_prefix(err, "orders_keys of the answer");
		free(orders);
		return r;
	}
	/* What is trusted before what is shown: key and certificate make it whole. */
	if ((r = write_file(t, "authority.pem", authority, err)) == 0 &&
	    (r = write_file(t, "orders.pub", orders, err)) == 0)
		r = write_pair(t, key, cert, err);
	if (r == 0) {
		char *pinned = str_dup(authority);

		drop_texts(t);
		t->key = str_dup(key);
		t->cert = str_dup(cert);
		t->authority = pinned;
		t->orders = orders;
		t->about = about;
		use(t);
		return 0;
	}
	free(orders);
	return r;
}

bool
agent_tls_reload(struct agent_tls *t)
{
	struct agent_tls now = *t;
	struct error err;

	now.key = now.cert = now.authority = now.orders = NULL;
	if (read_all(&now, &err) < 0 || now.cert == NULL || str_eq(now.cert, t->cert)) {
		drop_texts(&now);
		return false;
	}
	drop_texts(t);
	*t = now;
	use(t);
	return true;
}
