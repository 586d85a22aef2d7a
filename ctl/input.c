/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files that the user names: documents and passwords.
 *
 * Entry points: input_read(), input_password(). Ownership: results are the caller's;
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

enum { INPUT_PASSWORD_MAX = 4096, INPUT_CHUNK = 65536, CTRL_C = 3 };

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

static char *
read_terminal(const char *prompt, struct error *err)
{
	FILE *tty = fopen("/dev/tty", "r+e");
	char line[256] = "", *password = NULL;
	struct termios old, quiet;

	if (tty == NULL || tcgetattr(fileno(tty), &old) < 0) {
		error_set(err, 0, "no-password",
		    "use --bmc-password-file FILE, or - for standard input",
		    "there is no terminal to ask for the password on");
		goto out;
	}
	quiet = old;
	/* Without signals: ^C would end us with the echo still off. */
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	tcsetattr(fileno(tty), TCSAFLUSH, &quiet);
	fprintf(tty, "%s: ", prompt);
	fflush(tty);
	if (fgets(line, sizeof(line), tty) != NULL && strchr(line, CTRL_C) == NULL) {
		line[strcspn(line, "\r\n")] = '\0';
		password = str_dup(line);
	} else {
		error_set(err, 0, "no-password", NULL, "no password was typed");
	}
	tcsetattr(fileno(tty), TCSAFLUSH, &old);
	fputc('\n', tty);
	secret_wipe(line, sizeof(line));
out:
	if (tty != NULL)
		fclose(tty);
	return password;
}

int
input_password(const char *path, const char *prompt, char **ret, struct error *err)
{
	bool exposed = false;
	char *text = NULL;
	size_t len;
	int r;

	if (path == NULL) {
		text = read_terminal(prompt, err);
		if (text == NULL)
			return -EINVAL;
	} else {
		r = input_read(path, INPUT_PASSWORD_MAX, &text, &len, &exposed, err);
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
		return error_set(err, -EPERM, "password-exposed",
		    "chmod 600 it, and change the password",
		    "%s holds a password and others can read it", path);
	return error_set(err, -EINVAL, "no-password", NULL, "the password is empty");
}
