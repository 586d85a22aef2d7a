/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What proves a stage of a boot (DESIGN section 6, column "confirmed by").
 *
 * Entry points: run_proof_seen(), run_proof_implied(), run_proof_later(), and run_proof_rebooted() of a reboot.
 * Ownership: none.
 * Failure modes: none. Before the ticket is used nothing after the script is ever implied:
 * that an image was delivered is proven by its own transfers alone.
 */
#include "agent/run_proof.h"

#include <stdio.h>

#include "agent/bmc.h"

static uint32_t
all_initrds(const struct run *r)
{
	return ((1u << r->n_initrds) - 1) << 1;
}

static bool
files_complete(const struct run *r)
{
	uint64_t all = r->n_files >= 64 ? UINT64_MAX : (UINT64_C(1) << r->n_files) - 1;

	return (r->files & all) == all;
}

bool
run_proof_seen(const struct run *r)
{
	bool used = ticket_is_consumed(&r->ticket);

	switch ((int)r->stage) {
	case STAGE_KERNEL: return (r->loaded & 1) != 0 && (r->n_initrds > 0 || used);
	case STAGE_INITRD: return used && (r->loaded & all_initrds(r)) == all_initrds(r);
	case STAGE_ROOTFS: return files_complete(r);
	default: return r->signs[r->stage].seen;
	}
}

static bool
seen_between(const struct run *r, int first, int last)
{
	for (int s = first; s <= last; s++) {
		if (r->signs[s].seen)
			return true;
	}
	return false;
}

/* Was the present stage itself not seen, but a later one that cannot come without it?
 * bootd may have lost an event when it was killed, and iPXE may reuse the firmware's
 * lease without asking again. */
bool
run_proof_implied(const struct run *r)
{
	bool used = ticket_is_consumed(&r->ticket);
	int s = (int)r->stage;

	if (s <= STAGE_SCRIPT)
		return used || r->loaded != 0 || seen_between(r, s + 1, STAGE_KERNEL);
	if (!used)
		return false;
	switch (s) {
	case STAGE_KERNEL:
		if (r->n_initrds > 0 && (r->loaded & all_initrds(r)) == all_initrds(r))
			return true;
		/* fallthrough */
	case STAGE_INITRD:
		return r->files != 0 || seen_between(r, STAGE_OS_UP, STAGE_LOCAL_BOOT);
	case STAGE_ROOTFS:
		/* An installer may say that it is up before it fetches its files. */
		return seen_between(r,
		    run_planned(r, STAGE_INSTALLED) ? STAGE_INSTALLED : STAGE_OS_UP,
		    STAGE_LOCAL_BOOT);
	default: return seen_between(r, s + 1, STAGE_LOCAL_BOOT);
	}
}

const char *
run_proof_later(const struct run *r)
{
	for (int s = (int)r->stage + 1; s <= STAGE_LOCAL_BOOT; s++) {
		if (s == STAGE_INITRD && (r->loaded & all_initrds(r)) != all_initrds(r))
			continue;
		if (r->signs[s].seen && r->signs[s].evidence[0] != '\0')
			return r->signs[s].evidence;
	}
	return "";
}

/* The same cause again says nothing: it may be of the restart before. So does "unknown", which is what a BMC says that has
 * restarted itself. */
static bool
caused(const struct run *r)
{
	return r->cause != 0 && r->cause_now > BMC_RESTART_UNKNOWN + 1 &&
	       r->cause_now != r->cause;
}

bool
run_proof_may_ask(const struct run *r)
{
	return r->hook && r->cause != 0 && !r->asked && !r->off_seen && r->probe_down;
}

bool
run_proof_rebooted(const struct run *r)
{
	bool new = r->ident_now[0] != '\0';

	if (!new && ((!r->off_seen && !caused(r)) || r->ident[0] != '\0'))
		return false;
	if (r->os_by == RUN_PROOF_PROBE && !r->answers)
		return false;
	return r->probe_down || new;
}

bool
run_proof_hopeless(const struct run *r)
{
	return r->answers && r->ident[0] == '\0' &&
	       ((!r->off_seen && !caused(r)) || (r->blind && !r->probe_down));
}

void
run_proof_of_reboot(const struct run *r, char ret[RUN_EVIDENCE_SIZE])
{
	const char *silence = r->os_by != RUN_PROOF_PROBE ? ""
			      : r->probe_down ? "it fell silent, and the probe answers"
					      : "the probe answers";

	snprintf(ret, RUN_EVIDENCE_SIZE, "%s%s", r->off_seen ? "seen off, then on; " : "",
	    silence);
	if (caused(r))
		snprintf(ret, RUN_EVIDENCE_SIZE, "%s; last restarted by %s, before by %s",
		    silence, bmc_restart_name((uint8_t)(r->cause_now - 1)),
		    bmc_restart_name((uint8_t)(r->cause - 1)));
	if (r->ident_now[0] != '\0')
		snprintf(ret, RUN_EVIDENCE_SIZE, "%s%s%sboot id %.12s, was %.12s",
		    r->off_seen ? "seen off, then on; " : "", silence,
		    silence[0] != '\0' ? "; " : "", r->ident_now, r->ident);
}
