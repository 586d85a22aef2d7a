/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A size in the first octets, then a Range value, also taken as a date: results are within bounds. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "boot-services/http_date.h"
#include "lib/http_range.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int64_t file, from = -1, end = -1, when = 0;
	char *value;

	if (size < 4)
		return 0;
	file = (int64_t)data[0] << 32 | data[1] << 16 | data[2] << 8 | data[3];
	value = malloc(size - 3);
	memcpy(value, data + 4, size - 4);
	value[size - 4] = '\0';
	if (http_range_parse(value, file, &from, &end) == HTTP_RANGE_ONE)
		assert(from >= 0 && from < end && end <= file);
	else
		assert(from == -1 && end == -1);
	if (http_date_parse(value, &when) == 0) {
		char text[HTTP_DATE_SIZE];
		int64_t again;

		if (http_date_parse(http_date_text(when, text, sizeof text), &again) == 0)
			assert(again == when);
	}
	free(value);
	return 0;
}
