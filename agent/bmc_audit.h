/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is unsafe about a BMC, judged by what a look at it has shown (bmc_look.h) and by how it is
 * configured here. Pure. */
#ifndef AGENT_BMC_AUDIT_H
#define AGENT_BMC_AUDIT_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/bundle.h"

/* outside: it was not asked, for its address; learned is NULL then.
 * [{"code","level":"fail"|"warn"|"info","text","next"}], the worst first; owned by the caller. Codes:
 *   cipher-0         it offers a suite without authentication: any password opens a session
 *   weak-suites      it offers others below 3, or of MD5, or without encryption
 *   cipher-0-listed  it lists suite 0, and refused it
 *   no-suite-17      only SHA-1
 *   suites-unknown   it does not tell, so the three above are open
 *   anonymous-login, null-user
 *   kg-missing       a password that was cracked is enough
 *   factory-user     the user is the one that the vendor made, or another one is
 *   ipmi-1.5         sessions without encryption
 *   administrator    the user may more than what is needed here
 *   outside-prefixes its address is none of the site's management prefixes
 *   no-prefixes      which these are is not said */
json_t *
bmc_audit_findings(const json_t *learned, const struct bundle_bmc *bmc, bool outside);

#endif
