/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the knowledge of a BMC comes from and goes to.
 *
 * Three keep some: the pool's peer, from one call to the next, what the BMC itself told or did; the bundle,
 * what the orchestrator was told of it before and what the host's owner says; the table of vendors. A call
 * takes it when its turn has come, not when it was ordered, since the call before may have learned
 * something. Entry points: bmc_call_know_take() at the start, bmc_call_know_keep() at the end. The peer is
 * the pool's; documents are referred to by the call's own copy of the bundle. A mistake in the owner's
 * manners is an error to be told, and everything else of them holds.
 */
#include "agent/bmc_call_know.h"

#include "agent/bmc_guest.h"
#include "lib/str.h"

uint8_t
bmc_call_know_privilege(const struct bmc_call *c)
{
	return str_eq(c->bmc.privilege, "administrator") ? BMC_PRIVILEGE_ADMIN
							 : BMC_PRIVILEGE_OPERATOR;
}

bool
bmc_call_know_level_in_open(const struct bmc_call *c)
{
	return c->manners.value[BMC_MANNER_WORKAROUNDS] &
	       (BMC_WORKAROUND_OPENSESSPRIV | BMC_WORKAROUND_SUN20);
}

/* What is known of this BMC, now that its turn has come: from its last answers to us, from what the
 * orchestrator keeps of it, and from its owner. */
int
bmc_call_know_take(struct bmc_call *c, struct error *err)
{
	struct bmc_peer *peer = c->peer;
	int64_t *variants = &c->manners.value[BMC_MANNER_VARIANTS];
	int r;

	r = bmc_manners_resolve(&c->manners, peer->device.known ? &peer->device : NULL,
	    c->bmc.learned, c->bmc.manners, err);
	if (str_eq(c->bmc.boot_verify, "device")) {
		c->manners.value[BMC_MANNER_VERIFY] = BMC_VERIFY_DEVICE;
		c->manners.origin[BMC_MANNER_VERIFY] = BMC_ORIGIN_HOST;
	}
	if (peer->worked != BMC_VARIANT_NONE && bmc_manners_variant_free(peer->worked) &&
	    c->manners.origin[BMC_MANNER_VARIANTS] != BMC_ORIGIN_HOST) {
		*variants = bmc_manners_variant_first(*variants, peer->worked);
		c->manners.origin[BMC_MANNER_VARIANTS] = BMC_ORIGIN_LEARNED;
	}
	if (peer->best_suite == 0 && json_integer_value(json_object_get(c->bmc.learned,
					 "cipher")) == BMC_CALL_SUITE_BEST)
		peer->best_suite = BMC_CALL_SUITE_BEST;
	c->rules = bmc_guest_rules(&c->rules, &c->manners);
	c->seq.manners = &c->manners;
	c->seq.variant = c->variant != BMC_VARIANT_NONE
			     ? c->variant
			     : bmc_manners_variant(&c->manners, c->attempt);
	c->seq.flags_at = peer->flags_at;
	if (c->look != NULL)
		c->look->level = bmc_call_know_privilege(c);
	/* What an earlier look found is kept, as long as nobody else says more. */
	if (c->look != NULL &&
	    c->manners.origin[BMC_MANNER_COMMAND_GAP] == BMC_ORIGIN_LEARNED)
		c->look->pace.gap =
		    c->manners.value[BMC_MANNER_COMMAND_GAP] * USEC_PER_MSEC;
	/* Not every BMC shows that an override is pending; ours we know of. */
	if (c->look != NULL && peer->flags_at != 0)
		c->look->may_set = false;
	c->seq.look = c->look;
	c->seq.ask = c->ask;
	return r;
}

void
bmc_call_know_slow_down(struct bmc_call *c, bool lost)
{
	struct bmc_look_pace *pace;

	if (c->look == NULL)
		return;
	pace = &c->look->pace;
	pace->busy += !lost;
	pace->lost += lost;
	pace->gap = 2 * c->rules.command_gap;
	if (pace->gap < BMC_CALL_GAP_FIRST)
		pace->gap = BMC_CALL_GAP_FIRST;
	if (pace->gap > BMC_CALL_GAP_MAX)
		pace->gap = BMC_CALL_GAP_MAX;
	if (pace->gap > c->rules.command_gap)
		c->rules.command_gap = pace->gap;
}

/* What the next call to this BMC should know. */
void
bmc_call_know_keep(struct bmc_call *c, enum bmc_fail fail)
{
	struct bmc_peer *peer = c->peer;
	int64_t (*wall)(void) = c->env->wall;

	if (c->seq.device.known)
		peer->device = c->seq.device;
	peer->wrong_state |= c->seq.wrong_state;
	if (c->seq.kind == BMC_SEQ_OVERRIDE)
		peer->flags_at = fail == BMC_FAIL_NONE && c->seq.boot <= BMC_BOOT_DISK_EFI
				     ? c->seq.flags_at
				     : 0;
	else if (c->seq.kind == BMC_SEQ_CONTROL || c->seq.kind == BMC_SEQ_OFF_SEEN ||
		 c->seq.kind == BMC_SEQ_ON_SEEN)
		peer->flags_at = 0; /* a start uses them up, a power-off may */
	else if (c->ask != NULL && c->ask->what.kind == BMC_QUESTION_RESET)
		peer->flags_at = 0;
	if (c->seq.kind == BMC_SEQ_ASK && fail == BMC_FAIL_NONE)
		c->res.answer = c->learned = bmc_ask_json(c->ask);
	if (c->seq.kind != BMC_SEQ_EXAMINE || fail != BMC_FAIL_NONE)
		return;
	c->look->wrong_state = peer->wrong_state;
	c->look->before = json_object_get(c->bmc.learned, "wrong_state");
	c->learned = bmc_look_json(c->look, c->suite, wall != NULL ? wall() : 0);
	c->res.learned = c->learned;
}
