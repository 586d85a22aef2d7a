-- SPDX-License-Identifier: GPL-3.0-or-later
-- How long what was observed is kept. Events stay append-only, but for those up to a horizon that only goes forward, and
-- only behind a row of the audit record.

-- `kind`: all events, or one kind of them. `horizon`: the number of the last one that may go.
CREATE TABLE retention (
	kind TEXT PRIMARY KEY,
	horizon BIGINT NOT NULL
);
INSERT INTO retention (kind, horizon) VALUES ('events', 0), ('http.progress', 0), ('tftp.progress', 0);

CREATE TRIGGER retention_no_insert BEFORE INSERT ON retention
BEGIN SELECT RAISE(ABORT, 'horizons only move'); END;
CREATE TRIGGER retention_no_delete BEFORE DELETE ON retention
BEGIN SELECT RAISE(ABORT, 'horizons only move'); END;
CREATE TRIGGER retention_forward BEFORE UPDATE ON retention
WHEN NEW.kind <> OLD.kind OR NEW.horizon <= OLD.horizon
BEGIN SELECT RAISE(ABORT, 'horizons only move forward'); END;
CREATE TRIGGER retention_audited BEFORE UPDATE ON retention
WHEN NOT EXISTS (SELECT 1 FROM audit WHERE seq = (SELECT max(seq) FROM audit)
	AND what = 'retention.move' AND object = NEW.kind)
BEGIN SELECT RAISE(ABORT, 'a horizon moves behind its audit row'); END;

DROP TRIGGER event_no_delete;
CREATE TRIGGER event_no_delete BEFORE DELETE ON event
WHEN OLD.seq > coalesce((SELECT horizon FROM retention WHERE kind = 'events'), 0)
	AND OLD.seq > coalesce((SELECT horizon FROM retention WHERE kind = OLD.kind), 0)
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;

-- Which numbers had been given at that time, by this program's clock: what agents say of time does not decide what goes.
CREATE TABLE retention_mark (
	at BIGINT PRIMARY KEY,
	event_seq BIGINT NOT NULL,
	boot_seq BIGINT NOT NULL
);

CREATE INDEX job_ended ON job (ended, id) WHERE ended IS NOT NULL;

-- For statements that walked a table without them.
CREATE INDEX job_kind ON job (kind, id);
CREATE INDEX job_open ON job (id) WHERE ended IS NULL;
CREATE INDEX host_idle ON host (idle, site) WHERE idle IS NOT NULL;
CREATE INDEX bmc_at ON bmc (address, port, host);
-- With what the fleet shows of a host's newest boot in it, so that its row is not needed.
DROP INDEX boot_host;
CREATE INDEX boot_host ON boot (host, seq, id, flags);
