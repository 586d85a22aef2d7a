/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What may be asked of a host's BMC beside a job: the words that netboot-ctl, the REST interface and the
 * agents share. */
#ifndef LIB_BMC_VERB_H
#define LIB_BMC_VERB_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"

enum bmc_verb {
	BMC_VERB_POWER_STATUS,
	BMC_VERB_IDENTIFY,
	BMC_VERB_SENSORS,
	BMC_VERB_SEL,
	BMC_VERB_SEL_CLEAR,
	BMC_VERB_PROBE,
	BMC_VERB_SHOW, /* what is known of it; the BMC is not asked */
	BMC_VERB_AUDIT,
	BMC_VERB_RESET,
	BMC_VERB_RESUME, /* its circuit breaker is closed; the BMC is not asked */
	BMC_VERB_ROTATE, /* its user gets a new password */
};

enum {
	BMC_VERB_IDENTIFY_DEFAULT_S = 15,
	BMC_VERB_IDENTIFY_MAX_S = 255, /* IPMI 2.0 table 28-6 */
	BMC_VERB_IDENTIFY_ON = -1,     /* until it is told otherwise */
	BMC_VERB_SEL_DEFAULT = 100,    /* newest entries */
	BMC_VERB_SEL_MAX = 1000,
};

struct bmc_verb_info {
	const char *name; /* "power-status" */
	/* How long the agent may take over it, and how much longer its answer is waited for. */
	int64_t timeout_us;
	const char *audit; /* what it is called there; NULL: it changes nothing */
	bool destructive;  /* named and confirmed as destructive orders are */
	bool has_data;	   /* answers with more than a line */
	bool wants_reason; /* as what is destructive does */
};

/* Told to a site's agent, of no host: the stop because of refused passwords is over. */
#define BMC_VERB_SITE_RESUME "site-resume"

const struct bmc_verb_info *
bmc_verb_info(enum bmc_verb verb);
int
bmc_verb_parse(const char *name, enum bmc_verb *ret) MUST_CHECK; /* 0 or -EINVAL */

/* What a verb is told beside its host; those it does not know are refused. */
struct bmc_verb_args {
	int64_t identify_s; /* identify: 0: off; BMC_VERB_IDENTIFY_ON */
	int64_t last;	    /* sel: at most so many of the newest */
	bool only_read;	    /* bmc-probe, bmc-audit: does not try boot flags */
};
/* `v` may be NULL: all as usual. -EINVAL with *err. */
int
bmc_verb_args_from_json(enum bmc_verb verb, const json_t *v, struct bmc_verb_args *ret,
    struct error *err) MUST_CHECK;

#endif
