/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libcurl's result of a request that was not answered, as a reason with a next step: the proxy's refusal first, since whatever comes after it is
 * a consequence.
 *
 * Entry point: http_client_why_set(). Ownership: nothing is kept. Failure modes: none; what is not known is "server-unreachable" in libcurl's
 * words. */
#include "lib/http_client_why.h"

#include <errno.h>
#include <string.h>

static bool
is_about_tls(CURLcode code)
{
	return code == CURLE_PEER_FAILED_VERIFICATION ||
	       code == CURLE_SSL_CONNECT_ERROR || code == CURLE_SSL_CACERT_BADFILE ||
	       code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_ISSUER_ERROR;
}

/* What a proxy that did not connect has said (RFC 9110 15.5.8, 9.3.6). */
static int
refused_by_proxy(long status, const struct http_client_why *w, struct error *err)
{
	if (status != 407)
		return error_set(err, -ECONNREFUSED, "server-unreachable",
		    "look into the proxy's log: does it let this machine go there?",
		    "%s: the proxy answers with HTTP status %ld", w->where, status);
	return error_set(err, -EACCES, "proxy-login",
	    w->login ? "correct proxy_user and proxy_password_file"
		     : "set proxy_user and proxy_password_file",
	    "%s: the proxy %s (407)", w->where,
	    w->login ? "does not take the user and password that it was told"
		     : "wants a user and a password");
}

static int
failed_tls(CURLcode code, const struct http_client_why *w, struct error *err)
{
	if (w->detail == NULL)
		return error_set(err, -EPROTO, "tls-failed",
		    "name its CA (netboot-ctl: --ca-file or NETBOOT_CA_FILE), and the "
		    "server as its certificate does",
		    "%s: %s", w->where, curl_easy_strerror(code));
	return error_set(err, -EPROTO, "tls-failed",
	    strstr(w->detail, "not yet valid") || strstr(w->detail, "expired")
		? "look at the clocks of this machine and of the orchestrator's"
		: "another program answers there, or something between opens TLS; if the "
		  "orchestrator's authority was made anew: netboot-agent enroll",
	    "%s: %s", w->where,
	    w->detail[0] != '\0' ? w->detail : curl_easy_strerror(code));
}

static int
unreachable(CURL *easy, CURLcode code, const struct http_client_why *w, struct error *err)
{
	const char *next =
	    "look whether the server runs, and whether it listens on that address";
	long os_errno = 0;

	if (w->local)
		next = "look whether netboot-orchestrator runs, and whether you are root "
		       "or in its group netboot";
	else if (code == CURLE_COULDNT_RESOLVE_HOST ||
		 code == CURLE_COULDNT_RESOLVE_PROXY)
		next =
		    "look at the name, and whether this machine's name service answers "
		    "(/etc/resolv.conf)";
	curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_errno);
	return error_set(err, -ECONNREFUSED, "server-unreachable", next, "%s: %s",
	    w->where,
	    code == CURLE_COULDNT_CONNECT && os_errno != 0 ? strerror((int)os_errno)
							   : curl_easy_strerror(code));
}

int
http_client_why_set(
    CURL *easy, CURLcode code, const struct http_client_why *w, struct error *err)
{
	long connect = 0;

	curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &connect);
	if (connect >= 300)
		return refused_by_proxy(connect, w, err);
	if (code == CURLE_OPERATION_TIMEDOUT)
		return error_set(err, -ETIMEDOUT, "timeout",
		    "look whether the server is overloaded, then try again",
		    "%s: no answer in time", w->where);
	if (is_about_tls(code))
		return failed_tls(code, w, err);
	return unreachable(easy, code, w, err);
}
