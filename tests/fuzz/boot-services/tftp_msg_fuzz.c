/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any packet: parse it, and what was understood of a request survives being written and read again. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "boot-services/tftp_msg.h"
#include "boot-services/tftp_xfer.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
round_trip(const struct tftp_request *req)
{
	uint8_t buf[2 * TFTP_RRQ_MAX];
	struct wbuf w = wbuf_init(buf, sizeof buf);
	struct tftp_msg again;
	size_t n = tftp_msg_build_rrq(&w, req);

	assert(n > 0);
	if (n > TFTP_RRQ_MAX)
		return;
	if (tftp_msg_parse(buf, n, &again) != 0)
		abort();
	assert(strcmp(again.req.name, req->name) == 0);
	assert(again.req.mode == req->mode);
	assert(again.req.opts.blksize == req->opts.blksize);
	assert(again.req.opts.windowsize == req->opts.windowsize);
	assert(again.req.opts.timeout_s == req->opts.timeout_s);
	assert(again.req.opts.has_tsize == req->opts.has_tsize);
}

/* A transfer that is fed the rest of the input stays within its bounds. */
static void
drive(const struct tftp_request *req, const uint8_t *data, size_t size)
{
	static const struct tftp_xfer_limits limits = {.blksize = 1468, .windowsize = 16};
	struct tftp_xfer x;
	struct tftp_xfer_out out;
	int64_t now = 0;

	tftp_xfer_start(&x, req, 100000, &limits, now, &out);
	for (size_t i = 0; i + 3 < size && x.state != TFTP_XFER_DONE; i += 4) {
		struct tftp_msg m = {.op = data[i] & 1 ? TFTP_OP_ACK : TFTP_OP_ERROR};

		m.block = (uint16_t)(data[i + 1] << 8 | data[i + 2]);
		m.error = data[i + 3];
		now += data[i] * 10000;
		if (data[i] < 240)
			tftp_xfer_on_msg(&x, &m, now, &out);
		else
			tftp_xfer_on_time(&x, now, &out);
		assert(out.count <= 16);
		assert(out.count == 0 ||
		       (out.first >= 1 && out.first + out.count - 1 <= x.last));
		assert(x.acked <= x.last && tftp_xfer_bytes(&x) <= 100000);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tftp_msg m;

	if (tftp_msg_parse(data, size, &m) != 0)
		return 0;
	if (m.op == TFTP_OP_RRQ) {
		round_trip(&m.req);
		drive(&m.req, data, size);
	}
	return 0;
}
