/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A clock that is wrong, for one program: preloaded, it moves what the program and its libraries read as the time of day by so
 * many microseconds as the first eight octets of the file SKEW_FILE say, in the machine's own order. What is written there
 * later holds at once, as when somebody sets the clock. The clocks that never jump are left alone, and so are the times of
 * files, which the kernel sets.
 *
 * Entry points: clock_gettime(), gettimeofday() and time(), in the C library's place; they ask the kernel itself.
 * Ownership: the mapping stays until the program ends, also after the file was removed, and is there before a program
 * gives up its rights. A child inherits it by its environment.
 * Failure modes: a file that is not there, or too short, ends the program: a test with the right clock would show nothing. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NSEC_PER_SEC 1000000000LL

static const volatile int64_t *skew;

__attribute__((constructor)) static void
map_file(void)
{
	const char *path = getenv("SKEW_FILE");
	int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	struct stat st;
	void *map;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size < (off_t)sizeof(*skew))
		abort();
	map = mmap(NULL, sizeof(*skew), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		abort();
	skew = map;
}

/* Before the constructor others' may ask. */
static int
shown(clockid_t id, struct timespec *ts)
{
	int r = (int)syscall(SYS_clock_gettime, id, ts);
	int64_t at;

	if (r < 0 || skew == NULL ||
	    (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE))
		return r;
	at = (int64_t)ts->tv_sec * NSEC_PER_SEC + ts->tv_nsec + *skew * 1000;
	ts->tv_sec = (time_t)(at / NSEC_PER_SEC);
	ts->tv_nsec = (long)(at % NSEC_PER_SEC);
	return 0;
}

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	return shown(id, ts);
}

int
gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	struct timespec ts;

	(void)tz;
	if (shown(CLOCK_REALTIME, &ts) < 0)
		return -1;
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}

time_t
time(time_t *ret)
{
	struct timespec ts;

	if (shown(CLOCK_REALTIME, &ts) < 0)
		return (time_t)-1;
	if (ret != NULL)
		*ret = ts.tv_sec;
	return ts.tv_sec;
}
