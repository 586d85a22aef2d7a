-- SPDX-License-Identifier: GPL-3.0-or-later
-- Boots in full: who asked and from where, what was let go, what went over the wire; and what is known of a host's power, so that
-- a machine that somebody else switched off is told from one that we did. This file is SQLite's: another engine begins empty.

ALTER TABLE boot ADD COLUMN mac TEXT;
ALTER TABLE boot ADD COLUMN ip TEXT;
ALTER TABLE boot ADD COLUMN ip6 TEXT;
-- Of the firmware, as it names itself.
ALTER TABLE boot ADD COLUMN vendor_class TEXT;
-- The first file that it took whole as a loader.
ALTER TABLE boot ADD COLUMN loader TEXT;
-- Bits, in the order of db_boot_flags in db_boot.c.
ALTER TABLE boot ADD COLUMN flags BIGINT NOT NULL DEFAULT 0;
ALTER TABLE boot ADD COLUMN verdict_code TEXT;
ALTER TABLE boot ADD COLUMN verdict_text TEXT;
ALTER TABLE boot ADD COLUMN verdict_next TEXT;
-- JSON array of {role, name, sha256, size}; NULL: nothing was let go.
ALTER TABLE boot ADD COLUMN files TEXT;
-- Of its transfers.
ALTER TABLE boot ADD COLUMN octets BIGINT NOT NULL DEFAULT 0;
-- At most one is open on a host; looked for whenever the host is heard of.
CREATE UNIQUE INDEX boot_power_off ON boot (host) WHERE cause = 'power-off' AND ended IS NULL;

-- Kept as long as its boot: events are thinned out before.
CREATE TABLE transfer (
	boot TEXT NOT NULL REFERENCES boot (id) ON DELETE CASCADE,
	n INTEGER NOT NULL,
	protocol TEXT NOT NULL CHECK (protocol IN ('tftp', 'http')),
	class TEXT,
	file TEXT NOT NULL,
	ip TEXT,
	-- NULL: it was not seen (logs of a site's own servers tell of ends).
	began BIGINT,
	-- NULL: not yet, or it was not seen.
	ended BIGINT,
	octets BIGINT NOT NULL,
	total BIGINT,
	result TEXT,
	-- It was refused or broken off.
	failed BOOLEAN NOT NULL DEFAULT FALSE,
	reason TEXT,
	PRIMARY KEY (boot, n)
);
CREATE INDEX transfer_open ON transfer (boot, file) WHERE ended IS NULL;

-- The last power that was seen, on or off, whatever could not be told since.
ALTER TABLE host_state ADD COLUMN known TEXT;
-- The order that may have switched it off since it was seen on, and until when (by the orchestrator's clock) it may be about to.
ALTER TABLE host_state ADD COLUMN off_by TEXT;
ALTER TABLE host_state ADD COLUMN off_until BIGINT;
-- Until when a boot is the doing of an order of ours.
ALTER TABLE host_state ADD COLUMN start_until BIGINT;

-- Not where an order has been at the power since: what it did was not looked at.
UPDATE host_state SET known = power WHERE power = 'off' OR (power = 'on' AND NOT EXISTS (SELECT 1 FROM job
	WHERE job.host = host_state.host AND job.kind = 'power' AND job.created > coalesce(host_state.power_at, 0)));
UPDATE boot SET flags = 1 WHERE NOT planned AND cause = 'netboot';
UPDATE boot SET verdict_code = j.verdict_code, verdict_text = j.verdict_text, verdict_next = j.verdict_next
	FROM job AS j WHERE j.boot = boot.id AND j.verdict_code IS NOT NULL AND coalesce(boot.outcome, '') <> 'ok';
-- By the boot's own events: the empty text keeps the index of kinds out of it, which would walk all of a kind for each boot.
UPDATE boot SET
	mac = (SELECT e.mac FROM event AS e WHERE e.boot = boot.id AND e.mac IS NOT NULL ORDER BY e.seq LIMIT 1),
	ip = (SELECT e.ip FROM event AS e WHERE e.boot = boot.id AND e.kind || '' = 'dhcp4.ack' AND e.ip IS NOT NULL
		ORDER BY e.seq DESC LIMIT 1),
	ip6 = (SELECT e.ip FROM event AS e WHERE e.boot = boot.id AND e.kind || '' = 'dhcp6.reply' AND e.ip IS NOT NULL
		ORDER BY e.seq DESC LIMIT 1);
INSERT INTO transfer (boot, n, protocol, class, file, ip, began, ended, octets, total, result, failed, reason)
	SELECT boot, n, substr(kind, 1, 4), class, file, ip, at - took, at, bytes, total, result, kind LIKE '%.error', reason
	FROM (SELECT e.boot, row_number() OVER (PARTITION BY e.boot ORDER BY e.seq) AS n, e.kind,
		CASE WHEN e.kind LIKE 'tftp.%' THEN CASE WHEN e.file LIKE '%.ipxe' THEN 'script' ELSE 'loader' END ELSE json_extract(e.doc, '$.class') END AS class,
		coalesce(e.file, '') AS file, e.ip, e.at, json_extract(e.doc, '$.took_us') AS took,
		coalesce(e.bytes, 0) AS bytes, e.total, json_extract(e.doc, '$.result') AS result, e.reason
		FROM (SELECT *, CASE WHEN json_valid(detail) THEN detail END AS doc FROM event
			WHERE kind IN ('tftp.end', 'tftp.error', 'http.end', 'http.error')) AS e
		JOIN boot AS b ON b.id = e.boot) AS found
	WHERE n <= 1000;
UPDATE boot SET
	octets = (SELECT coalesce(sum(t.octets), 0) FROM transfer AS t WHERE t.boot = boot.id),
	loader = (SELECT t.file FROM transfer AS t WHERE t.boot = boot.id AND t.class = 'loader'
		AND t.result LIKE 'complete%' ORDER BY t.n LIMIT 1);
