/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames of a console recording.
 *
 *	u8 type  u8 mark  u16 len  u64 at  len octets  u32 crc
 *
 * in network byte order; the checksum covers everything before it. A writer that is killed leaves at most one
 * frame that is not whole, at the end: console_record_sum_add() says how long the good part is, and the writer cuts the
 * file there and goes on.
 *
 * Entry points: console_record_put_*(), console_record_next(), console_record_sum_add().
 * Ownership: buffers are the caller's; a frame borrows from the one it was read from.
 * Failure modes: octets that are no frame are -EBADMSG, and nothing behind them is believed: without a frame
 * there is no way to tell where the next one begins.
 */
#include "lib/console_record.h"

#include <errno.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/crc32.h"
#include "lib/printable.h"

#define MAGIC "nbcon1"

enum { ALWAYS = 1 }; /* the mark of a BEGIN */

static const char *const mark_names[CONSOLE_RECORD_MARK_COUNT] = {
    [CONSOLE_RECORD_CONNECTED] = "connected",
    [CONSOLE_RECORD_GAP] = "gap",
    [CONSOLE_RECORD_LOST] = "lost",
    [CONSOLE_RECORD_STOLEN] = "stolen",
    [CONSOLE_RECORD_REFUSED] = "refused",
    [CONSOLE_RECORD_YIELDED] = "yielded",
    [CONSOLE_RECORD_TRUNCATED] = "truncated",
    [CONSOLE_RECORD_END] = "end",
};

const char *
console_record_mark_name(unsigned mark)
{
	return mark < CONSOLE_RECORD_MARK_COUNT ? mark_names[mark] : NULL;
}

/* ---- writing ---- */

static size_t
put(uint8_t *buf, size_t cap, uint8_t type, uint8_t mark, int64_t at, const void *data,
    size_t len)
{
	struct wbuf w = wbuf_init(buf, cap);

	if (len > CONSOLE_RECORD_DATA_MAX)
		return 0;
	wbuf_u8(&w, type);
	wbuf_u8(&w, mark);
	wbuf_u16(&w, (uint16_t)len);
	wbuf_u32(&w, (uint32_t)((uint64_t)at >> 32));
	wbuf_u32(&w, (uint32_t)(uint64_t)at);
	wbuf_bytes(&w, data, len);
	wbuf_u32(&w, crc32_of(buf, w.len));
	return wbuf_ok(&w) ? w.len : 0;
}

size_t
console_record_put_begin(
    uint8_t *buf, size_t cap, int64_t at, const char *host, const char *id, bool always)
{
	uint8_t text[sizeof(MAGIC) + CONSOLE_RECORD_HOST_SIZE + ID_SIZE];
	struct wbuf w = wbuf_init(text, sizeof(text));

	if (strlen(host) >= CONSOLE_RECORD_HOST_SIZE || !id_valid(id))
		return 0;
	wbuf_bytes(&w, MAGIC, sizeof(MAGIC));
	wbuf_bytes(&w, host, strlen(host) + 1);
	wbuf_bytes(&w, id, strlen(id) + 1);
	return put(buf, cap, CONSOLE_RECORD_BEGIN, always ? ALWAYS : 0, at, text, w.len);
}

size_t
console_record_put_data(
    uint8_t *buf, size_t cap, int64_t at, const void *data, size_t len)
{
	return len == 0 ? 0 : put(buf, cap, CONSOLE_RECORD_DATA, 0, at, data, len);
}

size_t
console_record_put_mark(
    uint8_t *buf, size_t cap, int64_t at, enum console_record_mark mark, const char *text)
{
	size_t len = strnlen(text, CONSOLE_RECORD_TEXT_MAX);

	return put(buf, cap, CONSOLE_RECORD_MARK, (uint8_t)mark, at, text, len);
}

/* ---- reading ---- */

static int
read_begin(struct rbuf *r, struct console_record_frame *f)
{
	char magic[sizeof(MAGIC)];

	rbuf_cstr(r, magic, sizeof(magic));
	rbuf_cstr(r, f->host, sizeof(f->host));
	rbuf_cstr(r, f->id, sizeof(f->id));
	if (!rbuf_ok(r) || rbuf_left(r) != 0 || strcmp(magic, MAGIC) != 0 ||
	    !id_valid(f->id))
		return -EBADMSG;
	for (const char *p = f->host; *p != '\0';) {
		size_t n = printable_char(p, strlen(p));

		if (n == 0)
			return -EBADMSG;
		p += n;
	}
	return 1;
}

/* 1, 0 to skip it, or -EBADMSG. */
static int
read_payload(uint8_t type, uint8_t mark, struct rbuf *r, struct console_record_frame *f)
{
	f->data = rbuf_rest(r);
	f->len = rbuf_left(r);
	switch (type) {
	case CONSOLE_RECORD_BEGIN:
		f->type = CONSOLE_RECORD_BEGIN;
		f->always = mark == ALWAYS;
		return read_begin(r, f);
	case CONSOLE_RECORD_DATA:
		f->type = CONSOLE_RECORD_DATA;
		return f->len > 0 ? 1 : -EBADMSG;
	case CONSOLE_RECORD_MARK:
		f->type = CONSOLE_RECORD_MARK;
		if (console_record_mark_name(mark) == NULL)
			return 0;
		f->mark = (enum console_record_mark)mark;
		return f->len <= CONSOLE_RECORD_TEXT_MAX ? 1 : -EBADMSG;
	default: return 0;
	}
}

/* One frame, known or not: its octets, 0 or -EBADMSG. */
static int
read_frame(const uint8_t *buf, size_t len, struct console_record_frame *f, size_t *used,
    int *ret_known)
{
	struct rbuf r = rbuf_init(buf, len), payload;
	uint8_t type = rbuf_u8(&r), mark = rbuf_u8(&r);
	size_t n = rbuf_u16(&r);
	uint64_t hi = rbuf_u32(&r), lo = rbuf_u32(&r);

	if (len < 4)
		return 0;
	if (n > CONSOLE_RECORD_DATA_MAX)
		return -EBADMSG;
	if (len < CONSOLE_RECORD_FRAME_HEAD + n + CONSOLE_RECORD_FRAME_TAIL)
		return 0;
	payload = rbuf_sub(&r, n);
	if (rbuf_u32(&r) != crc32_of(buf, CONSOLE_RECORD_FRAME_HEAD + n) || hi >> 31 != 0)
		return -EBADMSG;
	memset(f, 0, sizeof(*f));
	f->at = (int64_t)(hi << 32 | lo);
	*used = CONSOLE_RECORD_FRAME_HEAD + n + CONSOLE_RECORD_FRAME_TAIL;
	*ret_known = read_payload(type, mark, &payload, f);
	return *ret_known < 0 ? -EBADMSG : 1;
}

int
console_record_next(
    const uint8_t *buf, size_t len, struct console_record_frame *ret, size_t *ret_used)
{
	struct console_record_frame f;
	size_t done = 0, used = 0;
	int known = 0, r;

	while ((r = read_frame(buf + done, len - done, &f, &used, &known)) == 1) {
		done += used;
		if (known == 0)
			continue;
		*ret = f;
		break;
	}
	*ret_used = done;
	return r;
}

/* Measurements of a clock differ by that much at most. */
#define CATCH_UP_US (60LL * 1000 * 1000)

void
console_record_shift(uint8_t *buf, size_t len, int64_t by, int64_t least)
{
	struct console_record_frame f;
	size_t done = 0, used = 0;
	int known = 0;

	for (; read_frame(buf + done, len - done, &f, &used, &known) == 1; done += used) {
		struct wbuf w = wbuf_init(buf + done, used);
		int64_t at = f.at - by;

		if (at <= 0)
			at = f.at;
		if (at < least && least - at < CATCH_UP_US)
			at = least;
		least = at;
		w.len = 4; /* type, mark and length stay */
		wbuf_u32(&w, (uint32_t)((uint64_t)at >> 32));
		wbuf_u32(&w, (uint32_t)(uint64_t)at);
		w.len = used - CONSOLE_RECORD_FRAME_TAIL;
		wbuf_u32(&w, crc32_of(buf + done, w.len));
	}
}

static void
count(struct console_record_sum *s, const struct console_record_frame *f)
{
	if (s->first == 0)
		s->first = f->at;
	if (f->at > s->last)
		s->last = f->at;
	if (f->type == CONSOLE_RECORD_DATA)
		s->octets += (int64_t)f->len;
	if (f->type != CONSOLE_RECORD_MARK)
		return;
	s->gaps += f->mark == CONSOLE_RECORD_GAP;
	s->truncated |= f->mark == CONSOLE_RECORD_TRUNCATED;
	s->ended = f->mark == CONSOLE_RECORD_END;
}

size_t
console_record_sum_add(struct console_record_sum *sum, const uint8_t *buf, size_t len)
{
	struct console_record_frame f;
	size_t done = 0, used = 0;
	int r = 0, known = 0;

	for (; !sum->damaged &&
	       (r = read_frame(buf + done, len - done, &f, &used, &known)) == 1;
	     done += used) {
		if (known == 0)
			continue;
		if ((f.type == CONSOLE_RECORD_BEGIN) == sum->begun) {
			r = -EBADMSG; /* the first, and only it */
			break;
		}
		if (f.type == CONSOLE_RECORD_BEGIN) {
			sum->begun = true;
			memcpy(sum->host, f.host, sizeof(sum->host));
			memcpy(sum->id, f.id, sizeof(sum->id));
			sum->always = f.always;
		}
		count(sum, &f);
	}
	sum->damaged |= r < 0;
	sum->good += (int64_t)done;
	return done;
}
