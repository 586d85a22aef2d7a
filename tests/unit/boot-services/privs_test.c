/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a process may still do after privs_drop(): each attempt in a child of its own. Changing the
 * user needs root and is seen in tests/net/test_bootd_start.py. */
#include "boot-services/privs.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Runs `attempt` confined; its wait status. The child's exit status is what it returns. */
static int
confined(int (*attempt)(void))
{
	int status = -1;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		const struct privs_user keep = {.uid = (uid_t)-1, .gid = (gid_t)-1};
		struct error err;

		if (privs_drop(&keep, &err) < 0)
			_exit(99);
		_exit(attempt());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int
try_exec(void)
{
	char *argv[] = {(char *)"/bin/true", NULL}, *envp[] = {NULL};

	return execve(argv[0], argv, envp) < 0;
}

static int
try_bpf(void)
{
	return syscall(SYS_bpf, 0, NULL, 0) < 0;
}

static int
try_become_root(void)
{
	return setuid(0) < 0;
}

static int
try_socket(int family, int type)
{
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int
try_netlink(void)
{
	return try_socket(AF_NETLINK, SOCK_RAW);
}

static int
try_udp(void)
{
	return try_socket(AF_INET, SOCK_DGRAM) || try_socket(AF_INET6, SOCK_DGRAM);
}

static int
try_open(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int
try_new_call(void)
{
	return syscall(100000) < 0 ? errno : 0;
}

static void
an_exploit_dies(void **state UNUSED)
{
	int (*const attempts[])(void) = {try_exec, try_bpf, try_become_root};

	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
		int status = confined(attempts[i]);

		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGSYS);
	}
}

static void
other_calls_look_absent(void **state UNUSED)
{
	assert_int_equal(WEXITSTATUS(confined(try_netlink)), ENOSYS);
	assert_int_equal(WEXITSTATUS(confined(try_new_call)), ENOSYS);
}

static void
the_work_goes_on(void **state UNUSED)
{
	assert_int_equal(confined(try_udp), 0);
	assert_int_equal(confined(try_open), 0);
}

static void
users_are_checked(void **state UNUSED)
{
	struct privs_user u;
	struct error err = {0};

	if (geteuid() != 0) { /* whoever is not root keeps what it is */
		assert_int_equal(privs_find_user("no-such-user", &u, &err), 0);
		assert_int_equal(u.uid, (uid_t)-1);
		return;
	}
	assert_int_equal(privs_find_user("no-such-user", &u, &err), -ENOENT);
	assert_string_equal(err.code, "user-unknown");
	assert_int_equal(privs_find_user("root", &u, &err), -EPERM);
	assert_int_equal(privs_find_user("nobody", &u, &err), 0);
	assert_true(u.uid != 0 && u.uid != (uid_t)-1);
}

static void
descriptors_are_raised_not_lowered(void **state UNUSED)
{
	struct rlimit lim;
	long now;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &lim), 0);
	now = (long)lim.rlim_cur;
	assert_int_equal(privs_raise_files(8), now);
	assert_true(privs_raise_files(now + 1) >= now);
}

/* More than anybody may have, as for root without CAP_SYS_RESOURCE: then all there is. */
static void
descriptors_are_raised_as_far_as_allowed(void **state UNUSED)
{
	struct rlimit old, low, now;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = (struct rlimit){128, old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(privs_raise_files(1L << 40), (long)old.rlim_max);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
	assert_int_equal(now.rlim_cur, old.rlim_max);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_exploit_dies),
	    cmocka_unit_test(other_calls_look_absent),
	    cmocka_unit_test(the_work_goes_on),
	    cmocka_unit_test(users_are_checked),
	    cmocka_unit_test(descriptors_are_raised_not_lowered),
	    cmocka_unit_test(descriptors_are_raised_as_far_as_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
