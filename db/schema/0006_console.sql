-- SPDX-License-Identifier: GPL-3.0-or-later
-- Recordings of consoles. The octets are in files beside the database, named after the boot; what is held of each is
-- `size`, whatever its file says. A boot's row may come later than its recording.

CREATE TABLE console (
	boot TEXT PRIMARY KEY,
	host TEXT NOT NULL,
	site TEXT NOT NULL,
	began BIGINT NOT NULL,
	last BIGINT NOT NULL,
	size BIGINT NOT NULL,
	octets BIGINT NOT NULL,
	gaps BIGINT NOT NULL,
	truncated BIGINT NOT NULL,
	ended BIGINT NOT NULL,
	-- By the orchestrator's clock.
	added BIGINT NOT NULL,
	-- Of no boot, but of the time between jobs: the id is its own.
	always BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX console_added ON console (added, boot);
CREATE INDEX console_host ON console (host, boot);

-- When consoles are recorded: off, job (while one runs) or always; NULL: as the site has it.
ALTER TABLE bmc ADD COLUMN console TEXT;
ALTER TABLE site ADD COLUMN console TEXT NOT NULL DEFAULT 'job';
