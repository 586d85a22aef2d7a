/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of nginx's access log in the format `netboot`:
 *
 *	log_format netboot '$msec $remote_addr $request_method "$request_uri" $status $body_bytes_sent '
 *	                   '$sent_http_content_length $request_completion "$http_user_agent"';
 *
 *	1795657547.868 10.77.0.100 GET "/b/TOKEN/linux" 200 20000000 20000000 OK "iPXE/1.0.0"
 *
 * Entry point: logline_nginx_parse().
 * Ownership: nothing is kept.
 * Failure modes: a line that is not understood says nothing. nginx escapes quotes, backslashes and all that
 * is not printable ASCII as \xNN, so that a quote ends the path. $body_bytes_sent is what was handed to the kernel:
 * less certain than bootd's count of what the client acknowledged.
 */
#include <string.h>

#include "agent/logline_priv.h"
#include "lib/clock.h"
#include "lib/str.h"

/* "1795657547.868": UTC, so that the line has its own time. */
static bool
read_time(struct logline_text *t, int64_t *ret)
{
	char word[24];
	int64_t seconds, millis;
	char *dot;

	if (logline_word(t, word, sizeof(word)) < 0 || (dot = strchr(word, '.')) == NULL)
		return false;
	*dot = '\0';
	if (str_to_i64(word, 1, 99999999999, &seconds) < 0 ||
	    str_to_i64(dot + 1, 0, 999, &millis) < 0)
		return false;
	*ret = seconds * USEC_PER_SEC + millis * USEC_PER_MSEC;
	return true;
}

static bool
read_path(struct logline_text *t, struct logline *ret)
{
	struct logline_text path = *t;

	if (!logline_skip(&path, "\""))
		return false;
	*t = path;
	if (!logline_skip_past(t, "\" "))
		return false;
	path.end = t->at - 2;
	/* What is asked for behind a '?' names no other file. */
	for (const char *p = path.at; p < path.end; p++) {
		if (*p == '?') {
			path.end = p;
			break;
		}
	}
	if ((size_t)(path.end - path.at) >= sizeof(ret->file))
		return false;
	logline_rest(&path, ret->file, sizeof(ret->file));
	return true;
}

static bool
read_number(struct logline_text *t, int64_t max, int64_t *ret)
{
	char word[24];

	if (logline_word(t, word, sizeof(word)) < 0)
		return false;
	if (str_eq(word, "-"))
		return true;
	return str_to_i64(word, 0, max, ret) == 0;
}

bool
logline_nginx_parse(struct logline_text t, struct logline *ret)
{
	int64_t status = 0;

	if (!read_time(&t, &ret->at) || logline_ip(&t, &ret->ip) < 0 ||
	    logline_word(&t, ret->method, sizeof(ret->method)) < 0 ||
	    !read_path(&t, ret) || !read_number(&t, 999, &status) ||
	    !read_number(&t, INT64_MAX, &ret->bytes) ||
	    !read_number(&t, INT64_MAX, &ret->total))
		return false;
	ret->status = (int)status;
	ret->whole = logline_skip(&t, "OK ");
	if (!ret->whole && !logline_skip(&t, " "))
		return false;
	if (logline_skip(&t, "\"")) {
		if (t.end > t.at)
			t.end--;
		logline_rest(&t, ret->agent, sizeof(ret->agent));
	}
	ret->what = LOGLINE_HTTP;
	return true;
}
