/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads /proc/self/net/if_inet6.
 *
 * Entry point: inet6_list_io_read(). Ownership: the text is the caller's.
 * Failure modes: a file that cannot be read is empty; of one that is too long whole lines are left out, and the caller
 * is told: half a line would be another address. */
#include "boot-services/inet6_list_io.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/str.h"

enum { FIRST_ROOM = 8 * 1024 };

char *
inet6_list_io_read(int fd, bool *ret_cut)
{
	size_t len = 0, room = FIRST_ROOM;
	char *text = str_alloc(room + 1);
	ssize_t n;

	while (len <= INET6_LIST_IO_MAX) {
		if (len == room) {
			room *= 2;
			text = str_realloc(text, room + 1);
		}
		n = pread(fd, text + len, room - len, (off_t)len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	*ret_cut = len > INET6_LIST_IO_MAX;
	if (*ret_cut) {
		len = INET6_LIST_IO_MAX;
		while (len > 0 && text[len - 1] != '\n')
			len--;
	}
	text[len] = '\0';
	return text;
}
