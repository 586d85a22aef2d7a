/* SPDX-License-Identifier: GPL-3.0-or-later */
/* struct http_client_self as settings of libcurl. For lib/http_client*.c only. */
#ifndef LIB_HTTP_CLIENT_SELF_H
#define LIB_HTTP_CLIENT_SELF_H

#include <curl/curl.h>

#include "lib/http_client.h"

/* For a request of `path` at `base` ("https://HOST[:PORT]"), which is reached there and called by its name. The list
 * returned is to live as long as the request (curl_slist_free_all()). */
struct curl_slist *
http_client_self_set(
    CURL *easy, const struct http_client_self *self, const char *base, const char *path);

/* Goes by that proxy, and by no other. */
void
http_client_self_proxy(CURL *easy, const struct http_client_proxy *proxy);

#endif
