/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How one BMC is to be treated: what is usual < what its vendor's row says < what a probe or a
 * job learned of it < what the host's owner says. Each value keeps where it is from. Pure. */
#ifndef AGENT_BMC_MANNERS_H
#define AGENT_BMC_MANNERS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/bmc.h"
#include "lib/compiler.h"
#include "lib/error.h"

/* In JSON each has the name of bmc_manners_name(); docs/bmc-manners.md has them all. */
enum bmc_manner {
	BMC_MANNER_WORKAROUNDS, /* bits of enum bmc_workaround */
	BMC_MANNER_VERIFY, /* enum bmc_verify: what read-back of the boot flags must show */
	BMC_MANNER_PARAMETER_3,	  /* enum bmc_parameter_3 */
	BMC_MANNER_PARAMETER_4,	  /* 1: sent, 0: not */
	BMC_MANNER_DISK_SELECTOR, /* second octet of the boot flags for a disk under UEFI */
	BMC_MANNER_AFTER_FLAGS,	  /* microseconds before they are read back */
	BMC_MANNER_AFTER_OFF,	  /* microseconds from "seen off" to what follows */
	BMC_MANNER_CYCLE_WHEN_OFF, /* enum bmc_when_off */
	BMC_MANNER_RESET_AS,	   /* enum bmc_reset_as */
	BMC_MANNER_COMMAND_GAP,	   /* microseconds, as in struct bmc_polite_rules */
	BMC_MANNER_SESSION_GAP,
	BMC_MANNER_SESSIONS_PER_MINUTE,
	BMC_MANNER_SESSION_LIMIT, /* sessions that it holds; 0: not known. We use one */
	BMC_MANNER_SOL_BAUD,	  /* bits a second; 0: as the BMC has it */
	BMC_MANNER_SOL_KEEPALIVE, /* 1: packets without contents while nothing is said */
	BMC_MANNER_VARIANTS, /* of the override, in order: enum bmc_variant, an octet each */
	BMC_MANNER_COUNT,
};

/* FreeIPMI's names. In sessions of ours "opensesspriv" alone makes a difference (the others are
 * of IPMI 1.5, of suites never used, or of requests never made); the "sol…" are for consoles. */
enum bmc_workaround {
	BMC_WORKAROUND_AUTHCAP = 1 << 0,
	BMC_WORKAROUND_INTEL20 = 1 << 1,
	BMC_WORKAROUND_SUPERMICRO20 = 1 << 2,
	BMC_WORKAROUND_SUN20 = 1 << 3,
	BMC_WORKAROUND_OPENSESSPRIV = 1 << 4,
	BMC_WORKAROUND_INTEGRITYCHECKVALUE = 1 << 5,
	BMC_WORKAROUND_NOCHECKSUMCHECK = 1 << 6,
	BMC_WORKAROUND_IPMIPING = 1 << 7,
	BMC_WORKAROUND_SOLPAYLOADSIZE = 1 << 8,
	BMC_WORKAROUND_SOLPORT = 1 << 9,
	BMC_WORKAROUND_SOLSTATUS = 1 << 10,
	BMC_WORKAROUND_SOLCHANNELSUPPORT = 1 << 11,
	BMC_WORKAROUND_SERIALALERTSDEFERRED = 1 << 12,
	BMC_WORKAROUND_SOLPACKETSEQ = 1 << 13,
};
enum bmc_verify { BMC_VERIFY_FULL, BMC_VERIFY_DEVICE };
enum bmc_parameter_3 { BMC_PARAMETER_3_08, BMC_PARAMETER_3_1F, BMC_PARAMETER_3_SKIP };
enum bmc_when_off { BMC_WHEN_OFF_ON, BMC_WHEN_OFF_SEND, BMC_WHEN_OFF_REFUSE };
enum bmc_reset_as { BMC_RESET_AS_RESET, BMC_RESET_AS_CYCLE };

/* How the override is done, where the machine did not come to the network after the one before. */
enum bmc_variant {
	BMC_VARIANT_NONE, /* the end of the list */
	BMC_VARIANT_ONCE, /* A0 04: as the specification has it */
	BMC_VARIANT_KEEP_1F, /* the same, parameter 3 = 1Fh: none of its reasons clears them */
	BMC_VARIANT_IN_PROGRESS, /* the same, between "set in progress" and "set complete" */
	BMC_VARIANT_BARE,	 /* the same, without parameters 3 and 4 */
	/* These only where the host's owner names them: the machine nets from then on, until the
	 * flags are cleared; or its firmware may take it for an order to boot as a BIOS does. */
	BMC_VARIANT_PERSISTENT, /* E0 04 */
	BMC_VARIANT_NO_EFI,	/* 80 04 */
	BMC_VARIANT_COUNT,
};

enum bmc_origin {
	BMC_ORIGIN_DEFAULT,
	BMC_ORIGIN_VENDOR,
	BMC_ORIGIN_LEARNED,
	BMC_ORIGIN_HOST,
};

struct bmc_manners {
	int64_t value[BMC_MANNER_COUNT];
	uint8_t origin[BMC_MANNER_COUNT];
	const char *source[BMC_MANNER_COUNT]; /* of a vendor's row, static; or NULL */
};

/* Member "device" of what was learned; false when there is none. */
bool
bmc_manners_device(const json_t *learned, struct bmc_device *ret);
/* What is usual. */
const struct bmc_manners *
bmc_manners_usual(void);
/* host: {"verify":"device", "command_gap_ms":500}; learned has the same as its member "manners";
 * both may be NULL. In learned, what is not understood is left out; in host it is an error, and *ret
 * is as if it were not there. dev NULL: the learned one; not known: no vendor's row. Returns 0, or -EINVAL with code "bmc-manners". */
int
bmc_manners_resolve(struct bmc_manners *ret, const struct bmc_device *dev,
    const json_t *learned, const json_t *host, struct error *err) MUST_CHECK;
const char *
bmc_manners_name(enum bmc_manner which);
const char *
bmc_manners_origin_name(
    enum bmc_origin origin); /* "default", "vendor", "learned", "host" */
const char *
bmc_manners_variant_name(enum bmc_variant v);
/* NONE: there is no such variant. */
enum bmc_variant
bmc_manners_variant_parse(const char *name);
/* {"verify":{"value":"full","from":"vendor","source":"…"}, …}; the caller owns it. */
json_t *
bmc_manners_to_json(const struct bmc_manners *m);
/* One value as in host documents; the caller owns it. */
json_t *
bmc_manners_value_json(enum bmc_manner which, int64_t value);
/* The variant for the n-th attempt (from 1): after the last it begins anew. */
enum bmc_variant
bmc_manners_variant(const struct bmc_manners *m, unsigned attempt);
/* May it be tried without the host's owner having named it? */
bool
bmc_manners_variant_free(enum bmc_variant v);
/* The list with v first and the others behind it. */
int64_t
bmc_manners_variant_first(int64_t list, enum bmc_variant v);

#endif
