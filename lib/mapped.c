// SPDX-License-Identifier: GPL-3.0-or-later
/* Mapped files. What is behind the end of a file that has been made shorter cannot be read: the kernel sends SIGBUS, which
 * would end the whole program because an operator copied a new image over the old one. Here the page becomes one of zeros,
 * and the map is known to be cut; whoever maps looks at that before it believes what it has made.
 *
 * Entry points: mapped_open(), mapped_close(). The signal comes in the thread that reads, and its handler has no argument: so
 * each thread has a list of its maps, the one variable of this kind in the program.
 * Ownership: the caller's. Failure modes: errno; a SIGBUS elsewhere ends the program as ever. */
#include "lib/mapped.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static _Thread_local struct mapped *mine;

/* Only what may be done in a handler: mmap() and signal() are system calls here. */
static void
on_bus(int sig, siginfo_t *info, void *context)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t at = (uintptr_t)info->si_addr & ~(page - 1);

	(void)context;
	for (struct mapped *m = mine; m != NULL; m = m->next) {
		uintptr_t from = (uintptr_t)m->at;

		if (at < from || at - from >= m->len)
			continue;
		m->cut = 1;
		void *zeros = mmap((void *)at, page, m->prot,
		    MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (zeros != MAP_FAILED)
			return;
	}
	signal(sig, SIG_DFL); /* and it comes again */
}

int
mapped_open(int fd, int prot, int64_t max, struct mapped *ret)
{
	const struct sigaction action = {
	    .sa_sigaction = on_bus, .sa_flags = SA_SIGINFO | SA_RESTART};
	struct stat st;
	void *at;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size <= 0 || st.st_size > max)
		return -EFBIG;
	if (sigaction(SIGBUS, &action, NULL) < 0)
		return -errno;
	at = mmap(NULL, (size_t)st.st_size, prot, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	*ret = (struct mapped){
	    .at = at, .len = (size_t)st.st_size, .prot = prot, .next = mine};
	mine = ret;
	return 0;
}

void
mapped_close(struct mapped *m)
{
	if (m->at == NULL)
		return;
	for (struct mapped **p = &mine; *p != NULL; p = &(*p)->next)
		if (*p == m) {
			*p = m->next;
			break;
		}
	munmap(m->at, m->len);
	m->at = NULL;
}
