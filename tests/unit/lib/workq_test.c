/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/workq.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { ITEMS = 1000 };

struct item {
	pthread_t worker;
	bool worked;
	int *n_done;
	struct event_base *base;
};

static void
work(void *arg)
{
	struct item *it = arg;

	it->worker = pthread_self();
	it->worked = true;
}

static void
done(void *arg)
{
	struct item *it = arg;

	if (++*it->n_done == ITEMS)
		event_base_loopbreak(it->base);
}

static void
results_come_back_on_the_loop(void **state)
{
	struct event_base *base = event_base_new();
	struct workq *q = workq_new(base, 2);
	static struct item items[ITEMS];
	int n_done = 0;

	(void)state;
	for (int i = 0; i < ITEMS; i++) {
		items[i].n_done = &n_done;
		items[i].base = base;
		assert_int_equal(workq_submit(q, work, done, &items[i]), 0);
	}
	event_base_dispatch(base);
	assert_int_equal(n_done, ITEMS);
	for (int i = 0; i < ITEMS; i++) {
		assert_true(items[i].worked);
		assert_false(pthread_equal(items[i].worker, pthread_self()));
	}
	workq_free(q);
	event_base_free(base);
}

struct gate {
	pthread_mutex_t lock;
	atomic_bool begun;
	int n_done;
};

static void
wait_at_gate(void *arg)
{
	struct gate *g = arg;

	pthread_mutex_lock(&g->lock);
	pthread_mutex_unlock(&g->lock);
}

static void
count_done(void *arg)
{
	struct gate *g = arg;

	g->n_done++;
}

static void
waiting_items_are_bounded_and_dropped(void **state)
{
	struct event_base *base = event_base_new();
	struct workq *q = workq_new(base, 1);
	struct gate g = {.n_done = 0};
	int accepted = 0;

	(void)state;
	pthread_mutex_init(&g.lock, NULL);
	pthread_mutex_lock(&g.lock);
	while (workq_submit(q, wait_at_gate, count_done, &g) == 0)
		accepted++;
	/* One may be running beside those that wait. */
	assert_in_range(accepted, WORKQ_MAX, WORKQ_MAX + 1);
	assert_int_equal(workq_submit(q, wait_at_gate, count_done, &g), -EAGAIN);
	pthread_mutex_unlock(&g.lock);
	workq_free(q);
	assert_int_equal(g.n_done, accepted);
	pthread_mutex_destroy(&g.lock);
	event_base_free(base);
}

static void
say_so_and_wait(void *arg)
{
	struct gate *g = arg;

	atomic_store(&g->begun, true);
	wait_at_gate(arg);
}

/* Whether work that goes on when its owner has left ends well, the sanitizers tell. */
static void
a_queue_can_be_left(void **state)
{
	struct event_base *base = event_base_new();
	struct workq *q = workq_new(base, 2);
	static struct gate busy, dropped;

	(void)state;
	pthread_mutex_init(&busy.lock, NULL);
	pthread_mutex_lock(&busy.lock);
	for (int i = 0; i < 2; i++) {
		atomic_store(&busy.begun, false);
		assert_int_equal(workq_submit(q, say_so_and_wait, count_done, &busy), 0);
		while (!atomic_load(&busy.begun))
			;
	}
	assert_int_equal(workq_submit(q, wait_at_gate, count_done, &dropped), 0);
	workq_leave(q, 1000);
	assert_int_equal(dropped.n_done, 1);
	assert_int_equal(busy.n_done, 0);
	pthread_mutex_unlock(&busy.lock);
	event_base_free(base);
	workq_leave(NULL, 0);
}

static void
an_idle_queue_ends(void **state)
{
	struct event_base *base = event_base_new();

	(void)state;
	workq_free(workq_new(base, 0));
	workq_free(NULL);
	event_base_free(base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(results_come_back_on_the_loop),
	    cmocka_unit_test(waiting_items_are_bounded_and_dropped),
	    cmocka_unit_test(a_queue_can_be_left),
	    cmocka_unit_test(an_idle_queue_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
