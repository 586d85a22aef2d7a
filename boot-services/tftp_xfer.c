/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sending side of one TFTP transfer (RFC 1350, 1123 4.2.3.1, 2347-2349, 7440).
 *
 *	start ──options──► OACK ──ACK 0 (take_ack)──► DATA ──ACK of last (take_ack)──► DONE
 *	start ──none────────────────────────────────► DATA
 *	OACK, DATA ──ERROR (take_error), ICMP (on_closed), silence (on_time)──► DONE
 *
 * Block numbers are kept in 64 bits and cut to 16 on the wire, so they wrap from 65535 to
 * 0. A window has at most 64 blocks, so a 16-bit ACK names one block of it without doubt.
 *
 * When is a window sent again? RFC 1123 4.2.3.1 forbids DATA in answer to a duplicate ACK
 * (Sorcerer's Apprentice: each duplicate would double all that follows). But EDK2 repeats
 * the ACK of the last block in order for every block out of order, and U-Boot waits for
 * an answer to its repeated ACK (tftpy#41). So a duplicate ACK never causes a packet by
 * itself: it brings the deadline forward to where a window that is merely late would have
 * been acknowledged, and only if nothing arrives until then the window goes out again.
 *
 * Nothing is owned; the caller sends what `struct tftp_xfer_out` names. */
#include "boot-services/tftp_xfer.h"

#include <assert.h>

#include "lib/compiler.h"

/* EDK2 repeats every 4 s, six times: give up later than it does. */
#define RTO_FIRST (1 * USEC_PER_SEC)
#define RTO_MAX (8 * USEC_PER_SEC)
#define GIVE_UP (30 * USEC_PER_SEC)
/* After the last window there is only an ACK to wait for, which some clients never send.
 */
#define GIVE_UP_LAST (12 * USEC_PER_SEC)
/* A duplicate ACK brings a resend forward to this, or four round trips. */
#define EARLY_MIN (50 * USEC_PER_MSEC)
/* A longer timeout than this is not agreed to: the client would be without us for too
 * long. */
enum { TIMEOUT_ACCEPT_S = 15 };
/* …and only so often for one window, so that a client stuck in a loop costs little. */
enum { EARLY_TIMES = 3 };

const char *
tftp_xfer_result_name(enum tftp_xfer_result r)
{
	switch (r) {
	case TFTP_XFER_RUNNING: return "running";
	case TFTP_XFER_COMPLETE: return "complete";
	case TFTP_XFER_COMPLETE_UNACKED: return "complete-unacked";
	case TFTP_XFER_PROBE: return "probe";
	case TFTP_XFER_ABORTED: return "aborted";
	case TFTP_XFER_TIMEOUT: return "timeout";
	}
	return "unknown";
}

int64_t
tftp_xfer_offset(const struct tftp_xfer *x, uint64_t block)
{
	return (int64_t)(block - 1) * x->blksize;
}

uint16_t
tftp_xfer_length(const struct tftp_xfer *x, uint64_t block)
{
	int64_t left = x->size - tftp_xfer_offset(x, block);

	return (uint16_t)(left < x->blksize ? left : x->blksize);
}

int64_t
tftp_xfer_bytes(const struct tftp_xfer *x)
{
	int64_t n = (int64_t)x->acked * x->blksize;

	return n < x->size ? n : x->size;
}

static uint16_t
min_u16(uint16_t a, uint16_t b)
{
	return a < b ? a : b;
}

static void
finish(struct tftp_xfer *x, enum tftp_xfer_result result)
{
	x->state = TFTP_XFER_DONE;
	x->result = result;
	x->deadline = INT64_MAX;
}

/* Sends what the state asks for: the OACK, or the window that follows the last block
 * acknowledged. */
static void
send_window(struct tftp_xfer *x, int64_t now, struct tftp_xfer_out *ret)
{
	uint64_t left = x->last - x->acked;

	if (x->state == TFTP_XFER_OACK) {
		ret->oack = true;
	} else {
		ret->first = x->acked + 1;
		ret->count = (unsigned)(left < x->windowsize ? left : x->windowsize);
		x->next = ret->first + ret->count;
		x->top = x->next > x->top ? x->next : x->top;
	}
	x->sent_at = now;
	x->deadline = now + x->rto;
}

/* All has been sent once, though a window may be repeated. */
static bool
waits_for_last_ack(const struct tftp_xfer *x)
{
	return x->state == TFTP_XFER_DATA && x->top == x->last + 1;
}

static void
resend(struct tftp_xfer *x, int64_t now, struct tftp_xfer_out *ret)
{
	bool early = now - x->sent_at < x->rto;

	if (!early && x->rto * 2 <= RTO_MAX)
		x->rto *= 2;
	send_window(x, now, ret);
	x->retried = true;
	x->resent += ret->oack ? 1 : ret->count;
}

/* RFC 2347: the OACK holds only options that the client sent; 2348 and 7440: values not
 * above what it asked; 2349: the timeout must be its own. EDK2 drops the whole transfer
 * otherwise. */
static void
agree(struct tftp_xfer *x, const struct tftp_request *req,
    const struct tftp_xfer_limits *limits)
{
	const struct tftp_options *asked = &req->opts;
	struct tftp_options *o = &x->agreed;

	x->blksize = TFTP_BLKSIZE_DEFAULT;
	x->windowsize = 1;
	x->rto_first = RTO_FIRST;
	if (asked->blksize != 0)
		x->blksize = o->blksize = min_u16(asked->blksize, limits->blksize);
	if (asked->windowsize != 0)
		x->windowsize = o->windowsize =
		    min_u16(asked->windowsize, limits->windowsize);
	if (asked->timeout_s != 0 && asked->timeout_s <= TIMEOUT_ACCEPT_S) {
		o->timeout_s = asked->timeout_s;
		x->rto_first = asked->timeout_s * USEC_PER_SEC;
	}
	/* The size on the wire of a netascii transfer is not the file's, so it is not
	 * promised. */
	if (asked->has_tsize && req->mode == TFTP_MODE_OCTET) {
		o->has_tsize = true;
		o->tsize = x->size;
		x->tsize_asked = true;
	}
}

void
tftp_xfer_start(struct tftp_xfer *x, const struct tftp_request *req, int64_t size,
    const struct tftp_xfer_limits *limits, int64_t now, struct tftp_xfer_out *ret)
{
	const struct tftp_options *o = &x->agreed;

	assert(size >= 0);
	assert(limits->blksize >= TFTP_BLKSIZE_MIN);
	assert(limits->windowsize >= 1 && limits->windowsize <= TFTP_WINDOW_CAP);
	*x = (struct tftp_xfer){
	    .size = size, .progress_at = now, .rewound_at = INT64_MIN / 2};
	*ret = (struct tftp_xfer_out){0};
	agree(x, req, limits);
	x->last = (uint64_t)(size / x->blksize) + 1;
	x->next = 1;
	x->rto = x->rto_first;
	x->state =
	    o->blksize != 0 || o->windowsize != 0 || o->timeout_s != 0 || o->has_tsize
		? TFTP_XFER_OACK
		: TFTP_XFER_DATA;
	send_window(x, now, ret);
}

static void
measure(struct tftp_xfer *x, int64_t now)
{
	int64_t sample = now - x->sent_at;

	/* Karn: an answer after a resend says nothing about the round trip. */
	if (x->retried)
		return;
	x->rtt = x->rtt == 0 ? sample : (7 * x->rtt + sample) / 8;
}

/* Brings the deadline forward to where a packet that is merely late would be here. */
static void
hurry(struct tftp_xfer *x, int64_t now)
{
	int64_t late = 4 * x->rtt > EARLY_MIN ? 4 * x->rtt : EARLY_MIN;

	if (x->early < EARLY_TIMES && now + late < x->deadline) {
		x->deadline = now + late;
		x->early++;
	}
}

/* An ACK inside the window is the client's way to say that the next block was lost (RFC 7440
 * 4): the window starts again behind it. But a client that gets blocks out of order says so
 * for each of them, so this is believed once per round trip. */
static bool
rewind_window(struct tftp_xfer *x, int64_t now)
{
	if (now - x->rewound_at < 2 * x->rtt) {
		hurry(x, now);
		return false;
	}
	x->rewound_at = now;
	x->retried = true;
	x->resent += (unsigned)(x->next - x->acked - 1);
	return true;
}

static void
take_progress(struct tftp_xfer *x, uint64_t block, int64_t now, struct tftp_xfer_out *ret)
{
	measure(x, now);
	x->state = TFTP_XFER_DATA;
	x->acked = block;
	x->rto = x->rto_first;
	x->retried = false;
	x->early = 0;
	x->progress_at = now;
	if (x->acked == x->last) {
		finish(x, TFTP_XFER_COMPLETE);
		return;
	}
	if (x->next > block + 1 && !rewind_window(x, now))
		return;
	send_window(x, now, ret);
}

static void
take_duplicate(struct tftp_xfer *x, int64_t now, struct tftp_xfer_out *ret)
{
	if (now - x->sent_at >= x->rto / 2) {
		resend(x, now, ret);
		return;
	}
	/* With windows of one block the client's own timer has fired, or the network made
	 * the duplicate: our timer is soon enough. */
	if (x->windowsize > 1)
		hurry(x, now);
}

static void
take_ack(struct tftp_xfer *x, uint16_t wire, int64_t now, struct tftp_xfer_out *ret)
{
	uint16_t ahead = (uint16_t)(wire - (uint16_t)x->acked);

	if (x->state == TFTP_XFER_OACK) {
		if (wire == 0)
			take_progress(x, 0, now, ret);
		return;
	}
	if (ahead == 0)
		take_duplicate(x, now, ret);
	else if (x->acked + ahead < x->next)
		take_progress(x, x->acked + ahead, now, ret);
	/* else: older than the window, or never sent */
}

static void
take_error(struct tftp_xfer *x, uint16_t code)
{
	x->error = code;
	/* EDK2 sends code 8 and VMware code 0, but always before any data. */
	if (x->tsize_asked && x->acked == 0)
		finish(x, TFTP_XFER_PROBE);
	else
		finish(x, TFTP_XFER_ABORTED);
}

void
tftp_xfer_on_msg(
    struct tftp_xfer *x, const struct tftp_msg *m, int64_t now, struct tftp_xfer_out *ret)
{
	*ret = (struct tftp_xfer_out){0};
	if (x->state == TFTP_XFER_DONE)
		return;
	x->heard = true;
	if (m->op == TFTP_OP_ACK)
		take_ack(x, m->block, now, ret);
	else if (m->op == TFTP_OP_ERROR)
		take_error(x, m->error);
}

void
tftp_xfer_on_repeat(struct tftp_xfer *x, int64_t now, struct tftp_xfer_out *ret)
{
	*ret = (struct tftp_xfer_out){0};
	if (x->state == TFTP_XFER_DONE || x->acked > 0)
		return;
	/* Like a duplicate ACK: an answer that has only just been sent is still under
	 * way. */
	if (now - x->sent_at >= x->rto / 2)
		resend(x, now, ret);
}

void
tftp_xfer_on_closed(struct tftp_xfer *x)
{
	if (x->state == TFTP_XFER_DONE)
		return;
	x->closed = true;
	if (x->tsize_asked && x->acked == 0)
		finish(x, TFTP_XFER_PROBE);
	else if (waits_for_last_ack(x) && x->heard)
		finish(x, TFTP_XFER_COMPLETE_UNACKED);
	else
		finish(x, TFTP_XFER_ABORTED);
}

void
tftp_xfer_on_time(struct tftp_xfer *x, int64_t now, struct tftp_xfer_out *ret)
{
	bool last = waits_for_last_ack(x);

	*ret = (struct tftp_xfer_out){0};
	if (x->state == TFTP_XFER_DONE || now < x->deadline)
		return;
	if (now - x->progress_at >= (last ? GIVE_UP_LAST : GIVE_UP)) {
		/* To take the last block and go is common; but one who never said a word
		 * may never have existed. */
		finish(
		    x, last && x->heard ? TFTP_XFER_COMPLETE_UNACKED : TFTP_XFER_TIMEOUT);
		return;
	}
	resend(x, now, ret);
}
