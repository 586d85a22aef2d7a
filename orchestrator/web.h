/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The orchestrator's own address: what api.c needs of requests by TCP, and the listeners' set-up. */
#ifndef ORCHESTRATOR_WEB_H
#define ORCHESTRATOR_WEB_H

#include "lib/rest_server.h"
#include "orchestrator/access.h"
#include "orchestrator/orch.h"

/* Begins to listen where the configuration says. */
int
web_listen(struct orch *o, struct error *err) MUST_CHECK;
/* Are people shown a certificate of the own authority: where it listens beyond its machine and has none of a file? */
bool
web_is_own(const struct orch *o);
/* Shows them a new one, and when the next is due (wall). */
int
web_show(struct orch *o, int64_t *ret_renew, struct error *err) MUST_CHECK;
/* Once a minute: sessions with an open stream are in use, and others end. */
void
web_minute(struct orch *o);
/* api_allow() of one who came by TCP, with all that is known of the credentials. */
bool
web_allow(struct orch *o, struct rest_request *rq, struct access_grant *ret);
struct access_ask
web_ask(const struct rest_request *rq);
/* 401, 403 or 429 for a result that is not ACCESS_OK. */
void
web_refuse(struct orch *o, struct rest_request *rq, enum access_result result);
/* 403: the role `need` is what it takes. */
void
web_refuse_role(struct rest_request *rq, const struct audit_who *who, int need);
/* May the owner of this request open another stream? False: answered. */
bool
web_may_stream(struct rest_request *rq);

#endif
