/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The iteration macros of uthash, utlist, jansson and queue.h in a form that cppcheck follows: without
 * them it takes every loop variable for uninitialised. Read by cppcheck only. */
#define HASH_ITER(hh, head, el, tmp)                      \
	for ((el) = (head), (tmp) = (head); (el) != NULL; \
	     (el) = (tmp), (tmp) = (el)->hh.next)
#define HASH_FIND(hh, head, key, len, out) ((out) = (head))
#define HASH_FIND_STR(head, key, out) ((out) = (head))
#define HASH_FIND_INT(head, key, out) ((out) = (head))
#define HASH_FIND_PTR(head, key, out) ((out) = (head))
#define DL_FOREACH(head, el) for ((el) = (head); (el) != NULL; (el) = (el)->next)
#define DL_FOREACH_SAFE(head, el, tmp)                    \
	for ((el) = (head), (tmp) = (head); (el) != NULL; \
	     (el) = (tmp), (tmp) = (el)->next)
#define LL_FOREACH(head, el) for ((el) = (head); (el) != NULL; (el) = (el)->next)
#define LL_FOREACH_SAFE(head, el, tmp)                    \
	for ((el) = (head), (tmp) = (head); (el) != NULL; \
	     (el) = (tmp), (tmp) = (el)->next)
#define TAILQ_FOREACH(el, head, field) \
	for ((el) = (head)->tqh_first; (el) != NULL; (el) = (el)->field.tqe_next)
#define json_object_foreach(object, key, value) \
	for ((key) = "", (value) = (object); (value) != NULL; (value) = NULL)
#define json_array_foreach(array, i, value) \
	for ((i) = 0, (value) = (array); (value) != NULL; (value) = NULL, (i)++)
