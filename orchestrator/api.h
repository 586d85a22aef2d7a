/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The REST interface (docs/api.md): its routes, and what the api_*.c files share. */
#ifndef ORCHESTRATOR_API_H
#define ORCHESTRATOR_API_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "db/db_boot.h"
#include "db/db_schedule.h"
#include "lib/rest_server.h"
#include "orchestrator/audit.h"
#include "orchestrator/orch.h"
#include "orchestrator/schedule_doc.h"

#define API_VERSION "0.1.0" /* of the program */

enum { API_LIMIT_DEFAULT = 200, API_LIMIT_MAX = 1000, API_ETAG_SIZE = 80 };

const struct rest_route *
api_routes(size_t *ret_n);

/* Every handler for people and programs begins with this: false, with 403 answered, when the peer may not. Those for
 * agents: agent_access.h. */
bool
api_allow(struct orch *o, struct rest_request *rq, struct audit_who *ret_who);

/* Problem details; the status follows from err's code. Takes errors (NULL allowed). */
void
api_refuse(struct rest_request *rq, const struct error *err, json_t *errors);
/* For an errno of the database; `doing` completes "cannot …". */
void
api_failed(struct orch *o, struct rest_request *rq, int rc, const char *doing);
/* Reads limit and cursor; false when answered. *ret_cursor may be NULL. */
bool
api_page(struct rest_request *rq, int64_t *ret_limit, const char **ret_cursor);
/* `reason` of the query ("" when there is none), which has the place of a body's where there is none; false when answered. */
bool
api_query_reason(struct rest_request *rq, const char **ret);
/* Answers {"items","next"}: takes items, of which there is one more than `limit` if more follow; the
 * cursor is the member `key` of the last one kept. */
void
api_reply_page(struct rest_request *rq, json_t *items, int64_t limit, const char *key);
void
api_etag(const char *kind, int64_t rev, char buf[API_ETAG_SIZE]);
/* False, with 412 answered, when If-Match was sent and does not match. */
bool
api_match(struct rest_request *rq, const char *etag);

/* Idempotency-Key: true when the request was answered from the record (or refused for it). */
bool
api_repeated(struct orch *o, struct rest_request *rq, const struct audit_who *who);
/* Records the answer under the request's key, if it has one. In the transaction of its effect. */
int
api_remember(struct orch *o, struct rest_request *rq, const struct audit_who *who,
    int status, const json_t *answer) MUST_CHECK;
/* Ends a transaction: commits if rc is 0, else rolls back; false, answered, when that failed. */
bool
api_commit(struct orch *o, struct rest_request *rq, int rc, const char *doing);
/* The hosts of a selector; false when answered (404 with the unknown ones, 400). */
bool
api_select(struct orch *o, struct rest_request *rq, const char *selector,
    struct store_names *ret);
/* At most n of them, sorted by name, after `cursor` (NULL: from the first), of one site (NULL: of any). */
bool
api_select_page(struct orch *o, struct rest_request *rq, const char *selector,
    const char *site, const char *cursor, int64_t n, struct store_names *ret);
/* 404 for a host, naming what may have been meant. */
void
api_host_unknown(struct orch *o, struct rest_request *rq, const char *name);

/* Sites, hosts and images; what they have in common is in api_object.c. */
struct api_kind {
	const char *name; /* "site" */
	const char *list; /* several of them, and their member of a document: "sites" */
	/* One as its GET shows it, with its ETag; *ret is owned by the caller. 0 or an errno of db.h. */
	int (*read)(
	    struct orch *o, const char *name, json_t **ret, char etag[API_ETAG_SIZE]);
	/* Answers 404. */
	void (*unknown)(struct orch *o, struct rest_request *rq, const char *name);
	/* For api_object_remove(): -ENOLINK while others refer to it, which in_use says. */
	int (*remove)(struct store *s, const char *name);
	/* After it was; or NULL. */
	void (*removed)(struct orch *o, const char *name);
	const char *in_use, *in_use_next;
};
extern const struct api_kind api_site_kind, api_host_kind, api_image_kind;

/* One as JSON, owned by the caller; NULL with the answer given. */
json_t *
api_object_find(struct orch *o, struct rest_request *rq, const struct api_kind *kind,
    const char *name, char etag[API_ETAG_SIZE]);
/* Answers with one, or says why not. */
void
api_object_reply(struct orch *o, struct rest_request *rq, const struct api_kind *kind,
    int status, const char *name);
void
api_object_get(struct orch *o, struct rest_request *rq, const struct api_kind *kind);
/* Answers with a page: `names` (emptied) holds one more than `limit` if more follow; `rc` is how finding
 * them went. */
void
api_object_list(struct orch *o, struct rest_request *rq, const struct api_kind *kind,
    int rc, struct store_names *names, int64_t limit);
void
api_object_patch(struct orch *o, struct rest_request *rq, const struct api_kind *kind);
void
api_object_remove(struct orch *o, struct rest_request *rq, const struct api_kind *kind);

/* A change of the inventory; see api_change.c. */
struct api_change_request {
	json_t *document;  /* taken */
	json_t *schedules; /* of it, apart from it: taken; or NULL */
	bool dry_run;
	bool must_add; /* POST of one object: refuse one that is there */
	const struct api_kind
	    *kind; /* of one object; NULL: POST /apply, answered with the changes */
	char name[254];
	const char *reason; /* borrowed from the request's body */
};
void
api_change(struct orch *o, struct rest_request *rq, const struct audit_who *who,
    const struct api_change_request *change);
/* POST of one object, the body. */
void
api_change_add(struct orch *o, struct rest_request *rq, const struct api_kind *kind);
/* PATCH of one object by the body (RFC 7396): `now` (taken) is what it is like. */
void
api_change_patch(struct orch *o, struct rest_request *rq, const struct audit_who *who,
    const struct api_kind *kind, json_t *now);
/* RFC 7396: null removes, objects are merged, the rest replaces. */
void
api_change_merge(json_t *target, const json_t *patch);
/* The body of a PATCH (borrowed), or NULL after a refusal. */
json_t *
api_change_patch_body(struct rest_request *rq);

rest_handler api_site_list, api_site_get, api_site_add, api_site_patch, api_site_delete;
rest_handler api_siteconf_get;
rest_handler api_host_list, api_host_get, api_host_add, api_host_patch, api_host_delete,
    api_host_lock, api_host_unlock;
rest_handler api_image_list, api_image_get, api_image_add, api_image_delete,
    api_image_verify;
/* Sites' stores of files. */
rest_handler api_store_report, api_store_blob, api_store_delta;
rest_handler api_image_place, api_image_unplace, api_image_status;
rest_handler api_apply_post, api_apply_export;
rest_handler api_job_add, api_job_list, api_job_get, api_job_cancel, api_job_retry;
rest_handler api_rollout_add, api_rollout_list, api_rollout_get, api_rollout_hosts,
    api_rollout_pause, api_rollout_resume, api_rollout_abort, api_rollout_retry_failed,
    api_rollout_approve;
rest_handler api_status_list, api_status_agents;
rest_handler api_agent_get, api_agent_enroll, api_agent_revoke;
/* The site's row of GET /agents, owned by the caller. 0 or an errno of db.h. */
int
api_status_agent(struct orch *o, const char *site, json_t **ret) MUST_CHECK;
rest_handler api_why_get;
rest_handler api_hold_get, api_hold_stop, api_hold_resume, api_hold_freeze,
    api_hold_unfreeze;
/* GET /stop, owned by the caller. 0 or an errno of db.h. */
int
api_hold_read(struct store *s, json_t **ret) MUST_CHECK;
/* Gives a site's document its member `frozen`. 0 or an errno of db.h. */
int
api_hold_put(struct store *s, const char *site, json_t *v) MUST_CHECK;
/* After the commit: tells agents and followers what became of the jobs. */
struct holds_effect;
void
api_hold_tell(struct orch *o, const struct holds_effect *e);
rest_handler api_bmc_ask, api_bmc_power, api_resume_site;
rest_handler api_gate_check;
/* A boot and its document, without stages and transfers, from any connection; -ENOENT. The document is the caller's. */
struct db_boot;
int
api_boot_read(
    struct store *s, const char *id, struct db_boot *boot, json_t **ret) MUST_CHECK;
rest_handler api_boot_list, api_boot_get;
rest_handler api_trace_get;
rest_handler api_drill_list, api_drill_get;
rest_handler api_event_list;
rest_handler api_console_take, api_console_get, api_console_newest, api_console_output,
    api_console_input, api_console_watch, api_console_type, api_console_list;
/* What is held of a boot's console, or null. */
json_t *
api_console_json(struct orch *o, const struct db_boot *boot);
rest_handler api_doctor_get;
rest_handler api_audit_list, api_audit_head, api_audit_verify, api_audit_export;
rest_handler api_token_add, api_token_list, api_token_delete;
rest_handler api_session_begin, api_session_get, api_session_end;
rest_handler api_discovered_list, api_discovered_get, api_discovered_adopt,
    api_discovered_forget;
rest_handler api_fleet_get;
/* What is known of a site's agent now, for status_rules_decide(). */
struct status_rules_site;
void
api_status_site(struct orch *o, const char *site, struct status_rules_site *ret);
rest_handler api_metrics_get;
rest_handler api_schedule_list, api_schedule_get, api_schedule_add, api_schedule_patch,
    api_schedule_delete, api_schedule_runs, api_schedule_next;
rest_handler api_schedule_pause, api_schedule_resume, api_schedule_skip_next,
    api_schedule_run_now;
/* A schedule that was read; api_schedule_done(). */
struct api_schedule {
	struct db_schedule row;
	struct schedule_doc *doc;
};
/* False with the answer given. */
bool
api_schedule_find(
    struct orch *o, struct rest_request *rq, const char *name, struct api_schedule *ret);
void
api_schedule_done(struct api_schedule *s);
/* May who let so many hosts be worked on as its limit allows? 0, or -EPERM with *err. */
int
api_schedule_token(struct orch *o, const struct audit_who *who,
    const struct schedule_doc *doc, struct error *err) MUST_CHECK;
/* May who order it for the hosts that it means now? 0; -EPERM or -EINVAL with *err; else the database, with *err. */
int
api_schedule_allowed(struct orch *o, const struct audit_who *who,
    const struct schedule_doc *doc, struct error *err) MUST_CHECK;
/* As GET shows it; owned by the caller. */
int
api_schedule_show(
    struct orch *o, const char *name, json_t **ret, char etag[API_ETAG_SIZE]) MUST_CHECK;
void
api_schedule_reply(struct orch *o, struct rest_request *rq, int status, const char *name);
rest_handler api_webhook_list, api_webhook_test;

#endif
