-- SPDX-License-Identifier: GPL-3.0-or-later
-- Inventory, jobs, what was observed, and who ordered what.
-- Times are UTC microseconds. Jobs, boots, events and audit rows name hosts and sites by text and
-- not by foreign key: history outlives the inventory.

CREATE TABLE site (
	name TEXT PRIMARY KEY,
	timezone TEXT NOT NULL,
	url TEXT NOT NULL,
	answer_unknown BOOLEAN NOT NULL,
	idle TEXT NOT NULL,
	-- Of the snapshot that agents hold: rises with every change of the site, its subnets and hosts.
	version BIGINT NOT NULL,
	-- Of the row, for ETag.
	rev BIGINT NOT NULL
);

CREATE TABLE subnet (
	site TEXT NOT NULL REFERENCES site (name) ON DELETE CASCADE,
	ord INTEGER NOT NULL,
	prefix TEXT NOT NULL,
	gateway TEXT,
	-- Addresses separated by a space.
	dns TEXT,
	pool_first TEXT,
	pool_last TEXT,
	lease_s BIGINT NOT NULL,
	domain TEXT,
	relay TEXT,
	PRIMARY KEY (site, ord),
	UNIQUE (site, prefix)
);

CREATE TABLE image (
	name TEXT PRIMARY KEY,
	kind TEXT NOT NULL,
	args TEXT NOT NULL,
	reports_up BOOLEAN NOT NULL,
	reports_installed BOOLEAN NOT NULL,
	reports_booted BOOLEAN NOT NULL,
	local_boot BOOLEAN NOT NULL,
	-- JSON object of stage to seconds.
	deadlines TEXT,
	rev BIGINT NOT NULL
);
CREATE INDEX image_kind ON image (kind, name);

CREATE TABLE image_file (
	image TEXT NOT NULL REFERENCES image (name) ON DELETE CASCADE,
	role TEXT NOT NULL CHECK (role IN ('kernel', 'initrd', 'file')),
	ord INTEGER NOT NULL,
	name TEXT NOT NULL,
	path TEXT NOT NULL,
	sha256 TEXT NOT NULL,
	size BIGINT NOT NULL,
	PRIMARY KEY (image, role, ord),
	UNIQUE (image, name)
);

CREATE TABLE host (
	name TEXT PRIMARY KEY,
	site TEXT NOT NULL REFERENCES site (name),
	uuid TEXT,
	serial TEXT,
	firmware TEXT NOT NULL,
	-- NULL: the site's.
	idle TEXT,
	local_boot TEXT NOT NULL,
	probe TEXT,
	image TEXT REFERENCES image (name),
	locked_at BIGINT,
	locked_by TEXT,
	locked_reason TEXT,
	rev BIGINT NOT NULL
);
CREATE INDEX host_site ON host (site, name);
CREATE INDEX host_image ON host (image) WHERE image IS NOT NULL;

-- A MAC address is one machine's everywhere; addresses may be used again at another site.
CREATE TABLE nic (
	host TEXT NOT NULL REFERENCES host (name) ON DELETE CASCADE,
	ord INTEGER NOT NULL,
	site TEXT NOT NULL,
	mac TEXT NOT NULL,
	ip TEXT,
	boot BOOLEAN NOT NULL,
	PRIMARY KEY (host, ord)
);
CREATE UNIQUE INDEX nic_mac ON nic (mac);
CREATE UNIQUE INDEX nic_ip ON nic (site, ip) WHERE ip IS NOT NULL;

CREATE TABLE bmc (
	host TEXT PRIMARY KEY REFERENCES host (name) ON DELETE CASCADE,
	site TEXT NOT NULL,
	address TEXT NOT NULL,
	port INTEGER NOT NULL,
	username TEXT NOT NULL,
	-- Sealed with the key outside of this file (lib/secret.h).
	password TEXT,
	privilege TEXT NOT NULL,
	cipher INTEGER NOT NULL,
	boot_method TEXT NOT NULL,
	boot_verify TEXT NOT NULL
);
CREATE UNIQUE INDEX bmc_address ON bmc (site, address, port);

CREATE TABLE label (
	host TEXT NOT NULL REFERENCES host (name) ON DELETE CASCADE,
	key TEXT NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY (host, key)
);
CREATE INDEX label_value ON label (key, value, host);

-- What was last seen of a host. Apart from the inventory: it changes with every packet.
CREATE TABLE host_state (
	host TEXT PRIMARY KEY,
	power TEXT,
	power_why TEXT,
	power_at BIGINT,
	last_seen BIGINT
);

CREATE TABLE job (
	id TEXT PRIMARY KEY,
	kind TEXT NOT NULL,
	host TEXT NOT NULL,
	site TEXT NOT NULL,
	image TEXT,
	reason TEXT NOT NULL,
	by_whom TEXT NOT NULL,
	created BIGINT NOT NULL,
	state TEXT NOT NULL
		CHECK (state IN ('queued', 'accepted', 'running', 'done', 'failed', 'cancelled')),
	stage TEXT NOT NULL,
	attempt INTEGER NOT NULL,
	-- When it was first handed to an agent: from then on only that agent can tell how it ends.
	sent BIGINT,
	-- The agent that accepted it.
	agent TEXT,
	boot TEXT,
	ended BIGINT,
	verdict_code TEXT,
	verdict_text TEXT,
	verdict_next TEXT,
	cancel_at BIGINT,
	cancel_by TEXT,
	cancel_reason TEXT,
	retry_of TEXT,
	-- The bundle as ordered, without the BMC's password: what runs is what was asked for, whatever
	-- happens to the inventory in the meantime.
	bundle TEXT NOT NULL,
	CHECK ((ended IS NULL) = (state IN ('queued', 'accepted', 'running')))
);
-- The last guard of "one job on a host": no code path can get around it.
CREATE UNIQUE INDEX job_open_host ON job (host) WHERE ended IS NULL;
CREATE INDEX job_open_site ON job (site, id) WHERE ended IS NULL;
CREATE INDEX job_host ON job (host, id);

CREATE TABLE attempt (
	job TEXT NOT NULL REFERENCES job (id),
	n INTEGER NOT NULL,
	began BIGINT NOT NULL,
	PRIMARY KEY (job, n)
);

CREATE TABLE job_stage (
	job TEXT NOT NULL REFERENCES job (id),
	attempt INTEGER NOT NULL,
	stage TEXT NOT NULL,
	state TEXT NOT NULL CHECK (state IN ('entered', 'confirmed', 'skipped', 'missed')),
	entered BIGINT,
	-- When it left `entered`, whichever way.
	ended BIGINT,
	deadline_us BIGINT,
	evidence TEXT,
	boot TEXT,
	-- Of the event that first told of it: the order in which stages came.
	seq BIGINT NOT NULL,
	PRIMARY KEY (job, attempt, stage)
);
CREATE INDEX job_stage_boot ON job_stage (boot) WHERE boot IS NOT NULL;

CREATE TABLE boot (
	id TEXT PRIMARY KEY,
	host TEXT NOT NULL,
	site TEXT NOT NULL,
	job TEXT,
	attempt INTEGER,
	planned BOOLEAN NOT NULL,
	cause TEXT,
	began BIGINT NOT NULL,
	ended BIGINT,
	outcome TEXT CHECK (outcome IN ('ok', 'failed', 'unknown', 'superseded')),
	note TEXT,
	image TEXT,
	arch TEXT
);
CREATE INDEX boot_host ON boot (host, id);

-- One row per spool that ever reported; the newest last_poll of a site is the one in charge.
CREATE TABLE agent (
	id TEXT PRIMARY KEY,
	site TEXT NOT NULL,
	first_seen BIGINT NOT NULL,
	last_seen BIGINT NOT NULL,
	-- Highest event number held durably.
	last_seq BIGINT NOT NULL,
	table_version BIGINT NOT NULL
);
CREATE INDEX agent_site ON agent (site, last_seen);

CREATE TABLE event (
	seq INTEGER PRIMARY KEY,
	at BIGINT NOT NULL,
	kind TEXT NOT NULL,
	site TEXT,
	host TEXT,
	mac TEXT,
	ip TEXT,
	arch TEXT,
	boot TEXT,
	job TEXT,
	file TEXT,
	bytes BIGINT,
	total BIGINT,
	reason TEXT,
	detail TEXT,
	-- NULL: the orchestrator's own.
	agent TEXT,
	agent_seq BIGINT
);
CREATE UNIQUE INDEX event_once ON event (agent, agent_seq) WHERE agent IS NOT NULL;
CREATE INDEX event_host ON event (host, seq) WHERE host IS NOT NULL;
CREATE INDEX event_job ON event (job, seq) WHERE job IS NOT NULL;
CREATE INDEX event_boot ON event (boot, seq) WHERE boot IS NOT NULL;
CREATE INDEX event_kind ON event (kind, seq);

CREATE TRIGGER event_no_update BEFORE UPDATE ON event
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER event_no_delete BEFORE DELETE ON event
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;

-- The answer to a POST that made something, kept so that repeating it makes nothing more.
CREATE TABLE idempotency (
	key TEXT NOT NULL,
	uid BIGINT NOT NULL,
	request TEXT NOT NULL,
	status INTEGER NOT NULL,
	answer TEXT NOT NULL,
	created BIGINT NOT NULL,
	PRIMARY KEY (uid, key)
);
CREATE INDEX idempotency_created ON idempotency (created);

-- hash is the SHA-256 of the row's members and of the hash before it.
CREATE TABLE audit (
	seq INTEGER PRIMARY KEY,
	at BIGINT NOT NULL,
	who TEXT NOT NULL,
	uid BIGINT NOT NULL,
	what TEXT NOT NULL,
	object TEXT NOT NULL,
	reason TEXT NOT NULL,
	result TEXT NOT NULL,
	detail TEXT NOT NULL,
	hash TEXT NOT NULL
);
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'audit rows are append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'audit rows are append-only'); END;
