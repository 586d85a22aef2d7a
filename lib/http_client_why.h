/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Why no answer came, in words for people. For lib/http_client*.c only. */
#ifndef LIB_HTTP_CLIENT_WHY_H
#define LIB_HTTP_CLIENT_WHY_H

#include <curl/curl.h>
#include <stdbool.h>

#include "lib/error.h"

struct http_client_why {
	const char *where;  /* as messages call the server */
	const char *detail; /* in libcurl's words, of a client with a self; or NULL */
	bool local;	    /* by a unix socket */
	bool login;	    /* the proxy was told a user and password */
};

/* Puts the reason into *err, whose number it returns. */
int
http_client_why_set(
    CURL *easy, CURLcode code, const struct http_client_why *w, struct error *err);

#endif
