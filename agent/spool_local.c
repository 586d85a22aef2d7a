/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The site's list for the time when it is alone, in the spool.
 *
 * Entry points: spool_local_put() when it has come, the others when it is asked for.
 * Ownership: a host that is read is the caller's, with its secrets; here they stand sealed with the agent's key, for their
 * host alone. Failure modes: those of db.h; a list is replaced as a whole or stays as it was.
 */
#include "agent/spool_local.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/spool_priv.h"
#include "lib/json.h"
#include "lib/str.h"

#define AS_OF "local_as_of"
#define KEY_AGE (24 * 3600 * USEC_PER_SEC)

enum { CONTEXT_SIZE = BUNDLE_NAME_SIZE + 8 };

static struct db_stmt *
stmt(struct spool *s, enum spool_schema_stmt which)
{
	return db_stmt(s->stmts, which);
}

static void
context_of(const char *host, char ret[CONTEXT_SIZE])
{
	if (str_format(ret, CONTEXT_SIZE, "local/%s", host) < 0)
		abort();
}

static void
wipe_text(char *text)
{
	secret_wipe(text, strlen(text));
	free(text);
}

/* {"password","kg"} sealed, and the document without them; NULL: it has none. */
static char *
seal(struct spool *s, const struct local_msg_host *h)
{
	char context[CONTEXT_SIZE], kg[BUNDLE_KG_TEXT] = "", *text, *sealed;
	json_t *v = json_object();

	if (h->bmc.kg_set)
		bundle_bmc_kg_text(&h->bmc, kg);
	json_put_str(v, "password", h->bmc.password);
	json_put_str(v, "kg", kg);
	secret_wipe(kg, sizeof(kg));
	text = json_text(v);
	json_decref(v);
	context_of(h->name, context);
	sealed = secret_seal(s->key, context, text);
	wipe_text(text);
	return sealed;
}

static int
put_host(struct spool *s, struct local_msg_host *h)
{
	struct db_stmt *st = stmt(s, LOCAL_HOST_PUT);
	char *sealed = seal(s, h), *text;
	json_t *v;
	int r;

	secret_wipe(h->bmc.password, sizeof(h->bmc.password));
	secret_wipe(
	    h->bmc.password_next, sizeof(h->bmc.password_next)); /* a rotation's */
	secret_wipe(h->bmc.kg, sizeof(h->bmc.kg));
	h->bmc.kg_set = false;
	v = local_msg_host_to_json(h);
	text = json_text(v);
	json_decref(v);
	db_bind_text(st, 1, h->name);
	db_bind_text(st, 2, text);
	db_bind_text(st, 3, sealed);
	r = db_run(st);
	free(text);
	free(sealed);
	return r < 0 ? r : 0;
}

static int
put_image(struct spool *s, const struct bundle_image *image)
{
	struct db_stmt *st = stmt(s, LOCAL_IMAGE_PUT);
	json_t *v = bundle_image_to_json(image);
	char *text = json_text(v);
	int r;

	json_decref(v);
	db_bind_text(st, 1, image->name);
	db_bind_text(st, 2, text);
	r = db_run(st);
	free(text);
	return r < 0 ? r : 0;
}

static int
put_hosts(struct spool *s, const json_t *hosts, size_t *ret_bad)
{
	struct local_msg_host *h = str_alloc(sizeof(*h));
	int r = db_run(stmt(s, LOCAL_HOST_CLEAR));

	for (size_t i = 0; r >= 0 && i < json_array_size(hosts); i++) {
		if (local_msg_host_from_json(json_array_get(hosts, i), h, NULL) < 0) {
			++*ret_bad;
			continue;
		}
		r = put_host(s, h);
		local_msg_host_done(h);
	}
	free(h);
	return r < 0 ? r : 0;
}

static int
put_images(struct spool *s, const json_t *images, size_t *ret_bad)
{
	struct bundle_image *image = str_alloc(sizeof(*image));
	int r = db_run(stmt(s, LOCAL_IMAGE_CLEAR));

	for (size_t i = 0; r >= 0 && i < json_array_size(images); i++) {
		if (bundle_image_from_json(json_array_get(images, i), image, NULL) < 0) {
			++*ret_bad;
			continue;
		}
		if (image->name[0] != '\0')
			r = put_image(s, image);
		else
			++*ret_bad;
		json_decref(image->deadlines);
	}
	free(image);
	return r < 0 ? r : 0;
}

static int
put_as_of(struct spool *s, int64_t as_of)
{
	char text[24];

	if (str_format(text, sizeof(text), "%lld", (long long)as_of) < 0)
		abort();
	return spool_put_mark(s, AS_OF, text);
}

int
spool_local_put(struct spool *s, const json_t *hosts, const json_t *images, int64_t as_of,
    size_t *ret_bad)
{
	int r = spool_reserve(s);

	*ret_bad = 0;
	/* What room is left is for the jobs under way. */
	if (r < 0 || (r = spool_begin(s)) < 0)
		return r;
	r = put_hosts(s, hosts, ret_bad);
	if (r == 0)
		r = put_images(s, images, ret_bad);
	if (r == 0)
		r = put_as_of(s, as_of);
	if (r == 0)
		return spool_commit(s);
	spool_rollback(s);
	return r;
}

int
spool_local_confirm(struct spool *s, int64_t as_of)
{
	int r = spool_begin(s);

	if (r < 0)
		return r;
	r = put_as_of(s, as_of);
	if (r == 0)
		return spool_commit(s);
	spool_rollback(s);
	return r;
}

int
spool_local_as_of(struct spool *s, int64_t *ret)
{
	char *text = NULL;
	int r = spool_get_mark(s, AS_OF, &text);

	*ret = 0;
	if (r == 1 && str_to_i64(text, 0, INT64_MAX, ret) < 0)
		*ret = 0;
	free(text);
	return r < 0 ? r : 0;
}

static int
open_secrets(struct spool *s, const char *sealed, struct local_msg_host *h)
{
	char context[CONTEXT_SIZE], *text = NULL;
	const char *password = "", *kg = "";
	json_t *v;
	int r;

	context_of(h->name, context);
	r = secret_unseal(s->key, context, sealed, &text);
	if (r < 0)
		return r;
	v = json_parse(text, strlen(text), NULL);
	secret_free(text);
	r = v == NULL || json_opt_str(v, "password", &password, NULL) < 0 ||
		    json_opt_str(v, "kg", &kg, NULL) < 0
		? -EBADMSG
		: str_copy(h->bmc.password, sizeof(h->bmc.password), password);
	if (r == 0 && kg[0] != '\0')
		r = bundle_bmc_set_kg(&h->bmc, kg);
	json_decref(v);
	return r < 0 ? -EBADMSG : 0;
}

int
spool_local_host(struct spool *s, const char *name, struct local_msg_host *ret)
{
	struct db_stmt *st = stmt(s, LOCAL_HOST_GET);
	int r;

	db_bind_text(st, 1, name);
	r = db_step(st);
	if (r == 1) {
		const char *text = db_col_text(st, 0);
		json_t *v = json_parse(text, strlen(text), NULL);

		r = v == NULL || local_msg_host_from_json(v, ret, NULL) < 0 ? -EUCLEAN
									    : 1;
		json_decref(v);
	}
	if (r == 1 && open_secrets(s, db_col_text(st, 1), ret) < 0) {
		local_msg_host_done(ret);
		r = -EBADMSG;
	}
	db_reset(st);
	return r;
}

int
spool_local_each_image(
    struct spool *s, void (*fn)(void *arg, const struct bundle_image *image), void *arg)
{
	struct db_stmt *st = stmt(s, LOCAL_IMAGE_EACH);
	struct bundle_image *image = str_alloc(sizeof(*image));
	int r;

	while ((r = db_step(st)) == 1) {
		const char *text = db_col_text(st, 0);
		json_t *v = json_parse(text, strlen(text), NULL);

		if (v != NULL && bundle_image_from_json(v, image, NULL) == 0) {
			fn(arg, image);
			json_decref(image->deadlines);
		}
		json_decref(v);
	}
	db_reset(st);
	free(image);
	return r;
}

int
spool_local_key_get(
    struct spool *s, int64_t uid, const char *key, struct spool_local_key *ret)
{
	struct db_stmt *st = stmt(s, LOCAL_KEY_GET);
	int r;

	db_bind_i64(st, 1, uid);
	db_bind_text(st, 2, key);
	r = db_step(st);
	if (r == 1) {
		db_col_copy(st, 0, ret->request, sizeof(ret->request));
		ret->status = (int)db_col_i64(st, 1);
		ret->answer = str_dup(db_col_text(st, 2));
	}
	db_reset(st);
	return r;
}

int
spool_local_key_put(struct spool *s, int64_t uid, const char *key,
    const struct spool_local_key *row, int64_t now)
{
	struct db_stmt *st = stmt(s, LOCAL_KEY_PURGE);
	int r;

	db_bind_i64(st, 1, now - KEY_AGE);
	r = db_run(st);
	if (r < 0)
		return r;
	st = stmt(s, LOCAL_KEY_PUT);
	db_bind_i64(st, 1, uid);
	db_bind_text(st, 2, key);
	db_bind_text(st, 3, row->request);
	db_bind_i64(st, 4, now);
	db_bind_i64(st, 5, row->status);
	db_bind_text(st, 6, row->answer);
	r = db_run(st);
	return r < 0 ? r : 0;
}
