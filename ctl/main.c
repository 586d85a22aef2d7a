/* SPDX-License-Identifier: GPL-3.0-or-later */
/* netboot-ctl: the operator's command line.
 *
 * main() parses the words by ctl/commands.c's table, settles the global options and runs
 * the command's handler; its exit code is the program's (DESIGN section 8). `__complete
 * WORD…` lists what may follow, for the shells.
 */
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/args_help.h"
#include "ctl/commands.h"
#include "ctl/ctl.h"
#include "lib/addr.h"
#include "lib/secret.h"
#include "lib/str.h"

#ifndef NETBOOT_VERSION
#define NETBOOT_VERSION "0.1.0"
#endif

static bool
not_empty(const char *s)
{
	return s != NULL && s[0] != '\0';
}

/* A token is one line. What others may read is refused, as everywhere. */
static int
read_token(struct ctl *ctl, const char *path, struct error *err)
{
	static const char next[] = "netboot-ctl token add makes one; chmod 600 its file";
	char buf[256] = "";
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n = -1;

	if (fd >= 0 && fstat(fd, &st) == 0) {
		if ((st.st_mode & 077) != 0) {
			close(fd);
			return error_set(err, -EPERM, "token-file", next,
			    "%s: others than its owner may read it", path);
		}
		n = read(fd, buf, sizeof(buf) - 1);
	}
	int e = errno;
	if (fd >= 0)
		close(fd);
	if (n < 0)
		return error_set(
		    err, -e, "token-file", next, "%s: %s", path, strerror(e));
	buf[strcspn(buf, "\r\n")] = '\0';
	if (buf[0] == '\0' || strpbrk(buf, " \t") != NULL)
		return error_set(
		    err, -EINVAL, "token-file", next, "%s: holds no token", path);
	ctl->token = str_dup(buf);
	secret_wipe(buf, sizeof(buf));
	return 0;
}

/* Beyond this machine a token goes over TLS only. */
static bool
in_the_clear(const char *server)
{
	char host[256];
	struct addr_ip ip;

	if (!str_has_prefix(server, "http://"))
		return false;
	server += strlen("http://");
	/* What stands before an '@' is no host, and names may begin like an address. */
	size_t n = server[0] == '[' ? strcspn(server, "]") + 1 : strcspn(server, ":/?#");
	if (n > strlen(server) || n >= sizeof(host) || strchr(server, '@') ||
	    strchr(":/?#", server[n]) == NULL)
		return true;
	if (server[0] == '[') {
		server++;
		n -= 2;
	}
	memcpy(host, server, n);
	host[n] = '\0';
	return !str_eq(host, "localhost") &&
	       (addr_ip_parse(host, &ip) < 0 || !addr_ip_is_loopback(&ip));
}

static int
settle_token(struct ctl *ctl, const struct args *args, struct error *err)
{
	const char *file = args_get(args, "token-file"), *ca = args_get(args, "ca-file");

	if (file == NULL)
		file = getenv("NETBOOT_TOKEN_FILE");
	if (ca == NULL)
		ca = getenv("NETBOOT_CA_FILE");
	ctl->ca_file = not_empty(ca) ? ca : NULL;
	/* On the unix socket the kernel says who asks. */
	if (!not_empty(file) || str_has_prefix(ctl->server, "unix:"))
		return 0;
	if (in_the_clear(ctl->server))
		return error_set(err, -EINVAL, "usage", "write https://",
		    "a token does not go to %s without TLS", ctl->server);
	return read_token(ctl, file, err);
}

static void
settle(struct ctl *ctl, const struct args *args)
{
	static const char *const formats[] = {"table", "wide", "json", "ndjson"};
	const char *server = args_get(args, "server"), *output = args_get(args, "output");

	if (server == NULL)
		server = getenv("NETBOOT_SERVER");
	ctl->server = not_empty(server) ? server : CTL_SERVER_DEFAULT;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (str_eq(output, formats[i]))
			ctl->format = (enum ctl_format)i;
	ctl->headers = !args_has(args, "no-headers");
	ctl->quiet = args_has(args, "quiet");
}

/* UTF-8 where the user's locale has it; else ASCII. It is always C.UTF-8 then, since in some
 * locales even ASCII letters differ (tr_TR). */
static void
settle_charset(void)
{
	locale_t theirs = newlocale(LC_CTYPE_MASK, "", NULL);

	if (theirs == NULL)
		return;
	if (str_eq(nl_langinfo_l(CODESET, theirs), "UTF-8"))
		setlocale(LC_CTYPE, "C.UTF-8");
	freelocale(theirs);
}

static struct ctl
ctl_of_streams(void)
{
	const char *term = getenv("TERM");
	bool dumb = term == NULL || str_eq(term, "dumb");
	struct ctl ctl = {
	    .out = stdout,
	    .err = stderr,
	    .in_tty = isatty(STDIN_FILENO) == 1,
	    .out_tty = isatty(STDOUT_FILENO) == 1,
	    .err_tty = isatty(STDERR_FILENO) == 1,
	    .color = !dumb && !not_empty(getenv("NO_COLOR")),
	};

	return ctl;
}

static int
complete(int argc, char **argv)
{
	struct text t = {0};

	args_help_words(
	    &commands_table, (const char *const *)(argv + 2), (size_t)(argc - 2), &t);
	fputs(text_str(&t), stdout);
	text_done(&t);
	return CTL_OK;
}

static int
print_help(const struct args *args)
{
	struct text t = {0};

	args_help_text(&commands_table, args->command, args->help_noun, &t);
	fputs(text_str(&t), stdout);
	text_done(&t);
	return CTL_OK;
}

/* A full disk or a closed pipe must not look like success. */
static int
flush_out(int r)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return r;
	return r == CTL_OK ? CTL_FAILED : r;
}

int
main(int argc, char **argv)
{
	struct ctl ctl = ctl_of_streams();
	bool told_agent = false;
	struct args args;
	struct error err;

	signal(SIGPIPE, SIG_IGN);
	settle_charset();
	if (argc > 1 && str_eq(argv[1], "__complete"))
		return complete(argc, argv);
	if (args_parse(&commands_table, argc, argv, &args, &err) < 0)
		return ctl_fail(&ctl, CTL_USAGE, NULL, &err);
	if (args.help)
		return flush_out(print_help(&args));
	if (args_has(&args, "version")) {
		printf("netboot-ctl %s\n", NETBOOT_VERSION);
		return flush_out(CTL_OK);
	}
	if (args.command == NULL) {
		error_set(
		    &err, 0, "usage", "netboot-ctl --help lists them", "which command?");
		return ctl_fail(&ctl, CTL_USAGE, NULL, &err);
	}
	settle(&ctl, &args);
	ctl.told_agent = &told_agent;
	if (settle_token(&ctl, &args, &err) < 0)
		return ctl_fail(&ctl, CTL_USAGE, NULL, &err);
	int r = flush_out(args.command->run(&ctl, &args));
	secret_free(ctl.token);
	return r;
}
