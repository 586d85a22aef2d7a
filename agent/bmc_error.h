/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From what a BMC answers, or does not, to the verdict that an operator reads. */
#ifndef AGENT_BMC_ERROR_H
#define AGENT_BMC_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/error.h"

enum bmc_fail {
	BMC_FAIL_NONE,
	BMC_FAIL_TIMEOUT,   /* silence */
	BMC_FAIL_NETWORK,   /* no such name, no route, no socket */
	BMC_FAIL_RESTART,   /* this session is spoiled: open another */
	BMC_FAIL_BUSY,	    /* try later */
	BMC_FAIL_CIPHER,    /* this cipher suite is not offered */
	BMC_FAIL_AUTH,	    /* user or password */
	BMC_FAIL_KEY,	    /* the password is right, K_g is not */
	BMC_FAIL_PRIVILEGE, /* user known, but not allowed this */
	BMC_FAIL_REFUSED,   /* completion or status code that repetition will not cure */
	BMC_FAIL_EFFECT,    /* a control was sent; whether it came through is not known */
	BMC_FAIL_NOT_KEPT,
	BMC_FAIL_NOT_OFF,
	BMC_FAIL_NOT_ON,
	BMC_FAIL_GRACEFUL, /* the system has not stopped by itself, and may not be forced */
	BMC_FAIL_NONE_CONFIGURED,
	BMC_FAIL_BREAKER, /* not asked: it did not answer the last times */
	BMC_FAIL_OUTSIDE, /* not asked: its address is none of the site's management prefixes */
	BMC_FAIL_LOCKOUT, /* not asked: too many others refused the password */
	BMC_FAIL_COUNT,
};

/* Verdict code ("bmc-auth", …; "" for NONE) and the word for power unknown(…). */
const char *
bmc_error_code(enum bmc_fail fail);
const char *
bmc_error_why(enum bmc_fail fail);
/* Fills *err with the verdict of `fail` at that BMC; fmt says what happened. */
void
bmc_error_set(struct error *err, enum bmc_fail fail, const char *bmc, const char *fmt,
    ...) PRINTF_LIKE(4, 5);

/* RMCP+ status code (table 13-15) to what to do, and in words. */
enum bmc_fail
bmc_error_of_status(uint8_t status);
const char *
bmc_error_status_text(uint8_t status);
/* Completion code (table 5-2) of an ordinary command. */
enum bmc_fail
bmc_error_of_completion(uint8_t code);
const char *
bmc_error_completion_text(uint8_t code);

#endif
