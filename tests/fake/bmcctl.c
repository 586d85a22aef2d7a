/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The IPMI engine on the command line, for tests and benchmarks:
 *
 *     BMC_PASSWORD=… [BMC_KG=HEX] [BMC_LEARNED=JSON] [BMC_MANNERS=JSON] bmcctl [options] VERB
 *         ADDRESS[+COUNT]:PORT…
 *     VERB: status on off cycle reset soft off-seen on-seen override override-bios on-held probe
 *           examine identify sel sel-clear sensors bmc-reset
 *     on-held: on-seen that holds the override.
 *
 *     -u USER  -C 0|3|17 (suite)  -L operator|administrator  -D (boot_verify: device)
 *     -j IN_FLIGHT  -S MAX_SESSIONS  -r REPEAT  -n (names may be resolved)
 *     -t SECONDS (deadline)  -g SECONDS (graceful)  -i MILLISECONDS (poll)
 *     -x MILLISECONDS (cancel all)  -v (notes too)  -q (no results)  -a ATTEMPT (of the override)
 *
 * Prints one JSON line per result as it comes, and a last one with the totals. Ends 0
 * when all succeeded, else 2. The password comes from the environment, never from argv.
 */
#include <event2/event.h>
#include <event2/thread.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "agent/bmc.h"
#include "lib/clock.h"
#include "lib/str.h"
#include "lib/workq.h"

enum { CALLS_MAX = 1 << 20 };

struct ctl {
	struct event_base *base;
	struct event *flush;
	struct bmc_engine *engine;
	struct bundle_bmc bmc;
	const char *verb;
	int64_t timeout, graceful;
	unsigned repeat, left, ok, resends, sessions, attempt;
	bool verbose, quiet;
	int64_t begin;
	uint64_t *ids;
	size_t n_ids;
	struct target *targets;
};

struct target {
	struct ctl *ctl;
	char name[BUNDLE_NAME_SIZE + 8];
	struct target *next;
};

static void
print(json_t *o)
{
	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(o);
}

static void
on_flush(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	fflush(stdout);
}

/* Out before the loop sleeps again: at once, and one write for all answers of a turn. */
static void
print_soon(struct ctl *c, json_t *o)
{
	print(o);
	event_add(c->flush, &(struct timeval){0, 0});
}

static void
on_note(void *arg, const struct bmc_note *n)
{
	struct ctl *c = arg;

	if (c->verbose)
		print_soon(c, json_pack("{s:I,s:s,s:s,s:s}", "id", (json_int_t)n->id,
				  "note", n->kind, "bmc", n->bmc, "text", n->text));
}

static void
on_done(void *arg, uint64_t id, const struct bmc_result *r)
{
	struct target *t = arg;
	struct ctl *c = t->ctl;
	char flags[11];

	for (size_t i = 0; i < sizeof r->flags.raw; i++)
		snprintf(flags + 2 * i, 3, "%02x", r->flags.raw[i]);
	if (!c->quiet)
		print_soon(c,
		    json_pack("{s:I,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:i,s:i,s:i,s:I,s:i,s:"
			      "i,s:O*,s:O*,s:s}",
			"id", (json_int_t)id, "bmc", t->name, "code", r->err.code, "text",
			r->err.text, "did", r->did, "power", bmc_power_name(r->power),
			"why", r->why, "flags", r->flags.known ? flags : "", "cipher",
			r->cipher, "resends", r->n_resends, "sessions", r->n_sessions,
			"ms", (json_int_t)((clock_mono() - c->begin) / 1000),
			"manufacturer", (int)r->device.manufacturer, "product",
			r->device.product, "learned", r->learned, "answer", r->answer,
			"variant", r->variant != NULL ? r->variant : ""));
	c->ok += r->err.code[0] == '\0';
	c->resends += r->n_resends;
	c->sessions += r->n_sessions;
	if (--c->left == 0)
		event_base_loopbreak(c->base);
}

static const struct {
	const char *verb;
	struct bmc_question what;
} questions[] = {
    {"identify", {.kind = BMC_QUESTION_IDENTIFY, .seconds = 15}},
    {"sel", {.kind = BMC_QUESTION_SEL, .last = 20}},
    {"sel-clear", {.kind = BMC_QUESTION_SEL_CLEAR}},
    {"sensors", {.kind = BMC_QUESTION_SENSORS}},
    {"bmc-reset", {.kind = BMC_QUESTION_RESET}},
};

static uint64_t
order_override(struct ctl *c, struct target *t, enum bmc_boot boot)
{
	uint64_t id = bmc_override(c->engine, &c->bmc, boot, c->timeout, on_done, t);

	bmc_attempt(c->engine, id, c->attempt, NULL);
	return id;
}

static uint64_t
order_held(struct ctl *c, struct target *t)
{
	uint64_t id = bmc_power_on_seen(c->engine, &c->bmc, c->timeout, on_done, t);

	bmc_hold_override(c->engine, id, BMC_BOOT_PXE_EFI, c->attempt, NULL);
	return id;
}

static uint64_t
order(struct ctl *c, struct target *t)
{
	const struct bundle_bmc *b = &c->bmc;
	enum bmc_action action;

	for (size_t i = 0; i < ARRAY_SIZE(questions); i++)
		if (str_eq(c->verb, questions[i].verb))
			return bmc_ask(
			    c->engine, b, &questions[i].what, c->timeout, on_done, t);
	if (bmc_action_parse(c->verb, &action) == 0)
		return bmc_control(c->engine, b, action, on_done, t);
	if (str_eq(c->verb, "off-seen"))
		return bmc_power_off_seen(
		    c->engine, b, c->graceful, c->timeout, on_done, t);
	if (str_eq(c->verb, "off-asked"))
		return bmc_power_off_asked(c->engine, b, c->timeout, on_done, t);
	if (str_eq(c->verb, "on-seen"))
		return bmc_power_on_seen(c->engine, b, c->timeout, on_done, t);
	if (str_eq(c->verb, "override"))
		return order_override(c, t, BMC_BOOT_PXE_EFI);
	if (str_eq(c->verb, "override-bios"))
		return order_override(c, t, BMC_BOOT_PXE_BIOS);
	if (str_eq(c->verb, "on-held"))
		return order_held(c, t);
	if (str_eq(c->verb, "probe"))
		return bmc_probe(c->engine, b, c->timeout, on_done, t);
	if (str_eq(c->verb, "examine"))
		return bmc_examine(c->engine, b, false, c->timeout, on_done, t);
	if (str_eq(c->verb, "status"))
		return bmc_power_status(c->engine, b, on_done, t);
	fprintf(stderr, "bmcctl: no such verb: %s\n", c->verb);
	exit(1);
}

static void
add(struct ctl *c, const char *address, uint16_t port)
{
	struct target *t = str_alloc(sizeof *t);

	t->ctl = c;
	t->next = c->targets;
	c->targets = t;
	snprintf(t->name, sizeof t->name, "%s:%u", address, port);
	str_clip(c->bmc.address, sizeof c->bmc.address, address);
	c->bmc.port = port;
	for (unsigned i = 0; i < c->repeat; i++) {
		if (c->n_ids == CALLS_MAX)
			exit(1);
		c->ids[c->n_ids++] = order(c, t);
		c->left++;
	}
}

/* "127.0.0.2+100:9623" stands for a hundred addresses. */
static void
add_all(struct ctl *c, const char *text)
{
	char copy[BUNDLE_NAME_SIZE], *port, *plus, buf[ADDR_IP_TEXT];
	int64_t n = 1, p;
	struct addr_ip ip;

	str_clip(copy, sizeof copy, text);
	port = strrchr(copy, ':');
	if (port == NULL || str_to_i64(port + 1, 1, 65535, &p) < 0) {
		fprintf(stderr, "bmcctl: not ADDRESS[+COUNT]:PORT: %s\n", text);
		exit(1);
	}
	*port = '\0';
	plus = strchr(copy, '+');
	if (plus == NULL || str_to_i64(plus + 1, 1, CALLS_MAX, &n) < 0) {
		add(c, copy, (uint16_t)p);
		return;
	}
	*plus = '\0';
	if (addr_ip_parse(copy, &ip) < 0)
		exit(1);
	for (int64_t i = 0; i < n; i++) {
		add(c, addr_ip_text(&ip, buf, sizeof buf), (uint16_t)p);
		ip = addr_ip_make_v4(addr_ip_v4(&ip) + 1);
	}
}

static void
on_cancel(evutil_socket_t fd, short what, void *arg)
{
	struct ctl *c = arg;

	(void)fd;
	(void)what;
	for (size_t i = 0; i < c->n_ids; i++)
		bmc_cancel(c->engine, c->ids[i]);
	/* Their callbacks will not run; give their sessions the time to be closed. */
	event_base_loopexit(c->base, &(struct timeval){1, 500000});
}

static int64_t
number(const char *text)
{
	int64_t v;

	if (str_to_i64(text, 0, 1000000, &v) < 0) {
		fprintf(stderr, "bmcctl: not a number: %s\n", text);
		exit(1);
	}
	return v;
}

struct options {
	struct bmc_opts engine;
	int64_t cancel;
	bool names;
};

static void
parse_options(struct ctl *c, struct options *o, int argc, char **argv)
{
	int opt;

	while ((opt = getopt(argc, argv, "a:u:C:L:j:S:r:t:g:i:x:nvqD")) != -1) {
		switch (opt) {
		case 'a': c->attempt = (unsigned)number(optarg); break;
		case 'u': str_clip(c->bmc.user, sizeof c->bmc.user, optarg); break;
		case 'C': c->bmc.cipher = (int)number(optarg); break;
		case 'L':
			str_clip(c->bmc.privilege, sizeof c->bmc.privilege, optarg);
			break;
		case 'j': o->engine.in_flight = (unsigned)number(optarg); break;
		case 'S': o->engine.max_sessions = (unsigned)number(optarg); break;
		case 'r': c->repeat = (unsigned)number(optarg); break;
		case 't': c->timeout = number(optarg) * USEC_PER_SEC; break;
		case 'g': c->graceful = number(optarg) * USEC_PER_SEC; break;
		case 'i': o->engine.poll_interval = number(optarg) * USEC_PER_MSEC; break;
		case 'x': o->cancel = number(optarg) * USEC_PER_MSEC; break;
		case 'D':
			str_clip(c->bmc.boot_verify, sizeof c->bmc.boot_verify, "device");
			break;
		case 'n': o->names = true; break;
		case 'v': c->verbose = true; break;
		case 'q': c->quiet = true; break;
		default: exit(1);
		}
	}
	if (argc - optind < 2) {
		fprintf(stderr, "usage: bmcctl [options] VERB ADDRESS[+COUNT]:PORT...\n");
		exit(1);
	}
}

static void
run(struct ctl *c, const struct options *o, char **targets)
{
	struct log log = log_init("bmcctl", LOG_LEVEL_WARN);
	struct rng rng = rng_system();
	struct bmc_opts opts = o->engine;
	struct error err;
	struct event *cancel = NULL;

	opts.command_timeout = c->timeout;
	opts.note = on_note;
	opts.note_arg = c;
	opts.workq = o->names ? workq_new(c->base, 2) : NULL;
	c->engine = bmc_engine_new(c->base, &log, &rng, &opts, &err);
	if (c->engine == NULL)
		exit(1);
	for (; *targets != NULL; targets++)
		add_all(c, *targets);
	if (o->cancel > 0) {
		cancel = evtimer_new(c->base, on_cancel, c);
		event_add(cancel, &(struct timeval){o->cancel / USEC_PER_SEC,
				      o->cancel % USEC_PER_SEC});
	}
	event_base_dispatch(c->base);
	bmc_engine_free(c->engine);
	if (opts.workq != NULL)
		workq_free(opts.workq);
	if (cancel != NULL)
		event_free(cancel);
}

int
main(int argc, char **argv)
{
	struct ctl c = {
	    .bmc = {.user = "admin", .privilege = "operator", .boot_method = "pxe"},
	    .timeout = 20 * USEC_PER_SEC,
	    .attempt = 1,
	    .repeat = 1};
	struct options o = {.cancel = 0};
	struct rlimit rl;
	struct rusage ru;

	parse_options(&c, &o, argc, argv);
	str_clip(c.bmc.password, sizeof c.bmc.password,
	    getenv("BMC_PASSWORD") ? getenv("BMC_PASSWORD") : "");
	if (getenv("BMC_KG") != NULL && bundle_bmc_set_kg(&c.bmc, getenv("BMC_KG")) < 0)
		return 1;
	if (getenv("BMC_LEARNED") != NULL)
		c.bmc.learned = json_loads(getenv("BMC_LEARNED"), 0, NULL);
	if (getenv("BMC_MANNERS") != NULL)
		c.bmc.manners = json_loads(getenv("BMC_MANNERS"), 0, NULL);
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &rl);
	}
	c.verb = argv[optind];
	c.ids = str_alloc(CALLS_MAX * sizeof *c.ids);
	evthread_use_pthreads();
	c.base = event_base_new();
	c.flush = evtimer_new(c.base, on_flush, NULL);
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	c.begin = clock_mono();
	run(&c, &o, argv + optind + 1);
	getrusage(RUSAGE_SELF, &ru);
	print(json_pack("{s:i,s:i,s:i,s:i,s:I,s:I,s:I}", "calls", (int)c.n_ids, "ok",
	    (int)c.ok, "resends", (int)c.resends, "sessions", (int)c.sessions, "ms",
	    (json_int_t)((clock_mono() - c.begin) / 1000), "cpu_ms",
	    (json_int_t)((ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000 +
			 (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1000),
	    "rss_kb", (json_int_t)ru.ru_maxrss));
	event_free(c.flush);
	event_base_free(c.base);
	json_decref(c.bmc.learned);
	json_decref(c.bmc.manners);
	for (struct target *t = c.targets, *next; t != NULL; t = next) {
		next = t->next;
		free(t);
	}
	free(c.ids);
	return c.ok == c.n_ids ? 0 : 2;
}
