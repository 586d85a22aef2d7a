-- SPDX-License-Identifier: GPL-3.0-or-later
-- Nearby sites, whose netboot-bootd has image files, too.

-- In order. A document may name a site before it makes it.
CREATE TABLE site_peer (
	site TEXT NOT NULL REFERENCES site (name) ON DELETE CASCADE,
	ord INTEGER NOT NULL,
	peer TEXT NOT NULL REFERENCES site (name) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
	PRIMARY KEY (site, ord)
);
CREATE INDEX site_peer_peer ON site_peer (peer);
