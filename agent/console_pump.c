/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One thread that reads the descriptors of all consoles at once. libipmiconsole keeps some 20 KB for a reader that is late, and then ends the session with
 * "internal error": a machine that boots says that in the tenths of a second which the loop may need for a commit on a busy disk. Here a megabyte
 * waits; only then the library is left to itself.
 *
 * Entry points: console_pump_new(), console_pump_take(), console_pump_free().
 * Ownership: a flow (a console's duplicate, buffer and the writing end of what the loop reads) is the thread's from the moment its address has gone through
 * the control pipe, and so needs no lock. Its end is the end of either side. The control pipe's end is the thread's.
 * Failure modes: without memory the program ends, as everywhere; without descriptors a console is not taken, and its session is tried again. */
#include "agent/console_pump.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "lib/str.h"

enum { EVENTS = 64, READ_SIZE = 16 * 1024 };

struct flow {
	struct flow *next, *prev;
	int in, out; /* the library's, the loop's */
	uint8_t *data;
	size_t from, to, room; /* what waits is from..to */
	bool ended;	       /* `in` is; what waits is still to go */
	bool heard;	       /* `in` is looked at */
};

struct console_pump {
	pthread_t thread;
	int control[2]; /* ours writes, the thread's reads */
	int poll;
	struct flow *flows; /* the thread's */
};

static void
flow_free(struct console_pump *p, struct flow *f)
{
	DL_DELETE(p->flows, f);
	/* By closing a duplicate alone it would stay there (epoll(7)). */
	if (f->heard)
		epoll_ctl(p->poll, EPOLL_CTL_DEL, f->in, NULL);
	close(f->in);
	close(f->out);
	free(f->data);
	free(f);
}

/* An end that is not to be read has no entry, since of its end it would be told for ever. */
static void
want(struct console_pump *p, struct flow *f)
{
	bool hear = !f->ended && f->to - f->from < CONSOLE_PUMP_MAX;
	struct epoll_event in = {.events = EPOLLIN, .data.ptr = f};
	struct epoll_event out = {
	    .events = f->to > f->from ? EPOLLOUT : 0, .data.ptr = f};

	if (hear != f->heard)
		epoll_ctl(p->poll, hear ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, f->in, &in);
	f->heard = hear;
	epoll_ctl(p->poll, EPOLL_CTL_MOD, f->out, &out);
}

static void
make_room(struct flow *f)
{
	if (f->from > 0) {
		memmove(f->data, f->data + f->from, f->to - f->from);
		f->to -= f->from;
		f->from = 0;
	}
	if (f->room - f->to >= READ_SIZE)
		return;
	f->room = f->to + READ_SIZE > 2 * f->room ? f->to + READ_SIZE : 2 * f->room;
	f->data = str_realloc(f->data, f->room);
}

static void
fill(struct flow *f)
{
	while (!f->ended && f->to - f->from < CONSOLE_PUMP_MAX) {
		make_room(f);
		ssize_t n = recv(f->in, f->data + f->to, READ_SIZE, MSG_DONTWAIT);

		if (n > 0)
			f->to += (size_t)n;
		else if (n < 0 && errno == EINTR)
			continue;
		else if (n < 0 && errno == EAGAIN)
			return;
		else
			f->ended = true;
	}
}

/* False: nobody reads any more. */
static bool
drain(struct flow *f)
{
	while (f->to > f->from) {
		ssize_t n = send(f->out, f->data + f->from, f->to - f->from,
		    MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		f->from += (size_t)n;
	}
	return true;
}

static bool
is_gone(const struct flow *f)
{
	char c;
	ssize_t n = recv(f->out, &c, 1, MSG_DONTWAIT | MSG_PEEK);

	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

static void
turn(struct console_pump *p, struct flow *f)
{
	fill(f);
	if (is_gone(f) || !drain(f) || (f->ended && f->to == f->from))
		flow_free(p, f);
	else
		want(p, f);
}

static void
add(struct console_pump *p, struct flow *f)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = f};
	bool ok;

	DL_APPEND(p->flows, f);
	ok = f->heard = epoll_ctl(p->poll, EPOLL_CTL_ADD, f->in, &ev) == 0;
	ev.events = 0;
	ok = ok && epoll_ctl(p->poll, EPOLL_CTL_ADD, f->out, &ev) == 0;
	if (!ok)
		flow_free(p, f);
}

/* New flows; false at the end. An address goes through whole: it is less than a pipe's atom. */
static bool
take_orders(struct console_pump *p)
{
	struct flow *f = NULL;
	ssize_t n = read(p->control[0], &f, sizeof(f));

	if (n == (ssize_t)sizeof(f))
		add(p, f);
	return n > 0 || (n < 0 && errno == EINTR);
}

/* Both ends of a flow may be told of in one go, and the first may end it. */
static bool
is_ours(const struct console_pump *p, const struct flow *f)
{
	const struct flow *it;

	DL_FOREACH (p->flows, it)
		if (it == f)
			return true;
	return false;
}

static void *
run(void *arg)
{
	struct console_pump *p = arg;
	struct epoll_event events[EVENTS];
	bool goes_on = true;

	while (goes_on) {
		int n = epoll_wait(p->poll, events, EVENTS, -1);

		/* What is new is taken last: it may have the address of one that has ended. */
		for (int i = 0; i < n; i++)
			if (events[i].data.ptr != NULL && is_ours(p, events[i].data.ptr))
				turn(p, events[i].data.ptr);
		for (int i = 0; i < n && goes_on; i++)
			if (events[i].data.ptr == NULL)
				goes_on = take_orders(p);
	}
	while (p->flows != NULL)
		flow_free(p, p->flows);
	return NULL;
}

/* The thread hears no signals: they are the loop's. */
static int
start(struct console_pump *p)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&p->thread, NULL, run, p);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

struct console_pump *
console_pump_new(void)
{
	struct console_pump *p = str_alloc(sizeof(*p));
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL};
	int r;

	p->control[0] = p->control[1] = -1;
	p->poll = epoll_create1(EPOLL_CLOEXEC);
	if (p->poll >= 0 && pipe2(p->control, O_CLOEXEC) == 0 &&
	    epoll_ctl(p->poll, EPOLL_CTL_ADD, p->control[0], &ev) == 0) {
		r = start(p);
		if (r == 0)
			return p;
		errno = r;
	}
	r = errno;
	close(p->control[0]);
	close(p->control[1]);
	close(p->poll);
	free(p);
	errno = r;
	return NULL;
}

void
console_pump_free(struct console_pump *p)
{
	if (p == NULL)
		return;
	close(p->control[1]);
	pthread_join(p->thread, NULL);
	close(p->control[0]);
	close(p->poll);
	free(p);
}

int
console_pump_take(struct console_pump *p, int fd)
{
	struct flow *f = str_alloc(sizeof(*f));
	int pair[2] = {-1, -1}, r;

	f->in = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (f->in >= 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			      0, pair) == 0) {
		f->out = pair[1];
		if (write(p->control[1], &f, sizeof(f)) == (ssize_t)sizeof(f))
			return pair[0];
	}
	r = -errno;
	if (f->in >= 0)
		close(f->in);
	if (pair[0] >= 0)
		close(pair[0]);
	if (pair[1] >= 0)
		close(pair[1]);
	free(f);
	return r < 0 ? r : -EIO;
}
