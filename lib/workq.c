/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A small thread pool whose results come back on the event loop.
 *
 * Entry points: workq_new(), workq_submit(), workq_free(), workq_leave().
 * Ownership: an item's `arg` is the submitter's; `done` is called exactly once for each
 * submitted item, on the loop's thread, also for items that workq_free() never ran.
 * Failure modes: -EAGAIN when too many items wait. A program ends no sooner than what its
 * threads are doing, so that long work must heed workq_stop_flag(). Threads that cannot be started abort
 * the program at its start, where it is seen.
 */
#include "lib/workq.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/str.h"

struct item {
	struct item *next;
	void (*work)(void *arg);
	void (*done)(void *arg);
	void *arg;
};

struct queue {
	struct item *head, **tail;
};

struct workq {
	pthread_mutex_t lock; /* guards what follows up to `threads` */
	pthread_cond_t more;
	struct queue waiting, finished;
	unsigned n_waiting;
	unsigned n_running;   /* threads that have not ended */
	bool left;	      /* by its owner: the last thread frees it */
	atomic_bool stopping; /* set under the lock, read by whoever works */
	pthread_t *threads;
	unsigned n_threads;
	int wake_fd; /* eventfd: something finished */
	struct event *on_wake;
};

static void
queue_init(struct queue *q)
{
	q->head = NULL;
	q->tail = &q->head;
}

static void
queue_push(struct queue *q, struct item *it)
{
	it->next = NULL;
	*q->tail = it;
	q->tail = &it->next;
}

static struct item *
queue_pop(struct queue *q)
{
	struct item *it = q->head;

	if (it == NULL)
		return NULL;
	q->head = it->next;
	if (q->head == NULL)
		q->tail = &q->head;
	return it;
}

static void
destroy(struct workq *q)
{
	struct item *it;

	while ((it = queue_pop(&q->finished)) != NULL)
		free(it);
	close(q->wake_fd);
	pthread_mutex_destroy(&q->lock);
	pthread_cond_destroy(&q->more);
	free(q->threads);
	free(q);
}

static void *
worker(void *arg)
{
	struct workq *q = arg;
	const uint64_t one = 1;
	bool last;

	pthread_mutex_lock(&q->lock);
	for (;;) {
		struct item *it;

		while (q->waiting.head == NULL && !q->stopping)
			pthread_cond_wait(&q->more, &q->lock);
		if (q->stopping)
			break;
		it = queue_pop(&q->waiting);
		q->n_waiting--;
		pthread_mutex_unlock(&q->lock);
		it->work(it->arg);
		pthread_mutex_lock(&q->lock);
		queue_push(&q->finished, it);
		/* Fails only when the counter is full, and then the loop is woken anyway.
		 */
		(void)!write(q->wake_fd, &one, sizeof(one));
	}
	last = --q->n_running == 0 && q->left;
	pthread_mutex_unlock(&q->lock);
	if (last)
		destroy(q);
	return NULL;
}

/* Calls `done` of all items of a queue, without the lock held. */
static void
finish_all(struct workq *q, struct queue *from)
{
	for (;;) {
		struct item *it;

		pthread_mutex_lock(&q->lock);
		it = queue_pop(from);
		pthread_mutex_unlock(&q->lock);
		if (it == NULL)
			return;
		it->done(it->arg);
		free(it);
	}
}

static void
woken(evutil_socket_t fd, short what, void *arg)
{
	struct workq *q = arg;
	uint64_t count;

	(void)what;
	(void)!read(fd, &count, sizeof(count));
	finish_all(q, &q->finished);
}

/* Signals belong to the loop's thread: libevent handles them there. */
static void
start_threads(struct workq *q)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (unsigned i = 0; i < q->n_threads; i++)
		if (pthread_create(&q->threads[i], NULL, worker, q) != 0)
			abort();
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct workq *
workq_new(struct event_base *base, unsigned threads)
{
	struct workq *q = str_alloc(sizeof(*q));

	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->more, NULL);
	queue_init(&q->waiting);
	queue_init(&q->finished);
	q->n_threads = q->n_running = threads > 0 ? threads : 1;
	q->threads = str_alloc(q->n_threads * sizeof(*q->threads));
	q->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->wake_fd < 0)
		abort();
	q->on_wake = event_new(base, q->wake_fd, EV_READ | EV_PERSIST, woken, q);
	if (q->on_wake == NULL || event_add(q->on_wake, NULL) < 0)
		abort();
	start_threads(q);
	return q;
}

int
workq_submit(struct workq *q, void (*work)(void *arg), void (*done)(void *arg), void *arg)
{
	struct item *it = str_alloc(sizeof(*it));
	int r = 0;

	*it = (struct item){.work = work, .done = done, .arg = arg};
	pthread_mutex_lock(&q->lock);
	if (q->n_waiting >= WORKQ_MAX || q->stopping) {
		r = -EAGAIN;
	} else {
		queue_push(&q->waiting, it);
		q->n_waiting++;
		pthread_cond_signal(&q->more);
	}
	pthread_mutex_unlock(&q->lock);
	if (r < 0)
		free(it);
	return r;
}

const atomic_bool *
workq_stop_flag(const struct workq *q)
{
	return &q->stopping;
}

static void
stop(struct workq *q)
{
	pthread_mutex_lock(&q->lock);
	q->stopping = true;
	pthread_cond_broadcast(&q->more);
	pthread_mutex_unlock(&q->lock);
}

/* All items that are not in a thread's hands, and the loop's part. */
static void
finish(struct workq *q)
{
	finish_all(q, &q->finished);
	finish_all(q, &q->waiting);
	event_free(q->on_wake);
}

void
workq_free(struct workq *q)
{
	if (q == NULL)
		return;
	stop(q);
	for (unsigned i = 0; i < q->n_threads; i++)
		pthread_join(q->threads[i], NULL);
	finish(q);
	destroy(q);
}

void
workq_leave(struct workq *q, int64_t wait)
{
	int64_t end = clock_mono() + wait;
	const struct timespec until = {
	    .tv_sec = end / USEC_PER_SEC, .tv_nsec = end % USEC_PER_SEC * 1000};
	bool all;

	if (q == NULL)
		return;
	stop(q);
	for (unsigned i = 0; i < q->n_threads; i++)
		if (pthread_clockjoin_np(q->threads[i], NULL, CLOCK_MONOTONIC, &until) !=
		    0)
			pthread_detach(q->threads[i]);
	finish(q);
	pthread_mutex_lock(&q->lock);
	q->left = true;
	all = q->n_running == 0;
	pthread_mutex_unlock(&q->lock);
	if (all)
		destroy(q);
}
