-- SPDX-License-Identifier: GPL-3.0-or-later
-- Jobs that were ordered at their site while the orchestrator could not be reached ('local'), told later. Whether a host was
-- free decided its agent, which knows of both: such a job may stand beside one that was handed out at the same time and
-- that the agent has yet to refuse.

ALTER TABLE job ADD COLUMN origin TEXT NOT NULL DEFAULT '';
DROP INDEX job_open_host;
CREATE UNIQUE INDEX job_open_host ON job (host) WHERE ended IS NULL AND not_before IS NULL AND origin = '';
