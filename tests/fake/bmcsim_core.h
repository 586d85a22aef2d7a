/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A simulated BMC: IPMI 2.0 over LAN with cipher suites 3 and 17 (and weak ones on request),
 * sessions, users, K_g, chassis power and boot options, event log, sensors and Serial over
 * LAN as the specification has them, and faults as real BMCs have them. Pure: packets and
 * the time come in, replies go out; bmcsim.c gives it sockets, simulations give it virtual
 * time. Shares no code with the engine it tests; its cryptography is OpenSSL's, not
 * FreeIPMI's. Nothing is allocated, and a copy of a struct bmcsim_bmc is another BMC. */
#ifndef TESTS_FAKE_BMCSIM_CORE_H
#define TESTS_FAKE_BMCSIM_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/rng.h"

enum {
	BMCSIM_PACKET_MAX = 512,
	BMCSIM_PAYLOAD_MAX = 272, /* of a session's packet, decrypted */
	BMCSIM_SLOTS_MAX = 8,
	BMCSIM_CACHE = 4, /* answers kept per session for repeated requests */
	BMCSIM_CACHED_MAX = 40,
	BMCSIM_USERS = 8,
	BMCSIM_KEY = 20,
	BMCSIM_SEL_MAX = 16,
	BMCSIM_SENSORS = 6,
	BMCSIM_SOL_CHARS = 196, /* in one SOL packet, each way */
	BMCSIM_HALF_OPEN_US = 10000000,
	BMCSIM_SESSION_US = 60000000,
	BMCSIM_FLAGS_US = 60000000,
	BMCSIM_CYCLE_US = 1000000,
	BMCSIM_REBOOT_US = 3000000,
	BMCSIM_LOCKOUT_US = 300000000,
};

enum bmcsim_control {
	BMCSIM_OFF,
	BMCSIM_ON,
	BMCSIM_CYCLE,
	BMCSIM_RESET,
	BMCSIM_DIAG,
	BMCSIM_SOFT,
	BMCSIM_CONTROLS,
};

/* All switchable at run time; all zero is a well-behaved BMC. Names are those of the
 * control socket (bmcsim_fault_names). */
struct bmcsim_faults {
	int dead;	  /* 1: answers nothing */
	int drop;	  /* percent of packets lost, each way */
	int delay_ms;	  /* before each reply */
	int busy;	  /* this many commands answer C0h; -1: all */
	int busy_control; /* 1: Chassis Control alone answers C0h */
	int busy_code;	  /* instead of C0h (C3h, C4h, D1h, D2h) */
	int d5; /* 1: D5h for cycle and reset when off, off when off, on when on */
	int refuse_options;  /* bit mask of boot option parameters refused with 80h */
	int drop_efi;	     /* 1: EFI bit of the boot flags lost */
	int drop_valid;	     /* 1: valid bit lost */
	int forget_at_off;   /* 1: boot flags cleared by power-off */
	int ignore_soft;     /* 1: soft shutdown accepted and ignored */
	int refuse_soft;     /* 1: soft shutdown answers CCh */
	int ignore_off;	     /* 1: hard off accepted and ignored */
	int lose_on;	     /* this many power-ons are accepted and lost */
	int off_ms;	     /* how long a hard off takes */
	int soft_ms;	     /* how long a soft shutdown takes */
	int on_ms;	     /* how long a power-on takes */
	int cycle_ms;	     /* how long a power cycle stays off, instead of 1 s */
	int lie;	     /* status always says 1: on, 2: off */
	int suites;	     /* bit 0: no suite 17; bit 1: no suite 3 */
	int suite_silent;    /* 1: an absent suite is not refused but ignored */
	int echo_level;	     /* 1: Open Session echoes level 0, as ipmi_sim */
	int open_level_keys; /* 1: HMACs keyed with Open Session's level (opensesspriv) */
	int rakp3_once;	     /* 1: a repeated RAKP 3 is not answered, as by ipmi_sim */
	int no_slots;	     /* 1: Open Session answers 01h */
	int refuse_control;  /* this completion code for Chassis Control (193 = C1h); not
				executed */
	int lose_reply;	     /* this many controls are executed and not answered */
	int control_c3;	     /* this many controls are executed and answered C3h */
	int lose_cmd; /* network function * 256 + command: executed once more, and not
				answered (resets itself) */
	int no_dedup; /* 1: a repeated rq_seq is executed again, as ipmi_sim does */
	int forget_session; /* 1: drop all sessions now (resets itself) */
	int level_limit;    /* Open Session answers this maximum level (2..4) */
	int no_caps; /* 1: Get Channel Authentication Capabilities is not answered */
	int bad_icv; /* 1: replies carry a wrong integrity code */

	/* the road */
	int garbage;	  /* percent of replies that arrive as something else */
	int garbage_kind; /* bits: 1 random octets, 2 truncated, 4 one bit flipped, 8 a wrong
			     length field, 16 octets appended; 0: any of them */
	int duplicate;	  /* percent of replies that arrive twice */
	int reorder;	  /* percent of replies that come reorder_ms late */
	int reorder_ms; /* instead of 150 */
	int malformed;	/* percent of answers within a session (and SOL packets) that are
			     sealed as they should be and have something else in them */
	int no_cause;	/* 1: no Get System Restart Cause (C1h) */
	int no_ping;	/* 1: no answer to the RMCP presence ping */

	/* life of the BMC */
	int reboot;	  /* 1: it reboots now (resets itself) */
	int reboot_after; /* it reboots at this command from now, unanswered */
	int reboot_ms;	  /* how long a reboot is silent, instead of 3 s */
	int reset_silent; /* 1: Cold Reset is not answered */
	int hold; /* at this command (network function * 256 + command) or message of the
				handshake (65536 + payload type) it falls silent, as by `dead` */
	int hold_skip;	     /* so many of them are let through before */
	int hold_done;	     /* 1: what it is held at is carried out, and not answered */
	int ff_ms;	     /* so long after a reboot commands answer FFh */
	int min_interval_ms; /* commands that come faster make it crash */
	int min_session_ms;  /* Open Sessions that come faster make it crash */
	int crash_ms;	     /* how long a crash is silent; 0: until revived */
	int revive;	     /* 1: ends the silence (resets itself) */
	int slow_ms;	     /* delay of the commands that slow_cmd names */
	int slow_cmd;	     /* network function * 256 + command; 0: all */

	/* sessions and users */
	int slots;	    /* session slots (1..8) instead of 4 */
	int leak_close;	    /* 1: Close Session is answered, and the slot stays taken */
	int session_ms;	    /* idle time-out of sessions instead of 60 s */
	int wrong_password; /* 1: the passwords are others than was configured */
	int wrong_kg;	    /* 1: another K_g than was configured */
	int lockout;	    /* a user is locked after so many failed handshakes */
	int lockout_ms;	    /* for so long, instead of 300 s */
	int weak;	    /* bits: suites 0, 1, 2, 15, 16 are offered and accepted */
	int authcap;	  /* this octet tells of users and K_g instead of the true one */
	int intel20;	  /* 1: user names must be, and are hashed, padded to 16 octets */
	int long_rakp2;	  /* 1: an octet too many in RAKP 2 (supermicro20) */
	int icv0;	  /* 1: RAKP 4 of suite 0 has an integrity code all the same */
	int bad_checksum; /* 1: wrong IPMI checksums in answers (nochecksumcheck) */
	int no_password20; /* 1: passwords of 20 octets are refused with 81h */
	int cut_password;  /* 1: passwords are cut to 16 octets and nothing is said */
	int keep_password; /* 1: Set User Password answers well and changes nothing */

	/* boot flags */
	int forget_flags;  /* 1: they are cleared now (resets itself) */
	int drop_efi_read; /* 1: EFI bit missing when they are read back only */

	/* Serial over LAN */
	int sol_drop; /* 1: SOL ends now, and says so; 2: silently (resets itself) */
	int sol_drop_after;   /* SOL ends after so many characters sent (resets itself) */
	int sol_stall;	      /* 1: nothing is sent or acknowledged any more */
	int sol_wrong_ack;    /* 1: acknowledges another number; 2: more than was sent */
	int sol_nack;	      /* 1: refuses characters: transfer unavailable */
	int sol_partial;      /* accepts at most so many characters of a packet */
	int sol_chunk;	      /* sends at most so many characters in a packet */
	int sol_payload_size; /* Activate Payload tells these sizes (solpayloadsize) */
	int sol_port;	      /* Activate Payload tells this port (solport) */
	int sol_no_status;    /* 1: no Get Payload Activation Status (solstatus) */
	int sol_no_support;   /* 1: no Get Channel Payload Support (solchannelsupport) */
	int sol_alerts; /* 1: Activate Payload wants alerts deferred (serialalertsdeferred) */
	int sol_stuck;	/* 1: the next packet is acknowledged only under another number
				 (solpacketseq; resets itself) */
	int sol_refuse; /* this completion code for Activate Payload */
};

struct bmcsim_counts {
	unsigned controls[BMCSIM_CONTROLS]; /* executed */
	unsigned repeats;		    /* requests answered from memory */
	unsigned opens, sessions; /* Open Sessions accepted, sessions activated */
	unsigned closed, dropped; /* by Close Session, by RAKP 3 with an error */
	unsigned unheard;	  /* came while dead */
	unsigned expired;	  /* slots freed by time */
	unsigned bad_auth;	  /* RAKP 3 with a wrong proof */
	unsigned rakp1;		  /* RAKP 1 seen */
	unsigned pxe_boots;	  /* power-ons that used PXE flags */
	unsigned bad_packets;
	unsigned starts;     /* of the machine, by whomever */
	unsigned commands;   /* answered, those from memory not among them */
	unsigned reboots;    /* ordered or not */
	unsigned held;	     /* fell silent at `hold` */
	unsigned crashes;    /* by commands that came too fast */
	unsigned locks;	     /* of users, after wrong passwords */
	unsigned sel_clears; /* erased by whomever */
	unsigned identifies;
	unsigned mangled;   /* replies made garbage */
	unsigned sol_opens; /* Activate Payload accepted */
	unsigned sol_refused;
	unsigned sol_ends;		  /* by whomever */
	unsigned sol_sent;		  /* characters of the machine, acknowledged */
	unsigned sol_lost;		  /* characters given up after all retries */
	unsigned sol_received;		  /* characters for the machine */
	unsigned sol_resent, sol_repeats; /* packets sent and received again */
	unsigned sol_breaks;
};

/* Where a packet came from, as the owner of the sockets knows it. `ip4` and `port` are what
 * Get Session Info tells. */
struct bmcsim_peer {
	uint8_t len, addr[28], ip4[4];
	uint16_t port;
};

struct bmcsim_user {
	char name[17];
	uint8_t password[BMCSIM_KEY];
	uint8_t level; /* 1 callback, 2 user, 3 operator, 4 administrator, 15 none */
	bool enabled, is_20, sol;
	uint8_t strikes;
	int64_t locked_until;
};

/* The serial port of the machine behind the BMC; NULL functions: nothing is connected. */
struct bmcsim_serial {
	/* Characters from the machine that wait. */
	size_t (*pending)(void *arg);
	/* Takes at most `max` of them. */
	size_t (*read)(void *arg, uint8_t *buf, size_t max);
	/* Characters for the machine; returns how many it took. */
	size_t (*write)(void *arg, const uint8_t *buf, size_t n);
	void (*on_break)(void *arg);
	void (*on_open)(void *arg, bool open);
	void *arg;
};

struct bmcsim_session {
	uint8_t state; /* 0 free, 1 opened, 2 RAKP 1 done, 3 active */
	uint8_t suite, open_level, role, level, limit;
	uint8_t uid; /* index of its user */
	uint32_t console_id, bmc_id;
	uint8_t console_random[16], bmc_random[16];
	char user[17];
	uint8_t sik[32], k1[32], k2[32];
	uint32_t tx, rx_highest, rx_seen;
	int64_t touched;
	struct bmcsim_peer peer;
	struct {
		bool used;
		uint8_t rq_seq, netfn, cmd, len;
		uint8_t reply[BMCSIM_CACHED_MAX];
	} cache[BMCSIM_CACHE];
	unsigned next_cache;
};

/* The one SOL instance; bmcsim_sol.c. */
struct bmcsim_sol {
	uint32_t session; /* BMC's id of the session that has it; 0: nobody */
	uint8_t tx, rx;	  /* numbers of the last packet sent and accepted, 1..15 */
	uint8_t taken;	  /* characters accepted of rx */
	uint8_t ack, ack_count, ack_flags;
	bool ack_due;
	uint32_t farewell; /* session to be told that it has ended; 0: none */
	uint8_t tries, out_len;
	uint8_t stuck_on;	       /* number that is not acknowledged any more */
	uint8_t out[BMCSIM_SOL_CHARS]; /* sent and not acknowledged */
	int64_t resend_at, batch_at;   /* 0: no */
	/* SOL configuration parameters 1 to 6 */
	uint8_t enable, auth, interval, threshold, retries, retry_10ms, rate,
	    volatile_rate;
};

struct bmcsim_bmc;
/* Power changes for a machine behind it; NULL: the power state is the BMC's own. `boot`
 * is "pxe", "disk", … or NULL to leave it alone. The machine's state comes back by
 * bmcsim_set_power(). */
typedef void (*bmcsim_chassis_fn)(void *arg, struct bmcsim_bmc *b,
    enum bmcsim_control what, const char *boot, bool efi, bool persistent);

/* What it says of itself. */
struct bmcsim_identity {
	uint8_t device, firmware_major, firmware_minor; /* minor in BCD */
	uint32_t manufacturer;				/* IANA number */
	uint16_t product;
	uint16_t port; /* where it is reached, for Activate Payload */
	uint8_t guid[16], ip4[4], mac[6];
};

struct bmcsim_sel {
	uint16_t next_id, reservation;
	uint8_t n;
	bool overflow;
	int64_t clock_offset; /* of the log's clock from `now`, in seconds */
	uint32_t added, erased;
	uint8_t entries[BMCSIM_SEL_MAX][16];
};

struct bmcsim_bmc {
	struct bmcsim_user
	    users[BMCSIM_USERS]; /* user id 1 first; bmcsim_init()'s is id 2 */
	uint8_t kg[BMCSIM_KEY];	 /* all zero: none */
	uint8_t limit;		 /* of the channel */
	struct rng rng;		 /* keys and ids */
	struct rng luck;	 /* faults that happen now and then */
	struct bmcsim_identity id;
	bmcsim_chassis_fn chassis;
	void *arg;
	struct bmcsim_serial serial;
	struct bmcsim_peer from; /* of the packet that bmcsim_input() is given */

	struct bmcsim_faults faults;
	struct bmcsim_counts counts;
	struct bmcsim_session sessions[BMCSIM_SLOTS_MAX];
	struct bmcsim_sol sol;
	struct bmcsim_sel sel;
	uint8_t readings[BMCSIM_SENSORS]; /* set from outside; 0: as the table has it */
	uint16_t sdr_reservation;
	bool power;
	int64_t off_at, on_at; /* pending changes; 0: none */
	uint8_t flags[5];
	int64_t flags_until; /* 0: for ever */
	uint8_t keep_flags, ack, restart_cause;
	int64_t identify_until;		 /* INT64_MAX: until told otherwise */
	int64_t silent_until, ff_until;	 /* after a reboot or crash */
	int64_t last_command, last_open; /* 0: none yet */
	int64_t reply_delay;		 /* of the last reply, in microseconds */
	bool reboot_due;
};

void
bmcsim_init(struct bmcsim_bmc *b, const char *user, const char *password, uint8_t limit,
    uint64_t seed);
/* User `id` (1..BMCSIM_USERS), enabled, with SOL; -EINVAL for a bad number or level, a name
 * longer than 16 or a password longer than 20 octets. */
int
bmcsim_set_user(struct bmcsim_bmc *b, unsigned id, const char *name, const char *password,
    uint8_t level);
/* Returns the reply's length in `reply` (BMCSIM_PACKET_MAX octets), 0 for none. It is due
 * b->reply_delay microseconds later. Then bmcsim_output() may have more to say. */
size_t
bmcsim_input(
    struct bmcsim_bmc *b, int64_t now, const uint8_t *pkt, size_t len, uint8_t *reply);
/* The next packet that is sent without having been asked for (SOL), its length or 0; to
 * `ret_to`. To be called until 0 after bmcsim_input() and bmcsim_tick(), and when the serial
 * port has something. */
size_t
bmcsim_output(
    struct bmcsim_bmc *b, int64_t now, uint8_t *pkt, struct bmcsim_peer *ret_to);
/* Carries out what has become due; returns when to come again, -1: no need. */
int64_t
bmcsim_tick(struct bmcsim_bmc *b, int64_t now);
/* What the machine itself did, or the script reported. */
void
bmcsim_set_power(struct bmcsim_bmc *b, bool on);
unsigned
bmcsim_slots_used(const struct bmcsim_bmc *b, bool active_only);
bool
bmcsim_sol_active(const struct bmcsim_bmc *b);
/* A record for the event log, 16 octets; its id and time are filled in. */
void
bmcsim_sel_add(struct bmcsim_bmc *b, int64_t now, const uint8_t record[16]);
void
bmcsim_sel_clear(struct bmcsim_bmc *b, int64_t now);

/* Sets the fault of that name; -EINVAL if there is none. */
int
bmcsim_set_fault(struct bmcsim_faults *f, const char *name, int value);
/* The name of the i-th fault and its value, NULL after the last. */
const char *
bmcsim_fault_name(const struct bmcsim_faults *f, size_t i, int *ret_value);
/* Sets what it says of itself, K_g or a sensor's reading by name; -EINVAL if there is no such
 * name or the value is not one. */
int
bmcsim_set_value(struct bmcsim_bmc *b, const char *name, const char *value);
/* One line of JSON. */
void
bmcsim_describe(struct bmcsim_bmc *b, char *buf, size_t size);

#endif
