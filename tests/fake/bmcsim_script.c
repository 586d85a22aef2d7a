/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs the chassis script of a simulated BMC, one call at a time, in the order of the
 * commands; between them it asks for the power state three times a second, so that a
 * machine that turns itself off is noticed. A running script is looked after every 5 ms,
 * without a signal handler. All descriptors of ours are closed on exec, so a machine that
 * the script starts inherits none. */
#include "tests/fake/bmcsim_script.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utlist.h>

#include "lib/compiler.h"
#include "lib/str.h"

enum { POLL_US = 300000, REAP_US = 5000 };

struct job {
	char words[64];
	bool efi, persistent;
	struct job *next, *prev;
};

struct bmcsim_script {
	struct event_base *base;
	struct bmcsim_bmc *bmc;
	char *command;
	struct job *queue;
	pid_t pid; /* -1: none runs */
	bool asking;
	int out; /* read end of the script's stdout; -1 */
	struct event *timer;
};

static void
arm(struct bmcsim_script *s, long us)
{
	struct timeval tv = {us / 1000000, us % 1000000};

	event_add(s->timer, &tv);
}

static void NORETURN
exec_script(struct bmcsim_script *s, const struct job *j, int out)
{
	char line[1024];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setenv("BMCSIM_EFI", j->efi ? "1" : "0", 1);
	setenv("BMCSIM_PERSISTENT", j->persistent ? "1" : "0", 1);
	dup2(null, 0);
	dup2(out >= 0 ? out : null, 1);
	if (str_format(line, sizeof line, "exec %s %s", s->command, j->words) == 0)
		execl("/bin/sh", "sh", "-c", line, (char *)NULL);
	_exit(127);
}

static void
run(struct bmcsim_script *s, const struct job *j, bool asking)
{
	int pipefd[2] = {-1, -1};

	if (asking && pipe2(pipefd, O_CLOEXEC | O_NONBLOCK) < 0)
		return;
	s->asking = asking;
	s->pid = fork();
	if (s->pid == 0)
		exec_script(s, j, pipefd[1]);
	if (pipefd[1] >= 0)
		close(pipefd[1]);
	s->out = pipefd[0];
	if (s->pid < 0 && s->out >= 0) {
		close(s->out);
		s->out = -1;
	}
}

static void
ended(struct bmcsim_script *s)
{
	char text[64] = "";
	ssize_t n;
	char *at;

	s->pid = -1;
	if (s->out < 0)
		return;
	n = read(s->out, text, sizeof text - 1);
	close(s->out);
	s->out = -1;
	if (n <= 0 || s->queue != NULL) /* an order that waits makes the answer stale */
		return;
	at = strstr(text, "power:");
	if (at != NULL)
		bmcsim_set_power(s->bmc, at[6] == '1');
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct bmcsim_script *s = arg;
	struct job ask = {.words = "get power"};
	struct job *j = s->queue;

	(void)fd;
	(void)what;
	if (s->pid > 0 && waitpid(s->pid, NULL, WNOHANG) == 0) {
		arm(s, REAP_US);
		return;
	}
	if (s->pid > 0) {
		bool asked = s->asking;

		ended(s);
		if (asked && s->queue == NULL) {
			arm(s, POLL_US);
			return;
		}
		j = s->queue;
	}
	run(s, j != NULL ? j : &ask, j == NULL);
	if (j != NULL) {
		DL_DELETE(s->queue, j);
		free(j);
	}
	arm(s, REAP_US);
}

static void
on_chassis(void *arg, struct bmcsim_bmc *b, enum bmcsim_control what, const char *boot,
    bool efi, bool persistent)
{
	static const char *const words[BMCSIM_CONTROLS] = {[BMCSIM_OFF] = "power 0",
	    [BMCSIM_ON] = "power 1",
	    [BMCSIM_RESET] = "reset 1",
	    [BMCSIM_SOFT] = "shutdown 1"};
	struct bmcsim_script *s = arg;
	struct job *j = str_alloc(sizeof *j);

	(void)b;
	j->efi = efi;
	j->persistent = persistent;
	snprintf(j->words, sizeof j->words, "set %s%s%s%s", boot != NULL ? "boot " : "",
	    boot != NULL ? boot : "", boot != NULL ? " " : "", words[what]);
	DL_APPEND(s->queue, j);
	arm(s, 0);
}

struct bmcsim_script *
bmcsim_script_new(struct event_base *base, struct bmcsim_bmc *b, const char *command)
{
	struct bmcsim_script *s = str_alloc(sizeof *s);

	s->base = base;
	s->bmc = b;
	s->command = str_dup(command);
	s->pid = -1;
	s->out = -1;
	s->timer = evtimer_new(base, on_timer, s);
	b->chassis = on_chassis;
	b->arg = s;
	arm(s, 0);
	return s;
}

void
bmcsim_script_free(struct bmcsim_script *s)
{
	struct job *j, *next;

	if (s == NULL)
		return;
	if (s->pid > 0) {
		kill(s->pid, SIGTERM);
		waitpid(s->pid, NULL, 0);
	}
	if (s->out >= 0)
		close(s->out);
	DL_FOREACH_SAFE(s->queue, j, next)
	{
		DL_DELETE(s->queue, j);
		free(j);
	}
	event_free(s->timer);
	free(s->command);
	free(s);
}
