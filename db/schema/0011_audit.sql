-- SPDX-License-Identifier: GPL-3.0-or-later
-- Who, with which role and from where; what an object was like before and after.

-- Of what the hash covers: 1 are the rows from before this file.
ALTER TABLE audit ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE audit ADD COLUMN role TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN origin TEXT NOT NULL DEFAULT '';
-- JSON: the members that differ; "" where there is nothing to tell.
ALTER TABLE audit ADD COLUMN before TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN after TEXT NOT NULL DEFAULT '';

CREATE INDEX audit_object ON audit (object, seq);
CREATE INDEX audit_who ON audit (who, seq);
CREATE INDEX audit_what ON audit (what, seq);
CREATE INDEX audit_who_what ON audit (who, what, seq);

-- REPLACE deletes without asking the trigger that keeps rows.
CREATE TRIGGER audit_in_order BEFORE INSERT ON audit
WHEN NEW.seq <= (SELECT max(seq) FROM audit)
BEGIN SELECT RAISE(ABORT, 'audit rows are append-only'); END;
