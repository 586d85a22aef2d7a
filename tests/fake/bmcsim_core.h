/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A simulated BMC: IPMI 2.0 over LAN with cipher suites 3 and 17, sessions, users,
 * chassis power and boot options as the specification has them, and faults as real BMCs
 * have them. Pure: packets and the time come in, a reply goes out; bmcsim.c gives it
 * sockets, simulations give it virtual time. Shares no code with the engine it tests; its
 * cryptography is OpenSSL's, not FreeIPMI's. */
#ifndef TESTS_FAKE_BMCSIM_CORE_H
#define TESTS_FAKE_BMCSIM_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/rng.h"

enum {
	BMCSIM_PACKET_MAX = 512,
	BMCSIM_SLOTS_MAX = 8,
	BMCSIM_CACHE = 4, /* answers kept per session for repeated requests */
	BMCSIM_HALF_OPEN_US = 10000000,
	BMCSIM_SESSION_US = 60000000,
	BMCSIM_FLAGS_US = 60000000,
	BMCSIM_CYCLE_US = 1000000,
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
	int no_dedup;	    /* 1: a repeated rq_seq is executed again, as ipmi_sim does */
	int forget_session; /* 1: drop all sessions now (resets itself) */
	int level_limit;    /* Open Session answers this maximum level (2..4) */
	int no_caps; /* 1: Get Channel Authentication Capabilities is not answered */
	int bad_icv; /* 1: replies carry a wrong integrity code */
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
};

struct bmcsim_session {
	uint8_t state; /* 0 free, 1 opened, 2 RAKP 1 done, 3 active */
	uint8_t suite, open_level, role, level, limit;
	uint32_t console_id, bmc_id;
	uint8_t console_random[16], bmc_random[16];
	char user[17];
	uint8_t sik[32], k1[32], k2[32];
	uint32_t tx, rx_highest, rx_seen;
	int64_t touched;
	struct {
		bool used;
		uint8_t rq_seq, netfn, cmd, len;
		uint8_t reply[64];
	} cache[BMCSIM_CACHE];
	unsigned next_cache;
};

struct bmcsim_bmc;
/* Power changes for a machine behind it; NULL: the power state is the BMC's own. `boot`
 * is "pxe", "disk", … or NULL to leave it alone. The machine's state comes back by
 * bmcsim_set_power(). */
typedef void (*bmcsim_chassis_fn)(void *arg, struct bmcsim_bmc *b,
    enum bmcsim_control what, const char *boot, bool efi, bool persistent);

struct bmcsim_bmc {
	char user[17], password[21];
	uint8_t limit; /* of the user: 2 user, 3 operator, 4 administrator */
	unsigned slots;
	struct rng rng;
	uint8_t guid[16];
	bmcsim_chassis_fn chassis;
	void *arg;

	struct bmcsim_faults faults;
	struct bmcsim_counts counts;
	struct bmcsim_session sessions[BMCSIM_SLOTS_MAX];
	bool power;
	int64_t off_at, on_at; /* pending changes; 0: none */
	uint8_t flags[5];
	int64_t flags_until; /* 0: for ever */
	uint8_t keep_flags, ack;
};

void
bmcsim_init(struct bmcsim_bmc *b, const char *user, const char *password, uint8_t limit,
    uint64_t seed);
/* Returns the reply's length in `reply` (BMCSIM_PACKET_MAX octets), 0 for none. */
size_t
bmcsim_input(
    struct bmcsim_bmc *b, int64_t now, const uint8_t *pkt, size_t len, uint8_t *reply);
/* Carries out what has become due; returns when to come again, -1: no need. */
int64_t
bmcsim_tick(struct bmcsim_bmc *b, int64_t now);
/* What the machine itself did, or the script reported. */
void
bmcsim_set_power(struct bmcsim_bmc *b, bool on);
unsigned
bmcsim_slots_used(const struct bmcsim_bmc *b, bool active_only);

/* Sets the fault of that name; -EINVAL if there is none. */
int
bmcsim_set_fault(struct bmcsim_faults *f, const char *name, int value);
/* One line of JSON. */
void
bmcsim_describe(struct bmcsim_bmc *b, char *buf, size_t size);

#endif
