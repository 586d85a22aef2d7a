/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One frame of zstd that says how long its content is: so what it will take is known, and refused, before anything is
 * unpacked. Events are much alike, and shrink to a tenth.
 *
 * Entry points: pack_make(), pack_open().
 * Ownership: results are the caller's. Failure modes: pack_open() refuses what is damaged, does not say its size, or says
 * more than is allowed; it never takes more memory than that.
 */
#include "lib/pack.h"

#include <errno.h>
#include <stdlib.h>
#include <zstd.h>

#include "lib/str.h"

enum {
	WORTH_IT = 1024, /* below that the head of the request is more */
	LEVEL = 3,
};

char *
pack_make(const char *data, size_t len, size_t *ret_len)
{
	size_t room = ZSTD_compressBound(len), n;
	char *packed;

	if (len < WORTH_IT || ZSTD_isError(room))
		return NULL;
	packed = str_alloc(room);
	n = ZSTD_compress(packed, room, data, len, LEVEL);
	if (ZSTD_isError(n) || n >= len) {
		free(packed);
		return NULL;
	}
	*ret_len = n;
	return packed;
}

static int
refuse(struct error *err, const char *what)
{
	return error_set(err, -EINVAL, "bad-encoding",
	    "send it without Content-Encoding, or as one frame that says its size",
	    "body: %s", what);
}

int
pack_open(const char *data, size_t len, size_t max, char **ret, size_t *ret_len,
    struct error *err)
{
	unsigned long long size = ZSTD_getFrameContentSize(data, len);
	char *text;
	size_t n;

	if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN)
		return refuse(err, "not a frame of zstd that says its size");
	if (size > max)
		return refuse(err, "unpacked it is larger than is taken");
	text = str_alloc((size_t)size + 1);
	n = ZSTD_decompress(text, (size_t)size, data, len);
	if (ZSTD_isError(n) || n != size) {
		free(text);
		return refuse(err, "the frame of zstd is damaged");
	}
	*ret = text;
	*ret_len = n;
	return 0;
}
