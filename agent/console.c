/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The only user of libipmiconsole.
 *
 *	idle ─► resolving ─► opening ─► up
 *	  ▲         │           │        │
 *	  └─────────┴── wait ◄──┴────────┘      stopped: for good
 *
 * set_timer(), resolve(), submit() and on_readable() take the arrows; fall() those back.
 *
 * Entry points: console_open() and its like; on_readable() and on_timer() from the loop.
 * Ownership: a struct console owns its context and the descriptor, and reads what comes through console_pump.c, which does not let
 * the library wait for the loop. The library's threads have their own end of it: a NUL octet says that the console is established, the end of file that it is over, and why is asked
 * of the context then. So no callback of another thread is needed, and no lock.
 * Failure modes: each ends in down() with a reason; what may pass is tried again with growing pauses, as conman does.
 * A wrong password is not: BMCs lock accounts. The rules for BMCs (bmc_guest.h) are asked before each session, and
 * the address is looked at where it is known, behind the name. A thread of the library that hangs at the end is left behind.
 */
#include "agent/console.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <ipmiconsole.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent/bmc.h"
#include "agent/bmc_manners.h"
#include "agent/console_pump.h"
#include "lib/clock.h"
#include "lib/compiler.h"
#include "lib/str.h"
#include "lib/workq.h"

enum {
	THREADS = 2, /* 100 consoles take one or four threads alike (ipmi.md 2.3) */
	READS_PER_TURN = 4,
	READ_SIZE = 4096,
	SESSION_TIMEOUT_MS = 20000,
	KEEPALIVE_MS = 10000,
	ADDRESS_SIZE = INET6_ADDRSTRLEN + 10,
};
/* The BMCs' time to hear of the end. */
#define LEAVE (3 * USEC_PER_SEC)
/* Up for this long: the next failure is a new one. */
#define STEADY (60 * USEC_PER_SEC)

enum state { IDLE, RESOLVING, OPENING, UP, STOPPED };

struct console_engine {
	struct event_base *base;
	const struct log *log;
	struct rng *rng;
	struct workq *names;
	struct bmc_engine *bmc;	   /* or NULL */
	struct console_pump *pump; /* from the first session on */
	bool started;
};

/* Lives until its work is done, even if the console does not. */
struct lookup {
	struct console *c; /* NULL: nobody waits any more */
	char name[BUNDLE_NAME_SIZE];
	char address[INET6_ADDRSTRLEN];
	int family;
};

struct console {
	struct console_engine *e;
	const struct console_ops *ops;
	void *arg;
	struct bundle_bmc bmc;
	struct bmc_manners manners; /* of the session under way */
	bool steal;
	bool guest; /* a session of ours is there, as far as the engine knows */
	int64_t retry_first, retry_max, retry;
	enum state state;
	int suite;    /* to be tried, or in use */
	bool settled; /* that suite has worked */
	bool other_tried;
	int64_t up_at;
	ipmiconsole_ctx_t ctx;
	int fd; /* the library's, to write into */
	int in; /* the pump's, to read from */
	struct event *readable, *timer;
	struct lookup *lookup;
	bool in_callback, closed; /* freed when the callback is over */
};

/* libipmiconsole does not send the "IPMI ping" of IPMI 1.5 at all. */
static const struct {
	unsigned quirk;
	unsigned flag;
} quirk_flags[] = {
    {BMC_WORKAROUND_AUTHCAP, IPMICONSOLE_WORKAROUND_AUTHENTICATION_CAPABILITIES},
    {BMC_WORKAROUND_INTEL20, IPMICONSOLE_WORKAROUND_INTEL_2_0_SESSION},
    {BMC_WORKAROUND_SUPERMICRO20, IPMICONSOLE_WORKAROUND_SUPERMICRO_2_0_SESSION},
    {BMC_WORKAROUND_SUN20, IPMICONSOLE_WORKAROUND_SUN_2_0_SESSION},
    {BMC_WORKAROUND_OPENSESSPRIV, IPMICONSOLE_WORKAROUND_OPEN_SESSION_PRIVILEGE},
    {BMC_WORKAROUND_INTEGRITYCHECKVALUE,
	IPMICONSOLE_WORKAROUND_NON_EMPTY_INTEGRITY_CHECK_VALUE},
    {BMC_WORKAROUND_NOCHECKSUMCHECK, IPMICONSOLE_WORKAROUND_NO_CHECKSUM_CHECK},
    {BMC_WORKAROUND_SOLPAYLOADSIZE, IPMICONSOLE_WORKAROUND_IGNORE_SOL_PAYLOAD_SIZE},
    {BMC_WORKAROUND_SOLPORT, IPMICONSOLE_WORKAROUND_IGNORE_SOL_PORT},
    {BMC_WORKAROUND_SOLSTATUS, IPMICONSOLE_WORKAROUND_SKIP_SOL_ACTIVATION_STATUS},
    {BMC_WORKAROUND_SOLCHANNELSUPPORT,
	IPMICONSOLE_WORKAROUND_SKIP_CHANNEL_PAYLOAD_SUPPORT},
    {BMC_WORKAROUND_SERIALALERTSDEFERRED, IPMICONSOLE_WORKAROUND_SERIAL_ALERTS_DEFERRED},
    {BMC_WORKAROUND_SOLPACKETSEQ, IPMICONSOLE_WORKAROUND_INCREMENT_SOL_PACKET_SEQUENCE},
};

/* What each end of a session means. */
static const struct {
	int errnum;
	enum console_why why;
	bool suite; /* the other cipher suite may do */
} ends[] = {
    {IPMICONSOLE_ERR_SOL_STOLEN, CONSOLE_STOLEN, false},
    {IPMICONSOLE_ERR_SOL_INUSE, CONSOLE_IN_USE, false},
    {IPMICONSOLE_ERR_BMC_BUSY, CONSOLE_BUSY, false},
    {IPMICONSOLE_ERR_CIPHER_SUITE_ID_UNAVAILABLE, CONSOLE_NEVER, true},
    {IPMICONSOLE_ERR_BMC_ERROR, CONSOLE_SILENT, true},
    {IPMICONSOLE_ERR_BMC_IMPLEMENTATION, CONSOLE_SILENT, true},
    {IPMICONSOLE_ERR_CONNECTION_TIMEOUT, CONSOLE_SILENT, true},
    {IPMICONSOLE_ERR_SESSION_TIMEOUT, CONSOLE_SILENT, true},
    {IPMICONSOLE_ERR_IPMI_2_0_UNAVAILABLE, CONSOLE_NEVER, false},
    {IPMICONSOLE_ERR_USERNAME_INVALID, CONSOLE_NEVER, false},
    {IPMICONSOLE_ERR_PASSWORD_INVALID, CONSOLE_NEVER, false},
    {IPMICONSOLE_ERR_K_G_INVALID, CONSOLE_NEVER, false},
    {IPMICONSOLE_ERR_PRIVILEGE_LEVEL_INSUFFICIENT, CONSOLE_NEVER, false},
    {IPMICONSOLE_ERR_PRIVILEGE_LEVEL_CANNOT_BE_OBTAINED, CONSOLE_NEVER, false},
    {IPMICONSOLE_ERR_SOL_UNAVAILABLE, CONSOLE_NEVER, false},
    {IPMICONSOLE_ERR_SOL_REQUIRES_ENCRYPTION, CONSOLE_NEVER, false},
    {IPMICONSOLE_ERR_SOL_REQUIRES_NO_ENCRYPTION, CONSOLE_NEVER, false},
};

/* ---- engine ---- */

struct console_engine *
console_engine_new(struct event_base *base, const struct log *log, struct rng *rng,
    struct workq *names, struct bmc_engine *bmc)
{
	struct console_engine *e = str_alloc(sizeof(*e));

	e->base = base;
	e->log = log;
	e->rng = rng;
	e->names = names;
	e->bmc = bmc;
	return e;
}

static int
start(struct console_engine *e)
{
	if (!e->started && ipmiconsole_engine_init(THREADS, 0) < 0)
		return -errno;
	e->started = true;
	if (e->pump == NULL && (e->pump = console_pump_new()) == NULL)
		return -errno;
	return 0;
}

static void *
tear_down(void *arg UNUSED)
{
	ipmiconsole_engine_teardown(1);
	return NULL;
}

/* It waits for every BMC, a dead one's whole session timeout: not longer than LEAVE for us. */
void
console_engine_free(struct console_engine *e)
{
	int64_t end = clock_wall() + LEAVE;
	const struct timespec until = {end / USEC_PER_SEC, end % USEC_PER_SEC * 1000};
	pthread_t thread;

	if (e == NULL)
		return;
	console_pump_free(e->pump);
	if (e->started && pthread_create(&thread, NULL, tear_down, NULL) == 0) {
		if (pthread_timedjoin_np(thread, NULL, &until) != 0)
			pthread_detach(thread);
	}
	free(e);
}

/* ---- down ---- */

static void
set_timer(struct console *c, int64_t us)
{
	const struct timeval tv = {us / USEC_PER_SEC, us % USEC_PER_SEC};

	evtimer_add(c->timer, &tv);
}

/* The library tears the session down by itself when its descriptor is closed. */
static void
drop(struct console *c)
{
	if (c->readable != NULL)
		event_free(c->readable);
	c->readable = NULL;
	if (c->in >= 0)
		close(c->in);
	if (c->fd >= 0)
		close(c->fd);
	c->in = c->fd = -1;
	if (c->ctx != NULL)
		ipmiconsole_ctx_destroy(c->ctx);
	c->ctx = NULL;
	if (c->lookup != NULL)
		c->lookup->c = NULL;
	c->lookup = NULL;
	c->state = IDLE;
	if (c->guest)
		bmc_guest_has_ended(c->e->bmc, &c->bmc);
	c->guest = false;
}

static void
release(struct console *c)
{
	event_free(c->timer);
	bundle_bmc_wipe(&c->bmc);
	free(c);
}

static int64_t
next_pause(struct console *c, enum console_why why)
{
	int64_t pause;

	c->retry = c->retry == 0 ? c->retry_first : 2 * c->retry;
	/* Whoever has it works there: no hurry. Of one that was taken it is not known yet whether it is held: BMCs
	 * that end a console by themselves say the same. */
	if (c->retry > c->retry_max || why == CONSOLE_IN_USE)
		c->retry = c->retry_max;
	pause = c->retry;
	return pause - pause / 4 + (int64_t)rng_below(c->e->rng, (uint64_t)(pause / 2));
}

/* A suite that has not worked yet, perhaps because the BMC was away, is not what is tried first the next time. */
static void
begin_with_best(struct console *c)
{
	if (c->settled)
		return;
	c->suite = c->bmc.cipher != 0 ? c->bmc.cipher : 17;
	c->other_tried = false;
}

static void
fall(struct console *c, enum console_why why, const char *text)
{
	int64_t pause = -1;

	if (c->up_at != 0 && clock_mono() - c->up_at >= STEADY)
		c->retry = 0;
	c->up_at = 0;
	drop(c);
	begin_with_best(c);
	if (why == CONSOLE_NEVER) {
		c->state = STOPPED;
	} else {
		pause = next_pause(c, why);
		set_timer(c, pause);
	}
	c->ops->down(c->arg, why, text, pause);
}

static bool
try_other_suite(struct console *c, bool may_help)
{
	if (!may_help || c->settled || c->bmc.cipher != 0 || c->bmc.require_cipher != 0 ||
	    c->other_tried)
		return false;
	c->other_tried = true;
	c->suite = c->suite == 17 ? 3 : 17;
	drop(c);
	set_timer(c, 0);
	return true;
}

static bool
password_refused(int errnum)
{
	return errnum == IPMICONSOLE_ERR_PASSWORD_INVALID ||
	       errnum == IPMICONSOLE_ERR_USERNAME_INVALID;
}

static void
judge(struct console *c, bool refused)
{
	if (c->e->bmc != NULL)
		bmc_guest_was_judged(c->e->bmc, &c->bmc, refused);
}

/* The context's end of file. */
static void
on_end(struct console *c)
{
	int errnum = ipmiconsole_ctx_errnum(c->ctx);
	enum console_why why = c->state == UP ? CONSOLE_LOST : CONSOLE_SILENT;
	char text[CONSOLE_TEXT_SIZE];
	bool suite = false;

	/* Its "internal error" is a reader that was late (console_pump.c), or a packet that it makes nothing of. */
	str_clip(text, sizeof(text),
	    errnum == IPMICONSOLE_ERR_INTERNAL_ERROR
		? "the session was given up: more was said than could be taken, or what "
		  "cannot be read"
		: ipmiconsole_ctx_strerror(errnum));
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		if (ends[i].errnum != errnum)
			continue;
		suite = ends[i].suite;
		/* One that was up has all it takes, whatever ended it. */
		if (c->state != UP || ends[i].why == CONSOLE_STOLEN)
			why = ends[i].why;
	}
	if (c->state == OPENING && password_refused(errnum))
		judge(c, true);
	if (c->state == UP || !try_other_suite(c, suite))
		fall(c, why, text);
}

/* ---- up ---- */

static void
on_octets(struct console *c, const uint8_t *data, size_t len)
{
	if (c->state == OPENING) {
		/* The first one is the library's own: established. */
		c->state = UP;
		c->settled = true;
		c->steal = false;
		c->up_at = clock_mono();
		judge(c, false);
		data++;
		len--;
		c->ops->up(c->arg, c->suite);
	}
	if (len > 0 && !c->closed && c->state == UP)
		c->ops->data(c->arg, data, len);
}

static void
on_readable(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct console *c = arg;
	ipmiconsole_ctx_t ctx = c->ctx;
	uint8_t buf[READ_SIZE];

	c->in_callback = true;
	for (int i = 0; i < READS_PER_TURN && !c->closed && c->ctx == ctx; i++) {
		ssize_t n = read(c->in, buf, sizeof(buf));

		if (n > 0) {
			on_octets(c, buf, (size_t)n);
		} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
			on_end(c);
			break;
		} else {
			break;
		}
	}
	c->in_callback = false;
	if (c->closed)
		release(c);
}

static unsigned
workarounds(const struct console *c)
{
	unsigned flags = 0;

	for (size_t i = 0; i < ARRAY_SIZE(quirk_flags); i++) {
		if ((c->manners.value[BMC_MANNER_WORKAROUNDS] & quirk_flags[i].quirk) !=
		    0)
			flags |= quirk_flags[i].flag;
	}
	return flags;
}

static ipmiconsole_ctx_t
make_context(struct console *c, const char *address)
{
	struct ipmiconsole_ipmi_config ipmi = {
	    .username = c->bmc.user,
	    .password = c->bmc.password,
	    .k_g = c->bmc.kg_set ? c->bmc.kg : NULL,
	    .k_g_len = c->bmc.kg_set ? sizeof(c->bmc.kg) : 0,
	    .privilege_level = str_eq(c->bmc.privilege, "administrator")
				   ? IPMICONSOLE_PRIVILEGE_ADMIN
				   : IPMICONSOLE_PRIVILEGE_OPERATOR,
	    .cipher_suite_id = c->suite,
	    .workaround_flags = workarounds(c),
	};
	struct ipmiconsole_protocol_config protocol = {
	    .session_timeout_len = SESSION_TIMEOUT_MS,
	    .retransmission_timeout_len = 500,
	    .retransmission_backoff_count = 2,
	    .keepalive_timeout_len = KEEPALIVE_MS,
	    .retransmission_keepalive_timeout_len = 2500,
	    .acceptable_packet_errors_count = 16,
	    .maximum_retransmission_count = 16,
	};
	struct ipmiconsole_engine_config engine = {
	    .engine_flags = IPMICONSOLE_ENGINE_OUTPUT_ON_SOL_ESTABLISHED |
			    IPMICONSOLE_ENGINE_LOCK_MEMORY,
	    .behavior_flags = c->steal ? 0 : IPMICONSOLE_BEHAVIOR_ERROR_ON_SOL_INUSE,
	    .debug_flags = 0,
	};

	if (c->manners.value[BMC_MANNER_SOL_KEEPALIVE] != 0)
		engine.engine_flags |= IPMICONSOLE_ENGINE_SERIAL_KEEPALIVE_EMPTY;
	return ipmiconsole_ctx_create(address, &ipmi, &protocol, &engine);
}

/* 0, or -1 with the reason in text. */
static int
submit(struct console *c, const char *address, char text[CONSOLE_TEXT_SIZE])
{
	int r = start(c->e);

	if (r == 0 && (c->ctx = make_context(c, address)) == NULL)
		r = -errno;
	if (r < 0) {
		snprintf(text, CONSOLE_TEXT_SIZE, "cannot begin: %s", strerror(-r));
		return -1;
	}
	if (ipmiconsole_engine_submit(c->ctx, NULL, NULL) < 0 ||
	    (c->fd = ipmiconsole_ctx_fd(c->ctx)) < 0) {
		str_clip(text, CONSOLE_TEXT_SIZE, ipmiconsole_ctx_errormsg(c->ctx));
		return -1;
	}
	fcntl(c->fd, F_SETFD, FD_CLOEXEC);
	evutil_make_socket_nonblocking(c->fd);
	c->in = console_pump_take(c->e->pump, c->fd);
	if (c->in < 0) {
		snprintf(text, CONSOLE_TEXT_SIZE, "cannot begin: %s", strerror(-c->in));
		c->in = -1;
		return -1;
	}
	c->readable = event_new(c->e->base, c->in, EV_READ | EV_PERSIST, on_readable, c);
	event_add(c->readable, NULL);
	c->state = OPENING;
	return 0;
}

static void
begin(struct console *c, const char *ip, int family)
{
	char address[ADDRESS_SIZE], text[CONSOLE_TEXT_SIZE];
	struct addr_ip at;

	if (addr_ip_parse(ip, &at) < 0 || !bundle_bmc_may_reach(&c->bmc, &at)) {
		snprintf(text, sizeof(text),
		    "its address %.60s is in none of the site's networks for BMCs: its "
		    "password is not sent there",
		    ip);
		fall(c, CONSOLE_NEVER, text);
		return;
	}
	snprintf(address, sizeof(address), family == AF_INET6 ? "[%s]:%u" : "%s:%u", ip,
	    c->bmc.port);
	if (submit(c, address, text) < 0) {
		fall(c, CONSOLE_SILENT, text);
		return;
	}
	c->guest = c->e->bmc != NULL;
	if (c->guest)
		bmc_guest_has_begun(c->e->bmc, &c->bmc);
}

/* ---- names: the library would wait for them ---- */

/* Thread of the work queue. */
static void
lookup_work(void *arg)
{
	struct lookup *l = arg;
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM},
			*list = NULL;

	if (getaddrinfo(l->name, NULL, &hints, &list) == 0 &&
	    getnameinfo(list->ai_addr, list->ai_addrlen, l->address, sizeof(l->address),
		NULL, 0, NI_NUMERICHOST) == 0)
		l->family = list->ai_family;
	if (list != NULL)
		freeaddrinfo(list);
}

static void
lookup_done(void *arg)
{
	struct lookup *l = arg;
	struct console *c = l->c;

	if (c != NULL) {
		c->lookup = NULL;
		c->in_callback = true;
		if (l->family != 0)
			begin(c, l->address, l->family);
		else
			fall(c, CONSOLE_SILENT, "its name has no address");
		c->in_callback = false;
		if (c->closed)
			release(c);
	}
	free(l);
}

static void
resolve(struct console *c)
{
	struct lookup *l = str_alloc(sizeof(*l));

	str_clip(l->name, sizeof(l->name), c->bmc.address);
	l->c = c;
	if (c->e->names == NULL ||
	    workq_submit(c->e->names, lookup_work, lookup_done, l) < 0) {
		free(l);
		fall(c, CONSOLE_SILENT, "its name cannot be looked up now");
		return;
	}
	c->lookup = l;
	c->state = RESOLVING;
}

/* Not now? Then it is tried again, and told. */
static bool
held(struct console *c)
{
	char text[CONSOLE_TEXT_SIZE];
	int64_t wait;

	c->manners = *bmc_manners_usual();
	if (c->e->bmc == NULL)
		return false;
	bmc_guest_manners(c->e->bmc, &c->bmc, &c->manners);
	wait = bmc_guest_may_begin(c->e->bmc, &c->bmc, text, sizeof(text));
	if (wait <= 0)
		return false;
	set_timer(c, wait);
	if (text[0] != '\0')
		c->ops->down(c->arg, CONSOLE_HELD, text, wait);
	return true;
}

static void
on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct console *c = arg;
	char text[ADDR_IP_TEXT];
	struct addr_ip ip;

	if (c->state != IDLE)
		return;
	c->in_callback = true;
	if (held(c))
		;
	else if (addr_ip_parse(c->bmc.address, &ip) == 0)
		begin(c, addr_ip_text(&ip, text, sizeof(text)), ip.family);
	else
		resolve(c);
	c->in_callback = false;
	if (c->closed)
		release(c);
}

/* ---- what others ask for ---- */

struct console *
console_open(struct console_engine *e, const struct console_params *params,
    const struct console_ops *ops, void *arg)
{
	struct console *c = str_alloc(sizeof(*c));

	c->e = e;
	c->ops = ops;
	c->arg = arg;
	bundle_bmc_copy(&c->bmc, params->bmc);
	c->manners = *bmc_manners_usual();
	c->steal = params->steal;
	c->retry_first = params->retry_first;
	c->retry_max = params->retry_max;
	c->suite = c->bmc.cipher != 0 ? c->bmc.cipher : 17;
	c->in = c->fd = -1;
	c->timer = evtimer_new(e->base, on_timer, c);
	set_timer(c, 0);
	return c;
}

void
console_close(struct console *c)
{
	if (c == NULL)
		return;
	drop(c);
	evtimer_del(c->timer);
	c->closed = true;
	if (!c->in_callback)
		release(c);
}

bool
console_is_up(const struct console *c)
{
	return c != NULL && c->state == UP;
}

void
console_renew(struct console *c, const struct bundle_bmc *bmc)
{
	struct bundle_bmc old = c->bmc;

	bundle_bmc_copy(&c->bmc, bmc);
	if (bmc->cipher != old.cipher || bmc->require_cipher != old.require_cipher)
		c->settled = false; /* fall() begins with the best one, then */
	if (c->state != UP)
		begin_with_best(c);
	bundle_bmc_wipe(&old);
}

int
console_suite(const struct console *c)
{
	return c->suite;
}

size_t
console_write(struct console *c, const void *data, size_t len)
{
	ssize_t n;

	if (c->state != UP)
		return 0;
	n = send(c->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	return n < 0 ? 0 : (size_t)n;
}

void
console_break(struct console *c)
{
	if (c->state == UP && ipmiconsole_ctx_generate_break(c->ctx) < 0)
		log_warn(c->e->log, "console of %s: no break: %s", c->bmc.address,
		    ipmiconsole_ctx_errormsg(c->ctx));
}

void
console_pause(struct console *c, int64_t us)
{
	if (c->state == STOPPED)
		return;
	drop(c);
	c->up_at = 0;
	set_timer(c, us);
}

void
console_retry(struct console *c, bool steal)
{
	if (c->state != IDLE && c->state != STOPPED)
		return;
	c->steal = steal;
	c->retry = 0;
	c->state = IDLE;
	set_timer(c, 0);
}
