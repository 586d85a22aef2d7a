/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/run_wire.h"

#include "tests/unit/agent/job_fixture.h"

static struct event
make(const char *kind, const char *file, const char *key, const char *value)
{
	struct event ev = event_make(kind, 1);

	str_clip(ev.file, sizeof(ev.file), file);
	str_clip(ev.mac, sizeof(ev.mac), "52:54:00:77:00:01");
	ev.bytes = ev.total = 1000;
	if (key != NULL)
		event_put(&ev, key, value);
	return ev;
}

/* The sign that the event is, or -1; detail "result" is set to it when not NULL. */
static int
read_sign(struct event ev, unsigned *ret_index)
{
	struct bundle *b = job_fixture_bundle();
	struct run_wire w;
	int sign;

	job_fixture_file(&b->image.files[0], "root.img", "d/root.img");
	b->image.n_files = 1;
	sign = run_wire_read(&ev, &b->image, &w) ? (int)w.sign : -1;
	if (ret_index != NULL)
		*ret_index = w.index;
	event_done(&ev);
	free(b);
	return sign;
}

static struct event
http(const char *kind, const char *class, const char *file, const char *method)
{
	struct event ev = make(kind, file, "class", class);

	event_put(&ev, "method", method);
	if (str_eq(kind, "http.end"))
		event_put(&ev, "result", "complete");
	return ev;
}

static struct event
competing(void)
{
	struct event ev = make("dhcp4.foreign", "", "mode", "proxy");

	event_put(&ev, "competes", "boot");
	return ev;
}

static struct event
lacking(const char *class)
{
	struct event ev = make("dhcp4.ack", "", "class", class);

	event_put(&ev, "lacks", "loader");
	return ev;
}

static void
test_proxy(void **state)
{
	struct event asks = make("dhcp4.request", "", "class", "pxe");
	struct bundle *b = job_fixture_bundle();
	struct run_wire w;

	(void)state;
	str_clip(asks.ip, sizeof(asks.ip), "10.77.0.210");
	assert_false(run_wire_names_address(&asks)); /* only what we acknowledge counts */
	event_put(&asks, "mode", "proxy");
	assert_true(run_wire_names_address(&asks));
	assert_true(run_wire_read(&asks, &b->image, &w));
	assert_true(w.proxied && w.took);
	event_done(&asks);
	free(b);
}

static void
test_dhcp(void **state)
{
	struct event ev;

	(void)state;
	assert_int_equal(read_sign(make("dhcp4.discover", "", "class", "pxe"), NULL),
	    RUN_SIGN_FIRMWARE_DHCP);
	assert_int_equal(read_sign(make("dhcp4.request", "", "class", "http"), NULL),
	    RUN_SIGN_FIRMWARE_DHCP);
	assert_int_equal(read_sign(make("dhcp4.discover", "", "class", "ipxe"), NULL),
	    RUN_SIGN_IPXE_DHCP);
	ev = make("dhcp4.discover", "", "class", "ipxe");
	event_put(&ev, "chain", "loader");
	assert_int_equal(read_sign(ev, NULL), RUN_SIGN_FIRMWARE_DHCP);
	assert_int_equal(read_sign(make("dhcp4.discover", "", "class", "os"), NULL), -1);
	assert_int_equal(read_sign(make("dhcp4.offer", "", "class", "pxe"), NULL), -1);
	assert_int_equal(
	    read_sign(make("dhcp4.foreign", "", NULL, NULL), NULL), RUN_SIGN_OTHER_DHCP);
	assert_int_equal(read_sign(make("dhcp4.discover", "", NULL, NULL), NULL), -1);
	/* Beside another server one hears it, which matters only when it gives boot information too. */
	assert_int_equal(read_sign(make("dhcp4.foreign", "", "mode", "proxy"), NULL), -1);
	assert_int_equal(read_sign(competing(), NULL), RUN_SIGN_OTHER_DHCP);
	assert_int_equal(read_sign(make("dhcp4.ignored", "", "class", "pxe"), NULL),
	    RUN_SIGN_UNANSWERED);
	assert_int_equal(read_sign(make("dhcp4.ignored", "", "class", "os"), NULL), -1);
	assert_int_equal(read_sign(lacking("pxe"), NULL), RUN_SIGN_NO_LOADER);
	assert_int_equal(read_sign(lacking("os"), NULL), -1);
}

static void
test_dhcp6(void **state)
{
	static const struct {
		const char *kind, *class;
		int sign;
	} rows[] = {
	    {"dhcp6.solicit", "pxe", RUN_SIGN_FIRMWARE_DHCP},
	    {"dhcp6.request", "http", RUN_SIGN_FIRMWARE_DHCP},
	    {"dhcp6.solicit", "ipxe", RUN_SIGN_IPXE_DHCP},
	    {"dhcp6.inform", "ipxe", RUN_SIGN_IPXE_DHCP},
	    {"dhcp6.solicit", "os", -1}, /* also firmware's own auto-configuration */
	    {"dhcp6.advertise", "pxe", -1},
	    {"dhcp6.reply", "ipxe", -1},
	    {"dhcp6.renew", "ipxe", -1},
	    {"dhcp6.release", "pxe", -1}, /* OVMF's, before it starts what it loaded */
	    {"dhcp6.foreign", "pxe", RUN_SIGN_OTHER_DHCP},
	    {"dhcp6.ignored", "pxe", RUN_SIGN_UNANSWERED},
	    {"dhcp6.ignored", "os", -1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(
		    read_sign(make(rows[i].kind, "", "class", rows[i].class), NULL),
		    rows[i].sign);
}

static void
test_tftp(void **state)
{
	struct event half = make("tftp.end", "snponly.efi", NULL, NULL);

	(void)state;
	half.bytes = 10;
	assert_int_equal(read_sign(make("tftp.begin", "snponly.efi", NULL, NULL), NULL),
	    RUN_SIGN_LOADER_BEGIN);
	assert_int_equal(
	    read_sign(
		make("tftp.end", "snponly.efi", "result", "complete-unacked"), NULL),
	    RUN_SIGN_LOADER);
	assert_int_equal(
	    read_sign(make("tftp.end", "snponly.efi", "result", "probe"), NULL), -1);
	assert_int_equal(
	    read_sign(make("tftp.end", "autoexec.ipxe", "result", "complete"), NULL), -1);
	assert_int_equal(read_sign(half, NULL), -1);
	assert_int_equal(
	    read_sign(make("tftp.error", "snponly.efi", "result", "timeout"), NULL), -1);
}

static void
test_http(void **state)
{
	unsigned index;

	(void)state;
	assert_int_equal(
	    read_sign(http("http.end", "script", "script.ipxe-x", "GET"), NULL),
	    RUN_SIGN_SCRIPT);
	assert_int_equal(
	    read_sign(http("http.end", "idle", "script.ipxe-x", "GET"), NULL), -1);
	assert_int_equal(read_sign(http("http.end", "kernel", "vmlinuz", "GET"), &index),
	    RUN_SIGN_LOAD);
	assert_int_equal(index, 0);
	assert_int_equal(read_sign(http("http.end", "initrd", "initrd", "GET"), &index),
	    RUN_SIGN_LOAD);
	assert_int_equal(index, 1);
	assert_int_equal(read_sign(http("http.begin", "initrd", "initrd", "GET"), NULL),
	    RUN_SIGN_LOAD_BEGIN);
	assert_int_equal(read_sign(http("http.end", "file", "root.img", "GET"), &index),
	    RUN_SIGN_FILE);
	assert_int_equal(index, 0);
	assert_int_equal(
	    read_sign(http("http.end", "loader", "loaders/snponly.efi", "GET"), NULL),
	    RUN_SIGN_LOADER);
	assert_int_equal(
	    read_sign(http("http.end", "kernel", "vmlinuz", "HEAD"), NULL), -1);
	assert_int_equal(read_sign(http("http.end", "kernel", "other", "GET"), NULL), -1);
	assert_int_equal(
	    read_sign(http("http.error", "kernel", "vmlinuz", "GET"), NULL), -1);
	assert_int_equal(
	    read_sign(http("http.progress", "kernel", "vmlinuz", "GET"), NULL), -1);
	assert_int_equal(read_sign(make("report.up", "", NULL, NULL), NULL), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_dhcp),
	    cmocka_unit_test(test_proxy),
	    cmocka_unit_test(test_dhcp6),
	    cmocka_unit_test(test_tftp),
	    cmocka_unit_test(test_http),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
