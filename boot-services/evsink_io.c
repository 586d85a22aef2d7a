/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The JSON lines on stdout: a pipe, a terminal, a socket or a file.
 *
 * What the reader does not take at once waits in a buffer of bounded size and is written
 * when the descriptor becomes writable; when the buffer is full, whole lines are dropped.
 * A regular file cannot be polled and never makes us wait long, so it is written
 * directly.
 *
 * Ownership: the descriptor is borrowed and gets its flags back at close. Failure modes:
 * a reader that went away (EPIPE) makes every later write return false. SIGPIPE is
 * ignored by main(). */
#include "boot-services/evsink_io.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/str.h"

struct evsink_io {
	int fd;
	int flags; /* of fd, before */
	bool broken;
	struct evbuffer *queue;
	struct event *writable; /* NULL: a regular file */
};

static void
flush_queue(struct evsink_io *io)
{
	while (!io->broken && evbuffer_get_length(io->queue) > 0) {
		if (evbuffer_write(io->queue, io->fd) >= 0)
			continue;
		if (errno == EAGAIN || errno == EINTR)
			break;
		io->broken = true;
	}
	if (io->broken)
		evbuffer_drain(io->queue, evbuffer_get_length(io->queue));
	if (io->writable && evbuffer_get_length(io->queue) > 0)
		event_add(io->writable, NULL);
}

static void
on_writable(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	flush_queue(arg);
}

struct evsink_io *
evsink_io_open(struct event_base *base, int fd)
{
	struct evsink_io *io = str_alloc(sizeof(*io));
	struct stat st;

	io->fd = fd;
	io->flags = fcntl(fd, F_GETFL);
	io->queue = evbuffer_new();
	if (!io->queue)
		abort();
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return io;
	io->writable = event_new(base, fd, EV_WRITE, on_writable, io);
	if (io->flags >= 0)
		(void)fcntl(fd, F_SETFL, io->flags | O_NONBLOCK);
	return io;
}

bool
evsink_io_write(struct evsink_io *io, const char *line, size_t len)
{
	if (io->broken || evbuffer_get_length(io->queue) + len > EVSINK_IO_QUEUE_MAX)
		return false;
	evbuffer_add(io->queue, line, len);
	flush_queue(io);
	return !io->broken;
}

void
evsink_io_close(struct evsink_io *io)
{
	struct pollfd p;

	if (!io)
		return;
	p = (struct pollfd){.fd = io->fd, .events = POLLOUT};
	for (int tries = 0; tries < 5; tries++) {
		flush_queue(io);
		if (evbuffer_get_length(io->queue) == 0)
			break;
		(void)poll(&p, 1, 100);
	}
	if (io->writable)
		event_free(io->writable);
	evbuffer_free(io->queue);
	if (io->flags >= 0)
		(void)fcntl(io->fd, F_SETFL, io->flags);
	free(io);
}
