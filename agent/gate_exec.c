/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Programs that check hosts.
 *
 *	waiting ──room──► running ──it ended, or its time did──► ending ──reaped──► gone
 *
 * A program is a file directly in the folder of gates. Both must be root's (or, where the agent is not root, the agent's own user's) and
 * writable by nobody else: whoever could write there could run programs at the site by way of the agent. The file is opened before it is
 * judged, and what was judged is what is run (fexecve). It runs as the configured user without groups, in a session of its own, with limits,
 * an environment of its own, /dev/null as input and no descriptor of the agent's; a script has its own text open, since its interpreter
 * reads it there. It gets no privileges by set-user-ID files.
 *
 * Entry points: gate_exec_start(), gate_exec_stop(). At most GATE_EXEC_AT_ONCE run, in the order in which they were asked for.
 * Ownership: a run belongs to the set until its process is reaped, whether or not somebody still waits for it.
 * Failure modes: what cannot be run is "gate-program" at once, or, where only the kernel knows, a run that failed. At its end, of whatever
 * kind, the whole process group is killed; what left it for a session of its own stays, and ends with the agent's unit. A process that
 * a hung disk keeps from ending holds its place; nobody waits for it.
 */
#include "agent/gate_exec.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utlist.h>

#include "lib/beneath.h"
#include "lib/compiler.h"
#include "lib/str.h"

enum {
	WORDS_MAX = 32,
	READ_SIZE = 16 * 1024,
	LOOKUP_MAX = 64 * 1024,
	LAST_WAIT_MS = 1000, /* for all processes, when we end */
	NICE = 10,
	MB = 1024 * 1024,
	PROGRAM_FD = 3, /* in the child; … */
	STATUS_FD = 4,	/* … where it says why the program could not be run */
	LINE_SIZE = 160,
	UNKNOWN_STATUS = 127 << 8, /* of a process that somebody else has reaped */
};

enum state { WAITING, RUNNING, ENDING };

struct gate_exec {
	struct gate_exec *next, *prev;
	struct gate_exec_set *set;
	enum state state;
	int program; /* descriptor of the file */
	char *argv[WORDS_MAX + 1], *env[WORDS_MAX + 1];
	int64_t timeout_us;
	pid_t pid;
	int pidfd, output, status;
	struct event *ended, *readable, *timer;
	char line[LINE_SIZE]; /* the one that comes in, … */
	size_t len;
	char last[LINE_SIZE]; /* … and the last whole one that was not blank */
	size_t octets;
	bool over, flood;     /* why it was killed */
	gate_exec_done *done; /* NULL: nobody waits for it any more */
	void *arg;
};

struct gate_exec_set {
	struct gate_exec_opts o;
	struct gate_exec *all;
	size_t n_running;
	bool drop; /* we are root */
	uid_t uid;
	gid_t gid;
	struct error user_err; /* why they cannot be run as anybody; no code: they can */
};

/* ---- who they run as ---- */

static void
find_user(struct gate_exec_set *s)
{
	char *buf = str_alloc(LOOKUP_MAX);
	struct passwd pw, *found = NULL;
	const char *setting = s->o.setting != NULL ? s->o.setting : "gates_user";
	char why[160] = "", next[160];

	s->drop = geteuid() == 0;
	if (s->drop &&
	    (getpwnam_r(s->o.user, &pw, buf, LOOKUP_MAX, &found) != 0 || found == NULL))
		snprintf(why, sizeof(why), "there is no user \"%s\" to run programs as",
		    s->o.user);
	else if (s->drop && (pw.pw_uid == 0 || pw.pw_gid == 0))
		snprintf(why, sizeof(why), "%s \"%s\" is root, or of its group", setting,
		    s->o.user);
	else if (s->drop) {
		s->uid = pw.pw_uid;
		s->gid = pw.pw_gid;
	}
	if (why[0] != '\0') {
		snprintf(next, sizeof(next),
		    "set %s in agent.yaml to an unprivileged user, and restart", setting);
		error_set(&s->user_err, 0, "gate-program", next, "%s", why);
	}
	free(buf);
}

/* ---- may it be run? ---- */

/* NULL, or what is wrong. */
static const char *
fault(const struct stat *st)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return "is not root's";
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return "can be written by others than its owner";
	return NULL;
}

static int
refuse(const char *root, const char *name, const char *why, const char *next,
    struct error *err)
{
	return error_set(err, -EPERM, "gate-program", next, "%s%s%s %s", root,
	    name[0] != '\0' ? "/" : "", name, why);
}

/* The file, open; -errno with *err. */
static int
open_program(const struct gate_exec_set *s, const char *name, struct error *err)
{
	int dir = open(s->o.root, O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1;
	const char *why = NULL;
	struct stat st;

	if (dir < 0)
		return refuse(s->o.root, "", strerror(errno),
		    "make it, root's, with the site's programs in it", err);
	if (fstat(dir, &st) < 0 || (why = fault(&st)) != NULL) {
		close(dir);
		return refuse(s->o.root, "", why != NULL ? why : "cannot be looked at",
		    "chown root and chmod go-w it", err);
	}
	if (strchr(name, '/') == NULL)
		fd = beneath_open(dir, name);
	close(dir);
	if (fd < 0)
		return refuse(s->o.root, name,
		    fd == -ENOENT ? "is not there" : "cannot be opened",
		    "put the program there at the site's agent", err);
	if (fstat(fd, &st) < 0)
		why = "cannot be looked at";
	else if (!S_ISREG(st.st_mode))
		why = "is no file";
	else if ((why = fault(&st)) == NULL && (st.st_mode & 0111) == 0)
		why = "is not executable";
	if (why == NULL)
		return fd;
	close(fd);
	return refuse(s->o.root, name, why, "chown root and chmod 755 it", err);
}

/* A script's interpreter opens it once more, by its descriptor. */
static bool
is_script(int fd)
{
	char head[2];

	return pread(fd, head, sizeof(head), 0) == sizeof(head) && head[0] == '#' &&
	       head[1] == '!';
}

/* ---- the child, between fork and exec: nothing but system calls ---- */

static void
limit(int what, rlim_t most)
{
	const struct rlimit l = {most, most};

	setrlimit((__rlimit_resource_t)what, &l);
}

static void
set_limits(int64_t timeout_us)
{
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_CPU, (rlim_t)(timeout_us / USEC_PER_SEC) + 1);
	limit(RLIMIT_FSIZE, 16 * MB);
	limit(RLIMIT_NOFILE, 256);
	limit(RLIMIT_NPROC, 512); /* of all that are this user's */
	limit(RLIMIT_AS, (rlim_t)4096 * MB);
	limit(RLIMIT_MEMLOCK, 64 * 1024);
	setpriority(PRIO_PROCESS, 0, NICE);
}

/* 0, or an errno. */
static int
become(const struct gate_exec_set *s)
{
	if (!s->drop)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(s->gid, s->gid, s->gid) < 0 ||
	    setresuid(s->uid, s->uid, s->uid) < 0)
		return errno;
	return geteuid() == s->uid && setuid(0) < 0 ? 0 : EPERM;
}

static void
fail_child(int e)
{
	(void)!write(STATUS_FD, &e, sizeof(e));
	_exit(127);
}

/* In the places that the program finds them in; their numbers before do not matter. */
static void
set_descriptors(int output, int program, int status)
{
	int null = open("/dev/null", O_RDONLY), high = STATUS_FD + 1;

	/* Out of the way first: one may have another's place. */
	output = fcntl(output, F_DUPFD, high);
	program = fcntl(program, F_DUPFD, high);
	status = fcntl(status, F_DUPFD, high);
	if (null < 0 || output < 0 || program < 0 || status < 0 ||
	    dup2(null, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
	    dup2(output, STDERR_FILENO) < 0 || dup2(program, PROGRAM_FD) < 0 ||
	    dup2(status, STATUS_FD) < 0)
		_exit(127);
	close_range((unsigned)high, ~0U, 0);
	fcntl(STATUS_FD, F_SETFD, FD_CLOEXEC);
}

static void
run_child(const struct gate_exec *x, int output, int status, bool script, pid_t parent)
{
	sigset_t none;
	int e;

	set_descriptors(output, x->program, status);
	if (!script)
		fcntl(PROGRAM_FD, F_SETFD, FD_CLOEXEC);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(077);
	set_limits(x->timeout_us);
	e = setsid() < 0 || chdir("/") < 0 ? errno : become(x->set);
	if (e == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		e = errno;
	if (e != 0)
		fail_child(e);
	/* After the change of user, which clears it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	fexecve(PROGRAM_FD, x->argv, x->env);
	fail_child(errno);
}

/* ---- one run ---- */

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void
drop_event(struct event **ev)
{
	if (*ev != NULL)
		event_free(*ev);
	*ev = NULL;
}

static void
free_run(struct gate_exec *x)
{
	DL_DELETE(x->set->all, x);
	drop_event(&x->ended);
	drop_event(&x->readable);
	drop_event(&x->timer);
	close_fd(&x->program);
	close_fd(&x->pidfd);
	close_fd(&x->output);
	close_fd(&x->status);
	for (size_t i = 0; i < WORDS_MAX; i++) {
		free(x->argv[i]);
		free(x->env[i]);
	}
	free(x);
}

static void
start_next(struct gate_exec_set *s);

static void
take_line(struct gate_exec *x)
{
	while (x->len > 0 && x->line[x->len - 1] == '\r')
		x->len--;
	x->line[x->len] = '\0';
	if (x->line[strspn(x->line, " \t\r")] != '\0')
		str_clip(x->last, sizeof(x->last), x->line);
	x->len = 0;
}

static void
take_output(struct gate_exec *x, const char *data, size_t n)
{
	x->octets += n;
	for (size_t i = 0; i < n; i++) {
		if (data[i] == '\n')
			take_line(x);
		else if (x->len < sizeof(x->line) - 1)
			x->line[x->len++] = data[i];
	}
}

/* What has come by now; false: there will be no more. */
static bool
read_output(struct gate_exec *x)
{
	char data[READ_SIZE];
	ssize_t n;

	while (x->octets <= GATE_EXEC_OUTPUT_MAX) {
		n = read(x->output, data, sizeof(data));
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		if (n == 0)
			return false;
		take_output(x, data, (size_t)n);
		if (x->state == RUNNING)
			return true; /* others have their turn, too */
	}
	return false;
}

static void
describe(struct gate_exec *x, int status, struct gate_exec_end *end)
{
	char line[4 * LINE_SIZE];
	int e = 0;

	take_line(x);
	str_escape(line, sizeof(line), x->last, strlen(x->last));
	end->ok = !x->over && !x->flood && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	end->over = x->over;
	end->status =
	    !x->over && !x->flood && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	if (read(x->status, &e, sizeof(e)) == sizeof(e))
		snprintf(end->why, sizeof(end->why), "it cannot be run: %s", strerror(e));
	else if (x->flood)
		snprintf(end->why, sizeof(end->why), "it printed more than %d octets",
		    GATE_EXEC_OUTPUT_MAX);
	else if (x->over)
		snprintf(end->why, sizeof(end->why),
		    "it has not ended after %lld s%s%.*s",
		    (long long)(x->timeout_us / USEC_PER_SEC),
		    line[0] != '\0' ? "; it said: " : "", LINE_SIZE, line);
	else if (WIFSIGNALED(status))
		snprintf(end->why, sizeof(end->why), "it was ended by signal %d%s%.*s",
		    WTERMSIG(status), line[0] != '\0' ? "; it said: " : "", LINE_SIZE,
		    line);
	else if (line[0] != '\0' || end->ok)
		snprintf(end->why, sizeof(end->why), "%.*s", LINE_SIZE, line);
	else
		snprintf(end->why, sizeof(end->why), "it ended with %d and said nothing",
		    WEXITSTATUS(status));
}

/* Takes the process's status, once it has one. */
static bool
reap(struct gate_exec *x)
{
	struct gate_exec_end end = {.status = -1};
	struct gate_exec_set *s = x->set;
	int status = 0;
	siginfo_t info = {.si_pid = 0};

	if (waitid(P_PID, (id_t)x->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0
		? errno != ECHILD
		: info.si_pid == 0)
		return false;
	/* Its children, while its number is still nobody else's. */
	kill(-x->pid, SIGKILL);
	if (waitpid(x->pid, &status, WNOHANG) != x->pid)
		status = UNKNOWN_STATUS;
	s->n_running--;
	x->state = ENDING;
	if (x->done != NULL) {
		gate_exec_done *done = x->done;
		void *arg = x->arg;

		read_output(x);
		describe(x, status, &end);
		free_run(x);
		done(arg, &end);
	} else {
		free_run(x);
	}
	return true;
}

static void
on_ended(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct gate_exec *x = arg;
	struct gate_exec_set *s = x->set;

	if (reap(x))
		start_next(s);
}

static void
end_run(struct gate_exec *x)
{
	kill(-x->pid, SIGKILL);
	kill(x->pid, SIGKILL); /* before it had a group of its own, perhaps */
}

static void
on_readable(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct gate_exec *x = arg;

	if (read_output(x))
		return;
	drop_event(&x->readable);
	if (x->octets > GATE_EXEC_OUTPUT_MAX) {
		x->flood = true;
		end_run(x);
	}
}

static void
on_time(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct gate_exec *x = arg;

	x->over = true;
	end_run(x);
}

/* The process, with both pipes. 0 or -errno. */
static int
spawn(struct gate_exec *x)
{
	pid_t self = getpid();
	int out[2] = {-1, -1}, status[2] = {-1, -1}, r = 0;
	bool script = is_script(x->program);

	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(status, O_CLOEXEC) < 0) {
		r = -errno;
	} else {
		x->pid = fork();
		if (x->pid == 0)
			run_child(x, out[1], status[1], script, self);
		if (x->pid < 0)
			r = -errno;
	}
	close_fd(&out[1]);
	close_fd(&status[1]);
	x->output = out[0];
	x->status = status[0];
	close_fd(&x->program);
	if (r < 0)
		return r;
	fcntl(x->output, F_SETFL, O_NONBLOCK);
	fcntl(x->status, F_SETFL, O_NONBLOCK);
	x->pidfd = (int)syscall(SYS_pidfd_open, x->pid, 0);
	return x->pidfd < 0 ? -errno : 0;
}

/* Told from the loop: nobody is called back from within his own call. */
static void
on_not_started(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct gate_exec *x = arg;
	struct gate_exec_set *s = x->set;
	struct gate_exec_end end = {.status = -1};
	gate_exec_done *done = x->done;
	void *done_arg = x->arg;

	str_clip(end.why, sizeof(end.why), "it cannot be run: no process can be made");
	free_run(x);
	s->n_running--;
	if (done != NULL)
		done(done_arg, &end);
	start_next(s);
}

static void
not_started(struct gate_exec *x)
{
	const struct timeval at_once = {0};

	if (x->pid > 0) {
		end_run(x);
		(void)!waitpid(
		    x->pid, NULL, 0); /* it was killed before it did anything */
	}
	x->pid = 0;
	x->timer = evtimer_new(x->set->o.base, on_not_started, x);
	evtimer_add(x->timer, &at_once);
}

static void
begin(struct gate_exec *x)
{
	struct event_base *base = x->set->o.base;
	const struct timeval limit_tv = {
	    x->timeout_us / USEC_PER_SEC, x->timeout_us % USEC_PER_SEC};

	x->state = RUNNING;
	x->set->n_running++;
	if (spawn(x) < 0) {
		not_started(x);
		return;
	}
	x->ended = event_new(base, x->pidfd, EV_READ | EV_PERSIST, on_ended, x);
	event_add(x->ended, NULL);
	x->readable = event_new(base, x->output, EV_READ | EV_PERSIST, on_readable, x);
	event_add(x->readable, NULL);
	x->timer = evtimer_new(base, on_time, x);
	evtimer_add(x->timer, &limit_tv);
}

static void
start_next(struct gate_exec_set *s)
{
	struct gate_exec *x;

	DL_FOREACH (s->all, x) {
		if (s->n_running >= (s->o.at_once > 0 ? s->o.at_once : GATE_EXEC_AT_ONCE))
			return;
		if (x->state == WAITING)
			begin(x);
	}
}

static int
copy_words(char **dst, const char *const src[], struct error *err)
{
	for (size_t i = 0; src[i] != NULL; i++) {
		if (i == WORDS_MAX)
			return error_set(err, -E2BIG, "gate-program",
			    "give it fewer arguments", "too many arguments");
		dst[i] = str_dup(src[i]);
	}
	return 0;
}

struct gate_exec *
gate_exec_start(struct gate_exec_set *set, char *const argv[], const char *const env[],
    int64_t timeout_us, gate_exec_done *done, void *arg, struct error *err)
{
	struct gate_exec *x;
	int fd;

	if (set->user_err.code[0] != '\0') {
		*err = set->user_err;
		return NULL;
	}
	fd = open_program(set, argv[0], err);
	if (fd < 0)
		return NULL;
	x = str_alloc(sizeof(*x));
	x->set = set;
	x->program = fd;
	x->pidfd = x->output = x->status = -1;
	x->timeout_us = timeout_us;
	x->done = done;
	x->arg = arg;
	DL_APPEND(set->all, x);
	if (copy_words(x->argv, (const char *const *)argv, err) < 0 ||
	    copy_words(x->env, env, err) < 0) {
		free_run(x);
		return NULL;
	}
	start_next(set);
	return x;
}

bool
gate_exec_waits(const struct gate_exec *x)
{
	return x->state == WAITING;
}

void
gate_exec_stop(struct gate_exec *x)
{
	if (x == NULL)
		return;
	x->done = NULL;
	if (x->state == WAITING)
		free_run(x);
	else if (x->pid > 0)
		end_run(x);
}

/* ---- all of them ---- */

struct gate_exec_set *
gate_exec_set_new(const struct gate_exec_opts *opts)
{
	struct gate_exec_set *s = str_alloc(sizeof(*s));

	s->o = *opts;
	find_user(s);
	return s;
}

void
gate_exec_set_free(struct gate_exec_set *s)
{
	struct gate_exec *x, *tmp;

	if (s == NULL)
		return;
	DL_FOREACH_SAFE(s->all, x, tmp)
	gate_exec_stop(x);
	for (int left = LAST_WAIT_MS; s->all != NULL; left -= 10) {
		struct pollfd p = {.fd = s->all->pidfd, .events = POLLIN};

		(void)!poll(&p, 1, 10);
		if (left <= 0 || s->all->pid == 0)
			free_run(s->all);
		else
			reap(s->all);
	}
	free(s);
}
