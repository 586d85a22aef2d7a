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
	added BIGINT NOT NULL
);
CREATE INDEX console_added ON console (added, boot);
CREATE INDEX console_host ON console (host, boot);

-- When it is recorded: off, or job (while one runs).
ALTER TABLE bmc ADD COLUMN console TEXT NOT NULL DEFAULT 'job';
