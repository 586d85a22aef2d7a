-- SPDX-License-Identifier: GPL-3.0-or-later
-- When all agents of a site were shut out last, also those whose certificates this database does not know: it may be a
-- copy from before they were given. No key to site: a site of the same name is another one.
CREATE TABLE agent_shut (
	site TEXT PRIMARY KEY,
	at BIGINT NOT NULL
);
