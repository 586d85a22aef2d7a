/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who a client is and whom alone it trusts, as settings of libcurl.
 *
 * Entry points: http_client_self_set(); http_client_self_proxy() for the proxy alone. The server is called by a name that no resolver knows, and reached where it is
 * (CURLOPT_CONNECT_TO): its certificate is for that name, whatever its addresses are today. Certificates are given as octets and
 * not as files, since libcurl uses a connection again for the same ones only.
 * Ownership: libcurl copies everything but the list. Failure modes: none of its own; what cannot be used is the request's
 * failure. */
#include "lib/http_client_self.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

static void
set_blob(CURL *easy, CURLoption option, const char *pem)
{
	struct curl_blob blob = {.flags = CURL_BLOB_COPY};

	if (pem == NULL)
		return;
	blob.data = (void *)(uintptr_t)pem;
	blob.len = strlen(pem);
	curl_easy_setopt(easy, option, &blob);
}

/* The server under its name, wherever it is. */
static struct curl_slist *
set_name(CURL *easy, const char *base, const char *path, const char *name)
{
	const char *host = base + sizeof("https://") - 1;
	const char *colon = strrchr(host, ':');
	const char *port =
	    colon != NULL && strchr(colon, ']') == NULL ? colon + 1 : "443";
	int len = (int)(port == colon + 1 ? (size_t)(colon - host) : strlen(host));
	size_t size = strlen(base) + strlen(path) + strlen(name) + 40;
	char *text = str_alloc(size);

	if (str_format(text, size, "https://%s:%s%s", name, port, path) < 0)
		abort();
	curl_easy_setopt(easy, CURLOPT_URL, text);
	if (str_format(text, size, "%s:%s:%.*s:%s", name, port, len, host, port) < 0)
		abort();
	struct curl_slist *list = curl_slist_append(NULL, text);
	if (list == NULL)
		abort();
	curl_easy_setopt(easy, CURLOPT_CONNECT_TO, list);
	free(text);
	return list;
}

void
http_client_self_proxy(CURL *easy, const struct http_client_proxy *proxy)
{
	curl_easy_setopt(easy, CURLOPT_PROXY, proxy->url);
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
	if (proxy->user == NULL)
		return;
	/* What was meant for the server is not told to the proxy, nor the other way round. */
	curl_easy_setopt(easy, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
	curl_easy_setopt(easy, CURLOPT_PROXYAUTH, (long)CURLAUTH_BASIC);
	curl_easy_setopt(easy, CURLOPT_PROXYUSERNAME, proxy->user);
	curl_easy_setopt(easy, CURLOPT_PROXYPASSWORD, proxy->password);
}

struct curl_slist *
http_client_self_set(
    CURL *easy, const struct http_client_self *self, const char *base, const char *path)
{
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
	set_blob(easy, CURLOPT_CAINFO_BLOB, self->authority);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	set_blob(easy, CURLOPT_SSLCERT_BLOB, self->cert);
	set_blob(easy, CURLOPT_SSLKEY_BLOB, self->key);
	if (self->proxy.url != NULL) {
		http_client_self_proxy(easy, &self->proxy);
		curl_easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
	}
	if (self->unknown) {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	return set_name(easy, base, path, self->name);
}
