-- SPDX-License-Identifier: GPL-3.0-or-later
-- Boots in the order in which they were recorded: their ids are made by agents, whose clocks may be set.

ALTER TABLE boot ADD COLUMN seq BIGINT NOT NULL DEFAULT 0;
UPDATE boot SET seq = n.seq FROM (SELECT id, row_number() OVER (ORDER BY id) AS seq FROM boot) AS n
	WHERE n.id = boot.id;
DROP INDEX boot_host;
CREATE UNIQUE INDEX boot_seq ON boot (seq);
CREATE INDEX boot_host ON boot (host, seq);
