/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/nfs_msg.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/nfs_proto.h"
#include "lib/str.h"

enum { XID = 0x11223344 };

static void
the_call_is_as_rfc_7530_has_it(void **state)
{
	/* RFC 5531 9, RFC 7530 16.2: for "/srv/x1". */
	static const uint8_t wanted[] = {0x80, 0, 0, 0x70, 0x11, 0x22, 0x33, 0x44, 0, 0,
	    0, 0, 0, 0, 0, 2, 0, 1, 0x86, 0xa3, 0, 0, 0, 4, 0, 0, 0, 1,
	    /* AUTH_SYS */ 0, 0, 0, 1, 0, 0, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	    /* tag, minor version, operations */ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0,
	    0, 24, 0, 0, 0, 15, 0, 0, 0, 3, 's', 'r', 'v', 0, 0, 0, 0, 15, 0, 0, 0, 2,
	    'x', '1', 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2};
	uint8_t buf[NFS_MSG_CALL_MAX];
	char path[2 * NFS_MSG_CALL_MAX] = "/";

	(void)state;
	assert_int_equal(nfs_msg_build(XID, "/srv//x1/", buf), sizeof(wanted));
	assert_memory_equal(buf, wanted, sizeof(wanted));
	assert_int_equal(nfs_msg_build(XID, "srv", buf), -EINVAL);
	assert_int_equal(nfs_msg_build(XID, "/", buf), -EINVAL);
	memset(path + 1, 'x', sizeof(path) - 2);
	assert_int_equal(nfs_msg_build(XID, path, buf), -EINVAL);
	for (size_t i = 0; i < 200; i += 2)
		memcpy(path + i, "/x", 3);
	assert_int_equal(nfs_msg_build(XID, path, buf), -EINVAL);
}

static void
records_come_whole(void **state)
{
	(void)state;
	assert_int_equal(nfs_msg_record((const uint8_t[]){0x80, 0, 0, 28}), 28);
	assert_int_equal(nfs_msg_record((const uint8_t[]){0, 0, 0, 28}), -EBADMSG);
	assert_int_equal(nfs_msg_record((const uint8_t[]){0x80, 0, 0, 0}), -EBADMSG);
	assert_int_equal(nfs_msg_record((const uint8_t[]){0x80, 1, 0, 0}), -EBADMSG);
}

enum { WORDS = 40 };
#define ACCEPTED XID, 1, 0, 0, 0, 0
#define DIR 9, 0, 1, 2, 4, 2
#define END 0xffffffff

static const struct row {
	int what; /* or -EBADMSG */
	uint32_t words[WORDS];
} rows[] = {
    {NFS_MSG_THERE, {ACCEPTED, 0, 0, 4, 24, 0, 15, 0, 15, 0, DIR, END}},
    /* A verifier and a tag, which nobody asked for. */
    {NFS_MSG_THERE, {XID, 1, 0, 1, 5, 7, 7, 0, 0, 3, 7, 3, 24, 0, 15, 0, DIR, END}},
    /* A file; more words of attributes. */
    {NFS_MSG_NO_FOLDER, {ACCEPTED, 0, 0, 3, 24, 0, 15, 0, 9, 0, 1, 2, 4, 1, END}},
    {NFS_MSG_NO_FOLDER, {ACCEPTED, 20, 0, 2, 24, 0, 15, 20, END}},
    {NFS_MSG_MISSING, {ACCEPTED, 2, 0, 3, 24, 0, 15, 0, 15, 2, END}},
    {NFS_MSG_DENIED, {ACCEPTED, 13, 0, 2, 24, 0, 15, 13, END}},
    {NFS_MSG_DENIED, {ACCEPTED, 10016, 0, 1, 24, 10016, END}},
    {NFS_MSG_DENIED, {XID, 1, 1, 1, 5, END}},
    {NFS_MSG_BUSY, {ACCEPTED, 10008, 0, 1, 24, 10008, END}},
    {NFS_MSG_OTHER, {ACCEPTED, 10006, 0, 1, 24, 10006, END}},
    {NFS_MSG_MINOR, {ACCEPTED, 10021, 0, 0, END}},
    {NFS_MSG_VERSION, {XID, 1, 0, 0, 0, 2, 3, 3, END}}, /* PROG_MISMATCH */
    {NFS_MSG_VERSION, {XID, 1, 0, 0, 0, 1, END}},	/* PROG_UNAVAIL */
    /* Not an answer, or not to this. */
    {-EBADMSG, {XID + 1, 1, 0, 0, 0, 0, 0, 0, 2, 24, 0, DIR, END}},
    {-EBADMSG, {XID, 0, 0, 0, 0, 0, 0, 0, 2, 24, 0, DIR, END}},
    {-EBADMSG, {XID, 1, 0, 0, 401, 0, 0, 0, 2, 24, 0, DIR, END}},
    {-EBADMSG, {ACCEPTED, 0, 1025, 2, 24, 0, DIR, END}},
    {-EBADMSG, {ACCEPTED, 0, 0, 0, END}},
    {-EBADMSG, {ACCEPTED, 0, 0, 2, 24, 0, 15, 0, END}},
    {-EBADMSG, {ACCEPTED, 0, 0, 2, 24, 0, 15, 2, END}},
    {-EBADMSG, {ACCEPTED, 2, 0, 2, 24, 0, 15, 13, END}},
    {-EBADMSG, {ACCEPTED, 0, 0, 100, 24, 0, END}},
    {-EBADMSG, {ACCEPTED, 0, 0, 2, 24, 0, 9, 0, 1, 1, 4, 2, END}},
    {-EBADMSG, {ACCEPTED, 0, 0, 2, 24, 0, 9, 0, 1, 2, 0, END}},
};

static size_t
encode(const struct row *row, uint8_t *buf, size_t size)
{
	struct wbuf w = wbuf_init(buf, size);

	for (size_t i = 0; row->words[i] != END; i++)
		wbuf_u32(&w, row->words[i]);
	assert_true(wbuf_ok(&w));
	return w.len;
}

static void
answers_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct nfs_msg_reply m = {.status = 77};
		uint8_t buf[4 * WORDS];
		size_t n = encode(&rows[i], buf, sizeof(buf));
		int r = nfs_msg_parse(rbuf_init(buf, n), XID, &m);

		if (rows[i].what < 0 ? r != rows[i].what || m.status != 77
				     : r != 0 || (int)m.what != rows[i].what)
			fail_msg("row %zu: %d, %d", i, r, (int)m.what);
		/* Cut off anywhere it is never read as a folder. */
		while (n > 0 && nfs_msg_parse(rbuf_init(buf, --n), XID, &m) == 0)
			assert_int_not_equal(m.what, NFS_MSG_THERE);
	}
}

static void
every_outcome_has_a_reason(void **state)
{
	(void)state;
	for (int what = NFS_MSG_THERE; what <= NFS_MSG_OTHER; what++) {
		const struct nfs_msg_reply m = {.what = (unsigned)what, .status = 5};
		struct error err = {.code = ""};
		int r = nfs_msg_judge(&m, "10.77.0.1", "/srv/x", &err);

		assert_int_equal(r, what == NFS_MSG_THERE ? 0 : -EINVAL);
		if (what == NFS_MSG_THERE)
			continue;
		assert_string_equal(
		    err.code, what == NFS_MSG_MINOR ? "nfs-unchecked" : "nfs-export");
		assert_non_null(strstr(err.text, "10.77.0.1"));
		assert_string_not_equal(err.next, "");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_call_is_as_rfc_7530_has_it),
	    cmocka_unit_test(records_come_whole),
	    cmocka_unit_test(answers_are_read),
	    cmocka_unit_test(every_outcome_has_a_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
