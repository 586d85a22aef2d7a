/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tap for other servers' packets takes for a datagram to a DHCP client. */
#include "boot-services/dhcp4_socket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { IP_SIZE = 20, UDP_SIZE = 8, BODY = 12 };

static uint8_t packet[IP_SIZE + UDP_SIZE + BODY];
static size_t len;
static uint32_t src;

static int
setup(void **state)
{
	static const uint8_t ip[IP_SIZE] = {
	    0x45, 0, 0, 40, 0, 0, 0, 0, 64, 17, 0, 0, 10, 77, 0, 66, 255, 255, 255, 255};
	static const uint8_t udp[UDP_SIZE] = {0, 67, 0, 68, 0, UDP_SIZE + BODY, 0, 0};

	(void)state;
	memcpy(packet, ip, IP_SIZE);
	memcpy(packet + IP_SIZE, udp, UDP_SIZE);
	memset(packet + IP_SIZE + UDP_SIZE, 'x', BODY);
	return 0;
}

static const uint8_t *
take(size_t n)
{
	return dhcp4_socket_tap_payload(packet, n, 68, &len, &src);
}

static void
a_datagram(void **state)
{
	(void)state;
	assert_ptr_equal(take(sizeof(packet)), packet + IP_SIZE + UDP_SIZE);
	assert_int_equal(len, BODY);
	assert_int_equal(src, 0x0a4d0042);
	/* Ethernet pads short frames: what is behind the datagram is not read. */
	packet[IP_SIZE + 5] = UDP_SIZE + 3;
	assert_non_null(take(sizeof(packet)));
	assert_int_equal(len, 3);
}

static void
cut_off_anywhere(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(packet); n++)
		assert_null(take(n));
}

static void
not_for_a_client(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} rows[] = {
	    {0, 0x65},		 /* not IPv4 */
	    {0, 0x44},		 /* header shorter than a header */
	    {0, 0x4f},		 /* … longer than the packet */
	    {6, 0x20},		 /* more fragments */
	    {7, 1},		 /* a later fragment */
	    {9, 6},		 /* TCP */
	    {IP_SIZE + 3, 67},	 /* another port */
	    {IP_SIZE + 5, 7},	 /* shorter than its header */
	    {IP_SIZE + 4, 0xff}, /* longer than the packet */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t was = packet[rows[i].at];

		packet[rows[i].at] = rows[i].value;
		if (take(sizeof(packet)))
			fail_msg("row %zu was taken", i);
		packet[rows[i].at] = was;
	}
	assert_non_null(take(sizeof(packet)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(a_datagram, setup),
	    cmocka_unit_test_setup(cut_off_anywhere, setup),
	    cmocka_unit_test_setup(not_for_a_client, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
