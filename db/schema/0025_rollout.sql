-- SPDX-License-Identifier: GPL-3.0-or-later
-- Orders on many hosts, carried out bit by bit, and what becomes of each host. Hosts, sites and schedules are named by text:
-- what was done outlives them.

CREATE TABLE rollout (
	id TEXT PRIMARY KEY,
	-- NULL: by hand.
	schedule TEXT,
	-- Which of the schedule's runs: what the clock on the wall shows, as if it were UTC, or the moment of one that goes by a fixed
	-- zone. NULL: by hand, or run-now.
	nominal BIGINT,
	kind TEXT NOT NULL,
	-- What each host gets, the policy and the rest of what was asked for, as JSON.
	doc TEXT NOT NULL,
	-- The selector as it was given; what it meant is in rollout_host.
	hosts TEXT NOT NULL,
	reason TEXT NOT NULL,
	by_whom TEXT NOT NULL,
	created BIGINT NOT NULL,
	state TEXT NOT NULL CHECK (state IN
		('waiting-approval', 'planned', 'running', 'paused', 'halted', 'done', 'aborted')),
	-- Why it halted, paused or was aborted.
	code TEXT,
	text TEXT,
	next TEXT,
	-- When it took that state, and who made it so where somebody did.
	changed BIGINT NOT NULL,
	changed_by TEXT,
	-- Of all hosts: the first opening and the last end; closes NULL: without end.
	opens BIGINT NOT NULL,
	closes BIGINT,
	started BIGINT,
	ended BIGINT,
	approved_at BIGINT,
	approved_by TEXT,
	-- Failures that whoever resumed it has taken into account.
	forgiven BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX rollout_open ON rollout (id) WHERE ended IS NULL;
CREATE INDEX rollout_schedule ON rollout (schedule, id) WHERE schedule IS NOT NULL;

CREATE TABLE rollout_host (
	rollout TEXT NOT NULL REFERENCES rollout (id) ON DELETE CASCADE,
	-- Its place in the order; batches are runs of it.
	n INTEGER NOT NULL,
	host TEXT NOT NULL,
	site TEXT NOT NULL,
	batch INTEGER NOT NULL,
	opens BIGINT NOT NULL,
	closes BIGINT,
	state TEXT NOT NULL CHECK (state IN
		('waiting', 'gate-before', 'job', 'gate-after', 'soak', 'ok', 'failed', 'skipped', 'deferred', 'lost')),
	-- Which of the jobs that each host gets in turn.
	step INTEGER NOT NULL DEFAULT 0,
	-- The last one.
	job TEXT,
	-- When it took that state.
	since BIGINT NOT NULL,
	code TEXT,
	text TEXT,
	next TEXT,
	PRIMARY KEY (rollout, n)
);
CREATE UNIQUE INDEX rollout_host_name ON rollout_host (rollout, host);
CREATE INDEX rollout_host_job ON rollout_host (job) WHERE job IS NOT NULL;

-- NULL: it was ordered alone.
ALTER TABLE job ADD COLUMN rollout TEXT;

-- One that was to begin when it was ordered, but not after a time, holds its host like one without a time.
DROP INDEX job_open_host;
CREATE UNIQUE INDEX job_open_host ON job (host)
	WHERE ended IS NULL AND (not_before IS NULL OR not_before <= created) AND origin = '';
