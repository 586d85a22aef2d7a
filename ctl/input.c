/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files that the user names: documents, passwords and keys.
 *
 * Entry points: input_read(), input_secret(). Ownership: results are the caller's;
 * passwords are wiped by secret_free(). Failure modes: what cannot be opened, is too
 * large, or holds a password that others can read is refused with what to do; passwords
 * never come from argv.
 */
#include "ctl/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "lib/secret.h"
#include "lib/str.h"

enum { INPUT_SECRET_MAX = 4096, INPUT_CHUNK = 65536, CTRL_C = 3 };

static int
unreadable(struct error *err, const char *path)
{
	int e = errno;

	return error_set(err, -e, "unreadable", "check the name and its permissions",
	    "cannot read %s: %s", path, strerror(e));
}

static int
read_all(
    int fd, const char *path, size_t max, char **ret, size_t *ret_len, struct error *err)
{
	size_t cap = INPUT_CHUNK, len = 0;
	char *buf = str_alloc(cap + 1);
	ssize_t n;

	while ((n = read(fd, buf + len, cap - len)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			free(buf);
			return unreadable(err, path);
		}
		len += (size_t)n;
		if (len > max) {
			free(buf);
			return error_set(err, -EFBIG, "unreadable",
			    "split it into several files", "%s is larger than %zu octets",
			    path, max);
		}
		if (len == cap) {
			cap *= 2;
			buf = str_realloc(buf, cap + 1);
		}
	}
	buf[len] = '\0';
	*ret = buf;
	*ret_len = len;
	return 0;
}

int
input_read(const char *path, size_t max, char **ret, size_t *ret_len, bool *ret_exposed,
    struct error *err)
{
	bool is_stdin = str_eq(path, "-");
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC), r;
	struct stat st = {0};

	if (fd < 0 || fstat(fd, &st) < 0) {
		r = unreadable(err, path);
	} else if (S_ISDIR(st.st_mode)) {
		r = error_set(
		    err, -EISDIR, "unreadable", NULL, "%s is a directory", path);
	} else {
		r = read_all(
		    fd, is_stdin ? "standard input" : path, max, ret, ret_len, err);
		*ret_exposed = !is_stdin && (st.st_mode & (S_IRGRP | S_IROTH)) != 0;
	}
	if (fd >= 0 && !is_stdin)
		close(fd);
	return r;
}

const struct input_secret input_password = {.what = "password",
			      .none = "no-password",
			      .exposed = "password-exposed",
			      .instead =
				  "use --bmc-password-file FILE, or - for standard input",
			      .twice = true},
			  input_kg = {.what = "K_g",
			      .none = "no-kg",
			      .exposed = "kg-exposed",
			      .instead =
				  "use --bmc-kg-file FILE, or - for standard input",
			      .twice = true};

/* One line, its echo off; NULL: none was typed. */
static char *
read_line(FILE *tty, const char *prompt, const char *again)
{
	char line[256] = "", *ret = NULL;

	dprintf(fileno(tty), "%s%s: ", prompt, again);
	if (fgets(line, sizeof(line), tty) != NULL && strchr(line, CTRL_C) == NULL) {
		line[strcspn(line, "\r\n")] = '\0';
		ret = str_dup(line);
	}
	dprintf(fileno(tty), "\n");
	secret_wipe(line, sizeof(line));
	return ret;
}

static char *
read_terminal(const struct input_secret *s, const char *prompt, struct error *err)
{
	FILE *tty = fopen("/dev/tty", "r+e");
	char *secret = NULL, *again = NULL;
	struct termios old, quiet;

	if (tty == NULL || tcgetattr(fileno(tty), &old) < 0) {
		error_set(err, 0, s->none, s->instead,
		    "there is no terminal to ask for the %s on", s->what);
		goto out;
	}
	quiet = old;
	/* Without signals: ^C would end us with the echo still off. */
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	tcsetattr(fileno(tty), TCSAFLUSH, &quiet);
	secret = read_line(tty, prompt, "");
	if (secret != NULL && s->twice)
		again = read_line(tty, prompt, ", again");
	tcsetattr(fileno(tty), TCSAFLUSH, &old);
	if (secret == NULL || (s->twice && again == NULL)) {
		error_set(err, 0, s->none, NULL, "no %s was typed", s->what);
	} else if (!s->twice || secret_equal(secret, again)) {
		goto out;
	} else {
		error_set(err, 0, s->none, "type the same both times",
		    "the %s was typed in two ways", s->what);
	}
	secret_free(secret);
	secret = NULL;
out:
	secret_free(again);
	if (tty != NULL)
		fclose(tty);
	return secret;
}

int
input_secret(const struct input_secret *s, const char *path, const char *prompt,
    char **ret, struct error *err)
{
	bool exposed = false;
	char *text = NULL;
	size_t len;
	int r;

	if (path == NULL) {
		text = read_terminal(s, prompt, err);
		if (text == NULL)
			return -EINVAL;
	} else {
		r = input_read(path, INPUT_SECRET_MAX, &text, &len, &exposed, err);
		if (r < 0)
			return r;
	}
	text[strcspn(text, "\r\n")] = '\0';
	if (!exposed && text[0] != '\0') {
		*ret = text;
		return 0;
	}
	secret_free(text);
	if (exposed)
		return error_set(err, -EPERM, s->exposed,
		    "chmod 600 it, and change what it holds",
		    "%s holds a %s and others can read it", path, s->what);
	return error_set(err, -EINVAL, s->none, NULL, "the %s is empty", s->what);
}
