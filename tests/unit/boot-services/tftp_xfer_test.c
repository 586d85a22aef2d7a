/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The transfer's rules one by one (boot.md 1.8); tests/sim has them together, with loss.
 */
#include "boot-services/tftp_xfer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka.h wants those three first. */
#include <cmocka.h>

#include "lib/compiler.h"

static const struct tftp_xfer_limits limits = {.blksize = 1468, .windowsize = 16};

static struct tftp_xfer x;
static struct tftp_xfer_out out;

static void
start(uint16_t blksize, uint16_t windowsize, bool tsize, int64_t size)
{
	struct tftp_request req = {
	    .opts = {.blksize = blksize, .windowsize = windowsize, .has_tsize = tsize}};

	tftp_xfer_start(&x, &req, size, &limits, 0, &out);
}

static void
ack(uint16_t block, int64_t now)
{
	struct tftp_msg m = {.op = TFTP_OP_ACK, .block = block};

	tftp_xfer_on_msg(&x, &m, now, &out);
}

static void
error(uint16_t code, int64_t now)
{
	struct tftp_msg m = {.op = TFTP_OP_ERROR, .error = code};

	tftp_xfer_on_msg(&x, &m, now, &out);
}

static void
assert_sends(uint64_t first, unsigned count)
{
	assert_false(out.oack);
	assert_int_equal(count, out.count);
	if (count > 0)
		assert_int_equal(first, out.first);
}

static void
test_no_options(void **state)
{
	(void)state;
	start(0, 0, false, 1000);
	assert_int_equal(TFTP_XFER_DATA, x.state);
	assert_sends(1, 1);
	assert_int_equal(512, tftp_xfer_length(&x, 1));
	ack(1, 10);
	assert_sends(2, 1);
	assert_int_equal(488, tftp_xfer_length(&x, 2));
	assert_int_equal(512, tftp_xfer_bytes(&x));
	ack(2, 20);
	assert_sends(0, 0);
	assert_int_equal(TFTP_XFER_COMPLETE, x.result);
	assert_int_equal(1000, tftp_xfer_bytes(&x));
}

static void
test_oack_only_what_was_asked(void **state)
{
	(void)state;
	start(65464, 64, false, 1000);
	assert_true(out.oack);
	assert_int_equal(1468, x.agreed.blksize);
	assert_int_equal(16, x.agreed.windowsize);
	assert_false(x.agreed.has_tsize);
	assert_int_equal(0, x.agreed.timeout_s);
	start(1024, 0, true, 7);
	assert_int_equal(1024, x.agreed.blksize);
	assert_int_equal(0, x.agreed.windowsize);
	assert_int_equal(7, x.agreed.tsize);
}

static void
test_timeout_option(void **state)
{
	struct tftp_request req = {.opts = {.timeout_s = 3}};

	(void)state;
	tftp_xfer_start(&x, &req, 10, &limits, 0, &out);
	assert_true(out.oack);
	assert_int_equal(3, x.agreed.timeout_s);
	assert_int_equal(3 * USEC_PER_SEC, x.deadline);
	/* Too long to be without us: not agreed to, which RFC 2349 allows. */
	req.opts.timeout_s = 255;
	tftp_xfer_start(&x, &req, 10, &limits, 0, &out);
	assert_int_equal(0, x.agreed.timeout_s);
	assert_sends(1, 1);
}

static void
test_netascii_promises_no_size(void **state)
{
	struct tftp_request req = {
	    .mode = TFTP_MODE_NETASCII, .opts = {.has_tsize = true}};

	(void)state;
	tftp_xfer_start(&x, &req, 10, &limits, 0, &out);
	assert_false(x.agreed.has_tsize);
	assert_sends(1, 1);
}

static void
test_probe(void **state)
{
	(void)state;
	start(1468, 4, true, 1000000);
	error(TFTP_ERR_OPTION, 10);
	assert_int_equal(TFTP_XFER_PROBE, x.result);
	/* VMware: another code, just after the OACK. */
	start(1468, 4, true, 1000000);
	ack(0, 5);
	error(0, 10);
	assert_int_equal(TFTP_XFER_PROBE, x.result);
	/* Some just close their port. */
	start(1468, 4, true, 1000000);
	tftp_xfer_on_closed(&x);
	assert_int_equal(TFTP_XFER_PROBE, x.result);
	/* Without a question for the size there is no probe. */
	start(1468, 4, false, 1000000);
	error(TFTP_ERR_OPTION, 10);
	assert_int_equal(TFTP_XFER_ABORTED, x.result);
	/* Nor after data has arrived. */
	start(1468, 4, true, 1000000);
	ack(0, 5);
	ack(4, 6);
	error(0, 10);
	assert_int_equal(TFTP_XFER_ABORTED, x.result);
	assert_int_equal(4 * 1468, tftp_xfer_bytes(&x));
}

static void
test_windows(void **state)
{
	(void)state;
	start(1000, 4, false, 9500);
	ack(0, 1);
	assert_sends(1, 4);
	ack(4, 2);
	assert_sends(5, 4);
	/* Block 7 was lost: the window begins again behind what arrived. */
	ack(6, 3);
	assert_sends(7, 4);
	ack(10, 4);
	assert_int_equal(TFTP_XFER_COMPLETE, x.result);
}

static void
test_sorcerer(void **state)
{
	(void)state;
	start(512, 0, false, 512 * 10);
	ack(0, 1);
	assert_sends(1, 1);
	ack(1, 2);
	assert_sends(2, 1);
	/* Duplicates of an ACK that was answered cause nothing. */
	ack(1, 3);
	assert_sends(0, 0);
	ack(0, 3);
	assert_sends(0, 0);
	ack(2, 4);
	assert_sends(3, 1);
	/* … but a client that waits since half of our timer does get an answer. */
	ack(2, 4 + USEC_PER_SEC / 2);
	assert_sends(3, 1);
	/* ACKs of what was never sent are ignored. */
	ack(9, 5 + USEC_PER_SEC / 2);
	assert_sends(0, 0);
}

static void
test_duplicate_in_window_resends_early(void **state)
{
	int64_t now = 100;

	(void)state;
	start(1000, 4, false, 100000);
	ack(0, 1);
	ack(4, now);
	assert_sends(5, 4);
	/* Block 5 was lost: EDK2 repeats ACK 4 for 6, 7 and 8. */
	for (int i = 0; i < 3; i++) {
		ack(4, ++now);
		assert_sends(0, 0);
	}
	assert_true(x.deadline < now + 100 * USEC_PER_MSEC);
	now = x.deadline;
	tftp_xfer_on_time(&x, now, &out);
	assert_sends(5, 4);
	ack(8, now + 1);
	assert_sends(9, 4);
}

static void
test_rollover(void **state)
{
	(void)state;
	start(8, 0, false, 8 * 70000 + 3);
	ack(0, 0);
	for (uint64_t b = 1; b <= 70001; b++) {
		assert_sends(b, 1);
		assert_int_equal((int64_t)(b - 1) * 8, tftp_xfer_offset(&x, b));
		ack((uint16_t)b, (int64_t)b);
	}
	assert_int_equal(TFTP_XFER_COMPLETE, x.result);
}

static void
test_exact_multiple_ends_with_an_empty_block(void **state)
{
	(void)state;
	start(0, 0, false, 1024);
	ack(1, 1);
	ack(2, 2);
	assert_sends(3, 1);
	assert_int_equal(0, tftp_xfer_length(&x, 3));
	ack(3, 3);
	assert_int_equal(TFTP_XFER_COMPLETE, x.result);
	start(0, 0, false, 0);
	assert_sends(1, 1);
	assert_int_equal(0, tftp_xfer_length(&x, 1));
	ack(1, 3);
	assert_int_equal(TFTP_XFER_COMPLETE, x.result);
}

static void
test_silence(void **state)
{
	unsigned sent = 0;
	int64_t gap = 0;

	(void)state;
	start(1468, 0, true, 100000);
	ack(0, 0);
	ack(1, 0);
	while (x.state != TFTP_XFER_DONE) {
		int64_t at = x.deadline;

		assert_true(at - x.sent_at >= gap);
		gap = at - x.sent_at;
		tftp_xfer_on_time(&x, at - 1, &out);
		assert_sends(0, 0);
		tftp_xfer_on_time(&x, at, &out);
		sent++;
	}
	assert_int_equal(TFTP_XFER_TIMEOUT, x.result);
	assert_true(sent >= 4 && sent <= 8);
	assert_int_equal(1468, tftp_xfer_bytes(&x));
}

static void
test_last_ack_missing(void **state)
{
	(void)state;
	start(1468, 0, false, 100);
	ack(0, 0);
	while (x.state != TFTP_XFER_DONE)
		tftp_xfer_on_time(&x, x.deadline, &out);
	assert_int_equal(TFTP_XFER_COMPLETE_UNACKED, x.result);
	assert_int_equal(0, tftp_xfer_bytes(&x));
	/* A port that closes after the last block was sent says the same. */
	start(1468, 0, false, 100);
	ack(0, 0);
	tftp_xfer_on_closed(&x);
	assert_int_equal(TFTP_XFER_COMPLETE_UNACKED, x.result);
	/* One who never said anything proves nothing. */
	start(0, 0, false, 100);
	while (x.state != TFTP_XFER_DONE)
		tftp_xfer_on_time(&x, x.deadline, &out);
	assert_int_equal(TFTP_XFER_TIMEOUT, x.result);
}

static void
test_repeated_request(void **state)
{
	(void)state;
	start(1468, 0, true, 100000);
	tftp_xfer_on_repeat(&x, 10, &out);
	assert_false(out.oack);
	tftp_xfer_on_repeat(&x, USEC_PER_SEC * 3 / 4, &out);
	assert_true(out.oack);
	ack(0, USEC_PER_SEC);
	ack(1, USEC_PER_SEC);
	tftp_xfer_on_repeat(&x, USEC_PER_SEC * 4, &out);
	assert_false(out.oack);
	assert_sends(0, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_no_options),
	    cmocka_unit_test(test_oack_only_what_was_asked),
	    cmocka_unit_test(test_timeout_option),
	    cmocka_unit_test(test_netascii_promises_no_size),
	    cmocka_unit_test(test_probe),
	    cmocka_unit_test(test_windows),
	    cmocka_unit_test(test_sorcerer),
	    cmocka_unit_test(test_duplicate_in_window_resends_early),
	    cmocka_unit_test(test_rollover),
	    cmocka_unit_test(test_exact_multiple_ends_with_an_empty_block),
	    cmocka_unit_test(test_silence),
	    cmocka_unit_test(test_last_ack_missing),
	    cmocka_unit_test(test_repeated_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
