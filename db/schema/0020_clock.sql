-- SPDX-License-Identifier: GPL-3.0-or-later
-- Clocks of agents against this machine's, so that what they saw is recorded with the time that it was here.

-- What its agent's clock said, where `at` is another time. NULL: the same.
ALTER TABLE event ADD COLUMN said_at BIGINT;

-- As of the last event held: its clock's steps added up and its machine's restarts, both as its journal told them; and that
-- event's time as it was said and as it was recorded.
ALTER TABLE agent ADD COLUMN stepped BIGINT NOT NULL DEFAULT 0;
ALTER TABLE agent ADD COLUMN restarts BIGINT NOT NULL DEFAULT 0;
ALTER TABLE agent ADD COLUMN said_last BIGINT NOT NULL DEFAULT 0;
ALTER TABLE agent ADD COLUMN at_last BIGINT NOT NULL DEFAULT 0;

-- Measured last, for each run of an agent's machine: how far ahead its clock would be without its steps, and how exactly
-- that is known. Events that come late are of a run that is over.
CREATE TABLE agent_clock (
	agent TEXT NOT NULL,
	restarts BIGINT NOT NULL,
	base BIGINT NOT NULL,
	within BIGINT NOT NULL,
	measured BIGINT NOT NULL,
	PRIMARY KEY (agent, restarts)
);
