-- SPDX-License-Identifier: GPL-3.0-or-later
-- What drills have found: a machine of a site was booted into a live image and back to its disk, each stage measured. Hosts, sites,
-- rollouts and schedules are named by text: reports outlive them.

CREATE TABLE drill (
	-- That of the job which booted the live image.
	id TEXT PRIMARY KEY,
	rollout TEXT NOT NULL,
	-- NULL: by hand.
	schedule TEXT,
	site TEXT NOT NULL,
	host TEXT NOT NULL,
	image TEXT NOT NULL,
	-- The job that brought it back to its disk. NULL: there was none.
	back TEXT,
	began BIGINT NOT NULL,
	ended BIGINT NOT NULL,
	outcome TEXT NOT NULL CHECK (outcome IN ('ok', 'regression', 'failed')),
	-- Is it on its disk? untouched: it never left it.
	returned TEXT NOT NULL CHECK (returned IN ('yes', 'no', 'untouched')),
	-- Where it did not go on, and why.
	stuck TEXT,
	code TEXT,
	text TEXT,
	next TEXT,
	-- How long each stage took, and what was usual, as JSON.
	stages TEXT NOT NULL
);
CREATE INDEX drill_site ON drill (site, id);
CREATE INDEX drill_host ON drill (host, id);
CREATE INDEX drill_schedule ON drill (schedule, id) WHERE schedule IS NOT NULL;
