/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Texts as firmware, iPXE, kernels and installers print them on a serial line, and what is seen in them. */
#include "agent/console_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/compiler.h"

struct seen {
	unsigned n;
	char class[20];
	char line[CONSOLE_WATCH_LINE_MAX + 1];
	bool last;
};

static void
on_hit(void *arg, const struct console_watch_hit *hit)
{
	struct seen *s = arg;

	s->n++;
	snprintf(s->class, sizeof(s->class), "%s", hit->pattern->class);
	snprintf(s->line, sizeof(s->line), "%s", hit->line);
	s->last = hit->last;
}

static const struct row {
	const char *text;
	const char *class; /* NULL: nothing */
	const char *line;  /* NULL: not looked at */
} rows[] = {
    {"Connection timed out (https://ipxe.org/4c0a6092)\r\n", "ipxe",
	"Connection timed out (https://ipxe.org/4c0a6092)"},
    {"http://10.77.0.1/script... No such file or directory "
     "(http://ipxe.org/2d0c613b)\n",
	"ipxe", NULL},
    {"iPXE 1.21.1 -- Open Source Network Boot Firmware -- https://ipxe.org\n", NULL,
	NULL},
    {"  PXE-E18: Server response timeout.\r\n", "firmware-pxe",
	"PXE-E18: Server response timeout."},
    {"PXE-M0F: Exiting Intel Boot Agent.\r\n", "firmware-pxe", NULL},
    {"\x1b[2J\x1b[01;01H\x1b[=3h\x1b[0m\x1b[37m\x1b[40m>>Start PXE over IPv4.\r\n", NULL,
	NULL},
    {"\x1b[02;05HPXE-E16: No valid offer received.\x1b[03;01H", "firmware-pxe",
	"PXE-E16: No valid offer received."},
    {"[    1.234567] Kernel panic - not syncing: VFS: Unable to mount root fs on "
     "unknown-block(0,0)\r\n",
	"panic", NULL},
    {"[   12.000000] \x1b[1mOops: 0000 [#1] PREEMPT SMP NOPTI\x1b[0m\r\n", "panic",
	"[   12.000000] Oops: 0000 [#1] PREEMPT SMP NOPTI"},
    {"[  100.1] Out of memory: Killed process 123 (dpkg) total-vm:1kB\n", "memory", NULL},
    {"[  200.2] watchdog: BUG: soft lockup - CPU#1 stuck for 23s! [swapper/1:0]\n",
	"watchdog", NULL},
    {"watchdog: watchdog0: watchdog did not stop!\n", NULL, NULL},
    {"INFO: task dpkg:123 blocked for more than 120 seconds.\n", "watchdog", NULL},
    {"blk_update_request: I/O error, dev sda, sector 0 op 0x0:(READ)\n", "disk", NULL},
    {"\x1b[33mPress any key to continue...", "prompt", "Press any key to continue..."},
    {"Strike the F1 key to continue, F2 to run the system setup program\n", "prompt",
	NULL},
    {"Press F1 to continue, F2 to enter SETUP\n", "prompt", NULL},
    {"Press F1 to enter Setup, F12 for network boot\n", NULL, NULL},
    {"Press enter to boot the selected OS, `e' to edit the commands\n", NULL, NULL},
    {"[  ***] A start job is running for Subiquity (5min 3s / no limit)\n", NULL, NULL},
    {"\x1b[1;3H[!!] Partition disks\x1b[2;1H", "installer", "[!!] Partition disks"},
    {"\r\nedge01 login: ", "login", "edge01 login: "},
    {"Last login: Thu Nov 26 from 10.0.0.1\r\n", NULL, NULL},
    {"BusyBox v1.35.0 built-in shell (ash)\r\n(initramfs) ", "stuck", NULL},
    {"BdsDxe: failed to load Boot0002 \"UEFI PXEv4 (MAC:525400770001)\": Access "
     "Denied\r\n",
	"secure-boot", NULL},
    {"BdsDxe: No bootable option or device was found.\r\n", "no-boot", NULL},
    {"\x1b]0;a title: kernel panic - not syncing\x07quiet\r\n", NULL, NULL},
    {"\x1bP no end of this sequence\r\nKernel panic - not syncing: x\r\n", "panic", NULL},
    {"Kernel pX\banic - not syncing\n", "panic", "Kernel panic - not syncing"},
};

static void
feed(struct console_watch *w, const char *text, size_t step, struct seen *s)
{
	size_t len = strlen(text);

	for (size_t at = 0; at < len; at += step)
		console_watch_feed(w, (const uint8_t *)text + at,
		    len - at < step ? len - at : step, on_hit, s);
	console_watch_idle(w, on_hit, s);
}

static void
test_texts(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (size_t step = 1; step < 9; step++) {
			const struct row *r = &rows[i];
			struct console_watch w;
			struct seen s = {0};

			console_watch_init(&w);
			feed(&w, r->text, step, &s);
			if (s.n != (r->class != NULL))
				fail_msg("%u seen in \"%s\": %s", s.n, r->text, s.line);
			if (r->class != NULL)
				assert_string_equal(s.class, r->class);
			if (r->line != NULL)
				assert_string_equal(s.line, r->line);
		}
	}
}

/* A question that was told while nothing followed is not told again when its line ends. */
static void
test_told_once(void **state UNUSED)
{
	struct console_watch w;
	struct seen s = {0};

	console_watch_init(&w);
	feed(&w, "Press any key", 1, &s);
	console_watch_idle(&w, on_hit, &s);
	feed(&w, " to go on\r\n", 3, &s);
	assert_int_equal(s.n, 1);
}

static void
test_bounds(void **state UNUSED)
{
	struct console_watch w;
	struct seen s = {0};
	char line[80];

	console_watch_init(&w);
	for (int i = 0; i < 1000; i++)
		feed(&w, "error (https://ipxe.org/4c0a6092)\n", 64, &s);
	assert_int_equal(s.n, CONSOLE_WATCH_REPEATS_MAX);
	for (size_t i = 0; i < 100 * console_watch_table_n; i++) {
		snprintf(line, sizeof(line), "%s\n",
		    console_watch_table[i % console_watch_table_n].pattern);
		for (char *p = line; *p != '\0'; p++)
			*p = *p == '#' || *p == '%' ? '0' : *p;
		feed(&w, line, 64, &s);
	}
	assert_int_equal(s.n, CONSOLE_WATCH_HITS_MAX);
	assert_true(s.last);
	/* A line without an end is looked at in pieces. */
	console_watch_init(&w);
	s.n = 0;
	for (int i = 0; i < 3 * CONSOLE_WATCH_LINE_MAX; i++)
		feed(&w, "x", 1, &s);
	assert_int_equal(s.n, 0);
	assert_true(w.len <= CONSOLE_WATCH_LINE_MAX);
}

/* What a BMC plays again of the old system leaves the image's own words room. */
static void
test_renewed(void **state UNUSED)
{
	struct console_watch w;
	struct seen s = {0};

	console_watch_init(&w);
	for (int i = 0; i < 10; i++)
		feed(&w, "Kernel panic - not syncing: of yesterday\n", 64, &s);
	assert_int_equal(s.n, CONSOLE_WATCH_REPEATS_MAX);
	console_watch_renew(&w);
	feed(&w, "Kernel panic - not syncing: of today\n", 64, &s);
	assert_int_equal(s.n, CONSOLE_WATCH_REPEATS_MAX + 1);
	assert_string_equal(s.line, "Kernel panic - not syncing: of today");
}

static void
test_match(void **state UNUSED)
{
	assert_true(console_watch_match("a*c#", "xxabbC0", 7));
	assert_false(console_watch_match("a*c#", "xxabbCg", 7));
	assert_true(console_watch_match("", "x", 1));
	assert_false(console_watch_match("abc", "ab", 2));
	assert_true(console_watch_match("%%", "a12", 3));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_texts),
	    cmocka_unit_test(test_told_once),
	    cmocka_unit_test(test_bounds),
	    cmocka_unit_test(test_renewed),
	    cmocka_unit_test(test_match),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
