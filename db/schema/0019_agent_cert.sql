-- SPDX-License-Identifier: GPL-3.0-or-later
-- Certificates that agents were given by the orchestrator's own authority, and the secrets by which a site's first one is
-- had. No key to site: what was given is remembered when the site is gone, and revoked with it.
CREATE TABLE agent_cert (
	-- Hexadecimal, as in the certificate.
	serial TEXT PRIMARY KEY,
	site TEXT NOT NULL,
	issued BIGINT NOT NULL,
	ends BIGINT NOT NULL,
	-- Who made the secret, or "renewal".
	issued_by TEXT NOT NULL,
	-- The certificate that this one was had with; NULL: it was had with a secret.
	renews TEXT,
	-- The agent's public key for what is sealed to it; NULL: it has none.
	seal_key TEXT,
	last_seen BIGINT,
	last_from TEXT,
	revoked BIGINT,
	revoked_by TEXT,
	revoked_why TEXT
);
CREATE INDEX agent_cert_site ON agent_cert (site, issued);

CREATE TABLE join_secret (
	-- Keyed: who reads the database has no secret.
	digest TEXT PRIMARY KEY,
	site TEXT NOT NULL,
	created BIGINT NOT NULL,
	created_by TEXT NOT NULL,
	expires BIGINT NOT NULL,
	-- Once; from which address, and for which certificate.
	used BIGINT,
	used_from TEXT,
	serial TEXT,
	-- SHA-256 of the request that it was used with: repeated, since its answer was lost, it is answered again.
	request TEXT,
	-- Withdrawn before it was used.
	withdrawn BIGINT
);
CREATE INDEX join_secret_site ON join_secret (site, created);
