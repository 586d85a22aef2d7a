/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Making and applying deltas with libzstd.
 *
 * Entry points: delta_make(), delta_apply().
 * Ownership: descriptors are the caller's; maps live inside the call.
 * Failure modes: a damaged or hostile delta is refused by zstd or by its size; what it writes never leaves the map; a file
 * that somebody makes shorter meanwhile makes none (lib/mapped.c). It is
 * one call on mapped memory and not a stream, since a stream would hold the whole window, half a gigabyte and more, in
 * memory.
 */
#include "lib/delta.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "lib/mapped.h"

enum { WINDOW_LOG_MAX = 31 };

static int
unusable(struct error *err, const char *what)
{
	return error_set(err, -EBADMSG, "delta-unusable",
	    "nothing: the file is fetched as a whole", "the delta cannot be used: %s",
	    what);
}

static int
decompress(const struct mapped *old, const struct mapped *delta, const struct mapped *out,
    struct error *err)
{
	ZSTD_DCtx *ctx = ZSTD_createDCtx();
	size_t n;

	if (ctx == NULL)
		return error_set(err, -ENOMEM, "delta-unusable",
		    "give the machine more memory", "out of memory for a delta");
	ZSTD_DCtx_setParameter(ctx, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
	n = ZSTD_DCtx_refPrefix(ctx, old->at, old->len);
	if (!ZSTD_isError(n))
		n = ZSTD_decompressDCtx(ctx, out->at, out->len, delta->at, delta->len);
	ZSTD_freeDCtx(ctx);
	if (ZSTD_isError(n))
		return unusable(err, ZSTD_getErrorName(n));
	return n == out->len ? 0 : unusable(err, "it gives a file of another size");
}

int
delta_apply(int old, int delta, int out, int64_t size, struct error *err)
{
	struct mapped o = {0}, d = {0}, n = {0};
	int r;

	if ((r = mapped_open(old, PROT_READ, DELTA_OLD_MAX, &o)) < 0 ||
	    (r = mapped_open(delta, PROT_READ, INT64_MAX, &d)) < 0 ||
	    (r = mapped_open(out, PROT_READ | PROT_WRITE, INT64_MAX, &n)) < 0)
		error_set(err, r, "delta-unusable",
		    "nothing: the file is fetched as a whole",
		    "a file of a delta cannot be mapped: %s", strerror(-r));
	else if ((int64_t)n.len != size ||
		 ZSTD_getFrameContentSize(d.at, d.len) != (unsigned long long)size)
		r = unusable(err, "it says another size than the wanted one");
	else
		r = decompress(&o, &d, &n, err);
	if (o.cut || d.cut || n.cut)
		r = unusable(err, "a file was made shorter meanwhile");
	mapped_close(&o);
	mapped_close(&d);
	mapped_close(&n);
	return r;
}

/* ---- making ---- */

enum { LEVEL = 3, WINDOW_LOG_MIN = 20 };

/* The window reaches over both files: what is at the end of one may be at the beginning of the other. */
static int
window_log(size_t old, size_t new)
{
	int log = WINDOW_LOG_MIN;

	while (log < WINDOW_LOG_MAX && (size_t)1 << log < old + new)
		log++;
	return log;
}

static int
compress(const struct mapped *old, const struct mapped *new, const struct mapped *out,
    int64_t *ret_size, struct error *err)
{
	ZSTD_CCtx *ctx = ZSTD_createCCtx();
	size_t n;

	if (ctx == NULL)
		return error_set(err, -ENOMEM, "delta-unusable",
		    "give the machine more memory", "out of memory for a delta");
	ZSTD_CCtx_setParameter(ctx, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(ctx, ZSTD_c_windowLog, window_log(old->len, new->len));
	ZSTD_CCtx_setParameter(ctx, ZSTD_c_enableLongDistanceMatching, 1);
	ZSTD_CCtx_setParameter(ctx, ZSTD_c_checksumFlag, 1);
	n = ZSTD_CCtx_refPrefix(ctx, old->at, old->len);
	if (!ZSTD_isError(n))
		n = ZSTD_compress2(ctx, out->at, out->len, new->at, new->len);
	ZSTD_freeCCtx(ctx);
	if (!ZSTD_isError(n)) {
		*ret_size = (int64_t)n;
		return 0;
	}
	if (ZSTD_getErrorCode(n) == ZSTD_error_dstSize_tooSmall)
		return error_set(err, -E2BIG, "delta-unusable", NULL,
		    "a delta would hardly be smaller than the file");
	return error_set(err, -EIO, "delta-unusable", NULL, "a delta cannot be made: %s",
	    ZSTD_getErrorName(n));
}

int
delta_make(int old, int new, int out, int64_t max, int64_t *ret_size, struct error *err)
{
	struct mapped o = {0}, n = {0}, d = {0};
	int64_t size = 0;
	int r;

	if ((r = mapped_open(old, PROT_READ, DELTA_OLD_MAX, &o)) < 0 ||
	    (r = mapped_open(new, PROT_READ, DELTA_OLD_MAX, &n)) < 0 ||
	    (r = -posix_fallocate(out, 0, max)) < 0 ||
	    (r = mapped_open(out, PROT_READ | PROT_WRITE, INT64_MAX, &d)) < 0)
		error_set(err, r, "delta-unusable", NULL,
		    "a file of a delta cannot be mapped: %s", strerror(-r));
	else
		r = compress(&o, &n, &d, &size, err);
	if (o.cut || n.cut || d.cut)
		r = unusable(err, "a file was made shorter meanwhile");
	mapped_close(&o);
	mapped_close(&n);
	mapped_close(&d);
	if (r == 0 && ftruncate(out, size) < 0)
		r = error_set(err, -errno, "delta-unusable", NULL,
		    "a delta cannot be written: %s", strerror(errno));
	if (r == 0)
		*ret_size = size;
	return r;
}
