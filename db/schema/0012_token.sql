-- SPDX-License-Identifier: GPL-3.0-or-later
-- Tokens for people and programs that come by TCP, and the page's sessions. Of the secrets only keyed digests are
-- here. A row of a token is never deleted: its name stands in the audit, and its id keys other rows.
CREATE TABLE token (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	role TEXT NOT NULL,
	digest TEXT NOT NULL UNIQUE,
	created BIGINT NOT NULL,
	created_by TEXT NOT NULL,
	expires BIGINT,
	last_used BIGINT,
	revoked BIGINT
);

CREATE TABLE session (
	digest TEXT PRIMARY KEY,
	token INTEGER NOT NULL REFERENCES token (id),
	csrf TEXT NOT NULL,
	created BIGINT NOT NULL,
	last_used BIGINT NOT NULL,
	expires BIGINT NOT NULL
);
CREATE INDEX session_token ON session (token);
CREATE INDEX session_expires ON session (expires);
CREATE INDEX session_last_used ON session (last_used);
