/* SPDX-License-Identifier: GPL-3.0-or-later */
/* netboot-ctl: the operator's command line.
 *
 * main() parses the words by ctl/commands.c's table, settles the global options and runs
 * the command's handler; its exit code is the program's (DESIGN section 8). `__complete
 * WORD…` lists what may follow, for the shells.
 */
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/args_help.h"
#include "ctl/commands.h"
#include "ctl/ctl.h"
#include "lib/str.h"

#ifndef NETBOOT_VERSION
#define NETBOOT_VERSION "0.1.0"
#endif

static bool
not_empty(const char *s)
{
	return s != NULL && s[0] != '\0';
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
	return flush_out(args.command->run(&ctl, &args));
}
