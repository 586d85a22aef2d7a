-- SPDX-License-Identifier: GPL-3.0-or-later
-- Images at sites: where operators want them, and what the sites' stores hold.

CREATE TABLE site_image (
	site TEXT NOT NULL REFERENCES site (name) ON DELETE CASCADE,
	image TEXT NOT NULL REFERENCES image (name) ON DELETE CASCADE,
	at BIGINT NOT NULL,
	by_whom TEXT NOT NULL,
	PRIMARY KEY (site, image)
);
CREATE INDEX site_image_image ON site_image (image);

-- A site is here once its agent has reported a store.
CREATE TABLE site_stock (
	site TEXT PRIMARY KEY REFERENCES site (name) ON DELETE CASCADE,
	-- Of what it should hold, as its agent knows it.
	version BIGINT NOT NULL,
	-- Octets that its file system has left; NULL: not told.
	free BIGINT,
	-- TRUE: its files are not the orchestrator's own.
	apart BOOLEAN NOT NULL,
	at BIGINT NOT NULL
);

-- What it holds, or is to hold, as it told last. `wanted` FALSE: an older file of a path that has a newer one now.
CREATE TABLE site_file (
	site TEXT NOT NULL REFERENCES site_stock (site) ON DELETE CASCADE,
	sha256 TEXT NOT NULL,
	path TEXT NOT NULL,
	size BIGINT NOT NULL,
	state TEXT NOT NULL CHECK (state IN ('waiting', 'fetching', 'held', 'failed')),
	got BIGINT NOT NULL,
	source TEXT NOT NULL,
	rate BIGINT NOT NULL,
	code TEXT,
	text TEXT,
	next TEXT,
	wanted BOOLEAN NOT NULL,
	PRIMARY KEY (site, sha256)
);

-- Rules on how much of its line may be used, one a line; NULL: none.
ALTER TABLE site ADD COLUMN caps TEXT;

-- Until when a queued job waits for its image to be at the site; NULL: it does not.
ALTER TABLE job ADD COLUMN image_until BIGINT;
CREATE INDEX job_waits ON job (image_until, id) WHERE image_until IS NOT NULL;

CREATE INDEX job_site_image ON job (site, created, image) WHERE image IS NOT NULL;
CREATE INDEX image_file_sha256 ON image_file (sha256);
