-- SPDX-License-Identifier: GPL-3.0-or-later
-- Where nothing new may be begun: everywhere (scope 'world'), or at a site (its name as 'site:NAME').

CREATE TABLE hold (
	scope TEXT PRIMARY KEY,
	at BIGINT NOT NULL,
	by_whom TEXT NOT NULL,
	reason TEXT NOT NULL
);

-- How many hosts one order by this token may name; NULL: as many as anybody's.
ALTER TABLE token ADD COLUMN max_hosts BIGINT;

-- What is cancelled by a hold or a lock, if it has not begun: its code. NULL: cancelled as people cancel jobs, begun or not.
ALTER TABLE job ADD COLUMN cancel_code TEXT;
-- How many are open of a kind.
CREATE INDEX job_open_kind ON job (kind) WHERE ended IS NULL;
