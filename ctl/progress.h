/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One job's life as seen from here: events and job documents in, changes out. Pure. */
#ifndef CTL_PROGRESS_H
#define CTL_PROGRESS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctl/ctl.h"
#include "ctl/text.h"
#include "lib/error.h"
#include "lib/id.h"
#include "lib/stage.h"

enum progress_state { PROGRESS_OPEN, PROGRESS_DONE, PROGRESS_FAILED, PROGRESS_CANCELLED };

enum progress_mark {
	PROGRESS_UNSEEN,
	PROGRESS_ENTERED,
	PROGRESS_CONFIRMED,
	PROGRESS_SKIPPED,
	PROGRESS_MISSED,
};

struct progress_stage {
	enum progress_mark mark;
	int64_t entered, left; /* wall; 0: not known */
	int64_t deadline_us;
	char evidence[256];
};

/* The file that is on its way to the host. */
struct progress_transfer {
	char file[256];
	int64_t bytes, total; /* total -1: not known */
	int64_t at;
	int64_t rate; /* octets a second; 0: not known */
};

struct progress {
	char id[ID_SIZE];
	char host[254];
	char kind[16];
	char image[254];
	int64_t created, ended;
	enum progress_state state;
	enum stage stage; /* entered last */
	int attempt;
	struct progress_stage stages[STAGE_COUNT];
	int64_t usual_us[STAGE_COUNT]; /* of this machine's past; 0: not known */
	struct progress_transfer transfer;
	struct error verdict; /* failed: why; cancelled: what had been done by then */
	bool verdict_stands;  /* it was told apart from the end, and is what is stored */
	char cancelled_by[64];
};

/* From a job document (docs/api.md), with or without its stages. */
void
progress_init(struct progress *p, const json_t *job);
/* Takes in what is new in a document or an event, and appends a plain line for each
 * change
 * ("edge01: kernel: confirmed after 4.1s: …"). What is known already, or older, changes
 * nothing, so both sources may overlap and repeat. */
void
progress_on_job(struct progress *p, const json_t *job, struct text *changes);
void
progress_on_event(struct progress *p, const json_t *event, struct text *changes);
/* From GET /why of the job: what is usual for the stages that have begun. */
void
progress_on_why(struct progress *p, const json_t *why);

#endif
