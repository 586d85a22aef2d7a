/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions to the neighbour cache and what may come back: as rtnetlink(7) has them, and damaged. */
#include "boot-services/neigh_msg.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
/* cmocka.h wants those first. */
#include <cmocka.h>

#include "lib/str.h"

enum { SEQ = 7, IFINDEX = 2 };

static const uint8_t mac[6] = {0x52, 0x54, 0, 0x77, 0, 1};
static const struct addr_ip ip = {AF_INET6, {0xfe, 0x80, [15] = 0x99}};

static uint8_t data[256];
static struct wbuf w;

static void
put(uint16_t type, const void *value, size_t len)
{
	const struct rtattr a = {.rta_len = (uint16_t)RTA_LENGTH(len), .rta_type = type};

	wbuf_bytes(&w, &a, sizeof(a));
	wbuf_bytes(&w, value, len);
	wbuf_zero(&w, RTA_SPACE(len) - RTA_LENGTH(len));
}

static void
begin(uint16_t type, const void *body, size_t len)
{
	const struct nlmsghdr h = {.nlmsg_type = type, .nlmsg_seq = SEQ};

	w = wbuf_init(data, sizeof(data));
	wbuf_bytes(&w, &h, sizeof(h));
	wbuf_bytes(&w, body, len);
}

/* The answer as far as it is written, with its length. */
static int
answer(struct addr_mac *ret)
{
	const uint32_t len = (uint32_t)w.len;

	memcpy(data, &len, sizeof(len));
	return neigh_msg_parse(data, w.len, SEQ, IFINDEX, &ip, ret);
}

static int
entry(uint16_t state, int ifindex, const struct addr_ip *of, const void *lladdr, size_t n)
{
	const struct ndmsg nd = {
	    .ndm_family = AF_INET6, .ndm_ifindex = ifindex, .ndm_state = state};
	const uint8_t info[16] = {0};
	struct addr_mac got;
	int r;

	begin(RTM_NEWNEIGH, &nd, sizeof(nd));
	put(NDA_DST, of->b, sizeof(of->b));
	if (n > 0)
		put(NDA_LLADDR, lladdr, n);
	put(NDA_CACHEINFO, info, sizeof(info));
	r = answer(&got);
	if (r == 0)
		assert_memory_equal(got.b, mac, sizeof(mac));
	return r;
}

static void
a_request_is_as_the_kernel_wants_it(void **state UNUSED)
{
	struct wbuf q = wbuf_init(data, sizeof(data));
	struct rbuf r;
	struct nlmsghdr h;
	struct ndmsg nd;
	struct rtattr a;
	const struct addr_ip v4 = {AF_INET, {10, 77, 0, 1}};

	assert_true(neigh_msg_build(&q, SEQ, IFINDEX, &ip));
	assert_true(q.len <= NEIGH_MSG_REQUEST_MAX);
	r = rbuf_init(data, q.len);
	rbuf_copy(&r, &h, sizeof(h));
	rbuf_copy(&r, &nd, sizeof(nd));
	rbuf_copy(&r, &a, sizeof(a));
	assert_int_equal(h.nlmsg_len, q.len);
	assert_int_equal(h.nlmsg_type, RTM_GETNEIGH);
	assert_int_equal(h.nlmsg_flags, NLM_F_REQUEST); /* no dump */
	assert_int_equal(h.nlmsg_seq, SEQ);
	assert_int_equal(nd.ndm_family, AF_INET6);
	assert_int_equal(nd.ndm_ifindex, IFINDEX);
	assert_int_equal(nd.ndm_state | nd.ndm_flags | nd.ndm_type, 0);
	assert_int_equal(a.rta_type, NDA_DST);
	assert_int_equal(a.rta_len, 20);
	assert_int_equal(rbuf_left(&r), 16);
	assert_memory_equal(rbuf_rest(&r), ip.b, 16);
	assert_false(neigh_msg_build(&q, SEQ, IFINDEX, &v4));
	q = wbuf_init(data, 47);
	assert_false(neigh_msg_build(&q, SEQ, IFINDEX, &ip));
}

static void
entries_count_while_they_hold(void **state UNUSED)
{
	static const uint8_t group[6] = {1, 0, 0x5e, 0, 0, 1}, nobody[6] = {0};
	static const uint8_t infiniband[20] = {0x80};
	const struct addr_ip other = {AF_INET6, {0xfe, 0x80, [15] = 0x98}};
	static const struct {
		uint16_t state;
		int expected;
	} rows[] = {{NUD_REACHABLE, 0}, {NUD_STALE, 0}, {NUD_DELAY, 0}, {NUD_PROBE, 0},
	    {NUD_PERMANENT, 0}, {NUD_INCOMPLETE, -ENOENT}, {NUD_FAILED, -ENOENT},
	    {NUD_NOARP, -ENOENT}, {NUD_NONE, -ENOENT}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(entry(rows[i].state, IFINDEX, &ip, mac, sizeof(mac)),
		    rows[i].expected);
	assert_int_equal(entry(NUD_STALE, IFINDEX, &ip, NULL, 0), -ENOENT);
	assert_int_equal(entry(NUD_STALE, IFINDEX, &ip, infiniband, 20), -ENOENT);
	assert_int_equal(entry(NUD_STALE, IFINDEX, &ip, group, 6), -ENOENT);
	assert_int_equal(entry(NUD_STALE, IFINDEX, &ip, nobody, 6), -ENOENT);
	assert_int_equal(entry(NUD_STALE, IFINDEX + 1, &ip, mac, 6), -EBADMSG);
	assert_int_equal(entry(NUD_STALE, IFINDEX, &other, mac, 6), -EBADMSG);
}

static void
errors_are_the_kernels(void **state UNUSED)
{
	static const struct {
		int32_t error;
		int expected;
	} rows[] = {{-ENOENT, -ENOENT}, {-EOPNOTSUPP, -EOPNOTSUPP}, {0, -EBADMSG},
	    {1, -EBADMSG}, {INT32_MIN, -EBADMSG}, {-ESRCH, -EBADMSG}};
	struct addr_mac got;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		begin(NLMSG_ERROR, &rows[i].error, sizeof(rows[i].error));
		assert_int_equal(answer(&got), rows[i].expected);
	}
	begin(NLMSG_ERROR, "", 1);
	assert_int_equal(answer(&got), -EBADMSG);
	begin(NLMSG_DONE, &rows[0].error, 4);
	assert_int_equal(answer(&got), -EBADMSG);
}

static void
whatever_is_cut_off_is_refused(void **state UNUSED)
{
	struct addr_mac got;
	uint32_t len;
	size_t whole;

	assert_int_equal(entry(NUD_STALE, IFINDEX, &ip, mac, sizeof(mac)), 0);
	whole = w.len;
	for (size_t n = 0; n < whole; n++)
		assert_int_equal(
		    neigh_msg_parse(data, n, SEQ, IFINDEX, &ip, &got), -EBADMSG);
	assert_int_equal(
	    neigh_msg_parse(data, whole, SEQ + 1, IFINDEX, &ip, &got), -ESRCH);
	/* Lengths that lie: of the message, and of its first attribute. */
	len = sizeof(struct nlmsghdr) - 1;
	memcpy(data, &len, sizeof(len));
	assert_int_equal(neigh_msg_parse(data, whole, SEQ, IFINDEX, &ip, &got), -EBADMSG);
	for (uint16_t n = 0; n < 4; n++) {
		memcpy(data + NLMSG_LENGTH(sizeof(struct ndmsg)), &n, sizeof(n));
		assert_int_equal(answer(&got), -EBADMSG);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_request_is_as_the_kernel_wants_it),
	    cmocka_unit_test(entries_count_while_they_hold),
	    cmocka_unit_test(errors_are_the_kernels),
	    cmocka_unit_test(whatever_is_cut_off_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
