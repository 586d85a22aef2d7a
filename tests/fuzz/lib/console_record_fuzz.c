/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A file that is to be a recording: frames lie within it, texts end, the whole is read alike in pieces. */
#include "lib/console_record.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_frames(const uint8_t *data, size_t size)
{
	struct console_record_frame f;
	size_t at = 0, used = 0;

	while (console_record_next(data + at, size - at, &f, &used) == 1) {
		if (used == 0 || used > size - at || f.at < 0 ||
		    strnlen(f.host, sizeof(f.host)) == sizeof(f.host) ||
		    f.data < data + at || f.data + f.len > data + at + used)
			abort();
		at += used;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct console_record_sum whole = {0}, pieces = {0};
	size_t done = 0;

	check_frames(data, size);
	if (console_record_sum_add(&whole, data, size) > size)
		abort();
	for (size_t have = 0; have <= size; have += 7)
		done += console_record_sum_add(&pieces, data + done, have - done);
	done += console_record_sum_add(&pieces, data + done, size - done);
	if (whole.good != pieces.good || whole.octets != pieces.octets ||
	    whole.gaps != pieces.gaps || whole.damaged != pieces.damaged)
		abort();
	return 0;
}
