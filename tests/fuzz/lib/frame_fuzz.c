/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frame scanning: a whole frame is never longer than what there is, nor than the cap. */
#include "lib/frame.h"

#include <assert.h>
#include <stdint.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t at = 0;

	while (at <= size) {
		int64_t n = frame_scan(data + at, size - at);

		if (n <= 0)
			break;
		assert((size_t)n <= size - at && n >= 4 && n <= 4 + FRAME_MAX);
		at += (size_t)n;
	}
	return 0;
}
