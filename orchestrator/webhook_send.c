// SPDX-License-Identifier: GPL-3.0-or-later
/* One attempt to deliver: headers, signature, and what the answer means.
 *
 * Entry points: webhook_send(), webhook_send_judge(). The signature is over the delivery's id, the time and the body, so
 * that none of them can be exchanged, and an old delivery cannot be sent again later on, or under another id. The id
 * stays the same in every attempt, by which a receiver knows what it has already. Ownership: the call is the client's.
 * Failure modes: an answer is a success with 2xx only, and nothing of its body is kept: servers like to quote the path of
 * the request, which may be a secret, and some answer with pages, which must not make a success a failure. */
#include <stdlib.h>
#include <string.h>

#include "lib/secret.h"
#include "lib/str.h"
#include "orchestrator/webhook_priv.h"

enum { HEADERS = 7, HEADER_SIZE = 160 };

struct headers {
	char line[HEADERS][HEADER_SIZE];
	const char *list[HEADERS + 1];
	size_t n;
};

static void
add(struct headers *h, const char *name, const char *value)
{
	/* An event of a kind with line ends (of before they were refused) has no header of its own to add. */
	for (const char *c = value; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return;
	if (str_format(h->line[h->n], HEADER_SIZE, "%s: %s", name, value) < 0)
		return; /* longer than any of ours is */
	h->list[h->n] = h->line[h->n];
	h->n++;
}

static void
add_i64(struct headers *h, const char *name, int64_t value)
{
	char text[24];

	if (str_format(text, sizeof(text), "%lld", (long long)value) == 0)
		add(h, name, text);
}

/* v1=HMAC-SHA256(secret, ID "." TIMESTAMP "." BODY). */
static void
add_signature(
    struct headers *h, const char *secret, const char *id, int64_t at, const char *body)
{
	size_t size = strlen(id) + strlen(body) + 24;
	char *text = str_alloc(size), value[SECRET_MAC_TEXT + 3];
	char mac[SECRET_MAC_TEXT];

	if (str_format(text, size, "%s.%lld.%s", id, (long long)at, body) < 0)
		abort();
	secret_hmac_sha256(secret, text, strlen(text), mac);
	if (str_format(value, sizeof(value), "v1=%s", mac) == 0)
		add(h, "Netboot-Signature", value);
	free(text);
}

struct http_client_call *
webhook_send(struct http_client *client, const struct webhook_config *c,
    const struct db_webhook_delivery *d, const char *body, const char *type, int64_t now,
    void (*done)(void *arg, const struct http_client_reply *reply), void *arg)
{
	struct headers h = {.n = 0};
	char origin[WEBHOOK_ORIGIN_SIZE];
	int64_t at = now / USEC_PER_SEC;

	webhook_config_origin(c->url, origin, sizeof(origin));
	add(&h, "User-Agent", "netboot-orchestrator");
	add(&h, "Netboot-Event", d->kind);
	add_i64(&h, "Netboot-Event-Id", d->seq);
	add(&h, "Netboot-Delivery", d->id);
	add_i64(&h, "Netboot-Attempt", d->attempts + 1);
	add_i64(&h, "Netboot-Timestamp", at);
	if (c->secret)
		add_signature(&h, c->secret, d->id, at, body);
	const struct http_client_request rq = {.method = "POST",
	    .url = c->url,
	    .url_name = origin,
	    .body = body,
	    .content_type = type,
	    .headers = h.list,
	    .idempotency_key = d->id,
	    .ca_file = c->ca_file,
	    .timeout_us = (int64_t)c->timeout_s * USEC_PER_SEC,
	    .status_only = true};
	return http_client_start(client, &rq, done, arg);
}

void
webhook_send_judge(const struct http_client_reply *reply, struct webhook_attempt *ret)
{
	*ret = (struct webhook_attempt){
	    .status = reply->status, .wait_ms = reply->retry_after_s * 1000};
	if (reply->status >= 200 && reply->status < 300)
		ret->ok = true;
	else if (reply->status == 0)
		str_clip(ret->error, sizeof(ret->error), reply->err.text);
	else if (reply->status >= 300 && reply->status < 400) {
		if (str_format(ret->error, sizeof(ret->error),
			"answered with %d, a redirect, which is not followed",
			reply->status) < 0)
			ret->error[0] = '\0';
	} else if (str_format(ret->error, sizeof(ret->error), "answered with %d",
		       reply->status) < 0)
		ret->error[0] = '\0';
}
