-- SPDX-License-Identifier: GPL-3.0-or-later
-- What is to be told to webhooks. The event table is what is told of: a delivery names an event by its number, and is
-- written together with the number up to which events have been looked at, so that each is looked at once.

CREATE TABLE webhook (
	name TEXT PRIMARY KEY,
	delivered BIGINT NOT NULL,
	gave_up BIGINT NOT NULL,
	-- Not taken, since the queue was full.
	dropped BIGINT NOT NULL,
	last_ok BIGINT,
	last_failed BIGINT,
	last_error TEXT,
	-- The newest event when it was added: what is up to that one is not told to it.
	since BIGINT NOT NULL
);

CREATE TABLE webhook_cursor (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	seq BIGINT NOT NULL
);

-- Gone once it was delivered.
CREATE TABLE webhook_delivery (
	id TEXT PRIMARY KEY,
	webhook TEXT NOT NULL REFERENCES webhook (name) ON DELETE CASCADE,
	seq BIGINT NOT NULL,
	kind TEXT NOT NULL,
	host TEXT,
	state TEXT NOT NULL CHECK (state IN ('queued', 'gave-up')),
	created BIGINT NOT NULL,
	attempts INTEGER NOT NULL,
	tried BIGINT,
	error TEXT,
	UNIQUE (webhook, seq)
);
CREATE INDEX webhook_delivery_next ON webhook_delivery (webhook, state, seq);
