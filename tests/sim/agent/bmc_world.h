/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The IPMI engine but for its sockets, simulated BMCs and the network between them, in virtual
 * time: what the simulations of the engine share. */
#ifndef TESTS_SIM_AGENT_BMC_WORLD_H
#define TESTS_SIM_AGENT_BMC_WORLD_H

#include "agent/bmc_pool.h"
#include "tests/fake/bmcsim_core.h"

enum { BMC_WORLD_BMCS = 6, BMC_WORLD_CALLS = 24, BMC_WORLD_EVENTS = 4096 };
struct vconn {
	struct bmc_call *call; /* NULL: released */
	unsigned bmc, generation;
	bool open;
	int64_t timer;
};

struct packet {
	int64_t at; /* 0: slot free */
	bool to_bmc, connected;
	unsigned conn, generation;
	size_t len;
	uint8_t data[BMC_PROTO_PACKET_MAX];
};

struct order {
	enum bmc_seq_kind kind;
	enum bmc_action action;
	unsigned bmc, n_done;
	bool cancelled, ok, downgrade, flags_again;
	const char *variant;
	json_t *learned; /* or the answer; owned */
	int cipher;
	char code[ERROR_CODE_SIZE];
	uint64_t id;
	int64_t deadline;
	struct world *world;
};

struct world {
	int64_t now;
	struct rng rng;
	unsigned loss, repeat, slow; /* percent */
	bool no_route;
	int64_t name_delay[BMC_WORLD_BMCS]; /* of resolving its name */
	struct bundle_bmc cfg;		    /* of the next order */
	struct bmc_question question;	    /* the same, of an ASK */
	bool hold;			    /* … of an ON_SEEN */
	unsigned attempt;		    /* … of an override */
	void (*each_step)(struct world *w); /* or NULL */
	struct bmcsim_bmc bmcs[BMC_WORLD_BMCS];
	struct bmcsim_counts before[BMC_WORLD_BMCS]; /* at the end of the previous call */
	bool was_on[BMC_WORLD_BMCS];
	int64_t changed_at[BMC_WORLD_BMCS];
	unsigned cancelled[BMC_WORLD_BMCS]
			  [2]; /* cycles and resets cancelled since then */
	struct vconn conns[BMC_WORLD_CALLS];
	unsigned n_conns;
	struct packet *packets;
	struct order orders[BMC_WORLD_CALLS];
	unsigned n_orders, left, n_downgrades;
	struct bmc_packet *packet;
	struct bmc_call_env env;
	struct bmc_pool *pool;
};

bool
bmc_world_chance(struct world *w, unsigned percent);
struct world *
bmc_world_new(uint64_t seed);
void
bmc_world_free(struct world *w);
/* An order for the BMC of that number, with w->cfg; its end is checked against the BMC's own state.
 * An ASK asks w->question. */
struct order *
bmc_world_submit(struct world *w, unsigned bmc, enum bmc_seq_kind kind,
    enum bmc_action action, int64_t timeout);
/* The next thing that happens anywhere; false when nothing is left. */
bool
bmc_world_step(struct world *w);
/* Until all orders have ended and all packets are gone. */
void
bmc_world_run(struct world *w);

#endif
