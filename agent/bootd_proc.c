/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Supervision of netboot-bootd.
 *
 *	down ──start()──► starting ──ready──► up ──table──► serving
 *	  ▲                  │                 │               │
 *	reaped()             │                 │               │
 *	  │                  │                 │               │
 *	ending ◄─ gone(): EOF, exit, no "ready" or no "ack" in time
 *
 * From anywhere bootd_proc_hold() leads to down, and only bootd_proc_release() out of it.
 *
 * Entry points: bootd_proc_new(), bootd_proc_send_table(), bootd_proc_put_host().
 * Ownership: the process, its socket and timers. The child is told to die with us, and
 * ends by itself when the socket closes.
 * Failure modes: an end is answered by a new start, at once after a long life, later and
 * later (to 10 s) when it keeps ending. The old process is killed, and reaped before a new
 * one is started: two of them would both answer. One that a hung disk keeps from ending is
 * waited for beside the loop, as long as it takes.
 */
#include "agent/bootd_proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/compiler.h"
#include "lib/frame.h"
#include "lib/str.h"

enum {
	AGENT_FD = 3,
	EXIT_NO_PROGRAM = 127,	  /* as of a shell */
	QUEUE_HIGH = 1024 * 1024, /* octets waiting before the table pauses */
	BATCH = 200,		  /* hosts per turn of the loop */
	LAST_WAIT_MS = 1000,	  /* for the process, when we end */
};
#define READY_TIME (15 * USEC_PER_SEC)
#define ANSWER_TIME (10 * USEC_PER_SEC)
#define DELAY_FIRST (100 * USEC_PER_MSEC)
#define DELAY_MAX (10 * USEC_PER_SEC)
#define LONG_LIFE (30 * USEC_PER_SEC)
#define PUMP_PAUSE (5 * USEC_PER_MSEC)
#define REAP_PAUSE (5 * USEC_PER_MSEC)
#define REAP_LONG (2 * USEC_PER_SEC) /* then it is told */

enum state { DOWN, ENDING, STARTING, UP };

struct bootd_proc {
	struct bootd_proc_opts o;
	enum state state;
	pid_t pid;
	struct frame_conn *conn;
	struct event
	    *timer; /* DOWN: start; ENDING: is it gone?; STARTING: no "ready"; UP:
				no "ack" */
	struct event *pump;
	int64_t started, killed, delay;
	char how[128]; /* it ended; "": by bootd_proc_hold() */
	bool told_slow;
	struct error fatal; /* what the process said before it ended */
	uint16_t http_port;
	int64_t gen;
	bool sending, serving; /* the table is on its way; it is in force */
	bool held;	       /* not to be started */
	bool asked;	       /* whether it lives, and not answered yet */
	char after[BUNDLE_NAME_SIZE];
	struct bundle_host *host; /* room for the table's pump */
	struct bootd_msg_boot *boot;
};

static void
set_timer(struct event *timer, int64_t us)
{
	const struct timeval tv = {us / USEC_PER_SEC, us % USEC_PER_SEC};

	evtimer_add(timer, &tv);
}

static void
send_msg(struct bootd_proc *p, const struct bootd_msg *m)
{
	if (p->conn != NULL && frame_send(p->conn, bootd_msg_to_json(m)) == -EMSGSIZE)
		log_error(p->o.log, "bootd: a message is too large and was not sent");
}

/* ---- the end of a process ---- */

/* What its exit says, when it has not said anything itself. */
static void
judge(struct bootd_proc *p, int status)
{
	if (p->fatal.code[0] != '\0')
		return;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_PROGRAM)
		error_set(&p->fatal, 0, "bootd-missing",
		    "install it there, or name it in agent.yaml (bootd)",
		    "%s cannot be executed", p->o.program);
	else if (WIFEXITED(status))
		error_set(&p->fatal, 0, "bootd-ended", NULL,
		    "netboot-bootd exited with %d", WEXITSTATUS(status));
	else
		error_set(&p->fatal, 0, "bootd-ended", NULL,
		    "netboot-bootd was ended by signal %d", WTERMSIG(status));
}

static void
start(struct bootd_proc *p);

static void
reaped(struct bootd_proc *p)
{
	struct error why = p->fatal;
	bool short_life = p->killed - p->started < LONG_LIFE;

	p->state = DOWN;
	if (p->held)
		return;
	if (p->how[0] == '\0') {
		start(p);
		return;
	}
	p->delay = short_life && p->delay > 0 ? p->delay * 3 : DELAY_FIRST;
	if (p->delay > DELAY_MAX)
		p->delay = DELAY_MAX;
	log_error(p->o.log, "bootd: %s: %s%s%s; started again in %lld ms", p->how,
	    why.text, why.next[0] == '\0' ? "" : ": ", why.next,
	    (long long)(p->delay / USEC_PER_MSEC));
	set_timer(p->timer, p->delay);
	p->o.ops->on_down(p->o.arg, &why);
}

static void
tell_slow(struct bootd_proc *p)
{
	struct error why;

	p->told_slow = true;
	error_set(&why, 0, "bootd-hangs",
	    "look at the disks and network file systems of the site's server",
	    "netboot-bootd (process %lld) was killed and does not end; no other is "
	    "started before",
	    (long long)p->pid);
	log_error(p->o.log, "bootd: %s: %s", why.text, why.next);
	if (!p->held)
		p->o.ops->on_down(p->o.arg, &why);
}

/* SIGKILL cannot be refused, but a process that waits for a disk takes its time. */
static void
reap(struct bootd_proc *p)
{
	int status = 0;
	pid_t pid = waitpid(p->pid, &status, WNOHANG);

	if (pid != 0 && (pid > 0 || errno != EINTR)) {
		p->pid = 0;
		judge(p, status);
		reaped(p);
		return;
	}
	if (!p->told_slow && clock_mono() - p->killed > REAP_LONG)
		tell_slow(p);
	set_timer(p->timer, REAP_PAUSE);
}

static void
end_process(struct bootd_proc *p, const char *how)
{
	str_clip(p->how, sizeof(p->how), how);
	frame_close(p->conn);
	p->conn = NULL;
	p->state = ENDING;
	p->killed = clock_mono();
	p->serving = p->sending = p->asked = p->told_slow = false;
	event_del(p->pump);
	event_del(p->timer);
	kill(p->pid, SIGKILL);
	reap(p);
}

static bool
runs(const struct bootd_proc *p)
{
	return p->state == STARTING || p->state == UP;
}

static void
gone(struct bootd_proc *p, const char *how)
{
	if (runs(p))
		end_process(p, how);
}

/* ---- messages ---- */

static void
take_fatal(struct bootd_proc *p, const struct bootd_msg *m)
{
	error_set(&p->fatal, 0, m->code, m->next == NULL ? "" : m->next, "%s",
	    m->text == NULL ? "no reason given" : m->text);
}

static void
take_ready(struct bootd_proc *p, const struct bootd_msg *m)
{
	if (p->state != STARTING)
		return;
	p->state = UP;
	p->http_port = m->http_port;
	event_del(p->timer);
	log_info(p->o.log, "bootd: process %lld serves (HTTP port %u)", (long long)m->pid,
	    m->http_port);
	p->o.ops->on_up(p->o.arg, m->http_port);
}

/* Something was sent that is to be acknowledged. A process that hangs looks alive to the
 * kernel; without this no machine of the site would ever be answered again. */
static void
expect_ack(struct bootd_proc *p)
{
	if (!evtimer_pending(p->timer, NULL))
		set_timer(p->timer, p->o.answer_us / 2);
}

static void
take_ack(struct bootd_proc *p, const struct bootd_msg *m)
{
	event_del(p->timer);
	p->asked = false;
	if (p->sending || m->gen < p->gen)
		expect_ack(p);
	p->o.ops->on_message(p->o.arg, m);
}

/* A host that bootd refuses is not acknowledged. The removal of one that it does not have
 * always is, which tells the refusal from a process that hangs. */
static void
ask_for_life(struct bootd_proc *p)
{
	struct bootd_msg m = {
	    .type = BOOTD_MSG_HOST_DEL, .gen = ++p->gen, .name = "alive.invalid"};

	send_msg(p, &m);
	p->asked = true;
	set_timer(p->timer, p->o.answer_us / 2);
}

static void
dispatch(struct bootd_proc *p, const struct bootd_msg *m)
{
	switch (m->type) {
	case BOOTD_MSG_READY: take_ready(p, m); break;
	case BOOTD_MSG_FATAL: take_fatal(p, m); break;
	case BOOTD_MSG_ACK: take_ack(p, m); break;
	case BOOTD_MSG_EVENT:
	case BOOTD_MSG_CONSUME:
	case BOOTD_MSG_REPORT: p->o.ops->on_message(p->o.arg, m); break;
	case BOOTD_MSG_CONFIG:
	case BOOTD_MSG_TABLE_BEGIN:
	case BOOTD_MSG_SUBNET:
	case BOOTD_MSG_MENU:
	case BOOTD_MSG_MENU_IMAGE:
	case BOOTD_MSG_HOST:
	case BOOTD_MSG_HOST_DEL:
	case BOOTD_MSG_TABLE_END:
	case BOOTD_MSG_CONSUME_OK:
	case BOOTD_MSG_CONSUME_NO:
	case BOOTD_MSG_REPORT_OK:
	case BOOTD_MSG_REPORT_NO:
		log_warn(
		    p->o.log, "bootd: a message that only the agent sends is ignored");
		break;
	}
}

static void
on_message(void *arg, json_t *v)
{
	struct bootd_proc *p = arg;
	struct bootd_msg m;
	struct error err = {0};

	if (bootd_msg_from_json(v, &m, &err) < 0) {
		log_warn(p->o.log, "bootd: a message is ignored: %s", err.text);
		return;
	}
	dispatch(p, &m);
	bootd_msg_done(&m);
}

static void
on_close(void *arg, const struct error *why)
{
	gone(arg, why == NULL ? "socket closed" : why->text);
}

/* ---- start ---- */

static NORETURN void
run_child(const struct bootd_proc *p, int fd, pid_t parent)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* A change of user clears this again; the closed socket remains. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	if (fd != AGENT_FD && dup2(fd, AGENT_FD) < 0)
		_exit(1);
	if (fd == AGENT_FD && fcntl(fd, F_SETFD, 0) < 0)
		_exit(1);
	close_range(AGENT_FD + 1, ~0U, 0);
	execl(p->o.program, "netboot-bootd", "--agent-fd", "3", (char *)NULL);
	_exit(EXIT_NO_PROGRAM);
}

static int
spawn(struct bootd_proc *p, int *ret_fd)
{
	pid_t self = getpid();
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		return -errno;
	p->pid = fork();
	if (p->pid == 0)
		run_child(p, sv[1], self);
	close(sv[1]);
	if (p->pid < 0) {
		int e = errno;

		close(sv[0]);
		p->pid = 0;
		return -e;
	}
	*ret_fd = sv[0];
	return 0;
}

static void
start(struct bootd_proc *p)
{
	static const struct frame_ops ops = {
	    .on_message = on_message, .on_close = on_close};
	struct bootd_msg config = {
	    .type = BOOTD_MSG_CONFIG, .text = (char *)(uintptr_t)p->o.config};
	int fd = -1;
	int r = spawn(p, &fd);

	memset(&p->fatal, 0, sizeof(p->fatal));
	p->started = clock_mono();
	if (r < 0) {
		log_error(p->o.log, "bootd: cannot start: %s", strerror(-r));
		set_timer(p->timer, DELAY_MAX);
		return;
	}
	p->state = STARTING;
	p->conn = frame_open(p->o.base, fd, &ops, p);
	send_msg(p, &config);
	set_timer(p->timer, READY_TIME);
}

/* It is ended by us: the signal is not the reason. */
static void
give_up(struct bootd_proc *p, const char *how)
{
	if (p->fatal.code[0] == '\0')
		error_set(&p->fatal, 0, "bootd-hangs",
		    "see the log, netboot-ctl doctor, and the load of the site's server",
		    "netboot-bootd %s", how);
	gone(p, "it was given up");
}

static void
on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct bootd_proc *p = arg;

	if (p->state == DOWN)
		start(p);
	else if (p->state == ENDING)
		reap(p);
	else if (p->state == STARTING)
		give_up(p, "was not ready in time");
	else if (p->sending || p->asked)
		give_up(p, "does not answer the agent");
	else
		ask_for_life(p);
}

/* ---- the table ---- */

static void
pump_end(struct bootd_proc *p)
{
	struct bootd_msg m = {.type = BOOTD_MSG_TABLE_END, .gen = p->gen};

	send_msg(p, &m);
	p->sending = false;
	p->serving = true;
	p->o.ops->on_table_sent(p->o.arg, p->gen);
}

static void
send_host(
    struct bootd_proc *p, const struct bundle_host *h, const struct bootd_msg_boot *b)
{
	struct bootd_msg m = {
	    .type = BOOTD_MSG_HOST,
	    .gen = p->gen,
	    .host = (struct bundle_host *)(uintptr_t)h,
	    .boot = b == NULL || b->ticket[0] == '\0'
			? NULL
			: (struct bootd_msg_boot *)(uintptr_t)b,
	};

	send_msg(p, &m);
}

static void
on_pump(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct bootd_proc *p = arg;

	if (!p->sending || p->conn == NULL)
		return;
	for (int i = 0; i < BATCH; i++) {
		if (frame_queued(p->conn) > QUEUE_HIGH) {
			set_timer(p->pump, PUMP_PAUSE);
			return;
		}
		if (p->o.ops->next_host(p->o.arg, p->after, p->host, p->boot) != 1) {
			pump_end(p);
			return;
		}
		send_host(p, p->host, p->boot);
		set_timer(p->timer, p->o.answer_us); /* it still reads */
		str_clip(p->after, sizeof(p->after), p->host->name);
	}
	event_active(p->pump, 0, 0);
}

static void
send_menu(struct bootd_proc *p, const struct bundle_site *site)
{
	struct bootd_msg m = {
	    .type = BOOTD_MSG_MENU, .site = (struct bundle_site *)(uintptr_t)site};

	if (!site->menu.set)
		return;
	send_msg(p, &m);
	m.type = BOOTD_MSG_MENU_IMAGE;
	for (size_t i = 0; i < site->n_menu_images; i++) {
		m.image = &site->menu_images[i];
		send_msg(p, &m);
	}
}

void
bootd_proc_send_table(struct bootd_proc *p, const struct bundle_site *site)
{
	struct bootd_msg m = {.type = BOOTD_MSG_TABLE_BEGIN};

	if (p->state != UP)
		return;
	m.gen = ++p->gen;
	m.site = (struct bundle_site *)(uintptr_t)site;
	send_msg(p, &m);
	for (size_t i = 0; i < site->n_subnets; i++) {
		struct bootd_msg s = {.type = BOOTD_MSG_SUBNET,
		    .subnet = (struct bundle_subnet *)(uintptr_t)&site->subnets[i]};

		send_msg(p, &s);
	}
	send_menu(p, site);
	p->sending = true;
	expect_ack(p);
	p->after[0] = '\0';
	event_active(p->pump, 0, 0);
}

void
bootd_proc_update_table(struct bootd_proc *p, const struct bundle_site *site)
{
	if (p->serving || p->sending)
		bootd_proc_send_table(p, site);
}

/* While a table is on its way a host outside of it cannot be told from one inside; the
 * owner sends what is special again when the table is out. */
int64_t
bootd_proc_put_host(
    struct bootd_proc *p, const struct bundle_host *h, const struct bootd_msg_boot *b)
{
	if (!p->serving || p->sending)
		return 0;
	p->gen++;
	send_host(p, h, b);
	expect_ack(p);
	return p->gen;
}

void
bootd_proc_del_host(struct bootd_proc *p, const char *name)
{
	struct bootd_msg m = {.type = BOOTD_MSG_HOST_DEL};

	if (!p->serving || p->sending)
		return;
	m.gen = ++p->gen;
	str_clip(m.name, sizeof(m.name), name);
	send_msg(p, &m);
	expect_ack(p);
}

void
bootd_proc_answer(
    struct bootd_proc *p, enum bootd_msg_type type, uint64_t req, const char *reason)
{
	struct bootd_msg m = {
	    .type = type, .req = req, .text = (char *)(uintptr_t)reason};

	send_msg(p, &m);
}

uint16_t
bootd_proc_http_port(const struct bootd_proc *p)
{
	return p->http_port;
}

void
bootd_proc_hold(struct bootd_proc *p, const struct error *why)
{
	if (p->held)
		return;
	p->held = true;
	if (runs(p))
		end_process(p, "");
	else if (p->state == DOWN)
		event_del(p->timer);
	p->how[0] = '\0';
	p->o.ops->on_down(p->o.arg, why);
}

void
bootd_proc_release(struct bootd_proc *p)
{
	if (!p->held)
		return;
	p->held = false;
	if (p->state == DOWN)
		start(p);
}

struct bootd_proc *
bootd_proc_new(const struct bootd_proc_opts *opts, bool held)
{
	struct bootd_proc *p = str_alloc(sizeof(*p));

	p->o = *opts;
	if (p->o.answer_us <= 0)
		p->o.answer_us = ANSWER_TIME;
	p->host = str_alloc(sizeof(*p->host));
	p->boot = str_alloc(sizeof(*p->boot));
	p->timer = evtimer_new(opts->base, on_timer, p);
	p->pump = evtimer_new(opts->base, on_pump, p);
	p->held = held;
	if (!held)
		start(p);
	return p;
}

/* There is no loop any more. */
static void
end_for_good(pid_t pid)
{
	struct pollfd ended = {.events = POLLIN};

	kill(pid, SIGKILL);
	ended.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (ended.fd >= 0) {
		(void)poll(&ended, 1, LAST_WAIT_MS);
		close(ended.fd);
	}
	(void)waitpid(pid, NULL, WNOHANG);
}

void
bootd_proc_free(struct bootd_proc *p)
{
	if (p == NULL)
		return;
	frame_close(p->conn);
	if (p->pid > 0)
		end_for_good(p->pid);
	event_free(p->timer);
	event_free(p->pump);
	free(p->host);
	free(p->boot);
	free(p);
}

/* ---- as an interface ---- */

static void
wire_send_table(void *self, const struct bundle_site *site)
{
	bootd_proc_send_table(self, site);
}

static void
wire_update_table(void *self, const struct bundle_site *site)
{
	bootd_proc_update_table(self, site);
}

static int64_t
wire_put_host(void *self, const struct bundle_host *h, const struct bootd_msg_boot *b)
{
	return bootd_proc_put_host(self, h, b);
}

static void
wire_del_host(void *self, const char *name)
{
	bootd_proc_del_host(self, name);
}

static void
wire_answer(void *self, enum bootd_msg_type type, uint64_t req, const char *reason)
{
	bootd_proc_answer(self, type, req, reason);
}

static void
wire_committed(void *self UNUSED)
{
}

static uint16_t
wire_http_port(const void *self)
{
	return bootd_proc_http_port(self);
}

static void
wire_hold(void *self, const struct error *why)
{
	bootd_proc_hold(self, why);
}

static void
wire_release(void *self)
{
	bootd_proc_release(self);
}

static void
wire_free(void *self)
{
	bootd_proc_free(self);
}

struct wire
bootd_proc_wire(struct bootd_proc *p)
{
	static const struct wire_ops ops = {
	    .send_table = wire_send_table,
	    .update_table = wire_update_table,
	    .put_host = wire_put_host,
	    .del_host = wire_del_host,
	    .answer = wire_answer,
	    .committed = wire_committed,
	    .http_port = wire_http_port,
	    .hold = wire_hold,
	    .release = wire_release,
	    .free = wire_free,
	};

	return (struct wire){.ops = &ops, .self = p};
}
