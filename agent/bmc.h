/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The IPMI engine: what the job runner may ask of a BMC. Everything is asynchronous on
 * one libevent base; thousands of BMCs share one thread. Calls to the same BMC (address
 * and port) run one after the other, each in a session of its own that is closed
 * afterwards.
 *
 * A call returns an id (never 0) at once. Its callback runs exactly once, from the event
 * loop and never from inside the call, unless bmc_cancel() or bmc_engine_free() came
 * first: then it does not run any more. Inside a callback every function here but
 * bmc_engine_free() is allowed. */
#ifndef AGENT_BMC_H
#define AGENT_BMC_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/bundle.h"
#include "lib/error.h"
#include "lib/log.h"
#include "lib/rng.h"

struct bmc_engine;
struct event_base;
struct workq;

enum bmc_power { BMC_POWER_OFF, BMC_POWER_ON, BMC_POWER_UNKNOWN };
enum bmc_action {
	BMC_ACTION_OFF,
	BMC_ACTION_ON,
	BMC_ACTION_CYCLE,
	BMC_ACTION_RESET,
	BMC_ACTION_SOFT
};
/* What the boot flags shall ask for: one boot from the network, by UEFI or by BIOS, or from the disk; or
 * nothing any more, where they were persistent. */
enum bmc_boot {
	BMC_BOOT_PXE_EFI,
	BMC_BOOT_PXE_BIOS,
	BMC_BOOT_DISK_EFI,
	BMC_BOOT_NONE_EFI,
	BMC_BOOT_NONE_BIOS
};

const char *
bmc_power_name(enum bmc_power power); /* "off" | "on" | "unknown" */
const char *
bmc_action_name(enum bmc_action action); /* "off" | "on" | "cycle" | "reset" | "soft" */
int
bmc_action_parse(const char *s, enum bmc_action *ret) MUST_CHECK; /* 0 or -EINVAL */

/* Boot option parameter 5 as read back (IPMI 2.0 table 28-14). */
struct bmc_bootflags {
	bool known;
	bool valid, persistent, efi;
	uint8_t device; /* 4-bit selector; 1 = PXE */
	uint8_t raw[5];
};

/* Get Device ID (IPMI 2.0 table 20-2). */
struct bmc_device {
	bool known;
	uint32_t manufacturer; /* IANA enterprise number */
	uint16_t product;
	uint8_t fw_major, fw_minor; /* minor is BCD */
};

/* Get System Restart Cause (IPMI 2.0 28.11): what the BMC says last restarted the system. */
enum { BMC_RESTART_UNKNOWN = 0 };
struct bmc_restart {
	bool known; /* the BMC has told */
	uint8_t cause;
};
const char *
bmc_restart_name(uint8_t cause); /* "chassis control", …; what is reserved is "unknown" */

/* What became of a new password (bmc_ask). */
enum bmc_password {
	BMC_PASSWORD_NOT_SENT,
	BMC_PASSWORD_UNSURE, /* sent, and not answered, or not clearly */
	BMC_PASSWORD_TAKEN,
	BMC_PASSWORD_NOT_KEPT, /* answered well, and it is not what the BMC has; the old one was set again */
	BMC_PASSWORD_REFUSED,
};

/* err.code: "" (done as asked) or one of
 *   bmc-unreachable   no answer, no such name, or the BMC fell silent
 *   bmc-auth          user name or password refused; tried once, never repeated by itself
 *   bmc-cipher        the BMC offers neither of the allowed cipher suites
 *   bmc-privilege     the user may not do this
 *   bmc-busy          still busy, out of session slots, or not through with it, at the deadline
 *   bmc-refused       the command itself was refused (err.text has the completion code)
 *   override-not-kept the boot flags read back differ from those set
 *   power-not-off     still on at the deadline
 *   power-not-on      still off at the deadline
 *   graceful-timeout  still on at the deadline, and not to be forced
 *   no-bmc            the host has no BMC configured
 *   bmc-outside       not asked: its address is in none of bmc.only_in
 *   power-unconfirmed a cycle or reset, which is sent once and never again, was not answered,
 *                     nor was the cycle seen on the power
 *   bmc-breaker       not asked: its last calls ended unreachable or busy (err.text says
 *                     since when, why, and when it is tried again)
 *   bmc-lockout-stop  not asked: many BMCs here refused the password */
struct bmc_result {
	struct error err;
	char did
	    [48]; /* of a control that ended well: "cycle accepted", "it was off already" */
	/* Last state *seen* in this call, and no control accepted since; else UNKNOWN. */
	enum bmc_power power;
	char
	    why[16]; /* UNKNOWN because: auth|timeout|busy|refused; "" if not asked for */
	struct bmc_bootflags flags;
	const char *variant; /* of the override; static, or NULL: none was made */
	bool flags_again;    /* they were lost before the power-on, and set again */
	struct bmc_device device;
	struct bmc_restart restart; /* of bmc_probe_cause() */
	const json_t *learned; /* of bmc_examine(); only during the callback, or NULL */
	const json_t *answer;  /* of bmc_ask(); the same */
	int cipher;	       /* suite of the last session opened (17 or 3); 0: none */
	bool none_accepted;    /* of bmc_offer_none() */
	bool downgrade;	       /* suite 17 worked before and was refused or silent now */
	enum bmc_password password; /* of BMC_QUESTION_PASSWORD, however the call ended */
	uint8_t password_code;	    /* REFUSED: why */
	unsigned n_resends;	    /* packets sent again for want of an answer */
	unsigned n_sessions;	    /* sessions opened */
};

typedef void (*bmc_done_fn)(void *arg, uint64_t id, const struct bmc_result *res);

/* Something worth an event: kind is "ipmi.session", "ipmi.bootflags", "ipmi.control",
 * "ipmi.power", "ipmi.downgrade", "ipmi.breaker", "ipmi.lockout", "ipmi.resumed" or "ipmi.error"; text is a short sentence without secrets, printable
 * ASCII. Called from the loop; only valid during the call. */
struct bmc_note {
	uint64_t id; /* of the call */
	const char *kind;
	const char *bmc; /* "address:port" */
	const char *text;
	enum bmc_power power; /* for ipmi.power */
	bool busy;	      /* for ipmi.error: it has no session to spare, or no time */
};
typedef void (*bmc_note_fn)(void *arg, const struct bmc_note *note);

/* A call needs the only session of a BMC at which a guest has it: bmc_guest_may_begin(). */
typedef void (*bmc_evict_fn)(void *arg, const char *bmc);

/* Zero means the default, in brackets. */
struct bmc_opts {
	struct workq *workq; /* resolves host names; NULL: only literal addresses work */
	bmc_note_fn note;    /* or NULL */
	void *note_arg;
	unsigned in_flight; /* sessions under way that are being answered [1024] */
	unsigned
	    max_sessions; /* sessions (sockets) in all, silent BMCs' too [16384, or as the limit of
				  * open files allows] */
	int64_t command_timeout; /* for status, control and probe, microseconds [20 s] */
	int64_t poll_interval;	 /* between looks at the power state [2 s] */
	/* For each BMC; what its manners say may be slower. */
	int64_t command_gap;	      /* from an answer to the next command [0] */
	int64_t session_gap;	      /* from the end of a session to the next one [0] */
	unsigned sessions_per_minute; /* [0: any number] */
	unsigned breaker_after;	      /* failed calls in a row; UINT_MAX: never [5] */
	int64_t breaker_first, breaker_max; /* rest before a new try [30 s … 15 min] */
	bool jobs_wait; /* bmc_insist() does nothing: jobs respect the breaker too */
	/* More BMCs than this, and more than this share of those heard of within the window,
	 * refuse the password: no more sessions (UINT_MAX: never). */
	unsigned lockout_more_than, lockout_percent; /* [5] [20] */
	int64_t lockout_window;			     /* [10 min] */
};

/* `base`, `log` and `rng` are borrowed and outlive the engine; `opts` is copied (NULL:
 * defaults). NULL with *err filled if libgcrypt cannot be initialised. */
struct bmc_engine *
bmc_engine_new(struct event_base *base, const struct log *log, struct rng *rng,
    const struct bmc_opts *opts, struct error *err) MUST_CHECK;
/* Sends Close Session where a session is open, drops all calls. NULL allowed. */
void
bmc_engine_free(struct bmc_engine *e);

/* `bmc` is copied; the copy's password is wiped when the call ends. */

uint64_t
bmc_power_status(
    struct bmc_engine *e, const struct bundle_bmc *bmc, bmc_done_fn done, void *arg);
/* One chassis control, then one look at the state. `on` when on, `off` and `soft` when
 * off succeed without sending anything; `cycle` when off becomes `on`; `reset` when off
 * is bmc-refused. Does not wait for the effect: use the two functions below for that. */
uint64_t
bmc_control(struct bmc_engine *e, const struct bundle_bmc *bmc, enum bmc_action action,
    bmc_done_fn done, void *arg);
/* Until *seen* off: soft shutdown and up to `graceful` microseconds of waiting (0: skip),
 * then hard off, repeated while it stays on; fails with power-not-off at `timeout`
 * microseconds from now. */
uint64_t
bmc_power_off_seen(struct bmc_engine *e, const struct bundle_bmc *bmc, int64_t graceful,
    int64_t timeout, bmc_done_fn done, void *arg);
/* The same without a hard off: the system alone may switch it off. graceful-timeout at `timeout`; bmc-refused when
 * the BMC knows no soft shutdown. */
uint64_t
bmc_power_off_asked(struct bmc_engine *e, const struct bundle_bmc *bmc, int64_t timeout,
    bmc_done_fn done, void *arg);
/* The same without any order: until somebody else has switched it off. power-not-off at `timeout`. */
uint64_t
bmc_power_off_watched(struct bmc_engine *e, const struct bundle_bmc *bmc, int64_t timeout,
    bmc_done_fn done, void *arg);
/* Until *seen* on; a lost power-on is repeated. power-not-on at `timeout`. */
uint64_t
bmc_power_on_seen(struct bmc_engine *e, const struct bundle_bmc *bmc, int64_t timeout,
    bmc_done_fn done, void *arg);
/* Parameter 3 = 08h and 4 = 01 01 (refusals tolerated), 5 = A0|80 04 00 00 00, read back
 * and compared (valid, EFI, persistent, device; the device alone where bmc.boot_verify is "device"). Run it with the power off, and
 * bmc_power_on_seen() right after it: some BMCs forget the flags after 60 s whatever
 * parameter 3 says. */
uint64_t
bmc_override(struct bmc_engine *e, const struct bundle_bmc *bmc, enum bmc_boot boot,
    int64_t timeout, bmc_done_fn done, void *arg);
/* Before the next turn of the loop, of the call with this id: which attempt of the override it is,
 * from 1; each has another variant of those that the BMC's manners name (bmc_manners.h). `variant`: that
 * one instead, as bmc_result.variant names it; "": none is asked for. */
void
bmc_attempt(struct bmc_engine *e, uint64_t id, unsigned attempt, const char *variant);
/* The same for a bmc_power_on_seen() that follows an override: right before the power goes on the
 * flags are read again, unless that was seconds ago, and set again if they are lost. */
void
bmc_hold_override(struct bmc_engine *e, uint64_t id, enum bmc_boot boot, unsigned attempt,
    const char *variant);
/* The machine came to the network after the override of that name (bmc_result.variant): the next
 * one begins with it. */
void
bmc_override_worked(
    struct bmc_engine *e, const struct bundle_bmc *bmc, const char *variant);
/* Preflight: a session is opened; device id, power state and boot flags are read (the
 * first and the last may be refused). Changes nothing. */
uint64_t
bmc_probe(struct bmc_engine *e, const struct bundle_bmc *bmc, int64_t timeout,
    bmc_done_fn done, void *arg);

/* The same, and what last restarted the system, which may be refused too. */
uint64_t
bmc_probe_cause(struct bmc_engine *e, const struct bundle_bmc *bmc, int64_t timeout,
    bmc_done_fn done, void *arg);

/* The call is a job's own: it comes before those of others to its BMC that have not begun, goes through an
 * open circuit breaker as a try, and, where its BMC took the password the last time, is not held up by a
 * lockout stop. Before the next turn of the loop. */
void
bmc_insist(struct bmc_engine *e, uint64_t id);
/* Is all stopped because many BMCs refused the password? Then *ret says since when (wall) and how many;
 * else it is all 0. bmc_go_on() ends that, and notes "ipmi.resumed". */
struct agent_msg_stop;
bool
bmc_stopped(const struct bmc_engine *e, struct agent_msg_stop *ret);
void
bmc_go_on(struct bmc_engine *e);
/* An open circuit breaker is closed. False: it was not open. */
bool
bmc_close_breaker(struct bmc_engine *e, const struct bundle_bmc *bmc);

/* A thorough look, for the document `learned` (bmc_look.h): all of the probe, and cipher suites,
 * capabilities, sessions, boot options and SOL. Where no override is pending, boot flags that mean
 * nothing are set for a moment, to see which bits can be read back; with `only_read` they are not. */
uint64_t
bmc_examine(struct bmc_engine *e, const struct bundle_bmc *bmc, bool only_read,
    int64_t timeout, bmc_done_fn done, void *arg);

/* The same with the users that it has, for an audit; nothing is set. */
uint64_t
bmc_examine_users(struct bmc_engine *e, const struct bundle_bmc *bmc, int64_t timeout,
    bmc_done_fn done, void *arg);
/* Offers suite 0 in an Open Session without any credentials: result.none_accepted says whether the BMC
 * takes it, which lets anybody in. The session is not gone on with. bmc-unreachable: no answer. */
uint64_t
bmc_offer_none(struct bmc_engine *e, const struct bundle_bmc *bmc, int64_t timeout,
    bmc_done_fn done, void *arg);

/* What else may be asked of it; the answer is bmc_result.answer:
 *   identify   {"seconds"}
 *   sel        {"entries", "sel":[{"id","at","sensor_type","sensor","text","asserted","raw"}]}
 *   sel-clear  {"cleared"}: how many there were
 *   sensors    {"sensors":[{"name","number","type","value","unit","status","states"}],"skipped"}
 *   reset      {"answered"}: a cold reset was sent, once; it is not waited for here
 *   password   {}: the session's user gets a new one; bmc_result.password says what came of it, also when the
 *              call failed. Whether it is the BMC's is for another session to prove */
enum bmc_question_kind {
	BMC_QUESTION_IDENTIFY,
	BMC_QUESTION_SEL,
	BMC_QUESTION_SEL_CLEAR,
	BMC_QUESTION_SENSORS,
	BMC_QUESTION_RESET,
	BMC_QUESTION_PASSWORD,
};
struct bmc_question {
	enum bmc_question_kind kind;
	int64_t
	    seconds; /* identify: 0: off, negative: until told otherwise, else at most 255 */
	int64_t last;		       /* sel: how many of the newest */
	bool once;		       /* as of bmc_prove() */
	const char *user, *old, *next; /* password: borrowed until bmc_ask() returns */
};
uint64_t
bmc_ask(struct bmc_engine *e, const struct bundle_bmc *bmc,
    const struct bmc_question *what, int64_t timeout, bmc_done_fn done, void *arg);

/* Sessions of others in this process, the consoles, under the same rules (bmc_guest.h). 0: one may begin now, else
 * microseconds to wait, with the reason, "" if it is not worth a word. Between begun and ended one session counts as there. */
int64_t
bmc_guest_may_begin(
    struct bmc_engine *e, const struct bundle_bmc *bmc, char *text, size_t size);
void
bmc_guest_has_begun(struct bmc_engine *e, const struct bundle_bmc *bmc);
void
bmc_guest_has_ended(struct bmc_engine *e, const struct bundle_bmc *bmc);
/* The BMC took its password, or refused it. */
void
bmc_guest_was_judged(struct bmc_engine *e, const struct bundle_bmc *bmc, bool refused);
/* Who is told that a call needs the only session of a BMC, which a guest has. */
void
bmc_guest_on_evict(struct bmc_engine *e, bmc_evict_fn fn, void *arg);
/* How that BMC is to be treated, from all that is known. */
struct bmc_manners;
void
bmc_guest_manners(
    struct bmc_engine *e, const struct bundle_bmc *bmc, struct bmc_manners *ret);
/* Does the BMC take this password? Opens a session and looks at the power; bmc_result.n_sessions tells. With `once` there
 * is one attempt, and that it is refused is no news: it was to be found out, and counts for no lockout stop. */
uint64_t
bmc_prove(struct bmc_engine *e, const struct bundle_bmc *bmc, bool once, int64_t timeout,
    bmc_done_fn done, void *arg);

/* The call's callback will not run; its session is closed. Unknown ids are ignored. */
void
bmc_cancel(struct bmc_engine *e, uint64_t id);

#endif
