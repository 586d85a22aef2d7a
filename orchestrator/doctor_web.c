// SPDX-License-Identifier: GPL-3.0-or-later
/* Findings about the page's address: a default address that another program
 * has, a certificate that ends soon or that no browser trusts, nobody who could log in, tokens about to end.
 *
 * Entry point: doctor_web_scan(), on the loop; it reads the tokens, which are few. That tokens would cross a network
 * without TLS is no finding: such a configuration does not start (lib/rest_web.c).
 * Failure modes: a check that itself fails is a finding. */
#include "orchestrator/doctor_web.h"

#include <stdio.h>
#include <string.h>

#include "db/db_token.h"
#include "lib/clock.h"
#include "lib/rest_web.h"
#include "lib/str.h"
#include "orchestrator/access.h"
#include "orchestrator/web.h"

#define DAY_US (24LL * 3600 * USEC_PER_SEC)
#define CERTIFICATE_WARN_US (30 * DAY_US)
#define TOKEN_WARN_US (7 * DAY_US)

struct scan {
	int64_t now;
	doctor_web_add *add;
	void *arg;
	size_t alive, admins;
	bool told;
};

static void
on_token(void *arg, const struct db_token *t)
{
	struct scan *s = arg;
	char text[300], at[CLOCK_TEXT_SIZE];

	if (t->revoked || (t->expires && t->expires <= s->now))
		return;
	s->alive++;
	s->admins += access_role(t->role) == AUTH_ADMIN;
	if (!t->expires || t->expires - s->now > TOKEN_WARN_US)
		return;
	snprintf(text, sizeof(text), "token %s ends at %s", t->name,
	    clock_text(t->expires, at, sizeof(at)));
	s->add(s->arg, "warn", text, "make another one: netboot-ctl token add");
	s->told = true;
}

static void
check_certificate(struct scan *s, int64_t ends)
{
	char text[200], at[CLOCK_TEXT_SIZE];
	bool over = ends <= s->now;

	if (ends - s->now > CERTIFICATE_WARN_US)
		return;
	snprintf(text, sizeof(text), "the certificate %s at %s", over ? "ended" : "ends",
	    clock_text(ends, at, sizeof(at)));
	s->add(s->arg, over ? "fail" : "warn", text,
	    "put a new one into web.tls_cert, then systemctl reload "
	    "netboot-orchestrator");
	s->told = true;
}

void
doctor_web_scan(struct orch *o, int64_t now, doctor_web_add *add, void *arg)
{
	struct scan s = {.now = now, .add = add, .arg = arg};
	char text[ERROR_TEXT_SIZE + 20];

	if (o->config->web.n_listen == 0) {
		add(arg, "ok", "web.listen is empty: there is no page", "");
		return;
	}
	if (o->web_down.code[0]) {
		snprintf(text, sizeof(text), "there is no page: %s", o->web_down.text);
		add(arg, "warn", text,
		    "stop who has it, then systemctl restart netboot-orchestrator; or "
		    "say web.listen");
		return;
	}
	int rc = db_token_list(o->store, on_token, &s);
	if (rc < 0) {
		snprintf(
		    text, sizeof(text), "the check itself failed: %s", strerror(-rc));
		add(arg, "fail", text, "see the orchestrator's log");
		return;
	}
	check_certificate(&s, rest_web_certificate_ends(o->rest));
	if (web_is_own(o)) {
		add(arg, "warn",
		    "people are shown a certificate of the own authority, which no "
		    "browser trusts",
		    "name one that they trust in web.tls_cert; or give them "
		    "authority.pem, which is beside key_file: netboot-ctl --ca-file");
		s.told = true;
	}
	if (s.alive == 0)
		add(arg, "ok", "there is no token: nobody can log in to the page",
		    "netboot-ctl token add NAME --role operator --reason TEXT");
	else if (!s.told) {
		snprintf(text, sizeof(text), "%zu tokens, %zu of them for administration",
		    s.alive, s.admins);
		add(arg, "ok", text, "");
	}
}
