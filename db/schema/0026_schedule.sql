-- SPDX-License-Identifier: GPL-3.0-or-later
-- What is to be done again and again, or once later; and what became of each time.

CREATE TABLE schedule (
	name TEXT PRIMARY KEY,
	-- What, on which hosts, when and how, as JSON.
	doc TEXT NOT NULL,
	rev BIGINT NOT NULL,
	created BIGINT NOT NULL,
	created_by TEXT NOT NULL,
	changed BIGINT NOT NULL,
	changed_by TEXT NOT NULL,
	paused_at BIGINT,
	paused_by TEXT,
	paused_reason TEXT,
	-- This run is left out.
	skip BIGINT,
	-- The last run that was dealt with, whatever became of it, and the next (see rollout.nominal); NULL: none.
	last BIGINT,
	next BIGINT,
	-- When the next is to be looked at; NULL: never again.
	due BIGINT
);
CREATE INDEX schedule_due ON schedule (due) WHERE due IS NOT NULL;

CREATE TABLE schedule_run (
	schedule TEXT NOT NULL,
	nominal BIGINT NOT NULL,
	-- When that became of it.
	at BIGINT NOT NULL,
	-- Who ordered it besides its times; nominal is then when. NULL: its time came.
	by_whom TEXT,
	-- ran, or why not: missed, paused, skipped, blackout, held (its last rollout is halted), busy (… still runs), empty, refused.
	outcome TEXT NOT NULL,
	rollout TEXT,
	text TEXT,
	PRIMARY KEY (schedule, nominal)
);
