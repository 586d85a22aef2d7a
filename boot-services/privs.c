/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Giving up what bootd does not need once its sockets are open.
 *
 * privs_drop() leaves a process that parses hostile packets with nothing worth stealing:
 * an unprivileged user without groups, no capability in any set, none to be had again
 * (bounding set empty, no_new_privs), and a list of system calls.
 *
 * The list answers in three ways. Calls that bootd makes are allowed, a few only with
 * certain arguments. Calls that no library makes by itself and every exploit wants
 * (execve, ptrace, bpf, …) kill the process: such an attempt is never a mistake. All
 * others fail with ENOSYS, which is what libc expects from an older kernel and copes
 * with: a new libc that tries a new call first must not take the boot service of a
 * far-away site down.
 *
 * Failure modes: any step that fails refuses to serve, with the step named. */
#include "boot-services/privs.h"

#include <cap-ng.h>
#include <errno.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
/* After sys/ioctl.h: SIOCOUTQ. */
#include <linux/sockios.h>

#include "lib/str.h"

static const int allowed_calls[] = {
    /* the event loop, its clocks and signals */
    SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(timerfd_create),
    SCMP_SYS(timerfd_settime),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    /* sockets that exist; new ones below, by family */
    SCMP_SYS(bind),
    SCMP_SYS(connect),
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(recvmmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(sendmsg),
    SCMP_SYS(sendmmsg),
    SCMP_SYS(shutdown),
    SCMP_SYS(setsockopt),
    SCMP_SYS(getsockopt),
    SCMP_SYS(getsockname),
    SCMP_SYS(getpeername),
    /* files: boot files to read, lease journal and event log to write and rotate */
    SCMP_SYS(openat2),
    SCMP_SYS(openat),
    SCMP_SYS(open),
    SCMP_SYS(close),
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(pread64),
    SCMP_SYS(preadv),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(pwrite64),
    SCMP_SYS(pwritev),
    SCMP_SYS(sendfile),
    SCMP_SYS(lseek),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(statx),
    SCMP_SYS(fdatasync),
    SCMP_SYS(fsync),
    SCMP_SYS(ftruncate),
    SCMP_SYS(memfd_create),
    SCMP_SYS(fallocate),
    SCMP_SYS(fadvise64),
    SCMP_SYS(renameat),
    SCMP_SYS(renameat2),
    SCMP_SYS(unlinkat),
    SCMP_SYS(fcntl),
    SCMP_SYS(dup),
    SCMP_SYS(flock),
    SCMP_SYS(readahead),
    /* memory and threads */
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(futex),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(eventfd2),
    SCMP_SYS(rseq),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    /* the rest of a process's life */
    SCMP_SYS(getrandom),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(getrusage),
    SCMP_SYS(prlimit64),
    SCMP_SYS(uname),
    SCMP_SYS(tgkill),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};

/* Nothing in bootd or below it makes these: an attempt is somebody else's code. */
static const int deadly_calls[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
#ifndef __SANITIZE_ADDRESS__
    SCMP_SYS(ptrace),
#endif
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(bpf),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(setns),
    SCMP_SYS(unshare),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(setuid),
    SCMP_SYS(setgid),
    SCMP_SYS(setreuid),
    SCMP_SYS(setregid),
    SCMP_SYS(setresuid),
    SCMP_SYS(setresgid),
    SCMP_SYS(setgroups),
    SCMP_SYS(capset),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
};

#ifdef __SANITIZE_ADDRESS__
/* LeakSanitizer stops the process from a clone of it and reads its memory at exit. */
static const int sanitizer_calls[] = {
    SCMP_SYS(clone),
    SCMP_SYS(ptrace),
    SCMP_SYS(wait4),
    SCMP_SYS(prctl),
    SCMP_SYS(mmap),
    SCMP_SYS(mprotect),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(getdents),
    SCMP_SYS(getdents64),
    SCMP_SYS(kill),
    SCMP_SYS(getppid),
    SCMP_SYS(stat),
    SCMP_SYS(arch_prctl),
    SCMP_SYS(getpgrp),
    SCMP_SYS(process_mrelease),
    SCMP_SYS(access),
    SCMP_SYS(faccessat2),
};
#endif

int
privs_find_user(const char *name, struct privs_user *ret, struct error *err)
{
	struct passwd *pw;

	*ret = (struct privs_user){.uid = (uid_t)-1, .gid = (gid_t)-1};
	if (geteuid() != 0)
		return 0;
	errno = 0;
	pw = getpwnam(name);
	if (!pw)
		return error_set(err, -ENOENT, "user-unknown",
		    "create it (useradd --system --no-create-home netboot-bootd) or "
		    "change 'user'",
		    "there is no user '%s' to run as", name);
	if (pw->pw_uid == 0)
		return error_set(err, -EPERM, "user-root",
		    "name an unprivileged user in 'user'", "user '%s' is root", name);
	ret->uid = pw->pw_uid;
	ret->gid = pw->pw_gid;
	return 0;
}

long
privs_raise_files(long want)
{
	struct rlimit lim, more;

	if (getrlimit(RLIMIT_NOFILE, &lim) < 0)
		return -1;
	if (lim.rlim_cur >= (rlim_t)want)
		return (long)lim.rlim_cur;
	more = (struct rlimit){(rlim_t)want, lim.rlim_max};
	if (more.rlim_max < more.rlim_cur)
		more.rlim_max = more.rlim_cur;
	if (setrlimit(RLIMIT_NOFILE, &more) == 0)
		return want;
	/* The hard limit may not be raised, in a container not even by root. */
	more.rlim_cur = more.rlim_max = lim.rlim_max;
	return (long)(setrlimit(RLIMIT_NOFILE, &more) == 0 ? lim.rlim_max : lim.rlim_cur);
}

static int
failed(struct error *err, const char *step, int r)
{
	return error_set(err, r, "privileges",
	    "see the system's log; bootd does not serve with more rights than it needs",
	    "giving up privileges: %s: %s", step, strerror(-r));
}

/* libcap-ng does it in the one order that works: groups, keep-caps, ids, bounding set,
 * capabilities. */
static int
change_user(const struct privs_user *user, struct error *err)
{
	uid_t ruid, euid, suid;
	int r;

	capng_clear(CAPNG_SELECT_ALL);
	r = capng_change_id((int)user->uid, (int)user->gid,
	    CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING | CAPNG_CLEAR_AMBIENT);
	if (r < 0)
		return failed(err, "changing the user", errno ? -errno : -EPERM);
	if (getresuid(&ruid, &euid, &suid) < 0 || ruid != user->uid ||
	    euid != user->uid || suid != user->uid || setuid(0) == 0)
		return failed(err, "the old user can be had back", -EPERM);
	return 0;
}

static int
drop_capabilities(struct error *err)
{
	if (capng_have_capabilities(CAPNG_SELECT_CAPS) == CAPNG_NONE)
		return 0;
	capng_clear(CAPNG_SELECT_CAPS);
	if (capng_apply(CAPNG_SELECT_CAPS) < 0)
		return failed(err, "dropping capabilities", -EPERM);
	return 0;
}

static int
add_all(scmp_filter_ctx ctx, uint32_t action, const int *calls, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = seccomp_rule_add(ctx, action, calls[i], 0);
	return r;
}

/* Calls that are harmless with some arguments only. */
static int
add_conditional(scmp_filter_ctx ctx)
{
	static const unsigned families[] = {AF_INET, AF_INET6};
	static const unsigned long ioctls[] = {FIONREAD, FIONBIO, SIOCOUTQ, SIOCGIFMTU,
	    SIOCGIFCONF, SIOCGIFADDR, SIOCGIFINDEX, TCGETS};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(families) && r == 0; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
		    SCMP_A0_32(SCMP_CMP_EQ, families[i]));
	for (size_t i = 0; i < ARRAY_SIZE(ioctls) && r == 0; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
		    SCMP_A1_32(SCMP_CMP_EQ, (uint32_t)ioctls[i]));
	/* Threads, not processes. clone3 keeps its flags in memory, where no filter sees
	 * them; it fails with ENOSYS and libc uses clone. */
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
		    SCMP_A0_32(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
#ifndef __SANITIZE_ADDRESS__
	/* No memory that is both written and executed, now or later. */
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
		    SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
		    SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
#endif
	return r;
}

static int
load_filter(struct error *err)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int r;

	if (!ctx)
		return failed(err, "system call filter", -ENOMEM);
	/* Every call pays for the filter: a search tree instead of a list. */
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	r = add_all(ctx, SCMP_ACT_ALLOW, allowed_calls, ARRAY_SIZE(allowed_calls));
	if (r == 0)
		r = add_all(
		    ctx, SCMP_ACT_KILL_PROCESS, deadly_calls, ARRAY_SIZE(deadly_calls));
	if (r == 0)
		r = add_conditional(ctx);
#ifdef __SANITIZE_ADDRESS__
	if (r == 0)
		r = add_all(
		    ctx, SCMP_ACT_ALLOW, sanitizer_calls, ARRAY_SIZE(sanitizer_calls));
#endif
	if (r == 0)
		r = seccomp_load(ctx); /* sets no_new_privs first */
	seccomp_release(ctx);
	return r < 0 ? failed(err, "system call filter", r) : 0;
}

int
privs_drop(const struct privs_user *user, struct error *err)
{
	int r = user->uid != (uid_t)-1 ? change_user(user, err) : drop_capabilities(err);

	if (r < 0)
		return r;
#ifdef __SANITIZE_ADDRESS__
	/* Changing the user made the process unreadable to its own leak checker. */
	(void)prctl(PR_SET_DUMPABLE, 1);
#endif
	return load_filter(err);
}
