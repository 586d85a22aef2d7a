-- SPDX-License-Identifier: GPL-3.0-or-later
-- Jobs that are handed to their agent in advance: each may begin from not_before until not_after. One that waits for its
-- time does not hold its host: the agent, which begins it, knows whether another one does.

ALTER TABLE job ADD COLUMN not_before BIGINT;
ALTER TABLE job ADD COLUMN not_after BIGINT;
DROP INDEX job_open_host;
CREATE UNIQUE INDEX job_open_host ON job (host) WHERE ended IS NULL AND not_before IS NULL;
CREATE INDEX job_open_any ON job (host) WHERE ended IS NULL;
